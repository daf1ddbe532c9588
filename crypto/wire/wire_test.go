package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
)

type inner struct {
	Name string   `cbor:"1,keyasint"`
	Tags []string `cbor:"2,keyasint,omitempty"`
}

type sample struct {
	Number int64           `cbor:"1,keyasint"`
	Bytes  []byte          `cbor:"2,keyasint"`
	Text   string          `cbor:"3,keyasint,omitempty"`
	Inner  []inner         `cbor:"4,keyasint"`
	Flag   bool            `cbor:"5,keyasint,omitempty"`
	Sum    [4]byte         `cbor:"6,keyasint"`
	Table  map[string]uint `cbor:"7,keyasint,omitempty"`
	Share  float64         `cbor:"8,keyasint,omitempty"`
	Later  uint64          `cbor:"24,keyasint,omitempty"`
}

func TestGoldenEncoding(t *testing.T) {
	b, err := wire.Marshal(sample{
		Number: -500, Bytes: []byte{1, 2}, Text: "đơn", Inner: []inner{{"a", []string{"x"}}, {Name: "b"}}, Flag: true, Sum: [4]byte{9},
		Table: map[string]uint{"bb": 2, "a": 1}, Share: 0.5, Later: 1 << 40,
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "sample", b)
}

func TestOnlyTheOneEncodingIsRead(t *testing.T) {
	good := "a4" + "0101" + "024101" + "0480" + "064400000000"
	var v sample
	if err := wire.Unmarshal(unhex(t, good), &v); err != nil || v.Number != 1 {
		t.Fatalf("the plain sample: %v", err)
	}
	for what, b := range map[string]string{
		"nothing":                    "",
		"trailing byte":              good + "00",
		"a second value":             good + good,
		"cut off":                    good[:len(good)-2],
		"unknown key":                "a5" + "0101" + "024101" + "0480" + "064400000000" + "1700",
		"repeated key":               "a5" + "0101" + "0101" + "024101" + "0480" + "064400000000",
		"keys out of order":          "a4" + "024101" + "0101" + "0480" + "064400000000",
		"key as text":                "a5" + "0101" + "024101" + "0480" + "064400000000" + "613100",
		"required key left out":      "a3" + "0101" + "024101" + "0480",
		"number longer than needed":  "a4" + "011801" + "024101" + "0480" + "064400000000",
		"length longer than needed":  "a4" + "0101" + "02580101" + "0480" + "064400000000",
		"indefinite map":             "bf" + "0101" + "024101" + "0480" + "064400000000" + "ff",
		"indefinite bytes":           "a4" + "0101" + "025f4101ff" + "0480" + "064400000000",
		"indefinite array":           "a4" + "0101" + "024101" + "049fff" + "064400000000",
		"tagged number":              "a4" + "01c101" + "024101" + "0480" + "064400000000",
		"bignum":                     "a4" + "01c24101" + "024101" + "0480" + "064400000000",
		"self-described":             "d9d9f7" + good,
		"null for a number":          "a4" + "01f6" + "024101" + "0480" + "064400000000",
		"null for bytes":             "a4" + "0101" + "02f6" + "0480" + "064400000000",
		"null for an array":          "a4" + "0101" + "024101" + "04f6" + "064400000000",
		"float for a number":         "a4" + "01f93c00" + "024101" + "0480" + "064400000000",
		"empty optional written out": "a5" + "0101" + "024101" + "0360" + "0480" + "064400000000",
		"text that is not UTF-8":     "a5" + "0101" + "024101" + "0361ff" + "0480" + "064400000000",
		"digest too short":           "a4" + "0101" + "024101" + "0480" + "0643000000",
		"digest too long":            "a4" + "0101" + "024101" + "0480" + "06450000000000",
		"array for a digest":         "a4" + "0101" + "024101" + "0480" + "068400000000",
		"float longer than needed":   "a5" + "0101" + "024101" + "0480" + "064400000000" + "08fb3fe0000000000000",
		"inner map as array":         "a4" + "0101" + "024101" + "04816161" + "064400000000",
	} {
		var v sample
		if err := wire.Unmarshal(unhex(t, b), &v); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: want ErrMalformed, have %v", what, err)
		}
	}
}

