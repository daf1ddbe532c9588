package line

import (
	"math"
	"slices"
	"testing"
	"time"
)

// cubic is a TCP flow that never ends: CUBIC with selective acknowledgements and HyStart (RFC 9438, 9406), 1,500-byte packets.
type cubic struct {
	w       *world
	out     *way
	back    *way
	window  float64
	ssthr   float64
	top     float64
	shrunk  time.Time
	srtt    time.Duration
	least   time.Duration
	next    int
	flying  map[int]time.Time
	highest int
	until   int // losses before it belong to the last shrinking
	arrived int
}

func newCubic(w *world, out, back *way) *cubic {
	return &cubic{w: w, out: out, back: back, window: 10, ssthr: math.Inf(1), flying: map[int]time.Time{}}
}

func (c *cubic) kick() {
	for len(c.flying) < int(c.window) {
		n, at := c.next, c.w.now
		c.next++
		c.flying[n] = at
		if t, ok := c.out.send(c.w.now, c.w.r, 1472); ok {
			c.w.at(t, func() {
				c.arrived++
				if t, ok := c.back.send(c.w.now, c.w.r, 40); ok {
					c.w.at(t, func() { c.ack(n) })
				}
			})
		}
	}
	c.w.at(c.w.now.Add(max(3*c.srtt, time.Second)), c.timeout)
}

// timeout forgets what is long overdue.
func (c *cubic) timeout() {
	for n, at := range c.flying {
		if c.w.now.Sub(at) >= max(3*c.srtt, time.Second) {
			delete(c.flying, n)
			c.lose(n)
		}
	}
	c.kickOnce()
}

func (c *cubic) kickOnce() {
	if len(c.flying) < int(c.window) {
		c.kick()
	}
}

func (c *cubic) ack(n int) {
	at, ok := c.flying[n]
	if !ok {
		return
	}
	delete(c.flying, n)
	rtt := c.w.now.Sub(at)
	if c.least == 0 || rtt < c.least {
		c.least = rtt
	}
	if c.srtt == 0 {
		c.srtt = rtt
	}
	c.srtt += (rtt - c.srtt) / 8
	c.highest = max(c.highest, n)
	for m := range c.flying {
		if m+3 <= c.highest {
			delete(c.flying, m)
			c.lose(m)
		}
	}
	c.grow(rtt)
	c.kickOnce()
}

func (c *cubic) lose(n int) {
	if n < c.until {
		return
	}
	c.until = c.next
	was := c.top
	if c.top = c.window; c.window < was {
		c.top = 0.85 * c.window
	}
	c.window = max(2, 0.7*c.window)
	c.ssthr = c.window
	c.shrunk = c.w.now
}

func (c *cubic) grow(rtt time.Duration) {
	if c.window < c.ssthr {
		c.window++
		if rtt > c.least+max(c.least/8, 4*time.Millisecond) {
			c.ssthr, c.top, c.shrunk = c.window, c.window, c.w.now
		}
		return
	}
	k := math.Cbrt(c.top * 0.3 / 0.4)
	since := c.w.now.Sub(c.shrunk).Seconds()
	goal := 0.4*math.Pow(since+c.srtt.Seconds()-k, 3) + c.top
	reno := 0.7*c.top + 0.53*since/c.srtt.Seconds()
	goal = min(max(goal, reno), 1.5*c.window)
	if goal > c.window {
		c.window += (goal - c.window) / c.window
	}
}

// TestSharing: two transfers and a TCP flow on one line each get at least half of what any other gets, over several moments at which
// the third may have begun. On a line faster than most offices have, TCP gets more; nobody starves.
func TestSharing(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  float64
		rtt   time.Duration
		queue float64 // of what the line holds
		by    float64 // most by least
	}{
		{"60 ms 4 Mbit/s", 4e6, 60 * time.Millisecond, 1, 2},
		{"60 ms 4 Mbit/s long queue", 4e6, 60 * time.Millisecond, 4, 2},
		{"200 ms 4 Mbit/s", 4e6, 200 * time.Millisecond, 1, 2},
		{"600 ms 4 Mbit/s", 4e6, 600 * time.Millisecond, 1, 2},
		{"600 ms 1 Mbit/s", 1e6, 600 * time.Millisecond, 1, 2},
		{"60 ms 20 Mbit/s", 20e6, 60 * time.Millisecond, 1, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sum [3]float64
			for seed := range uint64(3) {
				w := newWorld(seed)
				bytes := max(c.rate/8*c.rtt.Seconds()*c.queue, 64<<10)
				a := &way{rate: c.rate / 8, delay: c.rtt / 2, queue: int(bytes)}
				b := &way{rate: c.rate / 8, delay: c.rtt / 2, queue: int(bytes)}
				x1, y1 := w.pair(a, b, Config{RTT: c.rtt + time.Millisecond})
				x2, y2 := w.pair(a, b, Config{RTT: c.rtt + time.Millisecond})
				r1 := w.upload(t, x1, y1, 1<<30)
				r2 := w.upload(t, x2, y2, 1<<30)
				tcp := newCubic(w, a, b)
				w.at(w.now.Add(time.Duration(1+7*seed)*time.Second), tcp.kick)
				never := func() bool { return false }
				w.run(never, 30*time.Second)
				s1, s2, s3 := r1(), r2(), tcp.arrived
				w.run(never, 70*time.Second)
				d1, d2, d3 := float64(r1()-s1), float64(r2()-s2), float64(tcp.arrived-s3)*1448
				total := d1 + d2 + d3
				t.Logf("seed %d: ours %.2f %.2f, TCP %.2f, all %.2f of the line; %+v", seed, d1/total, d2/total, d3/total, total/70/(c.rate/8), x1.l.State())
				for i, d := range []float64{d1, d2, d3} {
					sum[i] += d / total / 3
				}
			}
			if slices.Max(sum[:]) > c.by*slices.Min(sum[:]) {
				t.Errorf("ours %.2f %.2f, TCP %.2f: not within a factor of %.0f", sum[0], sum[1], sum[2], c.by)
			}
		})
	}
}
