package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"motcua/directory/server"
	node "motcua/node/server"
)

// fine runs a command line that must succeed and returns what it prints.
func fine(t *testing.T, line ...string) string {
	t.Helper()
	code, out := ran(t, line...)
	if code != 0 {
		t.Fatalf("motcua %s: exit %d\n%s", strings.Join(line, " "), code, out)
	}
	return out
}

// refused runs a command line that must fail and say why.
func refused(t *testing.T, why string, line ...string) {
	t.Helper()
	if code, out := ran(t, line...); code != 1 || !strings.Contains(out, why) {
		t.Errorf("motcua %s: exit %d, %q; want exit 1 and %q", strings.Join(line, " "), code, out, why)
	}
}

// TestKeysFromTheManual follows the parts of deploy/README.md on tokens, keys and editions, with real processes.
func TestKeysFromTheManual(t *testing.T) {
	dir := shortTemp(t)
	base := freePorts(t)
	at := func(i int) string { return "127.0.0.1:" + itoa(base+i) }
	data, genesis, machine := filepath.Join(dir, "directory"), filepath.Join(dir, "genesis"), filepath.Join(dir, "node")
	fine(t, "directory", "init", "--data", data, "--name", "dir-1", "--addr", at(0))
	fine(t, "directory", "found", "--out", genesis, "--province", "Khánh Hòa", "--prefix", "H32", filepath.Join(data, "dir-1.card"))
	background(t, "directory", "serve", "--data", data, "--listen", at(0), "--genesis", genesis)
	fine(t, "catalogue", "publish", "--data", data)

	lost, _, _ := strings.Cut(fine(t, "office", "token", "--data", data, "H32.22736"), "\n")
	id, _, _ := strings.Cut(fine(t, "office", "token", "--data", data, "--list"), " ")
	fine(t, "office", "token", "--data", data, "--void", id)
	refused(t, "taken back", "node", "enrol", "--data", machine, "--addr", at(1), lost)
	if out := fine(t, "office", "token", "--data", data, "--list"); !strings.Contains(out, "no token is outstanding") {
		t.Error(out)
	}
	good, _, _ := strings.Cut(fine(t, "office", "token", "--data", data, "H32.22736"), "\n")
	fine(t, "node", "enrol", "--data", machine, "--addr", at(1), good)
	background(t, "node", "serve", "--data", machine, "--listen", at(1), "--http", at(1))
	rotateAndRevoke(t, data, machine)
	carryEditions(t, dir, data, machine)
}

func keysOf(t *testing.T, data string) (keys []server.NodeStatus) {
	t.Helper()
	if err := json.Unmarshal([]byte(fine(t, "key", "list", "--data", data, "--json", "H32.22736")), &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

func rotateAndRevoke(t *testing.T, data, machine string) {
	t.Helper()
	first := keysOf(t, data)
	var now node.KeyStatus
	if err := json.Unmarshal([]byte(fine(t, "key", "rotate", "--data", machine, "--json")), &now); err != nil {
		t.Fatal(err)
	}
	keys := keysOf(t, data)
	if len(first) != 1 || len(keys) != 2 || keys[0].Key != now.Key || keys[0].Rotated == nil || keys[1].Key != first[0].Key || keys[1].Retired == nil {
		t.Fatalf("keys before %+v, after %+v; the node says %+v", first, keys, now)
	}
	if out := fine(t, "key", "list", "--data", data, "H32.22736"); !strings.Contains(out, "in use") || !strings.Contains(out, "retired") {
		t.Errorf("key list:\n%s", out)
	}
	fine(t, "key", "revoke", "--data", data, "--reason", "bản sao lưu bị lộ", "--key", keys[1].Key, "H32.22736")
	keys = keysOf(t, data)
	if keys[0].Revoked != nil || keys[1].Revoked == nil {
		t.Errorf("after one retired key was revoked: %+v", keys)
	}
	refused(t, "0 keys", "key", "revoke", "--data", data, "--reason", "x", "--key", "00000000", "H32.22736")
}

// carryEditions has the node take what it has, refuse what is damaged, and write what another office could take.
func carryEditions(t *testing.T, dir, data, machine string) {
	t.Helper()
	stick, copied := filepath.Join(dir, "stick"), filepath.Join(dir, "copy")
	fine(t, "directory", "edition", "--data", data, stick)
	if out := fine(t, "node", "edition", "install", "--data", machine, stick); !strings.Contains(out, "edition") {
		t.Error(out)
	}
	if out := fine(t, "node", "edition", "install", "--data", machine, stick); !strings.Contains(out, "already") {
		t.Error(out)
	}
	fine(t, "node", "edition", "--data", machine, copied)
	b, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := slices.Clone(b)
	spoilt[len(b)/2]++
	for name, bad := range map[string][]byte{"altered": spoilt, "short": b[:len(b)-1]} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, "install edition", "node", "edition", "install", "--data", machine, path)
	}
}
