package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
)

// Outgoing is the state of a parcel in the outbox. It is overwritten when the receipt comes, never deleted.
type Outgoing struct {
	To      replication.Name    `cbor:"1,keyasint"`
	Created int64               `cbor:"2,keyasint"` // Unix seconds
	Expires int64               `cbor:"3,keyasint"`
	About   digest.Digest       `cbor:"4,keyasint,omitzero"` // chain it is about, zero if none
	Outcome replication.Outcome `cbor:"5,keyasint,omitempty"`
	Refusal replication.Refusal `cbor:"6,keyasint,omitempty"`
	Settled int64               `cbor:"7,keyasint,omitempty"` // Unix seconds of the recipient's clock
	Kind    string              `cbor:"8,keyasint,omitempty"` // the caller's word for what it carries
	// Anew is the parcel that carries the same in the place of this one, which cannot arrive; zero if none does.
	Anew digest.Digest `cbor:"12,keyasint,omitzero"`
}

// Waits tells whether no receipt has come yet, and the parcel is still to be sent.
func (o Outgoing) Waits() bool { return o.Outcome == 0 && o.Anew == digest.Digest{} }

// PutOutgoing puts a parcel in the outbox, in the update of the act that sends it. Its chunks must be durable in the
// spool. About and kind are for lists.
func (t *Tx) PutOutgoing(p replication.Parcel, about digest.Digest, kind string) error {
	id, m := p.ID(), p.Manifest
	if _, ok, err := t.get(tOutgoing.of(id)); err != nil || ok {
		return err
	}
	if err := t.put(tParcel.of(id), p.Record); err != nil {
		return err
	}
	o := Outgoing{To: m.To, Created: m.Created, Expires: m.Expires, About: about, Kind: kind}
	if err := t.put(tOutgoing.of(id), o); err != nil {
		return err
	}
	t.then(func(s *Store) { s.queue.put(m.To, queued{!m.Small(), m.Created, id}) })
	return t.set(waitingKey(o, id), mark)
}

func waitingKey(o Outgoing, id digest.Digest) key {
	return tWaiting.named(string(o.To)).time(o.Created).id(id)
}

// Outgoing returns the state of a parcel this node has sent or will send, ErrNotFound if it never did.
func (t *Tx) Outgoing(id digest.Digest) (Outgoing, error) {
	o, ok, err := load[Outgoing](t, tOutgoing.of(id))
	if err == nil && !ok {
		err = fmt.Errorf("parcel %s: %w", id.Short(), ErrNotFound)
	}
	return o, err
}

// Settle stores the verified receipt of a parcel and takes it off the outbox. It returns false, and changes nothing,
// for a parcel that is settled or was never sent.
func (t *Tx) Settle(receipt record.Record, r replication.Receipt) (bool, error) {
	o, ok, err := load[Outgoing](t, tOutgoing.of(r.Parcel))
	if err != nil || !ok || !o.Waits() || r.Outcome == 0 {
		return false, err
	}
	t.then(func(s *Store) { s.queue.remove(o.To, o.Created, r.Parcel) })
	o.Outcome, o.Refusal, o.Settled = r.Outcome, r.Refusal, r.At
	err = errors.Join(
		t.put(tSettlement.of(r.Parcel), receipt),
		t.put(tOutgoing.of(r.Parcel), o),
		t.set(waitingKey(o, r.Parcel), nil),
	)
	return err == nil, err
}

// Supersede takes a parcel off the outbox because another there carries the same. It changes nothing for one that does not wait.
func (t *Tx) Supersede(id, anew digest.Digest) error {
	o, ok, err := load[Outgoing](t, tOutgoing.of(id))
	if err != nil || !ok || !o.Waits() {
		return t.fail(err)
	}
	t.then(func(s *Store) { s.queue.remove(o.To, o.Created, id) })
	key := waitingKey(o, id)
	o.Anew = anew
	return errors.Join(t.put(tOutgoing.of(id), o), t.set(key, nil))
}

// Extend gives a parcel that waits another end of its lifetime, Unix seconds. One that is settled stays as it is.
func (t *Tx) Extend(id digest.Digest, until int64) error {
	o, err := t.Outgoing(id)
	if err != nil || !o.Waits() {
		return err
	}
	o.Expires = until
	return t.put(tOutgoing.of(id), o)
}

// Settlement returns the receipt that came for a parcel of ours, false if none did.
func (t *Tx) Settlement(id digest.Digest) (record.Record, bool, error) {
	return load[record.Record](t, tSettlement.of(id))
}

// Waiting is a parcel in the outbox with its state.
type Waiting struct {
	ID digest.Digest
	Outgoing
}

