package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"motcua/cmd/child"
	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/node/blob"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/spool"
)

// The load of the parcels' measure.
const (
	parcelsInFlight = 32
	parcelBytes     = 20 << 10
	parcelWarm      = 2 * time.Second
	parcelTime      = 20 * time.Second
	parcelShort     = 2 * time.Second
)

// The two ends of the measure.
const (
	parcelSender   replication.Name = "H32.22327"
	parcelReceiver replication.Name = "H32.22330"
)

// Parcels measures how many parcels of 20 KiB one office can send to another: made, sealed, signed, durable in the sender's
// spool and outbox, taken, committed by the receiver with a signed receipt, verified and settled. The ends are two processes
// with the stores of a node, over loopback; each parcel brings one paper, which its receiver keeps in a file. The receiver is this program, started with the words receive and a folder.
func Parcels(ctx context.Context, cfg Config, receive []string, emit func(Measure) error) error {
	dir, err := os.MkdirTemp(cfg.Dir, "motcua-parcels-")
	if err != nil {
		return fmt.Errorf("bench parcels: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := parcels(ctx, cfg, dir, receive, emit); err != nil {
		return fmt.Errorf("bench parcels: %w", err)
	}
	return nil
}

func parcels(ctx context.Context, cfg Config, dir string, receive []string, emit func(Measure) error) (err error) {
	book, err := newParcelBook(dir)
	if err != nil {
		return err
	}
	there := child.Process{Name: "the receiver", Exe: cfg.Exe, Args: append(slices.Clone(receive), dir), Dir: filepath.Join(dir, string(parcelReceiver))}
	if err := there.Start(startTime); err != nil {
		return err
	}
	defer there.Stop(stopTime)
	here, err := openParcelEnd(dir, parcelSender, book)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, here.close()) }()
	d := parcelTime
	if cfg.Short {
		d = parcelShort
	}
	cfg.Progress("parcels of 20 KiB, 32 in flight")
	ends := []parcelProcess{{"sender", os.Getpid()}, {"receiver", there.PID()}}
	seen, err := here.load(ctx, d, ends)
	if err != nil {
		return err
	}
	if err := seen.emit(emit, ends); err != nil {
		return err
	}
	size := attachmentBytes
	if cfg.Short {
		size = attachmentShort
	}
	cfg.Progress(fmt.Sprintf("an attachment of %d MiB", size>>20))
	return here.large(ctx, size, there.PID(), emit)
}

// parcelProcess is the process of an end.
type parcelProcess struct {
	name string
	pid  int
}

// parcelLoad is what was seen of the parcels.
type parcelLoad struct {
	took      []time.Duration // of those since all were under way
	perSecond float64
	count     int             // all of them
	processor []time.Duration // that each end used for all of them
}

func (l parcelLoad) emit(emit func(Measure) error, ends []parcelProcess) error {
	slices.Sort(l.took)
	at := func(q float64) float64 {
		return float64(l.took[min(len(l.took)-1, int(q*float64(len(l.took))))].Microseconds()) / 1000
	}
	out := []Measure{
		Measure{Name: "parcels/32", Unit: "1/s", Value: round(l.perSecond)}.atLeast(1000),
		{Name: "parcels/32, median", Unit: "ms", Value: round(at(0.5))},
		Measure{Name: "parcels/32, p99", Unit: "ms", Value: round(at(0.99))}.atMost(100),
	}
	for i, end := range ends {
		m, err := memoryOf(end.pid)
		if err != nil {
			return err
		}
		out = append(out,
			Measure{Name: "processor time of the " + end.name, Unit: "ms a parcel", Value: round(float64(l.processor[i].Microseconds()) / 1000 / float64(l.count))},
			Measure{Name: "memory of the " + end.name, Unit: "MiB", Value: round(m.resident)}.atMost(150),
			Measure{Name: "memory of the " + end.name + ", anonymous", Unit: "MiB", Value: round(m.anonymous)},
		)
	}
	for _, m := range out {
		if err := emit(m); err != nil {
			return err
		}
	}
	return nil
}

// parcelBook is the resolver of both ends, kept in two files each.
type parcelBook map[replication.Name]replication.Peer

