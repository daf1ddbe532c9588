package server_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/disk"
	"motcua/directory/server"
)

// TestAServerStopsBeforeItsDiskIsFull: one server runs out of room and stops in order, the others go on; with room again it
// starts with all that it had acknowledged.
func TestAServerStopsBeforeItsDiskIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		victim := "dir-2"
		w.full.Store(&victim)
		select {
		case err := <-w.up[victim].done:
			if !errors.Is(err, disk.ErrFull) {
				t.Fatalf("it ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("it goes on with a full disk")
		}
		w.up[victim].stop()
		delete(w.up, victim)
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		_, err := server.New(server.Config{
			Dir: w.dirs[victim], Conn: w.net.Listen(addrOf(victim)), Genesis: w.genesis, Identity: w.ids[victim], Free: w.free(victim),
		})
		if !errors.Is(err, disk.ErrFull) {
			t.Errorf("started on a full disk: %v", err)
		}
		w.full.Store(nil)
		w.start(victim, w.net.Listen(addrOf(victim)))
		w.ready(victim)
		must[server.Published](w, victim, http.MethodPost, "/publish", publication())
	})
}
