package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
)

// openLog opens a log and returns it with what closes it.
func openLog(dir string, size int) (*wal.WAL, func() error, error) {
	meta := new(metadb.BoltMetaDB)
	w, err := wal.Open(dir, wal.WithSegmentSize(size), wal.WithMetaStore(meta), wal.WithSegmentFiler(newSegments(dir)))
	if err != nil {
		return nil, nil, errors.Join(err, meta.Close())
	}
	return w, func() error { return errors.Join(w.Close(), meta.Close()) }, nil
}

// batches writes a log of batches of three entries each and returns its folder.
func batches(t testing.TB, size, n int) string {
	t.Helper()
	dir := t.TempDir()
	w, shut, err := openLog(dir, size)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var logs []*raft.Log
		for k := range 3 {
			index := uint64(3*i + k + 1)
			logs = append(logs, &raft.Log{Index: index, Term: 1, Data: bytes.Repeat([]byte{byte(index)}, 40+i)})
		}
		if err := w.StoreLogs(logs); err != nil {
			t.Fatal(err)
		}
	}
	if err := shut(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// files are the files of a log, oldest first.
func files(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no log in %s: %v", dir, err)
	}
	slices.Sort(all)
	return all
}

func alter(t testing.TB, path string, f func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ends are the places of the frames that end batches.
func ends(t testing.TB, path string) (out []int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := fileHead; ; {
		end, size := frame(b, at)
		if size == 0 {
			return out
		}
		if end {
			out = append(out, at)
		}
		at += size
	}
}

func TestATornEndOfTheLogIsDropped(t *testing.T) {
	const n = 4
	for what, tear := range map[string]func(b []byte, from, to int){
		"nothing of it":       func(b []byte, from, to int) { clear(b[from:to]) },
		"half of it":          func(b []byte, from, to int) { clear(b[(from+to)/2 : to]) },
		"all but its end":     func(b []byte, from, to int) { clear(b[to-8 : to]) },
		"its end alone":       func(b []byte, from, to int) { clear(b[from : to-8]) },
		"a hole in it":        func(b []byte, from, to int) { clear(b[from+16 : from+32]) },
		"its second half":     func(b []byte, from, to int) { clear(b[from : (from+to)/2]) },
		"a byte of it is bad": func(b []byte, from, to int) { b[from+20] ^= 1 },
	} {
		dir := batches(t, segmentSize, n)
		path := files(t, dir)[0]
		at := ends(t, path)
		alter(t, path, func(b []byte) { tear(b, at[n-2]+frameHead, at[n-1]+frameHead) })
		w, shut, err := openLog(dir, segmentSize)
		if err != nil {
			t.Errorf("%s has arrived: %v", what, err)
			continue
		}
		if last, err := w.LastIndex(); err != nil || last != 3*(n-1) {
			t.Errorf("%s has arrived: the log ends at %d, %v; want %d", what, last, err, 3*(n-1))
		}
		if err := w.StoreLog(&raft.Log{Index: 3*(n-1) + 1, Term: 2, Data: []byte("on")}); err != nil {
			t.Errorf("%s has arrived: the log does not go on: %v", what, err)
		}
		if err := shut(); err != nil {
			t.Error(err)
		}
	}
}

func TestADamagedLogIsRefused(t *testing.T) {
	const n = 6
	dir := batches(t, segmentSize, n)
	path := files(t, dir)[0]
	at, whole := ends(t, path), must(os.ReadFile(path))
	for i := range at[:n-1] {
		from := fileHead
		if i > 0 {
			from = at[i-1] + frameHead
		}
		for _, place := range []int{from, from + 4, from + 13, at[i] - 20, at[i] + 4} {
			if i == n-2 && place == at[i]+4 {
				continue // the end of the last batch but one: what follows has lost its beginning, and is taken for torn
			}
			alter(t, path, func(b []byte) { copy(b, whole); b[place] ^= 0x40 })
			_, shut, err := openLog(dir, segmentSize)
			if !errors.Is(err, errDamaged) {
				t.Errorf("byte %d of batch %d of %d is altered: %v", place-from, i+1, n, err)
			}
			if err == nil {
				shut()
			}
		}
	}
}

func TestADamagedOldFileOfTheLogIsRefused(t *testing.T) {
	const size = 4 << 10
	dir := batches(t, size, 60)
	all := files(t, dir)
	if len(all) < 3 {
		t.Fatalf("%d files", len(all))
	}
	for _, path := range all[:len(all)-1] {
		whole := must(os.ReadFile(path))
		at := ends(t, path)
		for _, place := range []int{40, at[len(at)/2] - 5, at[len(at)-1] - 5, at[len(at)-1] + 5} {
			alter(t, path, func(b []byte) { b[place] ^= 1 })
			_, shut, err := openLog(dir, size)
			if !errors.Is(err, errDamaged) {
				t.Errorf("%s, byte %d: %v", filepath.Base(path), place, err)
			}
			if err == nil {
				shut()
			}
			alter(t, path, func(b []byte) { copy(b, whole) })
		}
	}
	w, shut, err := openLog(dir, size)
	if err != nil {
		t.Fatal(err)
	}
	if last, _ := w.LastIndex(); last != 180 {
		t.Errorf("whole again, the log ends at %d", last)
	}
	if err := shut(); err != nil {
		t.Error(err)
	}
}

func FuzzCheckLog(f *testing.F) {
	dir := batches(f, 4<<10, 5)
	f.Add(must(os.ReadFile(files(f, dir)[0])), true)
	f.Add([]byte(fmt.Sprintf("%40d", 3)), false)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) { checkLog(b, sealed) })
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
