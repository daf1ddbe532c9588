package office

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/store"
)

// contentKind is what a parcel carries. Append only; never reuse a number.
type contentKind uint8

// The kinds of contents. The files of a parcel are sealed files: ciphertext whose keys are in the events.
const (
	kindSubmission contentKind = 1 // submissionContent, with the papers
	kindRequest    contentKind = 2 // requestContent, with papers and results
	kindReport     contentKind = 3 // reportContent, with the child's results
	kindStatus     contentKind = 4 // statusContent, no files
	kindHandOver   contentKind = 5 // handOverContent, with papers and results
)

func (k contentKind) String() string {
	switch k {
	case kindSubmission:
		return "submission"
	case kindRequest:
		return "request"
	case kindReport:
		return "report"
	case kindStatus:
		return "status"
	case kindHandOver:
		return "hand_over"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// content is the body of every parcel between offices.
type content struct {
	Version uint8       `cbor:"1,keyasint"` // 1
	Kind    contentKind `cbor:"2,keyasint"`
	Body    wire.Raw    `cbor:"3,keyasint"`
}

// submissionContent brings a submission to the office in charge.
type submissionContent struct {
	Submission record.Record `cbor:"1,keyasint"`
}

// requestContent brings a root chain to an office it asks. Child is the open request. Chains are those of earlier
// children, so that the asked office sees what was decided.
type requestContent struct {
	Root   []record.Record   `cbor:"1,keyasint"`
	Child  digest.Digest     `cbor:"2,keyasint"`
	Chains [][]record.Record `cbor:"3,keyasint,omitempty"`
}

// reportContent brings a child chain that has ended to its root office, with the looks at the dossier that the asked office
// has recorded, so that the applicant sees them too.
type reportContent struct {
	Child []record.Record `cbor:"1,keyasint"`
	Looks []store.Look    `cbor:"2,keyasint,omitempty"`
}

// statusContent tells the portal where a submission was handed in what became of it. Chain is the root chain's first event,
// the acceptance or refusal; where it was handed over, its events up to the last taking.
type statusContent struct {
	Chain []record.Record `cbor:"1,keyasint"`
	Track directory.Track `cbor:"2,keyasint"`
}

// handOverContent brings a chain that its office has handed over to the one that takes it over, whole, with the rest of its dossier
// as the former office holds it: the root chain of a child, the chains of the children beside it, and the looks.
type handOverContent struct {
	Chain  []record.Record   `cbor:"1,keyasint"` // its last event is the hand-over
	Root   []record.Record   `cbor:"2,keyasint,omitempty"`
	Chains [][]record.Record `cbor:"3,keyasint,omitempty"`
	Looks  []store.Look      `cbor:"4,keyasint,omitempty"`
}

// The bounds of a chain inside a parcel.
const (
	maxEvents = 4096
	maxChains = 64 // as many as a route has steps: one refused has no writer when it was handed over
)

var errContent = errors.New("malformed content")

// encodeContent wraps a body.
func encodeContent(k contentKind, body any) ([]byte, error) {
	raw, err := wire.Marshal(body)
	if err != nil {
		return nil, err
	}
	return wire.Marshal(content{Version: 1, Kind: k, Body: raw})
}

// decodeContent reads the envelope. What a later version wrote is wire.ErrNewer: it is asked for again.
func decodeContent(b []byte) (content, error) {
	var c content
	if err := wire.UnmarshalVersioned(b, &c, 1); err != nil {
		return c, fmt.Errorf("%w: %w", errContent, err)
	}
	if c.Version != 1 || c.Kind < kindSubmission {
		return c, fmt.Errorf("%w: format %d, kind %d", errContent, c.Version, c.Kind)
	}
	if c.Kind > kindHandOver {
		return c, fmt.Errorf("content of kind %d, this version knows kinds 1 to %d: %w", c.Kind, kindHandOver, wire.ErrNewer)
	}
	return c, nil
}

// bodyOf reads the body of a content.
func bodyOf[T any](c content) (T, error) {
	var v T
	if err := wire.Unmarshal(c.Body, &v); err != nil {
		return v, fmt.Errorf("%w: %w", errContent, err)
	}
	return v, nil
}
