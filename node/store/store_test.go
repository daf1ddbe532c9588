package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/node/dossier"
)

func quiet() Options { return Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))} }

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func update(t testing.TB, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.View(fn); err != nil {
		t.Fatal(err)
	}
}

func name(s string) digest.Digest { return digest.Of([]byte(s)) }

// failer is what helpers need of a test or of a property.
type failer interface {
	Helper()
	Fatal(...any)
}

func testKey(t failer) *record.Key {
	t.Helper()
	seed := make([]byte, record.SeedSize)
	seed[31] = 1
	k, err := record.NewKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// chainOf makes n linked events of a chain; the note makes otherwise equal chains differ.
func chainOf(t failer, chain digest.Digest, n int, note string) []dossier.Signed {
	t.Helper()
	k := testKey(t)
	var out []dossier.Signed
	prev := digest.Digest{}
	for i := range n {
		body, err := wire.Marshal(dossier.StepDone{Step: "check", Note: note})
		if err != nil {
			t.Fatal(err)
		}
		e := dossier.Event{
			Version: 1, Chain: chain, Seq: uint64(i), Prev: prev, Office: "H32.22327", At: 1_795_500_000_000 + int64(i),
			Actor: dossier.Actor{Role: "system"}, Edition: 1, Kind: dossier.KindStepDone, Body: body,
		}
		b, err := wire.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		r, err := record.SignOne(k, dossier.EventLabel, b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, dossier.Signed{Record: r, Event: e})
		prev = r.ID()
	}
	return out
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir, quiet()); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("want ErrInUse that names the folder, have %v", err)
	}
	update(t, s, func(tx *Tx) error { return tx.Set("still", []byte("works")) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	view(t, again, func(tx *Tx) error {
		if v, ok, err := tx.Get("still"); !ok || string(v) != "works" || err != nil {
			t.Errorf("%q %v %v", v, ok, err)
		}
		return nil
	})
}

func TestFoldersThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		what, says string
		is         error
		spoil      func(dir string) error
	}{
		{"a newer version", "install", ErrNewer, func(d string) error {
			return os.WriteFile(filepath.Join(d, "VERSION"), []byte("motcua store 2\n"), 0o600)
		}},
		{"no version", "backup", nil, func(d string) error { return os.Remove(filepath.Join(d, "VERSION")) }},
		{"no key", "store.key", os.ErrNotExist, func(d string) error { return os.Remove(filepath.Join(d, "store.key")) }},
		{"a key that others read", "chmod 600", nil, func(d string) error { return os.Chmod(filepath.Join(d, "store.key"), 0o644) }},
		{"another key", "store.key", nil, func(d string) error { return os.WriteFile(filepath.Join(d, "store.key"), make([]byte, keySize), 0o600) }},
		{"half a key", "backup", nil, func(d string) error { return os.Truncate(filepath.Join(d, "store.key"), 5) }},
	} {
		dir := t.TempDir()
		s := open(t, dir)
		update(t, s, func(tx *Tx) error { return tx.Set("a", nil) })
		if err := errors.Join(s.Close(), c.spoil(dir)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, quiet())
		if err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: want an error with %q, have %v", c.what, c.says, err)
		}
	}
}

// TestCrashWhileMaking cuts the making of a folder after each of its durable steps; the next Open goes on.
func TestCrashWhileMaking(t *testing.T) {
	dir := t.TempDir()
	if _, err := loadKey(dir, true); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if err := errors.Join(s.Close(), os.RemoveAll(filepath.Join(dir, "db"))); err != nil {
		t.Fatal(err)
	}
	update(t, open(t, dir), func(tx *Tx) error { return tx.Set("a", nil) })
}

func TestFullDiskStopsBeforeItHurts(t *testing.T) {
	dir, left := t.TempDir(), uint64(1<<40)
	o := quiet()
	o.Free = func(string) (uint64, error) { return left, nil }
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	put := func(v string) error {
		return s.Update(context.Background(), func(tx *Tx) error { return tx.Set("k", []byte(v)) })
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	left = 1 << 20
	if err := put("full"); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("want ErrFull that says what to do, have %v", err)
	}
	view(t, s, func(tx *Tx) error {
		if v, _, _ := tx.Get("k"); string(v) != "before" {
			t.Errorf("half-written: %q", v)
		}
		return nil
	})
	left = 1 << 40
	if err := errors.Join(put("after"), s.Close()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	left = 0
	if _, err := Open(dir, o); !errors.Is(err, ErrFull) {
		t.Errorf("opening on a full disk: %v", err)
	}
}

func TestValueOfNewerFormatStops(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *Tx) error { return tx.set(tRow.of(name("a")), []byte{2, 0xa0}) })
	view(t, s, func(tx *Tx) error {
		if _, err := tx.Row(name("a")); !errors.Is(err, ErrNewer) {
			t.Errorf("want ErrNewer, have %v", err)
		}
		return nil
	})
}

