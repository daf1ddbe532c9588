package replicationtest

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

// OutboxUnderTest is an implementation and its way of committing a parcel, which the interface leaves to it.
type OutboxUnderTest struct {
	replication.Outbox
	// Self is the name that the implementation sends as.
	Self replication.Name
	// Put commits a parcel as an act would.
	Put func(replication.Parcel) error
	// Reopen loses what is not durable and returns what is. nil: nothing to lose.
	Reopen func() replication.Outbox
}

// TestOutbox asserts what replication.Outbox promises. open makes an empty one.
func TestOutbox(t *testing.T, open func(t *testing.T) OutboxUnderTest) {
	t.Run("waits oldest first until settled", func(t *testing.T) { outboxOrder(t, open(t)) })
	t.Run("settles once and durably", func(t *testing.T) { outboxSettle(t, open(t)) })
	t.Run("ignores receipts for parcels it never sent", func(t *testing.T) { outboxForeign(t, open(t)) })
}

func outboxOrder(t *testing.T, o OutboxUnderTest) {
	var want []digest.Digest
	plan := Large(t, Key(t, "sender"), o.Self, "H32.1", time.Unix(900, 0)) // the oldest, and overtaken
	must(t, o.Put(plan))
	for i := range 5 {
		p := Parcel(t, Key(t, "sender"), o.Self, "H32.1", time.Unix(int64(1000+i), 0))
		want = append(want, p.ID())
		must(t, o.Put(p))
		must(t, o.Put(Parcel(t, Key(t, "sender"), o.Self, "H32.2", time.Unix(int64(1000+i), 0))))
	}
	got := Waiting(t, o, "H32.1", 3)
	if len(got) != 3 {
		t.Fatalf("asked for at most 3 parcels of 6, got %d", len(got))
	}
	for i, p := range got {
		if p.ID() != want[i] || p.Manifest.To != "H32.1" {
			t.Errorf("parcel %d is not the one put %d-th", i, i)
		}
		if p.Record.ID() != p.ID() || p.Record.Verify(Key(t, "sender").Public(), replication.ManifestLabel) != nil {
			t.Errorf("parcel %d has lost its signature", i)
		}
	}
	if all := Waiting(t, o, "H32.1", 10); len(all) != 6 || all[5].ID() != plan.ID() {
		t.Errorf("%d parcels wait, or a large one not last", len(all))
	}
	peers, err := o.Peers(t.Context())
	must(t, err)
	if len(peers) != 2 {
		t.Errorf("parcels wait for two names, got %v", peers)
	}
	none, err := o.Queue(t.Context(), "H32.3", 3)
	if err != nil || len(none) != 0 {
		t.Errorf("nothing waits for H32.3: got %d, %v", len(none), err)
	}
}

func outboxSettle(t *testing.T, o OutboxUnderTest) {
	p := Parcel(t, Key(t, "sender"), o.Self, "H32.1", time.Unix(1000, 0))
	must(t, o.Put(p))
	o.Attempted(t.Context(), p.ID(), time.Unix(2000, 0), "no answer")
	r, v := Receipt(t, p, Key(t, "recipient"))
	for range 2 { // a repeat changes nothing and is no error
		must(t, o.Settle(t.Context(), p, r, v))
	}
	check := func(o replication.Outbox, when string) {
		if _, err := o.Parcel(t.Context(), p.ID()); !errors.Is(err, replication.ErrSettled) {
			t.Errorf("%s: the parcel itself: %v", when, err)
		}
		left, err := o.Queue(t.Context(), "H32.1", 10)
		if err != nil || len(left) != 0 {
			t.Errorf("%s: %d parcels still wait, %v", when, len(left), err)
		}
		peers, err := o.Peers(t.Context())
		if err != nil || len(peers) != 0 {
			t.Errorf("%s: parcels still wait for %v, %v", when, peers, err)
		}
	}
	check(o, "after the receipt")
	if o.Reopen != nil {
		check(o.Reopen(), "reopened")
	}
}

func outboxForeign(t *testing.T, o OutboxUnderTest) {
	p := Parcel(t, Key(t, "sender"), o.Self, "H32.1", time.Unix(1000, 0))
	must(t, o.Put(p))
	other := Parcel(t, Key(t, "sender"), o.Self, "H32.1", time.Unix(1001, 0))
	r, v := Receipt(t, other, Key(t, "recipient"))
	must(t, o.Settle(t.Context(), other, r, v))
	left := Waiting(t, o, "H32.1", 10)
	if len(left) != 1 || left[0].ID() != p.ID() {
		t.Errorf("the parcel that was sent no longer waits: got %d", len(left))
	}
}

// InboxUnderTest is an implementation with contents it takes and refuses.
type InboxUnderTest struct {
	replication.Inbox
	// Self is the name it receives as, From a sender it knows, Key what it signs with.
	Self, From replication.Name
	Key        *record.PublicKey
	// Good returns a body that takes effect, another each time; Bad one that breaks a rule.
	Good, Bad func() []byte
	// Effects counts the effects committed so far.
	Effects func() int
	// Reopen loses what is not durable and returns what is. nil: nothing to lose.
	Reopen func() replication.Inbox
}

// TestInbox asserts what replication.Inbox promises. open makes an empty one.
func TestInbox(t *testing.T, open func(t *testing.T) InboxUnderTest) {
	t.Run("takes once", func(t *testing.T) { inboxOnce(t, open(t)) })
	t.Run("refuses by receipt", func(t *testing.T) { inboxRule(t, open(t)) })
	t.Run("remembers refusals", func(t *testing.T) { inboxRefuse(t, open(t)) })
}

