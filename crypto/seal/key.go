package seal

import (
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"

	"motcua/crypto/digest"
)

// KeySize is the size of a data key in bytes (AES-256).
const KeySize = 32

// Key is a data key. Destroying every copy of it destroys the data.
type Key [KeySize]byte

// NewKey makes a random data key.
func NewKey() Key {
	var k Key
	rand.Read(k[:])
	return k
}

// ErrKey is returned for bytes that are no sealing key.
var ErrKey = errors.New("malformed sealing key")

// ErrOpen is returned when sealed bytes do not open: another key, another purpose, or altered.
var ErrOpen = errors.New("sealed bytes do not open")

var (
	kem  = hpke.MLKEM768X25519()
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

// PublicKey seals data keys to the holder of the private key (X-Wing: X25519 with ML-KEM-768).
type PublicKey struct {
	id digest.Digest
	k  hpke.PublicKey
}

// ParsePublicKey reads the bytes that Bytes returns.
func ParsePublicKey(b []byte) (*PublicKey, error) {
	k, err := kem.NewPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	return &PublicKey{id: digest.Of(b), k: k}, nil
}

// Bytes returns the encoding of the key.
func (p *PublicKey) Bytes() []byte { return p.k.Bytes() }

// ID names the key.
func (p *PublicKey) ID() digest.Digest { return p.id }

// PrivateKey opens what was sealed to its public key.
type PrivateKey struct {
	k   hpke.PrivateKey
	pub *PublicKey
}

// GeneratePrivateKey makes a random key.
func GeneratePrivateKey() (*PrivateKey, error) {
	k, err := kem.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make sealing key: %w", err)
	}
	return wrap(k)
}

// ParsePrivateKey reads the bytes that Bytes returns.
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	k, err := kem.NewPrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKey, err)
	}
	return wrap(k)
}

func wrap(k hpke.PrivateKey) (*PrivateKey, error) {
	pub, err := ParsePublicKey(k.PublicKey().Bytes())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{k: k, pub: pub}, nil
}

// Public returns the key that seals.
func (p *PrivateKey) Public() *PublicKey { return p.pub }

// Bytes returns the secret encoding of the key.
func (p *PrivateKey) Bytes() ([]byte, error) { return p.k.Bytes() }

// suite is the first byte of a sealed key and names what it was sealed with: X-Wing, HKDF-SHA256 and AES-256-GCM.
// Append only.
const suite = 1

// SealKey seals a data key to a recipient for one purpose. The bytes open only with the same purpose.
func SealKey(to *PublicKey, purpose string, k Key) ([]byte, error) {
	b, err := hpke.Seal(to.k, kdf, aead, info(purpose), k[:])
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return append([]byte{suite}, b...), nil
}

// OpenKey opens what SealKey sealed. The error wraps ErrOpen, whatever the reason.
func (p *PrivateKey) OpenKey(purpose string, sealed []byte) (Key, error) {
	if len(sealed) == 0 {
		return Key{}, ErrOpen
	}
	if sealed[0] != suite {
		return Key{}, fmt.Errorf("sealed with suite %d, this version knows suite %d; upgrade: %w", sealed[0], suite, ErrOpen)
	}
	b, err := hpke.Open(p.k, kdf, aead, info(purpose), sealed[1:])
	if err != nil || len(b) != KeySize {
		return Key{}, ErrOpen
	}
	return Key(b), nil
}

func info(purpose string) []byte { return []byte("motcua seal v1\n" + purpose) }