// gate makes updates gather in one batch: the first blocks the committer until the others wait.
func gate(t *testing.T, s *Store, fns ...func(*Tx) error) []error {
	t.Helper()
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	began, open := make(chan bool), make(chan bool)
	all.Go(func() {
		_ = s.Update(context.Background(), func(*Tx) error { close(began); <-open; return nil })
	})
	<-began
	for i, fn := range fns {
		all.Go(func() { errs[i] = s.Update(context.Background(), fn) })
		synctest.Wait() // so that they stand in line in order
	}
	close(open)
	all.Wait()
	return errs
}

func TestOneFailureLeavesTheOthersAlone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		bad := errors.New("a rule forbids it")
		var seen []string
		look := func(tx *Tx) error {
			for _, k := range []string{"one", "two", "three"} {
				if _, ok, _ := tx.Get(k); ok {
					seen = append(seen, k)
				}
			}
			return nil
		}
		errs := gate(t, s,
			func(tx *Tx) error { return tx.Set("one", []byte("1")) },
			func(tx *Tx) error { return errors.Join(tx.Set("two", []byte("2")), tx.Set("one", nil), bad) },
			func(tx *Tx) error { return errors.Join(look(tx), tx.Set("three", []byte("3"))) },
			func(tx *Tx) error { _ = tx.Append(name("c"), name("wrong head"), nil); return tx.Set("four", nil) },
		)
		if errs[0] != nil || !errors.Is(errs[1], bad) || errs[2] != nil {
			t.Fatal(errs)
		}
		if !errors.Is(errs[3], ErrHeadMoved) {
			t.Errorf("an update that drops the error of a failed append is stored: %v", errs[3])
		}
		if !slices.Equal(seen, []string{"one"}) {
			t.Errorf("the third update saw %v, want the first's write alone", seen)
		}
		view(t, s, func(tx *Tx) error {
			if v, _, _ := tx.Get("one"); string(v) != "1" {
				t.Errorf("one = %q", v)
			}
			for k, want := range map[string]bool{"two": false, "three": true, "four": false} {
				if _, ok, _ := tx.Get(k); ok != want {
					t.Errorf("%s stored: %v", k, ok)
				}
			}
			return nil
		})
	})
}

func TestPanicReachesItsCallerAlone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		func() {
			defer func() {
				if recover() != "oops" {
					t.Error("the panic was lost")
				}
			}()
			_ = s.Update(context.Background(), func(tx *Tx) error { _ = tx.Set("a", nil); panic("oops") })
		}()
		update(t, s, func(tx *Tx) error {
			if _, ok, _ := tx.Get("a"); ok {
				t.Error("what panicked was stored")
			}
			return nil
		})
	})
}

func TestContextEndsTheWaitAndNotTheAct(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		began, hold := make(chan bool), make(chan bool)
		ctx, cancel := context.WithCancel(context.Background())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			first <- s.Update(ctx, func(tx *Tx) error { close(began); <-hold; return tx.Set("first", nil) })
		}()
		<-began
		go func() { second <- s.Update(ctx, func(tx *Tx) error { return tx.Set("second", nil) }) }()
		synctest.Wait()
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that waited: %v", err)
		}
		close(hold)
		if err := <-first; err != nil {
			t.Errorf("the one that had begun: %v", err)
		}
		view(t, s, func(tx *Tx) error {
			_, one, _ := tx.Get("first")
			_, two, _ := tx.Get("second")
			if !one || two {
				t.Errorf("first stored: %v, second stored: %v", one, two)
			}
			return nil
		})
	})
}

func TestCloseAnswersEveryone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		var all sync.WaitGroup
		stored := make([]bool, 50)
		for i := range stored {
			all.Go(func() {
				err := s.Update(context.Background(), func(tx *Tx) error { return tx.Set(fmt.Sprint(i), nil) })
				stored[i] = err == nil
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			})
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		if err := s.View(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
			t.Errorf("view of a closed store: %v", err)
		}
		again := open(t, dir)
		view(t, again, func(tx *Tx) error {
			for i, want := range stored {
				if _, ok, _ := tx.Get(fmt.Sprint(i)); ok != want {
					t.Errorf("update %d: answered yes %v, stored %v", i, want, ok)
				}
			}
			return nil
		})
	})
}

// TestDaysPass lets days go by in virtual time, with the database's own timers running.
func TestDaysPass(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := quiet()
		o.NoMerging = true
		s, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		for day := range 5 {
			time.Sleep(24 * time.Hour)
			update(t, s, func(tx *Tx) error { return tx.Set(fmt.Sprint(day), nil) })
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
