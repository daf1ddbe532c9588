package office

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/store"
	"motcua/replication"
)

// Outbox is the courier's replication.Outbox: the store's, which also tells the desk of parcels that were refused.
type Outbox struct {
	*store.Outbox
	o *Office
}

var _ replication.Outbox = Outbox{}

// Outbox returns the outbox of the office.
func (o *Office) Outbox() Outbox { return Outbox{o.Store.Outbox(), o} }

// Settle stores the verified receipt and takes the parcel off the outbox. A refusal is kept for the desk in the same
// transaction.
func (b Outbox) Settle(ctx context.Context, p replication.Parcel, r record.Record, v replication.Receipt) error {
	switch {
	case v.Outcome == replication.TakenOver:
		return b.settleTaken(ctx, r, v)
	case v.Outcome != replication.Refused:
		err := b.Outbox.Settle(ctx, p, r, v)
		if err == nil {
			b.o.heard()
		}
		return err
	case v.Refusal == replication.HandedOver:
		done, err := b.o.sendOn(ctx, p, func(t *store.Tx) (bool, error) { return t.Settle(r, v) }, v.Note)
		if done || err != nil {
			return err
		}
	}
	b.o.Log.Error("parcel refused by its recipient", "parcel", v.Parcel.Short(), "to", p.Manifest.To, "refusal", v.Refusal)
	return b.o.Store.Update(ctx, func(t *store.Tx) error {
		out, err := t.Outgoing(v.Parcel)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if settled, err := t.Settle(r, v); err != nil || !settled {
			return err
		}
		return putTrouble(t, trouble{
			Parcel: v.Parcel, To: string(out.To), Kind: out.Kind, About: out.About,
			Refusal: string(v.Refusal), Note: v.Note, At: v.At,
		})
	})
}

// settleTaken settles a parcel that has handed a chain over.
func (b Outbox) settleTaken(ctx context.Context, r record.Record, v replication.Receipt) error {
	err := b.o.Store.Update(ctx, func(t *store.Tx) error {
		settled, err := t.Settle(r, v)
		if err != nil || !settled {
			return err
		}
		out, err := t.Outgoing(v.Parcel)
		if err != nil || out.Kind != kindHandOver.String() { // nothing was offered to be taken over
			return err
		}
		if err := gone(t, out); err != nil {
			return err
		}
		return countTaken(t, out)
	})
	if err == nil {
		b.o.heard()
		b.o.goOnHandingOver()
	}
	return err
}

// countTaken counts a chain that was taken over, once: its successor may have it sent anew.
func countTaken(t *store.Tx, out store.Outgoing) error {
	token := once("taken-over", out.About.String())
	if _, counted, err := t.Once(token); err != nil || counted {
		return err
	}
	return errors.Join(t.SetOnce(token, ""), count(t, func(o *order) { o.Taken++ }))
}

// gone notes on the row of a root chain that was handed over that the recipient of its parcel answers for it from now on.
func gone(t *store.Tx, out store.Outgoing) error {
	row, err := t.Row(out.About)
	if err != nil || row.Kind != store.RowRoot {
		return err
	}
	if row.Holder == row.Root {
		row.Holder = string(out.To)
	}
	row.Root = string(out.To)
	return t.PutRow(row)
}

// trouble is a refused parcel as it is kept.
type trouble struct {
	Parcel  digest.Digest `cbor:"1,keyasint"`
	To      string        `cbor:"2,keyasint"`
	Kind    string        `cbor:"3,keyasint"`
	About   digest.Digest `cbor:"4,keyasint"`
	Refusal string        `cbor:"5,keyasint"`
	Note    string        `cbor:"6,keyasint,omitempty"`
	At      int64         `cbor:"7,keyasint"` // Unix seconds
}

const (
	troublesName = "troubles"
	maxTroubles  = 100 // the newest are kept here; every receipt stays in the store
)

func putTrouble(t *store.Tx, n trouble) error {
	list, err := troubles(t)
	if err != nil {
		return err
	}
	list = append([]trouble{n}, list...)
	b, err := wire.Marshal(list[:min(len(list), maxTroubles)])
	if err != nil {
		return err
	}
	return t.Set(troublesName, b)
}

func troubles(t *store.Tx) (list []trouble, err error) {
	b, ok, err := t.Get(troublesName)
	if err != nil || !ok {
		return nil, err
	}
	return list, wire.Unmarshal(b, &list)
}

// maxSendings bounds the list of what waits.
const maxSendings = 200

// Sendings lists the parcels that have not been acknowledged, oldest first, and those that were refused, newest first.
func (o *Office) Sendings(actor directory.Account) ([]Sending, []Trouble, error) {
	if err := o.staff("outbox", actor); err != nil {
		return nil, nil, err
	}
	return o.Unsettled()
}

