package directory

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// RotationLabel is what a rotation is signed under, by the old keys and by the new ones.
const RotationLabel = "motcua rotation v1"

// Rotation is a node's word that it goes on under other keys.
type Rotation struct {
	Version uint8           `cbor:"1,keyasint"` // 1
	Genesis digest.Digest   `cbor:"2,keyasint"`
	Office  OfficeCode      `cbor:"3,keyasint"`
	From    digest.Digest   `cbor:"4,keyasint"` // identity.Public.ID of the old keys
	To      identity.Public `cbor:"5,keyasint"`
}

// SignedRotation is a rotation signed by the old signing key, which allows it, and by the new signing and TLS keys, which the
// node so shows to hold. The bodies of the two records are left out: they are Body.
type SignedRotation struct {
	Body []byte        `cbor:"1,keyasint"`
	Old  record.Record `cbor:"2,keyasint"`
	New  record.Record `cbor:"3,keyasint"`
	TLS  []byte        `cbor:"4,keyasint"` // identity.Private.SignToken of the new keys
}

// SignRotation makes the rotation of an office's node from one identity to another.
func SignRotation(genesis digest.Digest, office OfficeCode, old, next *identity.Private) (s SignedRotation, err error) {
	s.Body, err = wire.Marshal(Rotation{Version: 1, Genesis: genesis, Office: office, From: old.Public().ID(), To: next.Public()})
	if err != nil {
		return s, err
	}
	if s.Old, err = record.SignOne(old.Sign, RotationLabel, s.Body); err != nil {
		return s, err
	}
	if s.New, err = record.SignOne(next.Sign, RotationLabel, s.Body); err != nil {
		return s, err
	}
	s.Old.Body, s.New.Body = nil, nil
	s.TLS, err = next.SignToken(RotationLabel, s.Body)
	return s, err
}

// Read returns what is signed, checked for form alone.
func (s SignedRotation) Read() (r Rotation, err error) {
	if err := wire.UnmarshalVersioned(s.Body, &r, 1); err != nil {
		return r, fmt.Errorf("rotation: %w", err)
	}
	if r.Version != 1 || len(s.Old.Body) > 0 || len(s.New.Body) > 0 || len(s.Old.Path) > 0 || len(s.New.Path) > 0 {
		return r, fmt.Errorf("rotation: %w", wire.ErrMalformed)
	}
	if _, err := r.To.Keys(); err != nil {
		return r, fmt.Errorf("rotation: %w", err)
	}
	return r, r.Office.Validate()
}

// Verify checks the three signatures against the keys that the node has now.
func (s SignedRotation) Verify(old identity.Public) (Rotation, error) {
	r, err := s.Read()
	if err != nil {
		return r, err
	}
	if r.From != old.ID() {
		return r, fmt.Errorf("rotation from key %s, in use is %s: %w", r.From.Short(), old.ID().Short(), record.ErrSignature)
	}
	before, err := old.Keys()
	if err != nil {
		return r, err
	}
	after, err := r.To.Keys()
	if err != nil {
		return r, err
	}
	s.Old.Body, s.New.Body = s.Body, s.Body
	if err := s.Old.Verify(before.Sign, RotationLabel); err != nil {
		return r, fmt.Errorf("by the old key: %w", err)
	}
	if err := s.New.Verify(after.Sign, RotationLabel); err != nil {
		return r, fmt.Errorf("by the new key: %w", err)
	}
	if !after.VerifyToken(RotationLabel, s.Body, s.TLS) {
		return r, fmt.Errorf("by the new TLS key: %w", record.ErrSignature)
	}
	return r, nil
}
