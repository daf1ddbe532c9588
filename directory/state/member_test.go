package state_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// cosign has members sign the succession that waits.
func (s *tables) cosign(members ...byte) {
	s.t.Helper()
	p, ok, err := state.PendingSuccession(s)
	if err != nil || !ok {
		s.t.Fatalf("no succession waits: %v", err)
	}
	for _, m := range members {
		r, err := edition.SignSuccession(directorytest.Identity(10*m).Sign, p.Epoch, p.Signed.Digest())
		if err != nil {
			s.t.Fatal(err)
		}
		s.fine(&command.CosignSuccession{Epoch: p.Epoch, Record: r})
	}
}

// standing is who signs: the epoch and the names.
func (s *tables) standing() (uint64, string) {
	s.t.Helper()
	at, err := state.StandingOf(s)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, m := range at.Members {
		names = append(names, m.Name)
	}
	return at.Epoch, strings.Join(names, " ")
}

func (s *tables) states() string {
	s.t.Helper()
	all, err := state.Servers(s)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, v := range all {
		out = append(out, v.Member.Name+" "+v.State.String())
	}
	return strings.Join(out, ", ")
}

func (s *tables) wantStates(want string) {
	s.t.Helper()
	if have := s.states(); have != want {
		s.t.Errorf("servers: %s; want %s", have, want)
	}
}

// TestAServerIsReplaced: one joins and one leaves in one succession, and editions are signed by the new members from then on.
func TestAServerIsReplaced(t *testing.T) {
	s := founded(t)
	s.fine(&command.Admit{Member: directorytest.Member(4)})
	s.fine(&command.Admit{Member: directorytest.Member(4)}) // again: nothing
	s.fine(&command.Dismiss{Name: "dir-3", Reason: "máy hỏng"})
	s.wantStates("dir-1 voting, dir-2 voting, dir-3 leaving, dir-4 joining")
	s.fine(&command.Succeed{Epoch: 1, Ready: []string{"dir-4"}})
	s.cosign(1, 4)
	if epoch, _ := s.standing(); epoch != 0 {
		t.Fatal("one of the old three is enough")
	}
	s.cosign(2)
	if epoch, names := s.standing(); epoch != 1 || names != "dir-1 dir-2 dir-4" {
		t.Fatalf("epoch %d: %s", epoch, names)
	}
	s.wantStates("dir-1 voting, dir-2 voting, dir-3 left, dir-4 voting")
	s.fine(&command.Forget{Name: "dir-3"})
	s.wantStates("dir-1 voting, dir-2 voting, dir-4 voting")
	h, _, err := state.Due(s)
	if err != nil {
		t.Fatal(err)
	}
	s.fine(&command.CutEdition{Number: h.Number + 1})
	if h, _, err = state.Due(s); err != nil || h.Epoch != 1 {
		t.Fatalf("cut for epoch %d: %v", h.Epoch, err)
	}
	for _, m := range []byte{1, 4} {
		r, err := edition.Sign(directorytest.Identity(10*m).Sign, h.Number, h.Digest)
		if err != nil {
			t.Fatal(err)
		}
		s.fine(&command.CosignEdition{Number: h.Number, Member: directorytest.Member(m).Name, Record: r})
	}
	signed, ok, err := state.SignedEdition(s, h.Number)
	if err != nil || !ok {
		t.Fatal(err)
	}
	if _, next, err := signed.Follow(edition.TrustOf(directorytest.Genesis(3))); err != nil || next.Epoch != 1 {
		t.Errorf("a reader of the genesis: %v", err)
	}
}

