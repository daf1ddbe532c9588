package link

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// porch counts those who have yet to show a reason to be here, in all and by address: whoever sends many gets no further, and keeps
// few others out.
type porch struct {
	most, mostFrom int

	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

// The bounds of handshakes and of strangers. A whole province may stand behind one address, and be back from a power cut all at
// once; a handshake takes a moment.
const (
	maxHandshakes     = 512
	maxHandshakesFrom = 64
	calmFrom          = 16 // handshakes; above it, callers from an address first prove that they are there
	maxStrangers      = 64
	maxStrangersFrom  = 16
)

// enter lets one in. leave is called when it goes; more often does no harm.
func (p *porch) enter(from net.Addr) (leave func(), ok bool) {
	a := hostOf(from)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= p.most || p.from[a] >= p.mostFrom {
		return nil, false
	}
	if p.from == nil {
		p.from = map[netip.Addr]int{}
	}
	p.all++
	p.from[a]++
	return sync.OnceFunc(func() { p.leave(a) }), true
}

func (p *porch) leave(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.from[a]--; p.from[a] == 0 {
		delete(p.from, a)
	}
}

// crowded tells whether a caller from an address has to prove that it is there: packets are easily sent in another's name.
func (p *porch) crowded(from net.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.from[hostOf(from)] >= calmFrom
}

// hostOf is the machine, or for IPv6 the network, that an address belongs to.
func hostOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		return ip
	}
	p, _ := ip.WithZone("").Prefix(64)
	return p.Addr()
}

// leaveKey is where the context of an incoming connection keeps how it leaves the porch.
type leaveKey struct{}

// leavePorch tells that a handshake is over.
func leavePorch(ctx context.Context) {
	if leave, ok := ctx.Value(leaveKey{}).(func()); ok {
		leave()
	}
}
