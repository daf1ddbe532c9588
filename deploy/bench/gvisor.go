package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	tcpstack "gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"motcua/cmd/bench"
)

// gvisorTCP is that of gVisor, in this process: it needs no root and no kernel that takes part. It has CUBIC, SACK, RACK and buffers
// that grow; it has no BBR.
type gvisorTCP struct {
	from, to host
	stop     context.CancelFunc
}

// host is a place in it with one device.
type host struct {
	stack  *stack.Stack
	device *channel.Endpoint
}

// The buffers of a connection: they hold many times what any of the lines does.
const (
	firstBuffer = 1 << 20
	mostBuffer  = 16 << 20
)

func newGvisorTCP(w *bench.Wire) (tcp, error) {
	ctx, stop := context.WithCancel(context.Background())
	g := gvisorTCP{from: newHost(), to: newHost(), stop: stop}
	if err := errors.Join(g.from.set(fromAddr), g.to.set(toAddr)); err != nil {
		g.Close()
		return nil, err
	}
	go g.from.feed(ctx, w, 0, g.to)
	go g.to.feed(ctx, w, 1, g.from)
	return g, nil
}

func newHost() host {
	return host{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcpstack.NewProtocolCUBIC},
		}),
		device: channel.New(1<<14, mtu, ""),
	}
}

// set gives the host its address and the options of its TCP.
func (h host) set(addr string) error {
	sack, grow := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4096, Default: firstBuffer, Max: mostBuffer}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4096, Default: firstBuffer, Max: mostBuffer}
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &grow, &send, &receive} {
		if err := h.stack.SetTransportProtocolOption(tcpstack.ProtocolNumber, option); err != nil {
			return fmt.Errorf("gVisor: set %T: %v", option, err)
		}
	}
	if err := h.stack.CreateNIC(1, h.device); err != nil {
		return fmt.Errorf("gVisor: make a device: %v", err)
	}
	at := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: place(addr).Addr.WithPrefix()}
	if err := h.stack.AddProtocolAddress(1, at, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("gVisor: take %s: %v", addr, err)
	}
	h.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return nil
}

// feed has what the host sends cross the line in a direction, to the other.
func (h host) feed(ctx context.Context, w *bench.Wire, direction int, to host) {
	for {
		p := h.device.ReadContext(ctx)
		if p == nil {
			return
		}
		view := p.ToView()
		b := append([]byte(nil), view.AsSlice()...)
		view.Release()
		p.DecRef()
		w.Send(direction, len(b), func() { to.take(b) })
	}
}

func (h host) take(b []byte) {
	p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	h.device.InjectInbound(ipv4.ProtocolNumber, p)
	p.DecRef()
}

// place is the port for HTTPS at an address.
func place(addr string) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: 1, Addr: tcpip.AddrFrom4(netip.MustParseAddr(addr).As4()), Port: 443}
}

func (g gvisorTCP) listen() (net.Listener, error) {
	return gonet.ListenTCP(g.to.stack, place(toAddr), ipv4.ProtocolNumber)
}

func (g gvisorTCP) dial(ctx context.Context) (net.Conn, error) {
	return gonet.DialContextTCP(ctx, g.from.stack, place(toAddr), ipv4.ProtocolNumber)
}

func (g gvisorTCP) Close() {
	g.stop()
	for _, h := range []host{g.from, g.to} {
		h.stack.Destroy()
	}
}
