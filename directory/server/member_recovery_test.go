package server_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/directorytest"
	"motcua/directory/replica"
	"motcua/directory/server"
)

func (w *world) recovery(name string, key *record.Key) server.Recovery {
	return server.Recovery{Dir: w.dirs[name], Identity: w.ids[name], Key: key, Now: time.Now(), Log: testLog(name)}
}

// backup takes a backup at a server.
func (w *world) backup(at string) []byte {
	w.t.Helper()
	_, status, said := admin[struct{}](w, at, http.MethodGet, "/backup", nil)
	if status != http.StatusOK {
		w.t.Fatalf("backup: %d %s", status, said)
	}
	return []byte(said)
}

func checked(b []byte) (*cluster.Backup, error) {
	first, err := cluster.ReadBackup(bytes.NewReader(b))
	if err == nil {
		err = first.Check()
	}
	if err != nil {
		return nil, err
	}
	return cluster.ReadBackup(bytes.NewReader(b))
}

// reader is the replica of a node that has what a server hands out.
func (w *world) reader(at string) *replica.Replica {
	w.t.Helper()
	r, err := replica.Open(w.t.TempDir(), w.genesis)
	if err == nil {
		err = r.Install(w.edition(at, 0, 0))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// TestADirectoryIsRecoveredFromTheLossOfItsMajority: one of three survives, goes on alone, and grows again. The lost ones do
// not come back, and a node goes on with what it has.
func TestADirectoryIsRecoveredFromTheLossOfItsMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		r := w.reader("dir-2")
		for _, name := range names {
			w.stop(name)
		}
		if err := server.Recover(w.recovery("dir-2", directorytest.RecoveryKey(201))); err == nil || !strings.Contains(err.Error(), "another province") {
			t.Errorf("with another key: %v", err)
		}
		if err := server.Recover(w.recovery("dir-2", recoveryKey)); err != nil {
			t.Fatal(err)
		}
		w.startWith("dir-2", nil)
		w.ready("dir-2")
		before := r.Number()
		if r.Recovered() != 0 {
			t.Error("a node takes the directory for recovered before it was")
		}
		w.write("dir-2", 2)
		if err := r.Install(w.edition("dir-2", before, 1)); err != nil || r.Number() < before+1_000_000 || len(r.Members()) != 1 {
			t.Fatalf("edition %d after %d: %v", r.Number(), before, err)
		}
		recovered := r.Recovered()
		if recovered != r.Epoch() {
			t.Errorf("recovered in epoch %d, want %d", recovered, r.Epoch())
		}
		w.refusesTheDeparted("dir-3") // loud on the recovered side; the lost one is told
		w.grow("dir-2", "dir-4")
		w.grow("dir-4", "dir-5")
		w.write("dir-5", 3)
		if v := w.voters("dir-5"); !slices.Equal(v, []string{"dir-2", "dir-4", "dir-5"}) {
			t.Errorf("voters: %v", v)
		}
		w.restart("dir-2", "dir-4", "dir-5")
		w.write("dir-2", 4)
		if err := r.Install(w.edition("dir-4", r.Number(), r.Epoch()+2)); err != nil || len(r.Members()) != 3 {
			t.Errorf("after it has grown: %v", err)
		}
		if r.Recovered() != recovered {
			t.Errorf("an ordinary succession counts as a recovery: %d", r.Recovered())
		}
	})
}

// TestTheLostMajorityComesBackTogether although it was given up: it is told that the directory was recovered without it, and
// ends.
func TestTheLostMajorityComesBackTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		r := w.reader("dir-3")
		for _, name := range names {
			w.stop(name)
		}
		if err := server.Recover(w.recovery("dir-3", recoveryKey)); err != nil {
			t.Fatal(err)
		}
		w.startWith("dir-3", nil)
		w.ready("dir-3")
		w.write("dir-3", 2)
		if err := r.Install(w.edition("dir-3", r.Number(), 1)); err != nil {
			t.Fatal(err)
		}
		w.startWith("dir-1", nil)
		w.startWith("dir-2", nil)
		for _, name := range []string{"dir-1", "dir-2"} {
			if err := w.ends(name); err == nil || !strings.Contains(err.Error(), "recovered without it") {
				t.Errorf("%s ends with %v", name, err)
			}
		}
		w.write("dir-3", 3)
	})
}

