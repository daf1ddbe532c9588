package courier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/spool"
)

// Deliver takes in a parcel and returns its receipt. It asks for the chunks it lacks, in order, one at a time; none for a
// parcel to ourselves. An error
// that is or wraps a *replication.NotNow settles nothing and leaves no effect, though chunks that came are kept
// for the next time; so does an error of chunk or of the context.
func (c *Courier) Deliver(ctx context.Context, p replication.Parcel, chunk func(i int) ([]byte, error)) (record.Record, error) {
	return c.deliver(ctx, p, func(t *spool.Partial) error {
		have := t.Have()
		for i := range p.Manifest.Chunks {
			if have.Has(i) {
				continue
			}
			b, err := chunk(i)
			if err != nil {
				return fmt.Errorf("chunk %d of parcel %s: %w", i, p.ID().Short(), err)
			}
			if err := put(t, i, b); err != nil {
				return err
			}
		}
		return nil
	})
}

func putAll(t *spool.Partial, chunks [][]byte) error {
	for i, b := range chunks {
		if err := put(t, i, b); err != nil {
			return err
		}
	}
	return nil
}

func put(t *spool.Partial, i int, b []byte) error {
	err := t.Put(i, b)
	switch {
	case errors.Is(err, spool.ErrNoRoom):
		return notNow(replication.NoRoom, err)
	case errors.Is(err, replication.ErrMalformed):
		return notNow(replication.NotGenuine, err)
	}
	return err
}

// deliver is every parcel's way in. fill brings the chunks that a partial lacks.
func (c *Courier) deliver(ctx context.Context, p replication.Parcel, fill func(*spool.Partial) error) (record.Record, error) {
	id := p.ID()
	if p.Manifest.To != c.cfg.Self {
		return record.Record{}, &replication.NotNow{Obstacle: replication.WrongHouse}
	}
	release, err := c.claim(ctx, id)
	if err != nil {
		return record.Record{}, err
	}
	defer release()
	if r, ok, err := c.cfg.Inbox.Taken(ctx, id); err != nil {
		return r, failed(err)
	} else if ok {
		return c.renew(r)
	}
	key, err := c.judge(p)
	if err != nil {
		return record.Record{}, err
	}
	if p.Manifest.From != c.cfg.Self { // our own chunks are in the spool
		if err := c.stage(p, fill); err != nil {
			return record.Record{}, err
		}
	}
	return c.take(ctx, p, key)
}

func (c *Courier) stage(p replication.Parcel, fill func(*spool.Partial) error) error {
	t, err := c.cfg.Spool.Receive(p)
	if errors.Is(err, spool.ErrNoRoom) {
		return notNow(replication.NoRoom, err)
	}
	if err != nil {
		return failed(err)
	}
	if err := fill(t); err != nil {
		c.abandon(p)
		return err
	}
	return nil
}

