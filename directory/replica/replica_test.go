package replica_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/replica"
	"motcua/replication"
)

func text(s string) directory.Text { return directory.Text{VI: s} }

// signedEdition is an edition of a number, signed by two of three members.
func signedEdition(t *testing.T, number uint64, change func(*edition.Edition)) []byte {
	t.Helper()
	g := directorytest.Genesis(3)
	e := &edition.Edition{Version: edition.Version, Number: number, Genesis: g.Digest(), Province: g.Province, Prefix: g.Prefix, Members: g.Members}
	if change != nil {
		change(e)
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := edition.Signed{Body: b}
	for _, m := range []byte{1, 2} {
		r, err := edition.Sign(directorytest.Identity(10*m).Sign, number, digest.Of(b))
		if err != nil {
			t.Fatal(err)
		}
		s.Cosignatures = append(s.Cosignatures, r)
	}
	out, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t *testing.T, dir string) *replica.Replica {
	t.Helper()
	r, err := replica.Open(dir, directorytest.Genesis(3))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestItNeverGoesBackwards(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	if r.Number() != 0 || r.Bytes() != nil || len(r.Members()) != 3 {
		t.Errorf("fresh: edition %d, %d members", r.Number(), len(r.Members()))
	}
	watch := r.Watch()
	two := signedEdition(t, 2, nil)
	if err := r.Install(two); err != nil {
		t.Fatal(err)
	}
	select {
	case <-watch:
	default:
		t.Error("who watches is not told")
	}
	refused := func(what string, b []byte, want error) {
		t.Helper()
		if err := r.Install(b); !errors.Is(err, want) || err == nil {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if r.Number() != 2 || !slices.Equal(r.Bytes(), two) {
			t.Errorf("%s has changed the replica", what)
		}
	}
	refused("an older edition", signedEdition(t, 1, nil), edition.ErrOld)
	refused("the same edition", two, edition.ErrOld)
	refused("another edition of the same number", signedEdition(t, 2, func(e *edition.Edition) { e.Cut = 5 }), edition.ErrFork)
	refused("bytes cut short", two[:len(two)-1], wire.ErrMalformed)
	r = open(t, dir)
	if r.Number() != 2 {
		t.Errorf("reopened at edition %d", r.Number())
	}
	refused("an older edition after a restart", signedEdition(t, 1, nil), edition.ErrOld)
}

func TestWhatIsOnDiskIsVerifiedAgain(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	if err := r.Install(signedEdition(t, 2, nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "edition")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, len(b) / 2, len(b) - 1} {
		spoilt := slices.Clone(b)
		spoilt[i]++
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := replica.Open(dir, directorytest.Genesis(3)); err == nil {
			t.Errorf("byte %d altered on disk goes unnoticed", i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "VERSION"), []byte("motcua directory replica 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := replica.Open(dir, directorytest.Genesis(3)); directory.CodeOf(err) != directory.Newer {
		t.Errorf("a folder of a newer format: %v", err)
	}
}

func TestQuestionsAreAnsweredByDate(t *testing.T) {
	office := func(c directory.OfficeCode, p directory.Period) directory.Office {
		return directory.Office{Code: c, Level: "commune", Names: []directory.Named{{Text: text("x")}}, Valid: p}
	}
	procedure := func(v uint32, p directory.Period) directory.Procedure {
		return directory.Procedure{Code: "1.000001", Version: v, Valid: p}
	}
	r := open(t, t.TempDir())
	err := r.Install(signedEdition(t, 1, func(e *edition.Edition) {
		e.Levels = []directory.Level{
			{ID: "district", Name: text("huyện"), Rank: 2, Valid: directory.Period{To: "2025-06-30"}},
			{ID: "commune", Name: text("xã"), Rank: 1},
		}
		e.Offices = []directory.Office{office("H32.1", directory.Period{}), office("H32.2", directory.Period{To: "2025-06-30"})}
		e.Procedures = []directory.Procedure{
			procedure(1, directory.Period{To: "2026-12-31"}), procedure(2, directory.Period{From: "2026-07-01"}),
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		on                         directory.Date
		levels, offices, procedure int
	}{{"2025-06-30", 2, 2, 1}, {"2025-07-01", 1, 1, 1}, {"2026-07-01", 1, 1, 2}, {"2027-01-01", 1, 1, 2}} {
		p, _ := r.Current("1.000001", c.on)
		all := r.Procedures(c.on)
		if len(r.Levels(c.on)) != c.levels || len(r.Offices(c.on)) != c.offices || int(p.Version) != c.procedure || len(all) != 1 || all[0].Version != p.Version {
			t.Errorf("on %s: %d levels, %d offices, version %d", c.on, len(r.Levels(c.on)), len(r.Offices(c.on)), p.Version)
		}
	}
	if l := r.Levels("2025-01-01"); l[0].ID != "commune" {
		t.Error("levels are not ordered from the citizen up")
	}
	if _, ok := r.Office("H32.2"); !ok {
		t.Error("an office that is no more is forgotten")
	}
	if p, ok := r.Procedure("1.000001", 1); !ok || p.Version != 1 {
		t.Error("a version no longer in force is forgotten")
	}
}

func TestKeysOnceInUseStayKnown(t *testing.T) {
	now, before := directorytest.Identity(100).Public(), directorytest.Identity(110).Public()
	r := open(t, t.TempDir())
	err := r.Install(signedEdition(t, 1, func(e *edition.Edition) {
		e.Nodes = []directory.Node{
			{Office: "H32.1", Identity: now, Addr: "10.0.0.9:1", Enrolled: 1_795_500_000},
			{Office: "H32.1", Identity: before, Addr: "10.0.0.8:1", Revoked: 1_795_000_000},
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := r.Resolve("H32.1"); err != nil || p.Addr != "10.0.0.9:1" || !p.Revoked.IsZero() {
		t.Errorf("the key in use: %+v, %v", p, err)
	}
	if p, err := r.Identify(identity.TLSID(before.TLS)); err != nil || p.Revoked.IsZero() || p.Name != "H32.1" {
		t.Errorf("the key once in use: %+v, %v", p, err)
	}
	day := directory.DateOf(time.Unix(1_795_500_000, 0))
	if n, later, other := r.Predecessors("H32.1", day), r.Predecessors("H32.1", "2026-12-31"), r.Predecessors("H32.404", day); n != 1 || later != 0 || other != 0 {
		t.Errorf("machines before the present one: %d on the day it was enrolled, %d later, %d elsewhere; want 1, 0, 0", n, later, other)
	}
	keys, err := before.Keys()
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := r.Signer(keys.Sign.ID()); !ok || p.Revoked.IsZero() {
		t.Errorf("the signing key once in use: %+v", p)
	}
	if p, err := r.Resolve("dir-2"); err != nil || p.Addr != "10.0.0.2:7400" {
		t.Errorf("a server: %+v, %v", p, err)
	}
	if _, err := r.Resolve("H32.404"); !errors.Is(err, replication.ErrUnknown) {
		t.Errorf("an unknown name: %v", err)
	}
}
