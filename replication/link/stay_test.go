package link

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication"
)

func TestUnusedConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		s, err := a.Dial(t.Context(), "B", "copy/1")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * unusedTime)
		if len(a.all()) != 1 || len(b.all()) != 1 {
			t.Error("a connection with a stream on it was closed")
		}
		s.Close()
		over(t, b, "A", true, time.Second)
		time.Sleep(2*unusedTime + time.Second)
		if len(a.all()) != 0 || len(b.all()) != 0 {
			t.Error("an unused connection is still open")
		}
		over(t, b, "A", true, time.Second)
	})
}

// A peer at no address, behind NAT, is reached through the connection that it keeps, whichever way that runs.
func TestPeersBehindNATAreReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		a, b := w.open("A", addrA, true), w.open("B", addrB, true)
		w.book.Add("A", "", w.ids["A"].Public())
		if _, err := copied(t, b, "A", nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("nobody knows where A is: got %v", err)
		}
		a.Stay(func() []replication.Name { return []replication.Name{"B", "nobody"} })
		for _, udp := range []bool{true, false} {
			w.net.BlockUDP(addrA, !udp)
			time.Sleep(2 * stayLast)
			over(t, b, "A", udp, 6*time.Second)
			time.Sleep(time.Hour)
			over(t, b, "A", udp, time.Second)
			b.Close() // a restart
			b = w.open("B", addrB, true)
			time.Sleep(2 * stayLast)
			over(t, b, "A", udp, time.Second)
		}
		w.net.Cut(addrA)
		time.Sleep(24 * time.Hour)
		w.net.Heal(addrA)
		time.Sleep(2 * stayLast)
		over(t, b, "A", false, time.Second)
	})
}

func TestConnectionsOfOnePeerAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t)
		b := w.open("B", addrB, true)
		w.open("A", addrA, true)
		for i := range 3 * maxConns {
			over(t, w.open("A", fmt.Sprintf("10.0.1.%d:7400", i+1), false), "B", true, time.Second)
		}
		synctest.Wait()
		if n := len(b.all()); n != maxConns {
			t.Errorf("one peer has %d connections, want %d", n, maxConns)
		}
		over(t, b, "A", true, time.Second)
	})
}
