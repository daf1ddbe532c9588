package line

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"motcua/crypto/golden"
)

// TestSpans holds the set of spans against one that lists every number.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spans
		var plain [64]bool
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			lo := rapid.Uint64Range(0, 60).Draw(t, "lo")
			hi := rapid.Uint64Range(0, 63).Draw(t, "hi")
			in := rapid.Bool().Draw(t, "add")
			if in {
				s.add(lo, hi)
			} else {
				s.remove(lo, hi)
			}
			for n := lo; n < hi; n++ {
				plain[n] = in
			}
		}
		for i, v := range s {
			if v.lo >= v.hi || i > 0 && s[i-1].hi >= v.lo {
				t.Fatalf("%v is not in order", s)
			}
		}
		for n := range uint64(64) {
			if s.has(n) != plain[n] {
				t.Fatalf("%d in %v: %t", n, s, s.has(n))
			}
			to := n
			for to < 64 && plain[to] {
				to++
			}
			if s.prefix(n) != to || s.covers(n, 64) != (to == 64) {
				t.Fatalf("prefix of %d in %v is %d, want %d", n, s, s.prefix(n), to)
			}
		}
	})
}

// TestGoldenPackets: peers of other versions read these bytes.
func TestGoldenPackets(t *testing.T) {
	b := appendAck(nil, spans{{0, 3}, {5, 6}, {300, 401}}, 25*time.Millisecond)
	b = appendNumbers(b, frameCredit, 4, Window)
	b = appendNumbers(b, frameReset, 6)
	b = appendNumbers(b, frameStop, 8)
	b = append(b, framePing)
	b = append(appendNumbers(b, frameData, 2, 70000, 5), "hello"...)
	b = append(appendNumbers(b, frameEnd, 2, 70005, 1), "!"...)
	golden.Check(t, "packet", b)
	secret := make([]byte, Secret)
	for i := range secret {
		secret[i] = byte(i)
	}
	k, err := NewKeys(2, secret)
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Seal(nil, 7, b)
	golden.Check(t, "sealed", sealed)
	if n, got, err := k.Open(sealed); n != 7 || !bytes.Equal(got, b) || err != nil {
		t.Errorf("opened as %d %x %v", n, got, err)
	}
}

