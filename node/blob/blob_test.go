package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/seal"
)

func folder(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// noise is n bytes that are the same in every run.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func put(t testing.TB, s *Store, b []byte) Sealed {
	t.Helper()
	out, err := s.Put(context.Background(), bytes.NewReader(b), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func files(t testing.TB, dir string) (named, temporary int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "LOCK" {
			if filepath.Base(filepath.Dir(path)) == "temp" {
				temporary++
			} else {
				named++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return named, temporary
}

// TestShelf is what every Shelf promises; another one is tested by the same function.
func TestShelf(t *testing.T) { testShelf(t, folder(t, t.TempDir())) }

func testShelf(t *testing.T, s Shelf) {
	t.Helper()
	ctx, name := context.Background(), digest.Of([]byte("file"))
	if _, err := s.Open(ctx, name); !errors.Is(err, ErrNotFound) {
		t.Errorf("a file that is not there: want ErrNotFound, have %v", err)
	}
	write := func(text string, keep bool) {
		t.Helper()
		p, err := s.Create(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Drop()
		if _, err := io.WriteString(p, text); err != nil {
			t.Fatal(err)
		}
		if keep {
			if err := p.Keep(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(want string) {
		t.Helper()
		f, err := s.Open(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Seek(2, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != want[2:] {
			t.Errorf("have %q, want %q: %v", b, want[2:], err)
		}
	}
	write("dropped", false)
	if _, err := s.Open(ctx, name); !errors.Is(err, ErrNotFound) {
		t.Errorf("a dropped file is there: %v", err)
	}
	write("first", true)
	read("first")
	write("second", true) // a name once given stays
	read("first")
	var seen []digest.Digest
	if err := s.Each(ctx, func(e Entry) error {
		if e.Size != 5 || time.Since(e.Modified) > time.Minute {
			t.Errorf("%+v", e)
		}
		seen = append(seen, e.Name)
		return nil
	}); err != nil || !slices.Equal(seen, []digest.Digest{name}) {
		t.Errorf("each: %v %v", seen, err)
	}
	for range 2 {
		if err := s.Remove(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Open(ctx, name); !errors.Is(err, ErrNotFound) {
		t.Errorf("a removed file is there: %v", err)
	}
}

func TestWhatIsPutComesBack(t *testing.T) {
	s := New(folder(t, t.TempDir()))
	for _, n := range []int{0, 1, ChunkSize - 1, ChunkSize, ChunkSize + 1, 3 * ChunkSize, 200_000} {
		plain := noise(n)
		f := put(t, s, plain)
		if f.Size != int64(n) || f.Plain != digest.Of(plain) || len(f.Key) != seal.KeySize {
			t.Errorf("%d bytes: %+v", n, f)
		}
		raw, err := s.Raw(context.Background(), f.Blob)
		if err != nil {
			t.Fatal(err)
		}
		cipher, err := io.ReadAll(raw)
		if err := errors.Join(err, raw.Close()); err != nil || digest.Of(cipher) != f.Blob || int64(len(cipher)) != f.Sealed {
			t.Errorf("%d bytes: the file is not the one that was named: %v", n, err)
		}
		if n >= 16 && bytes.Contains(cipher, plain[:16]) {
			t.Error("plain bytes on the disk")
		}
		r, err := s.Open(context.Background(), f.Blob, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, plain); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if a, b := put(t, s, []byte("same")), put(t, s, []byte("same")); a.Blob == b.Blob {
		t.Error("two files share a key: equal papers of two people could be seen to be equal")
	}
}

// TestSeeks reads at random places and compares with the plain bytes.
func TestSeeks(t *testing.T) {
	s, plain := New(folder(t, t.TempDir())), noise(3*ChunkSize+500)
	f := put(t, s, plain)
	r, err := s.Open(context.Background(), f.Blob, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, f.Size+10).Draw(t, "at")
		n := rapid.IntRange(0, 2*ChunkSize).Draw(t, "bytes")
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.LimitReader(r, int64(n)))
		from := min(at, f.Size)
		want := plain[from:min(from+int64(n), f.Size)]
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes at %d: have %d, want %d: %v", n, at, len(got), len(want), err)
		}
	})
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start succeeds")
	}
}

func TestServedInRanges(t *testing.T) {
	s, plain := New(folder(t, t.TempDir())), noise(100_000)
	f := put(t, s, plain)
	r, err := s.Open(context.Background(), f.Blob, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Range", "bytes=65530-65545")
	w := httptest.NewRecorder()
	http.ServeContent(w, req, "a.pdf", time.Time{}, r)
	if w.Code != http.StatusPartialContent || !bytes.Equal(w.Body.Bytes(), plain[65530:65546]) {
		t.Errorf("status %d, %d bytes", w.Code, w.Body.Len())
	}
}

// TestAlteredFilesFail spoils a file on the disk in every way a disk or a thief can.
func TestAlteredFilesFail(t *testing.T) {
	shelf := folder(t, t.TempDir())
	s, plain, ctx := New(shelf), noise(2*ChunkSize+100), context.Background()
	f := put(t, s, plain)
	good, err := os.ReadFile(shelf.path(f.Blob))
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) []byte { b := slices.Clone(good); b[i] ^= 1; return b }
	swapped := slices.Concat(good[sealedChunk:2*sealedChunk], good[:sealedChunk], good[2*sealedChunk:])
	for what, b := range map[string][]byte{
		"first byte": flip(0), "middle byte": flip(sealedChunk + 9), "last byte": flip(len(good) - 1), "empty": {}, "a few bytes": good[:5],
		"cut at a chunk": good[:2*sealedChunk], "cut off": good[:len(good)-1], "a byte more": append(slices.Clone(good), 0),
		"chunks swapped": swapped, "a chunk too many": append(slices.Clone(good), good[2*sealedChunk:]...), "sixteen bytes more": append(slices.Clone(good), make([]byte, 16)...),
	} {
		if err := os.WriteFile(shelf.path(f.Blob), b, 0o600); err != nil {
			t.Fatal(err)
		}
		var got []byte
		r, err := s.Open(ctx, f.Blob, f.Key)
		if err == nil {
			got, err = io.ReadAll(r)
			r.Close()
		}
		if !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: want ErrOpen, have %v", what, err)
		}
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: yields bytes that were never there", what)
		}
	}
	if _, err := s.Open(ctx, f.Blob, f.Key[1:]); !errors.Is(err, seal.ErrKey) {
		t.Errorf("a short key: %v", err)
	}
	if err := os.WriteFile(shelf.path(f.Blob), good, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, f.Blob, make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another key: want ErrOpen, have %v", err)
	}
}

func TestNothingIsLeftOfWhatFailed(t *testing.T) {
	dir := t.TempDir()
	shelf := folder(t, dir)
	s, ctx, broken := New(shelf), context.Background(), errors.New("line is down")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	pdf := append([]byte("%PDF-1.7\n"), noise(300_000)...)
	for what, c := range map[string]struct {
		err, want error
	}{
		"too large":                         {second(s.Put(ctx, bytes.NewReader(pdf), int64(len(pdf)-1))), ErrTooLarge},
		"too large, endless":                {second(s.Put(ctx, zeros{}, 1<<20)), ErrTooLarge},
		"a broken line":                     {second(s.Put(ctx, io.MultiReader(bytes.NewReader(pdf), iotest.ErrReader(broken)), 1<<30)), broken},
		"a broken line of a paper, at once": {second(s.PutPaper(ctx, iotest.ErrReader(broken), 1<<30)), broken},
		"somebody who left":                 {second(s.Put(cancelled, bytes.NewReader(pdf), 1<<30)), context.Canceled},
		"a page of HTML":                    {second(s.PutPaper(ctx, strings.NewReader("<html><script>"), 1<<30)), ErrKind},
		"an empty paper":                    {second(s.PutPaper(ctx, strings.NewReader(""), 1<<30)), ErrKind},
		"sealed, another":                   {s.PutSealed(ctx, bytes.NewReader(pdf), digest.Of([]byte("x")), int64(len(pdf))), ErrMismatch},
		"sealed, too short":                 {s.PutSealed(ctx, bytes.NewReader(pdf), digest.Of(pdf), int64(len(pdf)+1)), ErrMismatch},
		"sealed, too long":                  {s.PutSealed(ctx, bytes.NewReader(pdf), digest.Of(pdf), int64(len(pdf)-1)), ErrMismatch},
		"sealed, endless":                   {s.PutSealed(ctx, zeros{}, digest.Of(pdf), 1<<20), ErrMismatch},
		"sealed, left":                      {s.PutSealed(cancelled, bytes.NewReader(pdf), digest.Of(pdf), int64(len(pdf))), context.Canceled},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: want %v, have %v", what, c.want, c.err)
		}
	}
	shelf.free = func(string) (uint64, error) { return 400 << 20, nil } // parcels and the database still have room
	if _, err := s.Put(ctx, bytes.NewReader(pdf), 1<<30); !errors.Is(err, ErrFull) {
		t.Errorf("a full disk: want ErrFull, have %v", err)
	}
	calls := 0
	shelf.free = func(string) (uint64, error) { // fills up while the file is being written
		if calls++; calls > 2 {
			return 0, nil
		}
		return 1 << 40, nil
	}
	if _, err := s.Put(ctx, io.LimitReader(zeros{}, 20<<20), 1<<30); !errors.Is(err, ErrFull) {
		t.Errorf("a disk that fills up: want ErrFull, have %v", err)
	}
	if named, temporary := files(t, dir); named+temporary > 0 {
		t.Errorf("%d files and %d temporary ones are left", named, temporary)
	}
}

func second(_ Sealed, err error) error { return err }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestSealedArrives carries ciphertext from one office to another, more than once and at the same time.
func TestSealedArrives(t *testing.T) {
	dir := t.TempDir()
	from, to, ctx := New(folder(t, t.TempDir())), New(folder(t, dir)), context.Background()
	plain := noise(150_000)
	f := put(t, from, plain)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			raw, err := from.Raw(ctx, f.Blob)
			if err != nil {
				t.Error(err)
				return
			}
			defer raw.Close()
			if err := to.PutSealed(ctx, raw, f.Blob, f.Sealed); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := to.PutSealed(ctx, iotest.ErrReader(errors.New("read again")), f.Blob, f.Sealed); err != nil {
		t.Errorf("one that is held: %v", err)
	}
	r, err := to.Open(ctx, f.Blob, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes arrived: %v", len(got), err)
	}
	if named, temporary := files(t, dir); named != 1 || temporary != 0 {
		t.Errorf("%d files and %d temporary ones", named, temporary)
	}
}

func TestSweepSparesWhatIsNeededOrNew(t *testing.T) {
	shelf := folder(t, t.TempDir())
	s, ctx := New(shelf), context.Background()
	long := time.Now().Add(-2 * time.Hour)
	shelf.now = func() time.Time { return long }
	needed, orphan, asked, large := put(t, s, []byte("needed")), put(t, s, []byte("orphan")), put(t, s, []byte("asked for")), put(t, s, noise(packable))
	shelf.now = time.Now
	fresh := put(t, s, []byte("fresh"))
	s = New(shelf) // another day: what was put is forgotten
	if err := os.Chtimes(shelf.path(large.Blob), long, long); err != nil {
		t.Fatal(err)
	}
	sweep := func(keep func(digest.Digest) (bool, error)) (int, error) {
		return s.Sweep(ctx, time.Now().Add(-time.Hour), keep)
	}
	unsure := errors.New("database is closed")
	if n, err := sweep(func(digest.Digest) (bool, error) { return false, unsure }); n != 0 || !errors.Is(err, unsure) {
		t.Errorf("sweeping without knowing: %d removed, %v", n, err)
	}
	n, err := sweep(func(d digest.Digest) (bool, error) {
		if d == asked.Blob { // an arriving parcel names a file that an earlier, refused one brought
			if held, err := s.Has(ctx, d); !held || err != nil {
				t.Errorf("held %v: %v", held, err)
			}
		}
		return d == needed.Blob, nil
	})
	if n != 2 || err != nil {
		t.Errorf("%d removed: %v", n, err)
	}
	for f, want := range map[digest.Digest]bool{needed.Blob: true, orphan.Blob: false, large.Blob: false, fresh.Blob: true, asked.Blob: true} {
		if held, err := s.Has(ctx, f); err != nil || held != want {
			t.Errorf("%s held: %v, want %v: %v", f.Short(), held, want, err)
		}
	}
}

func TestFolderOpensAfterACrash(t *testing.T) {
	dir := t.TempDir()
	shelf := folder(t, dir)
	f := put(t, New(shelf), noise(packable))
	p, err := shelf.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(noise(packable + 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir); !errors.Is(err, ErrInUse) {
		t.Fatalf("a folder in use: want ErrInUse, have %v", err)
	}
	if err := shelf.Close(); err != nil { // as the end of the process does
		t.Fatal(err)
	}
	again := New(folder(t, dir))
	if held, err := again.Has(context.Background(), f.Blob); !held || err != nil {
		t.Errorf("what was acknowledged is lost: %v", err)
	}
	if named, temporary := files(t, dir); named != 1 || temporary != 0 {
		t.Errorf("%d files and %d temporary ones", named, temporary)
	}
}

func TestWriteErrorsAreNamed(t *testing.T) {
	shelf := &failingShelf{err: syscall.ENOSPC}
	if _, err := New(shelf).Put(context.Background(), strings.NewReader("x"), 10); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("put: %v", err)
	}
	if shelf.kept || !shelf.dropped {
		t.Errorf("after a failed write: kept %v, dropped %v", shelf.kept, shelf.dropped)
	}
}

// failingShelf fails every write.
type failingShelf struct {
	Shelf
	err           error
	kept, dropped bool
}

func (f *failingShelf) Create(context.Context) (Pending, error) { return f, nil }
func (f *failingShelf) Write([]byte) (int, error)               { return 0, f.err }
func (f *failingShelf) Keep(digest.Digest) error                { f.kept = true; return nil }
func (f *failingShelf) Drop()                                   { f.dropped = true }

// TestGoldenFile opens a file sealed when the format was fixed.
func TestGoldenFile(t *testing.T) {
	shelf, ctx := folder(t, t.TempDir()), context.Background()
	cipher := golden.Read(t, "file")
	s := New(shelf)
	if err := s.PutSealed(ctx, bytes.NewReader(cipher), digest.Of(cipher), int64(len(cipher))); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, digest.Of(cipher), golden.Read(t, "file-key"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "một giấy tờ" {
		t.Errorf("%q: %v", b, err)
	}
}

func TestSniff(t *testing.T) {
	zip := func(first string) string { return "PK\x03\x04" + strings.Repeat("\x00", 26) + first }
	for head, want := range map[string]string{
		"%PDF-1.7\n": PDF, "\xff\xd8\xff\xe0": JPEG, "\x89PNG\r\n\x1a\n....": PNG,
		zip("[Content_Types].xml"): DOCX, zip("word/document.xml"): DOCX, zip("mimetype" + ODT): ODT,
		"": "", "PK\x03\x04": "", zip("evil.exe"): "", zip("mimetypeapplication/epub+zip"): "", "<svg onload=x>": "", "<!DOCTYPE html>": "", "GIF89a": "",
		" %PDF-1.7": "", "MZ\x90": "", "\x7fELF": "", "%PDF": "",
	} {
		if got, ok := Sniff([]byte(head)); got != want || ok != (want != "") {
			t.Errorf("%.20q: %q %v, want %q", head, got, ok, want)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add(append([]byte("PK\x03\x04"), make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if kind, ok := Sniff(b); ok == (kind == "") {
			t.Fatalf("%q %v", kind, ok)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	s, plain := New(folder(b, b.TempDir())), noise(1<<20)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		put(b, s, plain)
	}
}
