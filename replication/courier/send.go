package courier

import (
	"context"
	"errors"
	"os"

	"motcua/replication"
	"motcua/replication/link"
)

// send brings one parcel to its recipient and settles it.
func (c *Courier) send(ctx context.Context, p replication.Parcel) error {
	if p.Manifest.To == c.cfg.Self {
		return c.sendSelf(ctx, p)
	}
	if p.Manifest.Small() {
		defer c.traffic.begin(p.Manifest.To)()
	}
	proto := c.protocol(p.Manifest.To)
	err := c.sendBy(ctx, p, proto)
	if refused, ok := errors.AsType[*link.Refused](err); ok && refused.Why == link.UnknownProtocol && proto != replication.FormerProtocol {
		c.setFormer(p.Manifest.To, true)
		return c.sendBy(ctx, p, replication.FormerProtocol)
	}
	return err
}

// protocol is the newest that a peer is thought to know. It is asked again for the newest when we start anew.
func (c *Courier) protocol(to replication.Name) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.former[to] {
		return replication.FormerProtocol
	}
	return replication.TransferProtocol
}

func (c *Courier) setFormer(to replication.Name, former bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.former[to] = former
}

func (c *Courier) sendBy(ctx context.Context, p replication.Parcel, proto string) error {
	s, err := c.cfg.Link.BeginBulk(ctx, p.Manifest.To, proto)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	reply, err := c.offer(s, p, proto)
	if err != nil {
		return err
	}
	if reply.Want != nil {
		if reply, err = c.supply(ctx, s, p, reply.Want.Have); err != nil {
			return err
		}
	}
	switch {
	case reply.Receipt != nil:
		return c.settle(ctx, p, *reply.Receipt, true)
	case reply.NotNow != "":
		return &replication.NotNow{Obstacle: reply.NotNow}
	}
	return &replication.NotNow{Obstacle: replication.NotGenuine} // it still wants chunks that we have sent
}

// sendSelf delivers a parcel of an office to itself, by the same steps and without a network.
func (c *Courier) sendSelf(ctx context.Context, p replication.Parcel) error {
	r, err := c.Deliver(ctx, p, nil)
	if err != nil {
		return err
	}
	return c.settle(ctx, p, r, true)
}

func (c *Courier) offer(s *link.Stream, p replication.Parcel, proto string) (replication.Reply, error) {
	o, err := c.eager(p, proto)
	if err != nil {
		return replication.Reply{}, err
	}
	s.SetStall(stallTime)
	if err := s.Send(o); err != nil {
		return replication.Reply{}, c.lastWord(s, p, err)
	}
	return c.reply(s, p)
}

// eager makes the offer of a parcel, with the chunks that the protocol lets travel along.
func (c *Courier) eager(p replication.Parcel, proto string) (o replication.Offer, err error) {
	o.Record = p.Record
	m := p.Manifest
	switch {
	case proto == replication.FormerProtocol && len(m.Chunks) == 1 && m.Chunks[0].Size <= replication.MaxEager:
		o.Eager, err = c.cfg.Spool.Chunk(p.ID(), 0)
	case proto != replication.FormerProtocol && m.Small():
		o.Chunks = make([][]byte, len(m.Chunks))
		for i := 0; i < len(o.Chunks) && err == nil; i++ {
			o.Chunks[i], err = c.cfg.Spool.Chunk(p.ID(), i)
		}
	}
	return o, err
}

// held is how many bytes of a parcel a bitmap marks.
func held(p replication.Parcel, have replication.Bitmap) (n int64) {
	for i, chunk := range p.Manifest.Chunks {
		if have.Has(i) {
			n += int64(chunk.Size)
		}
	}
	return n
}

// supply sends the chunks that the recipient lacks.
func (c *Courier) supply(ctx context.Context, s *link.Stream, p replication.Parcel, have replication.Bitmap) (replication.Reply, error) {
	s.SetStall(stallTime)
	if !p.Manifest.Small() {
		s.SetPace(func(int) error { return c.traffic.pace(ctx, p.Manifest.To) })
	}
	done := held(p, have)
	for i, chunk := range p.Manifest.Chunks {
		if have.Has(i) {
			continue
		}
		c.board.change(p.ID(), func(p *replication.Progress) { p.Done = done })
		done += int64(chunk.Size)
		b, err := c.cfg.Spool.Chunk(p.ID(), i)
		if err != nil {
			return replication.Reply{}, err
		}
		if err := s.Send(replication.Piece{Index: uint32(i), Bytes: b}); err != nil {
			return replication.Reply{}, c.lastWord(s, p, err)
		}
	}
	return c.reply(s, p)
}

// lastWord looks for the reply of a recipient that has stopped reading: it says why, where the broken stream does not.
func (c *Courier) lastWord(s *link.Stream, p replication.Parcel, broken error) error {
	if errors.Is(broken, os.ErrDeadlineExceeded) || errors.Is(broken, errClosed) {
		return broken // it has stopped saying anything, or we have
	}
	r, err := c.reply(s, p)
	if err == nil && r.NotNow != "" {
		return &replication.NotNow{Obstacle: r.NotNow}
	}
	if _, ok := errors.AsType[*link.Refused](err); ok {
		return err
	}
	return broken
}

func (c *Courier) reply(s *link.Stream, p replication.Parcel) (replication.Reply, error) {
	s.SetStall(commitTime)
	var r replication.Reply
	if err := s.Receive(&r, replication.MaxReply); err != nil {
		return r, err
	}
	return r, r.Validate(len(p.Manifest.Chunks))
}
