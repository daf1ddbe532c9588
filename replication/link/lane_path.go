package link

import (
	"crypto/rand"
	"net"
	"net/netip"
	"time"

	"motcua/replication/line"
)

// A packet about paths is sealed like one of the line, under a number that the line never uses: a kind, and a token of which only
// whoever gets the question knows what to answer. Append only.
const (
	pathAsk    = 1 // are you there?
	pathAnswer = 2
	pathToken  = 8
)

// pathEvery bounds how often a lane asks; an answer goes where its question came from. So what goes to an address at which the peer has not
// answered is no more than came from there, give or take a few bytes.
const pathEvery = 100 * time.Millisecond

// paths is what a lane knows of where the peer may be: whoever sees a packet can send it again from elsewhere, and must not thereby have us
// flood that place. It is as in RFC 9000, section 9.3, but that nothing at all but the question goes to a place before the answer has come.
type paths struct {
	known  bool     // the peer answers
	at     net.Addr // where the newest packet came from; nil: from the lane's address
	token  [pathToken]byte
	asked  time.Time
	sent   uint32 // packets about paths
	newest uint32 // number of the last that came
}

// follow considers where the newest packet came from. The caller holds the lock, as of all below.
func (n *lane) follow(from net.Addr) {
	p := &n.paths
	switch now := time.Now(); {
	case sameAddr(from, n.addr):
		p.at = nil
	case !p.known: // an older version: QUIC beside the lane finds out
		if sameAddr(from, n.base.s.RemoteAddr()) {
			n.addr = from
		}
	case now.Sub(p.asked) >= pathEvery:
		if p.at == nil || !sameAddr(from, p.at) {
			p.at = from
			rand.Read(p.token[:])
		}
		p.asked = now
		n.sendPath(pathAsk, p.token[:], from)
	}
}

// takePath takes in a packet about paths. One that was seen before is passed over: it may be anybody's.
func (n *lane) takePath(from net.Addr, number uint32, b []byte) {
	p := &n.paths
	if !p.known || number <= p.newest || len(b) != 1+pathToken {
		return
	}
	p.newest = number
	switch {
	case b[0] == pathAsk:
		n.sendPath(pathAnswer, b[1:], from)
	case b[0] == pathAnswer && p.at != nil && [pathToken]byte(b[1:]) == p.token:
		n.link.log.Info("lane follows its peer", "addr", p.at.String())
		n.addr, p.at = p.at, nil
		if n.line != nil {
			n.pump()
		}
	}
}

func (n *lane) sendPath(kind byte, token []byte, to net.Addr) {
	if n.paths.sent >= 1<<32-1-line.Reserved {
		return
	}
	n.paths.sent++
	b := pathPacket(kind, token)
	n.link.quic.WriteTo(n.out.Seal(make([]byte, 0, len(b)+line.Overhead), line.Reserved+n.paths.sent, b), to) // it is asked again
}

func pathPacket(kind byte, token []byte) []byte { return append([]byte{kind}, token...) }

// sameAddr tells whether two addresses are one.
func sameAddr(a, b net.Addr) bool { return addrPortOf(a) == addrPortOf(b) }

func addrPortOf(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
