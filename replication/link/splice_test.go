package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication"
)

// stays has links keep connections to D, and waits until they have.
func stays(ls ...*Link) {
	for _, l := range ls {
		l.Stay(func() []replication.Name { return []replication.Name{"D"} })
	}
	time.Sleep(stayLast)
}

func TestPeersAreJoinedByAThirdMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b, d := w.open("A", addrA, true), w.open("B", addrB, true), w.open("D", addrC, true)
		w.net.Part(addrA, addrB)
		stays(a, b)
		if _, err := copied(t, a, "B", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("D does not join: got %v", err)
		}
		d.Splice()
		if udp, err := copied(t, a, "B", bytes.Repeat([]byte("motcua"), 200<<10)); udp || err != nil {
			t.Errorf("over UDP %t, %v", udp, err)
		}
		over(t, b, "A", false, time.Second) // the other way through the same connection
		b.Handle("who/1", Known, func(_ context.Context, from Caller, s *Stream) { s.Write([]byte(from.Peer.Name)) })
		s, err := a.Dial(t.Context(), "B", "who/1")
		if err != nil {
			t.Fatal(err)
		}
		name := make([]byte, 1)
		if _, err := s.Read(name); err != nil || name[0] != 'A' {
			t.Errorf("B takes A for %q, %v", name, err)
		}
		s.Close()
		_, err = a.Dial(t.Context(), "B", "future/9")
		wantWhy(t, err, UnknownProtocol)

		hold, err := a.Dial(t.Context(), "B", "copy/1")
		if err != nil {
			t.Fatal(err)
		}
		w.net.Meet(addrA, addrB)
		time.Sleep(lastProbe * 5 / 4)
		over(t, a, "B", true, time.Second)
		hold.Close()

		w.net.Part(addrA, addrB)
		w.net.Cut(addrC)
		if _, err := copied(t, a, "B", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("D is away: got %v", err)
		}
	})
}

func TestAThirdMachineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b, d := w.open("A", addrA, true), w.open("B", addrB, true), w.open("D", addrC, true)
		d.Splice()
		stays(a, b)
		var open []*Stream
		for i := range 2 * maxSplicesFrom {
			s, err := a.Dial(t.Context(), "D", spliceProtocol)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, s)
			if i < maxSplicesFrom {
				s.Send(spliceTo{"B"}) // and never a handshake
			}
		}
		time.Sleep(openingTimeout / 2)
		ended := 0
		for _, s := range open {
			s.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := s.Read(make([]byte, 1)); err != nil && !timedOut(err) {
				ended++
			}
		}
		if ended != maxSplicesFrom {
			t.Errorf("%d of %d were ended, want %d", ended, len(open), maxSplicesFrom)
		}
		time.Sleep(2 * spliceStall)
		porchEmpties(t, b)
		for _, name := range []replication.Name{"A", "D", "nobody"} { // oneself, the machine itself, and one that it does not know
			s, err := a.Dial(t.Context(), "D", spliceProtocol)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", name, err))
			}
			s.Send(spliceTo{name})
			s.SetReadDeadline(time.Now().Add(time.Minute))
			if n, err := s.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("%s: %d bytes came, %v", name, n, err)
			}
			s.Close()
		}
	})
}

func TestAThirdMachineIsNotThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, d := w.open("A", addrA, true), w.open("D", addrC, true)
		w.open("B", addrB, true).Close()
		d.Handle(spliceProtocol, Known, d.takeJoint) // it answers in the other's place
		stays(a)
		if _, err := copied(t, a, "B", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("got %v, want ErrUnreachable", err)
		}
		if cs := a.all(); len(cs) != 1 {
			t.Errorf("A has %d connections, want the one to D", len(cs))
		}
	})
}

// TestAThirdMachineSharesItsRate: what passes between two is bounded, and pairs have equal shares.
func TestAThirdMachineSharesItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crowd
		s := &Stream{done: make(chan struct{})}
		pairs := [][2]replication.Name{{"A", "B"}, {"A", "C"}}
		took := func(p [2]replication.Name, bytes int) time.Duration {
			began, pace := time.Now(), c.pace(p, s)
			for n := 0; n < bytes; n += stallPiece {
				if err := pace(stallPiece); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(began).Round(100 * time.Millisecond)
		}
		c.enter(pairs[0], 1)
		if d := took(pairs[0], 10*spliceRatePair); d != 9*time.Second { // the first second's worth goes at once
			t.Errorf("one pair alone took %v", d)
		}
		c.enter(pairs[0], 1)
		if d := took(pairs[0], 10*spliceRatePair); d != 19*time.Second {
			t.Errorf("one of two joins of a pair took %v", d)
		}
		for i := range 2*spliceRate/spliceRatePair - 1 {
			c.enter([2]replication.Name{"D", replication.Name(fmt.Sprint(i))}, 1)
		}
		c.enter(pairs[1], 0)
		if got := c.rate([2]replication.Name{"D", "0"}); got != spliceRatePair/2 {
			t.Errorf("one of many pairs has %d bytes/s", got)
		}
		close(s.done)
		pace := c.pace(pairs[0], s)
		for pace(stallPiece) == nil {
		}
		var err error
		for pace = c.pace(pairs[1], &Stream{done: make(chan struct{})}); err == nil; {
			err = pace(spliceBytes / 64)
		}
		if !errors.Is(err, errSpliceFull) {
			t.Errorf("a join without end: %v", err)
		}
	})
}
