package courier_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"motcua/crypto/record"
	"motcua/replication"
)

// TestAnEndlessStreamEndsSoon: a sender whose chunks never end, come twice, or are of another parcel takes a bounded time, memory and disk,
// leaves nothing behind that counts, and keeps nobody out.
func TestAnEndlessStreamEndsSoon(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b, x := p.office("A"), p.office("B"), p.office("X")
		q, other := x.pack(b, "endless", noise(900<<10)), x.pack(b, "other", noise(900<<10))
		for name, piece := range map[string]func(n int) replication.Piece{
			"the same chunk for ever": func(int) replication.Piece { c, _ := x.spool.Chunk(q.ID(), 0); return replication.Piece{Bytes: c} },
			"beyond the last":         func(n int) replication.Piece { return replication.Piece{Index: uint32(n + 99), Bytes: noise(100)} },
			"another parcel's": func(n int) replication.Piece {
				c, _ := x.spool.Chunk(other.ID(), n%3)
				return replication.Piece{Index: uint32(n % 3), Bytes: c}
			},
		} {
			begin := time.Now()
			sent, reply := x.flood(t, b.name, q, piece)
			if d := time.Since(begin); sent > 64 || d > time.Minute {
				t.Errorf("%s: %d chunks taken in %s", name, sent, d)
			}
			if reply.Receipt != nil {
				t.Errorf("%s: a receipt", name)
			}
		}
		a.delivered(a.send(b, "honest"), b, "honest", time.Minute)
		x.outbox.Put(q)
		x.courier.Wake("B")
		x.delivered(q, b, "endless", time.Minute) // what was true of it was kept, the rest spoiled nothing
	})
}

// flood offers a parcel and sends pieces until the recipient takes no more. It returns how many it took and its last word.
func (o *office) flood(t *testing.T, to replication.Name, q replication.Parcel, piece func(n int) replication.Piece) (sent int, r replication.Reply) {
	t.Helper()
	s, err := o.link.Begin(t.Context(), to, replication.TransferProtocol)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Cancel()
	if err := errors.Join(s.Send(replication.Offer{Record: q.Record}), s.Receive(&r, replication.MaxReply)); err != nil {
		t.Fatal(err)
	}
	s.SetStall(30 * time.Second)
	for ; sent < 1000; sent++ {
		time.Sleep(time.Millisecond) // in which the recipient can hang up
		if s.Send(piece(sent)) != nil {
			break
		}
	}
	r = replication.Reply{}
	s.Receive(&r, replication.MaxReply)
	return sent, r
}

// TestAReplayedReceiptSettlesNothing: a genuine receipt of an earlier parcel, given again for a later one.
func TestAReplayedReceiptSettlesNothing(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		first := a.send(b, "first")
		a.settled(first, time.Minute)
		old, _, _ := b.inbox.Taken(t.Context(), first.ID())
		p.liar(b, func(replication.Parcel) record.Record { return old })
		second := a.send(b, "second")
		time.Sleep(time.Hour)
		if _, ok := a.outbox.Settled(second.ID()); ok {
			t.Error("settled by the receipt of another parcel")
		}
		if n, err := a.courier.Settle(t.Context(), old); n != 0 || err != nil {
			t.Errorf("the old receipt brought again: %d settled, %v", n, err)
		}
		if got := a.outbox.Attempts(second.ID()); len(got) == 0 || got[0] != string(replication.BadReceipt) {
			t.Errorf("reasons for people: %q", got)
		}
	})
}

// TestAFullDiskKeepsAParcelWaiting: on either side, until there is room; nothing is lost, and the reason is said.
func TestAFullDiskKeepsAParcelWaiting(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		full := true
		b.wrap = func() (replication.Outbox, replication.Inbox) { return b.outbox, fullInbox{b.inbox, &full} }
		a.wrap = func() (replication.Outbox, replication.Inbox) { return fullOutbox{a.outbox, &full}, a.inbox }
		for _, o := range []*office{a, b} {
			o.kill()
			o.start()
		}
		q := a.send(b, "waits for room", noise(500<<10))
		time.Sleep(time.Hour)
		if got := a.outbox.Attempts(q.ID()); len(got) == 0 || got[len(got)-1] != string(replication.InboxFailed) {
			t.Errorf("the recipient's disk is full: %q", got)
		}
		b.wrap = nil
		b.kill()
		b.start()
		time.Sleep(time.Hour)
		if got := a.outbox.Attempts(q.ID()); got[len(got)-1] != string(replication.Fault) || b.inbox.Effects(q.ID()) != 1 {
			t.Errorf("the sender's disk is full: %q, %d effects", got[len(got)-1], b.inbox.Effects(q.ID()))
		}
		full = false
		a.delivered(q, b, "waits for room", 5*time.Minute)
	})
}

type fullInbox struct {
	replication.Inbox
	full *bool
}

func (f fullInbox) Take(ctx context.Context, p replication.Parcel, c replication.Content) (record.Record, error) {
	if *f.full {
		return record.Record{}, syscall.ENOSPC
	}
	return f.Inbox.Take(ctx, p, c)
}

type fullOutbox struct {
	replication.Outbox
	full *bool
}

func (f fullOutbox) Settle(ctx context.Context, p replication.Parcel, r record.Record, v replication.Receipt) error {
	if *f.full {
		return syscall.ENOSPC
	}
	return f.Outbox.Settle(ctx, p, r, v)
}
