package server

import (
	"context"
	"errors"
	"fmt"

	"motcua/crypto/record"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/bundle"
)

// sink takes in a bundle by the same ways as what comes over the line.
type sink struct{ n *Server }

// Index refuses a bundle that holds nothing for this office. An edition alone is for anyone.
func (s sink) Index(i bundle.Index) error {
	if i.For(replication.Name(s.n.enrolment.Office)) || i.Edition > s.n.replica.Number() {
		return nil
	}
	return fmt.Errorf("%w (%v)", errNotMine, i.To)
}

// Edition takes a newer edition.
func (s sink) Edition(_ context.Context, b []byte) error {
	err := s.n.install(b)
	if errors.Is(err, edition.ErrOld) {
		return nil
	}
	return err
}

// Receipt settles a parcel of ours; a receipt for somebody else is passed over.
func (s sink) Receipt(ctx context.Context, r record.Record) error {
	_, err := s.n.courier.Settle(ctx, r)
	return err
}

// Parcel delivers a parcel to this office; one for somebody else is passed over.
func (s sink) Parcel(ctx context.Context, p replication.Parcel, chunk func(i int) ([]byte, error)) error {
	if p.Manifest.To != replication.Name(s.n.enrolment.Office) {
		return bundle.ErrPassed
	}
	r, err := s.n.courier.Deliver(ctx, p, chunk)
	if err != nil {
		return err
	}
	v, err := replication.ReadReceipt(r)
	if err == nil && v.Outcome == replication.Refused {
		err = fmt.Errorf("parcel %s of %s was refused (%s %s); its sender is told with the next receipts", p.ID().Short(), p.Manifest.From, v.Refusal, v.Note)
	}
	return err
}
