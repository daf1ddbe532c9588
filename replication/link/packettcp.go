package link

import (
	"context"
	"fmt"
	"sync"
	"time"

	"motcua/replication"
)

// packetProtocol carries bare packets inside a connection over TCP, because there UDP does not pass.
const packetProtocol = "packet/1"

// The bounds of packets inside a connection.
const (
	packetsWaiting = 64               // more are dropped, as on any line that is full
	packetPause    = time.Minute      // without a packet, after which the stream ends
	packetStall    = 10 * time.Second // in which a packet must have gone
)

// packetFrame is a packet on its stream.
type packetFrame struct {
	Data []byte `cbor:"1,keyasint"`
}

// packetsOut are the packets that go out inside a connection.
type packetsOut struct {
	mu    sync.Mutex
	queue chan []byte // nil: no stream carries them just now
}

// SendPacketTo sends a bare packet to a name, without any promise that it arrives: inside the connection to it where that runs over
// TCP, and otherwise by UDP to host:port.
func (l *Link) SendPacketTo(to replication.Name, addr string, b []byte) error {
	t, err := l.target(to)
	if err != nil {
		return l.SendPacket(addr, b)
	}
	c := l.open(t.id)
	if c == nil || c.udp() != nil {
		return l.SendPacket(addr, b)
	}
	if len(b) > MaxPacket {
		return fmt.Errorf("send packet of %d bytes, at most %d: %w", len(b), MaxPacket, ErrTooLarge)
	}
	l.enqueue(c, append([]byte(nil), b...))
	return nil
}

// enqueue has a packet carried inside a connection, or drops it.
func (l *Link) enqueue(c *conn, b []byte) {
	c.packets.mu.Lock()
	defer c.packets.mu.Unlock()
	if c.packets.queue == nil {
		queue := make(chan []byte, packetsWaiting)
		if !l.background(func() { l.carry(c, queue) }) {
			return
		}
		c.packets.queue = queue
	}
	select {
	case c.packets.queue <- b:
	default:
	}
}

// carry takes packets over a stream of their own until none has come for a while.
func (l *Link) carry(c *conn, queue <-chan []byte) {
	defer func() {
		c.packets.mu.Lock()
		c.packets.queue = nil
		c.packets.mu.Unlock()
	}()
	s, err := l.begin(l.ctx, c, packetProtocol, false)
	if err != nil {
		return
	}
	defer s.Cancel()
	s.SetStall(packetStall)
	for {
		select {
		case b := <-queue:
			if s.Send(packetFrame{b}) != nil {
				return
			}
		case <-time.After(packetPause):
			return
		case <-c.s.Context().Done():
			return
		}
	}
}

// takePackets serves the other end.
func (l *Link) takePackets(_ context.Context, _ Caller, s *Stream) {
	for {
		var f packetFrame
		if s.Receive(&f, MaxPacket+16) != nil {
			return
		}
		l.queuePacket(Packet{s.RemoteAddr(), f.Data})
	}
}
