package state_test

import (
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
)

func TestTokensAndKeys(t *testing.T) {
	s := founded(t)
	hash := digest.Of([]byte("t"))
	s.fails(directory.NotFound, &command.IssueToken{Hash: hash, Office: "H32.1", Expires: start + 10})
	s.fails(directory.Invalid, &command.IssueToken{Hash: hash, Office: commune, Expires: start})
	s.fails(directory.Denied, enrolment(hash, 100))
	s.fine(&command.IssueToken{Hash: hash, Office: commune, Expires: start + 10})
	s.fails(directory.Conflict, enrolment(hash, 10)) // a server's key
	s.at += 10
	s.fails(directory.Denied, enrolment(hash, 100))
	s.at--
	s.fine(enrolment(hash, 100))
	s.fails(directory.Denied, enrolment(hash, 101))
	s.at += 3600 // the same machine again, though late: it missed the answer
	if n := value[state.Enrolled](t, s.fine(enrolment(hash, 100))); n.Node.Enrolled != start+9 {
		t.Errorf("enrolled again at %d", n.Node.Enrolled)
	}
	fresh := digest.Of([]byte("u"))
	s.fine(&command.IssueToken{Hash: fresh, Office: other, Expires: s.at + 10})
	s.fails(directory.Conflict, enrolment(fresh, 100))
	for _, owner := range []byte{10, 100} { // a server, a node
		taken := directorytest.Identity(owner).Public()
		for _, take := range []func(*identity.Public){
			func(p *identity.Public) { p.Sign = taken.Sign },
			func(p *identity.Public) { p.Seal = taken.Seal },
			func(p *identity.Public) { p.TLS = taken.TLS },
		} {
			e := enrolment(fresh, 130)
			take(&e.Identity)
			s.fails(directory.Conflict, e)
		}
	}
}

func TestTimeDoesNotGoBack(t *testing.T) {
	s := enrolled(t)
	revoke := func(o directory.OfficeCode, id byte) int64 {
		t.Helper()
		s.fine(&command.Revoke{Office: o, Key: directorytest.Identity(id).Public().ID(), Reason: "stolen"})
		n, _, err := state.NodeOf(s, o)
		if err != nil {
			t.Fatal(err)
		}
		return n.Revoked
	}
	s.at -= 365 * 86400 // a leader whose clock stands
	if at := revoke(commune, 100); at != start {
		t.Errorf("a revocation is dated %d seconds back", start-at)
	}
	s.at = start + 60
	if at := revoke(other, 110); at != start+60 {
		t.Errorf("time stands at %d seconds", at-start)
	}
}

func TestARevokedKeyStaysKnown(t *testing.T) {
	s := enrolled(t)
	key := directorytest.Identity(100).Public().ID()
	s.fails(directory.NotFound, &command.Revoke{Office: other, Key: key, Reason: "x"})
	s.fine(&command.Revoke{Office: commune, Key: key, Reason: "stolen"})
	s.fine(&command.Revoke{Office: commune, Key: key, Reason: "again"})
	s.fails(directory.Denied, &command.Announce{Office: commune, Addr: "10.0.0.9:1"})
	s.fails(directory.Denied, &command.RegisterAccount{From: commune, Account: citizen("a", "aaa")})
	s.fails(directory.Denied, &command.Report{From: commune, Tracks: []directory.Track{{Code: "x", AsOf: 1}}})
	s.enrol(commune, 120)
	nodes, err := state.Nodes(s)
	if err != nil || len(nodes) != 3 || nodes[0].Revoked != 0 || nodes[2].Revoked != start || nodes[2].Reason != "stolen" {
		t.Errorf("nodes after a new enrolment: %+v, %v", nodes, err)
	}
	s.fine(&command.IssueToken{Hash: key, Office: other, Expires: s.at + 10})
	s.fails(directory.Conflict, enrolment(key, 100)) // once revoked, never again
}
