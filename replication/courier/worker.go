package courier

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"motcua/crypto/digest"
	"motcua/replication"
	"motcua/replication/link"
)

// worker sends the parcels of one recipient. All its fields but wake belong to its own goroutine.
type worker struct {
	c       *Courier
	to      replication.Name
	wake    chan struct{}
	results chan result
	flying  map[digest.Digest]bool
	held    map[digest.Digest]*hold // parcels that the recipient cannot take now
	wait    time.Duration           // after the next failure to reach the recipient
	until   time.Time               // no attempt before, unless woken
	failed  time.Time               // when the last attempt failed
	woken   time.Time               // when we were last woken
}

// hold keeps one parcel back while others go on.
type hold struct {
	wait  time.Duration
	until time.Time
}

type result struct {
	id    digest.Digest
	began time.Time
	err   error
}

// run sends until there is nothing left to send.
func (w *worker) run(ctx context.Context) {
	for {
		left, err := w.launch(ctx)
		if err != nil && ctx.Err() == nil {
			w.c.log.Error("outbox cannot be read", "peer", w.to, "err", err)
			w.backOff(time.Now())
		}
		if ctx.Err() != nil && len(w.flying) == 0 {
			return
		}
		if err == nil && !left && len(w.flying) == 0 && w.c.retire(w) {
			return
		}
		w.pause(ctx)
	}
}

// launch starts as many transfers as may be under way. It tells whether anything is unsettled.
func (w *worker) launch(ctx context.Context) (left bool, err error) {
	now := time.Now()
	if ctx.Err() != nil || now.Before(w.until) {
		return true, nil
	}
	waiting, err := w.c.cfg.Outbox.Waiting(ctx, w.to, fetch+len(w.held)) // those held back stand before the others
	if err != nil {
		return true, err
	}
	for _, p := range waiting {
		id := p.ID()
		if h := w.held[id]; w.flying[id] || h != nil && now.Before(h.until) || len(w.flying) >= atOnce {
			continue
		}
		w.flying[id] = true
		w.c.work.Go(func() { w.results <- result{id, now, w.c.send(ctx, p)} })
	}
	return len(waiting) > 0, nil
}

// pause waits until something has changed: a transfer has ended, the time has come, or somebody has woken us.
func (w *worker) pause(ctx context.Context) {
	done := ctx.Done()
	if ctx.Err() != nil {
		done = nil // only the transfers under way are waited for
	}
	timer := time.NewTimer(w.delay(time.Now()))
	defer timer.Stop()
	select {
	case r := <-w.results:
		w.note(ctx, r)
	case <-w.wake:
		w.woken = time.Now()
		w.rouse()
	case <-timer.C:
	case <-done:
	}
}

// delay is how long until the next attempt that is planned.
func (w *worker) delay(now time.Time) time.Duration {
	next := now.Add(lookAgain)
	if now.Before(w.until) {
		next = w.until
	} else {
		for _, h := range w.held {
			if now.Before(h.until) && h.until.Before(next) {
				next = h.until
			}
		}
	}
	return next.Sub(now)
}

// rouse cuts the waits short, though not so short that wakers could make us hammer a peer that fails.
func (w *worker) rouse() {
	floor := w.failed.Add(wakeFloor)
	if w.until.After(floor) {
		w.until = floor
	}
	for _, h := range w.held {
		if h.until.After(floor) {
			h.until = floor
		}
	}
}

// note draws the consequences of a transfer that has ended.
func (w *worker) note(ctx context.Context, r result) {
	delete(w.flying, r.id)
	now := time.Now()
	if ctx.Err() == nil {
		w.c.aside.note(w.to, r.err)
	}
	switch {
	case r.err == nil:
		delete(w.held, r.id)
		w.wait, w.until = 0, time.Time{}
		return
	case ctx.Err() != nil:
		return // we are stopping: not the peer's fault
	case ofParcel(r.err):
		w.holdBack(r.id, now)
	default:
		w.backOff(now)
	}
	w.failed = now
	if !w.woken.Before(r.began) { // the peer was seen after this attempt had begun in the dark
		w.rouse()
	}
	w.c.log.Info("parcel not delivered", "peer", w.to, "parcel", r.id.Short(), "err", r.err)
	w.c.cfg.Outbox.Attempted(ctx, r.id, now, w.c.aside.reason(r.id, reason(r.err)))
}

// ofParcel tells failures of one parcel from failures to reach the recipient at all.
func ofParcel(err error) bool {
	if _, ok := errors.AsType[*replication.NotNow](err); ok {
		return true
	}
	for _, of := range []error{replication.ErrReceipt, replication.ErrMalformed, replication.ErrTooNew, os.ErrNotExist} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

func (w *worker) holdBack(id digest.Digest, now time.Time) {
	h := w.held[id]
	if h == nil {
		h = &hold{}
		w.held[id] = h
	}
	h.wait = longer(h.wait)
	h.until = now.Add(jitter(h.wait))
}

// backOff counts one failure when several transfers fail together.
func (w *worker) backOff(now time.Time) {
	if now.Before(w.until) {
		return
	}
	w.wait = longer(w.wait)
	w.until = now.Add(jitter(w.wait))
}

func longer(d time.Duration) time.Duration { return min(max(2*d, firstWait), longestWait) }

// jitter spreads retries, so that a province whose power comes back does not speak all at once.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// send brings one parcel to its recipient and settles it.
func (c *Courier) send(ctx context.Context, p replication.Parcel) error {
	if p.Manifest.To == c.cfg.Self {
		return c.sendSelf(ctx, p)
	}
	s, err := c.cfg.Link.BeginBulk(ctx, p.Manifest.To, replication.TransferProtocol)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	reply, err := c.offer(s, p)
	if err != nil {
		return err
	}
	if reply.Want != nil {
		if reply, err = c.supply(s, p, reply.Want.Have); err != nil {
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

func (c *Courier) offer(s *link.Stream, p replication.Parcel) (replication.Reply, error) {
	o := replication.Offer{Record: p.Record}
	if m := p.Manifest; len(m.Chunks) == 1 && m.Chunks[0].Size <= replication.MaxEager {
		b, err := c.cfg.Spool.Chunk(p.ID(), 0)
		if err != nil {
			return replication.Reply{}, err
		}
		o.Eager = b
	}
	s.SetStall(stallTime)
	if err := s.Send(o); err != nil {
		return replication.Reply{}, err
	}
	return c.reply(s, p)
}

// supply sends the chunks that the recipient lacks.
func (c *Courier) supply(s *link.Stream, p replication.Parcel, have replication.Bitmap) (replication.Reply, error) {
	s.SetStall(stallTime)
	for i := range p.Manifest.Chunks {
		if have.Has(i) {
			continue
		}
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
	if errors.Is(broken, os.ErrDeadlineExceeded) {
		return broken // it has stopped saying anything
	}
	if r, err := c.reply(s, p); err == nil && r.NotNow != "" {
		return &replication.NotNow{Obstacle: r.NotNow}
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
