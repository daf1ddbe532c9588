package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
)

// ClientConfig is what a client works with. All fields but Log are required.
type ClientConfig struct {
	Link *link.Link
	// Relays returns those who may keep parcels for a recipient, the likeliest first.
	Relays func(to replication.Name) []replication.Name
	// Own returns those at whom parcels for us may be kept.
	Own func() []replication.Name
	// Settle takes in receipts, as courier.Courier.Settle.
	Settle func(context.Context, ...record.Record) (int, error)
	Log    *slog.Logger
}

// Client gives parcels to relays, tells them that we are in reach, and takes receipts from them.
type Client struct {
	cfg    ClientConfig
	places places
}

var _ courier.Carrier = (*Client)(nil)

// NewClient makes a client and has the link bring it receipts.
func NewClient(cfg ClientConfig) *Client {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg}
	cfg.Link.Handle(ReceiptProtocol, link.Known, c.receive)
	return c
}

// callEvery is how often the relays are told that we are in reach: they see it themselves where we have just connected.
const callEvery = 10 * time.Minute

// Run tells the relays from time to time that we are in reach, until the context ends.
func (c *Client) Run(ctx context.Context) {
	for wait := rand.N(callEvery / 10); ; wait = callEvery - rand.N(callEvery/4) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		for _, name := range c.cfg.Own() {
			if err := c.call(ctx, name); err != nil && ctx.Err() == nil {
				c.cfg.Log.Debug("relay not called", "peer", name, "err", err)
			}
		}
	}
}

func (c *Client) call(ctx context.Context, name replication.Name) error {
	s, err := c.cfg.Link.Begin(ctx, name, Protocol)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(stallTime)
	if err := s.Send(request{Here: true}); err != nil {
		return err
	}
	var r reply
	if err := s.Receive(&r, maxReply); err != nil {
		return err
	}
	return r.validate(0)
}

// Carry gives a parcel to the first relay that takes it; each turn begins with another.
func (c *Client) Carry(ctx context.Context, p replication.Parcel, turn int, chunk func(i int) ([]byte, error)) (*record.Record, error) {
	names := c.cfg.Relays(p.Manifest.To)
	errs := []error{fmt.Errorf("no relay for %s", p.Manifest.To)}
	for i := range names {
		name := names[(turn+i)%len(names)]
		r, err := c.offer(ctx, name, p, chunk)
		if err == nil || ctx.Err() != nil {
			return r, err
		}
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	}
	return nil, errors.Join(errs...)
}

func (c *Client) offer(ctx context.Context, name replication.Name, p replication.Parcel, chunk func(i int) ([]byte, error)) (*record.Record, error) {
	s, err := c.cfg.Link.BeginBulk(ctx, name, Protocol)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	o := replication.Offer{Record: p.Record}
	if len(p.Manifest.Chunks) == 1 {
		if o.Eager, err = chunk(0); err != nil {
			return nil, err
		}
	}
	s.SetStall(stallTime)
	if err := s.Send(request{Offer: &o}); err != nil {
		return nil, err
	}
	r, err := answer(s, p)
	if err == nil && r.Want != nil {
		if r, err = supply(s, p, r.Want.Have, chunk); err == nil && r.Want != nil {
			err = fmt.Errorf("it wants more than there is: %w", replication.ErrMalformed)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case r.No != "":
		return nil, &Denied{r.No}
	}
	return r.Receipt, nil
}

// supply sends the chunks that the relay lacks.
func supply(s *link.Stream, p replication.Parcel, have replication.Bitmap, chunk func(i int) ([]byte, error)) (reply, error) {
	for i := range p.Manifest.Chunks {
		if have.Has(i) {
			continue
		}
		b, err := chunk(i)
		if err != nil {
			return reply{}, err
		}
		s.SetStall(stallTime)
		if err := s.Send(replication.Piece{Index: uint32(i), Bytes: b}); err != nil {
			return reply{}, err
		}
	}
	return answer(s, p)
}

func answer(s *link.Stream, p replication.Parcel) (r reply, err error) {
	s.SetStall(commitTime)
	if err := s.Receive(&r, maxReply); err != nil {
		return r, err
	}
	return r, r.validate(len(p.Manifest.Chunks))
}

// receive takes in receipts that a relay brings. One that does not hold is left with the relay.
func (c *Client) receive(ctx context.Context, from link.Caller, s *link.Stream) {
	defer context.AfterFunc(ctx, s.Cancel)()
	if !c.places.enter(from.Peer.Name) {
		s.Cancel()
		return
	}
	defer c.places.leave(from.Peer.Name)
	var d delivery
	s.SetStall(stallTime)
	if err := s.Receive(&d, maxDelivery); err != nil || len(d.Receipts) > receiptsOnce {
		s.Cancel()
		return
	}
	s.Send(c.settle(ctx, from.Peer.Name, d.Receipts))
}

func (c *Client) settle(ctx context.Context, from replication.Name, rs []record.Record) (t thanks) {
	t.Parcels = []digest.Digest{}
	_, err := c.cfg.Settle(ctx, rs...)
	for _, r := range rs {
		one := err
		if err != nil {
			_, one = c.cfg.Settle(ctx, r)
		}
		v, bad := replication.ReadReceipt(r)
		if one != nil || bad != nil {
			c.cfg.Log.Warn("receipt from a relay does not hold", "peer", from, "err", errors.Join(one, bad))
			continue
		}
		t.Parcels = append(t.Parcels, v.Parcel)
	}
	return t
}
