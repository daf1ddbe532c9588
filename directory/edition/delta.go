package edition

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// DeltaVersion is the version of a delta that this program writes and reads.
const DeltaVersion = 1

// The bounds of a step. One that is larger is not worth its place: its reader takes the whole edition.
const (
	MaxStep  = 1 << 20         // bytes
	MaxDelta = MaxStep + 8<<20 // bytes, with signatures and successions
	maxOps   = 1 << 16
)

// Step makes the body of one edition from that of an earlier one, byte for byte. By itself it proves nothing.
type Step struct {
	Base     uint64        `cbor:"1,keyasint"` // number of the edition it starts from
	BaseBody digest.Digest `cbor:"2,keyasint"`
	Number   uint64        `cbor:"3,keyasint"` // of the one it makes
	Body     digest.Digest `cbor:"4,keyasint"`
	Size     uint64        `cbor:"5,keyasint"` // of the body it makes, in bytes
	Ops      []Op          `cbor:"6,keyasint"`
}

// Delta is an edition as it travels to a reader that holds an earlier one: what has changed since, and the signatures under
// the whole.
type Delta struct {
	Version      uint8           `cbor:"1,keyasint"`
	Step         Step            `cbor:"2,keyasint"`
	Cosignatures []record.Record `cbor:"3,keyasint"`
	// Chain and Epoch are those of [Signed].
	Chain []SignedSuccession `cbor:"4,keyasint,omitempty"`
	Epoch uint64             `cbor:"5,keyasint,omitempty"`
}

// Held says which edition a reader has, and of which epoch the members are whom it trusts; zero for none.
type Held struct {
	Number uint64        `cbor:"1,keyasint"`
	Body   digest.Digest `cbor:"2,keyasint"`
	Epoch  uint64        `cbor:"3,keyasint,omitempty"`
}

// Refusals of a delta, beside those of an edition. Both mean that the whole edition is to be asked for.
var (
	ErrBase = errors.New("delta starts from another edition than the one at hand: take the whole edition")
	ErrStep = errors.New("delta does not make the edition that it names: take the whole edition")
)

// NewStep compares two bodies. The numbers are those of their editions.
func NewStep(base uint64, from []byte, number uint64, to []byte) Step {
	return Step{
		Base: base, BaseBody: digest.Of(from), Number: number, Body: digest.Of(to), Size: uint64(len(to)), Ops: diff(from, to),
	}
}

// Then joins a step and the one that goes on from it; false if the second does not.
func (s Step) Then(next Step) (Step, bool) {
	if s.Number != next.Base || s.Body != next.BaseBody {
		return Step{}, false
	}
	return Step{
		Base: s.Base, BaseBody: s.BaseBody, Number: next.Number, Body: next.Body, Size: next.Size, Ops: compose(s.Ops, next.Ops),
	}, true
}

// Encode returns the bytes of a step, false if they are more than MaxStep: it is then not worth keeping.
func (s Step) Encode() ([]byte, bool, error) {
	if len(s.Ops) > maxOps {
		return nil, false, nil
	}
	b, err := wire.Marshal(s)
	return b, len(b) <= MaxStep, err
}

// ReadStep reads what Encode returns.
func ReadStep(b []byte) (s Step, err error) {
	if len(b) > MaxStep {
		return s, fmt.Errorf("step of %d bytes, at most %d: %w", len(b), MaxStep, wire.ErrMalformed)
	}
	if err := wire.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("step: %w", err)
	}
	return s, s.validate()
}

func (s Step) validate() error {
	if s.Size > MaxBody || len(s.Ops) > maxOps || s.Base == 0 || s.Base >= s.Number {
		return fmt.Errorf("step from %d to %d of %d strokes and %d bytes: %w", s.Base, s.Number, len(s.Ops), s.Size, wire.ErrMalformed)
	}
	return nil
}

// apply makes the body from the base. The error wraps ErrBase or ErrStep.
func (s Step) apply(base []byte) ([]byte, error) {
	if digest.Of(base) != s.BaseBody {
		return nil, fmt.Errorf("from %d to %d: %w", s.Base, s.Number, ErrBase)
	}
	size := uint64(0)
	for _, o := range s.Ops {
		if uint64(o.From)+uint64(o.Copy) > uint64(len(base)) {
			return nil, fmt.Errorf("from %d to %d: %w", s.Base, s.Number, ErrStep)
		}
		size += uint64(len(o.Insert)) + uint64(o.Copy)
	}
	if size != s.Size || size > MaxBody {
		return nil, fmt.Errorf("from %d to %d: %w", s.Base, s.Number, ErrStep)
	}
	body := make([]byte, 0, size)
	for _, o := range s.Ops {
		body = append(append(body, o.Insert...), base[o.From:o.From+o.Copy]...)
	}
	if digest.Of(body) != s.Body {
		return nil, fmt.Errorf("from %d to %d: %w", s.Base, s.Number, ErrStep)
	}
	return body, nil
}

// Delta puts a step in the place of the body. It must be one that makes this edition.
func (s Signed) Delta(step Step) Delta {
	return Delta{Version: DeltaVersion, Step: step, Cosignatures: s.Cosignatures, Chain: s.Chain, Epoch: s.Epoch}
}

// Encode returns the bytes that travel.
func (d Delta) Encode() ([]byte, error) { return wire.Marshal(d) }

// follows tells whether the delta goes on from what a reader holds. The error wraps ErrOld or ErrBase.
func (d Delta) follows(held Held) error {
	switch s := d.Step; {
	case s.Number < held.Number, s.Number == held.Number && s.Body == held.Body:
		return fmt.Errorf("delta to edition %d, at hand is %d: %w", s.Number, held.Number, ErrOld)
	case s.Base != held.Number || s.BaseBody != held.Body:
		return fmt.Errorf("delta from edition %d, at hand is %d: %w", s.Base, held.Number, ErrBase)
	}
	return nil
}

// Apply makes the whole edition of the body that the reader holds. It checks no signature: see Signed.Verify. The error
// wraps ErrOld, ErrBase or ErrStep.
func (d Delta) Apply(held Held, body []byte) (Signed, error) {
	if err := d.follows(held); err != nil {
		return Signed{}, err
	}
	made, err := d.Step.apply(body)
	if err != nil {
		return Signed{}, fmt.Errorf("delta %w", err)
	}
	return Signed{Body: made, Cosignatures: d.Cosignatures, Chain: d.Chain, Epoch: d.Epoch}, nil
}
