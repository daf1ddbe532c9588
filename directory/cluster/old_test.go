package cluster

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"motcua/directory/directorytest"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// unpack makes the folder that a server of the first version has left: 60 fields, an account and an edition, with a whole
// copy of the tables in raft/snapshots.
func unpack(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/folder-1.tgz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir, r := t.TempDir(), tar.NewReader(must(gzip.NewReader(f)))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		path := filepath.Join(dir, h.Name)
		if err == nil && h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else if err == nil {
			err = os.WriteFile(path, must(io.ReadAll(r)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFolderOfTheFirstVersionOpens(t *testing.T) {
	for what, spoil := range map[string]func(dir string) error{
		"as it was left":     func(string) error { return nil },
		"without its tables": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "tables")) },
		"with tables that do not open": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "tables", "MANIFEST"), []byte("nothing that Badger knows"), 0o600)
		},
	} {
		dir := unpack(t)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		for range 2 { // once more as this version leaves it
			openAlone(t, dir, func(c *Cluster) {
				if n := fieldsOf(t, c); n != 60 {
					t.Errorf("%s: %d fields of 60", what, n)
				}
				if err := c.Snapshot(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		if old := must(filepath.Glob(filepath.Join(dir, "raft", "snapshots", "*-*-*"))); len(old) > 0 {
			t.Errorf("%s: whole copies are left: %v", what, old)
		}
	}
}

// openAlone opens the only server of a province and closes it again.
func openAlone(t *testing.T, dir string, f func(c *Cluster)) {
	t.Helper()
	l, err := link.New(link.Config{
		Name: replication.Name("dir-1"), Identity: directorytest.Identity(10), Resolver: replicationtest.NewBook(), Conn: must(net.ListenPacket("udp", "127.0.0.1:0")),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := Open(Config{Dir: dir, Self: "dir-1", Genesis: directorytest.Genesis(1), Link: l})
	if err != nil {
		t.Fatal(err)
	}
	f(c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func fieldsOf(t *testing.T, c *Cluster) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := c.Read(ctx, Linearizable, func(r state.Reader, _ uint64) error {
		a, ok, err := state.AccountByID(r, "a")
		e, _, dueErr := state.Due(r)
		if !ok || a.Version != 1 || e.Number != 1 {
			t.Errorf("the account %+v, edition %d", a, e.Number)
		}
		return errors.Join(err, dueErr, r.Scan("field/", func(string, []byte) error { n++; return nil }))
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
