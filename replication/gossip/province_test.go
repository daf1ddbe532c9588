package gossip

import (
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication/replicationtest"
)

// members is for TestProvince; a whole one takes minutes: go test -run TestProvince -v -members 170.
var members = flag.Int("members", 34, "how many members the province has; in earnest some 170")

// The promises to the province.
const (
	healed    = time.Minute // after which all see all again, whatever was before
	idleBytes = 300         // a second, which a member sends at most when nothing happens, all headers included
)

func TestProvince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHamlet(t, *members)
		h.net.SetWeather(replicationtest.Weather{Loss: 0.02, Latency: 100 * time.Millisecond, Jitter: 50 * time.Millisecond})
		for i := range h.up {
			h.start(i, 1)
		}
		h.converge(healed)
		h.idle()
		h.split()
		h.converge(healed)
		for i, s := range h.seeds { // the power goes: nobody says goodbye
			h.net.Cut(s.Addr)
			h.stop(i)
		}
		for i, s := range h.seeds {
			h.net.Heal(s.Addr)
			h.start(i, 1)
		}
		h.converge(healed)
	})
}

// idle measures what all send once they have settled.
func (h *hamlet) idle() {
	const long = 4 * time.Minute
	time.Sleep(2 * time.Minute)
	before := h.sent()
	time.Sleep(long)
	each := float64(h.sent()-before) / long.Seconds() / float64(len(h.up))
	h.t.Logf("%d members send %.0f bytes a second each when idle", len(h.up), each)
	if each > idleBytes {
		h.t.Errorf("more than %d", idleBytes)
	}
}

func (h *hamlet) sent() (sum int64) {
	for _, s := range h.seeds {
		sum += h.net.Sent(s.Addr)
	}
	return sum
}

// split parts one half from the other until each has forgotten the other: days change nothing any more.
func (h *hamlet) split() {
	half := len(h.seeds) / 2
	for _, a := range h.seeds[:half] {
		for _, b := range h.seeds[half:] {
			h.net.Part(a.Addr, b.Addr)
		}
	}
	time.Sleep(8 * time.Minute)
	for _, g := range h.up {
		if n := len(g.Members()); n > half {
			h.t.Errorf("%d members are seen of a half of %d", n, half)
		}
	}
	for _, a := range h.seeds[:half] {
		for _, b := range h.seeds[half:] {
			h.net.Meet(a.Addr, b.Addr)
		}
	}
}
