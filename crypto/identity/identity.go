// Package identity is what a node or directory server is known by: a hybrid signing key for records, an X-Wing key
// for what is sealed to it, and an ECDSA P-256 key for TLS. Three keys, so that what must verify or open for decades
// hangs on none that is used every second. The TLS key also signs session tokens, under a prefix that no handshake has.
//
// The public half is bound to a name by the directory; this package binds nothing. The private half lives in one
// file, readable by its owner alone.
package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/seal"
)

// Public is the public half, as bytes. Parse it once with [Public.Keys].
type Public struct {
	Sign []byte `cbor:"1,keyasint"` // record.PublicKey
	Seal []byte `cbor:"2,keyasint"` // seal.PublicKey
	TLS  []byte `cbor:"3,keyasint"` // uncompressed P-256 point
}

// ID names the identity: the digest of its three keys.
func (p Public) ID() digest.Digest {
	return digest.Of(append(append(append([]byte("motcua identity v1\n"), p.Sign...), p.Seal...), p.TLS...))
}

// Keys are the parsed keys of a Public.
type Keys struct {
	ID   digest.Digest
	Sign *record.PublicKey
	Seal *seal.PublicKey
	TLS  *ecdsa.PublicKey
}

// Keys parses the three keys and fails if any is malformed.
func (p Public) Keys() (*Keys, error) {
	sign, err := record.ParsePublicKey(p.Sign)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	sealed, err := seal.ParsePublicKey(p.Seal)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	tls, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p.TLS)
	if err != nil {
		return nil, fmt.Errorf("identity: TLS key: %w", err)
	}
	return &Keys{ID: p.ID(), Sign: sign, Seal: sealed, TLS: tls}, nil
}

// TLSID names a TLS public key, as peers are looked up by it during a handshake.
func TLSID(point []byte) digest.Digest {
	return digest.Of(append([]byte("motcua tls key v1\n"), point...))
}

// Private is the whole identity. Keep it in one process.
type Private struct {
	Sign *record.Key
	Seal *seal.PrivateKey
	TLS  *ecdsa.PrivateKey

	public Public
}

// Generate makes a random identity.
func Generate() (*Private, error) {
	seed := make([]byte, record.SeedSize)
	rand.Read(seed)
	sign, err := record.NewKey(seed)
	if err != nil {
		return nil, fmt.Errorf("make identity: %w", err)
	}
	sealing, err := seal.GeneratePrivateKey()
	if err != nil {
		return nil, fmt.Errorf("make identity: %w", err)
	}
	tls, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make identity: %w", err)
	}
	return assemble(sign, sealing, tls)
}

func assemble(sign *record.Key, sealing *seal.PrivateKey, tls *ecdsa.PrivateKey) (*Private, error) {
	point, err := tls.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("identity: TLS key: %w", err)
	}
	p := &Private{Sign: sign, Seal: sealing, TLS: tls}
	p.public = Public{Sign: sign.Public().Bytes(), Seal: sealing.Public().Bytes(), TLS: point}
	return p, nil
}

// Public returns the public half.
func (p *Private) Public() Public { return p.public }
