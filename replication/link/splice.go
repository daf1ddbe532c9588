package link

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"motcua/replication"
)

// The protocols by which a third machine joins two that do not reach each other: the first asks it, and it asks the second.
const (
	spliceProtocol = "splice/1"
	jointProtocol  = "joint/1"
)

// The bounds of a machine that joins others.
const (
	maxSplices     = 128
	maxSplicesFrom = 8               // that one peer asks for
	spliceStall    = 2 * time.Minute // in which something must move; a session sends a sign of life more often
)

// spliceTo says whom to be joined with.
type spliceTo struct {
	Name replication.Name `cbor:"1,keyasint"`
}

// maxSpliceTo bounds it in bytes.
const maxSpliceTo = 256

// Splice joins peers that do not reach each other, if both are connected to this machine. Inside, the two authenticate each other and
// encrypt as they do over TCP, so that this machine neither reads what passes nor can change it.
func (l *Link) Splice() {
	var mu sync.Mutex
	asked, all := map[replication.Name]int{}, 0
	var joined crowd
	count := func(by replication.Name, n int) bool {
		mu.Lock()
		defer mu.Unlock()
		if n > 0 && (all >= maxSplices || asked[by] >= maxSplicesFrom) {
			return false
		}
		all += n
		if asked[by] += n; asked[by] == 0 {
			delete(asked, by)
		}
		return true
	}
	l.Handle(spliceProtocol, Known, func(ctx context.Context, from Caller, s *Stream) {
		if count(from.Peer.Name, 1) {
			l.splice(ctx, from.Peer.Name, s, &joined)
			count(from.Peer.Name, -1)
		}
	})
}

// splice joins a stream to one that it opens to the peer asked for. Where it cannot, the stream just ends.
func (l *Link) splice(ctx context.Context, from replication.Name, s *Stream, joined *crowd) {
	s.SetStall(openingTimeout)
	var to spliceTo
	if s.Receive(&to, maxSpliceTo) != nil {
		return
	}
	t, err := l.target(to.Name)
	if err != nil {
		return
	}
	c := l.open(t.id)
	if c == nil || c.joined() {
		return
	}
	far, err := l.begin(ctx, c, jointProtocol, false)
	if err != nil {
		return
	}
	defer far.Cancel()
	pair := [2]replication.Name{min(from, to.Name), max(from, to.Name)}
	joined.enter(pair, 1)
	defer joined.enter(pair, -1)
	s.SetPace(joined.pace(pair, s))
	far.SetPace(joined.pace(pair, far))
	defer context.AfterFunc(c.s.Context(), s.Cancel)()
	s.SetStall(spliceStall)
	far.SetStall(spliceStall)
	back := make(chan struct{})
	go func() {
		defer close(back)
		pour(s, far)
	}()
	pour(far, s)
	<-back
}

// pour copies one direction to its end; a stream that breaks breaks the other.
func pour(to, from *Stream) {
	if _, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 16<<10)); err != nil {
		to.Cancel()
		from.Cancel()
		return
	}
	to.CloseWrite()
}

// takeJoint takes a peer that another has brought here as one that has come by TCP.
func (l *Link) takeJoint(_ context.Context, _ Caller, s *Stream) {
	if leave, ok := l.admitTCP(s); ok {
		l.greet(s, leave)
	}
}

// joined tells whether a connection runs through a third machine.
func (c *conn) joined() bool {
	t, ok := c.s.(*tcpSession)
	if !ok {
		return false
	}
	_, ok = t.conn.NetConn().(*tcpConn).Conn.(*Stream)
	return ok
}

// handshakeThrough opens a connection through a third machine; nil: none leads there.
func (l *Link) handshakeThrough(t target) *conn {
	ctx, cancel := context.WithTimeout(l.ctx, dialTimeout)
	defer cancel()
	c, err := l.dialThrough(ctx, t)
	if err != nil || l.begun(c, t) != nil {
		return nil
	}
	l.log.Info("peer reached through another machine", "peer", t.name)
	if len(t.addrs) > 0 {
		if to, err := Lookup(ctx, t.addrs[0]); err == nil {
			l.work.Go(func() { l.returnToUDP(c, t, to) })
		}
	}
	return c
}

// dialThrough reaches a peer through one of the machines to which this one keeps a connection, the peer perhaps too.
func (l *Link) dialThrough(ctx context.Context, t target) (*conn, error) {
	err := fmt.Errorf("%w: no address known", ErrUnreachable)
	l.mu.Lock()
	var ways []*conn
	for id := range l.stays {
		if cs := l.conns[id]; id != t.id && len(cs) > 0 && !cs[len(cs)-1].joined() {
			ways = append(ways, cs[len(cs)-1])
		}
	}
	l.mu.Unlock()
	for _, w := range ways {
		var c *conn
		if c, err = l.joinThrough(ctx, w, t); err == nil || decided(err) {
			return c, err
		}
	}
	return nil, err
}

func (l *Link) joinThrough(ctx context.Context, w *conn, t target) (*conn, error) {
	s, err := l.begin(ctx, w, spliceProtocol, true)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err) // its refusal is not the peer's
	}
	if err := s.Send(spliceTo{t.name}); err != nil {
		s.Cancel()
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	return l.enter(ctx, s, t)
}
