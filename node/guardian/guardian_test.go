package guardian_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/recovery"
	"motcua/node/blob"
	"motcua/node/guardian"
	"motcua/node/store"
	"motcua/replication"
	keeping "motcua/replication/guardian"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// world is an office, its guardians and the officials, on a simulated network.
type world struct {
	t        *testing.T
	net      *replicationtest.Network
	book     *replicationtest.Book
	province *record.Key
	shares   []recovery.Share
	key      record.Record
	keepers  []replication.Name
	next     int
}

func in(t *testing.T, f func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: replicationtest.NewNetwork(), book: replicationtest.NewBook()}
		var err error
		w.province, err = record.NewKey(bytes.Repeat([]byte{9}, record.SeedSize))
		w.fatal(err)
		w.key, w.shares, err = recovery.NewKey(1, 5, 3, time.Now(), w.province)
		w.fatal(err)
		f(t, w)
	})
}

func (w *world) fatal(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// machine has a name, keys, a folder and, while it is on, a link.
type machine struct {
	w    *world
	name replication.Name
	addr string
	id   *identity.Private
	dir  string
	link *link.Link
	off  func()
}

func (w *world) machine(name replication.Name) *machine {
	id, err := identity.Generate()
	w.fatal(err)
	w.next++
	m := &machine{w: w, name: name, addr: fmt.Sprintf("10.0.0.%d:7400", w.next), id: id, dir: w.t.TempDir()}
	w.book.Add(name, m.addr, id.Public())
	m.on()
	w.t.Cleanup(func() { m.off() })
	return m
}

func (m *machine) on() {
	var err error
	m.link, err = link.New(link.Config{Name: m.name, Identity: m.id, Resolver: m.w.book, Conn: m.w.net.Listen(m.addr)})
	m.w.fatal(err)
	l := m.link
	m.off = func() { l.Close() }
}

func (m *machine) keyFile() *keeping.KeyFile {
	f, err := keeping.OpenKeyFile(filepath.Join(m.dir, "key"), m.w.province.Public().Bytes())
	m.w.fatal(err)
	return f
}

// keeper is a machine that is a guardian, and knows the province's key.
func (w *world) keeper(name replication.Name, quota int64) *machine {
	m := w.machine(name)
	_, err := m.keyFile().Take(w.key)
	w.fatal(err)
	m.keep(quota)
	w.keepers = append(w.keepers, name)
	return m
}

func (m *machine) keep(quota int64) {
	_, err := keeping.Open(keeping.Config{
		Dir: filepath.Join(m.dir, "kept"), Link: m.link, Resolver: m.w.book, Serves: func(n replication.Name) bool { return n != "stranger" },
		Key: m.keyFile(), Quota: quota, Reserve: 1,
	})
	m.w.fatal(err)
}

// office is a machine with a store and attachments that are streamed.
type office struct {
	*machine
	store  *store.Store
	blobs  *blob.Store
	stream *guardian.Streamer
}

func (w *world) office(name replication.Name) *office {
	o := &office{machine: w.machine(name)}
	o.open()
	w.t.Cleanup(func() { o.close() })
	return o
}

func (o *office) open() {
	var err error
	o.store, err = store.Open(filepath.Join(o.dir, "store"), store.Options{NoMerging: true})
	o.w.fatal(err)
	o.blobs, err = blob.Open(filepath.Join(o.dir, "blobs"))
	o.w.fatal(err)
	o.stream, err = guardian.New(guardian.Config{
		Dir: filepath.Join(o.dir, "backup"), Self: o.name, Ring: identity.NewRing(o.id), Link: o.link, Key: o.keyFile(), Store: o.store, Blobs: o.blobs, Now: time.Now,
		Guardians: func() []replication.Name { return append([]replication.Name(nil), o.w.keepers...) },
	})
	o.w.fatal(err)
}

func (o *office) close() {
	if o.store != nil { // it has not burnt down
		o.w.fatal(errors.Join(o.store.Close(), o.blobs.Close()))
	}
}

func (o *office) restart() {
	o.w.net.Cut(o.addr)
	o.close()
	o.off()
	o.w.net.Heal(o.addr)
	o.on()
	o.open()
}

func (o *office) set(name, value string) {
	var v []byte
	if value != "" {
		v = []byte(value)
	}
	o.w.fatal(o.store.Update(o.w.t.Context(), func(t *store.Tx) error { return t.Set(name, v) }))
}

func (o *office) attach(b []byte) digest.Digest {
	s, err := o.blobs.Put(o.w.t.Context(), bytes.NewReader(b), 1<<30)
	o.w.fatal(err)
	return s.Blob
}

func (o *office) round(within time.Duration) error {
	ctx, cancel := context.WithTimeout(o.w.t.Context(), within)
	defer cancel()
	return o.stream.Round(ctx)
}

// rows are what a store holds.
func (w *world) rows(s *store.Store) string {
	var b bytes.Buffer
	_, _, err := s.Dump(w.t.Context(), &b, 0)
	w.fatal(err)
	return b.String()
}

// burn replaces the machine of an office by a new one with new keys and an empty folder.
func (o *office) burn() *machine {
	o.close()
	o.off()
	id, err := identity.Generate()
	o.w.fatal(err)
	o.w.next++
	m := &machine{w: o.w, name: o.name, addr: fmt.Sprintf("10.0.0.%d:7400", o.w.next), id: id, dir: o.w.t.TempDir()}
	o.w.book.Add(o.name, m.addr, id.Public())
	m.on()
	o.w.t.Cleanup(func() { m.off() })
	o.store, o.blobs = nil, nil
	return m
}

func (m *machine) source(blobs *blob.Store) guardian.Source {
	return guardian.Source{
		Dir: filepath.Join(m.dir, "restore"), Self: m.name, Identity: m.id, Link: m.link, Guardians: m.w.keepers, Resolver: m.w.book, Blobs: blobs,
	}
}

// restore brings the office back on a new machine.
func (m *machine) restore() (*office, guardian.Found) {
	m.w.t.Helper()
	blobs, err := blob.Open(filepath.Join(m.dir, "blobs"))
	m.w.fatal(err)
	f, err := m.source(blobs).Fetch(m.w.t.Context())
	m.w.fatal(err)
	m.w.fatal(blobs.Close())
	until, err := m.opening().Open(m.w.t.Context(), m.w.officials(f.Request))
	m.w.fatal(err)
	if !until.Equal(f.Until) {
		m.w.t.Errorf("opened until %v, fetched until %v", until, f.Until)
	}
	o := &office{machine: m}
	o.open()
	m.w.t.Cleanup(func() { o.close() })
	return o, f
}

func (m *machine) opening() guardian.Opening {
	return guardian.Opening{
		Dir: filepath.Join(m.dir, "restore"), Store: filepath.Join(m.dir, "store"), Self: m.name, Identity: m.id, Resolver: m.w.book,
		Options: store.Options{NoMerging: true},
	}
}

// officials answer a request with three of their five shares.
func (w *world) officials(request []byte) []byte {
	q, err := recovery.ReadRequest(request)
	w.fatal(err)
	key, err := recovery.Combine([]recovery.Share{w.shares[3], w.shares[0], w.shares[4]})
	w.fatal(err)
	a, err := q.Answer(key)
	w.fatal(err)
	return a
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// TestBurntDown: what was streamed is back on a new machine, rows that were changed and deleted as they were last.
func TestBurntDown(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		g := w.keeper("G", 0)
		o := w.office("O")
		o.set("a", "first")
		o.set("gone", "soon")
		o.set("long", strings.Repeat("x", 100_000))
		paper := noise(300_000)
		first := o.attach(paper)
		w.fatal(o.round(time.Minute))
		o.set("a", "second")
		o.set("gone", "")
		second := o.attach(noise(10))
		time.Sleep(time.Minute)
		w.fatal(o.round(time.Minute))
		w.fatal(o.round(time.Minute)) // nothing new
		st := o.stream.Status()
		if st.Segments != 2 || st.Guardian != "G" || st.Problem != "" || st.Key != 1 || time.Since(st.Until) > time.Minute {
			t.Errorf("status %+v", st)
		}
		want := w.rows(o.store)
		o.set("late", "after the last segment")
		m := o.burn()
		if _, err := m.opening().Open(t.Context(), nil); err == nil {
			t.Error("opened without an answer")
		}
		back, f := m.restore()
		if f.Files != 2 || f.Segments != 2 {
			t.Errorf("found %+v", f)
		}
		if w.rows(back.store) != want {
			t.Error("the store is not the one that was streamed")
		}
		for _, name := range []digest.Digest{first, second} {
			if held, err := back.blobs.Has(t.Context(), name); err != nil || !held {
				t.Errorf("attachment %s is missing: %v", name.Short(), err)
			}
		}
		back.set("b", "goes on")
		w.fatal(back.round(time.Minute))
		if _, err := m.opening().Open(t.Context(), w.officials(f.Request)); err == nil {
			t.Error("restored over a node that works")
		}
		_ = g
	})
}