func inboxOnce(t *testing.T, b InboxUnderTest) {
	p := Parcel(t, Key(t, "sender"), b.From, b.Self, time.Unix(1000, 0))
	if _, ok, err := b.Taken(t.Context(), p.ID()); ok || err != nil {
		t.Fatalf("a parcel that never came: taken %t, %v", ok, err)
	}
	body := b.Good()
	got := make([]record.Record, 8)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			r, err := b.Take(t.Context(), p, replication.Content{Body: body})
			if err != nil {
				t.Errorf("take %d: %v", i, err)
			}
			got[i] = r
		})
	}
	all.Wait()
	for _, r := range got[1:] {
		if !same(r, got[0]) {
			t.Error("repeats got different receipts")
		}
	}
	b.holds(t, p, got[0], replication.Delivered)
	if n := b.Effects(); n != 1 {
		t.Errorf("taken 8 times at once: %d effects, want 1", n)
	}
	// A refusal that comes too late changes nothing.
	if r, err := b.Refuse(t.Context(), p, replication.Unreadable, ""); err != nil || !same(r, got[0]) {
		t.Errorf("refused after it was taken: another receipt, %v", err)
	}
	b.remembers(t, p, got[0])
}

func inboxRule(t *testing.T, b InboxUnderTest) {
	p := Parcel(t, Key(t, "sender"), b.From, b.Self, time.Unix(1000, 0))
	r, err := b.Take(t.Context(), p, replication.Content{Body: b.Bad()})
	if err != nil {
		t.Fatalf("a content that breaks a rule is refused by receipt, not by error: %v", err)
	}
	b.holds(t, p, r, replication.Refused)
	if n := b.Effects(); n != 0 {
		t.Errorf("%d effects, want none", n)
	}
	b.remembers(t, p, r)
}

func inboxRefuse(t *testing.T, b InboxUnderTest) {
	p := Parcel(t, Key(t, "sender"), b.From, b.Self, time.Unix(1000, 0))
	r, err := b.Refuse(t.Context(), p, replication.Unreadable, "")
	must(t, err)
	b.holds(t, p, r, replication.Refused)
	again, err := b.Take(t.Context(), p, replication.Content{Body: b.Good()})
	if err != nil || !same(again, r) || b.Effects() != 0 {
		t.Errorf("taken after it was refused: %d effects, %v", b.Effects(), err)
	}
	b.remembers(t, p, r)
}

func (b InboxUnderTest) holds(t *testing.T, p replication.Parcel, r record.Record, o replication.Outcome) {
	t.Helper()
	v, err := replication.ReadReceipt(r)
	must(t, err)
	if v.Outcome != o || v.Parcel != p.ID() || v.From != b.Self || v.To != b.From {
		t.Errorf("receipt %+v does not answer the parcel with outcome %d", v, o)
	}
	if err := r.Verify(b.Key, replication.ReceiptLabel); err != nil {
		t.Error(err)
	}
}

func (b InboxUnderTest) remembers(t *testing.T, p replication.Parcel, want record.Record) {
	t.Helper()
	in := b.Inbox
	if b.Reopen != nil {
		in = b.Reopen()
	}
	r, ok, err := in.Taken(t.Context(), p.ID())
	if err != nil || !ok || !same(r, want) {
		t.Errorf("the receipt is not remembered: %t, %v", ok, err)
	}
}

func same(a, b record.Record) bool {
	return bytes.Equal(a.Body, b.Body) && bytes.Equal(a.Signature, b.Signature)
}

// Key returns the signing key of a role in a test, the same each time.
func Key(t testing.TB, role string) *record.Key {
	seed := sha512.Sum512([]byte(role))
	k, err := record.NewKey(seed[:record.SeedSize])
	must(t, err)
	return k
}

// Parcel makes a parcel of one chunk that holds nothing, for tests that never open it.
func Parcel(t testing.TB, from *record.Key, sender, recipient replication.Name, at time.Time) replication.Parcel {
	return sized(t, from, sender, recipient, at, 1, 16)
}

// Large makes a parcel that is not small, of chunks that nobody has.
func Large(t testing.TB, from *record.Key, sender, recipient replication.Name, at time.Time) replication.Parcel {
	return sized(t, from, sender, recipient, at, 3, replication.ChunkSize+16)
}

func sized(t testing.TB, from *record.Key, sender, recipient replication.Name, at time.Time, chunks int, size uint32) replication.Parcel {
	nonce := digest.Of([]byte(string(sender) + string(recipient) + at.String()))
	m := replication.Manifest{
		Version: 1, From: sender, To: recipient, Created: at.Unix(), Expires: at.Add(24 * time.Hour).Unix(),
		Nonce: [16]byte(nonce[:16]), Key: []byte("none"),
	}
	for range chunks {
		m.Chunks = append(m.Chunks, replication.Chunk{Hash: nonce, Size: size})
	}
	b, err := wire.Marshal(m)
	must(t, err)
	r, err := record.SignOne(from, replication.ManifestLabel, b)
	must(t, err)
	p, err := replication.Read(r)
	must(t, err)
	return p
}

// Receipt makes the recipient's receipt for a parcel.
func Receipt(t testing.TB, p replication.Parcel, from *record.Key) (record.Record, replication.Receipt) {
	r, err := replication.NewReceipt(p, "", "", 5000, from)
	must(t, err)
	v, err := replication.ReadReceipt(r)
	must(t, err)
	return r, v
}

// File makes a file of a content from bytes.
func File(b []byte) replication.File {
	return replication.File{Digest: digest.Of(b), Size: int64(len(b)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
