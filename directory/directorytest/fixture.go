// Package directorytest helps tests of the directory: identities and a genesis that are the same in every run, so that
// formats can be held by their bytes.
package directorytest

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Identity returns the identity of a number. It is no secret.
func Identity(n byte) *identity.Private {
	b, err := wire.Marshal(struct {
		Sign []byte `cbor:"1,keyasint"`
		Seal []byte `cbor:"2,keyasint"`
		TLS  []byte `cbor:"3,keyasint"`
	}{bytes.Repeat([]byte{n}, record.SeedSize), bytes.Repeat([]byte{n + 1}, 32), bytes.Repeat([]byte{n + 2}, 32)})
	if err != nil {
		panic(err)
	}
	id, err := identity.Parse(pem.EncodeToMemory(&pem.Block{Type: "MOTCUA IDENTITY V1", Bytes: b}))
	if err != nil {
		panic(err)
	}
	return id
}

// Member returns the member of a number from 1, whose identity is Identity(10 × n).
func Member(n byte) directory.Member {
	return directory.Member{
		Name: fmt.Sprintf("dir-%d", n), Identity: Identity(10 * n).Public(), Addr: fmt.Sprintf("10.0.0.%d:7400", n),
	}
}

// Genesis returns a genesis of n members.
func Genesis(n byte) directory.Genesis {
	g := directory.Genesis{
		Version: 1, Province: directory.Text{VI: "tỉnh Khánh Hòa", EN: "Khánh Hòa Province"}, Prefix: "H32",
		GossipKey: bytes.Repeat([]byte{7}, directory.GossipKeySize), Created: 1_795_000_000,
	}
	for i := byte(1); i <= n; i++ {
		g.Members = append(g.Members, Member(i))
	}
	return g
}

var update = flag.Bool("update", false, "write the golden files anew: only for a new format")

// Format is the bytes of one format under a name.
type Format struct {
	Name  string
	Bytes []byte
}

// Golden compares formats with testdata/formats.golden: lines of a name and the bytes in hexadecimal digits.
func Golden(t *testing.T, formats []Format) {
	t.Helper()
	var b strings.Builder
	for _, f := range formats {
		fmt.Fprintf(&b, "%s %s\n", f.Name, hex.EncodeToString(f.Bytes))
	}
	const path = "testdata/formats.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	have, lines := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	if len(have) != len(lines) {
		t.Errorf("%d formats, the golden file has %d", len(have)-1, len(lines)-1)
	}
	for i := range min(len(have), len(lines)) {
		if have[i] != lines[i] {
			t.Errorf("the bytes of a format have changed; what was written before could not be read:\nhave %.300s\nwant %.300s", have[i], lines[i])
		}
	}
}

// CopyFolder copies a folder, holes in files as holes: a database keeps files that are large and nearly empty. Nobody may
// write meanwhile.
func CopyFolder(t testing.TB, to, from string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		return copyFile(filepath.Join(to, rel), path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	b, empty, size := make([]byte, 1<<16), make([]byte, 1<<16), int64(0)
	for err == nil {
		var n int
		if n, err = io.ReadFull(r, b); n > 0 && !bytes.Equal(b[:n], empty[:n]) {
			if _, err := w.WriteAt(b[:n], size); err != nil {
				return errors.Join(err, w.Close())
			}
		}
		size += int64(n)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = w.Truncate(size)
	}
	return errors.Join(err, w.Close())
}
