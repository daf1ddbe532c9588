package link

import (
	"fmt"
	"net"
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
	defer close(l.packets)
	buf := make([]byte, 2048)
	for {
		n, from, err := l.quic.ReadNonQUICPacket(l.ctx, buf)
		if err != nil {
			return
		}
		if n < 2 || buf[0] != packetMark {
			continue
		}
		select {
		case l.packets <- Packet{from, append([]byte(nil), buf[1:n]...)}:
		default:
		}
	}
}
