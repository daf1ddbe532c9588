package guardian

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

// Protocol is spoken by a machine to its guardian: requests and replies in turn on one stream.
const Protocol = "guardian/1"

// Labels of the signed formats.
const (
	StartLabel   = "motcua backup start v1"
	SegmentLabel = "motcua backup segment v1"
)

// StreamID names a stream; it is random.
type StreamID [16]byte

// Start begins a stream. Keys are the stream's data key, sealed for purpose "backup": to the province's key for backups, and to the
// machine itself.
type Start struct {
	Version  uint8            `cbor:"1,keyasint"` // 1
	Office   replication.Name `cbor:"2,keyasint"`
	Stream   StreamID         `cbor:"3,keyasint"`
	Made     int64            `cbor:"4,keyasint"` // Unix seconds
	Recovery digest.Digest    `cbor:"5,keyasint"` // ID of the province's key
	Province []byte           `cbor:"6,keyasint"` // the data key, sealed to it
	Own      []byte           `cbor:"7,keyasint"` // sealed to the machine
}

// Segment is one part of a stream. Salt makes its own key from the stream's.
type Segment struct {
	Version uint8            `cbor:"1,keyasint"` // 1
	Office  replication.Name `cbor:"2,keyasint"`
	Stream  StreamID         `cbor:"3,keyasint"`
	Number  uint64           `cbor:"4,keyasint"` // from 1
	Prev    digest.Digest    `cbor:"5,keyasint"` // ID of the record before it: of a segment, or of the Start
	Made    int64            `cbor:"6,keyasint"` // Unix seconds: it has everything up to then
	Salt    [16]byte         `cbor:"7,keyasint"`
	File    digest.Digest    `cbor:"8,keyasint"` // of the ciphertext
	Size    int64            `cbor:"9,keyasint"` // of the ciphertext
}

// Purpose is what a stream's data key is sealed for.
const Purpose = "backup"

// Head is where a stream stands.
type Head struct {
	Stream StreamID      `cbor:"1,keyasint"`
	Number uint64        `cbor:"2,keyasint"` // of the last segment; 0 for none
	ID     digest.Digest `cbor:"3,keyasint"` // of its record, or of the Start
	Made   int64         `cbor:"4,keyasint"`
}

// Request is one of its fields, but for Key, which may stand beside Heads.
type Request struct {
	Heads bool           `cbor:"1,keyasint,omitempty"`
	Key   *record.Record `cbor:"2,keyasint,omitempty"` // the province's key for backups, as far as the caller knows
	Start *record.Record `cbor:"3,keyasint,omitempty"`
	// Missing asks which of some files are not here.
	Missing []digest.Digest `cbor:"4,keyasint,omitempty"`
	// Put announces a file; after the reply its bytes follow, from where that says.
	Put    *File          `cbor:"5,keyasint,omitempty"`
	Append *record.Record `cbor:"6,keyasint,omitempty"`
	Read   *Place         `cbor:"7,keyasint,omitempty"`
	// Files lists the files after a name.
	Files *digest.Digest `cbor:"8,keyasint,omitempty"`
	// Get asks for the bytes of a file, which follow the reply.
	Get *Range `cbor:"9,keyasint,omitempty"`
}

// File is a file with its size in bytes.
type File struct {
	Name digest.Digest `cbor:"1,keyasint"`
	Size int64         `cbor:"2,keyasint"`
	// Segment: it is of a stream, and goes with it; else it is an attachment, and stays.
	Segment bool `cbor:"3,keyasint,omitempty"`
}

// Place is where a stream is read from on: number 0 is its Start.
type Place struct {
	Stream StreamID `cbor:"1,keyasint"`
	Number uint64   `cbor:"2,keyasint"`
}

// Range is a file from an offset on.
type Range struct {
	Name    digest.Digest `cbor:"1,keyasint"`
	From    int64         `cbor:"2,keyasint"`
	Segment bool          `cbor:"3,keyasint,omitempty"`
}

