package link

import (
	"context"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/replication"
)

// opening is the first message of a stream, answer the reply to it. The padding makes the packet so long that a peer
// that has lost the connection answers it with a stateless reset (RFC 9000, section 10.3.3), which it does not for
// packets as short as a reset.
type opening struct {
	Protocol string   `cbor:"1,keyasint"`
	Padding  [32]byte `cbor:"2,keyasint"`
}

type answer struct {
	Why Why `cbor:"1,keyasint"` // 0: go on
}

// Bounds of the two in bytes.
const (
	maxOpening = maxProtocol + 128
	maxAnswer  = 64
)

func (l *Link) accept(listener *quic.Listener) {
	for {
		q, err := listener.Accept(l.ctx)
		if err != nil {
			return
		}
		leavePorch(q.Context())
		l.work.Go(func() { l.welcome(quicSession{q}) })
	}
}

// welcome finds out who has connected and serves its streams until it leaves.
func (l *Link) welcome(s session) {
	c, err := newConn(s)
	if err != nil {
		s.Close(codeClosed, "")
		return
	}
	p, err := l.cfg.Resolver.Identify(c.id)
	switch {
	case err != nil:
		l.entertain(c)
		return
	case !p.Trusted(time.Now()):
		l.log.Warn("revoked key turned away", "peer", p.Name, "addr", s.RemoteAddr().String())
		c.refuse(Revoked)
		return
	}
	c.known.Store(true)
	l.lay(c, false)
	if !l.keep(c) {
		s.Close(codeClosed, "")
		return
	}
	l.contact(p.Name)
	l.serve(c)
}

func (l *Link) contact(name replication.Name) {
	l.mu.Lock()
	fs := l.contacts
	l.mu.Unlock()
	for _, f := range fs {
		f(name)
	}
}

// entertain serves a stranger: few of them, and for a short time. Where nothing is open to strangers it shows them out at once.
func (l *Link) entertain(c *conn) {
	if !l.openToAnyone() {
		c.refuse(NotAllowed)
		return
	}
	leave, ok := l.strangers.enter(c.s.RemoteAddr())
	if !ok {
		c.refuse(Busy)
		return
	}
	defer leave()
	timer := time.AfterFunc(strangerTime, func() { c.s.Close(codeClosed, "") })
	defer timer.Stop()
	l.serve(c)
}

func (l *Link) openToAnyone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.handlers {
		if h.access == Anyone {
			return true
		}
	}
	return false
}

// serve takes the streams of a connection until it ends.
func (l *Link) serve(c *conn) {
	room := make(chan struct{}, maxStreams)
	if !c.known.Load() {
		room = make(chan struct{}, strangerStreams)
	}
	for {
		q, err := c.s.AcceptStream(l.ctx)
		if err != nil {
			return
		}
		c.hears()
		s := newStream(c, q)
		s.answered = true // the answer is ours to give
		select {
		case room <- struct{}{}:
		default:
			s.deny(Busy)
			continue
		}
		l.work.Go(func() {
			l.take(c, s)
			<-room
		})
	}
}

// take reads the opening of a stream, judges it, and runs its handler.
func (l *Link) take(c *conn, s *Stream) {
	defer s.Close()
	s.SetDeadline(time.Now().Add(openingTimeout))
	var o opening
	if err := s.Receive(&o, maxOpening); err != nil {
		s.deny(Malformed)
		return
	}
	from := Caller{TLSPoint: c.point, Addr: c.s.RemoteAddr().String()}
	p, err := l.cfg.Resolver.Identify(c.id)
	switch {
	case err == nil && !p.Trusted(time.Now()):
		c.refuse(Revoked)
		return
	case err == nil:
		from.Peer = p
		c.known.Store(true)
	}
	l.mu.Lock()
	h, ok := l.handlers[o.Protocol]
	l.mu.Unlock()
	switch {
	case err != nil && !(ok && h.access == Anyone): // a stranger does not learn either what there is
		s.deny(NotAllowed)
		return
	case !ok:
		s.deny(UnknownProtocol)
		return
	}
	if s.Send(answer{}) != nil {
		return
	}
	s.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	defer context.AfterFunc(c.s.Context(), cancel)()
	h.serve(ctx, from, s)
}
