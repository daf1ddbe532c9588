package relay_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/relay"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// province is a few machines on one simulated network.
type province struct {
	t    *testing.T
	net  *replicationtest.Network
	book *replicationtest.Book
	next int

	mu     sync.Mutex
	relays []replication.Name
}

func (p *province) addRelay(name replication.Name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.relays = append(p.relays, name)
}

func (p *province) allRelays() []replication.Name {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.relays)
}

func in(t *testing.T, f func(t *testing.T, p *province)) {
	synctest.Test(t, func(t *testing.T) {
		f(t, &province{t: t, net: replicationtest.NewNetwork(), book: replicationtest.NewBook()})
	})
}

// machine is one name with its disk and, while it runs, its link; an office has a courier, a relay keeps for others.
type machine struct {
	p      *province
	name   replication.Name
	addr   string
	id     *identity.Private
	dir    string
	config relay.Config // of a relay
	serves bool
	outbox *replicationtest.Outbox
	inbox  *replicationtest.Inbox

	link    *link.Link
	spool   *spool.Spool
	courier *courier.Courier
	relay   *relay.Relay
	stop    func()
}

func (p *province) machine(name replication.Name) *machine {
	p.t.Helper()
	id, err := identity.Generate()
	if err != nil {
		p.t.Fatal(err)
	}
	p.next++
	m := &machine{
		p: p, name: name, id: id, dir: p.t.TempDir(), addr: fmt.Sprintf("10.0.0.%d:7400", p.next),
		outbox: replicationtest.NewOutbox(), inbox: replicationtest.NewInbox(id.Sign), stop: func() {},
	}
	p.book.Add(name, m.addr, id.Public())
	p.t.Cleanup(func() { m.stop() })
	return m
}

func (p *province) office(name replication.Name) *machine {
	m := p.machine(name)
	m.start()
	return m
}

func (p *province) relay(name replication.Name, q relay.Quota) *machine {
	m := p.machine(name)
	m.serves, m.config.Quota = true, q
	p.addRelay(name)
	m.start()
	return m
}

// start switches the machine on.
func (m *machine) start() {
	m.p.t.Helper()
	var err error
	m.link, err = link.New(link.Config{Name: m.name, Identity: m.id, Resolver: m.p.book, Conn: m.p.net.Listen(m.addr)})
	if err != nil {
		m.p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	if m.serves {
		c := m.config
		c.Dir, c.Self, c.Identity, c.Link, c.Resolver = m.dir, m.name, m.id, m.link, m.p.book
		if m.relay, err = relay.Open(c); err != nil {
			m.p.t.Fatal(err)
		}
		work.Go(func() { m.relay.Run(ctx) })
	} else {
		m.open(ctx, &work)
	}
	l := m.link
	var once sync.Once
	m.stop = func() { once.Do(func() { cancel(); l.Close(); work.Wait() }) }
}

func (m *machine) open(ctx context.Context, work *sync.WaitGroup) {
	var err error
	if m.spool, err = spool.Open(m.dir); err != nil {
		m.p.t.Fatal(err)
	}
	client := relay.NewClient(relay.ClientConfig{
		Link: m.link, Relays: func(replication.Name) []replication.Name { return m.p.allRelays() }, Own: m.p.allRelays,
		Settle: func(ctx context.Context, rs ...record.Record) (int, error) { return m.courier.Settle(ctx, rs...) },
	})
	m.courier = courier.New(courier.Config{
		Self: m.name, Identity: m.id, Link: m.link, Spool: m.spool, Outbox: m.outbox, Inbox: m.inbox, Resolver: m.p.book, Relay: client,
	})
	work.Go(func() { m.courier.Run(ctx) })
	work.Go(func() { client.Run(ctx) })
}

// kill switches the machine off: its goodbyes are lost.
func (m *machine) kill() {
	m.p.net.Cut(m.addr)
	m.stop()
	m.p.net.Heal(m.addr)
}

func (m *machine) send(to *machine, body string, files ...[]byte) replication.Parcel {
	m.p.t.Helper()
	var fs []replication.File
	for _, f := range files {
		fs = append(fs, replicationtest.File(f))
	}
	d := spool.Draft{From: m.name, To: to.name, Created: time.Now(), Expires: time.Now().Add(48 * time.Hour)}
	p, err := m.spool.Pack(d, m.id.Sign, to.id.Seal.Public(), []byte(body), fs)
	if err != nil {
		m.p.t.Fatal(err)
	}
	m.outbox.Put(p)
	m.courier.Wake(to.name)
	return p
}

// until waits, in virtual time.
func (p *province) until(what string, within time.Duration, ok func() bool) {
	p.t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > within {
			p.t.Fatalf("not within %s: %s", within, what)
		}
	}
}

