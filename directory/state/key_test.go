package state_test

import (
	"slices"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
)

// rotation is the change of an office's keys from one identity to another.
func rotation(t *testing.T, o directory.OfficeCode, from, to byte) *command.TakeKeys {
	t.Helper()
	r, err := directory.SignRotation(directorytest.Genesis(3).Digest(), o, directorytest.Identity(from), directorytest.Identity(to))
	if err != nil {
		t.Fatal(err)
	}
	return &command.TakeKeys{Office: o, Rotation: r}
}

// keys tells how each key of an office stands: "now", "retired", "revoked".
func (s *tables) keys(o directory.OfficeCode) map[byte]string {
	s.t.Helper()
	all, err := state.Nodes(s)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[byte]string{}
	for _, n := range all {
		if n.Office != o {
			continue
		}
		for _, id := range []byte{100, 110, 120, 130, 140, 150, 160, 170} {
			if n.Identity.ID() == directorytest.Identity(id).Public().ID() {
				out[id] = "now"
				if n.Retired != 0 {
					out[id] = "retired"
				}
				if n.Revoked != 0 {
					out[id] = "revoked"
				}
			}
		}
	}
	return out
}

func (s *tables) want(o directory.OfficeCode, want map[byte]string) {
	s.t.Helper()
	got := s.keys(o)
	for id, how := range want {
		if got[id] != how {
			s.t.Errorf("key %d of %s is %q, want %q", id, o, got[id], how)
		}
	}
	if len(got) != len(want) {
		s.t.Errorf("%s has keys %v, want %v", o, got, want)
	}
}

func (s *tables) denied(what string, want directory.Code, c command.Command) {
	s.t.Helper()
	if err := s.apply(c).Err(); directory.CodeOf(err) != want {
		s.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestANodeTakesNewKeys: with the word of both, once, and the old ones stay known.
func TestANodeTakesNewKeys(t *testing.T) {
	s := enrolled(t)
	before, _, _ := state.NodeOf(s, commune)
	s.at += 100
	move := rotation(t, commune, 100, 120)
	s.fine(move)
	s.want(commune, map[byte]string{120: "now", 100: "retired"})
	n, _, _ := state.NodeOf(s, commune)
	if n.Addr != before.Addr || n.Enrolled != before.Enrolled || n.Rotated != s.at || n.Retired != 0 {
		t.Errorf("the node is now %+v", n)
	}
	public, _ := state.PublicIndex(s)
	s.fine(move) // its answer was lost
	if again, _ := state.PublicIndex(s); again != public {
		t.Error("done again, it makes an edition")
	}
	s.want(commune, map[byte]string{120: "now", 100: "retired"})
	s.fine(rotation(t, commune, 120, 130))
	s.want(commune, map[byte]string{130: "now", 120: "retired", 100: "retired"})
}

// TestKeysAreNotTakenByOthers: each refusal by itself, and nothing has changed after all of them.
func TestKeysAreNotTakenByOthers(t *testing.T) {
	s := enrolled(t)
	forged := rotation(t, commune, 100, 120)
	forged.Rotation.Old = rotation(t, commune, 110, 120).Rotation.Old
	unshown := rotation(t, commune, 100, 120)
	unshown.Rotation.New = rotation(t, commune, 100, 130).Rotation.New
	borrowed := rotation(t, commune, 100, 120)
	borrowed.Rotation.TLS = rotation(t, commune, 100, 130).Rotation.TLS
	foreign := rotation(t, commune, 100, 120)
	r, err := directory.SignRotation(digest.Of(nil), commune, directorytest.Identity(100), directorytest.Identity(120))
	if err != nil {
		t.Fatal(err)
	}
	foreign.Rotation = r
	s.denied("not signed by the old key", directory.Denied, forged)
	s.denied("not signed by the new key", directory.Denied, unshown)
	s.denied("the new TLS key is not shown", directory.Denied, borrowed)
	s.denied("of another province", directory.Denied, foreign)
	s.denied("from a key that is not in use", directory.Conflict, rotation(t, commune, 130, 140))
	s.denied("to a key of another office", directory.Conflict, rotation(t, commune, 100, 110))
	s.denied("to a key of a server", directory.Conflict, rotation(t, commune, 100, 10))
	s.denied("of an office without a node", directory.Denied, rotation(t, "H32.404", 100, 120))
	s.want(commune, map[byte]string{100: "now"})
	s.fine(&command.Revoke{Office: commune, Key: directorytest.Identity(100).Public().ID(), Reason: "mất máy"})
	s.denied("of a revoked key", directory.Denied, rotation(t, commune, 100, 120))
}

// TestKeysAreNotTakenTooOften: each stays in the editions for ever.
func TestKeysAreNotTakenTooOften(t *testing.T) {
	s := enrolled(t)
	ids := []byte{100, 120, 130, 140, 150, 160}
	for i := range ids[1:] {
		s.fine(rotation(t, commune, ids[i], ids[i+1]))
	}
	s.denied("a sixth time in a month", directory.Exhausted, rotation(t, commune, 160, 170))
	s.at += 31 * 24 * 3600
	s.fine(rotation(t, commune, 160, 170))
}

// TestAStolenMachineHasItsFormerKeysToo: they are revoked with the one in use; a retired one can be revoked by itself.
func TestAStolenMachineHasItsFormerKeysToo(t *testing.T) {
	s := enrolled(t)
	s.fine(rotation(t, commune, 100, 120))
	s.fine(rotation(t, commune, 120, 130))
	one := &command.Revoke{Office: commune, Key: directorytest.Identity(100).Public().ID(), Reason: "bản sao lưu bị lộ"}
	s.fine(one)
	s.fine(one)
	s.want(commune, map[byte]string{130: "now", 120: "retired", 100: "revoked"})
	s.fine(&command.Revoke{Office: commune, Key: directorytest.Identity(130).Public().ID(), Reason: "mất máy"})
	s.want(commune, map[byte]string{130: "revoked", 120: "revoked", 100: "revoked"})
	s.denied("a key that the office never had", directory.NotFound, &command.Revoke{Office: commune, Key: digest.Of(nil), Reason: "x"})

	s = enrolled(t)
	s.fine(rotation(t, commune, 100, 120))
	s.enrol(commune, 130)
	s.want(commune, map[byte]string{130: "now", 120: "revoked", 100: "revoked"})
}

// TestATokenIsTakenBack: it enrols nobody, and a used one is not taken back.
func TestATokenIsTakenBack(t *testing.T) {
	s := enrolled(t)
	hash := digest.Of([]byte("lost"))
	s.fine(&command.IssueToken{Hash: hash, Office: commune, Expires: s.at + 3600})
	s.fine(&command.VoidToken{Hash: hash})
	s.denied("a token taken back", directory.Denied, enrolment(hash, 120))
	s.denied("a token that is none", directory.NotFound, &command.VoidToken{Hash: digest.Of(nil)})
	s.denied("a used token", directory.Conflict, &command.VoidToken{Hash: digest.Of([]byte{100})})
	all, err := state.Tokens(s)
	i := slices.IndexFunc(all, func(k state.Token) bool { return k.Hash == hash })
	if err != nil || len(all) != 3 || i < 0 || !all[i].Void || all[i].Office != commune || !all[i].Node.IsZero() {
		t.Errorf("tokens: %+v, %v", all, err)
	}
	s.want(commune, map[byte]string{100: "now"})
}
