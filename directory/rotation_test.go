package directory_test

import (
	"bytes"
	"errors"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/directorytest"
)

func rotation(t testing.TB, from, to byte) directory.SignedRotation {
	t.Helper()
	s, err := directory.SignRotation(digest.Of(nil), "H32.22327", directorytest.Identity(from), directorytest.Identity(to))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRotationFormatStays holds what is signed; a node row with the keys' dates; and reads a rotation that was signed once.
// TestStepFormatStays: the hours of acknowledgement came later; a step without them has the bytes that it had.
func TestStepFormatStays(t *testing.T) {
	s := directory.Step{ID: "approve", Name: directory.Text{VI: "Duyệt", EN: "Approve"}, Kind: directory.StepDecide, Level: "district", Budget: 8}
	plain, err := wire.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "step", plain)
	s.Acknowledge = 4
	b, err := wire.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "step-acknowledge", b)
}

func TestRotationFormatStays(t *testing.T) {
	golden.Check(t, "rotation-body", rotation(t, 100, 110).Body)
	signed := golden.Read(t, "rotation-signed") // made once: a signature differs each time
	var s directory.SignedRotation
	if err := wire.Unmarshal(signed, &s); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Verify(directorytest.Identity(100).Public()); err != nil || r.To.ID() != directorytest.Identity(110).Public().ID() {
		t.Errorf("a rotation signed once: %v", err)
	}
	node, err := wire.Marshal(directory.Node{Office: "H32.1", Identity: directorytest.Identity(100).Public(), Addr: "a:1", Enrolled: 1, Retired: 3, Rotated: 2})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "node-retired", node)
}

func TestARotationNeedsEverySignature(t *testing.T) {
	old := directorytest.Identity(100).Public()
	for what, change := range map[string]func(*directory.SignedRotation){
		"by another old key":    func(s *directory.SignedRotation) { s.Old = rotation(t, 120, 110).Old },
		"by another new key":    func(s *directory.SignedRotation) { s.New = rotation(t, 100, 120).New },
		"by another TLS key":    func(s *directory.SignedRotation) { s.TLS = rotation(t, 100, 120).TLS },
		"old and new exchanged": func(s *directory.SignedRotation) { s.Old, s.New = s.New, s.Old },
		"from another key":      func(s *directory.SignedRotation) { *s = rotation(t, 120, 110) },
		"of another body": func(s *directory.SignedRotation) {
			s.Body = bytes.Replace(s.Body, []byte("H32.22327"), []byte("H32.22328"), 1)
		},
	} {
		s := rotation(t, 100, 110)
		change(&s)
		if _, err := s.Verify(old); !errors.Is(err, record.ErrSignature) {
			t.Errorf("signed %s: %v", what, err)
		}
	}
}

func FuzzRotation(f *testing.F) {
	b, err := wire.Marshal(rotation(f, 100, 110))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	old := directorytest.Identity(100).Public()
	f.Fuzz(func(t *testing.T, b []byte) {
		var s directory.SignedRotation
		if wire.Unmarshal(b, &s) != nil {
			return
		}
		if r, err := s.Verify(old); err == nil && r.To.ID() != directorytest.Identity(110).Public().ID() {
			t.Error("a rotation that nobody signed is believed")
		}
	})
}
