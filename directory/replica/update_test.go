package replica_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/replica"
)

// numbered is an edition with so many offices, so that each differs from the one before by a row.
func numbered(t *testing.T, number uint64) []byte {
	return signedEdition(t, number, func(e *edition.Edition) {
		for i := range number + 20 {
			c := directory.OfficeCode("H32." + strings.Repeat("1", int(i)+1))
			e.Offices = append(e.Offices, directory.Office{Code: c, Level: "commune", Names: []directory.Named{{Text: text("UBND " + string(c))}}})
		}
	})
}

// deltaOf is the delta from one edition to another, signed by members.
func deltaOf(t *testing.T, from, to []byte, members ...byte) []byte {
	t.Helper()
	base, errBase := edition.Read(from)
	next, errNext := edition.Read(to)
	var a, b edition.Edition
	if err := errors.Join(errBase, errNext, wire.Unmarshal(base.Body, &a), wire.Unmarshal(next.Body, &b)); err != nil {
		t.Fatal(err)
	}
	next.Cosignatures = nil
	for _, m := range members {
		r, err := edition.Sign(directorytest.Identity(10*m).Sign, b.Number, next.Digest())
		if err != nil {
			t.Fatal(err)
		}
		next.Cosignatures = append(next.Cosignatures, r)
	}
	out, err := next.Delta(edition.NewStep(a.Number, base.Body, b.Number, next.Body)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDeltasAreInstalledOrRefused: whichever way an edition comes it passes through here. Nothing of what is refused stays.
func TestDeltasAreInstalledOrRefused(t *testing.T) {
	one, two, three := numbered(t, 1), numbered(t, 2), numbered(t, 3)
	r := open(t, t.TempDir())
	good := deltaOf(t, two, three, 1, 2)
	if err := r.Install(good); !errors.Is(err, edition.ErrBase) {
		t.Errorf("a delta to a replica with nothing: %v", err)
	}
	if err := errors.Join(r.Install(one), r.Install(deltaOf(t, one, two, 2, 3))); err != nil || r.Number() != 2 {
		t.Fatalf("edition %d: %v", r.Number(), err)
	}
	if !bytes.Equal(r.Bytes()[:200], two[:200]) {
		t.Error("what a delta made is not the edition")
	}
	foreign := signedEdition(t, 3, func(e *edition.Edition) { e.Genesis = digest.Of(nil) })
	other := signedEdition(t, 2, nil)
	altered := slices.Clone(good)
	altered[len(altered)/2]++
	for _, c := range []struct {
		what string
		b    []byte
		want error
	}{
		{"replayed", deltaOf(t, one, two, 1, 2), edition.ErrOld},
		{"an older whole", one, edition.ErrOld},
		{"from an older base", deltaOf(t, one, three, 1, 2), edition.ErrBase},
		{"from another edition of that number", deltaOf(t, other, three, 1, 2), edition.ErrBase},
		{"signed by one", deltaOf(t, two, three, 1), edition.ErrMinority},
		{"signed by strangers", deltaOf(t, two, three, 7, 8, 9), edition.ErrMinority},
		{"of another province", deltaOf(t, two, foreign, 1, 2), edition.ErrForeign},
		{"another whole of that number", other, edition.ErrFork},
		{"altered", altered, nil},
		{"cut short", good[:len(good)-1], wire.ErrMalformed},
		{"nothing", nil, wire.ErrMalformed},
	} {
		if err := r.Install(c.b); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if s, _ := edition.Read(two); r.Number() != 2 || r.Held().Body != s.Digest() {
			t.Errorf("%s has changed the replica", c.what)
		}
	}
	if err := r.Install(good); err != nil || r.Number() != 3 || r.Prev() != (digest.Digest{}) {
		t.Errorf("after all that the good one: %v", err)
	}
}

// TestReplicasHandOnDeltas: to whoever holds one of the last editions, also after a restart; to all others the whole.
func TestReplicasHandOnDeltas(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	held := map[uint64]*replica.Replica{0: open(t, t.TempDir())}
	for number := uint64(1); number <= 6; number++ {
		if err := r.Install(numbered(t, number)); err != nil {
			t.Fatal(err)
		}
		held[number] = open(t, t.TempDir())
		if err := held[number].Install(r.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"running", "opened again"} {
		from := r
		if name == "opened again" {
			from = open(t, dir)
		}
		for number, to := range held {
			b, err := from.Update(to.Held())
			if err != nil {
				t.Fatal(err)
			}
			if number == 6 {
				if b != nil {
					t.Errorf("%s: %d bytes for one that has the newest", name, len(b))
				}
				continue
			}
			if delta := len(b) < 8000; delta != (number > 0) {
				t.Errorf("%s: %d bytes for one that has edition %d", name, len(b), number)
			}
			if name == "running" {
				continue
			}
			if err := to.Install(b); err != nil || to.Number() != 6 {
				t.Errorf("from edition %d: %v", number, err)
			}
		}
		b, err := from.Update(edition.Held{Number: 3, Body: digest.Of(nil)})
		if err != nil || len(b) < 8000 {
			t.Errorf("%s: %d bytes for one with another edition 3: %v", name, len(b), err)
		}
	}
}

// TestStepsThatAreDamagedCostNothing: the file is a cache.
func TestStepsThatAreDamagedCostNothing(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	one := edition.Held{}
	for number := uint64(1); number <= 3; number++ {
		if err := r.Install(numbered(t, number)); err != nil {
			t.Fatal(err)
		}
		if number == 1 {
			one = r.Held()
		}
	}
	path := filepath.Join(dir, "steps")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "steps", good)
	for what, b := range map[string][]byte{"empty": {}, "cut short": good[:len(good)-1], "of a later format": append([]byte{0xa2, 1, 2}, good[3:]...)} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := open(t, dir).Update(one); err != nil || len(b) < 8000 {
			t.Errorf("%s: %d bytes, %v", what, len(b), err)
		}
	}
}

// TestADamagedEditionOnDiskIsReplaced: a running replica answers on, hands out nothing, and takes the next one whole.
func TestADamagedEditionOnDiskIsReplaced(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	one, two := numbered(t, 1), numbered(t, 2)
	if err := r.Install(one); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "edition"), one[:len(one)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Office("H32.1"); !ok || r.Bytes() != nil {
		t.Error("a running replica forgets, or hands out what is damaged")
	}
	if err := r.Install(deltaOf(t, one, two, 1, 2)); !errors.Is(err, edition.ErrBase) {
		t.Errorf("a delta to damaged bytes: %v", err) // after which the whole is asked for
	}
	if err := r.Install(two); err != nil || !bytes.Equal(r.Bytes(), two) {
		t.Errorf("the next one, whole: %v", err)
	}
}

// TestADeltaLeadsAcrossAChangeOfMembers: a reader that slept through it is brought the successions that it lacks, and no others.
func TestADeltaLeadsAcrossAChangeOfMembers(t *testing.T) {
	chain := chainOf(t)
	ahead, behind := open(t, t.TempDir()), open(t, t.TempDir())
	first := signedEdition(t, 1, nil)
	if err := errors.Join(ahead.Install(first), behind.Install(first), ahead.Install(ofEpoch(t, 2, 1, []byte{1, 2, 4}, chain[:1]...))); err != nil {
		t.Fatal(err)
	}
	mid := open(t, t.TempDir())
	if err := errors.Join(mid.Install(ahead.Bytes()), ahead.Install(ofEpoch(t, 3, 2, []byte{2, 4, 5}, chain...))); err != nil {
		t.Fatal(err)
	}
	size := map[*replica.Replica]int{}
	for _, to := range []*replica.Replica{behind, mid} {
		b, err := ahead.Update(to.Held())
		if err != nil {
			t.Fatal(err)
		}
		size[to] = len(b)
		if err := to.Install(b); err != nil || to.Epoch() != 2 || to.Number() != 3 {
			t.Errorf("edition %d of epoch %d: %v", to.Number(), to.Epoch(), err)
		}
	}
	if size[mid] >= size[behind] {
		t.Errorf("%d bytes for one that lacks a succession, %d for one that lacks two", size[mid], size[behind])
	}
}
