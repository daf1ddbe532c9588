package courier_test

import (
	"testing"
	"time"

	"motcua/crypto/identity"
	"motcua/replication"
)

// takeNewKeys has an office go on under other keys while it runs.
func (o *office) takeNewKeys() {
	o.p.t.Helper()
	id, err := identity.Generate()
	if err != nil {
		o.p.t.Fatal(err)
	}
	o.p.book.Rotate(o.name, o.id.Public(), id.Public())
	o.ring.Replace(id)
	o.id = id
}

// Parcels that were signed by or sealed to keys that were rotated away arrive, and so do receipts; a transfer under way does not
// notice.
func TestParcelsCrossAChangeOfKeys(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		a.delivered(a.send(b, "before"), b, "before", time.Minute)
		p.net.Cut(b.addr)
		waiting := a.send(b, "signed by the old key, sealed to the old key")
		time.Sleep(time.Hour)
		a.takeNewKeys()
		b.takeNewKeys()
		p.net.Heal(b.addr)
		a.delivered(waiting, b, "signed by the old key, sealed to the old key", 5*time.Minute)
		a.delivered(a.send(b, "under the new keys"), b, "under the new keys", time.Minute)

		big := a.send(b, "big", noise(4<<20))
		for begin := time.Now(); len(b.held(big)) == 0 && time.Since(begin) < time.Minute; {
			time.Sleep(time.Millisecond)
		}
		a.takeNewKeys()
		b.takeNewKeys()
		a.delivered(big, b, "big", time.Minute)
		b.delivered(b.send(a, "and back"), a, "and back", time.Minute)
	})
}

// A retired key is good for what it signed, and for a month more; once it is revoked as well, for nothing that comes.
func TestARetiredKeyEnds(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		before, during := a.pack(b, "before"), a.pack(b, "while cut off")
		old := a.id
		a.takeNewKeys()
		by := func(q replication.Parcel) func(int) ([]byte, error) {
			return func(i int) ([]byte, error) { return a.spool.Chunk(q.ID(), i) }
		}
		time.Sleep(replication.RetiredGrace + time.Hour)
		now := a.id
		a.id = old
		late := a.pack(b, "long after")
		a.id = now
		if _, err := b.courier.Deliver(t.Context(), before, by(before)); err != nil {
			t.Errorf("signed before: %v", err)
		}
		_, err := b.courier.Deliver(t.Context(), late, by(late))
		notNow(t, err, replication.SenderRevoked)
		p.book.RevokeKey(old.Sign.Public().ID(), time.Now())
		_, err = b.courier.Deliver(t.Context(), during, by(during))
		notNow(t, err, replication.SenderRevoked)
	})
}
