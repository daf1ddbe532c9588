// Package edition makes and checks signed, numbered copies of the directory's public tables. It is pure.
//
// # What an edition is
//
// The body holds every public table as of one place in the replicated log. It is built from the tables alone, so every
// server has the same bytes. Each server signs the body's digest with its own key, never with Raft's; an edition is
// complete with the signatures of a majority of the members, and only then leaves the servers.
//
// # What a reader checks
//
// [Signed.Verify] accepts an edition that a majority of the members the reader already trusts has signed, and that is
// newer than the one it holds. Two editions with one number are evidence of a forged or split directory: the second is
// refused with [ErrFork], loudly.
//
// # How it travels
//
// Whole ([Signed]), or, to a reader that holds an earlier one, as a [Delta]: strokes that make the new body from the old one, byte
// for byte, with the same signatures under the whole. [Receive] reads both, packed or not, from whichever carrier. A delta is
// trusted no more than its result.
//
// # What it does not do
//
// It holds no account, no track and no secret: anybody may read it. It does not say that nothing newer exists.
package edition

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Label is what members sign editions under.
const Label = "motcua edition v1"

// Version is the version of the body that this program writes and reads.
const Version = 1

// Bounds in bytes. A province of 170 nodes and 2,000 procedures takes about 8 MiB.
const (
	MaxBody   = 16 << 20
	MaxSigned = MaxBody + 8<<20 // with the successions of the members
)

// Edition is the public tables of one number. Rows are in the order of their codes.
type Edition struct {
	Version uint8  `cbor:"1,keyasint"`
	Number  uint64 `cbor:"2,keyasint"` // from 1; without gaps but for a wide one after a recovery
	Index   uint64 `cbor:"3,keyasint"` // place in the log
	Cut     int64  `cbor:"4,keyasint"` // Unix milliseconds
	// Prev is the digest of the body before; zero for the first.
	Prev     digest.Digest        `cbor:"5,keyasint"`
	Genesis  digest.Digest        `cbor:"6,keyasint"`
	Province directory.Text       `cbor:"7,keyasint"`
	Prefix   directory.OfficeCode `cbor:"8,keyasint"`
	Members  []directory.Member   `cbor:"9,keyasint"`
	Levels   []directory.Level    `cbor:"10,keyasint"`
	Offices  []directory.Office   `cbor:"11,keyasint"`
	// Nodes are the nodes in use and every revoked key, which old signatures are still checked against.
	Nodes      []directory.Node      `cbor:"12,keyasint"`
	Fields     []directory.Field     `cbor:"13,keyasint"`
	Procedures []directory.Procedure `cbor:"14,keyasint"` // every version ever published
	// Calendar is absent until the first is published.
	Calendar *directory.Calendar `cbor:"15,keyasint,omitempty"`
	// Withdrawn are the withdrawals of procedures, by code and version.
	Withdrawn []directory.Withdrawal `cbor:"19,keyasint,omitempty"`
	// Epoch numbers the set of members whose majority signs this edition: see [Succession].
	Epoch uint64 `cbor:"16,keyasint,omitempty"`
}

// Statement is what a member signs.
type Statement struct {
	Version uint8         `cbor:"1,keyasint"`
	Number  uint64        `cbor:"2,keyasint"`
	Body    digest.Digest `cbor:"3,keyasint"`
}

// Signed is a body with its signatures, as it travels and is kept.
type Signed struct {
	Body         []byte          `cbor:"1,keyasint"`
	Cosignatures []record.Record `cbor:"2,keyasint"`
	// Chain is the successions that lead to the members who signed, as far as a reader lacks them.
	Chain []SignedSuccession `cbor:"3,keyasint,omitempty"`
	// Epoch is that of the body, told before it is opened.
	Epoch uint64 `cbor:"4,keyasint,omitempty"`
}

