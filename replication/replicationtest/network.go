package replicationtest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
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
	mu        sync.Mutex
	weather   Weather
	cut       map[netip.AddrPort]bool
	parted    map[[2]netip.AddrPort]bool
	endpoints map[netip.AddrPort]*endpoint
	noUDP     map[netip.AddrPort]bool
	listeners map[netip.AddrPort]*listener
	sent      map[netip.AddrPort]int64
	moved     map[netip.AddrPort]netip.AddrPort // where an address is seen from outside
	watch     func(packet []byte)
}

// NewNetwork makes a network in fair weather.
func NewNetwork() *Network {
	return &Network{
		cut: map[netip.AddrPort]bool{}, parted: map[[2]netip.AddrPort]bool{}, endpoints: map[netip.AddrPort]*endpoint{},
		noUDP: map[netip.AddrPort]bool{}, listeners: map[netip.AddrPort]*listener{}, sent: map[netip.AddrPort]int64{}, moved: map[netip.AddrPort]netip.AddrPort{},
	}
}

// SetWeather changes how packets fare from now on.
func (n *Network) SetWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// Cut pulls the cable of an address: packets under way are lost too.
func (n *Network) Cut(addr string) { n.set(addr, true) }

// Heal plugs the cable of an address in again.
func (n *Network) Heal(addr string) { n.set(addr, false) }

func (n *Network) set(addr string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[netip.MustParseAddrPort(addr)] = cut
}

// Part takes away the way between two addresses, in both directions; each still reaches others. Meet gives it back.
func (n *Network) Part(a, b string) { n.pair(a, b, true) }

// Meet undoes Part.
func (n *Network) Meet(a, b string) { n.pair(a, b, false) }

func (n *Network) pair(a, b string, parted bool) {
	x, y := netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.parted[[2]netip.AddrPort{x, y}], n.parted[[2]netip.AddrPort{y, x}] = parted, parted
}

// Dark tells whether the cable of either address is pulled, or there is no way between them.
func (n *Network) Dark(a, b string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dark(packet{from: netip.MustParseAddrPort(a), to: netip.MustParseAddrPort(b)})
}

// Watch has every packet shown to f, as it is sent. F must not keep it.
func (n *Network) Watch(f func(packet []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watch = f
}

// Move has an endpoint seen at another address from now on, as by a NAT that has forgotten it or over another uplink: what is sent to
// where it was before is lost.
func (n *Network) Move(addr, seen string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moved[netip.MustParseAddrPort(addr)] = netip.MustParseAddrPort(seen)
}

// at is the endpoint at an address, nil if there is none. The caller holds the lock.
func (n *Network) at(addr netip.AddrPort) *endpoint {
	for inside, seen := range n.moved {
		if seen == addr {
			return n.endpoints[inside]
		}
	}
	if _, ok := n.moved[addr]; ok {
		return nil
	}
	return n.endpoints[addr]
}

// dark tells whether a packet has no way to go. The caller holds the lock.
func (n *Network) dark(p packet) bool {
	return n.cut[p.from] || n.cut[p.to] || n.parted[[2]netip.AddrPort{p.from, p.to}]
}

// Listen makes an endpoint at ip:port. Listening again at an address takes it over, as a restarted machine does.
func (n *Network) Listen(addr string) net.PacketConn {
	e := &endpoint{
		n: n, addr: netip.MustParseAddrPort(addr), packets: make(chan packet, queue),
		closed: make(chan struct{}), moved: make(chan struct{}, 1),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.endpoints[e.addr] = e
	return e
}

// headers is what IPv4 and UDP add to a packet.
const headers = 28

// Sent is how many bytes an address has sent in packets, headers included.
func (n *Network) Sent(addr string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[netip.MustParseAddrPort(addr)]
}

// send has a packet delivered as the weather is.
func (n *Network) send(p packet) {
	n.mu.Lock()
	n.sent[p.from] += int64(len(p.data)) + headers
	if seen, ok := n.moved[p.from]; ok {
		p.from = seen
	}
	watch, w, dark := n.watch, n.weather, n.dark(p) || n.noUDP[p.from] || n.noUDP[p.to]
	n.mu.Unlock()
	if watch != nil {
		watch(p.data)
	}
	if dark || rand.Float64() < w.Loss {
		return
	}
	copies := 1
	if rand.Float64() < w.Duplicate {
		copies = 2
	}
	for range copies {
		// At once would be run by the sender's own goroutine, on a stack of which the race detector of Go 1.26 knows nothing and
		// at times dies (golang/go issue 78156).
		delay := max(w.Latency, time.Nanosecond)
		if w.Jitter > 0 {
			delay += rand.N(w.Jitter)
		}
		q := packet{p.from, p.to, bytes.Clone(p.data)}
		time.AfterFunc(delay, func() { n.deliver(q) })
	}
}

// deliver hands a packet over. Where nobody listens, or listens too slowly, it is lost.
func (n *Network) deliver(p packet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.at(p.to)
	if e == nil || n.dark(p) || n.noUDP[p.from] || n.noUDP[p.to] {
		return
	}
	select {
	case e.packets <- p:
	default:
	}
}