func TestWhatMembersMayNot(t *testing.T) {
	s := founded(t)
	again := directorytest.Member(4)
	again.Identity = directorytest.Identity(10).Public()
	s.fails(directory.Conflict, &command.Admit{Member: again}) // the keys of dir-1
	renamed := directorytest.Member(4)
	renamed.Name = "dir-2"
	s.fails(directory.Conflict, &command.Admit{Member: renamed})
	s.fails(directory.NotFound, &command.Dismiss{Name: "dir-9", Reason: "x"})
	s.fails(directory.Conflict, &command.Forget{Name: "dir-1"})
	s.fails(directory.Conflict, &command.Succeed{Epoch: 1}) // nothing to change
	s.fails(directory.NotFound, &command.Rotate{Name: "dir-9", Next: directorytest.Identity(77).Public()})
	s.fails(directory.Conflict, &command.Rotate{Name: "dir-1", Next: directorytest.Identity(20).Public()})

	s.fine(&command.Admit{Member: directorytest.Member(4)})
	s.fails(directory.Conflict, &command.Succeed{Epoch: 1}) // it is not ready
	s.fails(directory.Conflict, &command.Succeed{Epoch: 2, Ready: []string{"dir-4"}})
	s.fine(&command.Succeed{Epoch: 1, Ready: []string{"dir-4"}})
	s.fails(directory.Conflict, &command.Succeed{Epoch: 1, Ready: []string{"dir-4"}}) // one waits
	p, _, err := state.PendingSuccession(s)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(n byte, epoch uint64, about []byte) record.Record {
		d := p.Signed.Digest()
		d[0] ^= about[0]
		r, err := edition.SignSuccession(directorytest.Identity(n).Sign, epoch, d)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s.fails(directory.Denied, &command.CosignSuccession{Epoch: 1, Record: sign(90, 1, []byte{0})})
	s.fails(directory.Invalid, &command.CosignSuccession{Epoch: 1, Record: sign(10, 1, []byte{1})})
	s.fails(directory.NotFound, &command.CosignSuccession{Epoch: 2, Record: sign(10, 2, []byte{0})})
	s.fine(&command.Dismiss{Name: "dir-4", Reason: "it was a mistake"}) // not yet joined: gone at once
	s.wantStates("dir-1 voting, dir-2 voting, dir-3 voting")
	s.fails(directory.Conflict, &command.Admit{Member: directorytest.Member(4)}) // its keys may not come back
	for _, name := range []string{"dir-1", "dir-2"} {
		s.fine(&command.Dismiss{Name: name, Reason: "x"})
	}
	s.fails(directory.Conflict, &command.Dismiss{Name: "dir-3", Reason: "the last"})
	later, err := command.Encode(command.RequestID{99}, s.at*1000, &command.SetLevel{Level: command.Level + 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := state.Apply(s, s.index+1, later); err == nil {
		t.Error("an upgrade level that this version does not know is taken")
	}
}

// TestARecoveryLeavesNoNumberTwice, also where the same copy is recovered twice.
func TestARecoveryLeavesNoNumberTwice(t *testing.T) {
	g := directorytest.Genesis(3)
	g.Recovery = directorytest.RecoveryKey(200).Public().Bytes()
	last := uint64(0)
	for _, later := range []int64{0, 3600, 86400} {
		s := &tables{t: t, memory: memory{}, at: start}
		s.fine(&command.Found{Genesis: g})
		s.fine(&command.CutEdition{Number: 1})
		v, err := state.DrawUpRecovery(s, directorytest.Members(2), g.Created+later)
		if err != nil {
			t.Fatal(err)
		}
		if v.Epoch < 1000 || v.Floor < 1_000_000 || v.Floor <= last {
			t.Errorf("epoch %d, editions above %d, earlier above %d", v.Epoch, v.Floor, last)
		}
		last = v.Floor
		signed := directorytest.Sign(t, *v, 2)
		if err := state.Recover(s.memory, 100, signed); err == nil {
			t.Error("recovered without the recovery key")
		}
		r, err := edition.SignRecovery(directorytest.RecoveryKey(200), v.Epoch, signed.Digest())
		if err != nil {
			t.Fatal(err)
		}
		signed.Cosignatures = append(signed.Cosignatures, r)
		if err := state.Recover(s.memory, 100, signed); err != nil {
			t.Fatal(err)
		}
		s.wantStates("dir-2 voting")
		s.index = 100
		s.fine(&command.CutEdition{Number: v.Floor + 1})
		gone, err := state.DepartedServers(s)
		if err != nil || len(gone) != 2 {
			t.Errorf("%d may not come back: %v", len(gone), err)
		}
	}
}

func TestARecoveryBeginsANewChain(t *testing.T) {
	g := directorytest.Genesis(3)
	g.Recovery = directorytest.RecoveryKey(200).Public().Bytes()
	s := &tables{t: t, memory: memory{}, at: start}
	s.fine(&command.Found{Genesis: g})
	s.fine(&command.CutEdition{Number: 1})
	for i, name := range []byte{2, 3, 2} {
		v, err := state.DrawUpRecovery(s, directorytest.Members(name), g.Created+int64(i)*3600)
		if err != nil {
			t.Fatal(err)
		}
		signed := directorytest.Sign(t, *v, name)
		r, err := edition.SignRecovery(directorytest.RecoveryKey(200), v.Epoch, signed.Digest())
		if err != nil {
			t.Fatal(err)
		}
		signed.Cosignatures = append(signed.Cosignatures, r)
		if err := state.Recover(s.memory, uint64(100*(i+1)), signed); err != nil {
			t.Fatal(err)
		}
		chain, err := state.Chain(s)
		if err != nil || len(chain) != 1 || chain[0].Digest() != signed.Digest() {
			t.Fatalf("recovery %d: %d successions, %v: what readers must follow grows with every recovery", i+1, len(chain), err)
		}
		if now, err := edition.TrustOf(g).Follow(chain); err != nil || now.Epoch != v.Epoch {
			t.Errorf("recovery %d: a reader of the genesis comes to epoch %d: %v", i+1, now.Epoch, err)
		}
		if done, err := state.Complete(s); err != nil || done.Number != 0 {
			t.Errorf("recovery %d: edition %d is handed out without signatures: %v", i+1, done.Number, err)
		}
	}
}

// withPrevious is the row of a server whose keys were replaced as it was once written. Today's names only the keys in force.
func withPrevious(t *testing.T, row []byte) []byte {
	t.Helper()
	var s directory.Server
	if err := wire.Unmarshal(row, &s); err != nil {
		t.Fatal(err)
	}
	if s.Previous != nil {
		t.Error("keys that were replaced stay with the server")
	}
	before := directorytest.Identity(10).Public()
	s.Previous = &before
	b, err := wire.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestARecoveryLeavesNoVersionTwice: nodes keep the newer version of an account, so what the directory says after a recovery is newer
// than all it said before, also where the same old copy is recovered twice; and an account has one history.
func TestARecoveryLeavesNoVersionTwice(t *testing.T) {
	g := directorytest.Genesis(3)
	g.Recovery = directorytest.RecoveryKey(200).Public().Bytes()
	recover := func(s *tables, later int64) {
		t.Helper()
		v, err := state.DrawUpRecovery(s, directorytest.Members(2), g.Created+later)
		if err != nil {
			t.Fatal(err)
		}
		signed := directorytest.Sign(t, *v, 2)
		r, err := edition.SignRecovery(directorytest.RecoveryKey(200), v.Epoch, signed.Digest())
		if err != nil {
			t.Fatal(err)
		}
		signed.Cosignatures = append(signed.Cosignatures, r)
		if err := state.Recover(s.memory, s.index+1, signed); err != nil {
			t.Fatal(err)
		}
		s.index++
	}
	rename := func(s *tables, name string) {
		s.fine(&command.EditAccount{ID: "a", Profile: command.Profile{Name: &name}})
	}
	seen, old := uint64(0), &tables{t: t, memory: memory{}, at: start}
	old.fine(&command.Found{Genesis: g})
	old.fine(&command.MakeAccount{Account: person("a")})
	rename(old, "B")
	for _, later := range []int64{60, 30_000_000} { // the same copy
		s := &tables{t: t, memory: maps.Clone(old.memory), at: start, index: old.index, log: slices.Clone(old.log)}
		for _, again := range []int64{0, 1, 1_000_000, 20_000_000} {
			recover(s, later+again)
			if v := s.account("a").Version; v <= seen {
				t.Errorf("after a recovery version %d, nodes have %d", v, seen)
			}
			for i := range 20 {
				rename(s, fmt.Sprint("C", again, i))
			}
			s.fine(&command.MakeAccount{Account: person(fmt.Sprint("n", again))}) // which was there and is lost
			if v := s.account(directory.AccountID(fmt.Sprint("n", again))).Version; v <= seen {
				t.Errorf("made anew as version %d, nodes have %d", v, seen)
			}
			seen = s.account("a").Version
		}
		lines, err := state.HistoryOf(s, s.account("a"))
		if err != nil || len(lines) != 82 || lines[81].Act != directory.ActMade || lines[0].Version != seen {
			t.Errorf("a history of %d lines: %v", len(lines), err)
		}
		old.at += 60
	}
}

func TestMemberFormatsStay(t *testing.T) {
	s := founded(t)
	s.fine(&command.Admit{Member: directorytest.Member(4)})
	s.fine(&command.Rotate{Name: "dir-1", Next: directorytest.Identity(70).Public()})
	s.fine(&command.Succeed{Epoch: 1, Ready: []string{"dir-4"}})
	golden.Check(t, "member-next", s.memory["member/dir-1"])
	golden.Check(t, "succession-pending", s.memory["meta/succession"])
	s.cosign(2, 3, 4)
	golden.Check(t, "standing", s.memory["meta/standing"])
	golden.Check(t, "member-previous", withPrevious(t, s.memory["member/dir-1"]))
	golden.Check(t, "departed", s.memory["departed/"+directorytest.Identity(10).Public().ID().String()])
	var all bytes.Buffer
	for _, c := range []command.Command{
		&command.Admit{Member: directorytest.Member(4)}, &command.Dismiss{Name: "dir-3", Reason: "máy hỏng"},
		&command.Succeed{Epoch: 7, Ready: []string{"dir-4"}}, &command.CosignSuccession{Epoch: 7}, &command.Forget{Name: "dir-3"},
		&command.SetLevel{Level: 2}, &command.Rotate{Name: "dir-1", Next: directorytest.Identity(70).Public()},
	} {
		b, err := wire.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(append([]byte{byte(c.Kind())}, b...))
	}
	golden.Check(t, "member-commands", all.Bytes())
}
