package courier_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/bundle"
	"motcua/replication/replicationtest"
)

func TestParcelsArriveOnceInFoulWeather(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Loss: 0.1, Duplicate: 0.2, Latency: 30 * time.Millisecond, Jitter: 50 * time.Millisecond})
		file := noise(700 << 10)
		type sent struct {
			from, to *office
			p        replication.Parcel
			body     string
		}
		var all []sent
		for i := range 20 {
			s := sent{from: a, to: b, body: fmt.Sprint("parcel ", i)}
			if i%2 == 1 {
				s.from, s.to = b, a
			}
			if i%5 == 0 {
				s.p = s.from.send(s.to, s.body, file, nil)
			} else {
				s.p = s.from.send(s.to, s.body)
			}
			all = append(all, s)
		}
		for _, s := range all {
			s.from.delivered(s.p, s.to, s.body, 10*time.Minute)
		}
		for _, o := range []*office{a, b} {
			if _, ok := o.files.Load(digest.Of(file)); !ok {
				t.Errorf("the file did not arrive at %s", o.name)
			}
			if n := o.outbox.Unsettled(); n != 0 {
				t.Errorf("%d parcels are left at %s", n, o.name)
			}
		}
	})
}

func TestSmallParcelTakesOneRoundTrip(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		const oneWay = 300 * time.Millisecond // a satellite
		p.net.SetWeather(replicationtest.Weather{Latency: oneWay})
		a.delivered(a.send(b, "first"), b, "first", time.Minute)
		begin := time.Now()
		q := a.send(b, "second", noise(20<<10))
		a.settled(q, time.Minute)
		if d := time.Since(begin); d > 2*oneWay+oneWay/2 {
			t.Errorf("took %s, one round trip is %s", d, 2*oneWay)
		}
	})
}

func TestParcelsWaitOutDaysOfDarkness(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
		a.delivered(a.send(b, "before"), b, "before", time.Minute)
		p.net.Cut(b.addr)
		q := a.send(b, "during", noise(600<<10))
		r := b.send(a, "meanwhile")
		time.Sleep(5 * 24 * time.Hour)
		if n := len(a.outbox.Attempts(q.ID())); n < 100 || n > 8000 {
			t.Errorf("%d attempts in five days", n)
		}
		p.net.Heal(b.addr)
		a.delivered(q, b, "during", 3*time.Minute)
		b.delivered(r, a, "meanwhile", 3*time.Minute)
	})
}

func TestAWakeUpCutsTheWaitShort(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.Cut(b.addr)
		q := a.send(b, "during")
		time.Sleep(time.Hour)
		p.net.Heal(b.addr)
		a.courier.Wake("B") // gossip has seen it
		a.delivered(q, b, "during", 12*time.Second)

		p.net.Cut(b.addr)
		q = a.send(b, "again")
		time.Sleep(time.Hour)
		p.net.Heal(b.addr)
		b.delivered(b.send(a, "hello"), a, "hello", time.Minute) // contact wakes A too
		a.delivered(q, b, "again", 12*time.Second)
	})
}

func TestStuckParcelsDoNotHoldUpTheOthers(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		var full atomic.Bool
		full.Store(true)
		b.inbox.Accept = func(_ replication.Parcel, c replication.Content) error {
			if full.Load() && strings.HasPrefix(string(c.Body), "stuck") {
				return errors.New("disk trouble")
			}
			return nil
		}
		var stuck []replication.Parcel
		for range 70 { // more than are looked at together
			stuck = append(stuck, a.send(b, "stuck"))
		}
		a.delivered(a.send(b, "free"), b, "free", time.Minute)
		if got := a.outbox.Attempts(stuck[0].ID()); len(got) == 0 || got[0] != "inbox_failed" {
			t.Errorf("reasons for people: %q", got)
		}
		full.Store(false)
		for _, q := range stuck {
			a.delivered(q, b, "stuck", 5*time.Minute)
		}
	})
}

// A content that only a newer version reads waits for the upgrade of its recipient, however deep inside the inbox finds it.
func TestAContentToComeWaitsForTheUpgrade(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		var old atomic.Bool
		old.Store(true)
		b.inbox.Accept = func(replication.Parcel, replication.Content) error {
			if !old.Load() {
				return nil
			}
			var known struct {
				Name string `cbor:"1,keyasint"`
			}
			return fmt.Errorf("read content: %w", wire.Unmarshal([]byte{0xa2, 1, 0x61, 'a', 2, 0xf5}, &known))
		}
		q := a.send(b, "of a newer version")
		time.Sleep(time.Hour)
		if got := a.outbox.Attempts(q.ID()); len(got) == 0 || got[0] != "too_new" {
			t.Errorf("reasons for people: %q", got)
		}
		old.Store(false)
		a.delivered(q, b, "of a newer version", 5*time.Minute)
	})
}

