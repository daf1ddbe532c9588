package edition_test

import (
	"errors"
	"slices"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
)

func body(t testing.TB, number uint64, change func(*edition.Edition)) []byte {
	t.Helper()
	g := directorytest.Genesis(3)
	e := &edition.Edition{
		Version: edition.Version, Number: number, Index: 10 * number, Cut: 1_795_000_000_000, Genesis: g.Digest(),
		Province: g.Province, Prefix: g.Prefix, Members: g.Members,
		Levels:   []directory.Level{{ID: "commune", Name: directory.Text{VI: "xã"}, Rank: 1}},
		Offices:  []directory.Office{{Code: "H32.22327", Level: "commune", Names: []directory.Named{{Text: directory.Text{VI: "UBND"}}}}},
		Nodes:    []directory.Node{{Office: "H32.22327", Identity: directorytest.Identity(100).Public(), Addr: "10.1.0.1:7400"}},
		Calendar: &directory.Calendar{Version: 1, Sessions: []directory.Session{{From: 420, To: 690}}},
	}
	if change != nil {
		change(e)
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signed has a body signed by members under a number.
func signed(t testing.TB, b []byte, number uint64, members ...byte) edition.Signed {
	t.Helper()
	s := edition.Signed{Body: b}
	for _, m := range members {
		r, err := edition.Sign(directorytest.Identity(10*m).Sign, number, digest.Of(b))
		if err != nil {
			t.Fatal(err)
		}
		s.Cosignatures = append(s.Cosignatures, r)
	}
	return s
}

func trust() edition.Trust {
	g := directorytest.Genesis(3)
	return edition.Trust{Genesis: g.Digest(), Members: g.Members}
}

func TestFormatsStay(t *testing.T) {
	b := body(t, 7, nil)
	s, err := signed(t, b, 7, 1, 3).Encode()
	if err != nil {
		t.Fatal(err)
	}
	directorytest.Golden(t, []directorytest.Format{{Name: "body", Bytes: b}, {Name: "signed", Bytes: s}})
}

func TestOnlyANewerEditionOfAMajorityIsAccepted(t *testing.T) {
	seven := body(t, 7, nil)
	forged := signed(t, seven, 7, 1, 3)
	forged.Cosignatures[1].Signature = slices.Clone(forged.Cosignatures[1].Signature)
	forged.Cosignatures[1].Signature[100]++
	mislabelled := signed(t, seven, 7, 1)
	r, err := record.SignOne(directorytest.Identity(30).Sign, "motcua event v1", mislabelled.Cosignatures[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	mislabelled.Cosignatures = append(mislabelled.Cosignatures, r)
	altered := signed(t, seven, 7, 1, 3)
	altered.Body = body(t, 7, func(e *edition.Edition) { e.Province.VI = "tỉnh khác" })
	later := signed(t, nil, 7, 1, 2, 3)
	later.Body = slices.Clone(seven)
	later.Body[2] = 2
	holds := func(number uint64, d digest.Digest) edition.Trust {
		v := trust()
		v.Number, v.Digest = number, d
		return v
	}
	for _, c := range []struct {
		what string
		s    edition.Signed
		t    edition.Trust
		want error
	}{
		{"signed by all", signed(t, seven, 7, 1, 2, 3), trust(), nil},
		{"signed by a majority", signed(t, seven, 7, 1, 3), trust(), nil},
		{"newer than the one at hand", signed(t, seven, 7, 1, 3), holds(6, digest.Of(nil)), nil},
		{"a stranger's signature beside a majority", signed(t, seven, 7, 1, 9, 3), trust(), nil},
		{"the one at hand", signed(t, seven, 7, 1, 3), holds(7, digest.Of(seven)), edition.ErrOld},
		{"older", signed(t, seven, 7, 1, 3), holds(8, digest.Of(nil)), edition.ErrOld},
		{"another of the same number", signed(t, seven, 7, 1, 3), holds(7, digest.Of(nil)), edition.ErrFork},
		{"signed by one of three", signed(t, seven, 7, 1), trust(), edition.ErrMinority},
		{"signed by one, twice", signed(t, seven, 7, 1, 1), trust(), edition.ErrMinority},
		{"signed by strangers", signed(t, seven, 7, 8, 9), trust(), edition.ErrMinority},
		{"signed by nobody", signed(t, seven, 7), trust(), edition.ErrMinority},
		{"a signature is altered", forged, trust(), edition.ErrForged},
		{"signatures of another purpose", mislabelled, trust(), edition.ErrForged},
		{"signatures of another number", signed(t, seven, 6, 1, 3), trust(), edition.ErrForged},
		{"the body is altered", altered, trust(), edition.ErrForged},
		{"of another province and its members", signed(t, body(t, 7, func(e *edition.Edition) { e.Genesis = digest.Of(nil) }), 7, 8, 9), trust(), edition.ErrForeign},
		{"of another province", signed(t, seven, 7, 1, 3), edition.Trust{Members: trust().Members}, edition.ErrForeign},
		{"of a later format", later, trust(), edition.ErrNewer},
		{"cut short", signed(t, seven[:len(seven)-1], 7, 1, 3), trust(), wire.ErrMalformed},
		{"empty", signed(t, nil, 7, 1, 3), trust(), wire.ErrMalformed},
	} {
		e, err := c.s.Verify(c.t)
		if !errors.Is(err, c.want) || (err == nil) != (e != nil) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}

func TestAnUnknownKeyInTheBodyIsNotSkipped(t *testing.T) {
	var m map[int]any
	seven := body(t, 7, nil)
	if err := wire.Unmarshal(seven, &m); err != nil {
		t.Fatal(err)
	}
	m[99] = "a rule this version does not know"
	b, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed(t, b, 7, 1, 2).Verify(trust()); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("a body with a key of a later version: %v", err)
	}
}

func FuzzReadAndVerify(f *testing.F) {
	seven := body(f, 7, nil)
	for _, s := range []edition.Signed{signed(f, seven, 7, 1, 3), signed(f, seven[:20], 7, 1)} {
		b, err := s.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	known, t := digest.Of(seven), trust()
	f.Fuzz(func(tt *testing.T, b []byte) {
		s, err := edition.Read(b)
		if err != nil {
			return
		}
		if _, err := s.Verify(t); err == nil && s.Digest() != known {
			tt.Error("an edition that nobody signed is accepted")
		}
	})
}