// TestWhatANewerVersionWroteIsNotMerelyMalformed: a key or a format to come is told from bytes that will never be good.
func TestWhatANewerVersionWroteIsNotMerelyMalformed(t *testing.T) {
	for what, c := range map[string]struct {
		bytes string
		newer bool
	}{
		"a new key":                     {"a5" + "0101" + "024101" + "0480" + "064400000000" + "17f5", true},
		"a new key of an inner struct":  {"a4" + "0101" + "024101" + "0481" + "a2" + "016161" + "0901" + "064400000000", true},
		"a new key before a known one":  {"a5" + "0001" + "0101" + "024101" + "0480" + "064400000000", true},
		"a new key of any content":      {"a5" + "0101" + "024101" + "0480" + "064400000000" + "17a2" + "0141ff" + "20f6", true},
		"beside a wrong type":           {"a5" + "0101" + "0201" + "0480" + "064400000000" + "17f5", false},
		"out of order":                  {"a5" + "0101" + "024101" + "0480" + "17f5" + "064400000000", false},
		"written twice":                 {"a6" + "0101" + "024101" + "0480" + "064400000000" + "17f5" + "17f5", false},
		"longer than needed":            {"a5" + "0101" + "024101" + "0480" + "064400000000" + "1701" + "00", false},
		"longer than needed inside":     {"a5" + "0101" + "024101" + "0480" + "064400000000" + "171801", false},
		"tagged":                        {"a5" + "0101" + "024101" + "0480" + "064400000000" + "17c101", false},
		"of indefinite length":          {"a5" + "0101" + "024101" + "0480" + "064400000000" + "179fff", false},
		"cut off in the midst of a key": {"a5" + "0101" + "024101" + "0480" + "064400000000" + "1741", false},
	} {
		var v sample
		err := wire.Unmarshal(unhex(t, c.bytes), &v)
		if !errors.Is(err, wire.ErrMalformed) || errors.Is(err, wire.ErrNewer) != c.newer {
			t.Errorf("%s: newer should be %t: %v", what, c.newer, err)
		}
	}
}

func TestTheFormatNumberIsReadFirst(t *testing.T) {
	type versioned struct {
		Version uint8  `cbor:"1,keyasint"`
		Text    string `cbor:"2,keyasint"`
	}
	for bytes, want := range map[string]error{
		"a2" + "0102" + "026161":          nil,
		"a2" + "0103" + "0207":            wire.ErrNewer, // another type, in a format to come
		"a1" + "011a00010000":             wire.ErrNewer,
		"a2" + "0102" + "0207":            wire.ErrMalformed,
		"a2" + "0103" + "02":              wire.ErrMalformed,
		"a3" + "0102" + "026161" + "0301": wire.ErrNewer,
		"01":                              wire.ErrMalformed,
	} {
		var v versioned
		err := wire.UnmarshalVersioned(unhex(t, bytes), &v, 2)
		if !errors.Is(err, want) || want == wire.ErrMalformed && errors.Is(err, wire.ErrNewer) {
			t.Errorf("%s: got %v, want %v", bytes, err, want)
		}
	}
}

func TestBoundsOfAStranger(t *testing.T) {
	for what, b := range map[string][]byte{
		"deep nesting":           bytes.Repeat([]byte{0x81}, 100000),
		"an array of 2³² claims": unhex(t, "9affffffff"),
		"bytes of 2⁶⁴ claims":    unhex(t, "5bffffffffffffffff"),
		"a map of 2³² claims":    unhex(t, "baffffffff"),
	} {
		var v any
		if err := wire.Unmarshal(b, &v); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: want ErrMalformed, have %v", what, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := sample{
			Number: rapid.Int64().Draw(t, "number"), Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), Text: rapid.String().Draw(t, "text"),
			Table: rapid.MapOf(rapid.StringMatching(`[a-zđ]{0,4}`), rapid.Uint()).Draw(t, "table"), Share: rapid.Float64().Draw(t, "share"),
			Later: rapid.Uint64().Draw(t, "later"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "inner") {
			in.Inner = append(in.Inner, inner{Name: rapid.String().Draw(t, "name"), Tags: rapid.SliceOf(rapid.String()).Draw(t, "tags")})
		}
		b, err := wire.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out sample
		if err := wire.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		if again, _ := wire.Marshal(out); !bytes.Equal(b, again) {
			t.Fatalf("%x came back as %x", b, again)
		}
	})
}

func TestMarshalRefusesWhatHasNoEncoding(t *testing.T) {
	for _, v := range []any{make(chan int), func() {}} {
		if _, err := wire.Marshal(v); err == nil || !strings.Contains(err.Error(), "encode") {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(unhex(f, "a4"+"0101"+"024101"+"0480"+"064400000000"))
	f.Add(unhex(f, "a4"+"0101"+"025f4101ff"+"0480"+"064400000000"))
	f.Add(unhex(f, "a5"+"0101"+"024101"+"0480"+"064400000000"+"17f5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v sample
		if err := wire.UnmarshalVersioned(b, &v, 1<<62); err != nil {
			if !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("a decoding error that is not ErrMalformed: %v", err)
			}
			return
		}
		if again, err := wire.Marshal(v); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("read %x, writes %x: %v", b, again, err)
		}
	})
}

func TestWhatWasKeptIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := sample{Number: rapid.Int64().Draw(t, "number"), Text: rapid.String().Draw(t, "text"), Inner: []inner{{Name: "a"}}}
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var kept, strict sample
		if err := errors.Join(wire.UnmarshalKept(b, &kept), wire.Unmarshal(b, &strict)); err != nil {
			t.Fatal(err)
		}
		if again, err := wire.Marshal(kept); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x became %x: %v", b, again, err)
		}
		for _, cut := range [][]byte{b[:len(b)-1], append(b[:len(b):len(b)], 0)} {
			if err := wire.UnmarshalKept(cut, &kept); !errors.Is(err, wire.ErrMalformed) {
				t.Errorf("damaged bytes were read: %v", err)
			}
		}
		if err := wire.UnmarshalKept(b, new(inner)); err == nil {
			t.Error("unknown keys were passed over")
		}
	})
}
