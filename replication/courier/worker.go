package courier

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"motcua/crypto/digest"
	"motcua/replication"
)

// worker sends the parcels of one recipient. All its fields but wake belong to its own goroutine.
type worker struct {
	c       *Courier
	to      replication.Name
	wake    chan struct{}
	results chan result
	flying  map[digest.Digest]bool  // parcels under way: is it small?
	large   int                     // how many of them are not
	width   int                     // how many small ones may be
	held    map[digest.Digest]*hold // parcels that the recipient cannot take now
	wait    time.Duration           // after the next failure to reach the recipient
	until   time.Time               // no attempt before, unless woken
	failed  time.Time               // when the last attempt failed
	woken   time.Time               // when we were last woken
}

func newWorker(c *Courier, to replication.Name) *worker {
	return &worker{
		c: c, to: to, wake: make(chan struct{}, 1), results: make(chan result), width: atOnce,
		flying: map[digest.Digest]bool{}, held: map[digest.Digest]*hold{},
	}
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
	waiting, err := w.c.cfg.Outbox.Queue(ctx, w.to, fetch+len(w.held)+len(w.flying)) // those held back stand before the others
	if err != nil {
		return true, err
	}
	for _, q := range waiting {
		if !w.due(q, now) {
			continue
		}
		if err := w.begin(ctx, q, now); err != nil {
			return true, err
		}
	}
	return len(waiting) > 0, nil
}

// due tells whether a parcel may be sent now.
func (w *worker) due(q replication.Queued, now time.Time) bool {
	_, flies := w.flying[q.ID]
	if h := w.held[q.ID]; flies || h != nil && now.Before(h.until) {
		return false
	}
	if q.Small {
		return len(w.flying)-w.large < w.width
	}
	return w.large < largeAtOnce && w.c.traffic.open(now)
}

// begin starts a transfer.
func (w *worker) begin(ctx context.Context, q replication.Queued, now time.Time) error {
	p, err := w.c.cfg.Outbox.Parcel(ctx, q.ID)
	if errors.Is(err, replication.ErrSettled) {
		return nil // meanwhile, by another way
	}
	if err != nil {
		return err
	}
	w.flying[q.ID] = q.Small
	if !q.Small {
		w.large++
	}
	w.c.board.change(q.ID, func(p *replication.Progress) { p.Sending, p.Next = true, time.Time{} })
	w.c.work.Go(func() { w.results <- result{q.ID, now, w.c.send(ctx, p)} })
	return nil
}

// pause waits until something has changed: a transfer has ended, the time has come, or somebody has woken us.
func (w *worker) pause(ctx context.Context) {
	done := ctx.Done()
	if ctx.Err() != nil {
		done = nil // only the transfers under way are waited for
	}
	w.c.board.plan(w.to, w.until, w.held)
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
	if open := w.c.traffic.opens(now); open.After(now) && open.Before(next) {
		next = open
	}
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
	w.widen(r)
	if !w.flying[r.id] {
		w.large--
	}
	delete(w.flying, r.id)
	w.c.board.change(r.id, func(p *replication.Progress) { p.Sending = false })
	now := time.Now()
	if ctx.Err() == nil {
		w.c.aside.note(w.to, r.err)
	}
	switch {
	case r.err == nil:
		w.c.board.forget(r.id)
		delete(w.held, r.id)
		w.wait, w.until = 0, time.Time{}
		return
	case ctx.Err() != nil || errors.Is(r.err, errClosed):
		return // we are stopping, or the hours are over: not the peer's fault
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

// widen has more small parcels under way to a recipient that takes them, and half as many to one that says it is busy, as one of
// an earlier version does at eight.
func (w *worker) widen(r result) {
	var busy *replication.NotNow
	switch {
	case errors.As(r.err, &busy) && busy.Obstacle == replication.TooBusy:
		w.width = max(1, w.width/2)
	case r.err == nil && len(w.flying)-w.large >= w.width:
		w.width = min(w.width+1, mostAtOnce)
	}
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
