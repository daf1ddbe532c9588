package relay

import (
	"bytes"
	"os"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

func sampleRecord(text string) record.Record {
	return record.Record{Body: []byte(text), Signer: digest.Of([]byte("key")), Signature: []byte("signature"), Size: 1}
}

// TestGolden holds what is sent and what is stored.
func TestGolden(t *testing.T) {
	r := sampleRecord("receipt")
	p := sampleRecord("manifest")
	want := replication.NewBitmap(9)
	want.Set(8)
	for name, v := range map[string]any{
		"request-offer":  request{Offer: &replication.Offer{Record: p, Eager: []byte("chunk")}},
		"request-here":   request{Here: true},
		"reply-want":     reply{Want: &replication.Want{Have: want}},
		"reply-kept":     reply{Kept: true},
		"reply-receipt":  reply{Receipt: &r},
		"reply-no":       reply{No: Full},
		"delivery":       delivery{Receipts: []record.Record{r}},
		"thanks":         thanks{Parcels: []digest.Digest{digest.Of([]byte("p"))}},
		"entry-waiting":  entry{Version: 1, From: "A", To: "B", Bytes: 21, Kept: 1700000000, Expires: 1800000000, Parcel: &p},
		"entry-answered": entry{Version: 1, From: "A", To: "B", Bytes: 21, Kept: 1700000000, Expires: 1800000000, Receipt: &r, Ended: 1700000100},
		"entry-dropped":  entry{Version: 1, From: "A", To: "B", Bytes: 21, Kept: 1700000000, Expires: 1800000000, Ended: 1700000100, Reason: "why"},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
}

// TestEntryOfALaterVersion stops, and says what to do.
func TestEntryOfALaterVersion(t *testing.T) {
	s, err := openShelf(t.TempDir(), DefaultQuota)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.write(digest.Of([]byte("p")), entry{From: "A", To: "B", Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	if s, err = openShelf(s.dir, DefaultQuota); err != nil || len(s.items) != 1 {
		t.Fatal(err)
	}
	b, err := wire.Marshal(struct {
		Version uint8 `cbor:"1,keyasint"`
		New     bool  `cbor:"99,keyasint"`
	}{2, true})
	if err == nil {
		err = os.WriteFile(s.path(digest.Of([]byte("p"))), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openShelf(s.dir, DefaultQuota); err == nil {
		t.Error("an entry of a later version was taken for one of ours")
	}
}

// FuzzMessages: whatever a peer sends decodes to a message that encodes to the same bytes, or to an error.
func FuzzMessages(f *testing.F) {
	for _, v := range []any{request{Here: true}, reply{No: Full}, delivery{Receipts: []record.Record{sampleRecord("r")}}, thanks{}} {
		b, err := wire.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again[request](t, b)
		again[delivery](t, b)
		again[thanks](t, b)
		if r, ok := again[reply](t, b); ok && r.validate(9) == nil && r.Want != nil {
			r.Want.Have.Has(8)
		}
	})
}

func again[T any](t *testing.T, b []byte) (v T, ok bool) {
	if wire.Unmarshal(b, &v) != nil {
		return v, false
	}
	out, err := wire.Marshal(v)
	if err != nil || !bytes.Equal(out, b) {
		t.Fatalf("%x encodes to %x: %v", b, out, err)
	}
	return v, true
}
