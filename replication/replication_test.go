package replication_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

func manifest() replication.Manifest {
	return replication.Manifest{
		Version: 1, From: "H32.1", To: "H32.2", Created: 1000, Expires: 2000, Nonce: [16]byte{1, 2, 3},
		Key: []byte{0xaa, 0xbb}, Chunks: []replication.Chunk{{Hash: digest.Of([]byte("chunk")), Size: 40}}, Edition: 7,
	}
}

func parcel(t testing.TB, m replication.Manifest) replication.Parcel {
	t.Helper()
	b, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.SignOne(replicationtest.Key(t, "sender"), replication.ManifestLabel, b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := replication.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The signed and sent formats, byte by byte. They are kept for ever: these bytes may not change.
func TestGolden(t *testing.T) {
	hash := digest.Of([]byte("chunk")).String()
	m := manifest()
	p := parcel(t, m)
	receipt, err := replication.NewReceipt(p, replication.Unwelcome, "no", 5000, replicationtest.Key(t, "recipient"))
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) string { return hex.EncodeToString([]byte(s)) }
	manifestHex := "a9" + "0101" + // 1: version 1
		"0265" + text("H32.1") + "0365" + text("H32.2") + // 2: from; 3: to
		"041903e8" + "051907d0" + // 4: created; 5: expires
		"0650" + "01020300000000000000000000000000" + // 6: nonce
		"0742aabb" + // 7: sealed key
		"0881" + "a2" + "015820" + hash + "021828" + // 8: one chunk, its hash and size
		"0907" // 9: edition
	offer := replication.Offer{Record: record.Record{Body: []byte{1}, Signer: digest.Of(nil), Signature: []byte{2}, Size: 1}, Eager: []byte{3}}
	bound := p.Answer("", "", 5000)
	bound.Log = &replication.LogHead{Size: 300, Root: digest.Of([]byte("chunk"))}
	taken := bound
	taken.Outcome = replication.TakenOver
	recordHex := "a4" + "014101" + "025820" + digest.Of(nil).String() + "034102" + "0501"
	have := replication.NewBitmap(9)
	have.Set(0)
	have.Set(8)
	for name, g := range map[string]struct {
		got  any
		want string
	}{
		"manifest": {m, manifestHex},
		"receipt": {wire.Raw(receipt.Body), "a8" + "0101" + "025820" + digest.Of(p.Record.Body).String() +
			"0365" + text("H32.2") + "0465" + text("H32.1") + // 3: who answers; 4: whom
			"0502" + "0669" + text("unwelcome") + "0762" + text("no") + "08191388"}, // 5: refused; 6: why; 7: note; 8: at
		"receipt with log": {bound, "a7" + "0101" + "025820" + digest.Of(p.Record.Body).String() + "0365" + text("H32.2") + "0465" + text("H32.1") +
			"0501" + "08191388" + "09" + "a2" + "0119012c" + "025820" + hash}, // 9: size and root
		"receipt of a hand-over": {taken, "a7" + "0101" + "025820" + digest.Of(p.Record.Body).String() + "0365" + text("H32.2") + "0465" + text("H32.1") +
			"0503" + "08191388" + "09" + "a2" + "0119012c" + "025820" + hash}, // 5: taken over
		"offer with chunks": {replication.Offer{Record: offer.Record, Chunks: [][]byte{{3}, {4}}}, "a2" + "01" + recordHex + "03" + "82" + "4103" + "4104"},
		"offer":             {offer, "a2" + "01" + recordHex + "024103"},
		"piece":             {replication.Piece{Index: 3, Bytes: []byte{9}}, "a2" + "0103" + "024109"},
		"reply: want":       {replication.Reply{Want: &replication.Want{Have: have}}, "a1" + "01" + "a1" + "01420101"},
		"reply: receipt":    {replication.Reply{Receipt: &offer.Record}, "a1" + "02" + recordHex},
		"reply: not now":    {replication.Reply{NotNow: replication.NoRoom}, "a1" + "03" + "67" + text("no_room")},
	} {
		b, err := wire.Marshal(g.got)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(b); got != g.want {
			t.Errorf("%s: got %s, want %s", name, got, g.want)
		}
	}
}

func TestReadRefusesWhatIsOutOfBounds(t *testing.T) {
	full := func(n int) []replication.Chunk {
		out := make([]replication.Chunk, n)
		for i := range out {
			out[i].Size = replication.ChunkSize + 16
		}
		return out
	}
	for name, spoil := range map[string]func(*replication.Manifest){
		"no sender":         func(m *replication.Manifest) { m.From = "" },
		"long recipient":    func(m *replication.Manifest) { m.To = replication.Name(strings.Repeat("x", 65)) },
		"no chunks":         func(m *replication.Manifest) { m.Chunks = nil },
		"too many chunks":   func(m *replication.Manifest) { m.Chunks = full(replication.MaxChunks + 1) },
		"chunk too large":   func(m *replication.Manifest) { m.Chunks = full(1); m.Chunks[0].Size++ },
		"chunk too small":   func(m *replication.Manifest) { m.Chunks[0].Size = 15 },
		"short mid chunk":   func(m *replication.Manifest) { m.Chunks = full(2); m.Chunks[0].Size-- },
		"version nought":    func(m *replication.Manifest) { m.Version = 0 },
		"a later version":   func(m *replication.Manifest) { m.Version = 2 },
		"a huge sealed key": func(m *replication.Manifest) { m.Key = make([]byte, replication.MaxManifest) },
	} {
		m := manifest()
		spoil(&m)
		b, err := wire.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		want := replication.ErrMalformed
		if name == "a later version" {
			want = replication.ErrTooNew
		}
		if _, err := replication.Read(record.Record{Body: b}); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	m := manifest()
	m.Chunks = full(replication.MaxChunks)
	if p := parcel(t, m); len(p.Record.Body) > replication.MaxManifest {
		t.Errorf("the largest manifest takes %d bytes", len(p.Record.Body))
	}
}

// withKey adds a key to an encoded struct, as a later version of its format would.
func withKey(t *testing.T, v any, key uint64) []byte {
	t.Helper()
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[uint64]wire.Raw
	if err := wire.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	m[key] = wire.Raw{0xf5}
	if b, err = wire.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWhatANewerVersionWroteIsToldFromTheMalformed: the one is asked for again after an upgrade, the other is not.
func TestWhatANewerVersionWroteIsToldFromTheMalformed(t *testing.T) {
	p := parcel(t, manifest())
	key := replicationtest.Key(t, "recipient")
	recipient := replication.Peer{Name: "H32.2", Keys: &identity.Keys{Sign: key.Public()}}
	receipt := replication.Receipt{Version: 1, Parcel: p.ID(), From: "H32.2", To: "H32.1", Outcome: replication.Delivered}
	verify := func(b []byte) error {
		r, err := record.SignOne(key, replication.ReceiptLabel, b)
		if err != nil {
			t.Fatal(err)
		}
		_, err = replication.VerifyReceipt(p, r, recipient)
		return err
	}
	plain := func(v any) []byte { b, _ := wire.Marshal(v); return b }
	outcome := func(o replication.Outcome) []byte { r := receipt; r.Outcome = o; return plain(r) }
	_, manifestKey := replication.Read(record.Record{Body: withKey(t, manifest(), 10)})
	for what, err := range map[string]error{
		"a key of a manifest":     manifestKey,
		"a key of a receipt":      verify(withKey(t, receipt, 10)),
		"a format of a receipt":   verify(plain(map[uint64]any{1: 2, 2: "a parcel named otherwise"})),
		"an outcome of a receipt": verify(outcome(replication.TakenOver + 1)),
	} {
		if !errors.Is(err, replication.ErrTooNew) {
			t.Errorf("%s to come: %v", what, err)
		}
	}
	if err := verify(outcome(0)); err == nil || errors.Is(err, replication.ErrTooNew) {
		t.Errorf("no outcome: %v", err)
	}
	for _, o := range []replication.Outcome{replication.Delivered, replication.TakenOver} {
		if err := verify(outcome(o)); err != nil {
			t.Errorf("the honest receipt of outcome %d: %v", o, err)
		}
	}
}

// FuzzOffer feeds the first message of a transfer, which any peer may send.
func FuzzOffer(f *testing.F) {
	b, _ := wire.Marshal(replication.Offer{Record: parcel(f, manifest()).Record, Eager: make([]byte, 40)})
	f.Add(b)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var o replication.Offer
		if wire.Unmarshal(b, &o) != nil {
			return
		}
		p, err := replication.Read(o.Record)
		if err != nil {
			if !errors.Is(err, replication.ErrMalformed) && !errors.Is(err, replication.ErrTooNew) {
				t.Error(err)
			}
			return
		}
		again, err := wire.Marshal(p.Manifest)
		if err != nil || !bytes.Equal(again, o.Record.Body) {
			t.Errorf("%x is read as something that is written otherwise, %v", o.Record.Body, err)
		}
		if p.Manifest.Bytes() < 16 || p.Manifest.Fits(len(p.Manifest.Chunks), nil) || p.Manifest.Fits(-1, nil) {
			t.Errorf("%+v is out of bounds", p.Manifest)
		}
	})
}

// FuzzReply feeds the receiver's word, which a lying peer makes up.
func FuzzReply(f *testing.F) {
	p := parcel(f, manifest())
	r, _ := replicationtest.Receipt(f, p, replicationtest.Key(f, "recipient"))
	for _, reply := range []replication.Reply{
		{Receipt: &r}, {NotNow: replication.NoRoom}, {Want: &replication.Want{Have: replication.NewBitmap(1)}}, {},
	} {
		b, _ := wire.Marshal(reply)
		f.Add(b)
	}
	recipient := replication.Peer{Name: "H32.2", Keys: &identity.Keys{Sign: replicationtest.Key(f, "recipient").Public()}}
	if _, err := replication.VerifyReceipt(p, r, recipient); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var reply replication.Reply
		if wire.Unmarshal(b, &reply) != nil || reply.Validate(1) != nil {
			return
		}
		if reply.Want != nil {
			for i := -1; i < 20; i++ {
				reply.Want.Have.Has(i)
			}
		}
		// No receipt that a fuzzer makes up is signed by the recipient.
		if reply.Receipt != nil && !bytes.Equal(reply.Receipt.Body, r.Body) {
			if _, err := replication.VerifyReceipt(p, *reply.Receipt, recipient); err == nil {
				t.Errorf("%x settles", b)
			}
		}
	})
}
