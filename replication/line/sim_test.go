package line

import (
	"bytes"
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"
)

// way is one direction of a simulated line: a queue before a narrow place, then the distance, on which packets get lost.
type way struct {
	rate  float64 // bytes per second, with 28 of IP and UDP for each packet
	delay time.Duration
	loss  float64
	queue int // bytes
	free  time.Time
	dark  func(time.Time) bool
	bytes int
	bunch time.Duration // packets are delivered together, so often
}

func (w *way) send(now time.Time, r *rand.Rand, size int) (at time.Time, ok bool) {
	if w.dark != nil && w.dark(now) {
		return at, false
	}
	if w.free.Before(now) {
		w.free = now
	}
	if w.queue > 0 && w.free.Sub(now).Seconds()*w.rate > float64(w.queue) {
		return at, false
	}
	w.free = w.free.Add(time.Duration(float64(size+28) / w.rate * 1e9))
	w.bytes += size + 28
	at = w.free.Add(w.delay)
	if w.bunch > 0 {
		at = at.Add(w.bunch).Truncate(w.bunch)
	}
	return at, r.Float64() >= w.loss
}

type event struct {
	at time.Time
	n  int
	do func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].n < e[j].n
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(v any)   { *e = append(*e, v.(event)) }
func (e *events) Pop() any     { o := *e; v := o[len(o)-1]; *e = o[:len(o)-1]; return v }

// world runs lines over ways in a time of its own.
type world struct {
	now    time.Time
	r      *rand.Rand
	events events
	n      int
}

func newWorld(seed uint64) *world {
	return &world{now: time.Unix(1_800_000_003, 0), r: rand.New(rand.NewPCG(seed, 7))}
}

func (w *world) at(t time.Time, do func()) {
	w.n++
	if t.Before(w.now) {
		t = w.now
	}
	heap.Push(&w.events, event{t, w.n, do})
}

func (w *world) run(until func() bool, limit time.Duration) bool {
	end := w.now.Add(limit)
	for len(w.events) > 0 {
		e := heap.Pop(&w.events).(event)
		if e.at.After(end) {
			heap.Push(&w.events, e)
			w.now = end
			return until()
		}
		w.now = e.at
		e.do()
		if until() {
			return true
		}
	}
	return until()
}

// end is one end of a line in the world.
type end struct {
	w     *world
	l     *Line
	out   *way
	peer  *end
	woken time.Time
	late  time.Duration // timers are late by up to so much
	hold  float64       // bytes per second at most; 0: no bound
	until time.Time
	each  func()
	spoil func([]byte) (copies int)
}

func (w *world) pair(a, b *way, c Config) (x, y *end) {
	d := c
	c.Dialler, d.Dialler = true, false
	x = &end{w: w, l: New(c, w.now), out: a}
	y = &end{w: w, l: New(d, w.now), out: b, peer: x}
	x.peer = y
	return x, y
}

// kick sends what is to be sent and plans when to look again.
func (e *end) kick() {
	if e.each != nil {
		e.each()
	}
	for {
		n, b, ok := e.l.Next(e.w.now)
		if !ok {
			break
		}
		if e.hold > 0 {
			e.until = e.until.Add(time.Duration(float64(len(b)+Overhead) / e.hold * 1e9))
			e.l.Hold(e.until)
		}
		at, ok := e.out.send(e.w.now, e.w.r, len(b)+Overhead)
		if !ok {
			continue
		}
		copies := 1
		if e.spoil != nil {
			copies = e.spoil(b)
		}
		for i := range copies {
			c := bytes.Clone(b)
			e.w.at(at.Add(time.Duration(i)*50*time.Millisecond), func() {
				e.peer.l.Take(e.w.now, n, c)
				e.peer.kick()
			})
		}
	}
	wake := e.l.Wake(e.w.now)
	if wake.IsZero() || wake.Equal(e.woken) {
		return
	}
	e.woken = wake
	late := time.Duration(0)
	if e.late > 0 {
		late = time.Duration(e.w.r.Int64N(int64(e.late)))
	}
	e.w.at(wake.Add(late), func() {
		if e.woken.Equal(wake) {
			e.woken = time.Time{}
			e.kick()
		}
	})
}

// upload writes size bytes to a new stream of x and returns what tells how many of them y has read.
func (w *world) upload(t testing.TB, x, y *end, size int) (read func() int) {
	t.Helper()
	id, ok := x.l.Open()
	if !ok {
		t.Fatal("no stream to be had")
	}
	written, got := 0, 0
	was, wasY := x.each, y.each
	buf := make([]byte, 64<<10)
	x.each = func() {
		if was != nil {
			was()
		}
		for written < size {
			n, err := x.l.Write(id, buf[:min(len(buf), size-written)])
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				buf[i] = 0
			}
			if written += n; n == 0 {
				break
			}
		}
		if written == size {
			x.l.End(id)
		}
	}
	in := make([]byte, 64<<10)
	y.each = func() {
		if wasY != nil {
			wasY()
		}
		for {
			n, end, err := y.l.Read(id, in)
			if err != nil || n == 0 {
				break
			}
			if got += n; end {
				y.l.End(id)
				break
			}
		}
	}
	w.at(w.now, x.kick)
	return func() int { return got }
}

