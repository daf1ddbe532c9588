package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

func TestEditionMessagesStay(t *testing.T) {
	golden.Check(t, "edition-question", marshal(t, EditionQuestion{Held: edition.Held{Number: 7, Body: digest.Of(nil), Epoch: 1}, Wait: 500}))
	golden.Check(t, "edition-answer", marshal(t, EditionAnswer{Edition: []byte("edition")}))
	golden.Check(t, "edition-words", bytes.Join([][]byte{
		marshal(t, EditionAnswer{Later: true}), marshal(t, EditionAnswer{Busy: true}), marshal(t, EditionAnswer{Coming: true}), marshal(t, EditionAnswer{}),
	}, nil))
}

func FuzzEditionMessages(f *testing.F) {
	for _, v := range []any{EditionQuestion{Held: edition.Held{Number: 7}}, EditionAnswer{Edition: []byte("x")}, EditionAnswer{Later: true}} {
		b, err := wire.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var q EditionQuestion
		_ = wire.Unmarshal(b, &q)
		var a EditionAnswer
		if wire.Unmarshal(b, &a) != nil {
			return
		}
		s, err := edition.Receive(a.Edition, edition.Held{}, func() ([]byte, error) { return nil, errors.New("none") })
		if err == nil {
			if _, err := s.Verify(edition.TrustOf(directorytest.Genesis(3))); err == nil {
				t.Error("an edition that nobody signed is believed")
			}
		}
	})
}

// tray is a shelf with one edition, whose bytes say nothing.
type tray struct {
	b       []byte
	changed chan struct{}
}

func (s tray) Update(held edition.Held) ([]byte, error) {
	if held.Number >= 2 {
		return nil, nil
	}
	return s.b, nil
}

func (s tray) Changed() <-chan struct{} { return s.changed }

// pairOf is a node's link and a server's.
func pairOf(t *testing.T) (node, server *link.Link, net *replicationtest.Network) {
	net, book := replicationtest.NewNetwork(), replicationtest.NewBook()
	open := func(name replication.Name, addr string, key byte) *link.Link {
		id := directorytest.Identity(key)
		book.Add(name, addr, id.Public())
		l, err := link.New(link.Config{Name: name, Identity: id, Resolver: book, Conn: net.Listen(addr)})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	return open("H32.1", "10.0.0.1:7400", 100), open("dir-1", "10.0.0.2:7400", 10), net
}

// TestAnEditionComesOverASlowLine: it may take minutes, but not stand still; who waits for one hears that the other side is there.
func TestAnEditionComesOverASlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, server, net := pairOf(t)
		defer server.Close()
		defer node.Close()
		big := bytes.Repeat([]byte("thủ tục "), 600_000)
		still := false
		server.Handle(EditionProtocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
			var q EditionQuestion
			s.Receive(&q, maxEditionQuestion)
			for range 5 {
				s.Send(EditionAnswer{Later: true})
				time.Sleep(laterEvery)
			}
			s.Send(EditionAnswer{Coming: true})
			b := marshal(t, EditionAnswer{Edition: big})
			slowly(s, append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...), still)
		})
		begin, coming := time.Now(), time.Duration(0)
		got, err := AskEdition(t.Context(), node, "dir-1", edition.Held{}, MaxWait*time.Millisecond, func() { coming = time.Since(begin) })
		if err != nil || !bytes.Equal(got, big) || time.Since(begin) < 2*time.Minute || coming < 5*laterEvery || coming > time.Minute {
			t.Errorf("%d bytes after %v, coming after %v: %v", len(got), time.Since(begin), coming, err)
		}
		still, begin = true, time.Now()
		if got, err := AskEdition(t.Context(), node, "dir-1", edition.Held{}, 0, nil); err == nil || time.Since(begin) > 4*time.Minute {
			t.Errorf("from a server that stands still %d bytes after %v: %v", len(got), time.Since(begin), err)
		}
		server.Handle(EditionProtocol, link.Known, func(ctx context.Context, from link.Caller, s *link.Stream) {
			NewEditions(tray{nil, make(chan struct{})}, 1).Serve(ctx, from, s)
		})
		time.AfterFunc(4*time.Second, func() { net.Cut("10.0.0.2:7400") })
		begin = time.Now()
		if _, err := AskEdition(t.Context(), node, "dir-1", edition.Held{}, MaxWait*time.Millisecond, nil); err == nil || time.Since(begin) > 15*time.Second {
			t.Errorf("a server that has died is waited for %v: %v", time.Since(begin), err)
		}
		net.Heal("10.0.0.2:7400")
	})
}

// slowly writes at the pace of a line of 256 kbit/s; still: it stops in the middle.
func slowly(s *link.Stream, b []byte, still bool) {
	for half := len(b) / 2; len(b) > 0; time.Sleep(time.Second) {
		if still && len(b) < half {
			time.Sleep(10 * time.Minute)
		}
		n, err := s.Write(b[:min(32<<10, len(b))])
		if err != nil {
			return
		}
		b = b[n:]
	}
}

// TestSomeAreServedAtOnce: the others are told that it is too busy, at once.
func TestSomeAreServedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, server, net := pairOf(t)
		defer server.Close()
		defer node.Close()
		net.SetWeather(replicationtest.Weather{Latency: 200 * time.Millisecond})
		one := NewEditions(tray{bytes.Repeat([]byte("x"), 1<<20), make(chan struct{})}, 1)
		server.Handle(EditionProtocol, link.Known, func(ctx context.Context, from link.Caller, s *link.Stream) { one.Serve(ctx, from, s) })
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := AskEdition(t.Context(), node, "dir-1", edition.Held{Number: 1}, 0, nil)
				results <- err
			}()
		}
		a, b := <-results, <-results
		if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), ErrBusy) {
			t.Errorf("%v, %v", a, b)
		}
		if b, err := AskEdition(t.Context(), node, "dir-1", edition.Held{Number: 2}, 0, nil); err != nil || b != nil {
			t.Errorf("who has the newest: %d bytes, %v", len(b), err)
		}
	})
}
