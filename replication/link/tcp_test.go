package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// town is a few links on one simulated network that has TCP too.
type town struct {
	t    *testing.T
	net  *replicationtest.Network
	book *replicationtest.Book
	ids  map[replication.Name]*identity.Private
}

func newTown(t *testing.T) *town {
	return &town{t, replicationtest.NewNetwork(), replicationtest.NewBook(), map[replication.Name]*identity.Private{}}
}

// open opens a link at an address; known: everybody knows it.
func (w *town) open(name replication.Name, addr string, known bool) *Link {
	return w.openOn(w.net.Listen(addr), name, addr, known)
}

// openOn opens a link on a socket.
func (w *town) openOn(conn net.PacketConn, name replication.Name, addr string, known bool) *Link {
	return w.openBoth(conn, w.net.ListenTCP(addr), name, addr, known)
}

// openBoth opens a link on a socket and a TCP port.
func (w *town) openBoth(conn net.PacketConn, tcp net.Listener, name replication.Name, addr string, known bool) *Link {
	if w.ids[name] == nil {
		id, err := identity.Generate()
		if err != nil {
			w.t.Fatal(err)
		}
		w.ids[name] = id
	}
	if known {
		w.book.Add(name, addr, w.ids[name].Public())
	}
	l, err := New(Config{
		Name: name, Identity: w.ids[name], Resolver: w.book, Conn: conn,
		Listener: tcp, DialTCP: w.net.DialTCP(addr),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	l.Handle("copy/1", Known, func(_ context.Context, _ Caller, s *Stream) { io.Copy(s, s) })
	return l
}

const (
	addrA = "10.0.0.1:7400"
	addrB = "10.0.0.2:7400"
	addrC = "10.0.0.3:7400"
)

// copied sends bytes to a name and gets them back. It tells whether they went over UDP.
func copied(t *testing.T, l *Link, to replication.Name, b []byte) (udp bool, err error) {
	s, err := l.Dial(t.Context(), to, "copy/1")
	if err != nil {
		return false, err
	}
	defer s.Close()
	go func() { s.Write(b); s.CloseWrite() }()
	s.SetReadDeadline(time.Now().Add(time.Minute))
	got, err := io.ReadAll(s)
	if err == nil && !bytes.Equal(got, b) {
		err = fmt.Errorf("%d bytes of %d came back", len(got), len(b))
	}
	return s.c.udp() != nil, err
}

// over asserts that bytes go to a name within a time, over UDP or not.
func over(t *testing.T, l *Link, to replication.Name, udp bool, within time.Duration) {
	t.Helper()
	begin := time.Now()
	got, err := copied(t, l, to, []byte("hello"))
	if err != nil || got != udp {
		t.Errorf("over UDP %t, want %t: %v", got, udp, err)
	}
	if d := time.Since(begin); d > within {
		t.Errorf("it took %s, want at most %s", d, within)
	}
}

func TestTCPIsChosenWhereUDPDoesNotPassAndLeftAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Latency: 300 * time.Millisecond})
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		over(t, a, "B", true, 3*time.Second)
		w.net.BlockUDP(addrA, true)
		time.Sleep(10 * time.Second)
		over(t, a, "B", false, 10*time.Second) // the open connection has to be given up first
		over(t, b, "A", false, 2*time.Second)  // the other way through the same connection
		time.Sleep(time.Hour)
		over(t, a, "B", false, 3*time.Second)
		w.net.BlockUDP(addrA, false)
		time.Sleep(lastProbe * 5 / 4)
		over(t, a, "B", true, 2*time.Second)
		over(t, b, "A", true, 2*time.Second)
		if n := len(b.all()); n != 1 {
			t.Errorf("%d connections are left, want the one over UDP", n)
		}
	})
}

func TestTCPIsTriedAtOnceWhereItHasWorked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.BlockUDP(addrA, true)
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		over(t, a, "B", false, time.Second)
		b.Close()
		w.open("B", addrB, true)
		synctest.Wait()
		over(t, a, "B", false, headStart/2)
	})
}

func TestMuchPassesByTCPBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.BlockUDP(addrA, true)
		w.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		big := bytes.Repeat([]byte("x"), 3<<20)
		var all sync.WaitGroup
		for i := range 3 * tcpStreams { // more than may be open at a time
			all.Go(func() {
				text := []byte(fmt.Sprint(i))
				if i%64 == 0 {
					text = big
				}
				if udp, err := copied(t, a, "B", text); udp || err != nil {
					t.Errorf("A to B: over UDP %t, %v", udp, err)
				}
				if udp, err := copied(t, b, "A", text); udp || err != nil {
					t.Errorf("B to A: over UDP %t, %v", udp, err)
				}
			})
		}
		all.Wait()
	})
}

// TestStreamsEndAlike asserts over UDP and TCP what the ends of a stream mean to the peer.
func TestStreamsEndAlike(t *testing.T) {
	for _, udp := range []bool{true, false} {
		t.Run(fmt.Sprintf("udp=%t", udp), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { streamEnds(t, udp) }) })
	}
}

func streamEnds(t *testing.T, udp bool) {
	w := newTown(t)
	w.net.BlockUDP(addrA, !udp)
	w.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
	a, b := w.open("A", addrA, true), w.open("B", addrB, true)
	b.Handle("curt/1", Known, func(_ context.Context, _ Caller, s *Stream) { s.Send(answer{Why: 9}) }) // reads nothing
	b.Handle("break/1", Known, func(_ context.Context, _ Caller, s *Stream) {
		s.Read(make([]byte, 1))
		s.Write([]byte("half"))
		s.Cancel()
	})
	s, err := a.Dial(t.Context(), "B", "curt/1")
	if err != nil {
		t.Fatal(err)
	}
	s.SetDeadline(time.Now().Add(20 * time.Second))
	begin := time.Now()
	for err == nil {
		_, err = s.Write(make([]byte, 64<<10))
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("writing to one that reads no more went on for %s: %v", d, err)
	}
	var last answer
	if err := s.Receive(&last, maxAnswer); err != nil || last.Why != 9 {
		t.Errorf("its last word is lost: %+v, %v", last, err)
	}
	s.Close()

	s, err = a.Dial(t.Context(), "B", "break/1")
	if err != nil {
		t.Fatal(err)
	}
	s.SetDeadline(time.Now().Add(20 * time.Second))
	s.Write([]byte("x"))
	if _, err := io.ReadAll(s); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a stream that was broken off reads as ended: %v", err)
	}
	s.Close()

	s, err = a.Dial(t.Context(), "B", "copy/1")
	if err != nil {
		t.Fatal(err)
	}
	s.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := s.Read(make([]byte, 1)); !timedOut(err) {
		t.Errorf("nothing came: %v", err)
	}
	w.net.Cut(addrA)
	b.Close()
	w.net.Heal(addrA)
	s.SetDeadline(time.Now().Add(5 * time.Minute))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("the peer is gone: %v", err)
	}
}

func timedOut(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && e.Timeout()
}

func TestRefusalsByTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		w.net.BlockUDP(addrB, true)
		b.Handle("enrol/1", Anyone, func(ctx context.Context, _ Caller, s *Stream) { <-ctx.Done() })
		_, err := a.Dial(t.Context(), "B", "future/9")
		wantWhy(t, err, UnknownProtocol)
		x := w.open("X", addrC, false)
		_, err = x.Dial(t.Context(), "B", "copy/1")
		wantWhy(t, err, NotAllowed)
		for range strangerStreams {
			if _, err := x.Dial(t.Context(), "B", "enrol/1"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = x.Dial(t.Context(), "B", "enrol/1")
		wantWhy(t, err, Busy)
		time.Sleep(strangerTime)
		if n := len(x.all()); n != 0 {
			t.Error("a stranger may stay")
		}

		long, err := a.Dial(t.Context(), "B", "copy/1")
		if err != nil {
			t.Fatal(err)
		}
		w.book.Revoke("A", time.Now())
		b.Recheck()
		_, err = long.Read(make([]byte, 1))
		wantWhy(t, plain(err), Revoked)
		for range 10 { // the refusal overtakes nothing and is not lost
			_, err = a.Dial(t.Context(), "B", "copy/1")
			wantWhy(t, err, Revoked)
		}
	})
}

