package replicationtest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
)

// Outbox is an outbox in memory. It outlives a courier, as the disk does.
type Outbox struct {
	mu       sync.Mutex
	parcels  []replication.Parcel
	settled  map[digest.Digest]replication.Receipt
	attempts map[digest.Digest][]string
}

// NewOutbox makes an empty outbox.
func NewOutbox() *Outbox {
	return &Outbox{settled: map[digest.Digest]replication.Receipt{}, attempts: map[digest.Digest][]string{}}
}

// Put commits a parcel to be sent.
func (o *Outbox) Put(p replication.Parcel) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parcels = append(o.parcels, p)
	return nil
}

// Peers implements replication.Outbox.
func (o *Outbox) Peers(context.Context) ([]replication.Name, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var names []replication.Name
	for _, p := range o.parcels {
		if !slices.Contains(names, p.Manifest.To) {
			names = append(names, p.Manifest.To)
		}
	}
	return names, nil
}

// Queue implements replication.Outbox.
func (o *Outbox) Queue(_ context.Context, to replication.Name, n int) ([]replication.Queued, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []replication.Queued
	for _, small := range []bool{true, false} {
		for _, p := range o.parcels {
			if p.Manifest.To == to && p.Manifest.Small() == small && len(out) < n {
				out = append(out, replication.Queued{ID: p.ID(), Small: small})
			}
		}
	}
	return out, nil
}

// Parcel implements replication.Outbox.
func (o *Outbox) Parcel(_ context.Context, id digest.Digest) (replication.Parcel, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.parcels {
		if p.ID() == id {
			return p, nil
		}
	}
	return replication.Parcel{}, replication.ErrSettled
}

// Waiting lists the unsettled parcels of an outbox for a peer, at most n, as Queue does.
func Waiting(t testing.TB, o replication.Outbox, to replication.Name, n int) (out []replication.Parcel) {
	t.Helper()
	queue, err := o.Queue(t.Context(), to, n)
	must(t, err)
	for _, q := range queue {
		p, err := o.Parcel(t.Context(), q.ID)
		must(t, err)
		out = append(out, p)
	}
	return out
}

// Settle implements replication.Outbox.
func (o *Outbox) Settle(_ context.Context, p replication.Parcel, _ record.Record, v replication.Receipt) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.parcels, func(q replication.Parcel) bool { return q.ID() == p.ID() })
	if i < 0 {
		return nil
	}
	o.parcels = slices.Delete(o.parcels, i, i+1)
	o.settled[p.ID()] = v
	return nil
}

// Attempted implements replication.Outbox.
func (o *Outbox) Attempted(_ context.Context, id digest.Digest, _ time.Time, reason replication.Reason) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attempts[id] = append(o.attempts[id], string(reason))
}

// Clone is a copy, as a backup keeps it.
func (o *Outbox) Clone() *Outbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &Outbox{parcels: slices.Clone(o.parcels), settled: maps.Clone(o.settled), attempts: maps.Clone(o.attempts)}
}

// Settled returns the receipt of a parcel, false if there is none yet.
func (o *Outbox) Settled(id digest.Digest) (replication.Receipt, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.settled[id]
	return v, ok
}

// Unsettled is how many parcels still wait.
func (o *Outbox) Unsettled() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.parcels)
}

// Attempts returns the reasons why attempts at a parcel failed, in order.
func (o *Outbox) Attempts(id digest.Digest) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.attempts[id])
}

// Inbox is an inbox in memory. It outlives a courier, as the disk does.
type Inbox struct {
	key *record.Key
	// Accept judges a content: an error that is a Rule refuses it, another means "not now". nil takes everything.
	Accept func(replication.Parcel, replication.Content) error

	mu       sync.Mutex
	receipts map[digest.Digest]record.Record
	effects  map[digest.Digest]int
	bodies   map[digest.Digest][]byte
}

// Rule is the error of a content that breaks a rule for ever.
type Rule string

func (r Rule) Error() string { return string(r) }

// NewInbox makes an empty inbox that signs with a key.
func NewInbox(key *record.Key) *Inbox {
	return &Inbox{
		key: key, receipts: map[digest.Digest]record.Record{},
		effects: map[digest.Digest]int{}, bodies: map[digest.Digest][]byte{},
	}
}

// Taken implements replication.Inbox.
func (b *Inbox) Taken(_ context.Context, id digest.Digest) (record.Record, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.receipts[id]
	return r, ok, nil
}

// Take implements replication.Inbox.
func (b *Inbox) Take(ctx context.Context, p replication.Parcel, c replication.Content) (record.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.receipts[p.ID()]; ok {
		return r, nil
	}
	if b.Accept != nil {
		err := b.Accept(p, c)
		if rule, ok := err.(Rule); ok {
			return b.answer(p, replication.Unwelcome, string(rule))
		}
		if err != nil {
			return record.Record{}, err
		}
	}
	b.effects[p.ID()]++
	b.bodies[p.ID()] = slices.Clone(c.Body)
	return b.answer(p, "", "")
}

// Refuse implements replication.Inbox.
func (b *Inbox) Refuse(_ context.Context, p replication.Parcel, why replication.Refusal, note string) (record.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.receipts[p.ID()]; ok {
		return r, nil
	}
	return b.answer(p, why, note)
}

func (b *Inbox) answer(p replication.Parcel, why replication.Refusal, note string) (record.Record, error) {
	v := p.Answer(why, note, time.Now().Unix())
	v.Log = &replication.LogHead{Size: uint64(len(b.receipts))}
	r, err := v.Sign(b.key)
	if err == nil {
		b.receipts[p.ID()] = r
	}
	return r, err
}

// Clone is a copy, as a backup keeps it.
func (b *Inbox) Clone() *Inbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &Inbox{key: b.key, Accept: b.Accept, receipts: maps.Clone(b.receipts), effects: maps.Clone(b.effects), bodies: maps.Clone(b.bodies)}
}

// Effects is how often a parcel took effect.
func (b *Inbox) Effects(id digest.Digest) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.effects[id]
}

// Body returns the body a parcel took effect with.
func (b *Inbox) Body(id digest.Digest) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bodies[id]
}