// newParcelBook makes the two ends: a folder with keys and an address each.
func newParcelBook(dir string) (parcelBook, error) {
	for _, name := range []replication.Name{parcelSender, parcelReceiver} {
		own := filepath.Join(dir, string(name))
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, err
		}
		id, err := identity.Generate()
		if err != nil {
			return nil, err
		}
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		if err := errors.Join(id.Save(filepath.Join(own, "identity.pem")), os.WriteFile(filepath.Join(own, "addr"), []byte(addr), 0o600)); err != nil {
			return nil, err
		}
	}
	return loadParcelBook(dir)
}

// freeAddr is an address that nobody listens on just now.
func freeAddr() (string, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return c.LocalAddr().String(), c.Close()
}

func loadParcelBook(dir string) (parcelBook, error) {
	book := parcelBook{}
	for _, name := range []replication.Name{parcelSender, parcelReceiver} {
		own := filepath.Join(dir, string(name))
		id, err := identity.Load(filepath.Join(own, "identity.pem"))
		if err != nil {
			return nil, err
		}
		addr, err := os.ReadFile(filepath.Join(own, "addr"))
		if err != nil {
			return nil, err
		}
		keys, err := id.Public().Keys()
		if err != nil {
			return nil, err
		}
		book[name] = replication.Peer{Name: name, Addr: string(addr), Keys: keys}
	}
	return book, nil
}

// Resolve implements replication.Resolver.
func (b parcelBook) Resolve(n replication.Name) (replication.Peer, error) {
	p, ok := b[n]
	if !ok {
		return p, replication.ErrUnknown
	}
	return p, nil
}

// Identify implements replication.Resolver.
func (b parcelBook) Identify(tlsID digest.Digest) (replication.Peer, error) {
	for _, p := range b {
		point, err := p.Keys.TLS.Bytes()
		if err == nil && identity.TLSID(point) == tlsID {
			return p, nil
		}
	}
	return replication.Peer{}, replication.ErrUnknown
}

// parcelEnd is one of the two offices.
type parcelEnd struct {
	name    replication.Name
	book    parcelBook
	id      *identity.Private
	store   *store.Store
	blobs   *blob.Store
	spool   *spool.Spool
	link    *link.Link
	courier *courier.Courier
	paper   []byte
	sent    atomic.Uint64
	settled sync.Map // of parcels under way: id → chan struct{}
	stop    context.CancelFunc
	ended   chan error
}

func openParcelEnd(dir string, name replication.Name, book parcelBook) (*parcelEnd, error) {
	own := filepath.Join(dir, string(name))
	e := &parcelEnd{name: name, book: book, paper: make([]byte, parcelBytes), ended: make(chan error, 1)}
	rand.Read(e.paper)
	var err error
	if e.id, err = identity.Load(filepath.Join(own, "identity.pem")); err != nil {
		return nil, err
	}
	if e.store, err = store.Open(filepath.Join(own, "store"), store.Options{}); err != nil {
		return nil, err
	}
	if e.blobs, err = blob.Open(filepath.Join(own, "blobs")); err != nil {
		return nil, err
	}
	if e.spool, err = spool.Open(filepath.Join(own, "spool")); err != nil {
		return nil, err
	}
	conn, err := net.ListenPacket("udp", book[name].Addr)
	if err != nil {
		return nil, err
	}
	if e.link, err = link.New(link.Config{Name: name, Identity: e.id, Resolver: book, Conn: conn}); err != nil {
		return nil, err
	}
	e.courier = courier.New(courier.Config{
		Self: name, Identity: e.id, Link: e.link, Spool: e.spool, Outbox: parcelOutbox{e.store.Outbox(), e}, Inbox: parcelInbox{e}, Resolver: book,
	})
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	go func() { e.ended <- e.courier.Run(ctx) }()
	return e, nil
}

func (e *parcelEnd) close() error {
	e.stop()
	return errors.Join(e.link.Close(), <-e.ended, e.store.Close(), e.blobs.Close())
}

// parcelOutbox tells who waits for a parcel that it is settled.
type parcelOutbox struct {
	*store.Outbox
	e *parcelEnd
}

// Settle implements replication.Outbox.
func (o parcelOutbox) Settle(ctx context.Context, p replication.Parcel, r record.Record, v replication.Receipt) error {
	err := o.Outbox.Settle(ctx, p, r, v)
	if done, ok := o.e.settled.Load(p.ID()); ok && err == nil {
		close(done.(chan struct{}))
	}
	return err
}

// parcelInbox stores what is in a parcel with its receipt.
type parcelInbox struct{ e *parcelEnd }

