package relay_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/relay"
)

// The messages as a liar writes them.
type (
	anyRequest struct {
		Offer *replication.Offer `cbor:"1,keyasint,omitempty"`
		Here  bool               `cbor:"2,keyasint,omitempty"`
	}
	anyReply struct {
		Want    *replication.Want `cbor:"1,keyasint,omitempty"`
		Kept    bool              `cbor:"2,keyasint,omitempty"`
		Receipt *record.Record    `cbor:"3,keyasint,omitempty"`
	}
	anyDelivery struct {
		Receipts []record.Record `cbor:"1,keyasint"`
	}
)

// liar is a relay that answers offers as a test says.
func (p *province) liar(name replication.Name, lie func(*machine, replication.Parcel, []byte) anyReply) *machine {
	p.t.Helper()
	m := p.machine(name)
	var err error
	m.link, err = link.New(link.Config{Name: m.name, Identity: m.id, Resolver: p.book, Conn: p.net.Listen(m.addr)})
	if err != nil {
		p.t.Fatal(err)
	}
	m.stop = func() { m.link.Close() }
	p.addRelay(name)
	m.link.Handle(relay.Protocol, link.Known, func(_ context.Context, _ link.Caller, s *link.Stream) {
		var q anyRequest
		if s.Receive(&q, 2<<20) != nil || q.Offer == nil {
			return
		}
		offered, err := replication.Read(q.Offer.Record)
		if err == nil {
			s.Send(lie(m, offered, q.Offer.Eager))
		}
	})
	return m
}

// TestRelayThatForgets says that it keeps a parcel and does not: after some hours another is given it.
func TestRelayThatForgets(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		var asked atomic.Int32
		p.liar("liar", func(*machine, replication.Parcel, []byte) anyReply { asked.Add(1); return anyReply{Kept: true} })
		honest := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		b.stop()
		q := a.send(b, "believed lost")
		p.until("the honest one is asked in the end", 7*time.Hour, honest.keeps(1))
		if asked.Load() == 0 || a.outbox.Unsettled() != 1 {
			t.Errorf("the liar was asked %d times, %d unsettled", asked.Load(), a.outbox.Unsettled())
		}
		b.start()
		p.until("it has arrived", time.Hour, a.settled(q))
		b.took(q, "believed lost")
	})
}

// TestRelayThatLies hands over forged receipts, receipts for other parcels, and altered parcels: none has an effect.
func TestRelayThatLies(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b, c := p.office("A"), p.office("B"), p.office("C")
		first := a.send(b, "an earlier one")
		p.until("delivered", time.Minute, a.settled(first))
		genuine, _, err := b.inbox.Taken(t.Context(), first.ID())
		if err != nil {
			t.Fatal(err)
		}
		b.kill()
		lies := 0 // told by one stream at a time
		var told atomic.Bool
		m := p.liar("liar", func(m *machine, q replication.Parcel, eager []byte) anyReply {
			lies++
			forged, err := replication.NewReceipt(q, "", "", time.Now().Unix(), m.id.Sign)
			if err != nil {
				t.Error(err)
			}
			switch lies {
			case 1: // of the right parcel, by the wrong hand
				return anyReply{Receipt: &forged}
			case 2: // by the right hand, of another parcel
				return anyReply{Receipt: &genuine}
			case 3: // more chunks than there are, for ever
				return anyReply{Want: &replication.Want{Have: replication.NewBitmap(80)}}
			case 4:
				return anyReply{Kept: true, Receipt: &genuine}
			}
			m.bring(a, forged, genuine)
			m.offer(c, q, eager) // to somebody else
			b.start()
			altered := append([]byte(nil), eager...)
			altered[len(altered)/2] ^= 1
			m.offer(b, q, altered)
			b.kill()
			told.Store(true)
			return anyReply{Kept: true}
		})
		q := a.send(b, "a decision")
		p.until("all lies are told", 10*time.Hour, told.Load)
		time.Sleep(time.Hour)
		if a.outbox.Unsettled() != 1 || b.inbox.Effects(q.ID()) != 0 || c.inbox.Effects(q.ID()) != 0 {
			t.Errorf("a lie had an effect: %d unsettled, %d and %d effects", a.outbox.Unsettled(), b.inbox.Effects(q.ID()), c.inbox.Effects(q.ID()))
		}
		m.stop()
		b.start()
		p.until("the truth arrives", time.Hour, a.settled(q))
		b.took(q, "a decision")
	})
}

