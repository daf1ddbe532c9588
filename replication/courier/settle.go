package courier

import (
	"context"
	"errors"
	"fmt"

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
	c.board.forget(p.ID())
	// A crash here leaves chunks that nobody waits for: Sweep removes them.
	if err := c.cfg.Spool.Drop(p.ID()); err != nil {
		c.log.Error("chunks of a settled parcel could not be removed", "parcel", p.ID().Short(), "err", err)
	}
	return nil
}

// Settle takes in receipts that came another way than the parcel's own stream, as in a bundle. It returns how many
// parcels they settled; receipts for parcels that are settled or not ours are passed over. The error names the first
// receipt that does not hold; the others are still taken in.
func (c *Courier) Settle(ctx context.Context, receipts ...record.Record) (settled int, err error) {
	for _, r := range receipts {
		done, bad := c.settleOne(ctx, r)
		err = first(err, bad)
		if done {
			settled++
		}
	}
	return settled, err
}

func (c *Courier) settleOne(ctx context.Context, r record.Record) (settled bool, err error) {
	v, err := replication.ReadReceipt(r)
	if err != nil || v.To != c.cfg.Self {
		return false, err
	}
	p, err := c.cfg.Outbox.Parcel(ctx, v.Parcel)
	if errors.Is(err, replication.ErrSettled) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("settle receipt from %s: %w", v.From, err)
	}
	err = c.settle(ctx, p, r, false)
	return err == nil, err
}

func first(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
