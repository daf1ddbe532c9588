package link

import (
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
)

// gate is the socket with a switch in it: while it is down, every packet in and out is dropped.
type gate struct {
	net.PacketConn
	down atomic.Bool
}

// conn is the socket as quic-go gets it: with what a real UDP socket can do beyond one packet a call.
func (g *gate) conn() net.PacketConn {
	if u, ok := g.PacketConn.(*net.UDPConn); ok {
		return &batchGate{UDPConn: u, gate: g, batch: ipv4.NewPacketConn(u)}
	}
	return g
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

// SetReadBuffer asks for room for bursts; a simulated socket has no such thing and is left as it is.
func (g *gate) SetReadBuffer(int) error { return nil }

// SetWriteBuffer does the same for sending.
func (g *gate) SetWriteBuffer(int) error { return nil }

// batchGate is a gate on a real UDP socket. quic-go reads it by batches, and writes many packets of equal size by one call
// (segmentation offload); it does neither on a socket of which it sees only the plain interface. These are all the calls by
// which it moves packets.
type batchGate struct {
	*net.UDPConn
	gate  *gate
	batch *ipv4.PacketConn // reads IPv6 just as well
}

var _ quic.OOBCapablePacketConn = (*batchGate)(nil)

// ReadBatch returns the next packets that come while the line is up.
func (g *batchGate) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for {
		n, err := g.batch.ReadBatch(ms, flags)
		if err != nil || !g.gate.down.Load() {
			return n, err
		}
	}
}

// WriteMsgUDP sends packets, or pretends to.
func (g *batchGate) WriteMsgUDP(p, oob []byte, to *net.UDPAddr) (int, int, error) {
	if g.gate.down.Load() {
		return len(p), len(oob), nil
	}
	return g.UDPConn.WriteMsgUDP(p, oob, to)
}

// ReadFrom is for systems on which quic-go reads one packet a call.
func (g *batchGate) ReadFrom(p []byte) (int, net.Addr, error) { return g.gate.ReadFrom(p) }

// WriteTo is for them too.
func (g *batchGate) WriteTo(p []byte, to net.Addr) (int, error) { return g.gate.WriteTo(p, to) }
