package edition

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
)

// SuccessionLabel is what members sign a succession under; RecoveryLabel is for the province's recovery key.
const (
	SuccessionLabel = "motcua succession v1"
	RecoveryLabel   = "motcua recovery v1"
)

// Bounds of what a reader follows. A province that changes a server every month reaches the first in ten years; a recovery
// begins a new chain.
const (
	MaxChain      = 128
	MaxSuccession = 192 << 10 // bytes
)

// Succession says which members follow the ones before: one is added, one is gone, or one has new keys. Sets of members are
// numbered by epoch; those of the genesis are epoch 0.
//
// A majority of the old members signs it, and a majority of the new ones, who show in this way that they hold their keys.
// Where no majority of the old ones is left, the province's recovery key signs in their place: such a succession follows
// whatever the reader has, as long as its epoch is later.
type Succession struct {
	Version uint8         `cbor:"1,keyasint"` // 1
	Genesis digest.Digest `cbor:"2,keyasint"`
	Epoch   uint64        `cbor:"3,keyasint"` // from 1
	// Prev is the digest of the succession before; zero for the first.
	Prev    digest.Digest      `cbor:"4,keyasint"`
	Members []directory.Member `cbor:"5,keyasint"`
	// Floor: the editions of this epoch have higher numbers.
	Floor    uint64 `cbor:"6,keyasint"`
	Recovery bool   `cbor:"7,keyasint,omitempty"`
}

// successionStatement is what is signed.
type successionStatement struct {
	Version uint8         `cbor:"1,keyasint"`
	Epoch   uint64        `cbor:"2,keyasint"`
	Body    digest.Digest `cbor:"3,keyasint"`
}

// SignedSuccession is a succession with its signatures, as it travels and is kept.
type SignedSuccession struct {
	Body         []byte          `cbor:"1,keyasint"`
	Cosignatures []record.Record `cbor:"2,keyasint"`
}

// The refusals of successions, beside those of editions.
var (
	ErrSkipped = errors.New("succession of the directory's members does not follow the one at hand: one between them is missing, or it is forged")
	ErrRetired = errors.New("edition is signed by members that others have succeeded")
	ErrLacking = errors.New("edition is of members that this reader does not know yet, and does not bring their succession")
)

// Encode validates the succession and returns its body.
func (s *Succession) Encode() ([]byte, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	return wire.Marshal(s)
}

func (s *Succession) validate() error {
	switch {
	case s.Version != 1:
		return fmt.Errorf("succession %d of format %d, this version reads 1: %w", s.Epoch, s.Version, ErrNewer)
	case s.Epoch == 0:
		return fmt.Errorf("succession of epoch 0: %w", wire.ErrMalformed)
	}
	if err := directory.ValidMembers(s.Members); err != nil {
		return fmt.Errorf("succession %d: %w", s.Epoch, err)
	}
	return nil
}

// ReadSuccession reads a body. It checks no signature: see [Trust.Follow].
func ReadSuccession(b []byte) (*Succession, error) {
	if len(b) > MaxSuccession {
		return nil, fmt.Errorf("succession of %d bytes, at most %d: %w", len(b), MaxSuccession, wire.ErrMalformed)
	}
	s := new(Succession)
	if err := wire.UnmarshalVersioned(b, s, 1); err != nil {
		if errors.Is(err, wire.ErrNewer) {
			return nil, fmt.Errorf("succession: %w: %w", ErrNewer, err)
		}
		return nil, fmt.Errorf("succession: %w", err)
	}
	return s, s.validate()
}

// SignSuccession makes a member's signature under a succession.
func SignSuccession(k *record.Key, epoch uint64, body digest.Digest) (record.Record, error) {
	return signSuccession(k, SuccessionLabel, epoch, body)
}

// SignRecovery makes the signature of the province's recovery key.
func SignRecovery(k *record.Key, epoch uint64, body digest.Digest) (record.Record, error) {
	return signSuccession(k, RecoveryLabel, epoch, body)
}

func signSuccession(k *record.Key, label string, epoch uint64, body digest.Digest) (record.Record, error) {
	b, err := wire.Marshal(successionStatement{Version: 1, Epoch: epoch, Body: body})
	if err != nil {
		return record.Record{}, err
	}
	return record.SignOne(k, label, b)
}

// CheckSuccession tells whether the record is that key's signature under a succession. The error wraps ErrForged.
func CheckSuccession(r record.Record, key *record.PublicKey, epoch uint64, body digest.Digest) error {
	return checkSuccession(r, key, SuccessionLabel, epoch, body)
}