func (m *machine) keeps(n int) func() bool { return func() bool { return m.relay.List().Parcels == n } }

func (m *machine) settled(q replication.Parcel) func() bool {
	return func() bool { _, ok := m.outbox.Settled(q.ID()); return ok }
}

func (m *machine) took(q replication.Parcel, body string) {
	m.p.t.Helper()
	if n := m.inbox.Effects(q.ID()); n != 1 || string(m.inbox.Body(q.ID())) != body {
		m.p.t.Errorf("%s: %d effects of %q", m.name, n, m.inbox.Body(q.ID()))
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// TestNeverUpTogether: a relay brings a parcel to a recipient that is only up when its sender is off, and the receipt back.
func TestNeverUpTogether(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		b.stop()
		small := a.send(b, "a short decision")
		large := a.send(b, "a plan", noise(3<<20))
		p.until("both are kept", 10*time.Minute, r.keeps(2))
		if why := a.outbox.Attempts(small.ID()); why[len(why)-1] != string(replication.KeptByRelay) {
			t.Errorf("people see %q", why)
		}
		a.stop()
		time.Sleep(time.Hour)
		b.start()
		p.until("the recipient has both", 3*time.Minute, func() bool { return b.inbox.Effects(small.ID()) == 1 && b.inbox.Effects(large.ID()) == 1 })
		p.until("nothing waits", time.Minute, r.keeps(0))
		b.stop()
		if a.outbox.Unsettled() != 2 {
			t.Fatal("settled before the receipt has come")
		}
		time.Sleep(time.Hour)
		a.start()
		p.until("the receipts are back", 10*time.Minute, func() bool { return a.settled(small)() && a.settled(large)() })
		p.until("the relay has forgotten", time.Minute, func() bool { return len(r.relay.List().Items) == 0 })
		b.took(small, "a short decision")
		b.took(large, "a plan")
	})
}

// TestRepeatHasNoSecondEffect: the direct way opens while a relay keeps the parcel too.
func TestRepeatHasNoSecondEffect(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		p.net.Cut(b.addr)
		q := a.send(b, "both ways", noise(1<<20))
		p.until("it is kept", 10*time.Minute, r.keeps(1))
		p.net.Part(r.addr, b.addr)
		p.net.Heal(b.addr)
		p.until("it went directly", 5*time.Minute, a.settled(q))
		if !r.keeps(1)() {
			t.Error("the relay should not know yet")
		}
		p.net.Meet(r.addr, b.addr)
		p.until("the relay is rid of it", 20*time.Minute, func() bool { return len(r.relay.List().Items) == 0 })
		b.took(q, "both ways")
	})
}

// TestResumesAcrossCarriers: what went directly before the line broke is not sent again by the relay.
func TestResumesAcrossCarriers(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond, Loss: 0.02})
		q := a.send(b, "a plan", noise(4<<20))
		held := func(m *machine) int {
			pt, err := m.spool.Receive(q)
			if err != nil {
				t.Fatal(err)
			}
			return pt.Have().Count()
		}
		p.until("some of it has come", time.Minute, func() bool { return held(b) > 4 })
		p.net.Part(a.addr, b.addr)
		p.until("the relay has it or has brought it", 20*time.Minute, a.settled(q))
		b.took(q, "a plan")
		if r.keeps(0)() == false {
			t.Error("still kept")
		}
	})
}

// TestRestartsAnywhere: relay, sender and recipient are switched off at random moments.
func TestRestartsAnywhere(t *testing.T) {
	for seed := range 4 {
		in(t, func(t *testing.T, p *province) {
			r := p.relay("r1", relay.Quota{})
			a, b := p.office("A"), p.office("B")
			p.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond, Loss: 0.05, Duplicate: 0.02, Jitter: 20 * time.Millisecond})
			p.net.Part(a.addr, b.addr)
			var sent []replication.Parcel
			for i := range 6 {
				sent = append(sent, a.send(b, fmt.Sprint("parcel ", i), noise(i*200<<10)))
			}
			for i := range 12 {
				m := []*machine{r, a, b}[(i+seed)%3]
				time.Sleep(time.Duration(60+37*i+11*seed) * time.Second)
				m.kill()
				time.Sleep(time.Duration(i%4) * 30 * time.Second)
				m.start()
			}
			for i, q := range sent {
				p.until("settled", time.Hour, a.settled(q))
				b.took(q, fmt.Sprint("parcel ", i))
			}
		})
	}
}

