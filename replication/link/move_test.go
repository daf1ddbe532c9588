package link

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// A NAT that forgets, or another uplink, gives a machine another address in the middle of a transfer.
func TestTransfersGoOnAtAnotherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Loss: 0.01, Latency: 50 * time.Millisecond})
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		s, err := a.Dial(t.Context(), "B", "copy/1")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		sent := bytes.Repeat([]byte("motcua"), 300<<10)
		go func() { s.Write(sent); s.CloseWrite() }()
		got := make([]byte, len(sent)/3)
		for _, addr := range []string{"10.0.0.9:1024", "10.0.0.9:1025", "192.168.7.7:9"} {
			s.SetReadDeadline(time.Now().Add(time.Minute))
			begin := time.Now()
			if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, sent[:len(got)]) {
				t.Fatalf("after %s: %v", time.Since(begin), err)
			}
			w.net.Move(addrA, addr)
		}
		s.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := s.Read(got); n != 0 || err != io.EOF {
			t.Errorf("%d bytes more, %v", n, err)
		}
		time.Sleep(20 * time.Second)       // a sign of life has come from there
		over(t, b, "A", true, time.Second) // by the connection that moved
	})
}

// The one that was dialled moves: whoever hears where it is now finds it there.
func TestAPeerThatWasDialledMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a := w.open("A", addrA, true)
		w.open("B", addrB, true)
		over(t, a, "B", true, time.Second)
		w.net.Move(addrB, "10.0.0.9:1024")
		a.Hint("B", "10.0.0.9:1024")
		over(t, a, "B", true, 2*dialTimeout+3*time.Second)
	})
}

// nat forwards packets to one machine, from a port that can be changed.
type nat struct {
	inside net.PacketConn
	to     net.Addr
	mu     sync.Mutex
	out    net.PacketConn
	client net.Addr
}

func newNAT(t *testing.T, to net.Addr) *nat {
	n := &nat{inside: udp(t), to: to}
	n.rebind(t)
	go func() {
		b := make([]byte, 2048)
		for {
			k, from, err := n.inside.ReadFrom(b)
			if err != nil {
				return
			}
			n.mu.Lock()
			n.client = from
			n.out.WriteTo(b[:k], n.to)
			n.mu.Unlock()
		}
	}()
	return n
}

func udp(t *testing.T) net.PacketConn {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// rebind takes another port; what comes to the one before is lost.
func (n *nat) rebind(t *testing.T) {
	out := udp(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.out != nil {
		n.out.Close()
	}
	n.out = out
	go func() {
		b := make([]byte, 2048)
		for {
			k, _, err := out.ReadFrom(b)
			if err != nil {
				return
			}
			n.mu.Lock()
			client := n.client
			n.mu.Unlock()
			n.inside.WriteTo(b[:k], client)
		}
	}()
}

func TestNATRebindingOnRealSockets(t *testing.T) {
	book := replicationtest.NewBook()
	links := map[replication.Name]*Link{}
	var way *nat
	for _, name := range []replication.Name{"A", "B"} {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		sock := udp(t)
		addr := sock.LocalAddr()
		if name == "B" {
			way = newNAT(t, addr)
			addr = way.inside.LocalAddr()
		}
		book.Add(name, addr.String(), id.Public())
		l, err := New(Config{Name: name, Identity: id, Resolver: book, Conn: sock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		l.Handle("copy/1", Known, func(_ context.Context, _ Caller, s *Stream) { io.Copy(s, s) })
		links[name] = l
	}
	s, err := links["A"].Dial(t.Context(), "B", "copy/1")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sent := bytes.Repeat([]byte("motcua"), 1<<20)
	go func() { s.Write(sent); s.CloseWrite() }()
	got := make([]byte, len(sent)/3)
	for i := range 3 {
		want := sent[i*len(got) : (i+1)*len(got)]
		s.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("third %d: %v", i+1, err)
		}
		way.rebind(t)
	}
}
