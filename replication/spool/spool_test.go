package spool

import (
	"bytes"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

func open(t testing.TB, dir string) *Spool {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.free = func(string) (uint64, error) { return 1 << 40, nil }
	return s
}

func sealing(t testing.TB) *seal.PrivateKey {
	t.Helper()
	k, err := seal.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func noise(n int) []byte {
	b := make([]byte, n)
	crand.Read(b)
	return b
}

// unpack opens a parcel with a private key.
func unpack(s *Spool, p replication.Parcel, key *seal.PrivateKey) (replication.Content, error) {
	k, err := OpenKey(p, key)
	if err != nil {
		return replication.Content{}, err
	}
	return s.Unpack(p, k)
}

func draft() Draft {
	return Draft{From: "H32.1", To: "H32.2", Created: time.Unix(1000, 0), Expires: time.Unix(2000, 0), Edition: 7}
}

func pack(t testing.TB, s *Spool, to *seal.PrivateKey, body []byte, files ...[]byte) replication.Parcel {
	t.Helper()
	var fs []replication.File
	for _, f := range files {
		fs = append(fs, replicationtest.File(f))
	}
	p, err := s.Pack(draft(), replicationtest.Key(t, "sender"), to.Public(), body, fs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// carry brings chunks from one spool to another.
func carry(t testing.TB, from, to *Spool, p replication.Parcel, chunks ...int) {
	t.Helper()
	partial, err := to.Receive(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range chunks {
		b, err := from.Chunk(p.ID(), i)
		if err == nil {
			err = partial.Put(i, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func all(p replication.Parcel) []int {
	out := make([]int, len(p.Manifest.Chunks))
	for i := range out {
		out[i] = i
	}
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestContentArrivesAsItWasSent(t *testing.T) {
	key := sealing(t)
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	const chunk = replication.ChunkSize
	for _, c := range []struct {
		body  int
		files []int
	}{
		{0, nil}, {100, nil}, {100, []int{0}}, {chunk - 100, []int{50, 0, 50, 1}}, {3*chunk + 17, []int{chunk, 2 * chunk, 5}},
		{5, []int{3 * chunk}},
	} {
		body := noise(c.body)
		var files [][]byte
		for _, n := range c.files {
			files = append(files, noise(n))
		}
		p := pack(t, a, key, body, files...)
		if err := p.Record.Verify(replicationtest.Key(t, "sender").Public(), replication.ManifestLabel); err != nil {
			t.Error(err)
		}
		carry(t, a, b, p, all(p)...)
		got, err := unpack(b, p, key)
		if err != nil || !bytes.Equal(got.Body, body) || len(got.Files) != len(files) {
			t.Fatalf("%+v: body equal: %t, %d files, %v", c, bytes.Equal(got.Body, body), len(got.Files), err)
		}
		for i, f := range got.Files {
			for range 2 { // a file can be opened again
				r, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				back, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(back, files[i]) || f.Digest != digest.Of(files[i]) || f.Size != int64(len(files[i])) {
					t.Errorf("%+v: file %d: %d bytes, %v", c, i, len(back), err)
				}
			}
		}
		if err := b.Drop(p.ID()); err != nil {
			t.Error(err)
		}
		if _, err := unpack(b, p, key); err == nil {
			t.Error("dropped chunks can still be read")
		}
	}
	left(t, b.inDir(), 0)
}

// left asserts how many files a folder holds, at any depth.
func left(t *testing.T, dir string, want int) {
	t.Helper()
	n := 0
	filepath.WalkDir(dir, func(_ string, e os.DirEntry, _ error) error {
		if !e.IsDir() {
			n++
		}
		return nil
	})
	if n != want {
		t.Errorf("%d files in %s, want %d", n, dir, want)
	}
}

func TestNothingIsInClear(t *testing.T) {
	s := open(t, t.TempDir())
	secret := bytes.Repeat([]byte("Nguyen Van A "), 50)
	p := pack(t, s, sealing(t), secret, secret)
	b, err := os.ReadFile(filepath.Join(s.outDir(), s.smalls.open))
	if err != nil || len(b) < len(secret) || bytes.Contains(b, []byte("Nguyen")) || bytes.Contains(p.Record.Body, []byte("Nguyen")) {
		t.Errorf("content is readable on disk or in the manifest, %v", err)
	}
}

func TestCrashResumesFromWhatHashesRight(t *testing.T) {
	key, dir := sealing(t), t.TempDir()
	a, b := open(t, t.TempDir()), open(t, dir)
	file := noise(6 * replication.ChunkSize)
	p := pack(t, a, key, []byte("body"), file)
	carry(t, a, b, p, 0, 2, 3, 5)

	// The machine dies. Chunk 2 was half written, chunk 3 never reached the disk.
	f, err := os.OpenFile(b.files[p.ID()], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt(make([]byte, 1000), replication.Offset(2)+5000)
	f.WriteAt(make([]byte, chunkStride), replication.Offset(3))
	f.Close()
	b = open(t, dir)
	partial, err := b.Receive(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Manifest.Chunks {
		if want := i == 0 || i == 5; partial.Have().Has(i) != want {
			t.Errorf("chunk %d: claimed %t, held %t", i, !want, want)
		}
	}
	carry(t, a, b, p, 1, 2, 3, 4, 6)
	if got, err := unpack(b, p, key); err != nil || !partial.Complete() || string(got.Body) != "body" {
		t.Errorf("complete %t, %v", partial.Complete(), err)
	}
}

func TestPutTakesOnlyWhatWasSigned(t *testing.T) {
	key := sealing(t)
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	p := pack(t, a, key, noise(2*replication.ChunkSize))
	partial, err := b.Receive(p)
	if err != nil {
		t.Fatal(err)
	}
	right, _ := a.Chunk(p.ID(), 1)
	for _, bad := range []struct {
		i int
		b []byte
	}{{0, right}, {1, right[:100]}, {-1, right}, {99, right}, {1, append(bytes.Clone(right), 0)}, {1, nil}} {
		if err := partial.Put(bad.i, bad.b); !errors.Is(err, replication.ErrMalformed) {
			t.Errorf("chunk %d of %d bytes: got %v", bad.i, len(bad.b), err)
		}
	}
	if n := partial.Have().Count(); n != 0 {
		t.Errorf("%d chunks held, want none", n)
	}
}

func TestSenderMayFillItsShareAndNoMore(t *testing.T) {
	key, dir := sealing(t), t.TempDir()
	a, b := open(t, t.TempDir()), open(t, dir)
	body := noise(replication.MaxSmall)
	var taken []replication.Parcel
	for {
		p := pack(t, a, key, body)
		if _, err := b.Receive(p); errors.Is(err, ErrNoRoom) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, p)
	}
	if len(taken) != maxPerSender {
		t.Errorf("%d parcels begun, want %d", len(taken), maxPerSender)
	}
	left(t, b.inDir(), maxPerSender)
	b = open(t, dir) // the bound outlives a restart
	if _, err := b.Receive(pack(t, a, key, body)); !errors.Is(err, ErrNoRoom) {
		t.Errorf("after a restart: got %v", err)
	}
	if _, err := b.Receive(taken[0]); err != nil {
		t.Errorf("one that was begun goes on: %v", err)
	}
	if _, err := b.Receive(pack(t, a, key, []byte("small"))); err != nil {
		t.Errorf("a small one takes no disk: %v", err)
	}
	b.Drop(taken[0].ID())
	if _, err := b.Receive(pack(t, a, key, body)); err != nil {
		t.Errorf("after one was dropped: %v", err)
	}
}

// begun makes as much of a parcel as its recipient knows before the first chunk.
func begun(from replication.Name, n, chunks int) replication.Parcel {
	p := replication.Parcel{Record: record.Record{Body: fmt.Append(nil, from, n)}, Manifest: replication.Manifest{From: from}}
	for range chunks {
		p.Manifest.Chunks = append(p.Manifest.Chunks, replication.Chunk{Size: chunkStride})
	}
	return p
}

// TestNobodyUsesUpTheRoomOfOthers: whatever hostile senders begin and never end, another sender's parcels find room, on disk
// and in memory.
func TestNobodyUsesUpTheRoomOfOthers(t *testing.T) {
	for what, chunks := range map[string]int{"on disk": 2, "in memory": 1} {
		s := open(t, t.TempDir())
		total := 0
		for h := range 6 {
			for n := 0; ; n++ {
				if _, err := s.Receive(begun(replication.Name(fmt.Sprint("H", h)), n, chunks)); errors.Is(err, ErrNoRoom) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				total++
			}
		}
		if total > maxPartials+6*ownPartials {
			t.Errorf("%s: hostile senders have begun %d parcels", what, total)
		}
		for n := range ownPartials {
			if _, err := s.Receive(begun("V", n, chunks)); err != nil {
				t.Errorf("%s: parcel %d of another sender: %v", what, n, err)
			}
		}
		if _, err := s.Receive(begun("V", ownPartials, chunks)); !errors.Is(err, ErrNoRoom) {
			t.Errorf("%s: beyond its own there is no room: %v", what, err)
		}
	}
}

// TestASenderTakesAShareOfTheDisk: its first parcel finds room where there is any, more only as long as much is left to others.
func TestASenderTakesAShareOfTheDisk(t *testing.T) {
	s := open(t, t.TempDir())
	const size = 8 * chunkStride
	s.free = func(string) (uint64, error) { return reserve + 3*size, nil }
	if _, err := s.Receive(begun("H", 0, 8)); err != nil {
		t.Errorf("the first: %v", err)
	}
	s.free = func(string) (uint64, error) { return reserve + diskShare*bytesPerSender, nil }
	for n := range 3 {
		if _, err := s.Receive(begun("H", 1+n, 8)); err != nil {
			t.Errorf("with much disk free: %v", err)
		}
	}
	s.free = func(string) (uint64, error) { return reserve + 40*size, nil }
	if _, err := s.Receive(begun("H", 4, 100)); !errors.Is(err, ErrNoRoom) {
		t.Errorf("with little disk free: %v", err)
	}
	if _, err := s.Receive(begun("V", 0, 8)); err != nil {
		t.Errorf("another's first: %v", err)
	}
}

func TestFullDiskSaysSo(t *testing.T) {
	key := sealing(t)
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	p := pack(t, a, key, noise(2*replication.ChunkSize))
	b.free = func(string) (uint64, error) { return reserve + 1000, nil }
	if _, err := b.Receive(p); !errors.Is(err, ErrNoRoom) {
		t.Errorf("got %v", err)
	}
	left(t, b.inDir(), 0)
	if n, err := disk.Free(t.TempDir()); err != nil || n == 0 {
		t.Errorf("free bytes: %d, %v", n, err)
	}
}

func TestSweepRemovesOrphansOnly(t *testing.T) {
	s := open(t, t.TempDir())
	key := sealing(t)
	kept, orphan := pack(t, s, key, []byte("kept")), pack(t, s, key, []byte("orphan"))
	os.WriteFile(filepath.Join(s.outDir(), temporaryPrefix+"123"), []byte("half"), 0o600)
	n, err := s.Sweep(func(id digest.Digest) bool { return id == kept.ID() })
	if n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if _, err := s.Chunk(kept.ID(), 0); err != nil {
		t.Error(err)
	}
	if _, err := s.Chunk(orphan.ID(), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("orphan: %v", err)
	}
}

func TestPruneRemovesWhatNobodySendsAnyMore(t *testing.T) {
	key := sealing(t)
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	p := pack(t, a, key, noise(2*replication.ChunkSize))
	carry(t, a, b, p, 0)
	if n, err := b.Prune(time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("while it is coming in: %d, %v", n, err)
	}
	if err := b.Release(p.ID()); err != nil {
		t.Error(err)
	}
	if partial, err := b.Receive(p); err != nil || partial.Have().Count() != 1 {
		t.Errorf("released, it is taken up again: %v", err)
	}
	b.Release(p.ID())
	if n, err := b.Prune(time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("too early: %d, %v", n, err)
	}
	if n, err := b.Prune(time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("in time: %d, %v", n, err)
	}
	left(t, b.inDir(), 0)
	if len(b.shares) != 0 {
		t.Errorf("shares %v", b.shares)
	}
}

func TestPackRefusesFilesThatAreNotWhatTheySay(t *testing.T) {
	s := open(t, t.TempDir())
	short, other := replicationtest.File(noise(100)), replicationtest.File(noise(100))
	short.Size = 200
	other.Digest = digest.Of([]byte("other"))
	huge := replicationtest.File(nil)
	huge.Size = maxFile + 1
	for _, f := range []replication.File{short, other, huge} {
		if _, err := s.Pack(draft(), replicationtest.Key(t, "sender"), sealing(t).Public(), nil, []replication.File{f}); err == nil {
			t.Errorf("packed a file of %d bytes with digest %s", f.Size, f.Digest.Short())
		}
	}
	left(t, s.outDir(), 0)
}

func TestUnpackTellsTheUnreadableFromTheDamaged(t *testing.T) {
	key := sealing(t)
	s := open(t, t.TempDir())
	p := pack(t, s, key, noise(1000))
	other := sealing(t)
	if _, err := unpack(s, p, other); !errors.Is(err, ErrOtherKey) || errors.Is(err, ErrUnreadable) {
		t.Errorf("with another key: %v", err)
	}
	path := filepath.Join(s.outDir(), s.smalls.open)
	b, _ := os.ReadFile(path)
	b[smallHead+10] ^= 1
	os.WriteFile(path, b, 0o600)
	if _, err := unpack(s, p, key); err == nil || errors.Is(err, ErrUnreadable) {
		t.Errorf("damaged on disk: %v", err)
	}
}

// The start of a content, byte by byte.
func TestGoldenHeader(t *testing.T) {
	prefix, _, err := encodeHeader([]byte("body"), []replication.File{replicationtest.File([]byte("file"))})
	if err != nil {
		t.Fatal(err)
	}
	want := "0000002d" + // header of 45 bytes
		"a3" + "0101" + "0204" + // map of 3; 1: version 1; 2: body of 4
		"0381" + "a2" + // 3: array of 1 map of 2
		"015820" + digest.Of([]byte("file")).String() + "0204" // 1: digest; 2: size 4
	if got := hex.EncodeToString(prefix); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A content of a newer version is neither misread nor called unreadable, which would be refused for good.
func TestHeaderOfANewerFormatIsNotMisread(t *testing.T) {
	for what, h := range map[string]any{
		"a later format":         header{Version: 2},
		"built in another way":   map[uint64]any{1: 2, 2: "body"},
		"a new key":              map[uint64]any{1: 1, 2: 0, 4: true},
		"a new key about a file": map[uint64]any{1: 1, 2: 0, 3: []any{map[uint64]any{1: make([]byte, 32), 2: 0, 3: "x"}}},
	} {
		b, err := wire.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		b = append([]byte{0, 0, 0, byte(len(b))}, b...)
		if _, _, err := decodeHeader(b, int64(len(b))); !errors.Is(err, replication.ErrTooNew) || errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// FuzzHeader feeds the first chunk of a content, which any sender may make as it likes.
func FuzzHeader(f *testing.F) {
	prefix, h, _ := encodeHeader([]byte("body"), []replication.File{replicationtest.File([]byte("file"))})
	f.Add(prefix, h.size(int64(len(prefix))))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, int64(4))
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, total int64) {
		h, at, err := decodeHeader(b, total)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) && !errors.Is(err, replication.ErrTooNew) {
				t.Errorf("%x: %v", b, err)
			}
			return
		}
		if at < 4 || at > int64(len(b)) || h.size(at) != total {
			t.Errorf("%x of %d: body at %d, %+v", b, total, at, h)
		}
	})
}
