package replicationtest

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// queue is how many packets an endpoint holds for a slow reader.
const queue = 4096

type packet struct {
	from, to netip.AddrPort
	data     []byte
}

// endpoint is a socket of a Network.
type endpoint struct {
	n       *Network
	addr    netip.AddrPort
	packets chan packet
	closed  chan struct{}
	once    sync.Once
	moved   chan struct{} // the read deadline has changed

	mu       sync.Mutex
	deadline time.Time
}

var _ net.PacketConn = (*endpoint)(nil)

// ReadFrom returns the next packet.
func (e *endpoint) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		e.mu.Lock()
		deadline := e.deadline
		e.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			late = timer.C
		}
		select {
		case p := <-e.packets:
			return copy(b, p.data), net.UDPAddrFromAddrPort(p.from), nil
		case <-e.closed:
			return 0, nil, net.ErrClosed
		case <-late:
			return 0, nil, os.ErrDeadlineExceeded
		case <-e.moved:
		}
	}
}

// WriteTo sends a packet.
func (e *endpoint) WriteTo(b []byte, to net.Addr) (int, error) {
	select {
	case <-e.closed:
		return 0, net.ErrClosed
	default:
	}
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.AddrError{Err: "not a UDP address", Addr: to.String()}
	}
	at := u.AddrPort()
	e.n.send(packet{e.addr, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), b})
	return len(b), nil
}

// Close ends the endpoint.
func (e *endpoint) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// LocalAddr is where it listens.
func (e *endpoint) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(e.addr) }

// SetReadDeadline bounds ReadFrom, also one under way.
func (e *endpoint) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	e.deadline = t
	e.mu.Unlock()
	select {
	case e.moved <- struct{}{}:
	default:
	}
	return nil
}

// SetDeadline bounds reading; writing never waits.
func (e *endpoint) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writing never waits.
func (e *endpoint) SetWriteDeadline(time.Time) error { return nil }