// Taken implements replication.Inbox.
func (in parcelInbox) Taken(_ context.Context, id digest.Digest) (r record.Record, ok bool, err error) {
	err = in.e.store.View(func(t *store.Tx) error { r, ok, err = t.Receipt(id); return err })
	return r, ok, err
}

// Take implements replication.Inbox.
func (in parcelInbox) Take(ctx context.Context, p replication.Parcel, c replication.Content) (r record.Record, err error) {
	var head replication.LogHead
	if err := in.e.store.View(func(t *store.Tx) (err error) { head, err = t.LogHead(); return err }); err != nil {
		return r, err
	}
	v := p.Answer("", "", time.Now().Unix())
	v.Log = &head
	b, err := v.Bytes()
	if err != nil {
		return r, err
	}
	for _, f := range c.Files { // as an office does: the files first, then what names them
		if err := in.e.keep(ctx, f); err != nil {
			return r, err
		}
	}
	st := store.Statement{Key: in.e.id.Sign, Label: replication.ReceiptLabel, Body: b}
	err = in.e.store.UpdateSigned(ctx, st, func(t *store.Tx, signed record.Record) error {
		r = signed
		return errors.Join(t.Set("content/"+p.ID().String(), c.Body), t.PutReceipt(signed, v))
	})
	return r, err
}

// Refuse implements replication.Inbox: nothing is refused here.
func (in parcelInbox) Refuse(context.Context, replication.Parcel, replication.Refusal, string) (record.Record, error) {
	return record.Record{}, errors.New("a parcel of the measure could not be read")
}

// load keeps parcels in flight for d, and tells what it saw of them.
func (e *parcelEnd) load(ctx context.Context, d time.Duration, ends []parcelProcess) (l parcelLoad, err error) {
	before, err := processorsOf(ends)
	if err != nil {
		return l, err
	}
	var mu sync.Mutex
	from := time.Now().Add(parcelWarm)
	l.perSecond, err = rate(ctx, parcelsInFlight, parcelWarm, d, func(ctx context.Context, _ int, _ uint64) error {
		begin := time.Now()
		err := e.send(ctx)
		mu.Lock()
		defer mu.Unlock()
		if l.count++; begin.After(from) {
			l.took = append(l.took, time.Since(begin))
		}
		return err
	})
	if err != nil {
		return l, err
	}
	if len(l.took) == 0 {
		return l, errors.New("no parcel was settled")
	}
	l.processor, err = processorsOf(ends)
	for i := range before {
		l.processor[i] -= before[i]
	}
	return l, err
}

func processorsOf(ends []parcelProcess) (out []time.Duration, err error) {
	for _, end := range ends {
		t, err := processorOf(end.pid)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// send makes a parcel, commits it and waits until it is settled.
func (e *parcelEnd) send(ctx context.Context) error {
	paper := bytes.Clone(e.paper)
	binary.BigEndian.PutUint64(paper, e.sent.Add(1)) // each another
	return e.carry(ctx, replication.File{Digest: digest.Of(paper), Size: parcelBytes, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(paper)), nil
	}})
}

// carry sends a parcel with one file.
func (e *parcelEnd) carry(ctx context.Context, file replication.File) error {
	now := time.Now()
	d := spool.Draft{From: e.name, To: parcelReceiver, Created: now, Expires: now.Add(time.Hour)}
	p, err := e.spool.Pack(d, e.id.Sign, e.book[parcelReceiver].Keys.Seal, []byte("a paper"), []replication.File{file})
	if err != nil {
		return err
	}
	done := make(chan struct{})
	e.settled.Store(p.ID(), done)
	defer e.settled.Delete(p.ID())
	if err := e.store.Update(ctx, func(t *store.Tx) error { return t.PutOutgoing(p, digest.Digest{}, "measure") }); err != nil {
		return err
	}
	e.courier.Wake(p.Manifest.To)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ReceiveParcels is the receiving end of Parcels, in a folder that it made, until ctx ends. ready is called when it answers.
func ReceiveParcels(ctx context.Context, dir string, ready func()) error {
	book, err := loadParcelBook(dir)
	if err != nil {
		return err
	}
	e, err := openParcelEnd(dir, parcelReceiver, book)
	if err != nil {
		return err
	}
	ready()
	<-ctx.Done()
	return e.close()
}
