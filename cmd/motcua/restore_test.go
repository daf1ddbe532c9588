package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motcua/directory/server"
	node "motcua/node/server"
)

// TestRestoreFromTheManual follows the runbooks of deploy/README.md on backups, with real processes: the ceremony, and an office
// whose machine is lost.
func TestRestoreFromTheManual(t *testing.T) {
	dir := shortTemp(t)
	base := freePorts(t)
	at := func(i int) string { return "127.0.0.1:" + itoa(base+i) }
	data, genesis, machine := filepath.Join(dir, "directory"), filepath.Join(dir, "genesis"), filepath.Join(dir, "node")
	fine(t, "directory", "init", "--data", data, "--name", "dir-1", "--addr", at(0))
	fine(t, "directory", "found", "--out", genesis, "--province", "Khánh Hòa", "--prefix", "H32", filepath.Join(data, "dir-1.card"))
	background(t, "directory", "serve", "--data", data, "--listen", at(0), "--genesis", genesis)
	fine(t, "catalogue", "publish", "--data", data)
	shares := holdCeremony(t, dir, data, genesis+".recovery")

	token := func() string {
		text, _, _ := strings.Cut(fine(t, "office", "token", "--data", data, "H32.22736"), "\n")
		return text
	}
	fine(t, "node", "enrol", "--data", machine, "--addr", at(1), token())
	t.Run("until it burns", func(t *testing.T) {
		background(t, "node", "serve", "--data", machine, "--listen", at(1), "--http", at(1))
		awaitBackup(t, data, machine)
	})
	if err := os.RemoveAll(machine); err != nil {
		t.Fatal(err)
	}
	fine(t, "key", "revoke", "--data", data, "--reason", "cháy trụ sở", "H32.22736")
	fetch := []string{"node", "restore", "--data", machine, "--from-guardian", "--addr", at(1)}
	if out := fine(t, append(fetch, token())...); !strings.Contains(out, "All of it is sealed") {
		t.Error(out)
	}
	fine(t, fetch...) // again: nothing is fetched twice, and no token is needed
	refused(t, "is being restored", "node", "serve", "--data", machine, "--listen", at(1), "--http", at(1))
	open := []string{"recovery", "open", "--request", filepath.Join(machine, "restore", "request"), "--answer", filepath.Join(dir, "answer"), "--machine"}
	key := keysOf(t, data)[0].Key
	refused(t, "do not open it for somebody else", append(append(open, "0000000000"), shares[:3]...)...)
	refused(t, "bring more officials", append(append(open, key), shares[:2]...)...)
	fine(t, append(append(open, key), shares[2:]...)...)
	if out := fine(t, "node", "restore", "--data", machine, "--answer", filepath.Join(dir, "answer")); !strings.Contains(out, "H32.22736 is back as of") {
		t.Error(out)
	}
	background(t, "node", "serve", "--data", machine, "--listen", at(1), "--http", at(1))
	awaitBackup(t, data, machine)
	if out := fine(t, "relay", "list", "--data", data); !strings.Contains(out, "0 parcels wait here") {
		t.Error(out)
	}
	refused(t, "0 parcels", "relay", "drop", "--data", data, "--reason", "không còn nơi nhận", "0123456789ab")
}

// holdCeremony makes, checks and publishes the key for backups, and returns the files of the shares.
func holdCeremony(t *testing.T, dir, data, key string) (shares []string) {
	t.Helper()
	out := filepath.Join(dir, "ceremony")
	initiate := []string{"recovery", "init", "--recovery-key", key, "--shares", "5", "--threshold", "3", "--out", out}
	fine(t, initiate...)
	refused(t, "choose a new folder", initiate...)
	for i := range 5 {
		shares = append(shares, filepath.Join(out, "share-"+itoa(i+1)+".txt"))
	}
	for _, v := range []struct {
		files []string
		want  string
	}{{shares[1:2], "is whole"}, {shares[:2], "It takes 3"}, {shares[2:], "These shares open backups"}} {
		if said := fine(t, append([]string{"recovery", "check"}, v.files...)...); !strings.Contains(said, v.want) {
			t.Errorf("check of %d: %s", len(v.files), said)
		}
	}
	typo := filepath.Join(dir, "typo.txt")
	text, err := os.ReadFile(shares[0])
	if err == nil {
		i := len(text) - 4
		text[i] = map[bool]byte{true: '7', false: '8'}[text[i] == '8']
		err = os.WriteFile(typo, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "mistyped", "recovery", "check", typo)
	if said := fine(t, "recovery", "publish", "--data", data, filepath.Join(out, "backup.key")); !strings.Contains(said, "Published") {
		t.Error(said)
	}
	if said := fine(t, "recovery", "publish", "--data", data, filepath.Join(out, "backup.key")); !strings.Contains(said, "known already") {
		t.Error(said)
	}
	refused(t, "publish key", "recovery", "publish", "--data", data, filepath.Join(out, "missing"))
	return shares
}

// awaitBackup waits until an office's backup is with its guardian.
func awaitBackup(t *testing.T, data, machine string) {
	t.Helper()
	begin := time.Now().Truncate(time.Second)
	for deadline := begin.Add(40 * time.Second); ; <-time.After(200 * time.Millisecond) {
		var s node.Status
		if err := json.Unmarshal([]byte(fine(t, "node", "status", "--data", machine, "--json")), &s); err != nil {
			t.Fatal(err)
		}
		if s.Backup.Segments > 0 && !s.Backup.Files.Before(begin) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no backup: %+v", s.Backup)
		}
	}
	var g server.Guarding
	if err := json.Unmarshal([]byte(fine(t, "guardian", "list", "--data", data, "--json")), &g); err != nil {
		t.Fatal(err)
	}
	if g.Key != 1 || len(g.Kept) != 1 || g.Kept[0].Office != "H32.22736" || g.Kept[0].Until.IsZero() {
		t.Errorf("guardian: %+v", g)
	}
	if out := fine(t, "guardian", "list", "--data", data); !strings.Contains(out, "up to") {
		t.Error(out)
	}
	if out := fine(t, "node", "status", "--data", machine); !strings.Contains(out, "at dir-1, up to") {
		t.Error(out)
	}
}