// bring brings receipts to an office as a relay does.
func (m *machine) bring(to *machine, rs ...record.Record) {
	s, err := m.link.Dial(context.Background(), to.name, relay.ReceiptProtocol)
	if err != nil {
		m.p.t.Error(err)
		return
	}
	defer s.Close()
	var thanks struct {
		Parcels [][]byte `cbor:"1,keyasint"`
	}
	if s.Send(anyDelivery{rs}) != nil || s.Receive(&thanks, 1<<10) != nil || len(thanks.Parcels) != 1 {
		m.p.t.Errorf("thanked for %d, want for the receipt that is genuine and no news", len(thanks.Parcels))
	}
}

// offer offers a parcel of a single chunk as its sender does.
func (m *machine) offer(to *machine, q replication.Parcel, chunk []byte) {
	s, err := m.link.Dial(context.Background(), to.name, replication.TransferProtocol)
	if err != nil {
		m.p.t.Error(err)
		return
	}
	defer s.Close()
	var r replication.Reply
	if s.Send(replication.Offer{Record: q.Record, Eager: chunk}) != nil || s.Receive(&r, replication.MaxReply) != nil || r.Receipt != nil {
		m.p.t.Errorf("%s answers %v", to.name, r)
	}
}

// TestStrangersParcels: a relay keeps what its sender itself gives, signed, for somebody that it serves, and nothing else.
func TestStrangersParcels(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.machine("r1")
		r.serves = true
		r.config.Serves = func(from, to replication.Name) bool { return to != "D" }
		r.start()
		a, b, c, d := p.office("A"), p.office("B"), p.office("C"), p.office("D")
		q, other := a.send(b, "from A to B"), a.send(d, "from A to D")
		p.until("both arrived directly", time.Minute, func() bool { return a.settled(q)() && a.settled(other)() })
		forged := q
		forged.Record.Signature = bytes.Clone(q.Record.Signature)
		forged.Record.Signature[9] ^= 1
		foreign := p.machine("E") // whose key the book forgets
		for _, v := range []struct {
			by   *machine
			q    replication.Parcel
			want relay.Denial
		}{
			{c, q, relay.NotSender},
			{a, other, relay.NotServed},
			{a, forged, relay.NotGenuine},
		} {
			if got := v.by.give(r, v.q); got != v.want {
				t.Errorf("%s gives parcel %s: %q, want %q", v.by.name, v.q.ID().Short(), got, v.want)
			}
		}
		p.book.Remove(foreign.name)
		p.book.Revoke(b.name, time.Now())
		if got := a.give(r, q); got != relay.NotServed {
			t.Errorf("for a recipient whose key is revoked: %q", got)
		}
		if !r.keeps(0)() {
			t.Error("something is kept")
		}
	})
}

// give offers a parcel to a relay and returns its denial.
func (m *machine) give(to *machine, q replication.Parcel) relay.Denial {
	s, err := m.link.Dial(context.Background(), to.name, relay.Protocol)
	if err != nil {
		m.p.t.Fatal(err)
	}
	defer s.Close()
	var r struct {
		Kept bool         `cbor:"2,keyasint,omitempty"`
		No   relay.Denial `cbor:"4,keyasint,omitempty"`
	}
	if err := s.Send(anyRequest{Offer: &replication.Offer{Record: q.Record}}); err != nil {
		m.p.t.Fatal(err)
	}
	if err := s.Receive(&r, 1<<10); err != nil {
		m.p.t.Fatal(err)
	}
	return r.No
}
