package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/replication"
	"motcua/replication/line"
)

// laneMark is the first byte of a lane's packets; as packetMark it cannot begin one of QUIC's.
const laneMark = 0x02

// goneMark is the first byte of the answer to a packet of a lane that is no more, as after a restart: the tag follows. It is not sealed, for
// who sends it has no keys; whoever can forge it has seen our packets and could as well have stopped them.
const goneMark = 0x03

// goneAfter is for how long nothing must have come by a lane before such an answer is believed.
const goneAfter = 2 * time.Second

// maxGone bounds the answers per second.
const maxGone = 64

// laneLabel names the key material of a lane, exported from the handshake of the connection beside it (RFC 8446, section 7.5).
const laneLabel = "EXPORTER-motcua-lane-1"

// When bulk goes by lane: where a round trip takes long, or where packets get lost. Elsewhere plain streams fill the line.
const (
	laneRTT    = 20 * time.Millisecond
	laneNear   = 5 * time.Millisecond // below, what QUIC takes for lost is mostly late, and is soon mended
	laneLoss   = 0.005
	laneSample = 200 // packets before a share of loss means anything
)

// lane is a second way to the peer of a connection: streams in packets that are sealed with keys from its handshake, and that are mended
// in a way that suits long and lossy lines (package line). It outlives a connection that has timed out for as long as it has
// streams.
type lane struct {
	link *Link
	c    *conn // of the lane itself, for its streams
	base *conn // whose handshake the keys are from
	out  *line.Keys
	in   *line.Keys

	mu       sync.Mutex
	line     *line.Line // nil until the first stream
	peer     replication.Name
	allowed  int // bytes, before the ceilings are asked again
	dialled  bool
	addr     net.Addr // at which the peer has answered
	paths    paths
	newest   uint32
	heard    bool
	received uint64 // packets of the connection, when the lane began
	changed  chan struct{}
	timer    *time.Timer
	ctx      context.Context
	end      context.CancelCauseFunc
}

var _ session = (*lane)(nil)

// lay readies the lane of a connection that is about to be kept, if the peer knows lanes too.
func (l *Link) lay(c *conn, dialled bool) {
	q := c.udp()
	state := c.s.TLS()
	if q == nil || state.NegotiatedProtocol != alpnLanes && state.NegotiatedProtocol != alpnPaths {
		return
	}
	secret, err := state.ExportKeyingMaterial(laneLabel, nil, 2*line.Secret)
	if err != nil {
		l.log.Error("no lane", "err", err)
		return
	}
	n := &lane{link: l, base: c, dialled: dialled, addr: q.RemoteAddr(), changed: make(chan struct{})}
	n.paths.known = state.NegotiatedProtocol == alpnPaths
	if n.out, n.in, err = laneKeys(secret, dialled); err != nil {
		l.log.Error("no lane", "err", err)
		return
	}
	n.ctx, n.end = context.WithCancelCause(l.ctx)
	n.c = &conn{s: n, id: c.id, point: c.point, base: c}
	n.c.known.Store(c.known.Load())
	c.lane = n
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.lanes[n.in.Tag()] = n
		l.lanes[n.out.Tag()] = n
		l.work.Go(n.watch)
	}
}

// laneKeys splits the key material: the first half seals what the dialler sends.
func laneKeys(secret []byte, dialled bool) (out, in *line.Keys, err error) {
	if out, err = line.NewKeys(laneMark, secret[:line.Secret]); err != nil {
		return nil, nil, err
	}
	if in, err = line.NewKeys(laneMark, secret[line.Secret:]); err != nil {
		return nil, nil, err
	}
	if !dialled {
		out, in = in, out
	}
	return out, in, nil
}

