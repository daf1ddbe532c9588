package relay

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
)

// outbox shows the courier what waits for recipients.
type outbox struct{ r *Relay }

var _ replication.Outbox = outbox{}

// Peers returns the recipients of what waits.
func (o outbox) Peers(context.Context) (names []replication.Name, err error) {
	seen := map[replication.Name]bool{}
	for _, i := range o.r.shelf.list(func(i *item) bool { return i.state == Waiting }) {
		if !seen[i.to] {
			seen[i.to] = true
			names = append(names, i.to)
		}
	}
	return names, nil
}

// Queue tells of at most n parcels for a recipient, the small ones first, then by age.
func (o outbox) Queue(_ context.Context, to replication.Name, n int) (out []replication.Queued, err error) {
	all := o.r.shelf.list(func(i *item) bool { return i.state == Waiting && i.to == to })
	for _, small := range []bool{true, false} {
		for _, i := range all {
			if (i.bytes <= replication.MaxSmall) == small && len(out) < n {
				out = append(out, replication.Queued{ID: i.id, Small: small})
			}
		}
	}
	return out, nil
}

// Parcel returns a parcel that waits.
func (o outbox) Parcel(_ context.Context, id digest.Digest) (p replication.Parcel, err error) {
	e, err := o.r.shelf.read(id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && e.Parcel == nil { // answered or dropped meanwhile
		return p, replication.ErrSettled
	}
	if err != nil {
		return p, err
	}
	return replication.Read(*e.Parcel)
}

// Settle puts the verified receipt in the place of the parcel, and has it brought to the sender.
func (o outbox) Settle(_ context.Context, p replication.Parcel, receipt record.Record, _ replication.Receipt) error {
	i, ok := o.r.shelf.get(p.ID())
	if !ok || i.state != Waiting {
		return nil
	}
	err := o.r.shelf.write(p.ID(), entry{
		From: i.from, To: i.to, Bytes: i.bytes, Kept: i.kept, Expires: i.expires, Receipt: &receipt, Ended: o.r.cfg.Now().Unix(),
	})
	if err == nil {
		o.r.tell(i.from)
	}
	return err
}

// Attempted notes why a parcel was not taken.
func (o outbox) Attempted(_ context.Context, id digest.Digest, _ time.Time, reason replication.Reason) {
	o.r.shelf.attempted(id, reason)
}
