package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"motcua/crypto/golden"
)

// TestDumpsMakeTheStore: dumps taken at any moments between any updates make, in their order, the same store.
func TestDumpsMakeTheStore(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		s, err := Open(t.TempDir(), Options{NoMerging: true})
		if err != nil {
			t.Fatal(err)
		}
		var dumps []*bytes.Buffer
		since := uint64(0)
		for range 1 + random.IntN(6) {
			for range random.IntN(5) {
				name := fmt.Sprint(random.IntN(4))
				var v []byte // nil deletes
				if random.IntN(4) > 0 {
					v = bytes.Repeat([]byte(name), random.IntN(20_000))
				}
				if err := s.Update(t.Context(), func(tx *Tx) error { return tx.set(tSetting.named(name), v) }); err != nil {
					t.Fatal(err)
				}
			}
			b := &bytes.Buffer{}
			if since, _, err = s.Dump(t.Context(), b, since); err != nil {
				t.Fatal(err)
			}
			dumps = append(dumps, b)
		}
		want := rowsOf(t, s)
		if got := rowsOf(t, filled(t, t.TempDir(), dumps...)); got != want {
			t.Fatalf("seed %d: have %.200q, want %.200q", seed, got, want)
		}
		s.Close()
	}
}

func filled(t *testing.T, dir string, dumps ...*bytes.Buffer) *Store {
	err := Fill(t.Context(), dir, Options{NoMerging: true}, func() (io.Reader, error) {
		if len(dumps) == 0 {
			return nil, io.EOF
		}
		b := dumps[0]
		dumps = dumps[1:]
		return bytes.NewReader(b.Bytes()), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, Options{NoMerging: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// rowsOf are the rows that a store has, without those deleted.
func rowsOf(t *testing.T, s *Store) string {
	var out strings.Builder
	err := s.View(func(tx *Tx) error {
		return tx.scan(nil, nil, func(k key) (bool, error) {
			v, _, err := tx.get(k)
			fmt.Fprintf(&out, "%x=%x\n", k, v)
			return true, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestGoldenDump holds the format, and what is no dump or only its beginning is refused.
func TestGoldenDump(t *testing.T) {
	s, err := Open(t.TempDir(), Options{NoMerging: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, v := range []string{"kept", ""} {
		err := s.Update(t.Context(), func(tx *Tx) error {
			var b []byte
			if v != "" {
				b = []byte(v)
			}
			return errors.Join(tx.set(tSetting.named("a"), []byte("kept")), tx.set(tSetting.named("b"), b))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, rows, err := s.Dump(t.Context(), &b, 0); err != nil || rows != 2 {
		t.Fatal(rows, err)
	}
	golden.Check(t, "dump", b.Bytes())
	for n := range b.Len() {
		err := Fill(t.Context(), filepath.Join(t.TempDir(), "s"), Options{NoMerging: true}, func() (io.Reader, error) { return bytes.NewReader(b.Bytes()[:n]), nil })
		if !errors.Is(err, ErrDump) {
			t.Fatalf("the first %d bytes are taken: %v", n, err)
		}
		if n > len(dumpHead)+3 && n < b.Len()-3 {
			n += 5
		}
	}
}
