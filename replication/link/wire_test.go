package link

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"motcua/crypto/wire"
)

func frame(t testing.TB, v any) []byte {
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{0, 0, byte(len(b) >> 8), byte(len(b))}, b...)
}

// The bytes that open every stream. Changing them cuts old nodes off from new ones.
func TestGoldenOpening(t *testing.T) {
	for _, g := range []struct {
		name string
		v    any
		want string
	}{
		{"opening", opening{Protocol: "parcel/1"}, "0000002e" + // length 46
			"a2" + "01" + "68" + hex.EncodeToString([]byte("parcel/1")) + // map of 2; 1: text of 8
			"02" + "5820" + hex.EncodeToString(make([]byte, 32))}, // 2: 32 bytes of padding
		{"consent", answer{}, "00000003" + "a10100"},
		{"splice", spliceTo{"H32.1"}, "00000008" + "a1" + "01" + "65" + hex.EncodeToString([]byte("H32.1"))},
		{"packet", packetFrame{Data: []byte("hi")}, "00000005" + "a1" + "01" + "42" + "6869"},
		{"refusal", answer{Why: NotAllowed}, "00000003" + "a10102"},
	} {
		if got := hex.EncodeToString(frame(t, g.v)); got != g.want {
			t.Errorf("%s: got %s, want %s", g.name, got, g.want)
		}
	}
}

// FuzzOpening feeds the first bytes of a stream, which any stranger may send.
func FuzzOpening(f *testing.F) {
	f.Add(frame(f, opening{Protocol: "parcel/1"}))
	f.Add(frame(f, answer{Why: Busy}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0})
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var o opening
		r := bytes.NewReader(b)
		err := receive(r, &o, maxOpening)
		if err == nil && !bytes.Equal(frame(t, o), b[:len(b)-r.Len()]) {
			t.Errorf("%x reads as %+v, which is written otherwise", b, o)
		}
		known := errors.Is(err, ErrTooLarge) || errors.Is(err, wire.ErrMalformed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !known {
			t.Errorf("%x: %v", b, err)
		}
	})
}
