package server

import (
	"errors"
	"testing"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/replica"
	"motcua/node/session"
)

// The offices of the editions of these tests. The first is this node's.
const (
	own     directory.OfficeCode = "H32.22693"
	other   directory.OfficeCode = "H32.22327"
	revoked directory.OfficeCode = "H32.568"
)

// signedEdition is an edition of three nodes, one of them revoked, signed by two of three members.
func signedEdition(t *testing.T, number uint64, change func(*edition.Edition)) []byte {
	t.Helper()
	g := directorytest.Genesis(3)
	e := &edition.Edition{
		Version: edition.Version, Number: number, Index: number, Cut: 1_795_000_000_000, Genesis: g.Digest(), Members: g.Members,
		Nodes: []directory.Node{
			{Office: own, Identity: directorytest.Identity(100).Public(), Addr: "10.1.0.1:7400"},
			{Office: other, Identity: directorytest.Identity(110).Public(), Addr: "10.1.0.2:7400"},
			{Office: revoked, Identity: directorytest.Identity(120).Public(), Addr: "10.1.0.3:7400", Revoked: 1_795_000_000},
		},
	}
	if change != nil {
		change(e)
	}
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := edition.Signed{Body: body}
	for _, m := range []byte{1, 3} {
		r, err := edition.Sign(directorytest.Identity(10*m).Sign, number, s.Digest())
		if err != nil {
			t.Fatal(err)
		}
		s.Cosignatures = append(s.Cosignatures, r)
	}
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// offline is a node that has the edition of a number and no line.
func offline(t *testing.T, now time.Time) *Server {
	t.Helper()
	r, err := replica.Open(t.TempDir(), directorytest.Genesis(3))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Install(signedEdition(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	return &Server{
		cfg: Config{Dir: t.TempDir(), Now: func() time.Time { return now }}, enrolment: enrolment{Office: own},
		ring: identity.NewRing(directorytest.Identity(100)), replica: r,
	}
}

// TestOnlyOfficesSignPeopleIn: a session holds if the node of an office in use has signed it; a server of the directory, a
// revoked node and one that speaks in another's name sign nobody in.
func TestOnlyOfficesSignPeopleIn(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, directory.Zone)
	n := offline(t, now)
	for _, c := range []struct {
		what   string
		key    byte
		office directory.OfficeCode
		want   error
	}{
		{"this office", 100, own, nil},
		{"another office", 110, other, nil},
		{"a revoked office", 120, revoked, session.ErrInvalid},
		{"a server of the directory", 10, "dir-1", session.ErrInvalid},
		{"an office in another's name", 110, own, session.ErrInvalid},
		{"nobody", 130, "H32.1", session.ErrInvalid},
	} {
		token, err := session.Issue(directorytest.Identity(c.key), c.office, directory.Account{ID: "a", Kind: directory.Citizen}, now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Session(token); !errors.Is(err, c.want) {
			t.Errorf("signed by %s: %v, want %v", c.what, err, c.want)
		}
	}
}
