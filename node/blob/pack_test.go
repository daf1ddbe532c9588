package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
)

// keep puts a small file under a name.
func keep(t testing.TB, f *Folder, name digest.Digest, text string) error {
	t.Helper()
	p, err := f.Create(t.Context())
	if err != nil {
		return err
	}
	defer p.Drop()
	if _, err := io.WriteString(p, text); err != nil {
		return err
	}
	return p.Keep(name)
}

// text is what a folder holds under a name, "" if nothing.
func text(t testing.TB, f *Folder, name digest.Digest) string {
	t.Helper()
	r, err := f.Open(t.Context(), name)
	if errors.Is(err, ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func named(i int) digest.Digest { return digest.Of(fmt.Appendf(nil, "%d", i)) }

// TestSmallFilesSurvive: what many put at the same time is there, once, after every way to start again.
func TestSmallFilesSurvive(t *testing.T) {
	dir := t.TempDir()
	f := folder(t, dir)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if err := keep(t, f, named(i%48), fmt.Sprint(i%48)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	check := func(how string) {
		t.Helper()
		n := 0
		err := f.Each(context.Background(), func(e Entry) error { n++; return nil })
		if err != nil || n != 48 {
			t.Errorf("%s: %d files: %v", how, n, err)
		}
		for i := range 48 {
			if s := text(t, f, named(i)); s != fmt.Sprint(i) {
				t.Errorf("%s: %d is %q", how, i, s)
			}
		}
	}
	check("at once")
	f.lock.Close() // as the end of the process does
	f = folder(t, dir)
	check("after a crash")
	f.Close()
	f = folder(t, dir)
	check("after an end")
	f.Close()
	index := filepath.Join(f.packs.path(1) + indexSuffix)
	b, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(index, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f = folder(t, dir)
	check("with a damaged index")
}

// TestCutPacks cuts a pack at every byte, and spoils what follows: whole files are there, others can come again.
func TestCutPacks(t *testing.T) {
	dir := t.TempDir()
	f := folder(t, dir)
	var ends []int64
	for i := range 3 {
		if err := keep(t, f, named(i), strings.Repeat(fmt.Sprint(i), 20)); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, f.packs.size)
	}
	path := f.packs.path(1)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.lock.Close()
	for cut := range int64(len(whole)) {
		for _, tail := range [][]byte{nil, make([]byte, 200), bytes.Repeat([]byte{packMark}, 200)} {
			os.Remove(path + indexSuffix)
			if err := os.WriteFile(path, append(bytes.Clone(whole[:cut]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := OpenFolder(dir)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			for i, end := range ends {
				if s := text(t, f, named(i)); s != strings.Repeat(fmt.Sprint(i), 20) && (s != "" || end <= cut) {
					t.Fatalf("cut at %d: %d is %q", cut, i, s)
				}
			}
			f.lock.Close()
		}
	}
	os.Remove(path + indexSuffix)
	f = folder(t, dir)
	if err := keep(t, f, named(2), "again"); err != nil || text(t, f, named(2)) != "again" {
		t.Errorf("one that was cut off and comes again: %q, %v", text(t, f, named(2)), err)
	}
}

// TestRemovedFilesAreGone: at once, after a start, their bytes too, and the pack with the last of them.
func TestRemovedFilesAreGone(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	f := folder(t, dir)
	secret := strings.Repeat("gone ", 2000)
	if err := errors.Join(keep(t, f, named(1), secret), keep(t, f, named(2), "stays")); err != nil {
		t.Fatal(err)
	}
	f.Close()
	f = folder(t, dir)
	if err := f.Remove(ctx, named(1)); err != nil || text(t, f, named(1)) != "" {
		t.Errorf("removed: %v", err)
	}
	if b, err := os.ReadFile(f.packs.path(1)); err != nil || bytes.Contains(b, []byte("gone")) {
		t.Errorf("its bytes are there yet: %v", err)
	}
	f.lock.Close()
	f = folder(t, dir)
	if text(t, f, named(1)) != "" || text(t, f, named(2)) != "stays" {
		t.Error("a start brings back what was removed, or loses what was not")
	}
	if err := keep(t, f, named(1), "back"); err != nil || text(t, f, named(1)) != "back" {
		t.Errorf("one that comes again after it was removed: %v", err)
	}
	if err := errors.Join(f.Remove(ctx, named(2)), f.Remove(ctx, named(1)), f.Close()); err != nil {
		t.Error(err)
	}
	if n, _ := files(t, dir); n != 0 {
		t.Errorf("%d files are left of nothing", n)
	}
}

// TestNamesThatBeginAlike: a sender may choose ciphertext whose names share the key of the packs.
func TestNamesThatBeginAlike(t *testing.T) {
	dir := t.TempDir()
	f := folder(t, dir)
	one, other := named(1), named(1)
	other[31] ^= 1
	var all sync.WaitGroup
	for name, text := range map[digest.Digest]string{one: "one", other: "other"} {
		all.Go(func() {
			if err := keep(t, f, name, text); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for range 2 {
		if text(t, f, one) != "one" || text(t, f, other) != "other" {
			t.Errorf("%q, %q", text(t, f, one), text(t, f, other))
		}
		f.Close()
		f = folder(t, dir)
	}
	if err := f.Remove(t.Context(), other); err != nil || text(t, f, one) != "one" || text(t, f, other) != "" {
		t.Errorf("after one was removed: %q, %q, %v", text(t, f, one), text(t, f, other), err)
	}
}

// TestAfterAFaultAnotherPackIsWritten: what the disk has refused is not acknowledged, and the next is.
func TestAfterAFaultAnotherPackIsWritten(t *testing.T) {
	f := folder(t, t.TempDir())
	if err := keep(t, f, named(1), "before"); err != nil {
		t.Fatal(err)
	}
	f.packs.file.Close()
	if err := keep(t, f, named(2), "at the fault"); err == nil || text(t, f, named(2)) != "" {
		t.Errorf("a write that failed: %v", err)
	}
	if err := keep(t, f, named(2), "after"); err != nil || text(t, f, named(2)) != "after" || text(t, f, named(1)) != "before" {
		t.Errorf("after a fault: %v", err)
	}
}

// TestAFileOfAnEarlierVersionStays: small files were kept by themselves.
func TestAFileOfAnEarlierVersionStays(t *testing.T) {
	f := folder(t, t.TempDir())
	path := f.path(named(1))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("earlier"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := keep(t, f, named(1), "later"); err != nil || text(t, f, named(1)) != "earlier" || f.packs.file != nil {
		t.Errorf("%q: %v", text(t, f, named(1)), err)
	}
}

func TestGoldenPack(t *testing.T) {
	dir := t.TempDir()
	f := folder(t, dir)
	f.now = func() time.Time { return time.Unix(1_800_000_000, 5) }
	if err := errors.Join(keep(t, f, named(1), "một giấy tờ"), keep(t, f, named(2), "hai"), f.Remove(t.Context(), named(2)), f.Close()); err != nil {
		t.Fatal(err)
	}
	for name, suffix := range map[string]string{"pack": "", "pack-index": indexSuffix} {
		b, err := os.ReadFile(filepath.Join(dir, "packs", "00000001"+suffix))
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
}

// BenchmarkSmallFiles stores papers of 20 KiB, 32 at a time.
func BenchmarkSmallFiles(b *testing.B) {
	s, paper := New(folder(b, b.TempDir())), noise(20<<10)
	b.SetParallelism(16)
	b.SetBytes(int64(len(paper)))
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			put(b, s, paper)
		}
	})
}
