package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"motcua/crypto/digest"
	"motcua/replication"
)

// target is whom to dial: a key, and where it may be found.
type target struct {
	name  replication.Name // "" when dialled by key
	id    digest.Digest
	addrs []string
}

// dialling is a dial under way that later callers wait for too.
type dialling struct {
	done chan struct{}
	conn *conn
	err  error
}

// Dial opens a stream of a protocol to a name and waits for the peer's consent. An open connection is used if there is
// one; if it turns out dead, a fresh one is tried, once. The error is or wraps [Refused], [ErrUnreachable],
// [ErrImpostor], [ErrRevoked], replication.ErrUnknown or the context's.
func (l *Link) Dial(ctx context.Context, to replication.Name, proto string) (*Stream, error) {
	s, err := l.dial(ctx, to, proto, asked)
	if err != nil {
		return nil, fmt.Errorf("dial %s for %s: %w", to, proto, err)
	}
	return s, nil
}

// Begin is Dial without the wait for the peer's consent, which saves a round trip: a refusal or a broken connection
// shows at the first Receive. It does wait if nothing was heard from the peer for some seconds, so that a dead
// connection is noticed and replaced.
func (l *Link) Begin(ctx context.Context, to replication.Name, proto string) (*Stream, error) {
	s, err := l.dial(ctx, to, proto, quick)
	if err != nil {
		return nil, fmt.Errorf("dial %s for %s: %w", to, proto, err)
	}
	return s, nil
}

func (l *Link) dial(ctx context.Context, to replication.Name, proto string, w way) (*Stream, error) {
	t, err := l.target(to)
	if err != nil {
		return nil, err
	}
	return l.stream(ctx, t, proto, w)
}

// DialPinned is Dial by address and key (identity.TLSID), for before any edition is known.
func (l *Link) DialPinned(ctx context.Context, addr string, tlsID digest.Digest, proto string) (*Stream, error) {
	s, err := l.stream(ctx, target{id: tlsID, addrs: []string{addr}}, proto, asked)
	if err != nil {
		return nil, fmt.Errorf("dial %s for %s: %w", addr, proto, err)
	}
	return s, nil
}

func (l *Link) stream(ctx context.Context, t target, proto string, w way) (*Stream, error) {
	for {
		c := l.open(t.id)
		fresh := c == nil
		if fresh {
			var err error
			if c, err = l.connect(ctx, t); err != nil {
				return nil, err
			}
		}
		s, err := l.begin(ctx, c.fit(w), proto, w == asked || !c.lively())
		if err == nil {
			return s, nil
		}
		if _, ok := errors.AsType[*Refused](err); ok || fresh || ctx.Err() != nil {
			return nil, err
		}
		l.retire(c) // it was open when we looked, but nobody answers on it: once more, on a fresh one
	}
}

// begin opens a stream on a connection and says which protocol it is for.
func (l *Link) begin(ctx context.Context, c *conn, proto string, wait bool) (*Stream, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, fmt.Errorf("%w: no answer within %s", ErrUnreachable, dialTimeout))
	defer cancel()
	q, err := c.s.OpenStream(ctx)
	if err != nil {
		return nil, cause(ctx, err)
	}
	s := newStream(c, q)
	unhook := context.AfterFunc(ctx, s.Cancel)
	if err = s.Send(opening{Protocol: proto}); err == nil && wait {
		err = s.confirm()
	}
	if !unhook() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		s.Cancel()
		return nil, cause(ctx, err)
	}
	return s, nil
}

// cause prefers the reason the context gives over the broken pipe it left behind.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return plain(err)
}

// connect makes a connection, or waits for one that is being made to the same key.
func (l *Link) connect(ctx context.Context, t target) (*conn, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, ErrClosed
	}
	d := l.dials[t.id]
	if d == nil {
		d = &dialling{done: make(chan struct{})}
		l.dials[t.id] = d
		l.work.Go(func() {
			d.conn, d.err = l.handshake(t)
			l.mu.Lock()
			delete(l.dials, t.id)
			l.mu.Unlock()
			close(d.done)
		})
	}
	l.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// handshake tries the addresses one after the other, and then the way through a third machine.
func (l *Link) handshake(t target) (*conn, error) {
	err := fmt.Errorf("%w: no address known", ErrUnreachable)
	for i, addr := range t.addrs {
		var c *conn
		if c, err = l.handshakeAt(t, addr); err == nil {
			if i > 0 {
				l.log.Info("peer found at another address than its own", "peer", t.name, "addr", addr)
			}
			return c, nil
		}
	}
	if t.name == "" || decided(err) {
		return nil, err
	}
	if c := l.handshakeThrough(t); c != nil {
		return c, nil
	}
	return nil, err
}

func (l *Link) handshakeAt(t target, addr string) (*conn, error) {
	ctx, cancel := context.WithTimeoutCause(l.ctx, dialTimeout, fmt.Errorf("%w: no answer from %s within %s", ErrUnreachable, addr, dialTimeout))
	defer cancel()
	to, err := Lookup(ctx, addr)
	if err != nil {
		return nil, err
	}
	c, err := l.race(ctx, t, to)
	if err != nil {
		return nil, cause(ctx, err)
	}
	if err := l.begun(c, t); err != nil {
		return nil, err
	}
	if c.udp() == nil {
		l.log.Info("peer reached by TCP, because UDP does not pass", "peer", t.name, "addr", addr)
		l.work.Go(func() { l.returnToUDP(c, t, to) })
	}
	return c, nil
}

// begun takes a connection that was dialled into use.
func (l *Link) begun(c *conn, t target) error {
	c.known.Store(t.name != "")
	c.dialled = true
	l.lay(c, true)
	if !l.keep(c) {
		c.s.Close(codeClosed, "")
		return ErrClosed
	}
	l.work.Go(func() { l.serve(c) })
	return nil
}

// Lookup reads host:port, looking the host up where it is a name.
func Lookup(ctx context.Context, addr string) (*net.UDPAddr, error) {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return net.UDPAddrFromAddrPort(ap), nil
	}
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: address %q is not host:port", ErrUnreachable, addr)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(ips) == 0 {
		return nil, fmt.Errorf("%w: host of %q is not found: %v", ErrUnreachable, addr, err)
	}
	// IPv4 first: a dual-stack socket takes both, an IPv4 socket does not.
	slices.SortStableFunc(ips, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(ips[0].Unmap(), uint16(port))), nil
}
