package replication

import (
	"errors"
	"fmt"
	"math/bits"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// Name is a party on the network: an office code or a directory server's name.
type Name string

// Labels of the signed formats.
const (
	ManifestLabel = "motcua parcel v1"
	ReceiptLabel  = "motcua receipt v1"
)

// Bounds of a parcel. ChunkSize is the plain size of every chunk but the last.
const (
	ChunkSize   = 256 << 10
	MaxChunks   = 8192      // 2 GiB of content
	MaxBody     = 8 << 20   // of the structured part of the content
	MaxFiles    = 256       // attachments in one parcel
	MaxManifest = 512 << 10 // bytes of an encoded parcel record
)

// Chunk is one encrypted chunk: the hash and length of its ciphertext.
type Chunk struct {
	Hash digest.Digest `cbor:"1,keyasint"`
	Size uint32        `cbor:"2,keyasint"`
}

// Manifest is the signed description of a parcel. Times are Unix seconds of the sender's clock.
type Manifest struct {
	Version uint8    `cbor:"1,keyasint"` // 1
	From    Name     `cbor:"2,keyasint"`
	To      Name     `cbor:"3,keyasint"`
	Created int64    `cbor:"4,keyasint"`
	Expires int64    `cbor:"5,keyasint"` // past it a person decides; the parcel is still delivered
	Nonce   [16]byte `cbor:"6,keyasint"` // random: two parcels never share an id
	Key     []byte   `cbor:"7,keyasint"` // data key, sealed to the recipient for purpose "parcel"
	Chunks  []Chunk  `cbor:"8,keyasint"`
	Edition uint64   `cbor:"9,keyasint"` // of the directory, that the sender acted under
}

// Validate checks version, names and bounds.
func (m Manifest) Validate() error {
	switch {
	case m.Version > 1:
		return fmt.Errorf("parcel of format %d: this version reads format 1; upgrade: %w", m.Version, ErrTooNew)
	case m.Version != 1:
		return fmt.Errorf("parcel of format %d: %w", m.Version, ErrMalformed)
	case m.From == "" || m.To == "" || len(m.From) > 64 || len(m.To) > 64:
		return fmt.Errorf("parcel without a proper sender and recipient: %w", ErrMalformed)
	case len(m.Chunks) == 0 || len(m.Chunks) > MaxChunks:
		return fmt.Errorf("parcel of %d chunks, want 1 to %d: %w", len(m.Chunks), MaxChunks, ErrMalformed)
	}
	for i, c := range m.Chunks {
		last := i == len(m.Chunks)-1
		if !last && c.Size != ChunkSize+16 || c.Size < 16 || c.Size > ChunkSize+16 {
			return fmt.Errorf("parcel chunk %d of %d bytes: %w", i, c.Size, ErrMalformed)
		}
	}
	return nil
}

// Bytes is the total size of the ciphertext.
func (m Manifest) Bytes() int64 {
	n := int64(0)
	for _, c := range m.Chunks {
		n += int64(c.Size)
	}
	return n
}

// Small tells whether the chunks of the parcel travel with its offer.
func (m Manifest) Small() bool { return m.Bytes() <= MaxSmall }

// Parcel is a manifest with the record it was read from. The record's bytes are what is kept and forwarded.
type Parcel struct {
	Record   record.Record
	Manifest Manifest
}

// Read decodes and validates the parcel of a record. It does not check the signature: see Verify.
func Read(r record.Record) (Parcel, error) {
	var m Manifest
	if len(r.Body) > MaxManifest {
		return Parcel{}, fmt.Errorf("manifest of %d bytes: %w", len(r.Body), ErrMalformed)
	}
	if err := wire.UnmarshalVersioned(r.Body, &m, 1); err != nil {
		return Parcel{}, fmt.Errorf("manifest: %w: %w", ErrMalformed, err)
	}
	if err := m.Validate(); err != nil {
		return Parcel{}, err
	}
	return Parcel{r, m}, nil
}

// ID names the parcel.
func (p Parcel) ID() digest.Digest { return p.Record.ID() }

// Outcome is what became of a parcel at its recipient. Append only.
type Outcome uint8

// The outcomes.
const (
	Delivered Outcome = 1 // committed durably
	Refused   Outcome = 2 // never will be: see Refusal
	TakenOver Outcome = 3 // committed durably, and what it hands over is the recipient's to go on with
)

// Refusal says why a parcel will never be taken. Append only.
type Refusal string

// The refusals.
const (
	BadSignature  Refusal = "bad_signature"  // the manifest does not verify under the sender's key
	UnknownSender Refusal = "unknown_sender" // the recipient's edition does not know the sender
	RevokedSender Refusal = "revoked_sender" // the sender's key is revoked; no longer given: see SenderRevoked
	NotForMe      Refusal = "not_for_me"     // addressed to somebody else
	Unreadable    Refusal = "unreadable"     // does not open under the recipient's key, or is malformed inside
	Unwelcome     Refusal = "unwelcome"      // well-formed, but breaks a rule: see Note
	HandedOver    Refusal = "handed_over"    // what it is about is another's by now: Note is the name to send it to
)

// Receipt is the recipient's signed answer about one parcel.
type Receipt struct {
	Version uint8         `cbor:"1,keyasint"` // 1
	Parcel  digest.Digest `cbor:"2,keyasint"`
	From    Name          `cbor:"3,keyasint"` // who answers: the parcel's recipient
	To      Name          `cbor:"4,keyasint"`
	Outcome Outcome       `cbor:"5,keyasint"`
	Refusal Refusal       `cbor:"6,keyasint,omitempty"`
	Note    string        `cbor:"7,keyasint,omitempty"` // plain reason, no personal data
	At      int64         `cbor:"8,keyasint"`           // Unix seconds of the recipient's clock
	Log     *LogHead      `cbor:"9,keyasint,omitempty"` // of the recipient when it signed; not to senders of FormerProtocol
}

// LogHead is the head of a node's append-only log, a Merkle tree (RFC 6962) over what it has signed. Whoever holds two heads of one
// log can demand the proof that the later only adds to the earlier.
type LogHead struct {
	Size uint64        `cbor:"1,keyasint"`
	Root digest.Digest `cbor:"2,keyasint"`
}

// ReadReceipt decodes the receipt of a record, without checking the signature.
func ReadReceipt(r record.Record) (Receipt, error) {
	var v Receipt
	if err := wire.UnmarshalVersioned(r.Body, &v, 1); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w: %w", ErrMalformed, err)
	}
	if v.Version != 1 {
		return Receipt{}, fmt.Errorf("receipt of format %d: %w", v.Version, ErrMalformed)
	}
	return v, nil
}

// ErrMalformed is wrapped by every error about bytes that are no parcel or receipt.
var ErrMalformed = errors.New("malformed parcel")

// ErrTooNew is wrapped by every error about bytes that a newer version writes: upgrade, nothing is lost. Ask for it before
// ErrMalformed, which may stand beside it. It is that of the encoding, so that what an inbox could not decode is one too.
var ErrTooNew = wire.ErrNewer

// ErrReceipt is wrapped by every error about a receipt that is not the recipient's answer to the parcel at hand.
var ErrReceipt = errors.New("receipt does not hold")

// Bitmap tells which chunks of a parcel are held: bit i%8 of byte i/8.
type Bitmap []byte

// NewBitmap makes an empty bitmap of n chunks.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+7)/8) }

// Set marks chunk i.
func (b Bitmap) Set(i int) { b[i/8] |= 1 << (i % 8) }

// Has tells whether chunk i is marked; false beyond the end.
func (b Bitmap) Has(i int) bool { return i >= 0 && i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 }

// Count is the number of marked chunks.
func (b Bitmap) Count() int {
	n := 0
	for _, v := range b {
		n += bits.OnesCount8(v)
	}
	return n
}
