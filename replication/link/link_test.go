package link_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// world is a few links on one simulated network that know each other.
type world struct {
	t    *testing.T
	net  *replicationtest.Network
	book *replicationtest.Book
	ids  map[replication.Name]*identity.Private
}

func newWorld(t *testing.T) *world {
	return &world{t: t, net: replicationtest.NewNetwork(), book: replicationtest.NewBook(), ids: map[replication.Name]*identity.Private{}}
}

func (w *world) identity(name replication.Name) *identity.Private {
	if w.ids[name] == nil {
		id, err := identity.Generate()
		if err != nil {
			w.t.Fatal(err)
		}
		w.ids[name] = id
	}
	return w.ids[name]
}

// start opens a link at an address without telling the others.
func (w *world) start(name replication.Name, addr string) *link.Link {
	l, err := link.New(link.Config{Name: name, Identity: w.identity(name), Resolver: w.book, Conn: w.net.Listen(addr)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	return l
}

// join opens a link that everybody knows.
func (w *world) join(name replication.Name, addr string) *link.Link {
	w.book.Add(name, addr, w.identity(name).Public())
	return w.start(name, addr)
}

type ping struct {
	Text string `cbor:"1,keyasint"`
}

// echo answers one message with the caller's name before it.
func echo(_ context.Context, from link.Caller, s *link.Stream) {
	var p ping
	if s.Receive(&p, 1<<20) == nil {
		s.Send(ping{string(from.Peer.Name) + " said " + p.Text})
	}
}

func ask(ctx context.Context, l *link.Link, to replication.Name, text string) (string, error) {
	s, err := l.Dial(ctx, to, "echo/1")
	if err != nil {
		return "", err
	}
	return exchange(s, text)
}

func exchange(s *link.Stream, text string) (string, error) {
	defer s.Close()
	s.SetDeadline(time.Now().Add(30 * time.Second))
	if err := s.Send(ping{text}); err != nil {
		return "", err
	}
	var p ping
	err := s.Receive(&p, 1<<20)
	return p.Text, err
}

const (
	addrA = "10.0.0.1:7400"
	addrB = "10.0.0.2:7400"
	addrC = "10.0.0.3:7400"
)

func TestMessagesArriveInFoulWeather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		a.Handle("echo/1", link.Known, echo)
		b.Handle("echo/1", link.Known, echo)
		w.net.SetWeather(replicationtest.Weather{Loss: 0.1, Duplicate: 0.1, Latency: 20 * time.Millisecond, Jitter: 30 * time.Millisecond})
		big := string(bytes.Repeat([]byte("x"), 600<<10))
		var all sync.WaitGroup
		for i := range 20 {
			// Both ends dial at once, so that their connections cross.
			for _, d := range []struct {
				l        *link.Link
				from, to replication.Name
			}{{a, "A", "B"}, {b, "B", "A"}} {
				all.Go(func() {
					text := fmt.Sprint(i)
					if i == 0 {
						text = big
					}
					got, err := ask(t.Context(), d.l, d.to, text)
					if want := string(d.from) + " said " + text; err != nil || got != want {
						t.Errorf("ask %d of %s: got %.40q, %v", i, d.to, got, err)
					}
				})
			}
		}
		all.Wait()
	})
}

func TestStrangersReachOnlyWhatIsOpenToAnyone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b := w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		b.Handle("enrol/1", link.Anyone, func(_ context.Context, from link.Caller, s *link.Stream) {
			var p ping
			if s.Receive(&p, 1000) == nil {
				s.Send(ping{fmt.Sprintf("%q with a key of %d bytes", from.Peer.Name, len(from.TLSPoint))})
			}
		})
		x := w.start("X", addrC)
		_, err := x.Dial(t.Context(), "B", "echo/1")
		refused(t, err, link.NotAllowed)
		s, err := x.DialPinned(t.Context(), addrB, identity.TLSID(w.ids["B"].Public().TLS), "enrol/1")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := exchange(s, "hello"); err != nil || got != `"" with a key of 65 bytes` {
			t.Errorf("enrol: got %q, %v", got, err)
		}
		// Once the resolver has learnt the key, the same connection is good for everything.
		w.book.Add("X", addrC, w.ids["X"].Public())
		if got, err := ask(t.Context(), x, "B", "hi"); err != nil || got != "X said hi" {
			t.Errorf("once known: got %q, %v", got, err)
		}
	})
}

func TestStrangersDoNotStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b := w.join("B", addrB)
		ended := make(chan struct{})
		b.Handle("enrol/1", link.Anyone, func(ctx context.Context, _ link.Caller, s *link.Stream) {
			<-ctx.Done()
			close(ended)
		})
		x := w.start("X", addrC)
		if _, err := x.Dial(t.Context(), "B", "enrol/1"); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		<-ended
		if d := time.Since(begin); d > 3*time.Minute {
			t.Errorf("a stranger stayed for %s", d)
		}
	})
}

func TestStrangersAreServedFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b := w.join("B", addrB)
		b.Handle("enrol/1", link.Anyone, func(ctx context.Context, _ link.Caller, s *link.Stream) { <-ctx.Done() })
		x := w.start("X", addrC)
		for range 4 {
			if _, err := x.Dial(t.Context(), "B", "enrol/1"); err != nil {
				t.Fatal(err)
			}
		}
		_, err := x.Dial(t.Context(), "B", "enrol/1")
		refused(t, err, link.Busy)
	})
}

func refused(t *testing.T, err error, why link.Why) {
	t.Helper()
	r, ok := errors.AsType[*link.Refused](err)
	if !ok || r.Why != why {
		t.Errorf("got %v, want the refusal %d (%s)", err, why, why)
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)

		_, err := a.Dial(t.Context(), "B", "future/9")
		refused(t, err, link.UnknownProtocol)
		_, err = a.Dial(t.Context(), "C", "echo/1")
		if !errors.Is(err, replication.ErrUnknown) {
			t.Errorf("dial of an unknown name: got %v", err)
		}
		s, err := a.Begin(t.Context(), "B", "future/9")
		if err != nil {
			t.Fatal(err)
		}
		var p ping
		refused(t, s.Receive(&p, 100), link.UnknownProtocol)
		s.Close()
	})
}

func TestRevokedKeysAreShownOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		if _, err := ask(t.Context(), a, "B", "before"); err != nil {
			t.Fatal(err)
		}
		cut := make(chan error, 1)
		b.Handle("long/1", link.Known, func(ctx context.Context, _ link.Caller, s *link.Stream) { <-ctx.Done() })
		long, err := a.Dial(t.Context(), "B", "long/1")
		if err != nil {
			t.Fatal(err)
		}
		go func() { var p ping; cut <- long.Receive(&p, 100) }()

		w.book.Revoke("A", time.Now())
		b.Recheck()
		refused(t, <-cut, link.Revoked)
		_, err = ask(t.Context(), a, "B", "after")
		refused(t, err, link.Revoked)
		if _, err := b.Dial(t.Context(), "A", "echo/1"); !errors.Is(err, link.ErrRevoked) {
			t.Errorf("dial of a revoked peer: got %v", err)
		}
	})
}

func TestAnotherKeyAtTheAddressIsNotThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.join("A", addrA)
		w.book.Add("B", addrB, w.identity("B").Public())
		w.start("impostor", addrB).Handle("echo/1", link.Anyone, echo)
		if _, err := ask(t.Context(), a, "B", "psst"); !errors.Is(err, link.ErrImpostor) {
			t.Errorf("got %v, want ErrImpostor", err)
		}
	})
}

func TestRekeyedPeerIsDroppedAndFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		if _, err := ask(t.Context(), a, "B", "1"); err != nil {
			t.Fatal(err)
		}
		delete(w.ids, "B")
		b.Close()
		b = w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		a.Recheck()
		if _, err := ask(t.Context(), a, "B", "2"); err != nil {
			t.Error(err)
		}
	})
}

func TestRestartedPeerIsFoundAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		if _, err := ask(t.Context(), a, "B", "1"); err != nil {
			t.Fatal(err)
		}
		w.net.Cut(addrB) // so that B's goodbye is lost, as in a power cut
		b.Close()
		w.net.Heal(addrB)
		w.start("B", addrB).Handle("echo/1", link.Known, echo)
		begin := time.Now()
		if _, err := ask(t.Context(), a, "B", "2"); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d > time.Second {
			t.Errorf("took %s: the stateless reset did not do its work", d)
		}
	})
}

func TestCutLineTimesOutAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		if _, err := ask(t.Context(), a, "B", "1"); err != nil {
			t.Fatal(err)
		}
		for _, days := range []int{0, 3} {
			a.SetLine(false)
			time.Sleep(time.Duration(days)*24*time.Hour + time.Second)
			begin := time.Now()
			if _, err := ask(t.Context(), a, "B", "2"); !errors.Is(err, link.ErrUnreachable) {
				t.Errorf("over a cut line: got %v", err)
			}
			if d := time.Since(begin); d > 11*time.Second {
				t.Errorf("gave up after %s only", d)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := ask(ctx, a, "B", "3"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a shorter deadline: got %v", err)
			}
			cancel()
			a.SetLine(true)
			if _, err := ask(t.Context(), a, "B", "4"); err != nil {
				t.Errorf("healed: %v", err)
			}
		}
	})
}

func TestContactIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("echo/1", link.Known, echo)
		seen := make(chan replication.Name, 10)
		b.OnContact(func(n replication.Name) { seen <- n })
		if _, err := ask(t.Context(), a, "B", "1"); err != nil {
			t.Fatal(err)
		}
		if n := <-seen; n != "A" {
			t.Errorf("contact with %q", n)
		}
		if c := b.Connected(); len(c) != 1 || c[0] != "A" {
			t.Errorf("connected: %v", c)
		}
	})
}

func TestMovedPeerIsFoundByHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.join("A", addrA)
		w.book.Add("B", addrC, w.identity("B").Public()) // where it no longer is
		w.start("B", addrB).Handle("echo/1", link.Known, echo)
		a.Hint("B", addrB)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := ask(ctx, a, "B", "1"); err != nil {
			t.Error(err)
		}
	})
}

func TestPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		synctest.Wait() // until both read
		if err := a.SendPacket(addrB, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		p := <-b.Packets()
		if string(p.Data) != "hello" || p.From.String() != addrA {
			t.Errorf("got %q from %s", p.Data, p.From)
		}
		if err := a.SendPacket(addrB, make([]byte, link.MaxPacket+1)); !errors.Is(err, link.ErrTooLarge) {
			t.Errorf("a packet too large: got %v", err)
		}
	})
}

func TestMessagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		got := make(chan error, 1)
		b.Handle("small/1", link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
			var p ping
			got <- s.Receive(&p, 10)
		})
		s, err := a.Dial(t.Context(), "B", "small/1")
		if err != nil {
			t.Fatal(err)
		}
		s.Send(ping{"more than ten bytes"})
		if err := <-got; !errors.Is(err, link.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}

// A stream is also a net.Conn: what Raft and memberlist build on.
func TestStreamIsAConnOnRealSockets(t *testing.T) {
	book := replicationtest.NewBook()
	a, b := realLink(t, book, "A"), realLink(t, book, "B")
	b.Handle("copy/1", link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) { io.Copy(s, s) })
	for _, from := range []*link.Link{a, b} { // B also reaches itself
		s, err := from.Dial(t.Context(), "B", "copy/1")
		if err != nil {
			t.Fatal(err)
		}
		sent := bytes.Repeat([]byte("motcua"), 100<<10)
		go func() { s.Write(sent); s.CloseWrite() }()
		back, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(back, sent) {
			t.Errorf("got %d bytes back of %d, %v", len(back), len(sent), err)
		}
		s.Close()
	}
}

// Real sockets are read and written by other calls than simulated ones; the switch stops those too.
func TestLineIsCutOnRealSockets(t *testing.T) {
	book := replicationtest.NewBook()
	a, b := realLink(t, book, "A"), realLink(t, book, "B")
	b.Handle("echo/1", link.Known, echo)
	for _, l := range []*link.Link{a, b} {
		if _, err := ask(t.Context(), a, "B", "up"); err != nil {
			t.Fatal(err)
		}
		l.SetLine(false)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := ask(ctx, a, "B", "down"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("over a cut line: got %v", err)
		}
		cancel()
		l.SetLine(true)
	}
}

func TestCloseEndsHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.join("A", addrA), w.join("B", addrB)
		b.Handle("long/1", link.Known, func(ctx context.Context, _ link.Caller, s *link.Stream) { <-ctx.Done() })
		s, err := a.Dial(t.Context(), "B", "long/1")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		var p ping
		if err := s.Receive(&p, 10); !errors.Is(err, link.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
		a.Close()
		if _, err := a.Dial(t.Context(), "B", "long/1"); !errors.Is(err, link.ErrClosed) {
			t.Errorf("dial on a closed link: got %v", err)
		}
	})
}