// TestQuota: a sender's share, a recipient's and the whole are bounded; what does not fit waits with its sender, and goes to
// another relay.
func TestQuota(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{SenderParcels: 2, RecipientParcels: 3, Parcels: 4, SenderBytes: 1 << 20, RecipientBytes: 4 << 20, Bytes: 8 << 20})
		a, b, c, d := p.office("A"), p.office("B"), p.office("C"), p.office("D")
		for _, m := range []*machine{c, d} {
			m.stop()
		}
		a.send(c, "larger than a sender's share", noise(2<<20))
		for i := range 3 {
			a.send(c, fmt.Sprint("small ", i))
			b.send(c, fmt.Sprint("small ", i))
			b.send(d, fmt.Sprint("small ", i))
		}
		time.Sleep(time.Hour)
		from := map[replication.Name]int{}
		to := map[replication.Name]int{}
		for _, i := range r.relay.List().Items {
			from[i.From]++
			to[i.To]++
		}
		kept := len(r.relay.List().Items)
		if from["A"] > 2 || from["B"] > 2 || to["C"] > 3 || kept < 3 || kept > 4 {
			t.Errorf("kept: from %v, to %v", from, to)
		}
		if a.outbox.Unsettled()+b.outbox.Unsettled() != 10 {
			t.Error("something is settled that nobody has got")
		}
		second := p.relay("r2", relay.Quota{})
		p.until("the second relay keeps what the first does not", time.Hour, second.keeps(10-kept))
		for _, m := range []*machine{c, d} {
			m.start()
		}
		p.until("all has arrived", 2*time.Hour, func() bool { return a.outbox.Unsettled()+b.outbox.Unsettled() == 0 })
	})
}

// TestOverdueGoesToAPerson: time throws nothing away; a person does, and the sender is told.
func TestOverdueGoesToAPerson(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		b.stop()
		late, dropped := a.send(b, "late"), a.send(b, "dropped")
		p.until("kept", 10*time.Minute, r.keeps(2))
		time.Sleep(3 * 24 * time.Hour)
		for _, i := range r.relay.List().Items {
			if !i.Overdue || i.State != relay.Waiting {
				t.Errorf("parcel %s: overdue %t, %s", i.Parcel, i.Overdue, i.State)
			}
		}
		id := dropped.ID().String()
		for _, bad := range [][2]string{{id, " "}, {id[:4], "why"}, {strings.Repeat("0", 64), "why"}, {id, strings.Repeat("x", 400)}} {
			if _, err := r.relay.Drop(bad[0], bad[1]); err == nil {
				t.Errorf("dropped %q for %q", bad[0], bad[1])
			}
		}
		if i, err := r.relay.Drop(id[:12], "nơi nhận đã giải thể"); err != nil || i.State != relay.Removed {
			t.Fatal(i, err)
		}
		time.Sleep(12 * time.Hour)
		if why := a.outbox.Attempts(dropped.ID()); !contains(why, replication.RelayDropped) {
			t.Errorf("the sender's people see %q", why)
		}
		if !r.keeps(1)() || a.outbox.Unsettled() != 2 {
			t.Error("the other parcel is gone, or one was settled")
		}
		r.kill()
		r.start()
		a.stop()
		b.start()
		p.until("late, but there", 30*time.Minute, func() bool { return b.inbox.Effects(late.ID()) == 1 })
		a.start()
		p.until("and what the relay has not, its sender has", time.Hour, func() bool { return a.outbox.Unsettled() == 0 })
		b.took(dropped, "dropped")
	})
}

func contains(all []string, want replication.Reason) bool {
	for _, s := range all {
		if s == string(want) {
			return true
		}
	}
	return false
}

// TestReadsNothing: what is on the relay's disk does not contain what was sent.
func TestReadsNothing(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		b.stop()
		secret := "the land of Nguyễn Thị A"
		a.send(b, secret, []byte(strings.Repeat(secret, 20_000)))
		a.send(b, secret)
		p.until("kept", 10*time.Minute, r.keeps(2))
		found := 0
		filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			body, err := os.ReadFile(path)
			if bytes.Contains(body, []byte(secret)) {
				t.Errorf("%s holds it in clear", path)
			}
			found++
			return err
		})
		if found != 4 {
			t.Errorf("%d files, want two parcels and their chunks", found)
		}
	})
}

// TestReceiptComesAtOnce: where the sender is in reach, it need not wait until the relay looks around.
func TestReceiptComesAtOnce(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		p.net.Part(a.addr, b.addr)
		q := a.send(b, "round about")
		p.until("it has arrived", 10*time.Minute, func() bool { return b.inbox.Effects(q.ID()) == 1 })
		p.until("and its sender knows", 5*time.Second, a.settled(q))
	})
}
