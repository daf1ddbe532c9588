package courier

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/link"
)

// Carrier is another way for parcels whose recipient is out of reach: somebody who keeps them for it. See package relay.
type Carrier interface {
	// Carry gives a parcel to one who keeps it, durably, and returns nil; or it returns the receipt of the recipient, where
	// that has come there already. An error may have a method Reason, for what people must be told. Turn is how often this parcel was given before: each time another is asked first. Chunk
	// returns the parcel's chunks.
	Carry(ctx context.Context, p replication.Parcel, turn int, chunk func(i int) ([]byte, error)) (*record.Record, error)
}

// The measures of asking for a relay.
const (
	darkTime   = 3 * time.Minute // for which a recipient is out of reach before
	giveAgain  = 6 * time.Hour   // after which a parcel that is kept is offered again, to another: the first may have lost it
	giveRetry  = 5 * time.Minute // after nobody took it
	giveLook   = 20 * time.Second
	giveFetch  = 256     // parcels looked at per recipient, beside those given
	giveLittle = 1 << 20 // bytes: larger ones do not hold up those below it
)

// aside is what is known of recipients out of reach, and of their parcels that a relay was asked to keep. It is in memory: after
// a restart they are offered anew, and the relay says that it has them.
type aside struct {
	mu    sync.Mutex
	dark  map[replication.Name]time.Time // since when
	given map[digest.Digest]gift
}

type gift struct {
	turn int
	next time.Time
	kept bool
}

// note draws the consequences of an attempt to reach a recipient.
func (a *aside) note(to replication.Name, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	away := errors.Is(err, link.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, link.ErrImpostor)
	switch since := a.dark[to]; {
	case !away:
		delete(a.dark, to)
	case since.IsZero():
		a.dark[to] = time.Now()
	}
}

// away returns the recipients that have been out of reach for long enough.
func (a *aside) away(now time.Time) (names []replication.Name) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for n, since := range a.dark {
		if now.Sub(since) >= darkTime {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// reason says of a parcel that a relay keeps that it is there, not that its recipient is out of reach.
func (a *aside) reason(id digest.Digest, r replication.Reason) replication.Reason {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.given[id].kept && r == replication.Unreachable {
		return replication.KeptByRelay
	}
	return r
}

func (a *aside) gift(id digest.Digest) gift {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.given[id]
}

func (a *aside) give(id digest.Digest, g gift) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.given[id] = g
}

func (a *aside) forget(id digest.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.given, id)
}

func (a *aside) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.given)
}

// giveAside gives the parcels of recipients out of reach to a relay, until the context ends: the little ones, or the large ones.
func (c *Courier) giveAside(ctx context.Context, large bool) {
	look := time.NewTicker(giveLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for _, to := range c.aside.away(time.Now()) {
			c.giveFor(ctx, to, large)
		}
	}
}

// giveFor gives the parcels of one recipient, the smallest first, for as long as it is out of reach.
func (c *Courier) giveFor(ctx context.Context, to replication.Name, large bool) {
	ps, err := c.waiting(ctx, to, giveFetch+c.aside.count())
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("outbox cannot be read", "peer", to, "err", err)
		}
		return
	}
	ps = slices.DeleteFunc(ps, func(p replication.Parcel) bool { return (p.Manifest.Bytes() > giveLittle) != large })
	slices.SortStableFunc(ps, func(p, q replication.Parcel) int { return cmp.Compare(p.Manifest.Bytes(), q.Manifest.Bytes()) })
	for _, p := range ps {
		now := time.Now()
		if ctx.Err() != nil || !slices.Contains(c.aside.away(now), to) {
			return
		}
		if now.Before(c.aside.gift(p.ID()).next) {
			continue
		}
		if err := c.giveOne(ctx, p); err != nil {
			return // nobody is in reach, or all are full
		}
	}
}

// waiting returns at most n parcels that wait for a recipient.
func (c *Courier) waiting(ctx context.Context, to replication.Name, n int) (ps []replication.Parcel, err error) {
	queue, err := c.cfg.Outbox.Queue(ctx, to, n)
	for _, q := range queue {
		p, bad := c.cfg.Outbox.Parcel(ctx, q.ID)
		switch {
		case bad == nil:
			ps = append(ps, p)
		case !errors.Is(bad, replication.ErrSettled):
			return ps, bad
		}
	}
	return ps, err
}

func (c *Courier) giveOne(ctx context.Context, p replication.Parcel) error {
	id := p.ID()
	g := c.aside.gift(id)
	r, err := c.cfg.Relay.Carry(ctx, p, g.turn, func(i int) ([]byte, error) { return c.cfg.Spool.Chunk(id, i) })
	g.turn++
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		g.next = time.Now().Add(jitter(giveRetry))
		c.aside.give(id, g)
		c.log.Info("no relay has taken a parcel", "peer", p.Manifest.To, "parcel", id.Short(), "err", err)
		if told, ok := errors.AsType[interface {
			error
			Reason() replication.Reason
		}](err); ok && told.Reason() != "" {
			c.cfg.Outbox.Attempted(ctx, id, time.Now(), told.Reason())
		}
		return err
	case r != nil:
		c.aside.forget(id)
		if err := c.settle(ctx, p, *r, false); err != nil {
			c.log.Warn("a relay has a receipt that does not hold", "peer", p.Manifest.To, "parcel", id.Short(), "err", err)
			c.aside.give(id, gift{turn: g.turn, next: time.Now().Add(giveRetry)})
		}
		return nil
	}
	g.kept, g.next = true, time.Now().Add(jitter(giveAgain))
	c.aside.give(id, g)
	c.log.Info("a relay keeps a parcel for its recipient", "peer", p.Manifest.To, "parcel", id.Short())
	c.cfg.Outbox.Attempted(ctx, id, time.Now(), replication.KeptByRelay)
	return nil
}
