package recovery

import (
	"errors"
	"fmt"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
)

// KeyLabel is what a [Key] is signed under, by the province's recovery key.
const KeyLabel = "motcua backup recovery key v1"

// Key is the public half: what every node seals its backup to.
type Key struct {
	Version   uint8  `cbor:"1,keyasint"` // 1
	Number    uint32 `cbor:"2,keyasint"` // from 1; the highest is in force
	Seal      []byte `cbor:"3,keyasint"` // seal.PublicKey
	Shares    uint8  `cbor:"4,keyasint"`
	Threshold uint8  `cbor:"5,keyasint"`
	Made      int64  `cbor:"6,keyasint"` // Unix seconds
}

// Bounds in bytes.
const (
	MaxKey     = 16 << 10 // an encoded record of a Key
	MaxRequest = 32 << 10
	MaxAnswer  = 8 << 10
)

// ErrKey is wrapped by errors about a key that is not the province's, or of an unknown form.
var ErrKey = errors.New("recovery key of backups does not hold")

// NewKey makes a key, signed, and its shares.
func NewKey(number uint32, n, k int, now time.Time, signer *record.Key) (record.Record, []Share, error) {
	pub, shares, err := generate(n, k)
	if err != nil {
		return record.Record{}, nil, fmt.Errorf("make recovery key: %w", err)
	}
	b, err := wire.Marshal(Key{Version: 1, Number: number, Seal: pub.Bytes(), Shares: uint8(n), Threshold: uint8(k), Made: now.Unix()})
	if err != nil {
		return record.Record{}, nil, err
	}
	r, err := record.SignOne(signer, KeyLabel, b)
	return r, shares, err
}

// ReadKey reads a key that the province has signed.
func ReadKey(r record.Record, province *record.PublicKey) (k Key, sealing *seal.PublicKey, err error) {
	if err := r.Verify(province, KeyLabel); err != nil {
		return k, nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := wire.UnmarshalVersioned(r.Body, &k, 1); err != nil {
		return k, nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if k.Version != 1 || k.Number == 0 {
		return k, nil, fmt.Errorf("%w: format %d, number %d", ErrKey, k.Version, k.Number)
	}
	sealing, err = seal.ParsePublicKey(k.Seal)
	if err != nil {
		return k, nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, sealing, nil
}

// Request asks officials to open a data key for a new machine.
type Request struct {
	Version uint8           `cbor:"1,keyasint"` // 1
	Office  string          `cbor:"2,keyasint"`
	Machine identity.Public `cbor:"3,keyasint"` // whose keys they compare with the directory's
	Key     digest.Digest   `cbor:"4,keyasint"` // ID of the key that it is sealed to
	Sealed  []byte          `cbor:"5,keyasint"` // the data key
	Purpose string          `cbor:"6,keyasint"` // it was sealed for
	Until   int64           `cbor:"7,keyasint"` // Unix seconds: the newest that the backup has
}

// answerPurpose is what an answer is sealed for.
const answerPurpose = "answer of a recovery"

// Answer is the data key for the machine of a request.
type Answer struct {
	Version uint8         `cbor:"1,keyasint"` // 1
	Machine digest.Digest `cbor:"2,keyasint"` // identity.Public.ID
	Sealed  []byte        `cbor:"3,keyasint"`
}

// ReadRequest decodes a request.
func ReadRequest(b []byte) (q Request, err error) {
	if err := wire.UnmarshalVersioned(b, &q, 1); err != nil {
		return q, fmt.Errorf("read recovery request: %w", err)
	}
	if q.Version != 1 {
		return q, fmt.Errorf("read recovery request: format %d, this version reads format 1", q.Version)
	}
	return q, nil
}

// Answer opens the data key and seals it to the machine that asks.
func (q Request) Answer(key *seal.PrivateKey) ([]byte, error) {
	if key.Public().ID() != q.Key {
		return nil, fmt.Errorf("answer recovery request: it is sealed to the key %x, these are shares of %x: bring those", short(q.Key), short(key.Public().ID()))
	}
	k, err := key.OpenKey(q.Purpose, q.Sealed)
	if err != nil {
		return nil, fmt.Errorf("answer recovery request: %w", err)
	}
	to, err := q.Machine.Keys()
	if err != nil {
		return nil, fmt.Errorf("answer recovery request: %w", err)
	}
	sealed, err := seal.SealKey(to.Seal, answerPurpose, k)
	if err != nil {
		return nil, fmt.Errorf("answer recovery request: %w", err)
	}
	return wire.Marshal(Answer{Version: 1, Machine: q.Machine.ID(), Sealed: sealed})
}

// OpenAnswer returns the data key of an answer to this machine.
func OpenAnswer(b []byte, id *identity.Private) (seal.Key, error) {
	var a Answer
	if err := wire.UnmarshalVersioned(b, &a, 1); err != nil {
		return seal.Key{}, fmt.Errorf("read recovery answer: %w", err)
	}
	if a.Version != 1 || a.Machine != id.Public().ID() {
		return seal.Key{}, errors.New("read recovery answer: it is for another machine; bring the officials this machine's request")
	}
	k, err := id.Seal.OpenKey(answerPurpose, a.Sealed)
	if err != nil {
		return k, fmt.Errorf("read recovery answer: %w", err)
	}
	return k, nil
}
