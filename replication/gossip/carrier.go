package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/memberlist"

	"motcua/replication"
	"motcua/replication/link"
)

// protocol carries memberlist's full exchanges.
const protocol = "gossip/1"

// carrier is the link as memberlist wants to see it.
type carrier struct {
	cfg     Config
	ctx     context.Context
	stop    context.CancelFunc
	closing context.Context // ends when gossip begins to stop: a goodbye is a packet and needs no stream
	packets chan *memberlist.Packet
	streams chan net.Conn
	done    chan struct{}
}

var _ memberlist.NodeAwareTransport = (*carrier)(nil)

func newCarrier(ctx context.Context, cfg Config) *carrier {
	c := &carrier{cfg: cfg, closing: ctx, packets: make(chan *memberlist.Packet), streams: make(chan net.Conn), done: make(chan struct{})}
	// Its own context: memberlist still says goodbye when gossip is stopping.
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	cfg.Link.Handle(protocol, link.Known, c.serve)
	go c.read()
	return c
}

func (c *carrier) serve(ctx context.Context, _ link.Caller, s *link.Stream) {
	select {
	case c.streams <- s:
	case <-c.ctx.Done():
		return
	}
	select {
	case <-s.Done():
	case <-ctx.Done():
	}
}

func (c *carrier) read() {
	defer close(c.done)
	for {
		select {
		case p, ok := <-c.cfg.Link.Packets():
			if !ok {
				return
			}
			select {
			case c.packets <- &memberlist.Packet{Buf: p.Data, From: p.From, Timestamp: time.Now()}:
			case <-c.ctx.Done():
				return
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// FinalAdvertiseAddr is where others reach us. Should the name not resolve just now, others find us by the edition.
func (c *carrier) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	local, ok := c.cfg.Link.Addr().(*net.UDPAddr)
	if c.cfg.Advertise != "" {
		ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
		defer cancel()
		if a, err := link.Lookup(ctx, c.cfg.Advertise); err == nil {
			return a.IP, a.Port, nil
		}
	}
	if !ok {
		return nil, 0, errors.New("the link's socket has no UDP address")
	}
	if local.IP.IsUnspecified() {
		return net.IPv4(127, 0, 0, 1), local.Port, nil
	}
	return local.IP, local.Port, nil
}

// WriteTo sends a packet to an address.
func (c *carrier) WriteTo(b []byte, addr string) (time.Time, error) {
	now := time.Now()
	return now, c.cfg.Link.SendPacket(addr, b)
}

// WriteToAddress sends a packet to an address.
func (c *carrier) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return time.Now(), c.cfg.Link.SendPacketTo(replication.Name(a.Name), a.Addr, b)
}

// PacketCh gives the packets that come in.
func (c *carrier) PacketCh() <-chan *memberlist.Packet { return c.packets }

// DialTimeout cannot be used: streams go to names.
func (c *carrier) DialTimeout(addr string, _ time.Duration) (net.Conn, error) {
	return nil, fmt.Errorf("gossip: dial %s: no name given", addr)
}

// DialAddressTimeout opens a stream to a name.
func (c *carrier) DialAddressTimeout(a memberlist.Address, d time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, d)
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	s, err := c.cfg.Link.Dial(ctx, replication.Name(a.Name), protocol)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// StreamCh gives the streams that come in.
func (c *carrier) StreamCh() <-chan net.Conn { return c.streams }

// Shutdown stops bringing anything.
func (c *carrier) Shutdown() error {
	c.stop()
	<-c.done
	return nil
}
