package guardian

import (
	"bytes"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

func sampleRecord(text string) *record.Record {
	return &record.Record{Body: []byte(text), Signer: digest.Of([]byte("key")), Signature: []byte("signature"), Size: 1}
}

// TestGolden holds what is signed, sent and stored.
func TestGolden(t *testing.T) {
	name, stream := digest.Of([]byte("file")), StreamID{1, 2, 3}
	for file, v := range map[string]any{
		"start":          Start{Version: 1, Office: "H32.1", Stream: stream, Made: 1700000000, Recovery: name, Province: []byte("sealed"), Own: []byte("too")},
		"segment":        Segment{Version: 1, Office: "H32.1", Stream: stream, Number: 7, Prev: name, Made: 1700000000, Salt: [16]byte{9}, File: name, Size: 1234},
		"request-heads":  Request{Heads: true, Key: sampleRecord("key")},
		"request-start":  Request{Start: sampleRecord("start")},
		"request-miss":   Request{Missing: []digest.Digest{name}},
		"request-put":    Request{Put: &File{Name: name, Size: 5, Segment: true}},
		"request-append": Request{Append: sampleRecord("segment")},
		"request-read":   Request{Read: &Place{Stream: stream, Number: 3}},
		"request-files":  Request{Files: &name},
		"request-get":    Request{Get: &Range{Name: name, From: 3, Segment: true}},
		"reply-no":       Reply{No: Full},
		"reply-heads":    Reply{Heads: []Head{{Stream: stream, Number: 7, ID: name, Made: 1700000000}}, Key: sampleRecord("key")},
		"reply-missing":  Reply{Missing: []digest.Digest{name}},
		"reply-have":     Reply{Have: true, Size: 5},
		"reply-from":     Reply{From: 3},
		"reply-records":  Reply{Records: []record.Record{*sampleRecord("segment")}},
		"reply-files":    Reply{Files: []File{{Name: name, Size: 5}}},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, file, b)
	}
}

// FuzzMessages: whatever a peer sends decodes to what encodes to the same bytes, or to an error.
func FuzzMessages(f *testing.F) {
	name := digest.Of([]byte("file"))
	for _, v := range []any{
		Request{Put: &File{Name: name, Size: 5}}, Reply{Heads: []Head{{Number: 7, ID: name}}}, Start{Version: 1, Office: "O"}, Segment{Version: 1, Number: 1, Size: 1},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again[Request](t, b)
		again[Reply](t, b)
		if s, err := ReadStart(record.Record{Body: b}); err == nil {
			same(t, s, b)
		}
		if s, err := ReadSegment(record.Record{Body: b}); err == nil {
			same(t, s, b)
		}
	})
}

func again[T any](t *testing.T, b []byte) {
	var v T
	if wire.Unmarshal(b, &v) == nil {
		same(t, v, b)
	}
}

func same(t *testing.T, v any, b []byte) {
	if out, err := wire.Marshal(v); err != nil || !bytes.Equal(out, b) {
		t.Fatalf("%x encodes to %x: %v", b, out, err)
	}
}
