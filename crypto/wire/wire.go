// Package wire is the one encoding of everything that is signed, stored or sent: CBOR (RFC 8949) in its
// core-deterministic form, structs as maps with integer keys. It is pure.
//
// A value has exactly one encoding, and Unmarshal accepts only that one: unknown or repeated keys, indefinite
// lengths, tags, floats in a longer form than needed and trailing bytes are errors. So bytes that decode are the bytes
// that Marshal would have written, and a digest of them names the value.
//
// Formats grow by new optional keys (omitempty); a reader that meets a key it does not know stops, because a legal
// record that is half understood is worse than one refused. It stops with ErrNewer, which is no verdict: the same bytes
// are read once this program has been upgraded.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// ErrMalformed is wrapped by every decoding error.
var ErrMalformed = errors.New("malformed bytes")

// ErrNewer is wrapped, beside ErrMalformed, by the error for bytes that would be good but for keys or a format number that
// this program does not know. Ask for it first: what a newer version wrote must not be refused for good.
var ErrNewer = errors.New("written by a newer version: upgrade to read it")

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
	dec = must(decOptions(cbor.ExtraDecErrorUnknownField).DecMode())
	// lax passes over unknown keys. It only looks at bytes that dec did not take.
	lax = must(decOptions(cbor.ExtraDecErrorNone).DecMode())
)

func decOptions(extra cbor.ExtraDecErrorCond) cbor.DecOptions {
	return cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: extra,
		UTF8:              cbor.UTF8RejectInvalid,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxPairs,
	}
}

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
	if err := UnmarshalKept(b, v); err != nil {
		return err
	}
	again, err := enc.Marshal(v)
	if err != nil || !bytes.Equal(b, again) {
		return fmt.Errorf("decode %T: %w: not the deterministic form", v, ErrMalformed)
	}
	return nil
}

// UnmarshalKept is Unmarshal for bytes that Marshal has made and that lay since where nobody else writes, such as the rows of
// a table. It takes half the time: that the form is the deterministic one is not looked at again. Keys that are not known
// stop it just the same.
func UnmarshalKept(b []byte, v any) error {
	err := dec.Unmarshal(b, v)
	if _, unknown := errors.AsType[*cbor.UnknownFieldError](err); unknown && grown(b, v) {
		return fmt.Errorf("decode %T: %w: %w: %v", v, ErrNewer, ErrMalformed, err)
	}
	if err != nil {
		return fmt.Errorf("decode %T: %w: %v", v, ErrMalformed, err)
	}
	return nil
}

// UnmarshalVersioned is Unmarshal for a struct whose key 1 is the number of its format. A number above newest is ErrNewer,
// whatever else the bytes hold: a later format may give another type to a key.
func UnmarshalVersioned(b []byte, v any, newest uint64) error {
	var head struct {
		Version uint64 `cbor:"1,keyasint"`
	}
	if lax.Unmarshal(b, &head) == nil && head.Version > newest {
		return fmt.Errorf("decode %T: format %d, this version reads up to %d: %w: %w", v, head.Version, newest, ErrNewer, ErrMalformed)
	}
	return Unmarshal(b, v)
}

// grown tells whether unknown keys are all that is wrong with b: the known ones fit v, and the form is the deterministic one.
func grown(b []byte, v any) bool {
	var all any
	if lax.Unmarshal(b, reflect.New(reflect.TypeOf(v).Elem()).Interface()) != nil || lax.Unmarshal(b, &all) != nil {
		return false
	}
	again, err := enc.Marshal(all)
	return err == nil && bytes.Equal(b, again)
}
