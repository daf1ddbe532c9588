package link

import (
	"fmt"
	"net"
	"time"

	"motcua/replication/line"
)

// packetMark is the first byte of a bare packet: its two top bits are zero, which no QUIC packet's are (RFC 9443).
const packetMark = 0x01

// MaxPacket bounds the bytes of a bare packet, so that it fits every path QUIC fits.
const MaxPacket = 1199

// packetQueue is how many packets wait for a slow reader before they are dropped.
const packetQueue = 256

// Packet is a bare packet that came in. From is what the sender claims; anybody may have sent it.
type Packet struct {
	From net.Addr
	Data []byte
}

// SendPacket sends a bare packet to host:port, without any promise that it arrives.
func (l *Link) SendPacket(addr string, b []byte) error {
	if len(b) > MaxPacket {
		return fmt.Errorf("send packet of %d bytes, at most %d: %w", len(b), MaxPacket, ErrTooLarge)
	}
	to, err := Lookup(l.ctx, addr)
	if err != nil {
		return fmt.Errorf("send packet: %w", err)
	}
	if _, err := l.quic.WriteTo(append([]byte{packetMark}, b...), to); err != nil {
		return fmt.Errorf("send packet to %s: %w", addr, err)
	}
	return nil
}

// Packets are the bare packets that come in. The channel is closed with the link; packets that nobody reads are dropped.
func (l *Link) Packets() <-chan Packet { return l.packets }

func (l *Link) readPackets() {
	buf := make([]byte, 2048)
	for {
		n, from, err := l.quic.ReadNonQUICPacket(l.ctx, buf)
		if err != nil {
			return
		}
		if n < 2 {
			continue
		}
		switch buf[0] {
		case laneMark:
			l.toLane(from, buf[:n])
		case goneMark:
			l.laneGone(buf[:n])
		case packetMark:
			l.queuePacket(Packet{from, append([]byte(nil), buf[1:n]...)})
		}
	}
}

func (l *Link) queuePacket(p Packet) {
	select {
	case l.packets <- p:
	default:
	}
}

// toLane hands a packet to the lane whose tag it bears.
func (l *Link) toLane(from net.Addr, packet []byte) {
	tag, ok := line.TagOf(packet)
	if !ok {
		return
	}
	l.mu.Lock()
	n, room := l.lanes[tag], 0
	if n != nil {
		room = l.share.of(n.c.id)
	}
	l.mu.Unlock()
	switch {
	case n != nil:
		n.receive(from, packet, room)
	case l.gones.allow(time.Now()):
		l.quic.WriteTo(append([]byte{goneMark}, tag[:]...), from) // smaller than what it answers
	}
}

// laneGone takes a peer's word that it has no lane to which our packets belong.
func (l *Link) laneGone(packet []byte) {
	var tag line.Tag
	if len(packet) != 1+len(tag) {
		return
	}
	copy(tag[:], packet[1:])
	l.mu.Lock()
	n := l.lanes[tag]
	l.mu.Unlock()
	if n != nil && n.out.Tag() == tag {
		n.gone()
	}
}

// sparing lets few things happen per second. Only one goroutine uses it.
type sparing struct {
	since time.Time
	count int
}

func (s *sparing) allow(now time.Time) bool {
	if now.Sub(s.since) >= time.Second {
		s.since, s.count = now, 0
	}
	s.count++
	return s.count <= maxGone
}