func wantWhy(t *testing.T, err error, why Why) {
	t.Helper()
	if r, ok := errors.AsType[*Refused](err); !ok || r.Why != why {
		t.Errorf("got %v, want the refusal %d (%s)", err, why, why)
	}
}

func TestAnotherKeyIsNotThePeerByTCPEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a := w.open("A", addrA, true)
		w.open("B", addrB, true).Close()
		w.open("impostor", addrB, false)
		w.net.BlockUDP(addrB, true)
		if _, err := copied(t, a, "B", nil); !errors.Is(err, ErrImpostor) {
			t.Errorf("got %v, want ErrImpostor", err)
		}
		w.net.Cut(addrB)
		if _, err := copied(t, a, "B", nil); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), addrB) {
			t.Errorf("got %v, want ErrUnreachable with the address", err)
		}
	})
}

// deaf is a real socket to and from which no packet passes.
type deaf struct{ net.PacketConn }

func (d deaf) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

func (d deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if _, _, err := d.PacketConn.ReadFrom(b); err != nil {
			return 0, nil, err
		}
	}
}

func TestTCPOnRealSockets(t *testing.T) {
	book := replicationtest.NewBook()
	open := func(name replication.Name) *Link {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := Config{Name: name, Identity: id, Resolver: book, Conn: u}
		if name == "B" {
			c.Conn = deaf{u}
			if c.Listener, err = net.Listen("tcp", u.LocalAddr().String()); err != nil {
				t.Skip("the port is taken: ", err)
			}
		}
		book.Add(name, u.LocalAddr().String(), id.Public())
		l, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		l.Handle("copy/1", Known, func(_ context.Context, _ Caller, s *Stream) { io.Copy(s, s) })
		return l
	}
	a, b := open("A"), open("B")
	big := bytes.Repeat([]byte("motcua"), 1<<20)
	for range 2 {
		if udp, err := copied(t, a, "B", big); udp || err != nil {
			t.Errorf("over UDP %t, %v", udp, err)
		}
		if udp, err := copied(t, b, "A", big); udp || err != nil {
			t.Errorf("back over UDP %t, %v", udp, err)
		}
	}
	a.SetLine(false)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if s, err := a.Dial(ctx, "B", "copy/1"); err == nil {
		s.Close()
		t.Error("something passes over a line that is cut")
	}
}

func TestPacketsGoInsideAConnectionByTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		w.net.BlockUDP(addrA, true)
		a.SendPacketTo("B", addrB, []byte("lost"))
		over(t, b, "A", false, time.Second)
		for _, l := range []struct {
			from, to *Link
			name     replication.Name
			addr     string
		}{{a, b, "B", addrB}, {b, a, "A", addrA}} {
			for i := range 2 * packetsWaiting { // more at once than are carried
				if err := l.from.SendPacketTo(l.name, l.addr, []byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range packetsWaiting {
				if p := <-l.to.Packets(); !bytes.Equal(p.Data, []byte{byte(i)}) {
					t.Errorf("packet %d: got %x", i, p.Data)
				}
			}
			if err := l.from.SendPacketTo(l.name, l.addr, make([]byte, MaxPacket)); err != nil {
				t.Error(err)
			}
			if err := l.from.SendPacketTo(l.name, l.addr, make([]byte, MaxPacket+1)); !errors.Is(err, ErrTooLarge) {
				t.Errorf("a packet too large: got %v", err)
			}
			time.Sleep(time.Second)
			for range len(l.to.Packets()) - 1 {
				<-l.to.Packets()
			}
			if p := <-l.to.Packets(); len(p.Data) != MaxPacket {
				t.Errorf("got a packet of %d bytes", len(p.Data))
			}
		}
		time.Sleep(packetPause + 2*unusedTime + time.Minute)
		if n := len(a.all()) + len(b.all()); n != 0 {
			t.Errorf("%d connections are kept for packets that do not come", n)
		}
	})
}
