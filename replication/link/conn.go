package link

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/crypto/digest"
)

// conn is one connection, dialled or accepted: once open there is no difference.
type conn struct {
	s       session
	id      digest.Digest // of the peer's TLS key
	point   []byte
	known   atomic.Bool // the resolver has known the key while this connection was open
	streams atomic.Int64
	dialled bool         // by this side
	used    atomic.Int64 // Unix milliseconds: when a stream last began or ended
	retired atomic.Bool
	packets packetsOut
	heard   atomic.Int64 // Unix milliseconds: when bytes of a stream last came in
	lane    *lane        // beside it; nil if the peer knows none
	base    *conn        // of a lane: the connection beside which it is
}

// newConn finds out from the handshake who is at the other end.
func newConn(s session) (*conn, error) {
	point, id, err := tlsIDOf(s.TLS())
	if err != nil {
		return nil, err
	}
	c := &conn{s: s, id: id, point: point}
	c.hears()
	return c, nil
}

// udp is the connection below, nil where it runs over TCP.
func (c *conn) udp() *quic.Conn {
	if q, ok := c.s.(quicSession); ok {
		return q.Conn
	}
	return nil
}

// hears notes that the peer is there.
func (c *conn) hears() { c.heard.Store(time.Now().UnixMilli()) }

// lively tells whether the peer was there a moment ago.
func (c *conn) lively() bool {
	return time.Now().UnixMilli()-c.heard.Load() < livelyTime.Milliseconds()
}

// refuse closes the connection and tells the peer why.
func (c *conn) refuse(w Why) {
	c.s.Close(codeRefused+quic.ApplicationErrorCode(w), w.String())
}

// hold and release count the streams, so that a retired connection closes with its last one.
func (c *conn) hold() {
	c.streams.Add(1)
	c.used.Store(time.Now().UnixMilli())
	if c.base != nil {
		c.base.hold()
	}
}

func (c *conn) release() {
	c.used.Store(time.Now().UnixMilli())
	if c.streams.Add(-1) == 0 && c.retired.Load() {
		c.s.Close(codeClosed, "")
	}
	if c.base != nil {
		c.base.release()
	}
}

// idle is for how long the connection has carried no stream.
func (c *conn) idle() time.Duration {
	if c.streams.Load() > 0 {
		return 0
	}
	return time.Since(time.UnixMilli(c.used.Load()))
}

// keep puts an open connection among those of its peer, and takes it out when it ends. A peer that opens too many loses the oldest.
// It tells whether the link is still open.
func (l *Link) keep(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	c.used.Store(time.Now().UnixMilli())
	conns := append(slices.Clone(l.conns[c.id]), c)
	if len(conns) > maxConns {
		go conns[0].s.Close(codeClosed, "")
		conns = conns[1:]
	}
	l.conns[c.id] = conns
	l.work.Go(func() { l.watch(c) })
	return true
}

func (l *Link) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(l.conns[c.id]), func(o *conn) bool { return o == c })
	if len(rest) == 0 {
		delete(l.conns, c.id)
		return
	}
	l.conns[c.id] = rest
}

// retire stops using a connection that did not answer. Its other streams go on to their own end.
func (l *Link) retire(c *conn) {
	l.forget(c)
	c.retired.Store(true)
	if c.streams.Load() == 0 {
		c.s.Close(codeClosed, "")
	}
}

// open returns the newest open connection to a key, nil if there is none: whoever dials again has a reason.
func (l *Link) open(id digest.Digest) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range slices.Backward(l.conns[id]) {
		if c.s.Context().Err() == nil {
			return c
		}
	}
	return nil
}
