package edition_test

import (
	"errors"
	"slices"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
)

// withRecovery is a province of three that has a recovery key.
func withRecovery() directory.Genesis {
	g := directorytest.Genesis(3)
	g.Recovery = directorytest.RecoveryKey(200).Public().Bytes()
	return g
}

// recover has the recovery key and one member name that member the only one.
func recovered(t testing.TB, g directory.Genesis, epoch uint64, member byte, keys ...byte) edition.SignedSuccession {
	s := directorytest.Sign(t, edition.Succession{
		Version: 1, Genesis: g.Digest(), Epoch: epoch, Members: directorytest.Members(member), Floor: 1_000_000, Recovery: true,
	}, member)
	for _, k := range keys {
		r, err := edition.SignRecovery(directorytest.RecoveryKey(k), epoch, s.Digest())
		if err != nil {
			t.Fatal(err)
		}
		s.Cosignatures = append(s.Cosignatures, r)
	}
	return s
}

func follow(t testing.TB, from edition.Trust, chain ...edition.SignedSuccession) edition.Trust {
	t.Helper()
	next, err := from.Follow(chain)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestSuccessionFormatsStay(t *testing.T) {
	g := withRecovery()
	one := directorytest.Succeed(t, edition.TrustOf(g), []byte{1, 2, 4}, 1, 2)
	for name, v := range map[string]any{"succession": one, "recovery": recovered(t, g, 9, 2, 200)} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
	b, err := g.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "genesis-with-recovery", b)
	e := body(t, 7, func(e *edition.Edition) { e.Epoch = 1 })
	s := signed(t, e, 7, 1, 4)
	s.Chain, s.Epoch = []edition.SignedSuccession{one}, 1
	if b, err = s.Encode(); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "signed-with-chain", b)
}

// TestAChainLeadsToTheNewestMembers: a reader that slept through five changes reads the newest edition from what it has.
func TestAChainLeadsToTheNewestMembers(t *testing.T) {
	var chain []edition.SignedSuccession
	at := trust()
	for _, step := range []struct{ members, signers []byte }{
		{[]byte{1, 2, 3, 4}, []byte{1, 2, 4}},
		{[]byte{1, 2, 3, 4, 5}, []byte{1, 2, 4}},
		{[]byte{1, 2, 4, 5}, []byte{1, 4, 5}},
		{[]byte{4, 5}, []byte{1, 4, 5}},
		{[]byte{4, 5, 6}, []byte{4, 5}},
	} {
		s := directorytest.Succeed(t, at, step.members, step.signers...)
		chain, at = append(chain, s), follow(t, at, s)
	}
	b := body(t, 40, func(e *edition.Edition) { e.Epoch, e.Members = 5, at.Members })
	s := signed(t, b, 40, 5, 6)
	s.Chain, s.Epoch = chain, 5
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = edition.Read(raw); err != nil {
		t.Fatal(err)
	}
	e, next, err := s.Follow(trust())
	if err != nil || e.Number != 40 || next.Epoch != 5 || next.Head != at.Head || next.Number != 40 {
		t.Fatalf("trusts %d %v: %v", next.Epoch, next.Head, err)
	}
	if again := edition.After(chain, 3, 5); len(again) != 2 {
		t.Errorf("a reader at epoch 3 is given %d", len(again))
	}
	// The members that were left behind sign nothing any more, and an edition without its chain says what it lacks.
	old := signed(t, body(t, 41, nil), 41, 1, 2, 3)
	if _, err := old.Verify(next); !errors.Is(err, edition.ErrRetired) {
		t.Errorf("signed by the members before: %v", err)
	}
	s.Chain = nil
	if _, err := s.Verify(trust()); !errors.Is(err, edition.ErrLacking) {
		t.Errorf("without the chain: %v", err)
	}
	if _, err := s.Verify(at); err != nil {
		t.Errorf("without a chain that the reader has: %v", err)
	}
}

