package edition

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"motcua/crypto/wire"
	"motcua/directory"
)

// packedMark begins what Pack returns (RFC 8878, section 3.1.1). No edition begins so.
var packedMark = []byte{0x28, 0xb5, 0x2f, 0xfd}

// packFrom is the size in bytes from which packing is worth it.
const packFrom = 1 << 10

// Pack makes the bytes of an edition or delta shorter for a line or a stick, if it can.
func Pack(b []byte) ([]byte, error) {
	if len(b) < packFrom {
		return b, nil
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return nil, fmt.Errorf("pack edition: %w", err)
	}
	packed := w.EncodeAll(b, nil)
	if len(packed) >= len(b) {
		return b, nil
	}
	return packed, w.Close()
}

// unpack undoes Pack, for at most MaxSigned bytes; what is not packed it returns as it is.
func unpack(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, packedMark) {
		return b, nil
	}
	if len(b) > MaxSigned {
		return nil, fmt.Errorf("packed edition of %d bytes, at most %d: %w", len(b), MaxSigned, wire.ErrMalformed)
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxSigned), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, fmt.Errorf("unpack edition: %w", err)
	}
	defer r.Close()
	out, err := r.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack edition: %w: %w", wire.ErrMalformed, err)
	}
	return out, nil
}

// Receive reads an edition in any of the forms in which it travels: whole or as a delta, packed or not. A delta is applied to
// the body that the reader holds, which is asked for only then. It checks no signature: see Signed.Verify. The error
// wraps wire.ErrMalformed, ErrOld, ErrBase (also when body fails), ErrStep or ErrNewer.
func Receive(b []byte, held Held, body func() ([]byte, error)) (Signed, error) {
	b, err := unpack(b)
	if err != nil {
		return Signed{}, err
	}
	if !isDelta(b) {
		return Read(b)
	}
	d, err := readDelta(b)
	if err != nil {
		return Signed{}, err
	}
	if err := d.follows(held); err != nil {
		return Signed{}, err
	}
	base, err := body()
	if err != nil {
		return Signed{}, fmt.Errorf("%w: the one at hand cannot be read: %w", ErrBase, err)
	}
	return d.Apply(held, base)
}

// isDelta tells the two forms apart: under key 1 a delta has a number, and an edition bytes.
func isDelta(b []byte) bool { return len(b) > 2 && b[0]>>5 == 5 && b[1] == 1 && b[2]>>5 == 0 }

func readDelta(b []byte) (Delta, error) {
	var d Delta
	if len(b) > MaxDelta {
		return d, fmt.Errorf("delta of %d bytes, at most %d: %w", len(b), MaxDelta, wire.ErrMalformed)
	}
	err := wire.UnmarshalVersioned(b, &d, DeltaVersion)
	switch {
	case errors.Is(err, wire.ErrNewer):
		return d, fmt.Errorf("delta: %w: %w", ErrNewer, err)
	case err != nil:
		return d, fmt.Errorf("delta: %w", err)
	case len(d.Cosignatures) > directory.MaxMembers || len(d.Chain) > MaxChain:
		return d, fmt.Errorf("delta with %d signatures and %d successions: %w", len(d.Cosignatures), len(d.Chain), wire.ErrMalformed)
	}
	return d, d.Step.validate()
}
