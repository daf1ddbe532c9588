package cluster_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory/cluster"
	"motcua/directory/command"
)

// TestTwoFoundingsDoNotMix: the same genesis was founded twice by mistake, with one server in the one and two in the other.
// The one that is alone is told, takes nothing from the others, and gives them nothing.
func TestTwoFoundingsDoNotMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right, wrong := newProvince(t, 3), newProvince(t, 3)
		wrong.genesis, wrong.ids, wrong.book = right.genesis, right.ids, right.book
		for i, p := range []*province{right, wrong} {
			p.startAll()
			p.propose("dir-1", &command.Found{Genesis: p.genesis, Secret: bytes.Repeat([]byte{byte(i + 1)}, command.SecretSize)})
			p.propose("dir-1", field(1))
		}
		wrong.propose("dir-2", field(66))
		for _, p := range []*province{right, wrong} {
			for name := range p.up {
				p.stop(name)
			}
		}
		right.dirs["dir-1"] = wrong.dirs["dir-1"]
		right.start("dir-2")
		right.start("dir-3")
		alone := right.start("dir-1")
		time.Sleep(20 * time.Second)
		if err := alone.Err(); err == nil || !strings.Contains(err.Error(), "another founding") {
			t.Errorf("the server of another founding: %v", err)
		}
		right.propose("dir-2", field(2))
		for _, name := range []string{"dir-2", "dir-3"} {
			if n := right.fields(name, cluster.Linearizable); n != 2 {
				t.Errorf("%s has %d rows, want its own 2", name, n)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := alone.Propose(ctx, cluster.NewRequest(), field(3)); err == nil {
			t.Error("it takes changes")
		}
	})
}

// TestAnIsolatedServerWaitsAtItsStart: it takes no part before others have said that it is no old copy, and then does.
func TestAnIsolatedServerWaitsAtItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		for name := range p.up {
			p.stop(name)
		}
		s := p.start("dir-1")
		time.Sleep(time.Minute)
		if got := s.Status(); got.State == "Leader" || got.Failure != "" {
			t.Errorf("alone it is %+v", got)
		}
		p.start("dir-2")
		p.propose("dir-1", field(1))
		p.start("dir-3")
		if n := p.fields("dir-3", cluster.Linearizable); n != 1 {
			t.Errorf("the last has %d rows", n)
		}
	})
}
