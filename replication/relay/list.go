package relay

import (
	"fmt"
	"strings"
	"time"

	"motcua/replication"
)

// Item is a parcel at a relay, for the people who look after it.
type Item struct {
	Parcel  string           `json:"parcel"`
	From    replication.Name `json:"from"`
	To      replication.Name `json:"to"`
	State   State            `json:"state"`
	Bytes   int64            `json:"bytes"`
	Kept    time.Time        `json:"kept"` // since when
	Expires time.Time        `json:"expires"`
	// Overdue: it has waited longer than its sender gave it, or than parcels ought to wait at a relay. A person decides.
	Overdue  bool               `json:"overdue"`
	Ended    *time.Time         `json:"ended,omitempty"`    // when the recipient had answered, or it was dropped
	Attempts int                `json:"attempts,omitempty"` // since this program began
	Why      replication.Reason `json:"why,omitempty"`      // the last was in vain
	Reason   string             `json:"reason,omitempty"`   // it was dropped
}

// List is what a relay keeps, and how much of that fits.
type List struct {
	Items   []Item `json:"items"` // oldest first
	Parcels int    `json:"parcels"`
	Bytes   int64  `json:"bytes"`
	Most    int    `json:"mostParcels"`
	Largest int64  `json:"mostBytes"`
}

// List returns what is kept here.
func (r *Relay) List() List {
	l := List{Items: []Item{}, Most: r.cfg.Quota.Parcels, Largest: r.cfg.Quota.Bytes}
	now := r.cfg.Now()
	for _, i := range r.shelf.list(func(*item) bool { return true }) {
		v := Item{
			Parcel: i.id.String(), From: i.from, To: i.to, State: i.state, Bytes: i.bytes, Kept: time.Unix(i.kept, 0), Expires: time.Unix(i.expires, 0),
			Overdue: i.overdue(now, longestWait), Attempts: i.attempts, Why: i.why, Reason: i.reason,
		}
		if i.ended != 0 {
			at := time.Unix(i.ended, 0)
			v.Ended = &at
		}
		if i.state == Waiting {
			l.Parcels, l.Bytes = l.Parcels+1, l.Bytes+i.bytes
		}
		l.Items = append(l.Items, v)
	}
	return l
}

// Drop takes a parcel that waits here off the relay, by the first digits of its id. Its sender still has it, and is told when it
// offers the parcel again; the entry stays for some months.
func (r *Relay) Drop(id, reason string) (Item, error) {
	if len(id) < 8 {
		return Item{}, fmt.Errorf("drop parcel: %q is too short: give at least 8 digits of its id, as relay list --json shows it", id)
	}
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxReason {
		return Item{}, fmt.Errorf("drop parcel %s: give a reason of at most %d bytes", id, maxReason)
	}
	found := r.shelf.list(func(i *item) bool { return i.state == Waiting && strings.HasPrefix(i.id.String(), id) })
	if len(found) != 1 {
		return Item{}, fmt.Errorf("drop parcel %s: %d parcels that wait here have an id that begins so; relay list shows them", id, len(found))
	}
	i := found[0]
	err := r.shelf.write(i.id, entry{
		From: i.from, To: i.to, Bytes: i.bytes, Kept: i.kept, Expires: i.expires, Ended: r.cfg.Now().Unix(), Reason: reason,
	})
	if err == nil {
		err = r.spool.Drop(i.id) // after a crash before this they are swept
	}
	if err != nil {
		return Item{}, fmt.Errorf("drop parcel %s: %w", id, err)
	}
	r.log.Warn("parcel dropped from the relay", "parcel", i.id.Short(), "from", i.from, "to", i.to, "reason", reason)
	at := r.cfg.Now()
	return Item{Parcel: i.id.String(), From: i.from, To: i.to, State: Removed, Bytes: i.bytes, Kept: time.Unix(i.kept, 0), Ended: &at, Reason: reason}, nil
}