func checkSuccession(r record.Record, key *record.PublicKey, label string, epoch uint64, body digest.Digest) error {
	var s successionStatement
	if err := wire.Unmarshal(r.Body, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	if s != (successionStatement{Version: 1, Epoch: epoch, Body: body}) {
		return fmt.Errorf("%w: it is about another succession", ErrForged)
	}
	if err := r.Verify(key, label); err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	return nil
}

// Digest names the succession.
func (s SignedSuccession) Digest() digest.Digest { return digest.Of(s.Body) }

// TrustOf is what a reader goes by that holds the genesis and nothing else.
func TrustOf(g directory.Genesis) Trust {
	return Trust{Genesis: g.Digest(), Members: g.Members, Recovery: g.Recovery}
}

// Follow returns what a reader trusts after a chain of successions. Those that it has already are passed over; each of the
// others must follow the one before. The error is or wraps ErrForeign, ErrForged, ErrMinority, ErrSkipped or ErrNewer.
func (t Trust) Follow(chain []SignedSuccession) (Trust, error) {
	if len(chain) > MaxChain {
		return t, fmt.Errorf("chain of %d successions, at most %d: %w", len(chain), MaxChain, wire.ErrMalformed)
	}
	for _, s := range chain {
		next, err := t.followOne(s)
		if err != nil {
			return t, err
		}
		t = next
	}
	return t, nil
}

func (t Trust) followOne(signed SignedSuccession) (Trust, error) {
	s, err := ReadSuccession(signed.Body)
	if err != nil {
		return t, err
	}
	d := signed.Digest()
	switch {
	case s.Genesis != t.Genesis:
		return t, fmt.Errorf("succession %d: %w", s.Epoch, ErrForeign)
	case s.Epoch < t.Epoch, s.Epoch == t.Epoch && d == t.Head:
		return t, nil
	case s.Epoch == t.Epoch, !s.Recovery && (s.Epoch != t.Epoch+1 || s.Prev != t.Head):
		return t, fmt.Errorf("succession %d, at hand is %d: %w", s.Epoch, t.Epoch, ErrSkipped)
	}
	if err := t.admit(s, signed, d); err != nil {
		return t, fmt.Errorf("succession %d: %w", s.Epoch, err)
	}
	t.Epoch, t.Head, t.Members, t.Floor = s.Epoch, d, s.Members, s.Floor
	return t, nil
}

// admit checks the signatures of a succession that follows the reader's.
func (t Trust) admit(s *Succession, signed SignedSuccession, body digest.Digest) error {
	check := func(r record.Record, k *record.PublicKey) error { return CheckSuccession(r, k, s.Epoch, body) }
	if err := majority(s.Members, signed.Cosignatures, check); err != nil {
		return fmt.Errorf("of the new members: %w", err)
	}
	if s.Recovery {
		return t.checkRecovery(s.Epoch, signed.Cosignatures, body)
	}
	if err := majority(t.Members, signed.Cosignatures, check); err != nil {
		return fmt.Errorf("of the members before: %w", err)
	}
	return nil
}

// checkRecovery looks for the signature of the province's recovery key.
func (t Trust) checkRecovery(epoch uint64, cosignatures []record.Record, body digest.Digest) error {
	if len(t.Recovery) == 0 {
		return fmt.Errorf("%w: it says that the recovery key signed it, and this province has none", ErrForged)
	}
	key, err := record.ParsePublicKey(t.Recovery)
	if err != nil {
		return fmt.Errorf("recovery key: %w", err)
	}
	for _, r := range cosignatures {
		if r.Signer == key.ID() {
			return checkSuccession(r, key, RecoveryLabel, epoch, body)
		}
	}
	return fmt.Errorf("%w: the recovery key has not signed it", ErrMinority)
}

// majority counts the members whose signatures are there, each once; a signature of a stranger counts for nothing.
func majority(members []directory.Member, cosignatures []record.Record, check func(record.Record, *record.PublicKey) error) error {
	signed := map[digest.Digest]bool{}
	for _, m := range members {
		keys, err := m.Identity.Keys()
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
		for _, r := range cosignatures {
			if r.Signer != keys.Sign.ID() {
				continue
			}
			if err := check(r, keys.Sign); err != nil {
				return fmt.Errorf("member %s: %w", m.Name, err)
			}
			signed[r.Signer] = true
		}
	}
	if want := Majority(len(members)); len(signed) < want {
		return fmt.Errorf("%d of %d, want %d: %w", len(signed), len(members), want, ErrMinority)
	}
	return nil
}

// After returns the part of a chain that a reader at an epoch lacks, of those that lead to the epoch of an edition.
func After(chain []SignedSuccession, epoch, upTo uint64) []SignedSuccession {
	var out []SignedSuccession
	for _, s := range chain {
		if v, err := ReadSuccession(s.Body); err == nil && v.Epoch > epoch && v.Epoch <= upTo {
			out = append(out, s)
		}
	}
	return out
}
