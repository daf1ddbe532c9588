package link

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
)

// What passes by UDP and by TCP alike.
func bothWays(t *testing.T, test func(t *testing.T, w *town)) {
	for _, udp := range []bool{true, false} {
		t.Run(fmt.Sprintf("udp=%t", udp), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t)
				w.net.BlockUDP(addrB, !udp)
				test(t, w)
			})
		})
	}
}

func TestStrangersLearnNothing(t *testing.T) {
	bothWays(t, func(t *testing.T, w *town) {
		b, x := w.open("B", addrB, true), w.open("X", addrC, false)
		_, err := x.Dial(t.Context(), "B", "copy/1")
		wantWhy(t, err, NotAllowed)
		time.Sleep(2 * lingerTime)
		if len(x.all()) != 0 {
			t.Error("a stranger stays where nothing is for strangers")
		}
		b.Handle("enrol/1", Anyone, func(ctx context.Context, _ Caller, s *Stream) { <-ctx.Done() })
		for _, proto := range []string{"copy/1", "future/9"} { // one that there is, and one that there is not
			_, err := x.Dial(t.Context(), "B", proto)
			wantWhy(t, err, NotAllowed)
		}
	})
}

func TestStrangersOfOneAddressAreFew(t *testing.T) {
	bothWays(t, func(t *testing.T, w *town) {
		w.open("B", addrB, true).Handle("enrol/1", Anyone, func(ctx context.Context, _ Caller, s *Stream) { <-ctx.Done() })
		for i := range maxStrangersFrom + 1 {
			x := w.open("", fmt.Sprintf("10.9.9.9:%d", 1000+i), false)
			delete(w.ids, "")
			_, err := x.Dial(t.Context(), "B", "enrol/1")
			if i < maxStrangersFrom && err != nil {
				t.Errorf("stranger %d: %v", i+1, err)
			} else if i == maxStrangersFrom {
				wantWhy(t, err, Busy)
			}
		}
		if _, err := w.open("Y", addrC, false).Dial(t.Context(), "B", "enrol/1"); err != nil {
			t.Errorf("a stranger from elsewhere: %v", err)
		}
		time.Sleep(2 * strangerTime)
		if _, err := w.open("Z", "10.9.9.9:2000", false).Dial(t.Context(), "B", "enrol/1"); err != nil {
			t.Errorf("when the others have gone: %v", err)
		}
	})
}

func TestAnOpeningThatNeverEnds(t *testing.T) {
	bothWays(t, func(t *testing.T, w *town) {
		a := w.open("A", addrA, true)
		w.open("B", addrB, true)
		if _, err := copied(t, a, "B", nil); err != nil {
			t.Fatal(err)
		}
		p, err := a.all()[0].s.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.Write([]byte{0, 0, 1})
		begin := time.Now()
		p.SetReadDeadline(begin.Add(time.Minute))
		var said answer
		if err := receive(p, &said, maxAnswer); err != nil || said.Why != Malformed {
			t.Errorf("got %+v, %v", said, err)
		}
		if d := time.Since(begin); d > openingTimeout+time.Second {
			t.Errorf("it was waited for %s", d)
		}
	})
}

// A stranger that keeps to no bound of its own has few streams, and with them little memory.
func TestStreamsOfAStrangerByTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		b, x := w.open("B", addrB, true), w.open("X", addrC, false)
		b.Handle("enrol/1", Anyone, func(ctx context.Context, _ Caller, s *Stream) { <-ctx.Done() })
		to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addrB))
		c, err := x.dialTCP(t.Context(), target{id: identity.TLSID(w.ids["B"].Public().TLS)}, to)
		if err != nil {
			t.Fatal(err)
		}
		y := c.s.(*tcpSession).Session
		broken := make(chan error, 10*strangerAccepts)
		for range cap(broken) {
			s, err := y.OpenStream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.SetWriteDeadline(time.Now().Add(time.Minute))
			go func() {
				s.Write(make([]byte, 256<<10))
				_, err := io.ReadAll(s)
				broken <- err
			}()
		}
		time.Sleep(strangerTime - time.Second)
		if n := len(broken); n < cap(broken)-strangerStreams {
			t.Errorf("%d of %d streams were broken off", n, cap(broken))
		}
		time.Sleep(2 * time.Second)
		if !y.IsClosed() {
			t.Error("the stranger stays")
		}
	})
}

func TestWindowsGrowWithinTheirRoom(t *testing.T) {
	room, before := newRoom(), int64(tcpGrowth)
	a, b := &growth{room: room}, &growth{room: room}
	if err := a.ReserveMemory(256<<10, 255); err != nil || room.Load() != before {
		t.Errorf("the first window is not free: %v", err)
	}
	if err := a.ReserveMemory(tcpGrowth, 128); err != nil {
		t.Error(err)
	}
	if err := b.ReserveMemory(1, 128); err == nil {
		t.Error("windows grow beyond their room")
	}
	b.Done()
	a.Done()
	a.Done()
	if room.Load() != before {
		t.Errorf("%d bytes of %d are left when all is given back", room.Load(), before)
	}
}
