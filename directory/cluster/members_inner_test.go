package cluster

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/replication/link"
)

func TestMemberFormatsStay(t *testing.T) {
	me := tell{
		Version: 1, Genesis: digest.Of([]byte("g")), Founding: digest.Of([]byte("f")), Term: 3, Index: 900, Level: 2, Program: "1.2.3",
	}
	asks := me
	asks.Starting, asks.Transfer, asks.Anyone = true, "dir-2", true
	g, err := directorytest.Genesis(3).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	head, err := BackupHead{Version: 1, Genesis: g, Index: 9, Created: 1_795_000_000_000, Edition: 4, Epoch: 1, Program: "1.2.3", Size: 77}.bytes()
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "backup-head", head)
	now, chain := digest.Of([]byte("now")), []edition.SignedSuccession{directorytest.Succeed(t, edition.TrustOf(directorytest.Genesis(3)), []byte{1, 2, 4}, 1, 2)}
	left := told{Self: tell{Version: 1, Genesis: me.Genesis, Founding: me.Founding}, Left: 7, Reason: "x", Now: &now, Recovery: &chain[0]}
	if b, err := wire.Marshal(left); err != nil || len(b) > maxTold {
		t.Errorf("an answer about leaving has %d bytes, %v", len(b), err)
	} else {
		golden.Check(t, "told-left", b)
	}
	golden.Check(t, "witness-founding", must(wire.Marshal(memories{Version: 1, Founding: me.Founding})))
	golden.Check(t, "reply-origin", must(wire.Marshal(reply{Index: 9, Size: 100, Origin: &origin{me.Genesis, me.Founding}})))
	for name, v := range map[string]any{
		"tell":    asks,
		"told":    told{Self: me, Known: true, Term: 2, Index: 800, Left: 7, Reason: "máy hỏng", Failure: directory.Errorf("transfer leadership", directory.Conflict, "x")},
		"witness": memories{Version: 1, All: []memory{{Key: digest.Of([]byte("k")), Name: "dir-2", Term: 3, Index: 900}}},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > maxTell && name != "witness" {
			t.Errorf("%s has %d bytes", name, len(b))
		}
		golden.Check(t, name, b)
	}
}

// TestAWitnessRemembersTheMost that it was told, also after a restart, and never less.
func TestAWitnessRemembersTheMost(t *testing.T) {
	dir, key := t.TempDir(), digest.Of([]byte("key"))
	w, err := openWitness(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []memory{{key, "dir-2", 2, 10}, {key, "dir-2", 3, 40}, {key, "dir-2", 3, 20}, {key, "dir-2", 0, 0}} {
		w.remember(m, sighting{At: time.Now(), Index: m.Index})
	}
	for i := range 2 * maxRemembered {
		w.remember(memory{Key: digest.Of([]byte{byte(i), 1}), Name: "other"}, sighting{})
	}
	w.know(digest.Of([]byte("f")))
	w.know(digest.Digest{})
	if err := w.save(); err != nil {
		t.Fatal(err)
	}
	written, err := os.Stat(filepath.Join(dir, witnessFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.save(); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(filepath.Join(dir, witnessFile)); err != nil || !os.SameFile(written, again) {
		t.Errorf("written again though nothing is new: %v", err)
	}
	if w, err = openWitness(dir); err != nil {
		t.Fatal(err)
	}
	if w.known() != digest.Of([]byte("f")) {
		t.Errorf("it remembers founding %s", w.known().Short())
	}
	if m, ok := w.recall(key); !ok || m.Term != 3 || m.Index != 40 || len(w.all) > maxRemembered {
		t.Errorf("it remembers %+v, %d keys", m, len(w.all))
	}
	if err := os.WriteFile(filepath.Join(dir, witnessFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openWitness(dir); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a damaged file: %v", err)
	}
}

// TestEnoughIsAMajority: the answers that a starting server waits for.
func TestEnoughIsAMajority(t *testing.T) {
	answered := func(names ...string) map[string]bool {
		m := map[string]bool{}
		for _, n := range names {
			m[n] = true
		}
		return m
	}
	for _, c := range []struct {
		self     string
		members  byte
		answered map[string]bool
		want     bool
	}{
		{"dir-1", 1, nil, true},
		{"dir-1", 2, nil, false},
		{"dir-1", 2, answered("dir-2"), true},
		{"dir-1", 3, nil, false},
		{"dir-1", 3, answered("dir-3"), true},
		{"dir-9", 3, answered("dir-3"), false}, // one that joins
		{"dir-9", 3, answered("dir-1", "dir-3"), true},
		{"dir-1", 5, answered("dir-3"), false},
		{"dir-1", 5, answered("dir-3", "dir-5"), true},
		{"dir-1", 5, answered("dir-3", "dir-8"), false}, // who is no member does not count
	} {
		if have := enough(c.self, directorytest.Genesis(c.members).Members, c.answered); have != c.want {
			t.Errorf("%s of %d heard %v: %v", c.self, c.members, c.answered, have)
		}
	}
}

func TestJudge(t *testing.T) {
	c := &Cluster{}
	mine := stands{term: 5, index: 100}
	for _, r := range []struct {
		t    told
		fine bool
	}{
		{told{}, true},
		{told{Known: true, Term: 5, Index: 100}, true},
		{told{Known: true, Term: 6, Index: 100}, false},
		{told{Known: true, Term: 5, Index: 101}, false},
		{told{Left: 3, Reason: "x"}, false},
	} {
		if err := c.judge("dir-2", r.t, mine); (err == nil) != r.fine {
			t.Errorf("%+v: %v", r.t, err)
		}
	}
}

// TestNobodyLeadsBeforeTheGate: a server that the others have not answered takes no part in Raft, though one would vote for it.
func TestNobodyLeadsBeforeTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{}, 1000)
		p := newPair(t, func(p *pair) {
			p.other.cfg.Link.Handle(membersProtocol, link.Known, func(ctx context.Context, _ link.Caller, _ *link.Stream) {
				asked <- struct{}{}
				<-ctx.Done()
			})
		})
		p.follow(func(*raft.AppendEntriesRequest) bool { return true })
		time.Sleep(30 * time.Second)
		if s := p.server.Status(); s.State == "Leader" || s.Term != 1 || len(asked) == 0 {
			t.Errorf("asked %d times, it is %+v", len(asked), s)
		}
		if err := p.server.Close(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzTell(f *testing.F) {
	b, err := wire.Marshal(told{Self: tell{Version: 1}, Known: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var one tell
		var other told
		for _, v := range []any{&one, &other} {
			if wire.Unmarshal(b, v) != nil {
				continue
			}
			if again, err := wire.Marshal(v); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("read and encoded again it differs: %v", err)
			}
		}
	})
}

func FuzzReadBackup(f *testing.F) {
	head, err := BackupHead{Version: 1, Size: 7}.bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(head, snapshotMagic...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ReadBackup(bytes.NewReader(b)); err == nil {
			k.Check()
		}
	})
}
