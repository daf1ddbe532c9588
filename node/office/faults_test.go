package office

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// How many random schedules a run tries, of how many steps each; MOTCUA_SCHEDULES sets another number of schedules.
const (
	schedules = 3
	stepsEach = 16
)

// TestOfficesSurviveRandomFaults: two offices with their real stores, files, spools, couriers and links, under schedules of loss up to
// 30 %, duplicates, reordering, cuts of seconds to weeks, clocks that step, either machine killed at any time and at every durable step,
// and disks put back to a backup, of both or of one. What was acknowledged is there, every dossier comes to its end once, no chain has two
// writers or two versions, and nothing is readable on the wire or in the spool.
func TestOfficesSurviveRandomFaults(t *testing.T) {
	n := schedules
	if s, err := strconv.Atoi(os.Getenv("MOTCUA_SCHEDULES")); err == nil {
		n = s
	}
	ids := map[directory.OfficeCode]*identity.Private{}
	for _, c := range []directory.OfficeCode{xa, huyen} {
		id, err := identity.Generate()
		must(t, err)
		ids[c] = id
	}
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			w := newOrdeal(t, uint64(seed), ids)
			defer w.end()
			for range stepsEach {
				w.step()
			}
			w.settle()
		})
		if t.Failed() {
			t.Fatalf("schedule %d", seed)
		}
	}
}

// ordeal is a world of two offices under one schedule.
type ordeal struct {
	*province
	net    *replicationtest.Network
	rand   *rand.Rand
	ends   map[directory.OfficeCode]*sufferer
	done   int // dossiers begun
	told   []telling
	backup *yesterday
	apart  bool // an office was put back while nobody was in reach: it may have forked a chain
	log    []string
}

// telling is an act that somebody was told is done.
type telling struct {
	office directory.OfficeCode
	chain  digest.Digest
	head   store.Head
}

// yesterday is what both disks held at one time, and what people had been told then.
type yesterday struct {
	dirs map[directory.OfficeCode]string
	told []telling
}

// sufferer is an office whose machine dies now and then.
type sufferer struct {
	*node
	w    *ordeal
	addr string
	skew atomic.Int64 // nanoseconds
	stop func()

	mu   sync.Mutex
	now  *Office // nil while it is off
	trap string
	died chan chan struct{} // the machine stands still at a step, until its folder is copied
	fell int                // how often it has died
}

// The durable steps at which a machine dies.
var traps = []string{"pack", "packed", "take", "taken", "settle", "settled", "commit"}

var errDied = errors.New("the machine died")

// step stands still for ever at the step where the machine is to die.
func (v *sufferer) step(at string) error {
	v.mu.Lock()
	sprung := v.trap == at
	if sprung {
		v.trap, v.now = "", nil // nobody is told anything from now on
		v.fell++
	}
	v.mu.Unlock()
	if !sprung {
		return nil
	}
	copied := make(chan struct{})
	v.died <- copied
	<-copied
	return errDied
}

// mortalSpool, mortalInbox and mortalOutbox are the disks of a machine that dies.
type mortalSpool struct {
	*spool.Spool
	v *sufferer
}

func (s mortalSpool) Pack(d spool.Draft, signer *record.Key, to *seal.PublicKey, body []byte, files []replication.File) (p replication.Parcel, err error) {
	if err = s.v.step("pack"); err == nil {
		p, err = s.Spool.Pack(d, signer, to, body, files)
	}
	return p, errors.Join(err, s.v.step("packed"))
}

type mortalInbox struct {
	Inbox
	v *sufferer
}

func (in mortalInbox) Take(ctx context.Context, p replication.Parcel, c replication.Content) (r record.Record, err error) {
	if err = in.v.step("take"); err == nil {
		r, err = in.Inbox.Take(ctx, p, c)
	}
	return r, errors.Join(err, in.v.step("taken"))
}

type mortalOutbox struct {
	Outbox
	v *sufferer
}

func (b mortalOutbox) Settle(ctx context.Context, p replication.Parcel, r record.Record, a replication.Receipt) error {
	err := b.v.step("settle")
	if err == nil {
		err = b.Outbox.Settle(ctx, p, r, a)
	}
	return errors.Join(err, b.v.step("settled"))
}

// deaf is a directory that takes every report and answers nothing.
type deaf struct{ Calls }

func (deaf) ReportAll(_ context.Context, pending func(string, int) ([]directory.Track, error), sent func([]directory.Track) error) error {
	for {
		page, err := pending("", 100)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := sent(page); err != nil {
			return err
		}
	}
}
func (deaf) ReportOpen(context.Context, []directory.OpenCount) error { return nil }
func (deaf) Staff(context.Context, directory.OfficeCode) ([]directory.Account, error) {
	return nil, errLine
}

// near asks the other office, if its machine runs and the line is up.
type near struct {
	w    *ordeal
	from directory.OfficeCode
}

func (s near) Ask(ctx context.Context, to replication.Name, q Question) (a Answer, r io.ReadCloser, err error) {
	v, ok := s.w.ends[directory.OfficeCode(to)]
	if !ok || s.w.net.Dark(s.w.ends[s.from].addr, v.addr) {
		return a, nil, errLine
	}
	o, _ := v.running()
	if o == nil {
		return a, nil, errLine
	}
	a, r = o.Serve(ctx, replication.Name(s.from), over(s.w.t, q, MaxQuestion))
	return over(s.w.t, a, MaxAnswer), r, nil
}

