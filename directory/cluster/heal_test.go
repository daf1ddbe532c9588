package cluster_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory/cluster"
	"motcua/directory/command"
)

// TestDamagedTablesAreFetchedFromAnother, where the log no longer reaches back to its beginning, and while the others
// serve.
func TestDamagedTablesAreFetchedFromAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.every = 40
		p.startAll()
		p.found()
		l := p.leader()
		bad := p.other(l)
		for i := range 120 {
			p.propose(l, field(i))
		}
		if err := p.up[bad].Snapshot(); err != nil {
			t.Fatal(err)
		}
		p.stop(bad)
		if err := os.WriteFile(filepath.Join(p.dirs[bad], "tables", "MANIFEST"), []byte("nothing that Badger knows"), 0o600); err != nil {
			t.Fatal(err)
		}
		stop := p.writing(l)
		p.start(bad)
		time.Sleep(2 * time.Second)
		p.holds(stop())
		if _, err := os.Stat(filepath.Join(p.dirs[bad], "tables.damaged")); err != nil {
			t.Errorf("the damaged tables are not set aside: %v", err)
		}
		if n := p.fields(bad, cluster.Local); n != 120 {
			t.Errorf("%d fields of 120", n)
		}
	})
}

// TestTablesOfAnotherFoundingAreNotFetched: a server that lost its tables knows what founding they were of, and waits for its own.
func TestTablesOfAnotherFoundingAreNotFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right, wrong := newProvince(t, 3), newProvince(t, 3)
		wrong.genesis, wrong.ids, wrong.book = right.genesis, right.ids, right.book
		for i, p := range []*province{right, wrong} {
			p.every = 40
			p.startAll()
			p.propose("dir-1", &command.Found{Genesis: p.genesis, Secret: bytes.Repeat([]byte{byte(i + 1)}, command.SecretSize)})
			for i := range 120 {
				p.propose("dir-1", field(i))
			}
			time.Sleep(3 * time.Second)
			if err := p.up["dir-1"].Snapshot(); err != nil {
				t.Fatal(err)
			}
			for name := range p.up {
				p.stop(name)
			}
		}
		right.start("dir-2")
		right.start("dir-3")
		right.dirs["dir-1"] = wrong.dirs["dir-1"]
		if err := os.WriteFile(filepath.Join(right.dirs["dir-1"], "tables", "MANIFEST"), []byte("nothing that Badger knows"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := right.open("dir-1"); err == nil || !strings.Contains(err.Error(), "another founding") {
			t.Errorf("it starts with the tables of another founding: %v", err)
		}
	})
}

// TestAnOldLeaderIsAskedInItsWay: one stream for each question, as the first version answers them.
func TestAnOldLeaderIsAskedInItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		l := p.leader()
		from := p.other(l)
		cluster.AskAlone(p.up[from].Cluster, l)
		for range 5 {
			p.propose(from, p.account())
		}
		if v := p.version(from, cluster.Linearizable); v != 5 {
			t.Errorf("version %d after 5 changes", v)
		}
	})
}

// TestManyAskTheLeaderAtOnce through followers, large questions among them, and all are answered.
func TestManyAskTheLeaderAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		l := p.leader()
		from := p.up[p.other(l)]
		const askers, each = 40, 5
		var work sync.WaitGroup
		for range askers {
			work.Go(func() {
				for range each {
					if _, err := from.Propose(t.Context(), cluster.NewRequest(), p.account()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		work.Wait()
		p.holds(askers * each)
	})
}
