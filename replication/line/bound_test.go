package line

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// held is what waits at one end: to be sent or acknowledged, and to be read.
func held(l *Line) (out, in int) {
	for _, s := range l.streams {
		out, in = out+len(s.buf), in+len(s.win)
	}
	return out, in
}

// pass hands all packets that one end has on to the other.
func pass(now time.Time, from, to *Line) {
	for {
		n, b, ok := from.Next(now)
		if !ok {
			return
		}
		to.Take(now, n, bytes.Clone(b))
	}
}

// TestBoundHolds: a peer that writes to every stream while nobody reads has us hold no more than the bound, and everything arrives once
// somebody reads, one stream after the other.
func TestBoundHolds(t *testing.T) {
	const bound, size = 512 << 10, 256 << 10
	now := time.Unix(1, 0)
	a, b := New(Config{Dialler: true, RTT: time.Millisecond, Window: 4 << 20}, now), New(Config{RTT: time.Millisecond}, now)
	b.Bound(bound)
	written := map[uint64]int{}
	for range MaxStreams {
		id, ok := a.Open()
		if !ok {
			t.Fatal("no stream")
		}
		written[id] = 0
	}
	step := func() {
		for id := range written {
			n, err := a.Write(id, make([]byte, size-written[id]))
			if written[id] += n; err != nil && !errors.Is(err, ErrStopped) {
				t.Fatal(err)
			}
			if written[id] == size {
				a.End(id)
			}
		}
		pass(now, a, b)
		pass(now, b, a)
		now = now.Add(5 * time.Millisecond)
		if _, in := held(b); in > bound+MaxStreams*Least {
			t.Fatalf("%d bytes wait to be read, bound %d", in, bound)
		}
	}
	for range 200 {
		step()
	}
	if _, in := held(b); in < bound/2 {
		t.Fatalf("only %d bytes came", in)
	}
	buf := make([]byte, 64<<10)
	for {
		id, ok := b.Accept()
		if !ok {
			break
		}
		got := 0
		for tries := 0; got < size; tries++ {
			n, _, err := b.Read(id, buf)
			if got += n; err != nil || tries > 100_000 {
				t.Fatalf("stream %d: %d bytes, %v", id, got, err)
			}
			if n == 0 {
				step()
			}
		}
	}
}

// TestBoundOfWriting: what is not acknowledged is bounded over all streams, and each may write a little.
func TestBoundOfWriting(t *testing.T) {
	const bound = 1 << 20
	a := New(Config{Dialler: true}, time.Unix(1, 0))
	a.Bound(bound)
	for i := range MaxStreams {
		id, _ := a.Open()
		n, err := a.Write(id, make([]byte, Window))
		if err != nil || n < Least || i > 0 && n != Least {
			t.Errorf("stream %d: %d bytes, %v", i, n, err)
		}
	}
	if out, _ := held(a); out > bound+MaxStreams*Least {
		t.Errorf("%d bytes wait", out)
	}
}