// WaitingFor returns at most n parcels that wait for a peer, oldest first; for every peer when to is "".
func (t *Tx) WaitingFor(to replication.Name, n int) ([]Waiting, error) {
	prefix := tWaiting.key()
	if to != "" {
		prefix = tWaiting.named(string(to))
	}
	var out []Waiting
	err := t.scan(prefix, nil, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		o, ok, err := load[Outgoing](t, tOutgoing.of(tail(k)))
		if ok && o.Waits() {
			out = append(out, Waiting{tail(k), o})
		}
		return true, err
	})
	return out, err
}

// WaitingParcels returns at most n parcels that wait for a peer, oldest first.
func (t *Tx) WaitingParcels(to replication.Name, n int) ([]replication.Parcel, error) {
	ws, err := t.WaitingFor(to, n)
	if err != nil {
		return nil, err
	}
	var out []replication.Parcel
	for _, w := range ws {
		p, err := t.Parcel(w.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Parcel returns a parcel this node has put in its outbox, ErrNotFound if it never did.
func (t *Tx) Parcel(id digest.Digest) (replication.Parcel, error) {
	r, ok, err := load[record.Record](t, tParcel.of(id))
	if err != nil {
		return replication.Parcel{}, err
	}
	if !ok {
		return replication.Parcel{}, fmt.Errorf("parcel %s: %w", id.Short(), ErrNotFound)
	}
	return replication.Read(r)
}

// OutgoingPeers returns the names with parcels that wait.
func (t *Tx) OutgoingPeers() ([]replication.Name, error) {
	var out []replication.Name
	start := tWaiting.key()
	for start != nil {
		var name replication.Name
		err := t.scan(tWaiting.key(), start, func(k key) (bool, error) {
			o, ok, err := load[Outgoing](t, tOutgoing.of(tail(k)))
			if ok && o.Waits() {
				name = o.To
			}
			return name == "", err
		})
		if err != nil || name == "" {
			return out, err
		}
		out = append(out, name)
		start = end(tWaiting.named(string(name)))
	}
	return out, nil
}

// PutReceipt stores the receipt this node gives for a parcel, in the update in which the parcel takes effect. A second
// receipt for one parcel fails with ErrTaken: give the first again.
func (t *Tx) PutReceipt(receipt record.Record, r replication.Receipt) error {
	if _, ok, err := t.get(tReceipt.of(r.Parcel)); err != nil || ok {
		if ok {
			err = fmt.Errorf("receipt of parcel %s: %w", r.Parcel.Short(), ErrTaken)
		}
		return t.fail(err)
	}
	if err := t.put(tReceipt.of(r.Parcel), receipt); err != nil {
		return err
	}
	if err := t.addToLog(receipt.ID()); err != nil {
		return err
	}
	return t.set(tReceiptTo.named(string(r.To)).late(r.At).id(r.Parcel), mark)
}

// Receipt returns the receipt this node gave for a parcel, false if it gave none.
func (t *Tx) Receipt(parcel digest.Digest) (record.Record, bool, error) {
	return load[record.Record](t, tReceipt.of(parcel))
}

// ReceiptsTo returns at most n receipts given to a peer, newest first: a bundle carries them too.
func (t *Tx) ReceiptsTo(to replication.Name, n int) ([]record.Record, error) {
	var out []record.Record
	err := t.scan(tReceiptTo.named(string(to)), nil, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		r, ok, err := t.Receipt(tail(k))
		if ok {
			out = append(out, r)
		}
		return true, err
	})
	return out, err
}

// ReceiptPeers returns the names of all that this node has given a receipt to.
func (t *Tx) ReceiptPeers() (out []replication.Name, err error) {
	for start := tReceiptTo.key(); start != nil; {
		found := ""
		err := t.scan(tReceiptTo.key(), start, func(k key) (bool, error) {
			found, _, _ = strings.Cut(string(k[1:]), "\x00")
			return false, nil
		})
		if err != nil || found == "" {
			return out, err
		}
		out = append(out, replication.Name(found))
		start = end(tReceiptTo.named(found))
	}
	return out, nil
}

// Outbox returns the outbox as the courier uses it. Package office may wrap Settle to act on refusals.
func (s *Store) Outbox() *Outbox { return &Outbox{s} }

// Outbox is a replication.Outbox on a Store.
type Outbox struct{ s *Store }

var _ replication.Outbox = (*Outbox)(nil)

// Settle stores the verified receipt and takes the parcel off the outbox, durably.
func (o *Outbox) Settle(ctx context.Context, p replication.Parcel, receipt record.Record, r replication.Receipt) error {
	if r.Parcel != p.ID() {
		return fmt.Errorf("settle parcel %s: the receipt is for %s: %w", p.ID().Short(), r.Parcel.Short(), replication.ErrMalformed)
	}
	err := o.s.Update(ctx, func(t *Tx) error { _, err := t.Settle(receipt, r); return err })
	if err == nil {
		o.s.forget(r.Parcel)
	}
	return err
}
