package link

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"motcua/replication"
	"motcua/replication/line"
)

// BeginBulk is [Link.Begin] for what may be large. Where the line to the peer is long, or loses packets and is not of the same house, and the peer knows
// how, the stream goes in packets of its own beside QUIC (package line); where plain streams fill the line, it is one. Both keep
// to the [Ceilings].
func (l *Link) BeginBulk(ctx context.Context, to replication.Name, proto string) (*Stream, error) {
	s, err := l.dial(ctx, to, proto, bulk)
	if err != nil {
		return nil, fmt.Errorf("dial %s for %s: %w", to, proto, err)
	}
	if s.c.base == nil {
		s.ceiling = func(bytes int) error { return l.roof.pace(s, to, bytes) }
	}
	return s, nil
}

// way is how a stream is opened.
type way uint8

const (
	asked way = iota // the peer's consent is waited for
	quick            // it is not
	bulk             // nor is it, and a lane may be used
)

// fit returns the connection that a stream opened in some way goes by: the lane where it is better.
func (c *conn) fit(w way) *conn {
	if w == bulk && c.lane != nil && c.lane.ctx.Err() == nil && c.lane.better() {
		return c.lane.c
	}
	return c
}

// better tells whether the line is one of those for which lanes are made.
func (n *lane) better() bool {
	rtt, known := n.measured()
	if known && rtt < laneNear {
		return false
	}
	s := n.base.udp().ConnectionStats()
	return !known || rtt >= laneRTT || s.PacketsSent >= laneSample && float64(s.PacketsLost) >= laneLoss*float64(s.PacketsSent)
}

// measured is the least round trip of the connection; false while none was measured, which happens only where packets get lost.
func (n *lane) measured() (time.Duration, bool) {
	s := n.base.udp().ConnectionStats()
	if s.MeanDeviation == 0 { // quic-go shows its first guess until then
		return 0, false
	}
	return s.MinRTT, true
}

// laneConns lists the lanes, which may have outlived the connections beside them.
func (l *Link) laneConns() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*conn
	for tag, n := range l.lanes {
		if tag == n.in.Tag() {
			all = append(all, n.c)
		}
	}
	return all
}

// Lane is the way of bulk to a peer, as it is now.
type Lane struct {
	Peer  replication.Name
	State line.State
}

// Lanes lists the lanes that have been used, in order of the peers' names.
func (l *Link) Lanes() []Lane {
	var out []Lane
	for _, c := range l.laneConns() {
		n := c.s.(*lane)
		n.mu.Lock()
		used := n.line != nil
		var s line.State
		if used {
			s = n.line.State()
		}
		n.mu.Unlock()
		if p, err := l.cfg.Resolver.Identify(n.c.id); used && err == nil {
			out = append(out, Lane{p.Name, s})
		}
	}
	slices.SortFunc(out, func(a, b Lane) int { return cmp.Compare(a.Peer, b.Peer) })
	return out
}
