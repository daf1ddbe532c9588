package replicationtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// The measures of simulated TCP.
const (
	tcpRoom  = 256 << 10              // bytes under way in one direction, then writing waits
	tcpAgain = 200 * time.Millisecond // how often what a cut holds up is tried again
)

// ListenTCP takes connections at ip:port. They fare as the weather is, but nothing is lost or overtaken: what a cut holds up
// arrives when it is healed.
func (n *Network) ListenTCP(addr string) net.Listener {
	l := &listener{n: n, addr: netip.MustParseAddrPort(addr), conns: make(chan net.Conn, 16), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[l.addr] = l
	return l
}

// DialTCP returns how a machine with an address goes out by TCP.
func (n *Network) DialTCP(from string) func(ctx context.Context, addr string) (net.Conn, error) {
	local := netip.MustParseAddrPort(from)
	return func(ctx context.Context, addr string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(addr)
		if err != nil {
			return nil, err
		}
		return n.dial(ctx, local, to)
	}
}

// BlockUDP has packets to and from an address dropped (true), as many a firewall does, while TCP passes.
func (n *Network) BlockUDP(addr string, blocked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noUDP[netip.MustParseAddrPort(addr)] = blocked
}

func (n *Network) dial(ctx context.Context, from, to netip.AddrPort) (net.Conn, error) {
	for {
		n.mu.Lock()
		_, moved := n.moved[to]
		dark, l, w := moved || n.dark(packet{from: from, to: to}), n.listeners[to], n.weather
		n.mu.Unlock()
		wait := 2 * w.Latency
		if dark {
			wait = tcpAgain
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if dark {
			continue
		}
		if l == nil {
			return nil, errors.New("connection refused")
		}
		near, far := n.connect(from, to)
		select {
		case l.conns <- far:
			return near, nil
		case <-l.closed:
			return nil, errors.New("connection refused")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (n *Network) connect(from, to netip.AddrPort) (near, far *tcpConn) {
	out, back := &stretch{n: n, from: from, to: to}, &stretch{n: n, from: to, to: from}
	for _, s := range []*stretch{out, back} {
		s.moved = make(chan struct{})
	}
	return &tcpConn{in: back, out: out, local: from, remote: to}, &tcpConn{in: out, out: back, local: to, remote: from}
}

// listener is where a machine takes connections.
type listener struct {
	n      *Network
	addr   netip.AddrPort
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept takes the next one.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close takes no more.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.n.mu.Lock()
		if l.n.listeners[l.addr] == l {
			delete(l.n.listeners, l.addr)
		}
		l.n.mu.Unlock()
		close(l.closed)
	})
	return nil
}

// Addr is where it listens.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// stretch is one direction of a connection.
type stretch struct {
	n        *Network
	from, to netip.AddrPort

	mu       sync.Mutex
	pieces   []piece
	held     int
	eof      bool // the writer has ended it
	gone     bool // one of the two has closed the connection
	moved    chan struct{}
	deadline [2]time.Time // of the reader and of the writer
}

type piece struct {
	data []byte
	due  time.Time
}

// stir wakes who waits. The caller holds the lock.
func (s *stretch) stir() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// wait waits until something has moved, for so long, or to a deadline. The caller holds the lock.
func (s *stretch) wait(who int, d time.Duration) error {
	moved, deadline := s.moved, s.deadline[who]
	if !deadline.IsZero() {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		d = min(d, left)
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-moved:
	case <-t.C:
	}
	return nil
}

func (s *stretch) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		wait := time.Hour
		switch {
		case s.gone:
			return 0, net.ErrClosed
		case len(s.pieces) == 0 && s.eof:
			return 0, io.EOF
		case len(s.pieces) > 0:
			s.n.mu.Lock()
			dark := s.n.dark(packet{from: s.from, to: s.to})
			s.n.mu.Unlock()
			if wait = time.Until(s.pieces[0].due); wait <= 0 && !dark {
				return s.take(b), nil
			}
			if dark {
				wait = max(wait, tcpAgain)
			}
		}
		if err := s.wait(0, wait); err != nil {
			return 0, err
		}
	}
}

func (s *stretch) take(b []byte) int {
	n := copy(b, s.pieces[0].data)
	if s.pieces[0].data = s.pieces[0].data[n:]; len(s.pieces[0].data) == 0 {
		s.pieces = s.pieces[1:]
	}
	s.held -= n
	s.stir()
	return n
}

func (s *stretch) write(b []byte) (int, error) {
	s.n.mu.Lock()
	delay := s.n.weather.Latency
	s.n.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone || s.eof:
			return 0, net.ErrClosed
		case s.held < tcpRoom:
			s.pieces = append(s.pieces, piece{append([]byte(nil), b...), time.Now().Add(delay)})
			s.held += len(b)
			s.stir()
			return len(b), nil
		}
		if err := s.wait(1, time.Hour); err != nil {
			return 0, err
		}
	}
}

// end ends the stretch: after what is under way, or at once.
func (s *stretch) end(gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eof, s.gone = true, s.gone || gone
	s.stir()
}

func (s *stretch) until(who int, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline[who] = t
	s.stir()
}

// tcpConn is one end of a connection.
type tcpConn struct {
	in, out       *stretch
	local, remote netip.AddrPort
}

var _ net.Conn = (*tcpConn)(nil)

func (c *tcpConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *tcpConn) Write(b []byte) (int, error) { return c.out.write(b) }

// CloseWrite ends what this end sends.
func (c *tcpConn) CloseWrite() error { c.out.end(false); return nil }

// Close closes this end; what was sent still arrives.
func (c *tcpConn) Close() error {
	c.in.end(true)
	c.out.end(false)
	return nil
}

func (c *tcpConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *tcpConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *tcpConn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *tcpConn) SetReadDeadline(t time.Time) error  { c.in.until(0, t); return nil }
func (c *tcpConn) SetWriteDeadline(t time.Time) error { c.out.until(1, t); return nil }
