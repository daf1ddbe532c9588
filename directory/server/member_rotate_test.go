package server_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/directory/client"
	"motcua/directory/server"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// rotated gives a server new keys and starts it again with them.
func (w *world) rotated(name string) {
	w.t.Helper()
	w.saveIdentity(name)
	must[struct{}](w, name, http.MethodPost, "/rotate", nil)
	w.takesNewKeys(name)
}

func (w *world) saveIdentity(name string) {
	w.t.Helper()
	if err := w.ids[name].Save(filepath.Join(w.dirs[name], server.IdentityFile)); err != nil {
		w.t.Fatal(err)
	}
}

// takesNewKeys waits for a server to end with new keys and starts it with them.
func (w *world) takesNewKeys(name string) {
	w.t.Helper()
	old := w.ids[name]
	if err := w.ends(name); !errors.Is(err, server.ErrRotated) {
		w.t.Fatalf("%s ends with %v", name, err)
	}
	w.loadIdentity(name)
	if w.ids[name].Public().ID() == old.Public().ID() {
		w.t.Fatalf("%s has no new keys", name)
	}
	w.startWith(name, nil)
	w.ready(name)
}

func (w *world) loadIdentity(name string) {
	w.t.Helper()
	var err error
	if w.ids[name], err = identity.Load(filepath.Join(w.dirs[name], server.IdentityFile)); err != nil {
		w.t.Fatal(err)
	}
}

// TestKeysThatWereReplacedAreAStrangers: whoever has a server's keys from before opens nothing with them but the protocol that says
// so.
func TestKeysThatWereReplacedAreAStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		old := w.ids["dir-1"]
		w.rotated("dir-1")
		w.write("dir-2", 2)
		book := replicationtest.NewBook()
		book.Add("dir-2", addrOf("dir-2"), w.ids["dir-2"].Public())
		l, err := link.New(link.Config{Name: "dir-1", Identity: old, Resolver: book, Conn: w.net.Listen("10.0.0.66:7400"), Log: testLog("thief")})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, proto := range []string{"raft/1", "cluster/1", "cluster/2", client.Protocol, client.SessionProtocol, client.EditionProtocol} {
			if err := opens(l, "dir-2", proto); !refusedAs(err, link.NotAllowed) {
				t.Errorf("%s is open to keys that were replaced: %v", proto, err)
			}
		}
		if err := opens(l, "dir-2", "members/1"); err != nil {
			t.Errorf("their holder is not told: %v", err)
		}
	})
}

func opens(l *link.Link, to replication.Name, proto string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := l.Dial(ctx, to, proto)
	if err == nil {
		s.Cancel()
	}
	return err
}

func refusedAs(err error, why link.Why) bool {
	r, ok := errors.AsType[*link.Refused](err)
	return ok && r.Why == why
}

// TestAServerThatIsAwayWhileItsKeysAreReplaced stops right after it asked for new keys. The others complete the change, and it
// comes back under the new ones; so it does where it had noted the change and not swapped the file.
func TestAServerThatIsAwayWhileItsKeysAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		w.saveIdentity("dir-1")
		old := w.ids["dir-1"]
		must[struct{}](w, "dir-1", http.MethodPost, "/rotate", nil)
		if r := w.up["dir-1"]; !stopsInTime(r) {
			t.Fatal("its keys were replaced before it stopped")
		}
		delete(w.up, "dir-1")
		w.edition("dir-2", 0, 1) // complete without it
		w.startWith("dir-1", nil)
		w.takesNewKeys("dir-1")
		w.write("dir-1", 2)
		w.stop("dir-2") // what follows needs its vote
		w.write("dir-3", 3)
		w.startWith("dir-2", nil)
		w.ready("dir-2")

		w.stop("dir-1")
		dir := w.dirs["dir-1"]
		if err := os.Rename(filepath.Join(dir, server.IdentityFile), filepath.Join(dir, server.NextIdentityFile)); err != nil {
			t.Fatal(err)
		}
		w.ids["dir-1"] = old
		w.saveIdentity("dir-1")
		w.startWith("dir-1", nil)
		w.ready("dir-1")
		if w.loadIdentity("dir-1"); w.ids["dir-1"].Public().ID() == old.Public().ID() {
			t.Error("it was started with keys that were replaced, and kept them")
		}
		w.write("dir-1", 4)
	})
}

// stopsInTime stops a server and tells whether it ended for no other reason.
func stopsInTime(r *running) bool {
	r.stop()
	return <-r.done == nil
}

// TestOnlyTheOwnFoundingSaysWhoHasLeft: the same genesis was founded twice by mistake, and a server has left the one. Its data of the
// other is not bound by that.
func TestOnlyTheOwnFoundingSaysWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		first := w.dirs["dir-3"]
		for _, name := range names {
			w.stop(name)
			w.dirs[name] = t.TempDir()
		}
		w.startFounders()
		w.write("dir-1", 2)
		w.shrink("dir-1", "dir-3")
		w.dirs["dir-3"] = first
		w.startWith("dir-3", nil)
		if err := w.ends("dir-3"); err == nil || !strings.Contains(err.Error(), "another founding") {
			t.Errorf("a server of another founding is told that it has left: %v", err)
		}
	})
}
