package courier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// TestAQuarterMegabyteTakesOneRoundTrip: all of a parcel of 256 KiB goes with its offer, and the next word is the receipt.
func TestAQuarterMegabyteTakesOneRoundTrip(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		b.link.Handle(replication.TransferProtocol, link.Known, func(ctx context.Context, _ link.Caller, s *link.Stream) {
			var o replication.Offer
			if err := s.Receive(&o, replication.MaxOffer); err != nil {
				t.Error(err)
			}
			q, err := replication.Read(o.Record)
			if err != nil || len(o.Sent()) != 2 || len(q.Manifest.Chunks) != 2 {
				t.Errorf("%d chunks came along, %v", len(o.Sent()), err)
			}
			r, err := b.courier.Deliver(ctx, q, func(i int) ([]byte, error) { return o.Sent()[i], nil })
			if err != nil {
				t.Error(err)
			}
			s.Send(replication.Reply{Receipt: &r})
		})
		a.delivered(a.send(b, "scans", noise(256<<10)), b, "scans", time.Minute)
	})
}

// TestADecisionOvertakesAPlan: on a line that the large parcels fill, small ones arrive at once, and the large ones after all.
func TestADecisionOvertakesAPlan(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 30 * time.Millisecond})
		if err := a.courier.SetLimits(courier.Limits{Rate: 64 << 10}); err != nil { // 512 kbit/s
			t.Fatal(err)
		}
		var plans []replication.Parcel
		for i := range 70 { // more than are looked at together
			plans = append(plans, a.send(b, fmt.Sprint("plan ", i), noise(330<<10)))
		}
		for len(b.held(plans[0])) == 0 {
			time.Sleep(time.Second)
		}
		for i := range 5 {
			body := fmt.Sprint("decision ", i)
			a.delivered(a.send(b, body), b, body, time.Second)
		}
		if n := a.outbox.Unsettled(); n < 60 {
			t.Errorf("%d plans are left after a few seconds", n)
		}
		for i, q := range plans {
			a.delivered(q, b, fmt.Sprint("plan ", i), 30*time.Minute)
		}
		if time.Since(time.Unix(plans[0].Manifest.Created, 0)) < 70*330<<10/(64<<10)*time.Second {
			t.Error("the plans went faster than the limit allows")
		}
	})
}

// TestLargeParcelsKeepTheirHours: they go at night only, break off in the morning and resume the next night where they were; small
// ones go at any time.
func TestLargeParcelsKeepTheirHours(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 30 * time.Millisecond})
		night := courier.Limits{Rate: 4 << 10, From: 22 * 60, Until: 22*60 + 30} // the clock of the test begins at midnight, UTC
		time.Sleep(8 * time.Hour)
		if err := a.courier.SetLimits(night); err != nil {
			t.Fatal(err)
		}
		plan := a.send(b, "plan", noise(12<<20))
		a.delivered(a.send(b, "by day"), b, "by day", time.Minute)
		time.Sleep(13*time.Hour + 50*time.Minute)
		if n := len(b.held(plan)); n != 0 {
			t.Fatalf("%d chunks went by day", n)
		}
		b.spool.Release(plan.ID())
		time.Sleep(time.Hour)
		first := len(b.held(plan))
		time.Sleep(16 * time.Hour)
		if second := len(b.held(plan)); first < 20 || second != first {
			t.Errorf("%d chunks in the first night, %d the next day", first, second)
		}
		a.delivered(plan, b, "plan", 24*time.Hour)
		if n := len(a.outbox.Attempts(plan.ID())); n > 0 {
			t.Errorf("%d attempts failed: the end of the hours is no failure", n)
		}
	})
}

// TestAPeerThatDoesNotKnowTheNewProtocolIsServed by the former one, and a receiver serves a sender of the former.
func TestAPeerThatDoesNotKnowTheNewProtocolIsServed(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		b.link.Handle(replication.TransferProtocol, link.Known, nil)
		a.delivered(a.send(b, "small", noise(20<<10)), b, "small", time.Minute)
		a.delivered(a.send(b, "two chunks", noise(256<<10)), b, "two chunks", time.Minute)
		a.delivered(a.send(b, "large", noise(900<<10)), b, "large", time.Minute)
	})
}

// TestReceiptsTellTheLogToWhoReadsIt: the head goes with the protocol that knows it, and the former gets the same answer without.
func TestReceiptsTellTheLogToWhoReadsIt(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		q := a.send(b, "bound")
		if v := a.settled(q, time.Minute); v.Log == nil {
			t.Error("the receipt is bound to no log")
		}
		s, err := a.link.Begin(t.Context(), "B", replication.FormerProtocol)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var reply replication.Reply
		if err := errors.Join(s.Send(replication.Offer{Record: q.Record}), s.Receive(&reply, replication.MaxReply)); err != nil || reply.Receipt == nil {
			t.Fatalf("%+v, %v", reply, err)
		}
		recipient, _ := p.book.Resolve("B")
		if v, err := replication.VerifyReceipt(q, *reply.Receipt, recipient); err != nil || v.Log != nil || v.Outcome != replication.Delivered {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestLimits(t *testing.T) {
	night := courier.Limits{From: 22 * 60, Until: 5*60 + 30}
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for at, want := range map[time.Duration]time.Duration{
		0: 0, 5 * time.Hour: 5 * time.Hour, 5*time.Hour + 30*time.Minute: 22 * time.Hour, 12 * time.Hour: 22 * time.Hour, 23 * time.Hour: 23 * time.Hour,
	} {
		if got := night.Opens(day.Add(at)); !got.Equal(day.Add(want)) {
			t.Errorf("at %s they open at %s, want %s", at, got.Sub(day), want)
		}
	}
	if noon := (courier.Limits{From: 12 * 60, Until: 13 * 60}); !noon.Opens(day.Add(14 * time.Hour)).Equal(day.Add(36 * time.Hour)) {
		t.Error("after the hours they open the next day")
	}
	for _, bad := range []courier.Limits{{Rate: 1}, {Rate: -1}, {From: 1440}, {Until: -1}, {To: map[replication.Name]int64{"B": 5}}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