// Trust is what a reader goes by: the members it knows and how it came to know them, and the newest edition it holds.
// Start from [TrustOf]; [Trust.Follow] leads to later members.
type Trust struct {
	Genesis  digest.Digest
	Members  []directory.Member
	Number   uint64        // 0 for none
	Digest   digest.Digest // of the body of that number
	Recovery []byte        // the province's recovery key, record.PublicKey; none if it has none
	Epoch    uint64        // of Members
	Head     digest.Digest // of the succession that led to them; zero at epoch 0
	Floor    uint64        // editions of the epoch have higher numbers
}

// Errors told apart by readers; all others are malformed bytes, which wrap wire.ErrMalformed.
var (
	ErrOld      = errors.New("edition is not newer than the one at hand")
	ErrForged   = errors.New("edition carries a signature that does not verify")
	ErrMinority = errors.New("edition is signed by too few of the directory's members")
	ErrForeign  = errors.New("edition is of another province")
	ErrFork     = errors.New("two different editions have the same number: report this to the province, one is forged or the directory has split")
	ErrNewer    = errors.New("edition is of a newer format: upgrade this program")
)

// Majority is how many of n members make an edition complete.
func Majority(n int) int { return n/2 + 1 }

// Encode returns the body.
func (e *Edition) Encode() ([]byte, error) {
	b, err := wire.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("edition %d: %w", e.Number, err)
	}
	if len(b) > MaxBody {
		return nil, directory.Errorf("cut edition", directory.Exhausted, "%d bytes, at most %d", len(b), MaxBody)
	}
	return b, nil
}

// Sign makes a member's signature under a body.
func Sign(k *record.Key, number uint64, body digest.Digest) (record.Record, error) {
	b, err := wire.Marshal(Statement{Version: 1, Number: number, Body: body})
	if err != nil {
		return record.Record{}, err
	}
	return record.SignOne(k, Label, b)
}

// CheckSignature tells whether the record is that member's signature under the body. The error wraps ErrForged.
func CheckSignature(r record.Record, key *record.PublicKey, number uint64, body digest.Digest) error {
	var s Statement
	if err := wire.Unmarshal(r.Body, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	if s.Version != 1 || s.Number != number || s.Body != body {
		return fmt.Errorf("%w: it is about another edition", ErrForged)
	}
	if err := r.Verify(key, Label); err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	return nil
}

// Encode returns the bytes that travel.
func (s Signed) Encode() ([]byte, error) { return wire.Marshal(s) }

// Read reads the bytes that travel. It checks no signature: see Verify.
func Read(b []byte) (Signed, error) {
	var s Signed
	if len(b) > MaxSigned {
		return s, fmt.Errorf("edition of %d bytes, at most %d: %w", len(b), MaxSigned, wire.ErrMalformed)
	}
	if err := wire.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("edition: %w", err)
	}
	if len(s.Cosignatures) > directory.MaxMembers || len(s.Chain) > MaxChain {
		return s, fmt.Errorf("edition with %d signatures and %d successions: %w", len(s.Cosignatures), len(s.Chain), wire.ErrMalformed)
	}
	return s, nil
}

// Digest names the body.
func (s Signed) Digest() digest.Digest { return digest.Of(s.Body) }

// Verify checks the edition against what the reader trusts, and opens it. The successions that it brings count: see
// [Signed.Follow].
func (s Signed) Verify(t Trust) (*Edition, error) {
	e, _, err := s.Follow(t)
	return e, err
}