// Reply answers a request. No is why not; else the field that was asked for is set, or nothing where there is nothing to say.
type Reply struct {
	No      Denial          `cbor:"1,keyasint,omitempty"`
	Heads   []Head          `cbor:"2,keyasint,omitempty"` // newest first
	Key     *record.Record  `cbor:"3,keyasint,omitempty"`
	Missing []digest.Digest `cbor:"4,keyasint,omitempty"`
	Have    bool            `cbor:"5,keyasint,omitempty"` // the file is here already, whole
	From    int64           `cbor:"6,keyasint,omitempty"` // where its bytes are to go on
	Records []record.Record `cbor:"7,keyasint,omitempty"` // at most MaxRecords; none beyond the last
	Files   []File          `cbor:"8,keyasint,omitempty"` // attachments, in the order of their names; fewer than MaxNames are the last
	Size    int64           `cbor:"9,keyasint,omitempty"` // of the file whose bytes follow
}

// The bounds of the messages.
const (
	MaxNames   = 500
	MaxRecords = 50
	maxMessage = 512 << 10 // bytes
	maxRequest = 64 << 10
	MaxFile    = 256 << 30 // bytes
)

// Denial says why a guardian does not do what it is asked. Append only.
type Denial string

// The denials.
const (
	NotServed  Denial = "not_served"  // it is not the guardian of this office
	Full       Denial = "full"        // the office's share, or the disk
	NotGenuine Denial = "not_genuine" // the signature does not verify, or the bytes are not those that were announced
	OutOfTurn  Denial = "out_of_turn" // a record that does not follow the last one of its stream
	NotHere    Denial = "not_here"    // no such stream, record or file
	Failed     Denial = "failed"      // its own log says why
	TooNew     Denial = "too_new"
)

// Denied is the error for a denial.
type Denied struct{ Why Denial }

func (e *Denied) Error() string { return fmt.Sprintf("the guardian refuses: %s", e.Why) }

func deny(why Denial, err error) error {
	if err == nil {
		return &Denied{why}
	}
	return fmt.Errorf("%w: %w", &Denied{why}, err)
}

// ErrMalformed is wrapped by errors about bytes that are no record of a stream.
var ErrMalformed = errors.New("malformed backup record")

// ReadStart decodes the beginning of a stream. It does not check the signature.
func ReadStart(r record.Record) (s Start, err error) {
	if err := wire.UnmarshalVersioned(r.Body, &s, 1); err != nil {
		return s, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if s.Version != 1 || s.Office == "" || s.Stream == (StreamID{}) || s.Made < 0 {
		return s, fmt.Errorf("%w: start of format %d", ErrMalformed, s.Version)
	}
	return s, nil
}

// ReadSegment decodes a segment. It does not check the signature.
func ReadSegment(r record.Record) (s Segment, err error) {
	if err := wire.UnmarshalVersioned(r.Body, &s, 1); err != nil {
		return s, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if s.Version != 1 || s.Number == 0 || s.Size <= 0 || s.Size > MaxFile || s.Made < 0 {
		return s, fmt.Errorf("%w: segment of format %d, number %d, %d bytes", ErrMalformed, s.Version, s.Number, s.Size)
	}
	return s, nil
}

// Follows tells whether a segment is the next one of the stream after a head.
func (s Segment) Follows(office replication.Name, h Head) bool {
	return s.Office == office && s.Stream == h.Stream && s.Number == h.Number+1 && s.Prev == h.ID
}

// After is the head of the stream once a segment is there.
func (s Segment) After(id digest.Digest) Head {
	return Head{Stream: s.Stream, Number: s.Number, ID: id, Made: s.Made}
}

// Head is that of a stream without segments.
func (s Start) Head(id digest.Digest) Head { return Head{Stream: s.Stream, ID: id, Made: s.Made} }