// Unsettled is Sendings for the tools of this machine.
func (o *Office) Unsettled() (out []Sending, bad []Trouble, err error) {
	err = o.Store.View(func(t *store.Tx) error {
		ws, err := t.WaitingFor("", maxSendings)
		if err != nil {
			return err
		}
		for _, w := range ws {
			out = append(out, o.sending(t, w))
		}
		list, err := troubles(t)
		for _, n := range list {
			bad = append(bad, Trouble{
				Parcel: n.Parcel, To: o.ref(n.To, o.today()), Kind: n.Kind, Code: codeOf(t, n.About),
				Refusal: n.Refusal, Note: n.Note, At: time.Unix(n.At, 0),
			})
		}
		return err
	})
	return out, bad, err
}

func (o *Office) sending(t *store.Tx, w store.Waiting) Sending {
	now := o.Now()
	s := Sending{
		Parcel: w.ID, To: o.ref(string(w.To), o.today()), Kind: w.Kind, About: w.About, Code: codeOf(t, w.About),
		Since: time.Unix(w.Created, 0), Overdue: now.Unix() > w.Expires,
	}
	s.Within = o.acknowledgeWithin(t, w)
	s.Raised = now.Sub(s.Since) > s.Within
	if a, ok := o.Store.Attempt(w.ID); ok {
		s.Attempts, s.Tried, s.Reason = a.Count, a.At, a.Reason
	}
	if p, err := t.Parcel(w.ID); err == nil {
		s.Bytes = p.Manifest.Bytes()
		s.Progress = o.Progress(w.To, replication.Queued{ID: w.ID, Small: p.Manifest.Small()})
	}
	return s
}

// The time in which a transfer ought to be acknowledged where the catalogue says nothing, and the least that it can say.
const (
	acknowledgeTime  = 24 * time.Hour
	acknowledgeLeast = 2 * time.Hour
)

// acknowledgeWithin is after which a transfer that is not acknowledged raises itself: the hours that the catalogue sets for a step of the
// recipient's, else a quarter of the time of that step; the least, where it has several.
func (o *Office) acknowledgeWithin(t *store.Tx, w store.Waiting) time.Duration {
	row, err := t.Row(w.About)
	if err != nil {
		return acknowledgeTime
	}
	p, ok := o.Directory.Procedure(row.Procedure, row.ProcVersion)
	to, known := o.Directory.Office(directory.OfficeCode(w.To))
	if !ok || !known {
		return acknowledgeTime
	}
	set, within := time.Duration(0), acknowledgeTime
	for _, s := range p.Route {
		theirs := s.Office == to.Code || s.Office == "" && s.Level != "" && s.Level == to.Level
		switch {
		case theirs && s.Acknowledge > 0:
			set = min(cmp.Or(set, math.MaxInt64), time.Duration(s.Acknowledge)*time.Hour)
		case theirs && s.Budget > 0: // in quarters of a working day of eight hours
			within = min(within, max(acknowledgeLeast, time.Duration(s.Budget)*2*time.Hour/4))
		}
	}
	return cmp.Or(set, within)
}

// Retry has everything that waits for an office tried now; for every office where it is "".
func (o *Office) Retry(ctx context.Context, actor directory.Account, to directory.OfficeCode) error {
	if err := o.staff("retry", actor); err != nil {
		return err
	}
	return o.RetryAll(ctx, to)
}

// RetryAll is Retry for the tools of this machine.
func (o *Office) RetryAll(ctx context.Context, to directory.OfficeCode) error {
	names, err := o.Store.Outbox().Peers(ctx)
	for _, name := range names {
		if to == "" || name == replication.Name(to) {
			o.Wake(name)
		}
	}
	return err
}

// KeepSending gives a parcel past its lifetime another one, as a person has decided. One that is settled meanwhile is left alone.
func (o *Office) KeepSending(ctx context.Context, actor directory.Account, parcel digest.Digest) error {
	if err := o.staff("keep sending", actor); err != nil {
		return err
	}
	until := o.Now().Add(parcelLife).Unix()
	err := o.Store.Update(ctx, func(t *store.Tx) error { return t.Extend(parcel, until) })
	if errors.Is(err, store.ErrNotFound) {
		return directory.Errorf("keep sending", directory.NotFound, "no such parcel was sent from here")
	}
	if err == nil {
		o.Log.Info("parcel past its lifetime is sent on", "parcel", parcel.Short(), "account", actor.ID)
	}
	return err
}

// codeOf is the code that people know a chain by, "" if none.
func codeOf(t *store.Tx, chain digest.Digest) string {
	row, err := t.Row(chain)
	if err != nil {
		return ""
	}
	return lineCode(row)
}

func lineCode(r store.Row) string {
	switch {
	case r.Code != "":
		return r.Code
	case r.Kind == store.RowSubmission && bytes.Equal(r.Extra, twin):
		return twinCode(r)
	case r.Kind == store.RowChild:
		return string(r.Extra)
	}
	return r.Alias
}

// Strip is the line of freshness for every page.
func (o *Office) Strip() (Strip, error) {
	s := Strip{Office: o.ref(string(o.Code), o.today()), Edition: o.Directory.Number()}
	if ms := o.contact.Load(); ms > 0 {
		s.Contact = time.UnixMilli(ms)
	}
	var err error
	s.Waiting, err = o.Store.Waiting()
	return s, err
}

// Heard notes a word from outside that came by another way: a peer's gossip, an edition.
func (o *Office) Heard() { o.heard() }
