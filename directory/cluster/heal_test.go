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

// spoilTables makes the tables in a folder such that they do not open.
func spoilTables(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "tables", "MANIFEST"), []byte("nothing that Badger knows"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedTablesAreFetchedFromAnother, where the log no longer reaches back to its beginning, and while the others
// serve.
func TestDamagedTablesAreFetchedFromAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := provinceAfter(t, 40, 120)
		bad := p.other(l)
		if err := p.up[bad].Snapshot(); err != nil {
			t.Fatal(err)
		}
		p.stop(bad)
		spoilTables(t, p.dirs[bad])
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

// TestAnOldCopyWithFetchedTablesIsRefused: an old copy whose tables do not open is given those of another server. They do not make
// up for what its log has lost.
func TestAnOldCopyWithFetchedTablesIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, l := provinceAfter(t, 40, 60)
		bad := p.other(l)
		time.Sleep(3 * time.Second)
		if err := p.up[bad].Snapshot(); err != nil {
			t.Fatal(err)
		}
		for name := range p.dirs {
			if name != l && name != bad {
				p.stop(name) // so that what follows needs the one that is put back
			}
		}
		time.Sleep(3 * time.Second)
		p.stop(bad)
		old := t.TempDir()
		if err := os.CopyFS(old, os.DirFS(p.dirs[bad])); err != nil {
			t.Fatal(err)
		}
		p.start(bad)
		time.Sleep(3 * time.Second)
		for i := range 30 {
			p.propose(l, field(100+i))
		}
		time.Sleep(3 * time.Second)
		p.stop(bad)
		p.stop(l)
		p.dirs[bad] = old
		spoilTables(t, old)
		p.start(l)
		time.Sleep(time.Second)
		p.start(bad)
		time.Sleep(20 * time.Second)
		if err := p.up[bad].Err(); err == nil || !strings.Contains(err.Error(), "old copy") {
			t.Errorf("an old copy takes part with the tables of another: %v, %+v", err, p.up[bad].Status())
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
		spoilTables(t, right.dirs["dir-1"])
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