func TestReceiverKilledBetweenChunksResumes(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond})
		file := noise(8 << 20)
		q := a.send(b, "big", file)
		killed := 0
		for begin := time.Now(); time.Since(begin) < 20*time.Minute; time.Sleep(200 * time.Millisecond) {
			if _, ok := a.outbox.Settled(q.ID()); ok {
				break
			}
			if partial, err := b.spool.Receive(q); err == nil && killed < 3 && partial.Have().Count() > 4+8*killed {
				b.kill()
				b.start()
				killed++
			}
		}
		a.delivered(q, b, "big", time.Minute)
		if _, ok := b.files.Load(digest.Of(file)); !ok || killed == 0 {
			t.Errorf("file whole: %t, killed %d times", ok, killed)
		}
	})
}

func TestSenderKilledAndRestartedSendsWhatItOwes(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.Cut(b.addr)
		q := a.send(b, "owed", noise(300<<10))
		orphan := a.pack(b, "never committed")
		time.Sleep(time.Minute)
		a.kill()
		p.net.Heal(b.addr)
		a.start()
		if n, err := a.spool.Sweep(func(id digest.Digest) bool { return id == q.ID() }); n != 1 || err != nil {
			t.Errorf("swept %d orphans, %v", n, err)
		}
		a.delivered(q, b, "owed", time.Minute)
		if n := b.inbox.Effects(orphan.ID()); n != 0 {
			t.Error("a parcel that was never committed took effect")
		}
	})
}

func TestOfficeSendsToItself(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a := p.office("A")
		p.net.Cut(a.addr) // needs no line
		a.delivered(a.send(a, "note to self", noise(600<<10)), a, "note to self", time.Second)
	})
}

func TestRefusalsSettle(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		q := a.send(b, "unwelcome")
		if v := a.settled(q, time.Minute); v.Outcome != replication.Refused || v.Refusal != replication.Unwelcome || v.Note == "" {
			t.Errorf("breaks a rule: %+v", v)
		}
		// Malformed inside: B can never read it.
		q, chunk := a.garbage(b)
		r, err := b.courier.Deliver(t.Context(), q, func(int) ([]byte, error) { return chunk, nil })
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := replication.ReadReceipt(r); v.Refusal != replication.Unreadable {
			t.Errorf("malformed inside: %+v", v)
		}
		if b.inbox.Effects(q.ID()) != 0 {
			t.Error("it took effect")
		}
	})
}

func notNow(t *testing.T, err error, want replication.Obstacle) {
	t.Helper()
	var n *replication.NotNow
	if !errors.As(err, &n) || n.Obstacle != want {
		t.Errorf("got %v, want the obstacle %s", err, want)
	}
}

// What is not signed by the right hand settles nothing and spoils nothing.
func TestForgedParcelsSpoilNothing(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b, x := p.office("A"), p.office("B"), p.office("X")
		q := a.pack(b, "genuine", noise(600<<10))
		chunk := func(i int) ([]byte, error) { return a.spool.Chunk(q.ID(), i) }

		broken := q
		broken.Record.Signature = bytes.Clone(q.Record.Signature)
		broken.Record.Signature[100] ^= 1
		_, err := b.courier.Deliver(t.Context(), broken, chunk)
		notNow(t, err, replication.NotGenuine)

		forged := q
		forged.Record, _ = record.SignOne(x.id.Sign, replication.ManifestLabel, q.Record.Body)
		_, err = b.courier.Deliver(t.Context(), forged, chunk)
		notNow(t, err, replication.SenderUnknown)

		_, err = b.courier.Deliver(t.Context(), q, func(i int) ([]byte, error) { return noise(256<<10 + 16), nil })
		notNow(t, err, replication.NotGenuine)

		_, err = x.courier.Deliver(t.Context(), q, chunk)
		notNow(t, err, replication.WrongHouse)

		p.book.Remove("A")
		_, err = b.courier.Deliver(t.Context(), q, chunk)
		notNow(t, err, replication.SenderUnknown)
		p.book.Add("A", a.addr, a.id.Public())

		a.outbox.Put(q)
		a.courier.Wake("B")
		a.delivered(q, b, "genuine", time.Minute)
	})
}

