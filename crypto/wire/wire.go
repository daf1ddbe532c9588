// Package wire is the one encoding of everything that is signed, stored or sent: CBOR (RFC 8949) in its
// core-deterministic form, structs as maps with integer keys. It is pure.
//
// A value has exactly one encoding, and Unmarshal accepts only that one: unknown or repeated keys, indefinite
// lengths, tags, floats in a longer form than needed and trailing bytes are errors. So bytes that decode are the bytes
// that Marshal would have written, and a digest of them names the value.
//
// Formats grow by new optional keys (omitempty); a reader that meets a key it does not know stops, because a legal
// record that is half understood is worse than one refused.
package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrMalformed is wrapped by every decoding error.
var ErrMalformed = errors.New("malformed bytes")

// Raw is an encoded value kept as its exact bytes.
type Raw = cbor.RawMessage

// The bounds of what Unmarshal accepts. A message that needs more is split by its protocol.
const (
	maxNesting  = 24
	maxElements = 131072
	maxPairs    = 1024
)

var (
	enc = must(encOptions().EncMode())
	dec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxPairs,
	}.DecMode())
)

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.TagsMd = cbor.TagsForbidden
	o.NilContainers = cbor.NilContainerAsEmpty
	return o
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // constant options: a fault shows at start, in every test
	}
	return v
}

// Marshal returns the one encoding of v. It fails on values that have none (channels, functions, tags).
func Marshal(v any) ([]byte, error) {
	b, err := enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b, nil
}

// Unmarshal decodes b into v, accepting only what Marshal would write for v.
func Unmarshal(b []byte, v any) error {
	if err := dec.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode %T: %w: %v", v, ErrMalformed, err)
	}
	again, err := enc.Marshal(v)
	if err != nil || !bytes.Equal(b, again) {
		return fmt.Errorf("decode %T: %w: not the deterministic form", v, ErrMalformed)
	}
	return nil
}
