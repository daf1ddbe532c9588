package courier_test

import (
	"errors"
	"testing"
	"time"

	"motcua/replication"
	"motcua/replication/spool"
)

// What is sealed to another key, as one that the recipient had before, is no verdict: its sender can pack it anew. None of its
// chunks is asked for.
func TestSealedToAnotherKeyWaits(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b, c := p.office("A"), p.office("B"), p.office("C")
		d := spool.Draft{From: "A", To: "B", Created: time.Now(), Expires: time.Now()}
		q, err := a.spool.Pack(d, a.id.Sign, c.id.Seal.Public(), noise(600<<10), nil)
		if err != nil {
			t.Fatal(err)
		}
		a.outbox.Put(q)
		a.courier.Wake("B")
		a.delivered(a.send(b, "another"), b, "another", time.Minute)
		time.Sleep(10 * time.Minute)
		if got := a.outbox.Attempts(q.ID()); len(got) == 0 || got[0] != "other_key" {
			t.Errorf("reasons: %q", got)
		}
		if _, ok := a.outbox.Settled(q.ID()); ok || len(b.held(q)) > 0 {
			t.Errorf("settled: %t, chunks at the recipient: %v", ok, b.held(q))
		}
	})
}

// A date is written by whoever holds the key. So what comes from a revoked key waits for a person, whatever date it bears.
func TestRevokedSenderIsNotTaken(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		before := a.pack(b, "before")
		time.Sleep(time.Hour)
		p.book.Revoke("A", time.Now())
		after := a.pack(b, "after")
		// Over the network nothing gets in any more, with a reason.
		a.outbox.Put(after)
		a.courier.Wake("B")
		time.Sleep(time.Minute)
		if got := a.outbox.Attempts(after.ID()); len(got) == 0 || got[0] != "sender_revoked" {
			t.Errorf("reasons: %q", got)
		}
		// Nor by another carrier; and nothing is said that could not be unsaid.
		for _, q := range []replication.Parcel{before, after} {
			_, err := b.courier.Deliver(t.Context(), q, func(i int) ([]byte, error) { return a.spool.Chunk(q.ID(), i) })
			notNow(t, err, replication.SenderRevoked)
			if _, said, _ := b.inbox.Taken(t.Context(), q.ID()); said || b.inbox.Effects(q.ID()) != 0 {
				t.Error("a parcel of a revoked key was taken or refused")
			}
		}
		// Nor does a stick with its word that parcels have arrived settle any.
		q := b.send(a, "for the stolen machine")
		r, err := replication.NewReceipt(q, "", "", 1, a.id.Sign)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := b.courier.Settle(t.Context(), r); n != 0 || !errors.Is(err, replication.ErrReceipt) {
			t.Errorf("settled %d by the receipt of a revoked key, %v", n, err)
		}
	})
}

// An office is enrolled anew, with new keys and the disk that it had.
func TestNewKeysOfAnOfficeAreTakenUp(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		owed := a.pack(b, "signed by the old key")
		q := b.pack(a, "taken, but its receipt was lost")
		by := func(o *office, q replication.Parcel) func(int) ([]byte, error) {
			return func(i int) ([]byte, error) { return o.spool.Chunk(q.ID(), i) }
		}
		old, err := a.courier.Deliver(t.Context(), q, by(b, q))
		if err != nil {
			t.Fatal(err)
		}
		b.outbox.Put(q)
		a.enrolAnew()
		// Its receipt under the old key, found on a stick, may be anybody's.
		if n, err := b.courier.Settle(t.Context(), old); n != 0 || !errors.Is(err, replication.ErrReceipt) {
			t.Errorf("settled %d by the receipt of a former key, %v", n, err)
		}
		// Asked again, it gives the same word under its new key.
		again, err := a.courier.Deliver(t.Context(), q, by(b, q))
		if err != nil || again.ID() != old.ID() || again.Signer != a.id.Sign.Public().ID() {
			t.Errorf("asked again: signed by %s, %v", again.Signer.Short(), err)
		}
		if n, err := b.courier.Settle(t.Context(), again); n != 1 || err != nil {
			t.Errorf("settled %d by the receipt given anew, %v", n, err)
		}
		// What it hands over itself holds: this inbox still signs with the old key.
		b.delivered(b.send(a, "to the new key"), a, "to the new key", 5*time.Minute)
		// Its parcel of before is known for its own, and waits to be packed anew.
		_, err = b.courier.Deliver(t.Context(), owed, by(a, owed))
		notNow(t, err, replication.SenderRevoked)
	})
}
