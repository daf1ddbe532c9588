package courier_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/bundle"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// province is a few offices on one simulated network.
type province struct {
	t    *testing.T
	net  *replicationtest.Network
	book *replicationtest.Book
	next int
	tcp  bool // machines have TCP too
}

func newProvince(t *testing.T) *province {
	return &province{t: t, net: replicationtest.NewNetwork(), book: replicationtest.NewBook()}
}

// office is one name with its disk (spool, outbox, inbox) and, while it runs, its machine (link, courier).
type office struct {
	p      *province
	name   replication.Name
	addr   string
	id     *identity.Private
	ring   *identity.Ring
	dir    string
	outbox *replicationtest.Outbox
	inbox  *replicationtest.Inbox
	files  sync.Map // digest of every file that took effect
	// wrap puts something before outbox and inbox; nil: nothing.
	wrap func() (replication.Outbox, replication.Inbox)

	spool   *spool.Spool
	link    *link.Link
	courier *courier.Courier
	stop    func()
}

func (p *province) office(name replication.Name) *office {
	id, err := identity.Generate()
	if err != nil {
		p.t.Fatal(err)
	}
	p.next++
	o := &office{
		p: p, name: name, id: id, dir: p.t.TempDir(), addr: fmt.Sprintf("10.0.0.%d:7400", p.next),
		outbox: replicationtest.NewOutbox(), inbox: replicationtest.NewInbox(id.Sign),
	}
	o.inbox.Accept = o.read
	p.book.Add(name, o.addr, id.Public())
	o.start()
	p.t.Cleanup(func() { o.stop() })
	return o
}

// read is the rule of these offices: files must be whole, and a body may say that it is unwelcome.
func (o *office) read(_ replication.Parcel, c replication.Content) error {
	for _, f := range c.Files {
		r, err := f.Open()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		o.files.Store(digest.Of(b), true)
	}
	if strings.HasPrefix(string(c.Body), "unwelcome") {
		return replicationtest.Rule("no such procedure")
	}
	return nil
}

// start switches the machine on.
func (o *office) start() {
	t := o.p.t
	var err error
	if o.spool, err = spool.Open(o.dir); err != nil {
		t.Fatal(err)
	}
	o.ring = identity.NewRing(o.id)
	c := link.Config{Name: o.name, Identity: o.id, Ring: o.ring, Resolver: o.p.book, Conn: o.p.net.Listen(o.addr)}
	if o.p.tcp {
		c.Listener, c.DialTCP = o.p.net.ListenTCP(o.addr), o.p.net.DialTCP(o.addr)
	}
	o.link, err = link.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out replication.Outbox = o.outbox
	var in replication.Inbox = o.inbox
	if o.wrap != nil {
		out, in = o.wrap()
	}
	o.courier = courier.New(courier.Config{
		Self: o.name, Identity: o.id, Ring: o.ring, Link: o.link, Spool: o.spool, Outbox: out, Inbox: in, Resolver: o.p.book,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); o.courier.Run(ctx) }()
	l := o.link
	var once sync.Once
	o.stop = func() {
		once.Do(func() {
			cancel()
			l.Close()
			<-ended
		})
	}
}

// kill switches the machine off: its goodbyes are lost.
func (o *office) kill() {
	o.p.net.Cut(o.addr)
	o.stop()
	o.p.net.Heal(o.addr)
}

// enrolAnew gives the machine new keys. Its disk stays.
func (o *office) enrolAnew() {
	o.p.t.Helper()
	o.stop()
	id, err := identity.Generate()
	if err != nil {
		o.p.t.Fatal(err)
	}
	o.id = id
	o.p.book.Add(o.name, o.addr, id.Public())
	o.start()
}

// garbage makes a genuine parcel of one chunk whose content is none.
func (o *office) garbage(to *office) (p replication.Parcel, chunk []byte) {
	o.p.t.Helper()
	m := replication.Manifest{Version: 1, From: o.name, To: to.name, Created: time.Now().Unix()}
	key := seal.NewKey()
	var r record.Record
	_, err := seal.NewCipher(key).Encrypt(strings.NewReader("garbage"), replication.ChunkSize, func(c []byte) error {
		chunk = bytes.Clone(c)
		m.Chunks = append(m.Chunks, replication.Chunk{Hash: digest.Of(c), Size: uint32(len(c))})
		return nil
	})
	if err == nil {
		m.Key, err = seal.SealKey(to.id.Seal.Public(), "parcel", key)
	}
	var b []byte
	if err == nil {
		b, err = wire.Marshal(m)
	}
	if err == nil {
		r, err = record.SignOne(o.id.Sign, replication.ManifestLabel, b)
	}
	if err == nil {
		p, err = replication.Read(r)
	}
	if err != nil {
		o.p.t.Fatal(err)
	}
	return p, chunk
}