// TestADirectoryIsRestoredFromNothing but a backup and the recovery key, on a new machine; nodes go on from later editions
// than the backup knows.
func TestADirectoryIsRestoredFromNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		w.edition("dir-1", 0, 0)
		b := w.backup("dir-2")
		w.write("dir-1", 2) // lost with the servers
		r := w.reader("dir-1")
		for _, name := range names {
			w.stop(name)
		}
		m := w.card("dir-7")
		kept, err := checked(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Restore(w.recovery("dir-7", recoveryKey), m, kept); err != nil {
			t.Fatal(err)
		}
		w.startWith("dir-7", nil)
		w.ready("dir-7")
		w.write("dir-7", 3)
		if err := r.Install(w.edition("dir-7", r.Number(), 1)); err != nil || len(r.Members()) != 1 || r.Members()[0].Name != "dir-7" {
			t.Fatalf("a node with a later edition than the backup: %v", err)
		}
		w.grow("dir-7", "dir-8")
		w.write("dir-8", 4)
		w.restart("dir-7", "dir-8")
		w.write("dir-8", 5)
		again, err := checked(w.backup("dir-8"))
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Restore(w.recovery("dir-7", recoveryKey), m, again); directory.CodeOf(err) != directory.Conflict {
			t.Errorf("into a folder with data: %v", err)
		}
	})
}

func TestADamagedBackupIsRefused(t *testing.T) {
	var b []byte
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 1)
		w.write("dir-1", 1)
		b = w.backup("dir-1")
	})
	if _, err := checked(b); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(b); i += 1 + len(b)/300 {
		bad := slices.Clone(b)
		bad[i] ^= 4
		if _, err := checked(bad); err == nil {
			t.Fatalf("byte %d of %d altered, and it is taken", i, len(b))
		}
		if _, err := checked(b[:i]); err == nil {
			t.Fatalf("cut at byte %d of %d, and it is taken", i, len(b))
		}
	}
	if _, err := checked(append(slices.Clone(b), 0)); err == nil {
		t.Error("more follows, and it is taken")
	}
	newer := bytes.Replace(b, []byte("backup 1\n"), []byte("backup 2\n"), 1)
	if _, err := checked(newer); directory.CodeOf(err) != directory.Newer {
		t.Errorf("of a newer version: %v", err)
	}
}

// TestAnOldCopyIsRefused: a server whose folder was put back from an old copy has forgotten what it acknowledged. It is told
// so by the others before it takes part, and comes back with a new identity.
func TestAnOldCopyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := found(t, 3)
		w.write("dir-1", 1)
		w.stop("dir-3")
		old := t.TempDir()
		if err := os.CopyFS(old, os.DirFS(w.dirs["dir-3"])); err != nil {
			t.Fatal(err)
		}
		w.startWith("dir-3", nil)
		w.ready("dir-3")
		for i := range 5 {
			w.write("dir-3", 10+i)
		}
		time.Sleep(3 * time.Second)
		w.stop("dir-3")
		w.restart("dir-1", "dir-2") // what they remember outlives them
		current := w.dirs["dir-3"]
		for what, dir := range map[string]string{"an old copy": old, "an empty folder": filepath.Join(t.TempDir(), "empty")} {
			w.dirs["dir-3"] = dir
			w.startWith("dir-3", nil)
			if err := w.ends("dir-3"); err == nil || !strings.Contains(err.Error(), "old copy or was lost") {
				t.Errorf("%s: it ends with %v", what, err)
			}
		}
		w.write("dir-1", 20)
		w.dirs["dir-3"] = current
		w.startWith("dir-3", nil)
		w.ready("dir-3")
		w.write("dir-3", 30)
	})
}
