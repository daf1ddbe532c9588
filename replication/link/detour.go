package link

import (
	"context"
	"fmt"
	"time"
)

// The times by which a dark lane is left for TCP.
const (
	firstDetour = 4 * time.Second // of darkness, after which TCP is tried; then twice as long each time
	sureTime    = 3 * time.Second // for which the lane must stay dark though TCP passes: it probes every second
)

// detour leaves a lane, and the connection beside it, when it is dark while TCP passes. Its streams end, to go on over TCP: a lane alone
// would wait for the line to come back, which it never does where UDP is blocked.
func (l *Link) detour(n *lane) {
	if l.cfg.DialTCP == nil {
		return
	}
	for wait := firstDetour; ; {
		select {
		case <-time.After(wait):
		case <-n.ctx.Done():
			return
		}
		if !n.dark() {
			wait = firstDetour
			continue
		}
		wait = min(2*wait, lastProbe)
		if l.detourBy(n) {
			return
		}
	}
}

func (l *Link) detourBy(n *lane) bool {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout+sureTime)
	defer cancel()
	p, err := l.cfg.Resolver.Identify(n.c.id)
	if err != nil {
		return false
	}
	t, err := l.target(p.Name)
	if err != nil || t.id != n.c.id {
		return false
	}
	for _, addr := range t.addrs {
		to, err := Lookup(ctx, addr)
		if err != nil {
			continue
		}
		c, err := l.dialTCP(ctx, t, to)
		if err != nil {
			continue
		}
		select { // the line may just have come back for all
		case <-time.After(sureTime):
		case <-ctx.Done():
		}
		if !n.dark() || l.begun(c, t) != nil {
			c.s.Close(codeClosed, "")
			return false
		}
		l.log.Info("peer reached by TCP, because UDP no longer passes", "peer", t.name, "addr", addr)
		l.remember(t.id, true)
		l.work.Go(func() { l.returnToUDP(c, t, to) })
		l.retire(n.base)
		n.fail(fmt.Errorf("%w: UDP no longer passes", ErrUnreachable))
		return true
	}
	return false
}

// dark tells whether the lane waits for the line to come back.
func (n *lane) dark() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.line != nil && n.ctx.Err() == nil && n.line.Dark()
}
