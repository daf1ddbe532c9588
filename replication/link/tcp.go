package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"
)

// The bounds of a connection over TCP. A stream has a window of 256 KiB to begin with, so that a peer's share of memory is at
// most tcpAccepts of them and tcpGrowth, a stranger's strangerAccepts of them.
const (
	tcpStreams      = 64 // opened by one side at a time; more wait
	strangerAccepts = 8  // a few above strangerStreams, so that a stranger is told that we are busy
	tcpMessage      = 16 << 10
	tcpWindow       = 1 << 20
	tcpGrowth       = 4 << 20   // by which the windows of all streams may grow
	tcpBuffer       = 512 << 10 // of the kernel for sending: what waits there cannot be overtaken
	tcpAlive        = 15 * time.Second
	tcpSilence      = 30 * time.Second // in which a piece must have been sent, or an answer come
	lingerTime      = time.Second
)

// tcpSession is a session over TLS over TCP.
type tcpSession struct {
	*yamux.Session
	link    *Link
	conn    *tls.Conn
	ctx     context.Context
	closing atomic.Bool
	ended   chan struct{} // nothing runs any more
	room    chan struct{} // of the streams that this side has open
}

var _ session = (*tcpSession)(nil)

// newTCPSession begins a session on a connection whose handshake is done. It ends with the link.
func (l *Link) newTCPSession(c *tls.Conn, client, known bool) (*tcpSession, error) {
	begin := yamux.Server
	if client {
		begin = yamux.Client
	}
	room := newRoom()
	y, err := begin(c, tcpConfig(known), func() (yamux.MemoryManager, error) { return &growth{room: room}, nil })
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(l.ctx)
	s := &tcpSession{Session: y, link: l, conn: c, ctx: ctx, ended: make(chan struct{}), room: make(chan struct{}, tcpStreams)}
	l.work.Go(func() {
		defer close(s.ended)
		defer end()
		select {
		case <-y.CloseChan():
		case <-l.ctx.Done():
			s.Close(codeClosed, "")
		}
	})
	return s, nil
}

func tcpConfig(known bool) *yamux.Config {
	cfg := yamux.DefaultConfig()
	cfg.AcceptBacklog, cfg.MaxIncomingStreams = tcpStreams, tcpStreams
	if !known {
		cfg.MaxIncomingStreams = strangerAccepts
	}
	cfg.KeepAliveInterval, cfg.ConnectionWriteTimeout, cfg.MeasureRTTInterval = tcpAlive, tcpSilence, time.Hour
	cfg.MaxMessageSize, cfg.MaxStreamWindowSize = tcpMessage, tcpWindow
	cfg.LogOutput = io.Discard
	return cfg
}

// growth is by how much one stream's window has grown, out of what all streams of a session may.
type growth struct {
	room *atomic.Int64
	held atomic.Int64
}

func newRoom() *atomic.Int64 {
	room := new(atomic.Int64)
	room.Store(tcpGrowth)
	return room
}

var errNoRoom = errors.New("windows have grown enough")

// ReserveMemory grants the first window of every stream: those are bounded by the number of streams.
func (g *growth) ReserveMemory(size int, prio uint8) error {
	if prio == 255 {
		return nil
	}
	if g.room.Add(-int64(size)) < 0 {
		g.room.Add(int64(size))
		return errNoRoom
	}
	g.held.Add(int64(size))
	return nil
}

// ReleaseMemory is for what a stream gives back while it is open, which is nothing.
func (g *growth) ReleaseMemory(int) {}

// Done gives all back.
func (g *growth) Done() { g.room.Add(g.held.Swap(0)) }

// OpenStream opens a stream once there is room for it.
func (s *tcpSession) OpenStream(ctx context.Context) (pipe, error) {
	select {
	case s.room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ctx.Done():
		return nil, s.plain(yamux.ErrSessionShutdown)
	}
	y, err := s.Session.OpenStream(ctx)
	if err != nil {
		<-s.room
		return nil, s.plain(err)
	}
	return &tcpPipe{Stream: y, s: s, free: func() { <-s.room }}, nil
}

// AcceptStream takes the next stream that the peer opens.
func (s *tcpSession) AcceptStream(context.Context) (pipe, error) {
	y, err := s.Session.AcceptStream()
	if err != nil {
		return nil, s.plain(err)
	}
	return &tcpPipe{Stream: y, s: s, free: func() {}}, nil
}

// Context ends with the session.
func (s *tcpSession) Context() context.Context { return s.ctx }

// TLS is the state of the handshake.
func (s *tcpSession) TLS() tls.ConnectionState { return s.conn.ConnectionState() }

// Close ends the session and tells the peer why, without waiting until it has been told.
func (s *tcpSession) Close(code quic.ApplicationErrorCode, _ string) {
	switch {
	case s.closing.Swap(true):
	case code < codeRefused || !s.link.background(func() { s.hangUp(code) }):
		s.Session.Close()
	}
}

// hangUp ends the session with a refusal. It reads what still comes before it closes the connection: TCP throws away what was sent
// last where something that has come was not read.
func (s *tcpSession) hangUp(code quic.ApplicationErrorCode) {
	c := s.conn.NetConn().(*tcpConn)
	c.linger.Store(true)
	s.CloseWithError(uint32(code))
	c.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, c, tcpBuffer)
	c.Conn.Close()
}

// plain turns the errors of the multiplexer into those of quic-go or ours.
func (s *tcpSession) plain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if s.IsClosed() { // whoever sends just then learns only that it is
		if _, why := s.Session.AcceptStream(); why != nil {
			err = why
		}
	}
	switch e, ok := errors.AsType[*yamux.GoAwayError](err); {
	case ok && e.Remote:
		return &quic.ApplicationError{Remote: true, ErrorCode: quic.ApplicationErrorCode(e.ErrorCode)}
	case errors.Is(err, yamux.ErrTimeout) && !s.IsClosed():
		return os.ErrDeadlineExceeded
	case s.IsClosed():
		return fmt.Errorf("%w: connection closed: %v", ErrUnreachable, err)
	}
	return err
}

// tcpPipe is a stream of a session over TCP.
type tcpPipe struct {
	*yamux.Stream
	s     *tcpSession
	free  func() // makes room for another
	once  sync.Once
	wrote atomic.Bool // our half is ended
}

var _ pipe = (*tcpPipe)(nil)

// Read reads bytes.
func (p *tcpPipe) Read(b []byte) (int, error) {
	n, err := p.Stream.Read(b)
	return n, p.s.plain(err)
}

// Write writes bytes.
func (p *tcpPipe) Write(b []byte) (int, error) {
	n, err := p.Stream.Write(b)
	return n, p.s.plain(err)
}

// Close ends the sending half.
func (p *tcpPipe) Close() error {
	p.wrote.Store(true)
	return p.s.plain(p.Stream.CloseWrite())
}

// CancelRead stops reading. Once we have ended our half, the peer is told so by breaking the stream off: what we have sent
// before still reaches it.
func (p *tcpPipe) CancelRead(code quic.StreamErrorCode) {
	if !p.wrote.Load() {
		p.Stream.CloseRead()
		return
	}
	p.CancelWrite(code)
}

// CancelWrite breaks both halves off: over TCP there is no breaking off of one alone.
func (p *tcpPipe) CancelWrite(code quic.StreamErrorCode) {
	p.Stream.ResetWithError(uint32(code))
	p.once.Do(p.free)
}