// TestKilledWhileStreaming: the office is switched off at any moment, on a bad line, and so is the guardian; what arrives is whole.
func TestKilledWhileStreaming(t *testing.T) {
	for seed := range 3 {
		in(t, func(t *testing.T, w *world) {
			g := w.keeper("G", 0)
			o := w.office("O")
			w.net.SetWeather(replicationtest.Weather{Latency: 40 * time.Millisecond, Loss: 0.03, Jitter: 10 * time.Millisecond})
			for i := range 24 {
				o.set(fmt.Sprint("row ", i%7), fmt.Sprint(i, strings.Repeat("y", i*3000)))
				if i%3 == 0 {
					o.attach(noise(i * 20_000))
				}
				time.Sleep(time.Second)
				o.round(time.Duration(100+(i*137+seed*61)%1900) * time.Millisecond)
				switch i % 4 {
				case 1:
					o.restart()
				case 2:
					w.net.Cut(g.addr)
					g.off()
					w.net.Heal(g.addr)
					g.on()
					g.keep(0)
				}
			}
			for i := 0; o.round(5*time.Minute) != nil; i++ {
				if time.Sleep(time.Minute); i > 20 {
					t.Fatal(o.round(time.Minute))
				}
			}
			want := w.rows(o.store)
			w.net.SetWeather(replicationtest.Weather{})
			time.Sleep(5 * time.Minute) // the guardian still speaks with the machine that is no more
			back, _ := o.burn().restore()
			if w.rows(back.store) != want {
				t.Error("the store is not the one that was streamed")
			}
			c, err := keeping.Dial(t.Context(), back.link, "G")
			w.fatal(err)
			defer c.Close()
			if heads, _, err := c.Heads(nil); err != nil || len(heads) != 1 {
				t.Errorf("%d streams, want the one that went on after every interruption: %v", len(heads), err)
			}
		})
	}
}

