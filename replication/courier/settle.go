package courier

import (
	"context"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/replication"
)

// settle checks the receipt of a parcel and takes the parcel off the outbox. A receipt signed by a former key of the recipient
// holds only where the recipient itself hands it over: on a stick, whoever found the key could have written it.
func (c *Courier) settle(ctx context.Context, p replication.Parcel, r record.Record, handed bool) error {
	recipient, err := replication.SignerOf(c.cfg.Resolver, p.Manifest.To, r.Signer)
	switch {
	case err != nil:
		return err
	case !recipient.Revoked.IsZero() && !handed:
		return fmt.Errorf("receipt for parcel %s is signed by a key that is no longer trusted: %w", p.ID().Short(), replication.ErrReceipt)
	}
	v, err := replication.VerifyReceipt(p, r, recipient)
	if err != nil {
		return err
	}
	if err := c.cfg.Outbox.Settle(ctx, p, r, v); err != nil {
		return fmt.Errorf("settle parcel %s: %w", p.ID().Short(), err)
	}
	c.aside.forget(p.ID())
	// A crash here leaves chunks that nobody waits for: Sweep removes them.
	if err := c.cfg.Spool.Drop(p.ID()); err != nil {
		c.log.Error("chunks of a settled parcel could not be removed", "parcel", p.ID().Short(), "err", err)
	}
	return nil
}

// settleFetch bounds the unsettled parcels to one peer among which receipts from a bundle are looked up.
const settleFetch = 10_000

// Settle takes in receipts that came another way than the parcel's own stream, as in a bundle. It returns how many
// parcels they settled; receipts for parcels that are settled or not ours are passed over. The error names the first
// receipt that does not hold; the others are still taken in.
func (c *Courier) Settle(ctx context.Context, receipts ...record.Record) (settled int, err error) {
	byPeer := map[replication.Name]map[digest.Digest]record.Record{}
	for _, r := range receipts {
		v, bad := replication.ReadReceipt(r)
		if bad != nil {
			err = first(err, bad)
			continue
		}
		if v.To != c.cfg.Self {
			continue
		}
		if byPeer[v.From] == nil {
			byPeer[v.From] = map[digest.Digest]record.Record{}
		}
		byPeer[v.From][v.Parcel] = r
	}
	for peer, found := range byPeer {
		waiting, bad := c.cfg.Outbox.Waiting(ctx, peer, settleFetch)
		if bad != nil {
			return settled, fmt.Errorf("settle receipts from %s: %w", peer, bad)
		}
		for _, p := range waiting {
			r, ok := found[p.ID()]
			if !ok {
				continue
			}
			if bad := c.settle(ctx, p, r, false); bad != nil {
				err = first(err, bad)
				continue
			}
			settled++
		}
	}
	return settled, err
}

func first(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
