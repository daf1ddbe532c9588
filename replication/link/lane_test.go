package link_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// digestOf answers what it reads to the end with its SHA-256.
func digestOf(_ context.Context, _ link.Caller, s *link.Stream) {
	h := sha256.New()
	if _, err := io.Copy(h, s); err == nil {
		s.Write(h.Sum(nil))
	}
}

// ship sends bytes as bulk to b and tells whether it has read just them.
func ship(ctx context.Context, l *link.Link, b []byte) error { return shipTo(ctx, l, "b", b) }

func shipTo(ctx context.Context, l *link.Link, peer replication.Name, b []byte) error {
	s, err := l.BeginBulk(ctx, peer, "digest/1")
	if err != nil {
		return err
	}
	defer s.Close()
	s.SetStall(20 * time.Second)
	if _, err := s.Write(b); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(s)
	if want := sha256.Sum256(b); err == nil && !bytes.Equal(got, want[:]) {
		err = errors.New("other bytes arrived")
	}
	return err
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

// lanePair makes two links that know each other, in some weather.
func lanePair(t *testing.T, weather replicationtest.Weather) (w *world, a, b *link.Link) {
	w = newWorld(t)
	a, b = w.join("a", "10.0.0.1:1"), w.join("b", "10.0.0.2:1")
	b.Handle("digest/1", link.Known, digestOf)
	w.net.SetWeather(weather)
	return w, a, b
}

func TestBulkGoesByLaneOnALongLossyLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := lanePair(t, replicationtest.Weather{Latency: 100 * time.Millisecond, Loss: 0.1, Duplicate: 0.05, Jitter: 5 * time.Millisecond})
		began := time.Now()
		for range 3 {
			if err := ship(t.Context(), a, noise(3<<20)); err != nil {
				t.Logf("%v %+v %+v", time.Since(began), a.Lanes(), b.Lanes())
				t.Fatal(err)
			}
		}
		lanes := a.Lanes()
		if len(lanes) != 1 || lanes[0].Peer != "b" || lanes[0].State.Sent < 9<<20 {
			t.Fatalf("lanes %+v", lanes)
		}
		t.Logf("9 MiB in %v, %+v, the other end %+v", time.Since(began), lanes[0].State, b.Lanes())
	})
}

// TestBulkIsAPlainStreamOnAShortLine: on a line between two rooms not even losses call for a lane.
func TestBulkIsAPlainStreamOnAShortLine(t *testing.T) {
	const jitter = 200 * time.Microsecond // as every line has: by none at all a round trip looks like one that was never measured
	for _, weather := range []replicationtest.Weather{{Latency: time.Millisecond, Jitter: jitter}, {Latency: time.Millisecond, Jitter: jitter, Loss: 0.02}} {
		synctest.Test(t, func(t *testing.T) {
			_, a, _ := lanePair(t, weather)
			for range 3 {
				if err := ship(t.Context(), a, noise(1<<20)); err != nil {
					t.Fatal(err)
				}
			}
			if lanes := a.Lanes(); len(lanes) != 0 {
				t.Errorf("%+v: lanes %+v", weather, lanes)
			}
		})
	}
}

// TestADarkLineGoesOn: the connection times out in the dark, the transfer goes on when the line is back.
func TestADarkLineGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := lanePair(t, replicationtest.Weather{Latency: 300 * time.Millisecond})
		go func() {
			time.Sleep(4 * time.Second)
			w.net.Cut("10.0.0.2:1")
			time.Sleep(5 * time.Minute)
			w.net.Heal("10.0.0.2:1")
		}()
		began := time.Now()
		if err := ship(t.Context(), a, noise(30<<20)); err != nil {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if d := time.Since(began); d < 5*time.Minute || d > 6*time.Minute {
			t.Errorf("took %v", d)
		}
	})
}

// moving is a socket behind a router that gives it another address after a time.
type moving struct {
	net.PacketConn
	later net.PacketConn
	after time.Time
	in    chan func([]byte) (int, net.Addr, error)
}

func newMoving(now, later net.PacketConn, after time.Time) *moving {
	m := &moving{PacketConn: now, later: later, after: after, in: make(chan func([]byte) (int, net.Addr, error))}
	for _, c := range []net.PacketConn{now, later} {
		go func() {
			for {
				b := make([]byte, 2048)
				n, from, err := c.ReadFrom(b)
				m.in <- func(p []byte) (int, net.Addr, error) { return copy(p, b[:n]), from, err }
				if err != nil {
					return
				}
			}
		}()
	}
	return m
}

func (m *moving) ReadFrom(p []byte) (int, net.Addr, error) { return (<-m.in)(p) }

func (m *moving) WriteTo(b []byte, to net.Addr) (int, error) {
	if time.Now().After(m.after) {
		return m.later.WriteTo(b, to)
	}
	return m.PacketConn.WriteTo(b, to)
}

// Close leaves room for the reader of the second address to end.
func (m *moving) Close() error {
	err := errors.Join(m.PacketConn.Close(), m.later.Close())
	go func() { <-m.in }()
	return err
}

// TestALaneFollowsAPeerToANewAddress: the old address is dead from one moment on, and nothing is said of it.
func TestALaneFollowsAPeerToANewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b := w.join("b", "10.0.0.2:1")
		b.Handle("digest/1", link.Known, digestOf)
		w.book.Add("a", "10.0.0.1:1", w.identity("a").Public())
		moved := time.Now().Add(3 * time.Second)
		conn := newMoving(w.net.Listen("10.0.0.1:1"), w.net.Listen("10.0.0.9:9"), moved)
		a, err := link.New(link.Config{Name: "a", Identity: w.identity("a"), Resolver: w.book, Conn: conn})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		w.net.SetWeather(replicationtest.Weather{Latency: 100 * time.Millisecond})
		time.AfterFunc(3*time.Second, func() { w.net.Cut("10.0.0.1:1") })
		if err := ship(t.Context(), a, noise(40<<20)); err != nil {
			t.Fatal(err)
		}
		if !time.Now().After(moved) {
			t.Error("it was over before the address changed")
		}
		t.Logf("%v after the move, %+v", time.Since(moved), a.Lanes())
	})
}

// picky is a socket from which packets of lanes do not get out, as by a router that looks at them.
type picky struct{ net.PacketConn }

func (p picky) WriteTo(b []byte, to net.Addr) (int, error) {
	if len(b) > 0 && b[0] == 0x02 {
		return len(b), nil
	}
	return p.PacketConn.WriteTo(b, to)
}

// TestALaneThatDoesNotPassIsLeft for plain streams, within seconds.
func TestALaneThatDoesNotPassIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b := w.join("b", "10.0.0.2:1")
		b.Handle("digest/1", link.Known, digestOf)
		w.book.Add("a", "10.0.0.1:1", w.identity("a").Public())
		a, err := link.New(link.Config{Name: "a", Identity: w.identity("a"), Resolver: w.book, Conn: picky{w.net.Listen("10.0.0.1:1")}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		w.net.SetWeather(replicationtest.Weather{Latency: 100 * time.Millisecond})
		began, tries := time.Now(), 0
		for err = errors.New("not yet tried"); err != nil && tries < 10; tries++ {
			err = ship(t.Context(), a, noise(1<<20))
		}
		if d := time.Since(began); err != nil || d > time.Minute {
			t.Errorf("after %d tries in %v: %v", tries, d, err)
		}
		if lanes := a.Lanes(); len(lanes) != 0 {
			t.Errorf("lanes %+v", lanes)
		}
	})
}
