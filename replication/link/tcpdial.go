package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"motcua/crypto/digest"
	"motcua/replication"
)

// The times by which TCP is chosen and left again.
const (
	headStart  = 500 * time.Millisecond // of UDP before TCP is tried beside it
	firstProbe = time.Minute            // after which UDP is tried again, then twice as long each time
	lastProbe  = 8 * time.Minute
	probeTime  = 3 * time.Second // how long a probe waits for an answer: some four packets
)

// attempt is the outcome of dialling one way.
type attempt struct {
	c   *conn
	err error
	udp bool
}

// race dials by UDP and, if no answer comes in some hundred milliseconds, by TCP beside it. The first to open is taken.
func (l *Link) race(ctx context.Context, t target, to *net.UDPAddr) (*conn, error) {
	if l.cfg.DialTCP == nil {
		return l.dialUDP(ctx, t, to)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := make(chan attempt, 2)
	l.work.Go(func() { c, err := l.dialUDP(ctx, t, to); out <- attempt{c, err, true} })
	start := time.NewTimer(l.waitForUDP(t.id))
	defer start.Stop()
	var failed error // by UDP
	for running, begun := 1, false; ; {
		select {
		case <-start.C:
			begun = true
			running++
			l.work.Go(func() { c, err := l.dialTCP(ctx, t, to); out <- attempt{c, err, false} })
			continue
		case a := <-out:
			running--
			if a.err == nil || decided(a.err) {
				l.work.Go(func() { abandon(out, running) })
				l.remember(t.id, a.err == nil && !a.udp)
				return a.c, a.err
			}
			if a.udp {
				failed = a.err
			}
		}
		if !begun {
			start.Reset(0) // no route, for instance
		} else if running == 0 {
			return nil, failed
		}
	}
}

// decided tells whether an error is the peer's own word, so that another way would not help.
func decided(err error) bool {
	_, refused := errors.AsType[*Refused](plain(err))
	return refused || errors.Is(err, ErrImpostor)
}

// abandon closes the connections that came too late.
func abandon(out <-chan attempt, n int) {
	for range n {
		if a := <-out; a.err == nil {
			a.c.s.Close(codeClosed, "")
		}
	}
}

func (l *Link) dialUDP(ctx context.Context, t target, to *net.UDPAddr) (*conn, error) {
	q, err := l.quic.Dial(ctx, to, dialTLS(l.certs, t.id), quicConfig())
	if err != nil {
		return nil, err
	}
	return newConn(quicSession{q})
}

func (l *Link) dialTCP(ctx context.Context, t target, to *net.UDPAddr) (*conn, error) {
	raw, err := l.cfg.DialTCP(ctx, to.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	return l.enter(ctx, raw, t)
}

// enter does the dialler's handshake over TCP, or what carries bytes alike.
func (l *Link) enter(ctx context.Context, raw net.Conn, t target) (*conn, error) {
	cfg := dialTLS(l.certs, t.id)
	cfg.NextProtos = []string{alpnTCP}
	c := tls.Client(l.newTCPConn(raw), cfg)
	if err := l.shake(ctx, c); err != nil {
		raw.Close()
		if errors.Is(err, ErrImpostor) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	s, err := l.newTCPSession(c, true, t.name != "")
	if err != nil {
		raw.Close()
		return nil, err
	}
	return newConn(s)
}

// waitForUDP is how long UDP has the line for itself: not at all where TCP has worked last.
func (l *Link) waitForUDP(id digest.Digest) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byTCP[id] {
		return 0
	}
	return headStart
}

// remember notes which way a peer was reached.
func (l *Link) remember(id digest.Digest, tcp bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !tcp {
		delete(l.byTCP, id)
	} else if len(l.byTCP) < maxIncoming {
		l.byTCP[id] = true
	}
}

// ByTCP tells whether a name is or was last reached by TCP.
func (l *Link) ByTCP(name replication.Name) bool {
	t, err := l.target(name)
	if err != nil {
		return false
	}
	if c := l.open(t.id); c != nil {
		return c.udp() == nil
	}
	return l.waitForUDP(t.id) == 0
}

// returnToUDP tries, ever more seldom, whether UDP passes by now, for as long as a connection runs over TCP. When it does, new
// streams go there, and the connection over TCP ends with the last that it has.
func (l *Link) returnToUDP(c *conn, t target, to *net.UDPAddr) {
	for wait := firstProbe; ; wait = min(2*wait, lastProbe) {
		select {
		case <-time.After(wait*3/4 + rand.N(wait/2)):
		case <-c.s.Context().Done():
			return
		}
		if o := l.open(t.id); o != nil && o.udp() != nil {
			l.retire(c)
			return
		}
		ctx, cancel := context.WithTimeout(l.ctx, probeTime)
		n, err := l.dialUDP(ctx, t, to)
		cancel()
		if err == nil && l.begun(n, t) == nil {
			l.log.Info("UDP passes again", "peer", t.name)
			l.remember(t.id, false)
			l.retire(c)
			return
		}
	}
}