func newOrdeal(t *testing.T, seed uint64, ids map[directory.OfficeCode]*identity.Private) *ordeal {
	w := &ordeal{
		province: &province{t: t, book: replicationtest.NewBook(), offices: map[directory.OfficeCode]*node{}, version: 1, accounts: map[string]directory.Account{}},
		net:      replicationtest.NewNetwork(), rand: rand.New(rand.NewPCG(seed, 5)), ends: map[directory.OfficeCode]*sufferer{},
	}
	w.net.Watch(func(b []byte) {
		if bytes.Contains(b, secret) {
			t.Error("a paper is readable on the wire")
		}
	})
	for i, c := range []directory.OfficeCode{xa, huyen} {
		v := &sufferer{node: &node{dir: t.TempDir(), id: ids[c], p: w.province}, w: w, addr: fmt.Sprintf("10.0.0.%d:7400", i+1), died: make(chan chan struct{})}
		w.book.Add(replication.Name(c), v.addr, ids[c].Public())
		w.ends[c], w.offices[c] = v, v.node
	}
	for c, v := range w.ends {
		v.begin(c)
	}
	return w
}

// testLog is quiet unless MOTCUA_TEST_LOG is set.
func testLog(c directory.OfficeCode) *slog.Logger {
	if os.Getenv("MOTCUA_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("office", c)
}

func (w *ordeal) end() {
	for _, v := range w.ends {
		v.off()
	}
}

// begin switches the machine on.
func (v *sufferer) begin(c directory.OfficeCode) {
	t := v.w.t
	free := func(string) (uint64, error) { return 1 << 40, v.step("commit") }
	st, err := store.Open(filepath.Join(v.dir, "store"), store.Options{NoMerging: true, Free: free})
	must(t, err)
	bl, err := blob.Open(filepath.Join(v.dir, "blob"))
	must(t, err)
	v.sp, err = spool.Open(filepath.Join(v.dir, "spool"))
	must(t, err)
	var post *courier.Courier
	v.Office = New(Config{
		Code: c, Identity: v.id, Store: st, Blobs: bl, Spool: mortalSpool{v.sp, v}, Directory: tables{v.w.book, v.w.province}, Calls: deaf{}, Peers: near{v.w, c},
		Passwords: plainPasswords{}, Log: testLog(c), Now: func() time.Time { return time.Now().Add(time.Duration(v.skew.Load())) }, Wake: func(to replication.Name) { post.Wake(to) },
		Offices: func() []replication.Name { return []replication.Name{replication.Name(xa), replication.Name(huyen)} },
	})
	l, err := link.New(link.Config{Name: replication.Name(c), Identity: v.id, Resolver: v.w.book, Conn: v.w.net.Listen(v.addr)})
	must(t, err)
	post = courier.New(courier.Config{
		Self: replication.Name(c), Identity: v.id, Link: l, Spool: v.sp, Outbox: mortalOutbox{v.Outbox(), v}, Inbox: mortalInbox{v.Inbox(), v}, Resolver: v.w.book,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { post.Run(ctx) })
	work.Go(func() { v.Background(ctx) })
	v.mu.Lock()
	v.now = v.Office
	v.mu.Unlock()
	v.stop = sync.OnceFunc(func() {
		v.mu.Lock()
		v.now = nil
		v.mu.Unlock()
		cancel()
		l.Close()
		work.Wait()
		must(t, st.Close(), bl.Close())
	})
}

// off ends the program. A step at which it stands still meanwhile fails.
func (v *sufferer) off() {
	v.mu.Lock()
	v.trap = ""
	v.fell++
	v.mu.Unlock()
	ended := make(chan struct{})
	go func() { defer close(ended); v.stop() }()
	for {
		select {
		case c := <-v.died:
			close(c)
		case <-ended:
			return
		}
	}
}

// running is the office while its machine runs, and how often that has died.
func (v *sufferer) running() (*Office, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now, v.fell
}

// dies takes the power from the machine at this instant: what its disk holds is what is there when it is switched on again. One that
// stands still at a step is let go on afterwards, on a disk that is no more.
func (v *sufferer) dies(standing chan struct{}) {
	cut := v.w.net.Dark(v.addr, v.addr)
	v.w.net.Cut(v.addr)
	synctest.Wait()
	kept := filepath.Join(v.w.t.TempDir(), "kept")
	must(v.w.t, replicationtest.Freeze(v.dir, kept))
	if standing != nil {
		close(standing)
	}
	v.off()
	v.dir = kept
	if !cut {
		v.w.net.Heal(v.addr)
	}
	v.begin(v.Code)
}

// during does something while machines may die, and returns once it is done.
func (w *ordeal) during(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	for {
		select {
		case <-done:
			return
		case c := <-w.ends[xa].died:
			w.ends[xa].dies(c)
		case c := <-w.ends[huyen].died:
			w.ends[huyen].dies(c)
		}
	}
}

func (w *ordeal) pass(d time.Duration) { w.during(func() { time.Sleep(d) }) }
