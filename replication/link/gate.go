package link

import (
	"net"
	"sync/atomic"
)

// gate is the socket with a switch in it: while it is down, every packet in and out is dropped.
type gate struct {
	net.PacketConn
	down atomic.Bool
}

// ReadFrom returns the next packet that comes while the line is up.
func (g *gate) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := g.PacketConn.ReadFrom(p)
		if err != nil || !g.down.Load() {
			return n, from, err
		}
	}
}

// WriteTo sends a packet, or pretends to.
func (g *gate) WriteTo(p []byte, to net.Addr) (int, error) {
	if g.down.Load() {
		return len(p), nil
	}
	return g.PacketConn.WriteTo(p, to)
}

// SetReadBuffer asks for room for bursts; a socket that has no such thing is left as it is.
func (g *gate) SetReadBuffer(n int) error {
	if c, ok := g.PacketConn.(interface{ SetReadBuffer(int) error }); ok {
		return c.SetReadBuffer(n)
	}
	return nil
}

// SetWriteBuffer does the same for sending.
func (g *gate) SetWriteBuffer(n int) error {
	if c, ok := g.PacketConn.(interface{ SetWriteBuffer(int) error }); ok {
		return c.SetWriteBuffer(n)
	}
	return nil
}