// pack makes a parcel without sending it.
func (o *office) pack(to *office, body string, files ...[]byte) replication.Parcel {
	o.p.t.Helper()
	var fs []replication.File
	for _, f := range files {
		fs = append(fs, replicationtest.File(f))
	}
	d := spool.Draft{From: o.name, To: to.name, Created: time.Now(), Expires: time.Now().Add(720 * time.Hour)}
	p, err := o.spool.Pack(d, o.id.Sign, to.id.Seal.Public(), []byte(body), fs)
	if err != nil {
		o.p.t.Fatal(err)
	}
	return p
}

func (o *office) send(to *office, body string, files ...[]byte) replication.Parcel {
	o.p.t.Helper()
	p := o.pack(to, body, files...)
	o.outbox.Put(p)
	o.courier.Wake(to.name)
	return p
}

// settled waits, in virtual time, until a parcel is settled.
func (o *office) settled(p replication.Parcel, within time.Duration) replication.Receipt {
	o.p.t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if v, ok := o.outbox.Settled(p.ID()); ok {
			return v
		}
		if time.Since(begin) > within {
			o.p.t.Fatalf("parcel %s is not settled after %s: %q", p.ID().Short(), within, o.outbox.Attempts(p.ID()))
		}
	}
}

// delivered waits for a parcel and checks that it took effect once, as it was sent.
func (o *office) delivered(p replication.Parcel, to *office, body string, within time.Duration) {
	o.p.t.Helper()
	if v := o.settled(p, within); v.Outcome != replication.Delivered {
		o.p.t.Errorf("outcome %d, refusal %q %q", v.Outcome, v.Refusal, v.Note)
	}
	if n := to.inbox.Effects(p.ID()); n != 1 {
		o.p.t.Errorf("%d effects, want 1", n)
	}
	if got := to.inbox.Body(p.ID()); string(got) != body {
		o.p.t.Errorf("arrived with the body %.40q, sent with %.40q", got, body)
	}
}

// held lists the chunks of a parcel that have come to an office so far.
func (o *office) held(p replication.Parcel) []int {
	partial, err := o.spool.Receive(p)
	if err != nil {
		o.p.t.Fatal(err)
	}
	var out []int
	for i := range p.Manifest.Chunks {
		if partial.Have().Has(i) {
			out = append(out, i)
		}
	}
	return out
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// in runs a test of a province in virtual time.
func in(t *testing.T, f func(t *testing.T, p *province)) {
	synctest.Test(t, func(t *testing.T) { f(t, newProvince(t)) })
}

// liar is a peer that answers offers as a test says.
func (p *province) liar(o *office, lie func(replication.Parcel) record.Record) {
	o.link.Handle(replication.TransferProtocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
		var offer replication.Offer
		if s.Receive(&offer, replication.MaxOffer) != nil {
			return
		}
		q, err := replication.Read(offer.Record)
		if err != nil {
			return
		}
		r := lie(q)
		s.Send(replication.Reply{Receipt: &r})
	})
}

// stick is the courier as a bundle's reader sees it.
type stick struct {
	o        *office
	receipts []record.Record
}

func (s *stick) Index(i bundle.Index) error {
	if !i.For(s.o.name) {
		return errors.New("not for us")
	}
	return nil
}

func (s *stick) Edition(context.Context, []byte) error { return nil }

func (s *stick) Receipt(ctx context.Context, r record.Record) error {
	_, err := s.o.courier.Settle(ctx, r)
	return err
}

func (s *stick) Parcel(ctx context.Context, p replication.Parcel, chunk func(int) ([]byte, error)) error {
	r, err := s.o.courier.Deliver(ctx, p, chunk)
	if err == nil {
		s.receipts = append(s.receipts, r)
	}
	return err
}
