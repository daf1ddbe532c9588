package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An old copy whose tables do not open is given those of another server. They do not make up for what its log has lost.
func TestAnOldCopyWithFetchedTablesIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.every = 40
		p.startAll()
		p.found()
		l := p.leader()
		bad := p.other(l)
		for i := range 60 {
			p.propose(l, field(i))
		}
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
		if err := os.WriteFile(filepath.Join(old, "tables", "MANIFEST"), []byte("nothing that Badger knows"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.start(l)
		time.Sleep(time.Second)
		p.start(bad)
		time.Sleep(20 * time.Second)
		if err := p.up[bad].Err(); err == nil || !strings.Contains(err.Error(), "old copy") {
			t.Errorf("an old copy takes part with the tables of another: %v, %+v", err, p.up[bad].Status())
		}
	})
}
