package directorytest

import (
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/edition"
)

// RecoveryKey returns the recovery key of a number. It is no secret.
func RecoveryKey(n byte) *record.Key { return Identity(n).Sign }

// Members returns the members of numbers, see [Member].
func Members(numbers ...byte) (out []directory.Member) {
	for _, n := range numbers {
		out = append(out, Member(n))
	}
	return out
}

// Sign has members sign a succession.
func Sign(t testing.TB, s edition.Succession, signers ...byte) edition.SignedSuccession {
	t.Helper()
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	out := edition.SignedSuccession{Body: b}
	for _, n := range signers {
		r, err := edition.SignSuccession(Identity(10*n).Sign, s.Epoch, digest.Of(b))
		if err != nil {
			t.Fatal(err)
		}
		out.Cosignatures = append(out.Cosignatures, r)
	}
	return out
}

// Succeed makes the succession of the members of numbers after what a reader trusts, signed by others.
func Succeed(t testing.TB, after edition.Trust, members []byte, signers ...byte) edition.SignedSuccession {
	t.Helper()
	return Sign(t, edition.Succession{
		Version: 1, Genesis: after.Genesis, Epoch: after.Epoch + 1, Prev: after.Head, Members: Members(members...), Floor: after.Number,
	}, signers...)
}