// watch ends the lane with its connection, unless that has only timed out while the lane had streams: those may go on when the line comes back.
func (n *lane) watch() {
	base := n.base.s.Context()
	select {
	case <-base.Done():
		err := context.Cause(base)
		if _, idle := errors.AsType[*quic.IdleTimeoutError](err); !idle {
			n.fail(plain(err))
		}
		n.mu.Lock()
		n.settle()
		n.mu.Unlock()
	case <-n.ctx.Done():
	}
	<-n.ctx.Done()
	n.mu.Lock()
	used := n.line != nil
	n.mu.Unlock()
	n.link.mu.Lock()
	delete(n.link.lanes, n.in.Tag())
	delete(n.link.lanes, n.out.Tag())
	if used {
		n.link.share.leave(n.c.id)
	}
	n.link.mu.Unlock()
}

// settle ends a lane that nothing needs any more. The caller holds the lock.
func (n *lane) settle() {
	if n.base.s.Context().Err() != nil && (n.line == nil || n.line.State().Streams == 0) {
		n.end(fmt.Errorf("%w: connection closed", ErrUnreachable))
	}
}

// fail ends the lane.
func (n *lane) fail(err error) {
	n.end(err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.timer != nil {
		n.timer.Stop()
	}
	n.announce()
}

// announce wakes whoever waits for the lane. The caller holds the lock.
func (n *lane) announce() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// begin makes the line when it is first needed. The caller holds the lock.
func (n *lane) begin() {
	if n.line != nil || n.ctx.Err() != nil {
		return
	}
	rtt, _ := n.measured()
	n.received = n.base.udp().ConnectionStats().PacketsReceived
	config, room := n.link.lineConfig(n.base, rtt, n.dialled)
	n.line = line.New(config, time.Now())
	if p, err := n.link.cfg.Resolver.Identify(n.c.id); err == nil {
		n.peer = p.Name
	}
	n.line.Bound(room)
	n.link.log.Info("lane in use", "addr", n.addr.String())
	n.link.work.Go(func() { n.link.serve(n.c) })
	n.link.work.Go(func() { n.link.detour(n) })
}

// lineConfig is what is known of the line to a peer, and the room that a lane has which begins now.
func (l *Link) lineConfig(c *conn, rtt time.Duration, dialled bool) (config line.Config, room int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share.enter(c.id)
	config = line.Config{Dialler: dialled, RTT: rtt}
	if rtt > 0 {
		config.Window = l.windows[c.id] * 3 / 4
	}
	return config, l.share.of(c.id)
}

// receive takes in a packet that bears the lane's tag; room is what the lane has now.
func (n *lane) receive(from net.Addr, packet []byte, room int) {
	number, b, err := n.in.Open(packet)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	if number >= line.Reserved {
		n.takePath(from, number, b)
		return
	}
	n.begin()
	n.line.Bound(room)
	if !n.heard || number > n.newest {
		n.heard, n.newest = true, number
		n.follow(from)
		n.c.hears()
		n.base.hears()
	}
	if err := n.line.Take(time.Now(), number, b); err != nil {
		n.link.log.Warn("lane ended", "addr", from.String(), "err", err)
	}
	n.pump()
}

// pump sends what is to be sent, and sees to it that it is called again in time. The caller holds the lock.
func (n *lane) pump() {
	if n.ctx.Err() != nil {
		return
	}
	for {
		now := time.Now()
		number, b, ok := n.line.Next(now)
		if !ok {
			break
		}
		n.link.quic.WriteTo(n.out.Seal(make([]byte, 0, len(b)+line.Overhead), number, b), n.addr) // lost packets are sent again
		n.spend(now, len(b)+line.Overhead)
	}
	n.announce()
	if err := n.line.Err(); err != nil {
		n.end(fmt.Errorf("%w: %w", ErrUnreachable, err))
		return
	}
	n.settle()
	if n.line.State().Streams == 0 {
		n.remember()
	}
	now := time.Now()
	if wake := n.line.Wake(now); !wake.IsZero() {
		n.wake(max(wake.Sub(now), 0))
	}
}

// spend counts a packet against the ceilings, and has the line wait for them. The caller holds the lock.
func (n *lane) spend(now time.Time, bytes int) {
	for n.allowed -= bytes; n.allowed < 0; n.allowed += ceilingStep {
		n.line.Hold(n.link.roof.take(now, n.peer, ceilingStep))
	}
}

func (n *lane) wake(in time.Duration) {
	if n.timer == nil {
		n.timer = time.AfterFunc(in, n.tick)
		return
	}
	n.timer.Reset(in)
}

func (n *lane) tick() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() == nil {
		n.pump()
		n.doubt()
	}
}

