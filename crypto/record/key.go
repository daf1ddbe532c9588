package record

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"

	"motcua/crypto/digest"
)

// Sizes in bytes of the parts of keys and signatures.
const (
	pointSize     = 65 // uncompressed P-256 point
	scalarSize    = 32
	ecdsaSize     = 2 * scalarSize // r ‖ s, fixed width
	PublicKeySize = pointSize + mldsa65.PublicKeySize
	SeedSize      = scalarSize + mldsa65.SeedSize
	SignatureSize = ecdsaSize + mldsa65.SignatureSize
)

// ErrKey is returned for bytes that are no key.
var ErrKey = errors.New("malformed signing key")

// ErrSignature is returned when a signature does not verify, whatever the reason.
var ErrSignature = errors.New("signature does not verify")

// PublicKey verifies hybrid signatures: an uncompressed P-256 point (SEC 1) followed by an ML-DSA-65 key (FIPS 204).
// Parsing is cached in it, so keep it rather than its bytes.
type PublicKey struct {
	id      digest.Digest
	bytes   []byte
	classic *ecdsa.PublicKey
	lattice *mldsa65.PublicKey
	good    recent
}

// ParsePublicKey reads the bytes that Bytes returns.
func ParsePublicKey(b []byte) (*PublicKey, error) {
	if len(b) != PublicKeySize {
		return nil, fmt.Errorf("%w: want %d bytes, have %d", ErrKey, PublicKeySize, len(b))
	}
	classic, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b[:pointSize])
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	lattice := new(mldsa65.PublicKey)
	if err := lattice.UnmarshalBinary(b[pointSize:]); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	own := append([]byte(nil), b...)
	return &PublicKey{id: digest.Of(own), bytes: own, classic: classic, lattice: lattice}, nil
}

// Bytes returns the encoding of the key, PublicKeySize bytes; do not modify it.
func (k *PublicKey) Bytes() []byte { return k.bytes }

// ID names the key: the digest of its bytes.
func (k *PublicKey) ID() digest.Digest { return k.id }

// verify checks both halves over the labelled message.
func (k *PublicKey) verify(label string, msg, sig []byte) error {
	if len(sig) != SignatureSize {
		return ErrSignature
	}
	der, err := derOf(sig[:ecdsaSize])
	if err != nil {
		return ErrSignature
	}
	d := signedString(label, msg)
	ok := ecdsa.VerifyASN1(k.classic, digest32(d), der)
	if !mldsa65.Verify(k.lattice, d, []byte(context), sig[ecdsaSize:]) || !ok {
		return ErrSignature
	}
	return nil
}

// Key signs. Signing is deterministic (RFC 6979, and ML-DSA without hedging): the same statement has the same bytes.
type Key struct {
	seed    []byte
	public  *PublicKey
	classic *ecdsa.PrivateKey
	lattice *mldsa65.PrivateKey

	gathered gathered
}

// NewKey makes the key of a secret seed of SeedSize random bytes: the P-256 scalar, then the ML-DSA-65 seed.
// One seed in 2³² is no valid scalar; the error then says so and another seed is taken.
func NewKey(seed []byte) (*Key, error) {
	if len(seed) != SeedSize {
		return nil, fmt.Errorf("%w: seed of %d bytes, want %d", ErrKey, len(seed), SeedSize)
	}
	classic, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:scalarSize])
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	point, err := classic.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	pub, priv := mldsa65.NewKeyFromSeed((*[mldsa65.SeedSize]byte)(seed[scalarSize:]))
	public, err := ParsePublicKey(append(point, pub.Bytes()...))
	if err != nil {
		return nil, err
	}
	return &Key{seed: append([]byte(nil), seed...), public: public, classic: classic, lattice: priv}, nil
}

// Public returns the key that verifies.
func (k *Key) Public() *PublicKey { return k.public }

// Seed returns the secret the key was made from.
func (k *Key) Seed() []byte { return k.seed }

func (k *Key) sign(label string, msg []byte) ([]byte, error) {
	d := signedString(label, msg)
	der, err := k.classic.Sign(nil, digest32(d), crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", label, err)
	}
	sig := make([]byte, SignatureSize)
	if err := fixedOf(der, sig[:ecdsaSize]); err != nil {
		return nil, fmt.Errorf("sign %s: %w", label, err)
	}
	if err := mldsa65.SignTo(k.lattice, d, []byte(context), false, sig[ecdsaSize:]); err != nil {
		return nil, fmt.Errorf("sign %s: %w", label, err)
	}
	return sig, nil
}

// context separates our ML-DSA signatures from every other use of such a key.
const context = "motcua"

// signedString is what both halves sign: a fixed-size hash of the label and the message, unambiguous because the
// label ends at the zero byte it may not contain.
func signedString(label string, msg []byte) []byte {
	h := sha512.New()
	h.Write([]byte("motcua signed v1\n" + label))
	h.Write([]byte{0})
	h.Write(msg)
	return h.Sum(nil)
}

func digest32(b []byte) []byte {
	d := sha256.Sum256(b)
	return d[:]
}

type ecdsaSig struct{ R, S *big.Int }

func fixedOf(der, out []byte) error {
	var s ecdsaSig
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return err
	}
	s.R.FillBytes(out[:scalarSize])
	s.S.FillBytes(out[scalarSize:])
	return nil
}

func derOf(fixed []byte) ([]byte, error) {
	return asn1.Marshal(ecdsaSig{new(big.Int).SetBytes(fixed[:scalarSize]), new(big.Int).SetBytes(fixed[scalarSize:])})
}