func TestASuccessionThatIsNotEarnedIsRefused(t *testing.T) {
	g := withRecovery()
	from := edition.TrustOf(g)
	good := directorytest.Succeed(t, from, []byte{1, 2, 4}, 1, 2)
	next := follow(t, from, good)
	second := directorytest.Succeed(t, next, []byte{1, 2, 4, 5}, 1, 2, 5)
	forged := directorytest.Succeed(t, from, []byte{1, 2, 4}, 1, 2)
	forged.Cosignatures[1].Signature = slices.Clone(forged.Cosignatures[1].Signature)
	forged.Cosignatures[1].Signature[99]++
	altered := directorytest.Succeed(t, from, []byte{1, 2, 4}, 1, 2)
	altered.Body = directorytest.Succeed(t, from, []byte{1, 2, 5}, 1, 2).Body
	asRecovery := directorytest.Sign(t, edition.Succession{
		Version: 1, Genesis: g.Digest(), Epoch: 1, Members: directorytest.Members(2), Recovery: true,
	}, 2)
	elsewhere := from
	elsewhere.Genesis = digest.Of([]byte("another"))
	none := edition.TrustOf(directorytest.Genesis(3))
	for _, c := range []struct {
		what string
		t    edition.Trust
		s    edition.SignedSuccession
		want error
	}{
		{"good", from, good, nil},
		{"the one at hand", next, good, nil},
		{"by all of both", from, directorytest.Succeed(t, from, []byte{1, 2, 4}, 1, 2, 3, 4), nil},
		{"by one of the old", from, directorytest.Succeed(t, from, []byte{1, 4, 5}, 1, 4, 5), edition.ErrMinority},
		{"by one of the new", from, directorytest.Succeed(t, from, []byte{3, 4, 5}, 1, 2, 3), edition.ErrMinority},
		{"by one of the old, twice", from, directorytest.Succeed(t, from, []byte{1, 4, 5}, 1, 1, 4, 5), edition.ErrMinority},
		{"forged", from, forged, edition.ErrForged},
		{"altered", from, altered, edition.ErrForged},
		{"skipped", from, second, edition.ErrSkipped},
		{"another of the same epoch", next, directorytest.Succeed(t, from, []byte{1, 2, 5}, 1, 2), edition.ErrSkipped},
		{"of another province", from, directorytest.Succeed(t, elsewhere, []byte{1, 2, 4}, 1, 2), edition.ErrForeign},
		{"recovered", from, recovered(t, g, 900, 2, 200), nil},
		{"recovered later", next, recovered(t, g, 900, 2, 200), nil},
		{"recovered before", follow(t, from, recovered(t, g, 901, 2, 200)), recovered(t, g, 900, 3, 200), nil}, // passed over
		{"recovered by a member alone", from, asRecovery, edition.ErrMinority},
		{"recovered by another key", from, recovered(t, g, 900, 2, 201), edition.ErrMinority},
		{"recovered where there is no key", none, recovered(t, directorytest.Genesis(3), 900, 2, 200), edition.ErrForged},
		{"empty", from, edition.SignedSuccession{}, wire.ErrMalformed},
	} {
		if _, err := c.t.Follow([]edition.SignedSuccession{c.s}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	if at := follow(t, next, recovered(t, g, 900, 2, 200), good, second); at.Epoch != 900 || len(at.Members) != 1 {
		t.Errorf("what was recovered is left again: epoch %d", at.Epoch)
	}
}

// TestAnEditionBelowTheFloorIsRefused: after a recovery no number is seen twice.
func TestAnEditionBelowTheFloorIsRefused(t *testing.T) {
	g := withRecovery()
	b := body(t, 1_000_000, func(e *edition.Edition) { e.Epoch, e.Genesis = 900, g.Digest() })
	s := signed(t, b, 1_000_000, 2)
	s.Epoch, s.Chain = 900, []edition.SignedSuccession{recovered(t, g, 900, 2, 200)}
	if _, err := s.Verify(edition.TrustOf(g)); !errors.Is(err, edition.ErrForged) {
		t.Errorf("at its floor: %v", err)
	}
	claimed := signed(t, body(t, 1_000_001, func(e *edition.Edition) { e.Genesis = g.Digest() }), 1_000_001, 2)
	claimed.Epoch, claimed.Chain = 900, s.Chain
	if _, err := claimed.Verify(edition.TrustOf(g)); !errors.Is(err, edition.ErrForged) {
		t.Errorf("of another epoch than it claims: %v", err)
	}
}

func FuzzReadSuccession(f *testing.F) {
	f.Add(directorytest.Succeed(f, trust(), []byte{1, 2, 4}, 1).Body)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := edition.ReadSuccession(b)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil || !slices.Equal(again, b) {
			t.Fatalf("read and encoded again it differs: %v", err)
		}
		trust().Follow([]edition.SignedSuccession{{Body: b}})
	})
}
