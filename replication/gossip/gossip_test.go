package gossip

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// hamlet is a few members on a simulated network.
type hamlet struct {
	t     *testing.T
	net   *replicationtest.Network
	book  *replicationtest.Book
	ids   []*identity.Private
	seeds []Seed
	seen  chan replication.Name
	links []*link.Link
	up    []*Gossip
}

func newHamlet(t *testing.T, n int) *hamlet {
	h := &hamlet{t: t, net: replicationtest.NewNetwork(), book: replicationtest.NewBook(), seen: make(chan replication.Name, 10000)}
	h.net.SetWeather(replicationtest.Weather{Loss: 0.05, Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})
	for i := range n {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		s := Seed{Name: replication.Name(fmt.Sprint("N", i)), Addr: fmt.Sprintf("10.0.0.%d:7400", i+1)}
		h.book.Add(s.Name, s.Addr, id.Public())
		h.ids, h.seeds = append(h.ids, id), append(h.seeds, s)
		h.links, h.up = append(h.links, nil), append(h.up, nil)
	}
	t.Cleanup(func() {
		for i := range h.up {
			h.stop(i)
		}
		time.Sleep(Linger)
	})
	return h
}

func (h *hamlet) start(i int, key byte) {
	s := h.seeds[i]
	l, err := link.New(link.Config{
		Name: s.Name, Identity: h.ids[i], Resolver: h.book, Conn: h.net.Listen(s.Addr),
		Listener: h.net.ListenTCP(s.Addr), DialTCP: h.net.DialTCP(s.Addr),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	g, err := New(Config{
		Name: s.Name, Link: l, Key: bytes.Repeat([]byte{key}, KeySize), Advertise: s.Addr,
		Seeds: func() []Seed { return h.seeds },
		OnPeer: func(n replication.Name, m Meta) {
			if m.Edition == 9 {
				h.seen <- n
			}
		},
	}, Meta{Edition: 1, Version: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.links[i], h.up[i] = l, g
}

func (h *hamlet) stop(i int) {
	if h.up[i] != nil {
		h.up[i].Close()
		h.links[i].Close()
		h.up[i] = nil
	}
}

// converge waits until every member that is up sees all others that are.
func (h *hamlet) converge(within time.Duration) {
	h.t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Second) {
		up, complete := 0, 0
		for _, g := range h.up {
			if g != nil {
				up++
			}
		}
		for _, g := range h.up {
			if g != nil && len(g.Members()) == up-1 {
				complete++
			}
		}
		if complete == up {
			return
		}
		if time.Since(begin) > within {
			h.t.Fatalf("after %s only %d of %d see everybody", within, complete, up)
		}
	}
}

func TestMembersFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHamlet(t, 6)
		for i := range h.up {
			h.start(i, 1)
		}
		h.converge(2 * time.Minute)
		h.up[2].SetMeta(Meta{Edition: 9, Version: "test"})
		heard := map[replication.Name]int{}
		timeout := time.After(time.Minute)
		for heard["N2"] < 5 {
			select {
			case n := <-h.seen:
				heard[n]++
			case <-timeout:
				t.Fatalf("news of N2 reached %d members of 5", heard["N2"])
			}
		}
		if m := h.up[0].Members()[1]; m.Name != "N2" || m.Meta.Edition != 9 || m.Addr != "10.0.0.3:7400" {
			t.Errorf("got %+v", m)
		}
	})
}

func TestEverybodyComesBackAfterAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHamlet(t, 5)
		for i := range h.up {
			h.start(i, 1)
		}
		h.converge(2 * time.Minute)
		// A long darkness, in which all are up and dead to each other.
		for _, s := range h.seeds {
			h.net.Cut(s.Addr)
		}
		time.Sleep(time.Hour)
		if n := len(h.up[0].Members()); n != 0 {
			t.Errorf("%d members are seen in the dark", n)
		}
		for _, s := range h.seeds {
			h.net.Heal(s.Addr)
		}
		h.converge(3 * time.Minute)
		// A power cut, in which all restart without a goodbye.
		for i, s := range h.seeds {
			h.net.Cut(s.Addr)
			h.stop(i)
		}
		for i, s := range h.seeds {
			h.net.Heal(s.Addr)
			h.start(i, 1)
		}
		h.converge(3 * time.Minute)
	})
}

// One whose network passes no UDP is a member all the same: its packets go inside connections by TCP.
func TestAMemberWithoutUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHamlet(t, 6)
		h.net.BlockUDP(h.seeds[0].Addr, true)
		for i := range h.up {
			h.start(i, 1)
		}
		h.converge(2 * time.Minute)
		blind := 0
		for range 60 {
			time.Sleep(time.Minute)
			for i, g := range h.up {
				if n := len(g.Members()); n < len(h.up)-1 {
					blind++
					t.Logf("N%d sees %d members", i, n)
				}
			}
		}
		if blind > 6 { // of 360 looks
			t.Errorf("a member was missed %d times", blind)
		}
		h.up[0].SetMeta(Meta{Edition: 9, Version: "test"})
		for heard := 0; heard < len(h.up)-1; heard++ {
			select {
			case n := <-h.seen:
				if n != "N0" {
					t.Errorf("news of %s", n)
				}
			case <-time.After(time.Minute):
				t.Fatalf("news of N0 reached %d members", heard)
			}
		}
	})
}

func TestAnotherKeyHearsAndSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHamlet(t, 3)
		h.start(0, 1)
		h.start(1, 1)
		h.start(2, 2)
		time.Sleep(5 * time.Minute)
		for i, want := range []int{1, 1, 0} {
			if n := len(h.up[i].Members()); n != want {
				t.Errorf("N%d sees %d members, want %d", i, n, want)
			}
		}
	})
}

func TestGoldenMeta(t *testing.T) {
	const before = "0107" + "02183c" + "0363312e30"
	for want, m := range map[string]Meta{
		"a3" + before:            {Edition: 7, Oldest: 60, Version: "1.0"},
		"a4" + before + "041864": {Edition: 7, Oldest: 60, Version: "1.0", Log: 100},
	} {
		if b, err := wire.Marshal(m); err != nil || hex.EncodeToString(b) != want {
			t.Errorf("got %x, %v; want %s", b, err, want)
		}
	}
	newer, _ := hex.DecodeString("a4" + before + "051864")
	if m, err := decodeMeta(newer); err != nil || m != (Meta{}) {
		t.Errorf("a member of a newer version is not seen: %+v, %v", m, err)
	}
}

// FuzzMeta feeds what a member says of itself.
func FuzzMeta(f *testing.F) {
	b, _ := wire.Marshal(Meta{Edition: 7, Version: "1.0"})
	f.Add(b)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err != nil || m == (Meta{}) { // the latter also where a newer version has written it
			return
		}
		if again, err := wire.Marshal(m); err != nil || !bytes.Equal(again, b) || len(b) > 512 {
			t.Errorf("%x reads as %+v", b, m)
		}
	})
}
