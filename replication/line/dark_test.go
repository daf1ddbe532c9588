package line

import (
	"testing"
	"time"
)

// begun is when every world begins.
var begun = newWorld(0).now

// TestADarkMinute: the first new byte comes within two seconds of the line's return, no more than a chunk of 256 KiB was
// sent again, and nothing of it had arrived: the first packet that passes tells what has.
func TestADarkMinute(t *testing.T) {
	for _, c := range []struct {
		rate, loss float64
		bound      time.Duration
	}{{1e6, 0, 2 * time.Second}, {4e6, 0, 2 * time.Second}, {4e6, 0.10, 5 * time.Second}, {1e6, 0.02, 4 * time.Second}} {
		for seed := range uint64(10) {
			w := newWorld(seed)
			a, b := ways(c.rate, 600*time.Millisecond, c.loss)
			from := begun.Add(5*time.Second + time.Duration(seed)*137*time.Millisecond)
			to := from.Add(time.Minute)
			dark := func(t time.Time) bool { return t.After(from) && t.Before(to) }
			a.dark, b.dark = dark, dark
			x, y := w.pair(a, b, Config{RTT: 600 * time.Millisecond})
			read := w.upload(t, x, y, 5<<20)
			w.run(func() bool { return false }, to.Sub(w.now))
			before, sent := read(), x.l.State()
			if !sent.Dark || before == 5<<20 {
				t.Fatalf("the line was not dark: %+v", sent)
			}
			w.run(func() bool { return read() > before }, time.Minute)
			if d := w.now.Sub(to); d > c.bound {
				t.Errorf("%.0f Mbit/s, loss %.2f: first new byte after %v", c.rate/1e6, c.loss, d)
			}
			w.run(func() bool { return read() == 5<<20 }, time.Hour)
			again := float64(x.l.State().Again) - c.loss*1.3*(5<<20)
			t.Logf("%.0f Mbit/s, loss %.2f: again %.0f, twice %d", c.rate/1e6, c.loss, again, y.l.State().Duplicate)
			bound := 256 << 10
			if c.loss > 0 { // what else was lost varies, and the last packets go twice
				bound += int(c.rate / 8 * 0.6)
			} else if n := y.l.State().Duplicate; n > 0 {
				t.Errorf("%.0f Mbit/s: %d bytes came twice", c.rate/1e6, n)
			}
			if again > float64(bound) || read() != 5<<20 {
				t.Errorf("%.0f Mbit/s, loss %.2f: %.0f bytes sent twice", c.rate/1e6, c.loss, again)
			}
		}
	}
}

// TestUpOneMinuteInTen: 20 MB over a line that loses one packet in ten and is dark for nine minutes in ten cost no more than 6 % beyond
// what the loss costs, probes and all.
func TestUpOneMinuteInTen(t *testing.T) {
	const size, loss = 20_000_000, 0.10
	for seed := range uint64(3) {
		w := newWorld(seed)
		a, b := ways(1e6, 600*time.Millisecond, loss)
		dark := func(t time.Time) bool { return t.Sub(begun)%(10*time.Minute) >= time.Minute }
		a.dark, b.dark = dark, dark
		x, y := w.pair(a, b, Config{RTT: 600 * time.Millisecond})
		read := w.upload(t, x, y, size)
		if !w.run(func() bool { return read() == size }, 6*time.Hour) {
			t.Fatalf("only %d read after %v: %v", read(), w.now.Sub(begun), x.l.Err())
		}
		s := x.l.State()
		extra := float64(s.Sent)*(1-loss)/size - 1
		t.Logf("%.1f %% beyond the loss, in %v", 100*extra, w.now.Sub(begun))
		if extra > 0.06 {
			t.Errorf("%.1f %% beyond what the loss costs: %+v", 100*extra, s)
		}
	}
}

// TestProbesAreSparse: a line that is dark is asked at most once a second, with small packets, and is given up in the end.
func TestProbesAreSparse(t *testing.T) {
	w := newWorld(1)
	a, b := ways(4e6, 60*time.Millisecond, 0)
	x, y := w.pair(a, b, Config{RTT: 60 * time.Millisecond})
	w.upload(t, x, y, 5<<20)
	w.run(func() bool { return false }, time.Second)
	dark := func(time.Time) bool { return true }
	a.dark, b.dark = dark, dark
	w.run(func() bool { return false }, 5*time.Second)
	before := x.l.State()
	w.run(func() bool { return false }, time.Minute)
	after := x.l.State()
	if n, size := after.Packets-before.Packets, after.Sent-before.Sent; n > 61 || n < 50 || size > 61*300 {
		t.Errorf("%d packets of %d bytes in a minute", n, size)
	}
	w.run(func() bool { return false }, Patience)
	if x.l.Err() != ErrSilent || y.l.Err() != ErrSilent {
		t.Errorf("after %v: %v and %v", Patience, x.l.Err(), y.l.Err())
	}
}

// TestALineIsHeld to less than it would take.
func TestALineIsHeld(t *testing.T) {
	w := newWorld(1)
	a, b := ways(50e6, 60*time.Millisecond, 0)
	x, y := w.pair(a, b, Config{RTT: 60 * time.Millisecond})
	x.hold, x.until = 100_000, w.now
	read := w.upload(t, x, y, 1<<30)
	w.run(func() bool { return false }, 20*time.Second)
	if n := x.l.State().Sent; n > 21*100_000 || read() < 18*100_000 {
		t.Errorf("%d bytes sent and %d read in 20 s at most 100,000 a second", n, read())
	}
}
