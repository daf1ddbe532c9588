package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// parcelTo makes a parcel as a sender would, n tells one from another and is its date.
func parcelTo(t testing.TB, to replication.Name, n int64) replication.Parcel {
	t.Helper()
	m := replication.Manifest{Version: 1, From: "H32.22327", To: to, Created: n, Expires: n + 100, Nonce: [16]byte{byte(n)}, Key: []byte{1},
		Chunks: []replication.Chunk{{Hash: name("chunk"), Size: 20}}, Edition: 1}
	b, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.SignOne(testKey(t), replication.ManifestLabel, b)
	if err != nil {
		t.Fatal(err)
	}
	return replication.Parcel{Record: r, Manifest: m}
}

func receiptFor(p replication.Parcel) (record.Record, replication.Receipt) {
	r := replication.Receipt{Version: 1, Parcel: p.ID(), From: p.Manifest.To, To: p.Manifest.From, Outcome: replication.Delivered, At: 77}
	b, _ := wire.Marshal(r)
	return record.Record{Body: b, Signature: []byte{1}, Size: 1}, r
}

func TestParcelsWaitForTheirReceipt(t *testing.T) {
	s, ctx := open(t, t.TempDir()), context.Background()
	box := s.Outbox()
	ps := []replication.Parcel{parcelTo(t, "H32.2", 3), parcelTo(t, "H32.2", 1), parcelTo(t, "H32.10", 2), parcelTo(t, "H32", 4)}
	for range 2 { // the second time has no effect
		update(t, s, func(tx *Tx) error {
			for _, p := range ps {
				if err := tx.PutOutgoing(p, name("about"), "request"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	peers := func(want ...replication.Name) {
		t.Helper()
		if got, err := box.Peers(ctx); err != nil || !slices.Equal(got, want) {
			t.Errorf("peers %v, want %v: %v", got, want, err)
		}
	}
	waiting := func(to replication.Name, want ...replication.Parcel) {
		t.Helper()
		got := replicationtest.Waiting(t, box, to, 5)
		if len(got) != len(want) {
			t.Fatalf("%d parcels wait for %s, want %d", len(got), to, len(want))
		}
		for i := range got {
			if got[i].ID() != want[i].ID() || got[i].Record.Verify(testKey(t).Public(), replication.ManifestLabel) != nil {
				t.Errorf("parcel %d for %s is another, or its bytes have changed", i, to)
			}
		}
	}
	peers("H32", "H32.10", "H32.2")
	waiting("H32.2", ps[1], ps[0])
	waiting("H32.10", ps[2])
	waiting("nobody")

	box.Attempted(ctx, ps[1].ID(), time.Unix(9, 0), "line is down")
	box.Attempted(ctx, ps[1].ID(), time.Unix(10, 0), "line is down")
	if a, ok := s.Attempt(ps[1].ID()); !ok || a.Count != 2 || a.At != time.Unix(10, 0) {
		t.Errorf("attempts: %+v", a)
	}
	rec, rcpt := receiptFor(ps[1])
	if err := box.Settle(ctx, ps[0], rec, rcpt); err == nil {
		t.Error("a receipt settles another parcel")
	}
	for range 2 {
		if err := box.Settle(ctx, ps[1], rec, rcpt); err != nil {
			t.Fatal(err)
		}
	}
	strange := parcelTo(t, "H32.2", 50)
	strangeRec, strangeRcpt := receiptFor(strange)
	if err := box.Settle(ctx, strange, strangeRec, strangeRcpt); err != nil {
		t.Errorf("a receipt of a parcel never sent: %v", err)
	}
	waiting("H32.2", ps[0])
	view(t, s, func(tx *Tx) error {
		o, err := tx.Outgoing(ps[1].ID())
		if err != nil || o.Waits() || o.Outcome != replication.Delivered || o.Settled != 77 || o.About != name("about") {
			t.Errorf("settled parcel: %+v %v", o, err)
		}
		if r, ok, err := tx.Settlement(ps[1].ID()); !ok || err != nil || r.ID() != rec.ID() {
			t.Errorf("its receipt: %v %v", ok, err)
		}
		if _, err := tx.Outgoing(strange.ID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("a parcel never sent: %v", err)
		}
		if _, err := tx.Parcel(ps[1].ID()); err != nil {
			t.Errorf("a settled parcel is kept: %v", err)
		}
		return nil
	})
	if _, ok := s.Attempt(ps[1].ID()); ok {
		t.Error("attempts of a settled parcel are remembered")
	}
	for _, p := range []replication.Parcel{ps[0], ps[2]} {
		rec, rcpt := receiptFor(p)
		if err := box.Settle(ctx, p, rec, rcpt); err != nil {
			t.Fatal(err)
		}
	}
	peers("H32")
}

func TestOneReceiptForEachParcel(t *testing.T) {
	s := open(t, t.TempDir())
	give := func(n, at int64, to replication.Name) (digest.Digest, error) {
		r := replication.Receipt{Version: 1, Parcel: name(fmt.Sprint(n)), To: to, Outcome: replication.Delivered, At: at}
		b, err := wire.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		rec := record.Record{Body: b, Signature: []byte{1}, Size: 1}
		return rec.ID(), s.Update(context.Background(), func(tx *Tx) error { return tx.PutReceipt(rec, r) })
	}
	first, err1 := give(1, 5, "H32.2")
	second, err2 := give(2, 6, "H32.2")
	_, err3 := give(3, 7, "H32.3")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if _, err := give(1, 9, "H32.2"); !errors.Is(err, ErrTaken) {
		t.Errorf("a second receipt: want ErrTaken, have %v", err)
	}
	view(t, s, func(tx *Tx) error {
		r, ok, err := tx.Receipt(name("1"))
		if !ok || r.ID() != first {
			t.Error("the first receipt is not the one kept")
		}
		rs, err2 := tx.ReceiptsTo("H32.2", 5)
		if !slices.Equal(ids(rs), []digest.Digest{second, first}) {
			t.Errorf("receipts to H32.2: %d", len(rs))
		}
		one, err3 := tx.ReceiptsTo("H32.2", 1)
		if len(one) != 1 {
			t.Errorf("%d receipts, asked for 1", len(one))
		}
		return errors.Join(err, err2, err3)
	})
}
