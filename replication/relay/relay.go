package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/spool"
)

// The measures of a relay.
const (
	longestWait  = 30 * 24 * time.Hour // after which a parcel is overdue here
	endedKept    = 90 * 24 * time.Hour // for which a receipt waits for its sender, who can get another from the recipient
	stallTime    = 20 * time.Second
	commitTime   = 2 * time.Minute // for the other side to store what it was given
	lookAround   = 5 * time.Minute // between looks at what has become overdue, and at receipts that nobody has taken
	tellersOnce  = 8               // senders told at once
	maxReason    = 300             // bytes of the reason for dropping a parcel
	entryFolder  = "parcels"
	chunksFolder = "chunks"
)

// Config is what a relay works with. Dir, Self, Identity, Link and Resolver are required.
type Config struct {
	Dir      string
	Self     replication.Name
	Identity *identity.Private
	// Ring is that of courier.Config.
	Ring     *identity.Ring
	Link     *link.Link
	Resolver replication.Resolver
	// Serves tells whether parcels from one to another are kept here; nil: all are.
	Serves func(from, to replication.Name) bool
	Quota  Quota // zero: DefaultQuota
	// Free tells how many bytes are left on the disk of a folder; nil asks the operating system.
	Free func(dir string) (uint64, error)
	Now  func() time.Time // default time.Now
	Log  *slog.Logger     // default: nothing
}

// Relay keeps parcels for others. It is safe for concurrent use.
type Relay struct {
	cfg     Config
	log     *slog.Logger
	shelf   *shelf
	spool   *spool.Spool
	courier *courier.Courier
	wake    chan struct{}
	places  places

	mu   sync.Mutex
	ids  map[digest.Digest]bool        // the parcels that are coming in
	due  map[replication.Name]struct{} // senders to be told
	told map[replication.Name]bool     // being told
}

// Open opens the relay's folder, making it if there is none, and serves the link at once. Run does the rest.
func Open(cfg Config) (*Relay, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Quota == (Quota{}) {
		cfg.Quota = DefaultQuota
	}
	r := &Relay{
		cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1), ids: map[digest.Digest]bool{},
		due: map[replication.Name]struct{}{}, told: map[replication.Name]bool{},
	}
	var err error
	if r.shelf, err = openShelf(filepath.Join(cfg.Dir, entryFolder), cfg.Quota); err != nil {
		return nil, fmt.Errorf("open relay: %w", err)
	}
	if r.spool, err = spool.Open(filepath.Join(cfg.Dir, chunksFolder)); err != nil {
		return nil, fmt.Errorf("open relay: %w", err)
	}
	if _, err := r.spool.Sweep(r.waits); err != nil {
		return nil, fmt.Errorf("open relay: %w", err)
	}
	r.courier = courier.New(courier.Config{
		Self: cfg.Self, Identity: cfg.Identity, Ring: cfg.Ring, Link: cfg.Link, Spool: r.spool, Outbox: outbox{r}, Resolver: cfg.Resolver, Log: cfg.Log,
	})
	cfg.Link.Handle(Protocol, link.Known, r.serve)
	cfg.Link.OnContact(r.tell)
	return r, nil
}

// waits tells whether a parcel is kept for its recipient.
func (r *Relay) waits(id digest.Digest) bool {
	i, ok := r.shelf.get(id)
	return ok && i.state == Waiting
}

// Run brings parcels to recipients and receipts to senders, until the context ends. Call it once.
func (r *Relay) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { r.tellAll(ctx) })
	err := r.courier.Run(ctx)
	work.Wait()
	return err
}

// Seen says that somebody is in reach: what waits for them is brought now. It does not block.
func (r *Relay) Seen(name replication.Name) {
	r.courier.Wake(name)
	r.tell(name)
}

// serve answers one request.
func (r *Relay) serve(ctx context.Context, from link.Caller, s *link.Stream) {
	defer context.AfterFunc(ctx, s.Cancel)()
	var q request
	s.SetStall(stallTime)
	if !r.places.enter(from.Peer.Name) { // before anything of it is in memory
		s.Send(reply{No: Busy})
		return
	}
	defer r.places.leave(from.Peer.Name)
	if err := s.Receive(&q, maxRequest); err != nil {
		s.Cancel()
		return
	}
	switch {
	case q.Here:
		s.Send(reply{Kept: true})
		r.Seen(from.Peer.Name)
		return
	case q.Offer == nil:
		s.Send(reply{No: TooNew})
		return
	}
	a, err := r.keep(from.Peer.Name, s, *q.Offer)
	if err != nil {
		r.log.Info("parcel not kept", "peer", from.Peer.Name, "err", err)
		denied, ok := errors.AsType[*Denied](err)
		if !ok {
			s.Cancel() // the stream broke
			return
		}
		a = reply{No: denied.Why}
	}
	s.Send(a)
}

func deny(why Denial, err error) error {
	if err == nil {
		return &Denied{why}
	}
	return fmt.Errorf("%w: %w", &Denied{why}, err)
}

