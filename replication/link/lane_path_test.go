package link

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication/line"
	"motcua/replication/replicationtest"
)

// The bytes that ask whether a peer is at an address, before they are sealed.
func TestGoldenPath(t *testing.T) {
	token := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	for kind, want := range map[byte]string{pathAsk: "010102030405060708", pathAnswer: "020102030405060708"} {
		if got := hex.EncodeToString(pathPacket(kind, token)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if line.Reserved != 0xfff00000 {
		t.Errorf("numbers of them begin at %x", uint32(line.Reserved))
	}
}

// bulky asserts that bulk which goes to B comes back.
func bulky(t *testing.T, l *Link, size int) {
	t.Helper()
	s, err := l.BeginBulk(t.Context(), "B", "copy/1")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.SetStall(20 * time.Second)
	sent := bytes.Repeat([]byte("motcua--"), size/8)
	go func() { s.Write(sent); s.CloseWrite() }()
	if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
}

// tapped is a socket on whose way somebody is faster: a copy of each packet of a lane arrives first, in another's name.
type tapped struct {
	net.PacketConn
	as    net.PacketConn
	spoof atomic.Int64 // bytes
	last  atomic.Pointer[[]byte]
}

func (c *tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	if b[0] != laneMark {
		return c.PacketConn.WriteTo(b, to)
	}
	late := bytes.Clone(b)
	c.as.WriteTo(b, to)
	c.spoof.Add(int64(len(b)))
	c.last.Store(&late)
	time.AfterFunc(5*time.Millisecond, func() { c.PacketConn.WriteTo(late, to) })
	return len(b), nil
}

// drained counts the bytes that come to an address, which answers nothing.
func drained(c net.PacketConn) *atomic.Int64 {
	n := new(atomic.Int64)
	go func() {
		b := make([]byte, 2048)
		for {
			k, _, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			n.Add(int64(k))
		}
	}()
	return n
}

// TestNobodyIsFloodedInAPeersName: packets that somebody sends again, from an address that is not the peer's, bring that address no more
// bytes than came from it, and do not take the lane away from the peer.
func TestNobodyIsFloodedInAPeersName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond})
		victim := w.net.Listen(addrC)
		defer victim.Close()
		flood := drained(victim)
		tap := &tapped{PacketConn: w.net.Listen(addrA), as: victim}
		a := w.openOn(tap, "A", addrA, true)
		b := w.open("B", addrB, true)
		bulky(t, a, 8<<20)
		if lanes := b.Lanes(); len(lanes) != 1 || lanes[0].State.Sent < 8<<20 {
			t.Fatalf("lanes %+v", lanes)
		}
		if got, sent := flood.Load(), tap.spoof.Load(); got > sent || got > 64<<10 {
			t.Errorf("%d bytes went to an address from which %d came in the peer's name", got, sent)
		}
		time.Sleep(time.Second) // what was under way
		before, to := flood.Load(), net.UDPAddrFromAddrPort(addrPortOf(b.Addr()))
		for range 1000 { // and what was seen before brings it nothing
			victim.WriteTo(*tap.last.Load(), to)
		}
		time.Sleep(time.Second)
		if got := flood.Load(); got != before {
			t.Errorf("%d bytes for what came before", got-before)
		}
	})
}

// TestALaneOfAnOlderPeerFollowsItsConnection: where the peer does not answer such questions, QUIC finds out where it is.
func TestALaneOfAnOlderPeerFollowsItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond})
		a := w.open("A", addrA, true)
		b := w.openBoth(w.net.Listen(addrB), nil, "B", addrB, true) // by TCP it would go sooner
		bulky(t, a, 8)
		for _, l := range []*Link{a, b} {
			for _, c := range l.laneConns() {
				c.s.(*lane).paths.known = false
			}
		}
		time.AfterFunc(2*time.Second, func() { w.net.Move(addrA, "10.0.0.9:1024") })
		bulky(t, a, 24<<20)
		if c := b.laneConns(); len(c) != 1 || c[0].s.RemoteAddr().String() != "10.0.0.9:1024" {
			t.Errorf("%d lanes, or not where the peer is", len(c))
		}
	})
}

// TestPathsAreAskedSparingly: as often as once in a while, however much comes, and each question is answered once.
func TestPathsAreAskedSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		w.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond})
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		bulky(t, a, 8)
		n := a.laneConns()[0].s.(*lane)
		elsewhere := net.UDPAddrFromAddrPort(addrPortOf(w.net.Listen(addrC).LocalAddr()))
		n.mu.Lock()
		for range 1000 {
			n.follow(elsewhere)
		}
		if n.paths.sent != 1 {
			t.Errorf("asked %d times", n.paths.sent)
		}
		ask := pathPacket(pathAsk, make([]byte, pathToken))
		for range 10 {
			n.takePath(elsewhere, line.Reserved+7, ask)
		}
		if n.paths.sent != 2 {
			t.Errorf("answered %d times", n.paths.sent-1)
		}
		n.takePath(elsewhere, line.Reserved+8, pathPacket(pathAnswer, make([]byte, pathToken)))
		if sameAddr(n.addr, elsewhere) {
			t.Error("a guess was taken for the answer")
		}
		n.mu.Unlock()
		if got := b.laneConns(); len(got) != 1 {
			t.Errorf("%d lanes", len(got))
		}
	})
}

func TestTheRoomOfLanesIsShared(t *testing.T) {
	var s share
	all := 0
	for i := range 100 {
		for range i%3 + 1 {
			s.enter([32]byte{byte(i)})
		}
	}
	for i := range 100 {
		all += s.of([32]byte{byte(i)}) * (i%3 + 1)
	}
	if all > laneRoom || all < laneRoom*9/10 {
		t.Errorf("%d bytes for all, want %d", all, laneRoom)
	}
	for i := range 100 {
		for range i%3 + 1 {
			s.leave([32]byte{byte(i)})
		}
	}
	if s.enter([32]byte{7}); s.of([32]byte{7}) != laneRoomPeer || len(s.by) != 1 {
		t.Errorf("one lane has %d bytes", s.of([32]byte{7}))
	}
}
