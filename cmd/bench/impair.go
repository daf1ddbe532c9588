package bench

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// LineSpec is a line between two places, the same in both directions.
type LineSpec struct {
	Rate  int           // bits per second, of whole IP packets
	RTT   time.Duration // without a queue
	Loss  float64       // share of packets lost on the way, 0 to 1
	Queue int           // bytes that wait before the narrow place; what comes when it is full is lost. 0: a round trip's worth, and 64 KiB at least
	// Dark tells when nothing passes, by the time since the line began to be used; nil: never.
	Dark func(time.Duration) bool
}

// ipUDP is what IP and UDP add to a packet's payload.
const ipUDP = 28

// Wire is a line under way: whatever crosses it, in real time, waits in the same queues.
type Wire struct {
	spec  LineSpec
	began time.Time
	ways  [2]*wireWay
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup
}

// wireWay is one direction.
type wireWay struct {
	mu    sync.Mutex
	r     *rand.Rand
	free  time.Time // when the narrow place has sent what is in the queue
	bytes int       // that came in
	queue chan wirePacket

	delivered int
	late      time.Duration // of those, together
}

type wirePacket struct {
	at      time.Time
	deliver func()
}

// NewWire starts a line. Which packets are lost follows from the seed. Close it.
func NewWire(spec LineSpec, seed uint64) *Wire {
	if spec.Queue == 0 {
		spec.Queue = max(int(float64(spec.Rate)/8*spec.RTT.Seconds()), 64<<10)
	}
	w := &Wire{spec: spec, began: time.Now()}
	w.ctx, w.stop = context.WithCancel(context.Background())
	for i := range w.ways {
		way := &wireWay{r: rand.New(rand.NewPCG(seed, uint64(i))), queue: make(chan wirePacket, 1<<14)}
		w.ways[i] = way
		w.work.Go(func() { way.run(w.ctx) })
	}
	return w
}

// Close ends the line: what is on its way is lost.
func (w *Wire) Close() {
	w.stop()
	w.work.Wait()
}

// Spec is what the line is, with its queue.
func (w *Wire) Spec() LineSpec { return w.spec }

// Bytes is how many bytes of IP packets were sent in a direction, 0 there or 1 back, whatever became of them.
func (w *Wire) Bytes(direction int) int {
	way := w.ways[direction]
	way.mu.Lock()
	defer way.mu.Unlock()
	return way.bytes
}

// Late is by how much packets came later than the line would have had it, on average: the machine is to blame.
func (w *Wire) Late() time.Duration {
	n, late := 0, time.Duration(0)
	for _, way := range w.ways {
		way.mu.Lock()
		n, late = n+way.delivered, late+way.late
		way.mu.Unlock()
	}
	return late / time.Duration(max(n, 1))
}

// Send has an IP packet of so many bytes cross the line in a direction, 0 there or 1 back. It is delivered, or not, later.
func (w *Wire) Send(direction, size int, deliver func()) {
	way := w.ways[direction]
	way.mu.Lock()
	defer way.mu.Unlock()
	now := time.Now()
	way.bytes += size
	if way.free.Before(now) {
		way.free = now
	}
	rate := float64(w.spec.Rate) / 8
	if w.spec.Dark != nil && w.spec.Dark(now.Sub(w.began)) || way.free.Sub(now).Seconds()*rate > float64(w.spec.Queue) {
		return
	}
	way.free = way.free.Add(time.Duration(float64(size) / rate * float64(time.Second)))
	if way.r.Float64() < w.spec.Loss {
		return
	}
	select {
	case way.queue <- wirePacket{way.free.Add(w.spec.RTT / 2), deliver}:
	default:
	}
}

// run delivers packets when their time has come, in order.
func (w *wireWay) run(ctx context.Context) {
	for {
		select {
		case p := <-w.queue:
			pause(ctx, time.Until(p.at))
			if ctx.Err() != nil {
				return
			}
			p.deliver()
			w.mu.Lock()
			w.delivered++
			w.late += max(time.Since(p.at), 0)
			w.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// Relay puts a line between a UDP address of this machine and those who send to it: they send to the address that it
// returns. It ends with the line.
func (w *Wire) Relay(to netip.AddrPort) (netip.AddrPort, error) {
	front, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return netip.AddrPort{}, err
	}
	context.AfterFunc(w.ctx, func() { front.Close() })
	w.work.Go(func() { w.relay(front, to) })
	return front.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// relay gives every sender a socket of its own, by which the answers come.
func (w *Wire) relay(front *net.UDPConn, to netip.AddrPort) {
	backs := map[netip.AddrPort]*net.UDPConn{}
	buf := make([]byte, 2048)
	for {
		n, from, err := front.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		back := backs[from]
		if back == nil {
			if back, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to)); err != nil {
				return
			}
			backs[from] = back
			context.AfterFunc(w.ctx, func() { back.Close() })
			w.work.Go(func() { w.answers(front, back, from) })
		}
		b := append([]byte(nil), buf[:n]...)
		w.Send(0, n+ipUDP, func() { back.Write(b) })
	}
}

func (w *Wire) answers(front, back *net.UDPConn, to netip.AddrPort) {
	buf := make([]byte, 2048)
	for {
		n, err := back.Read(buf)
		if err != nil {
			if w.ctx.Err() != nil {
				return
			}
			continue // nobody listens there just now
		}
		b := append([]byte(nil), buf[:n]...)
		w.Send(1, n+ipUDP, func() { front.WriteToUDPAddrPort(b, to) })
	}
}