// keep takes in a parcel that is offered.
func (r *Relay) keep(from replication.Name, s *link.Stream, o replication.Offer) (reply, error) {
	p, err := replication.Read(o.Record)
	switch {
	case errors.Is(err, replication.ErrTooNew):
		return reply{}, deny(TooNew, err)
	case err != nil:
		return reply{}, deny(NotGenuine, err)
	}
	if a, known, err := r.known(p); known || err != nil {
		return a, err
	}
	if err := r.judge(from, p); err != nil {
		return reply{}, err
	}
	leave, err := r.enter(p)
	if err != nil {
		return reply{}, err
	}
	defer leave()
	if err := r.take(s, p, o.Eager); err != nil {
		return reply{}, err
	}
	// A crash before this leaves chunks that nobody has said yes about: they are swept, or go on with the next offer.
	err = r.shelf.write(p.ID(), entry{
		From: p.Manifest.From, To: p.Manifest.To, Bytes: p.Manifest.Bytes(), Kept: r.cfg.Now().Unix(), Expires: p.Manifest.Expires, Parcel: &p.Record,
	})
	if err != nil {
		return reply{}, deny(Failed, err)
	}
	r.log.Info("parcel kept", "peer", from, "parcel", p.ID().Short(), "to", p.Manifest.To, "bytes", p.Manifest.Bytes())
	r.courier.Wake(p.Manifest.To)
	return reply{Kept: true}, nil
}

// known answers for a parcel that was here before.
func (r *Relay) known(p replication.Parcel) (reply, bool, error) {
	i, ok := r.shelf.get(p.ID())
	switch {
	case !ok:
		return reply{}, false, nil
	case i.state == Waiting:
		return reply{Kept: true}, true, nil
	case i.state == Removed:
		return reply{}, true, deny(Dropped, nil)
	}
	e, err := r.shelf.read(p.ID())
	if err != nil || e.Receipt == nil { // the sender has it meanwhile
		return reply{}, false, nil
	}
	return reply{Receipt: e.Receipt}, true, nil
}

// judge tells whether a parcel may be kept here, from its manifest.
func (r *Relay) judge(from replication.Name, p replication.Parcel) error {
	m := p.Manifest
	to, err := r.cfg.Resolver.Resolve(m.To)
	switch {
	case m.From != from:
		return deny(NotSender, nil)
	case err != nil || !to.Revoked.IsZero() || m.To == r.cfg.Self || m.To == m.From:
		return deny(NotServed, err)
	case r.cfg.Serves != nil && !r.cfg.Serves(m.From, m.To):
		return deny(NotServed, nil)
	}
	sender, err := replication.SignerOf(r.cfg.Resolver, m.From, p.Record.Signer)
	if err == nil {
		err = p.Verify(sender)
	}
	if err != nil || !sender.Revoked.IsZero() {
		return deny(NotGenuine, err)
	}
	return nil
}

// enter takes room for the parcel.
func (r *Relay) enter(p replication.Parcel) (leave func(), err error) {
	id := p.ID()
	if err := disk.Room(r.cfg.Dir, r.cfg.Quota.Reserve+uint64(p.Manifest.Bytes()), r.cfg.Free); err != nil {
		return nil, deny(Full, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] {
		return nil, deny(Busy, nil)
	}
	if !r.shelf.reserve(p) {
		return nil, deny(Full, nil)
	}
	r.ids[id] = true
	return func() {
		r.shelf.release(id)
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ids, id)
	}, nil
}

// take receives the chunks that are not here yet, and makes them durable.
func (r *Relay) take(s *link.Stream, p replication.Parcel, eager []byte) error {
	t, err := r.spool.Receive(p)
	if err == nil {
		err = collect(s, t, p, eager)
	}
	if err == nil {
		err = r.spool.Keep(p.ID())
	}
	if err == nil {
		return nil
	}
	if err := r.spool.Release(p.ID()); err != nil {
		r.log.Error("chunks of a parcel could not be kept", "parcel", p.ID().Short(), "err", err)
	}
	switch {
	case errors.Is(err, spool.ErrNoRoom):
		return deny(Full, err)
	case errors.Is(err, replication.ErrMalformed):
		return deny(NotGenuine, err)
	}
	return err
}

func collect(s *link.Stream, t *spool.Partial, p replication.Parcel, eager []byte) error {
	chunks := len(p.Manifest.Chunks)
	if len(eager) > 0 && chunks == 1 {
		return t.Put(0, eager)
	}
	have := t.Have()
	if have.Count() == chunks {
		return nil
	}
	if err := s.Send(reply{Want: &replication.Want{Have: have}}); err != nil {
		return err
	}
	for n := have.Count(); n < chunks; n++ {
		var piece replication.Piece
		if err := s.Receive(&piece, replication.MaxPiece); err != nil {
			return err
		}
		if err := t.Put(int(piece.Index), piece.Bytes); err != nil {
			return err
		}
	}
	if !t.Complete() {
		return replication.ErrMalformed
	}
	return nil
}