func ways(rate float64, rtt time.Duration, loss float64) (a, b *way) {
	rate /= 8
	q := max(int(rate*rtt.Seconds()), 64<<10)
	return &way{rate: rate, delay: rtt / 2, loss: loss, queue: q}, &way{rate: rate, delay: rtt / 2, loss: loss, queue: q}
}

// TestFigures: 5 MiB on the lines of which goals are known, as a share of what the line carries.
func TestFigures(t *testing.T) {
	const size = 5 << 20
	for _, c := range []struct {
		name string
		rate float64
		rtt  time.Duration
		loss float64
		goal float64
		busy time.Duration // how late timers and packets are
	}{
		{"60 ms clean", 4e6, 60 * time.Millisecond, 0, 0.94, 0},
		{"600 ms clean 4 Mbit/s", 4e6, 600 * time.Millisecond, 0, 0.90, 0},
		{"600 ms clean 1 Mbit/s", 1e6, 600 * time.Millisecond, 0, 0.90, 0},
		{"600 ms 2% 1 Mbit/s", 1e6, 600 * time.Millisecond, 0.02, 0.90, 0},
		{"600 ms 2% 4 Mbit/s", 4e6, 600 * time.Millisecond, 0.02, 0.83, 0},
		{"600 ms 10% 1 Mbit/s", 1e6, 600 * time.Millisecond, 0.10, 0.82, 0},
		{"600 ms 10% 4 Mbit/s", 4e6, 600 * time.Millisecond, 0.10, 0.70, 0},
		{"60 ms 2% 4 Mbit/s", 4e6, 60 * time.Millisecond, 0.02, 0.90, 0},
		{"60 ms 10% 4 Mbit/s", 4e6, 60 * time.Millisecond, 0.10, 0.80, 0},
		{"600 ms 30% 1 Mbit/s", 1e6, 600 * time.Millisecond, 0.30, 0.50, 0},
		{"60 ms clean 50 Mbit/s", 50e6, 60 * time.Millisecond, 0, 0.65, 0},
		{"200 ms clean 128 kbit/s", 128e3, 200 * time.Millisecond, 0, 0.90, 0},
		{"600 ms clean 4 Mbit/s busy", 4e6, 600 * time.Millisecond, 0, 0.85, 40 * time.Millisecond},
		{"600 ms 2% 4 Mbit/s busy", 4e6, 600 * time.Millisecond, 0.02, 0.80, 40 * time.Millisecond},
		{"60 ms 4 Mbit/s busy", 4e6, 60 * time.Millisecond, 0, 0.85, 40 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			var worst, sum float64 = 2, 0
			const seeds = 3
			for seed := range uint64(seeds) {
				w := newWorld(seed)
				a, b := ways(c.rate, c.rtt, c.loss)
				known := Config{RTT: c.rtt + time.Millisecond}
				if c.busy > 0 {
					known.RTT = 0
				}
				x, y := w.pair(a, b, known)
				a.bunch, b.bunch, x.late, y.late = c.busy, c.busy, c.busy, c.busy
				read := w.upload(t, x, y, size)
				began := w.now
				if !w.run(func() bool { return read() == size }, time.Hour) {
					t.Fatalf("only %d read; %+v", read(), x.l.State())
				}
				share := size / w.now.Sub(began).Seconds() / (c.rate / 8)
				worst, sum = min(worst, share), sum+share
				if seed == 0 {
					t.Logf("%+v", x.l.State())
				}
			}
			mean := sum / seeds
			t.Logf("%s: %.3f, worst %.3f, goal %.2f", c.name, mean, worst, c.goal)
			if mean < c.goal {
				t.Errorf("%.3f, goal %.2f", mean, c.goal)
			}
		})
	}
}

// TestAnAnswerIsPrompt: the end that has only said where its room ends has learnt nothing of the line, and answers at once all the same.
func TestAnAnswerIsPrompt(t *testing.T) {
	w := newWorld(1)
	a, b := ways(4e6, 60*time.Millisecond, 0)
	x, y := w.pair(a, b, Config{RTT: 60 * time.Millisecond})
	read := w.upload(t, x, y, 10<<20)
	w.run(func() bool { return read() == 10<<20 }, time.Hour)
	for _, size := range []int{1, 100_000} {
		back := w.upload(t, y, x, size)
		began := w.now
		w.run(func() bool { return back() == size }, time.Hour)
		if d := w.now.Sub(began); d > time.Second {
			t.Errorf("%d bytes took %v: %+v", size, d, y.l.State())
		}
	}
}
