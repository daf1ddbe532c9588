package replica_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/replica"
)

// ofEpoch is an edition of the members of numbers, signed by all of them, with the successions that lead to them.
func ofEpoch(t *testing.T, number, epoch uint64, members []byte, chain ...edition.SignedSuccession) []byte {
	t.Helper()
	g := directorytest.Genesis(3)
	e := &edition.Edition{
		Version: edition.Version, Number: number, Genesis: g.Digest(), Province: g.Province, Prefix: g.Prefix,
		Members: directorytest.Members(members...), Epoch: epoch,
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := edition.Signed{Body: b, Epoch: epoch, Chain: chain}
	for _, m := range members {
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

// chainOf is two successions: 1 2 3 → 1 2 4 → 2 4 5.
func chainOf(t *testing.T) []edition.SignedSuccession {
	t.Helper()
	at := edition.TrustOf(directorytest.Genesis(3))
	one := directorytest.Succeed(t, at, []byte{1, 2, 4}, 1, 2)
	at, err := at.Follow([]edition.SignedSuccession{one})
	if err != nil {
		t.Fatal(err)
	}
	return []edition.SignedSuccession{one, directorytest.Succeed(t, at, []byte{2, 4, 5}, 2, 4)}
}

func TestItFollowsTheMembersAndRemembersThem(t *testing.T) {
	dir := t.TempDir()
	r, chain := open(t, dir), chainOf(t)
	if err := r.Install(signedEdition(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	if err := r.Install(ofEpoch(t, 2, 2, []byte{2, 4, 5}, chain[1])); !errors.Is(err, edition.ErrSkipped) {
		t.Errorf("a succession is missing: %v", err)
	}
	if err := r.Install(ofEpoch(t, 2, 2, []byte{2, 4, 5}, chain...)); err != nil || r.Epoch() != 2 {
		t.Fatalf("epoch %d: %v", r.Epoch(), err)
	}
	if err := r.Install(signedEdition(t, 3, nil)); !errors.Is(err, edition.ErrRetired) {
		t.Errorf("signed by the members before: %v", err)
	}
	if err := r.Install(ofEpoch(t, 3, 2, []byte{2, 4, 5})); err != nil {
		t.Errorf("without the chain it has: %v", err)
	}
	again := open(t, dir)
	if again.Epoch() != 2 || again.Number() != 3 || len(again.Members()) != 3 || again.Members()[2].Name != "dir-5" {
		t.Fatalf("opened again: epoch %d, edition %d", again.Epoch(), again.Number())
	}
	// What it hands on leads a reader that has only the genesis, and one that has some of it.
	for _, epoch := range []uint64{0, 1, 2} {
		to := open(t, t.TempDir())
		if epoch > 0 {
			if err := to.Install(ofEpoch(t, 1, epoch, [][]byte{{1, 2, 4}, {2, 4, 5}}[epoch-1], chain[:epoch]...)); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.Install(again.BytesFor(epoch)); err != nil {
			t.Errorf("from epoch %d: %v", epoch, err)
		}
	}
	if whole, rest := len(again.Bytes()), len(again.BytesFor(2)); rest >= whole/2 {
		t.Errorf("a reader that lacks nothing is given %d of %d bytes", rest, whole)
	}
}

// TestACrashBetweenChainAndEdition leaves a chain that is ahead of the edition.
func TestACrashBetweenChainAndEdition(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	if err := r.Install(signedEdition(t, 1, nil)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "edition"))
	if err != nil {
		t.Fatal(err)
	}
	next := ofEpoch(t, 2, 2, []byte{2, 4, 5}, chainOf(t)...)
	if err := r.Install(next); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "edition"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir)
	if r.Number() != 1 || r.Epoch() != 0 {
		t.Fatalf("edition %d of epoch %d", r.Number(), r.Epoch())
	}
	if err := r.Install(signedEdition(t, 2, nil)); !errors.Is(err, edition.ErrRetired) {
		t.Errorf("signed by the members before: %v", err)
	}
	if err := r.Install(next); err != nil || r.Number() != 2 {
		t.Errorf("the edition that was cut off: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "chain"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := replica.Open(dir, directorytest.Genesis(3)); err == nil {
		t.Error("a damaged chain is opened")
	}
}
