package cluster

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"motcua/crypto/digest"
	"motcua/replication"
	"motcua/replication/link"
)

// The protocols of servers among themselves.
const (
	raftProtocol = "raft/1"
	askProtocol  = "cluster/1"
)

// hello opens a stream of Raft, so that servers of different beginnings never mix their logs.
type hello struct {
	Genesis digest.Digest `cbor:"1,keyasint"`
}

const maxHello = 64

// layer carries Raft's streams over the link. A server's address in Raft is its name.
type layer struct {
	c       *Cluster
	streams chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

var _ raft.StreamLayer = (*layer)(nil)

func newLayer(c *Cluster) *layer {
	return &layer{c: c, streams: make(chan net.Conn), closed: make(chan struct{})}
}

// serve gives an incoming stream to Raft and stays until Raft is done with it.
func (l *layer) serve(ctx context.Context, from link.Caller, s *link.Stream) {
	if name := string(from.Peer.Name); !l.c.isServer(name) || !l.c.mayStream(name) {
		s.Cancel()
		return
	}
	var h hello
	s.SetReadDeadline(time.Now().Add(rpcTimeout))
	if err := s.Receive(&h, maxHello); err != nil {
		return
	}
	if h.Genesis != l.c.genesis {
		l.c.log.Error("a server of another genesis was turned away: give every server the same genesis file", "peer", from.Peer.Name)
		s.Cancel()
		return
	}
	s.SetReadDeadline(time.Time{})
	select {
	case l.streams <- s:
	case <-l.closed:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-s.Done():
	case <-l.closed:
	case <-ctx.Done():
	}
}

// Accept implements net.Listener.
func (l *layer) Accept() (net.Conn, error) {
	select {
	case s := <-l.streams:
		return s, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *layer) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

type address string

func (a address) Network() string { return "motcua" }
func (a address) String() string  { return string(a) }

// Addr implements net.Listener.
func (l *layer) Addr() net.Addr { return address(l.c.cfg.Self) }

// dialPatience is long enough for the link to find a connection dead and make another.
const dialPatience = 11 * time.Second

// Dial implements raft.StreamLayer. It takes its own time rather than Raft's: a connection that died without a word is
// replaced only by who waits for it.
func (l *layer) Dial(to raft.ServerAddress, _ time.Duration) (net.Conn, error) {
	if !l.c.mayStream(string(to)) {
		return nil, errNotMet
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	defer cancel()
	defer context.AfterFunc(l.c.ctx, cancel)()
	s, err := l.c.cfg.Link.Dial(ctx, replication.Name(to), raftProtocol)
	if err != nil {
		return nil, err
	}
	go func() { // so that closing does not wait for a peer that is away
		select {
		case <-s.Done():
		case <-l.c.ctx.Done():
			s.Cancel()
		}
	}()
	s.SetWriteDeadline(time.Now().Add(rpcTimeout)) // Raft sets its own with every request
	if err := s.Send(hello{l.c.genesis}); err != nil {
		s.Cancel()
		return nil, err
	}
	return s, nil
}