// TestReadsNothing: the guardian's folder holds nothing in clear, and a machine with the right name and the wrong officials opens
// nothing.
func TestReadsNothing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		g := w.keeper("G", 0)
		o := w.office("O")
		secret := "Nguyễn Thị Bí Mật"
		o.set(secret, strings.Repeat(secret, 1000))
		o.attach([]byte(strings.Repeat(secret, 5000)))
		w.fatal(o.round(time.Minute))
		files := 0
		w.fatal(filepath.WalkDir(g.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds it in clear", path)
			}
			files++
			return err
		}))
		if files < 5 {
			t.Errorf("%d files", files)
		}
	})
}

// TestOldCopy: a folder that was put back from an old copy begins another stream; the one with what it has forgotten is kept.
func TestOldCopy(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.keeper("G", 0)
		o := w.office("O")
		o.set("a", "monday")
		w.fatal(o.round(time.Minute))
		monday := t.TempDir()
		o.close()
		w.fatal(os.CopyFS(monday, os.DirFS(o.dir)))
		w.fatal(os.Chmod(filepath.Join(monday, "store", "store.key"), 0o600))
		o.open()
		o.set("a", "tuesday")
		time.Sleep(time.Hour)
		w.fatal(o.round(time.Minute))
		o.close()
		o.dir = monday
		o.open()
		o.set("a", "wednesday")
		time.Sleep(time.Hour)
		w.fatal(o.round(time.Minute))
		want := w.rows(o.store)
		back, _ := o.burn().restore()
		if w.rows(back.store) != want {
			t.Error("not the newest")
		}
		c, err := keeping.Dial(t.Context(), back.link, "G")
		w.fatal(err)
		defer c.Close()
		if heads, _, err := c.Heads(nil); err != nil || len(heads) != 2 || heads[1].Number != 2 {
			t.Errorf("kept: %+v %v", heads, err)
		}
	})
}

// TestAnotherGuardian: one that has been out of reach for days is left for another, which is given everything.
func TestAnotherGuardian(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		g := w.keeper("G", 0)
		w.keeper("H", 0)
		o := w.office("O")
		o.set("a", "1")
		w.fatal(o.round(time.Minute))
		g.off()
		o.set("b", "2")
		for range 3 {
			if o.round(time.Minute) == nil {
				t.Fatal("another guardian was chosen at once")
			}
			time.Sleep(23 * time.Hour)
		}
		time.Sleep(4 * time.Hour)
		w.fatal(o.round(time.Minute))
		want := w.rows(o.store)
		if back, f := o.burn().restore(); f.Guardian != "H" || w.rows(back.store) != want {
			t.Errorf("restored from %s", f.Guardian)
		}
	})
}

// TestNoKey: nothing is streamed that nobody could open; the key comes with the guardian's answer, a newer one begins a new stream,
// one that the province has not signed is no key.
func TestNoKey(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		g := w.machine("G")
		g.keep(0)
		w.keepers = append(w.keepers, g.name)
		o := w.office("O")
		o.set("a", "1")
		if err := o.round(time.Minute); !errors.Is(err, guardian.ErrNoKey) {
			t.Fatal(err)
		}
		forged, _, err := recovery.NewKey(9, 3, 2, time.Now(), o.id.Sign)
		w.fatal(err)
		if ok, err := g.keyFile().Take(forged); ok || err == nil {
			t.Error("a forged key is taken")
		}
		for n := range uint32(2) {
			w.key, w.shares, err = recovery.NewKey(n+1, 5, 3, time.Now(), w.province)
			w.fatal(err)
			f := g.keyFile()
			_, err := f.Take(w.key)
			w.fatal(err)
			g.off()
			g.on()
			g.keep(0)
			o.round(time.Minute) // over the connection that was
			w.fatal(o.round(time.Minute))
			if s := o.stream.Status(); s.Key != n+1 || s.Segments != 1 {
				t.Errorf("key %d: %+v", n+1, s)
			}
			time.Sleep(time.Minute)
		}
		o.burn().restore()
	})
}