// claim waits until nobody else delivers the same parcel.
func (c *Courier) claim(ctx context.Context, id digest.Digest) (release func(), err error) {
	for {
		c.mu.Lock()
		other := c.busy[id]
		if other == nil {
			mine := make(chan struct{})
			c.busy[id] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.busy, id)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// renew signs a receipt given under a former key of ours anew: its words stay, and its sender need not know that key.
func (c *Courier) renew(r record.Record) (record.Record, error) {
	key := c.cfg.Ring.Now().Sign
	if r.Signer == key.Public().ID() {
		return r, nil
	}
	again, err := record.SignOne(key, replication.ReceiptLabel, r.Body)
	return again, failed(err)
}

// judge checks from the manifest who sent the parcel and whether it can be opened here, and returns its data key. Nothing of it is a refusal, which
// would be final: a newer edition may know the sender, and the id does not cover the signature, so that the genuine parcel may
// yet come under the same id.
func (c *Courier) judge(p replication.Parcel) (key seal.Key, err error) {
	sender, err := replication.SignerOf(c.cfg.Resolver, p.Manifest.From, p.Record.Signer)
	if err == nil {
		err = p.Verify(sender)
	}
	switch {
	case errors.Is(err, replication.ErrUnknown):
		return key, notNow(replication.SenderUnknown, err)
	case err != nil:
		return key, notNow(replication.NotGenuine, err)
	case !sender.Revoked.IsZero() || !sender.Trusted(time.Unix(p.Manifest.Created, 0)):
		return key, &replication.NotNow{Obstacle: replication.SenderRevoked}
	}
	return c.open(p)
}

// open opens the data key with that of our keys which the parcel is sealed to: a sender that did not know yet may have used a
// former one.
func (c *Courier) open(p replication.Parcel) (key seal.Key, err error) {
	var bad error
	for _, id := range c.cfg.Ring.All() {
		if key, err = spool.OpenKey(p, id.Seal); err == nil {
			return key, nil
		}
		bad = first(bad, err)
	}
	return key, notNow(replication.OtherKey, bad)
}

func notNow(o replication.Obstacle, err error) error {
	return fmt.Errorf("%w: %w", &replication.NotNow{Obstacle: o}, err)
}

// take opens a parcel whose chunks are all here and has the inbox commit it.
func (c *Courier) take(ctx context.Context, p replication.Parcel, key seal.Key) (record.Record, error) {
	content, err := c.cfg.Spool.Unpack(p, key)
	var r record.Record
	if err == nil {
		r, err = c.cfg.Inbox.Take(ctx, p, content)
	}
	switch {
	case errors.Is(err, replication.ErrTooNew):
		c.abandon(p)
		return r, notNow(replication.TooNew, err)
	case errors.Is(err, spool.ErrUnreadable):
		c.log.Warn("parcel cannot be read", "peer", p.Manifest.From, "parcel", p.ID().Short(), "err", err)
		return c.refuse(ctx, p, replication.Unreadable, "")
	case err != nil:
		c.abandon(p)
		return r, failed(err)
	}
	c.drop(p) // a crash before this leaves chunks that are pruned, or dropped with the next repeat
	return r, nil
}

func (c *Courier) refuse(ctx context.Context, p replication.Parcel, why replication.Refusal, note string) (record.Record, error) {
	r, err := c.cfg.Inbox.Refuse(ctx, p, why, note)
	if err != nil {
		return r, failed(err)
	}
	c.log.Warn("parcel refused", "peer", p.Manifest.From, "parcel", p.ID().Short(), "why", why)
	c.drop(p)
	return r, nil
}

// failed marks an error of this machine's own.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return notNow(replication.InboxFailed, err)
}

// abandon lets go of a parcel that could not be taken. What is on disk stays for the next attempt.
func (c *Courier) abandon(p replication.Parcel) {
	if err := c.cfg.Spool.Release(p.ID()); err != nil {
		c.log.Error("chunks of a parcel could not be kept", "parcel", p.ID().Short(), "err", err)
	}
}

// drop removes the chunks of a parcel that was taken; a parcel to ourselves is dropped when it is settled.
func (c *Courier) drop(p replication.Parcel) {
	if p.Manifest.From == c.cfg.Self {
		return
	}
	if err := c.cfg.Spool.Drop(p.ID()); err != nil {
		c.log.Error("chunks of a parcel could not be removed", "parcel", p.ID().Short(), "err", err)
	}
}

// answer serves the receiving end of a transfer.
func (c *Courier) answer(ctx context.Context, from link.Caller, s *link.Stream) {
	c.answerWith(ctx, from, s, func(r record.Record) (record.Record, error) { return r, nil })
}

// answerFormer serves a sender of an earlier version, which does not read all that a receipt says today.
func (c *Courier) answerFormer(ctx context.Context, from link.Caller, s *link.Stream) {
	c.answerWith(ctx, from, s, c.formerReceipt)
}

// formerReceipt signs what of a receipt an earlier version reads.
func (c *Courier) formerReceipt(r record.Record) (record.Record, error) {
	v, err := replication.ReadReceipt(r)
	if err != nil {
		return r, failed(err)
	}
	former, differs := v.Former()
	if !differs {
		return r, nil
	}
	again, err := former.Sign(c.cfg.Ring.Now().Sign)
	return again, failed(err)
}

func (c *Courier) answerWith(ctx context.Context, from link.Caller, s *link.Stream, put func(record.Record) (record.Record, error)) {
	var o replication.Offer
	s.SetStall(stallTime)
	if err := s.Receive(&o, replication.MaxOffer); err != nil {
		s.Cancel()
		return
	}
	var reply replication.Reply
	r, err := c.takeOffer(ctx, from.Peer.Name, s, o)
	if err == nil {
		r, err = put(r)
	}
	var notNow *replication.NotNow
	switch {
	case err == nil:
		reply.Receipt = &r
	case errors.As(err, &notNow):
		reply.NotNow = notNow.Obstacle
	default: // the stream broke, or its words made no sense
		s.Cancel()
	}
	if err != nil {
		c.log.Info("parcel not taken", "peer", from.Peer.Name, "err", err)
	}
	s.Send(reply)
}

func (c *Courier) takeOffer(ctx context.Context, from replication.Name, s *link.Stream, o replication.Offer) (record.Record, error) {
	p, err := replication.Read(o.Record)
	if errors.Is(err, replication.ErrTooNew) {
		return record.Record{}, notNow(replication.TooNew, err)
	}
	if err != nil {
		return record.Record{}, notNow(replication.NotGenuine, err)
	}
	if !c.room.enter(from) {
		return record.Record{}, &replication.NotNow{Obstacle: replication.TooBusy}
	}
	defer c.room.leave(from)
	return c.deliver(ctx, p, func(t *spool.Partial) error {
		if sent := o.Sent(); len(sent) == len(p.Manifest.Chunks) {
			return putAll(t, sent)
		}
		return c.collect(s, t, len(p.Manifest.Chunks))
	})
}

// collect tells the sender what is here already and receives the rest.
func (c *Courier) collect(s *link.Stream, t *spool.Partial, chunks int) error {
	have := t.Have()
	if have.Count() < chunks {
		if err := s.Send(replication.Reply{Want: &replication.Want{Have: have}}); err != nil {
			return err
		}
	}
	for n := have.Count(); n < chunks; n++ {
		var piece replication.Piece
		if err := s.Receive(&piece, replication.MaxPiece); err != nil {
			return err
		}
		if err := put(t, int(piece.Index), piece.Bytes); err != nil {
			return err
		}
	}
	if !t.Complete() {
		return &replication.NotNow{Obstacle: replication.NotGenuine}
	}
	return nil
}
