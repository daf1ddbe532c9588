package replicationtest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"
)

// Weather is how badly packets fare. The zero Weather delivers everything at once.
type Weather struct {
	Loss      float64       // share of packets lost, 0 to 1
	Duplicate float64       // share of packets delivered twice
	Latency   time.Duration // one way
	Jitter    time.Duration // added at random, so that packets overtake each other
}

// Network is a simulated packet network. Make endpoints with Listen.
type Network struct {
	router simnet.PerfectRouter

	mu      sync.Mutex
	weather Weather
	cut     map[netip.AddrPort]bool
}

// NewNetwork makes a network in fair weather.
func NewNetwork() *Network { return &Network{cut: map[netip.AddrPort]bool{}} }

// SetWeather changes how packets fare from now on.
func (n *Network) SetWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// Cut pulls the cable of an address, Heal plugs it in again.
func (n *Network) Cut(addr string) { n.set(addr, true) }

// Heal plugs the cable of an address in again.
func (n *Network) Heal(addr string) { n.set(addr, false) }

func (n *Network) set(addr string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[netip.MustParseAddrPort(addr)] = cut
}

// Listen makes an endpoint at ip:port. Listening again at an address takes it over, as a restarted machine does.
func (n *Network) Listen(addr string) net.PacketConn {
	at := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))
	return simnet.NewBlockingSimConn(at, n)
}

// AddNode is called by endpoints.
func (n *Network) AddNode(addr net.Addr, r simnet.PacketReceiver) { n.router.AddNode(addr, r) }

// SendPacket is called by endpoints.
func (n *Network) SendPacket(p simnet.Packet) error {
	n.mu.Lock()
	w, dark := n.weather, n.dark(p)
	n.mu.Unlock()
	if dark || rand.Float64() < w.Loss {
		return nil
	}
	p.Data = bytes.Clone(p.Data)
	n.deliver(p, w)
	if rand.Float64() < w.Duplicate {
		p.Data = bytes.Clone(p.Data)
		n.deliver(p, w)
	}
	return nil
}

func (n *Network) dark(p simnet.Packet) bool {
	return n.cut[addrPort(p.From)] || n.cut[addrPort(p.To)]
}

func (n *Network) deliver(p simnet.Packet, w Weather) {
	delay := w.Latency
	if w.Jitter > 0 {
		delay += rand.N(w.Jitter)
	}
	time.AfterFunc(delay, func() {
		n.mu.Lock()
		dark := n.dark(p)
		n.mu.Unlock()
		if !dark {
			n.router.SendPacket(p) // an address where nobody listens swallows it, as the real network does
		}
	})
}

func addrPort(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok {
		p := u.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}
