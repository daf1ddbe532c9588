package guardian_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/node/blob"
	"motcua/replication"
	keeping "motcua/replication/guardian"
	"motcua/replication/replicationtest"
)

// TestQuotaOfAGuardian: an office fills its share and no more.
func TestQuotaOfAGuardian(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.keeper("G", 200_000)
		o := w.office("O")
		o.attach(noise(500_000))
		small := o.attach(noise(1000))
		o.set("a", "1")
		err := o.round(time.Minute)
		if denied, ok := errors.AsType[*keeping.Denied](err); !ok || denied.Why != keeping.Full {
			t.Errorf("want full, have %v", err)
		}
		if s := o.stream.Status(); s.Segments != 1 || !strings.Contains(s.Problem, "full") {
			t.Errorf("status %+v", s)
		}
		back, _ := o.burn().restore()
		if held, err := back.blobs.Has(t.Context(), small); err != nil || !held {
			t.Error("the small file did not go before the large one")
		}
	})
}

// TestLyingGuardian: whatever a guardian alters, drops, reorders or adds, nothing is restored that was not streamed.
func TestLyingGuardian(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		g := w.keeper("G", 0)
		o, other := w.office("O"), w.office("P")
		for i := range 4 {
			o.set("a", strings.Repeat(fmt.Sprint(i), 1000))
			other.set("a", strings.Repeat(fmt.Sprint(i), 1000))
			time.Sleep(time.Minute)
			w.fatal(errors.Join(o.round(time.Minute), other.round(time.Minute)))
		}
		glob := func(office replication.Name, pattern string) []string {
			all, err := filepath.Glob(filepath.Join(g.dir, "kept", digest.Of([]byte(office)).String()[:32], pattern))
			w.fatal(err)
			return all
		}
		records := glob("O", "streams/*/*")
		foreign := glob("P", "streams/*/*")
		if len(records) != 5 || len(foreign) != 5 {
			t.Fatalf("%d and %d records", len(records), len(foreign))
		}
		m := o.burn()
		for what, lie := range map[string]func() map[string][]byte{
			"a segment altered": func() map[string][]byte {
				path := glob("O", "segments/*/*")[2]
				b, err := os.ReadFile(path)
				w.fatal(err)
				b[len(b)/2] ^= 1
				return map[string][]byte{path: b}
			},
			"records swapped": func() map[string][]byte {
				return map[string][]byte{records[2]: read(w, records[3]), records[3]: read(w, records[2])}
			},
			"the start of another office": func() map[string][]byte { return map[string][]byte{records[0]: read(w, foreign[0])} },
			"a record of another office":  func() map[string][]byte { return map[string][]byte{records[3]: read(w, foreign[3])} },
			"a signature altered": func() map[string][]byte {
				b := read(w, records[1])
				i := bytes.LastIndexByte(b, b[len(b)-200])
				b[i] ^= 1
				return map[string][]byte{records[1]: b}
			},
		} {
			altered := lie()
			truth := map[string][]byte{}
			for path, b := range altered {
				truth[path] = read(w, path)
				w.fatal(os.WriteFile(path, b, 0o600))
			}
			blobs, err := blob.Open(filepath.Join(m.dir, "blobs"))
			w.fatal(err)
			if _, err := m.source(blobs).Fetch(t.Context()); err == nil {
				t.Errorf("%s: fetched", what)
			}
			w.fatal(errors.Join(blobs.Close(), os.RemoveAll(filepath.Join(m.dir, "restore"))))
			for path, b := range truth {
				w.fatal(os.WriteFile(path, b, 0o600))
			}
		}
		m.restore()
	})
}

func read(w *world, path string) []byte {
	b, err := os.ReadFile(path)
	w.fatal(err)
	return b
}

// TestFetchGoesOn: broken off again and again, a restore goes on where it was, and a store half-made is made anew.
func TestFetchGoesOn(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.keeper("G", 0)
		o := w.office("O")
		o.set("a", strings.Repeat("1", 200_000))
		paper := o.attach(noise(3 << 20))
		w.fatal(o.round(time.Minute))
		want := w.rows(o.store)
		m := o.burn()
		w.net.SetWeather(replicationtest.Weather{Latency: 40 * time.Millisecond, Loss: 0.01})
		blobs, err := blob.Open(filepath.Join(m.dir, "blobs"))
		w.fatal(err)
		tries := 0
		for err = errors.New("not begun"); err != nil && tries < 200; tries++ {
			ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
			_, err = m.source(blobs).Fetch(ctx)
			cancel()
		}
		if held, bad := blobs.Has(t.Context(), paper); err != nil || bad != nil || !held || tries < 3 {
			t.Fatalf("after %d tries: %v, the attachment is there: %t", tries, err, held)
		}
		w.fatal(blobs.Close())
		w.net.SetWeather(replicationtest.Weather{})
		half := filepath.Join(m.dir, "store.restoring")
		w.fatal(os.MkdirAll(half, 0o700))
		w.fatal(os.WriteFile(filepath.Join(half, "VERSION"), []byte("of a crash"), 0o600))
		back, _ := m.restore()
		if w.rows(back.store) != want {
			t.Error("the store is not the one that was streamed")
		}
	})
}