// TestWhatIsForgedDoesNotOpen tries every bit.
func TestWhatIsForgedDoesNotOpen(t *testing.T) {
	k, err := NewKeys(2, make([]byte, Secret))
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Seal(nil, 7, []byte{framePing})
	for i := range len(sealed) * 8 {
		b := slices.Clone(sealed)
		b[i/8] ^= 1 << (i % 8)
		if _, _, err := k.Open(b); !errors.Is(err, ErrForged) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	for n := range len(sealed) {
		if _, _, err := k.Open(slices.Clone(sealed[:n])); !errors.Is(err, ErrForged) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// FuzzTake gives a line packets of a peer that has the keys and keeps to nothing.
func FuzzTake(f *testing.F) {
	f.Add(uint32(1), append(appendNumbers(nil, frameData, 1, 0, 2), "ab"...), []byte{framePing})
	f.Add(uint32(9), appendAck(nil, spans{{0, 1}}, 0), append(appendNumbers(nil, frameEnd, 0, 3, 1), "x"...))
	f.Add(uint32(0), appendNumbers(nil, frameCredit, 0, 1<<59), appendNumbers(nil, frameReset, 0))
	f.Fuzz(func(t *testing.T, number uint32, a, b []byte) {
		now := time.Unix(1_800_000_000, 0)
		l := New(Config{Dialler: true}, now)
		id, _ := l.Open()
		l.Write(id, make([]byte, 5000))
		l.Next(now)
		for i, p := range [][]byte{a, b, a} {
			now = now.Add(50 * time.Millisecond)
			if err := l.Take(now, number+uint32(i), p); err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatalf("%x: %v", p, err)
			}
			for range 200 {
				if _, _, ok := l.Next(now); !ok {
					break
				}
			}
			if len(l.streams) > 4*MaxStreams || len(l.got) > maxRanges {
				t.Fatalf("%d streams, %d ranges", len(l.streams), len(l.got))
			}
		}
	})
}

// TestAnyWeather: whatever happens to packets, each stream arrives as it was written or the line says that it was silent.
func TestAnyWeather(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(seed)
		rate, rtt := 16e3*(1+r.Float64()*60), time.Duration(1+r.IntN(800))*time.Millisecond
		loss := r.Float64() * 0.35
		a := &way{rate: rate, delay: rtt / 2, loss: loss, queue: int(rate*rtt.Seconds()*r.Float64()) + 3000}
		b := &way{rate: rate, delay: rtt / 2, loss: loss, queue: 64 << 10}
		if r.IntN(3) == 0 { // dark now and then
			from, to := time.Duration(r.IntN(20))*time.Second, time.Duration(r.IntN(200))*time.Second
			dark := func(t time.Time) bool {
				since := t.Sub(time.Unix(1_800_000_003, 0))
				return since > from && since < from+to
			}
			a.dark, b.dark = dark, dark
		}
		x, y := w.pair(a, b, Config{RTT: time.Duration(r.IntN(2)) * rtt})
		for _, e := range []*end{x, y} {
			e.spoil = func([]byte) int {
				if r.IntN(20) == 0 {
					return 2
				}
				return 1
			}
		}
		var all []*carried
		for i := range 1 + r.IntN(4) {
			from, to := x, y
			if i%2 == 1 {
				from, to = y, x
			}
			all = append(all, w.carry(t, from, to, r.IntN(200_000)))
		}
		whole := func() bool { return !slices.ContainsFunc(all, func(c *carried) bool { return !c.ended }) }
		if !w.run(whole, 2*time.Hour) {
			t.Fatalf("seed %d: %+v\n%+v", seed, x.l.State(), y.l.State())
		}
		for _, c := range all {
			if !bytes.Equal(c.wrote, c.got) {
				t.Fatalf("seed %d: %d bytes arrived as other %d", seed, len(c.wrote), len(c.got))
			}
		}
		w.run(func() bool { return false }, 10*time.Minute)
		if s, z := x.l.State().Streams, y.l.State().Streams; s+z != 0 || x.l.flying+y.l.flying != 0 {
			t.Fatalf("seed %d: %d and %d streams, %d and %d bytes are left", seed, s, z, x.l.flying, y.l.flying)
		}
		if e := len(w.events); e > 0 {
			t.Fatalf("seed %d: %d things are still going on", seed, e)
		}
	}
}

// carried is a stream with its bytes.
type carried struct {
	wrote, got []byte
	ended      bool
}

func (w *world) carry(t *testing.T, x, y *end, size int) *carried {
	c := &carried{wrote: make([]byte, size)}
	for i := range c.wrote {
		c.wrote[i] = byte(w.r.Uint32())
	}
	id, ok := x.l.Open()
	if !ok {
		t.Fatal("no stream to be had")
	}
	done := 0
	x.hook(func() {
		n, err := x.l.Write(id, c.wrote[done:])
		if done += n; err != nil && done < size {
			t.Fatal(err)
		}
		if done == size {
			x.l.End(id)
		}
	})
	in := make([]byte, 10_000)
	y.hook(func() {
		for y.l.stream(id) != nil && !c.ended {
			n, end, err := y.l.Read(id, in)
			if err != nil {
				t.Fatal(err)
			}
			c.got = append(c.got, in[:n]...)
			if c.ended = end; end {
				y.l.End(id)
			}
			if n == 0 {
				break
			}
		}
	})
	x.hook(func() { x.l.Read(id, in) })
	w.at(w.now, x.kick)
	return c
}

// hook has f called whenever the end is looked at.
func (e *end) hook(f func()) {
	was := e.each
	e.each = func() {
		if was != nil {
			was()
		}
		f()
	}
}

// TestStreamsTakeTurns: what is short does not wait for what is long and was there before.
func TestStreamsTakeTurns(t *testing.T) {
	w := newWorld(1)
	a, b := ways(1e6, 60*time.Millisecond, 0)
	x, y := w.pair(a, b, Config{RTT: 60 * time.Millisecond})
	w.upload(t, x, y, 10<<20)
	w.upload(t, x, y, 10<<20)
	w.run(func() bool { return false }, 2*time.Second)
	began := w.now
	read := w.upload(t, x, y, 30_000)
	w.run(func() bool { return read() == 30_000 }, time.Hour)
	if d := w.now.Sub(began); d > 2*time.Second {
		t.Errorf("30,000 bytes beside two long streams at 1 Mbit/s took %v", d)
	}
}
