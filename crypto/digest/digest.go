// Package digest names bytes by their SHA-256 (FIPS 180-4). It is pure.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Size is the length of a digest in bytes.
const Size = sha256.Size

// Digest is the SHA-256 of some bytes. The zero Digest names nothing.
type Digest [Size]byte

// Of returns the digest of b.
func Of(b []byte) Digest { return sha256.Sum256(b) }

// Parse reads the 64 hexadecimal digits that String writes.
func Parse(s string) (Digest, error) {
	var d Digest
	if len(s) != 2*Size {
		return d, fmt.Errorf("digest: want %d hexadecimal digits, have %d characters", 2*Size, len(s))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return Digest{}, fmt.Errorf("digest: %w", err)
	}
	return d, nil
}

// IsZero tells whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns d as 64 lower-case hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short returns the first 12 digits, for logs and screens; never compare by it.
func (d Digest) Short() string { return hex.EncodeToString(d[:6]) }

// MarshalText writes d as String does.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(b []byte) error {
	v, err := Parse(string(b))
	*d = v
	return err
}

// wireHead begins a byte string of Size bytes in CBOR (RFC 8949, 3.1).
const wireHead = "\x58\x20"

// MarshalCBOR writes d as the byte string that it is, as crypto/wire would by itself, in less time.
func (d Digest) MarshalCBOR() ([]byte, error) { return append([]byte(wireHead), d[:]...), nil }

// UnmarshalCBOR reads what MarshalCBOR writes.
func (d *Digest) UnmarshalCBOR(b []byte) error {
	if len(b) != len(wireHead)+Size || string(b[:len(wireHead)]) != wireHead {
		return fmt.Errorf("digest: want a byte string of %d bytes", Size)
	}
	copy(d[:], b[len(wireHead):])
	return nil
}