func TestALyingReceiverSettlesNothing(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b, x := p.office("A"), p.office("B"), p.office("X")
		other := a.pack(b, "other")
		receipt := func(q replication.Parcel, key *record.Key) record.Record {
			r, err := replication.NewReceipt(q, "", "", 1, key)
			if err != nil {
				t.Error(err)
			}
			return r
		}
		for name, lie := range map[string]func(replication.Parcel) record.Record{
			"signed by another":    func(q replication.Parcel) record.Record { return receipt(q, x.id.Sign) },
			"for another parcel":   func(replication.Parcel) record.Record { return receipt(other, b.id.Sign) },
			"not a receipt at all": func(q replication.Parcel) record.Record { return q.Record },
			"from somebody else": func(q replication.Parcel) record.Record {
				q.Manifest.To = "X"
				return receipt(q, b.id.Sign)
			},
		} {
			p.liar(b, lie)
			q := a.send(b, name)
			time.Sleep(10 * time.Minute)
			if _, ok := a.outbox.Settled(q.ID()); ok {
				t.Errorf("a receipt %s settled a parcel", name)
			}
			if len(a.outbox.Attempts(q.ID())) == 0 {
				t.Errorf("a receipt %s: no reason for people", name)
			}
		}
	})
}

func TestReceiptsComeAnotherWay(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.Cut(b.addr)
		q, other := a.send(b, "by stick", noise(300<<10)), a.send(b, "left behind")
		r, err := b.courier.Deliver(t.Context(), q, func(i int) ([]byte, error) { return a.spool.Chunk(q.ID(), i) })
		if err != nil {
			t.Fatal(err)
		}
		forged, _ := replication.NewReceipt(other, "", "", 1, a.id.Sign)
		n, err := a.courier.Settle(t.Context(), r, forged, r, b.pack(a, "no receipt").Record)
		if n != 1 || err == nil {
			t.Errorf("settled %d, %v; want 1 and a word on the forged one", n, err)
		}
		a.delivered(q, b, "by stick", time.Second)
		p.net.Heal(b.addr)
		a.delivered(other, b, "left behind", 5*time.Minute)
	})
}

// A transfer begun over the network ends on a stick, whose first copy was cut off, and its receipt comes back by stick.
func TestAStickBridgesACutLine(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 50 * time.Millisecond})
		q := a.send(b, "by two ways", noise(6<<20))
		var began int
		for began == 0 {
			time.Sleep(20 * time.Millisecond)
			if partial, err := b.spool.Receive(q); err == nil {
				began = partial.Have().Count()
			}
		}
		p.net.Cut(b.addr)
		time.Sleep(3 * time.Minute) // until both have noticed
		var file bytes.Buffer
		waiting := replicationtest.Waiting(t, a.outbox, "B", 10)
		if err := bundle.Write(&file, bundle.Contents{From: "A", Created: time.Now(), Parcels: waiting, Chunk: a.spool.Chunk}); err != nil {
			t.Fatal(err)
		}
		s := &stick{o: b}
		report, err := bundle.Read(t.Context(), bytes.NewReader(file.Bytes()[:file.Len()*2/3]), s)
		if !errors.Is(err, bundle.ErrTruncated) || report.Parcels != 0 {
			t.Errorf("cut off: %+v, %v", report, err)
		}
		for range 2 { // read twice, by mistake
			if report, err = bundle.Read(t.Context(), bytes.NewReader(file.Bytes()), s); err != nil || report.Parcels != 1 {
				t.Errorf("%+v, %v", report, err)
			}
		}
		file.Reset()
		if err := bundle.Write(&file, bundle.Contents{From: "B", Created: time.Now(), Receipts: s.receipts}); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Read(t.Context(), &file, &stick{o: a}); err != nil {
			t.Error(err)
		}
		a.delivered(q, b, "by two ways", time.Second)
		p.net.Heal(b.addr)
		time.Sleep(10 * time.Minute)
		if n := b.inbox.Effects(q.ID()); n != 1 {
			t.Errorf("%d effects once the line is back", n)
		}
	})
}

// A dark stretch in the middle of a transfer costs little more than itself: the stall is noticed, and the transfer
// goes on over a fresh connection where it was, while the old one still waits out its timers.
func TestADarkStretchCostsLittleMore(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		p.net.SetWeather(replicationtest.Weather{Latency: 300 * time.Millisecond})
		q := a.send(b, "over the satellite", noise(16<<20))
		for len(b.held(q)) < 4 {
			time.Sleep(100 * time.Millisecond)
		}
		p.net.Cut(b.addr)
		time.Sleep(40 * time.Second)
		before := len(b.held(q))
		p.net.Heal(b.addr)
		a.courier.Wake("B") // gossip has seen it
		begin := time.Now()
		for len(b.held(q)) <= before {
			time.Sleep(100 * time.Millisecond)
			if time.Since(begin) > time.Minute {
				t.Fatal("no chunk within a minute of the line's return")
			}
		}
		if d := time.Since(begin); d > 15*time.Second {
			t.Errorf("the first chunk came %s after the line was back", d)
		}
		a.delivered(q, b, "over the satellite", 10*time.Minute)
	})
}
