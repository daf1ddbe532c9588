// Package record makes signed statements that must verify for decades: exact bytes, kept for ever, under a hybrid
// signature of ECDSA P-256 (FIPS 186-5) and ML-DSA-65 (FIPS 204). Both halves must verify. It is pure.
//
// # Labels
//
// Every statement is signed under a label that names its kind and version ("motcua event v1"), so that a signature
// made for one purpose never verifies for another.
//
// # Batches
//
// One signature may cover many statements: their bodies are the leaves of a Merkle tree (hashing as in RFC 6962),
// the root is signed, and each Record carries its own path. A record made alone has an empty path. A reader need not
// know the difference.
//
// # What it does not do
//
// It does not say whom a key belongs to, nor when a statement was made: those are the directory's and the log's.
package record

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"motcua/crypto/digest"
)

// Record is a signed statement. Body is the exact bytes that were signed; never re-encode them.
type Record struct {
	Body      []byte          `cbor:"1,keyasint"`
	Signer    digest.Digest   `cbor:"2,keyasint"` // ID of the signing key
	Signature []byte          `cbor:"3,keyasint"`
	Index     uint32          `cbor:"4,keyasint,omitempty"` // of this leaf in the batch
	Size      uint32          `cbor:"5,keyasint"`           // leaves in the batch, at least 1
	Path      []digest.Digest `cbor:"6,keyasint,omitempty"` // siblings from the leaf up
}

// MaxBatch bounds the statements under one signature.
const MaxBatch = 1 << 16

// Sign signs bodies under one label with one signature, and returns a record for each, in order.
func Sign(k *Key, label string, bodies ...[]byte) ([]Record, error) {
	if len(bodies) == 0 || len(bodies) > MaxBatch {
		return nil, fmt.Errorf("sign %s: %d statements, want 1 to %d", label, len(bodies), MaxBatch)
	}
	leaves := make([]digest.Digest, len(bodies))
	for i, b := range bodies {
		leaves[i] = leaf(b)
	}
	paths := make([][]digest.Digest, len(bodies))
	sig, err := k.sign(label, rootMessage(uint32(len(bodies)), tree(leaves, paths)))
	if err != nil {
		return nil, err
	}
	out := make([]Record, len(bodies))
	for i, b := range bodies {
		out[i] = Record{
			Body: b, Signer: k.Public().ID(), Signature: sig,
			Index: uint32(i), Size: uint32(len(bodies)), Path: paths[i],
		}
	}
	return out, nil
}

// SignOne signs a single statement.
func SignOne(k *Key, label string, body []byte) (Record, error) {
	rs, err := Sign(k, label, body)
	if err != nil {
		return Record{}, err
	}
	return rs[0], nil
}

// ID names the statement: the digest of its body. It does not depend on the signature.
func (r Record) ID() digest.Digest { return digest.Of(r.Body) }

// Verify checks that the holder of key made the statement under the label. The error wraps ErrSignature.
func (r Record) Verify(key *PublicKey, label string) error {
	if r.Signer != key.ID() {
		return fmt.Errorf("%s: signed by key %s, not %s: %w", label, r.Signer.Short(), key.ID().Short(), ErrSignature)
	}
	root, err := climb(leaf(r.Body), r.Index, r.Size, r.Path)
	if err != nil {
		return fmt.Errorf("%s: %w", label, err)
	}
	if r.Size > 1 && key.good.has(label, r, root) {
		return nil
	}
	if err := key.verify(label, rootMessage(r.Size, root), r.Signature); err != nil {
		return fmt.Errorf("%s: %w", label, err)
	}
	if r.Size > 1 {
		key.good.add(label, r, root)
	}
	return nil
}

func rootMessage(size uint32, root digest.Digest) []byte {
	return append(binary.BigEndian.AppendUint32(nil, size), root[:]...)
}

func leaf(b []byte) digest.Digest {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(b)
	return digest.Digest(h.Sum(nil))
}

func node(l, r digest.Digest) digest.Digest {
	var b [1 + 2*digest.Size]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[1+digest.Size:], r[:])
	return sha256.Sum256(b[:])
}

// split is the largest power of two below n (RFC 6962, section 2.1).
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// tree returns the root over the leaves and appends to each path the siblings from its leaf up.
func tree(leaves []digest.Digest, paths [][]digest.Digest) digest.Digest {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	l, r := tree(leaves[:k], paths[:k]), tree(leaves[k:], paths[k:])
	for i := range paths {
		if i < k {
			paths[i] = append(paths[i], r)
		} else {
			paths[i] = append(paths[i], l)
		}
	}
	return node(l, r)
}

// climb recomputes the root from a leaf and its path (RFC 9162, section 2.1.3.2).
func climb(h digest.Digest, index, size uint32, path []digest.Digest) (digest.Digest, error) {
	bad := fmt.Errorf("path of %d does not fit leaf %d of %d: %w", len(path), index, size, ErrSignature)
	if index >= size || len(path) > 32 {
		return h, bad
	}
	fn, sn := index, size-1
	for _, p := range path {
		if sn == 0 {
			return h, bad
		}
		if fn&1 == 1 || fn == sn {
			h = node(p, h)
			for fn&1 == 0 && fn != 0 {
				fn >>= 1
				sn >>= 1
			}
		} else {
			h = node(h, p)
		}
		fn >>= 1
		sn >>= 1
	}
	if sn != 0 {
		return h, bad
	}
	return h, nil
}