// doubtTime is for how long nothing must have come by a lane before it is doubted. The peer knows the lane only when its side of the handshake
// is done, which takes seconds where packets get lost; and of ten probes one is answered on any line.
const doubtTime = handshakeTime

// doubt gives a lane up whose packets do not pass although those of the connection do. Streams then go on the connection.
func (n *lane) doubt() {
	if n.heard || !n.line.Dark() || time.Since(n.line.Heard()) < doubtTime {
		return
	}
	if n.base.s.Context().Err() != nil || n.base.udp().ConnectionStats().PacketsReceived < n.received+2 {
		return
	}
	n.link.log.Warn("packets of a lane do not pass, plain streams do", "addr", n.addr.String())
	n.end(fmt.Errorf("%w: packets of a lane do not pass", ErrUnreachable))
	n.announce()
}

// gone ends a lane that the peer no longer knows, and leaves the connection beside it, which it does not know either.
func (n *lane) gone() {
	n.mu.Lock()
	stale := n.line != nil && n.ctx.Err() == nil && time.Since(n.line.Heard()) > goneAfter
	n.mu.Unlock()
	if stale {
		n.link.retire(n.base)
		n.fail(fmt.Errorf("%w: the peer has forgotten the lane", ErrUnreachable))
	}
}

// telling is how many bytes a lane must have sent before its window says something of the line.
const telling = 1 << 20

// remember notes the window for the next lane to the peer.
func (n *lane) remember() {
	s := n.line.State()
	if s.Sent < telling || s.Dark || s.Company {
		return
	}
	n.link.mu.Lock()
	defer n.link.mu.Unlock()
	if _, ok := n.link.windows[n.c.id]; ok || len(n.link.windows) < maxIncoming {
		n.link.windows[n.c.id] = s.Window
	}
}

// OpenStream waits while too many streams are open.
func (n *lane) OpenStream(ctx context.Context) (pipe, error) {
	for {
		n.mu.Lock()
		n.begin()
		if n.ctx.Err() != nil {
			n.mu.Unlock()
			return nil, context.Cause(n.ctx)
		}
		id, ok := n.line.Open()
		changed := n.changed
		n.mu.Unlock()
		if ok {
			return &lanePipe{n: n, id: id}, nil
		}
		if err := n.wait(ctx, changed); err != nil {
			return nil, err
		}
	}
}

// AcceptStream takes the next stream that the peer opens.
func (n *lane) AcceptStream(ctx context.Context) (pipe, error) {
	for {
		n.mu.Lock()
		id, ok := n.line.Accept()
		changed := n.changed
		n.mu.Unlock()
		if ok {
			return &lanePipe{n: n, id: id}, nil
		}
		if err := n.wait(ctx, changed); err != nil {
			return nil, err
		}
	}
}

func (n *lane) wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-n.ctx.Done():
		return context.Cause(n.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Context ends with the lane.
func (n *lane) Context() context.Context { return n.ctx }

// Close ends the lane and the connection beside it, which tells the peer why.
func (n *lane) Close(code quic.ApplicationErrorCode, why string) {
	n.base.s.Close(code, why)
	n.fail(fmt.Errorf("%w: connection closed", ErrUnreachable))
}

// LocalAddr is the address of the socket.
func (n *lane) LocalAddr() net.Addr { return n.base.s.LocalAddr() }

// RemoteAddr is where the peer is.
func (n *lane) RemoteAddr() net.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addr
}

// TLS is the state of the handshake.
func (n *lane) TLS() tls.ConnectionState { return n.base.s.TLS() }