// Follow is Verify that also returns what the reader trusts from now on, this edition included. A reader that keeps the
// edition must keep the successions with it.
func (s Signed) Follow(t Trust) (*Edition, Trust, error) {
	h, err := headOf(s.Body)
	if err != nil {
		return nil, t, err
	}
	number := h.number
	if h.genesis != t.Genesis {
		return nil, t, fmt.Errorf("edition %d: %w", number, ErrForeign)
	}
	next, err := t.Follow(s.Chain)
	if err != nil {
		return nil, t, fmt.Errorf("edition %d: %w", number, err)
	}
	body := s.Digest()
	if err := s.verifySignatures(next, number, body); err != nil {
		return nil, t, fmt.Errorf("edition %d: %w", number, err)
	}
	switch {
	case number == t.Number && body != t.Digest:
		return nil, t, fmt.Errorf("edition %d: %w", number, ErrFork)
	case number <= t.Number:
		return nil, t, fmt.Errorf("edition %d, at hand is %d: %w", number, t.Number, ErrOld)
	}
	e := new(Edition)
	if err := wire.Unmarshal(s.Body, e); err != nil {
		return nil, t, fmt.Errorf("edition %d: %w", number, err)
	}
	if e.Epoch != next.Epoch || number <= next.Floor {
		return nil, t, fmt.Errorf("edition %d: %w: it is not of the epoch that it claims", number, ErrForged)
	}
	next.Number, next.Digest = number, body
	return e, next, nil
}

// verifySignatures tells whether a majority of the trusted members has signed.
func (s Signed) verifySignatures(t Trust, number uint64, body digest.Digest) error {
	switch {
	case s.Epoch < t.Epoch:
		return fmt.Errorf("of epoch %d, this reader is at %d: %w", s.Epoch, t.Epoch, ErrRetired)
	case s.Epoch > t.Epoch:
		return fmt.Errorf("of epoch %d, this reader is at %d: %w", s.Epoch, t.Epoch, ErrLacking)
	}
	return majority(t.Members, s.Cosignatures, func(r record.Record, k *record.PublicKey) error {
		return CheckSignature(r, k, number, body)
	})
}

// head is the first keys of a body, which can be read before the rest is opened: one of a newer format is told from a damaged
// one, and one of another province from a forged one.
type head struct {
	number  uint64
	genesis digest.Digest
}

// headOf reads the head of a body. Core-deterministic CBOR puts it first: a map; 1, version; 2, number; 3, index; 4, cut;
// 5, the digest before; 6, genesis.
func headOf(body []byte) (h head, err error) {
	malformed := fmt.Errorf("edition: %w", wire.ErrMalformed)
	if len(body) > MaxBody || len(body) < 4 || body[0]>>5 != 5 {
		return h, malformed
	}
	rest := body[1:]
	var numbers [4]uint64
	for i := range numbers {
		var ok bool
		if len(rest) == 0 || rest[0] != byte(i+1) {
			return h, malformed
		}
		if numbers[i], rest, ok = intAt(rest[1:]); !ok {
			return h, malformed
		}
		if i == 1 && numbers[1] != 0 && numbers[0] != Version {
			return h, fmt.Errorf("edition %d of format %d, this version reads %d: %w", numbers[1], numbers[0], Version, ErrNewer)
		}
	}
	const before, genesis = "\x05\x58\x20", "\x06\x58\x20" // 32 bytes
	if h.number = numbers[1]; h.number == 0 || len(rest) < 2*(len(genesis)+digest.Size) || string(rest[:3]) != before {
		return h, malformed
	}
	rest = rest[3+digest.Size:]
	if string(rest[:3]) != genesis {
		return h, malformed
	}
	h.genesis = digest.Digest(rest[3 : 3+digest.Size])
	return h, nil
}

// intAt reads a CBOR integer (RFC 8949, section 3.1), of a negative one what stands for it.
func intAt(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 || b[0]>>5 > 1 {
		return 0, nil, false
	}
	info := b[0] & 31
	if info < 24 {
		return uint64(info), b[1:], true
	}
	if info > 27 {
		return 0, nil, false
	}
	n := 1 << (info - 24)
	if len(b) < 1+n {
		return 0, nil, false
	}
	for _, c := range b[1 : 1+n] {
		v = v<<8 | uint64(c)
	}
	return v, b[1+n:], true
}
