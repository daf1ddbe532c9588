package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"motcua/crypto/record"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/bundle"
)

// sink takes in a bundle by the same ways as what comes over the line.
type sink struct{ n *Server }

// Index refuses a bundle that holds nothing for this office. An edition alone is for anyone.
func (s sink) Index(i bundle.Index) error {
	if slices.Contains(i.To, replication.Name(s.n.enrolment.Office)) || i.Edition > s.n.replica.Number() {
		return nil
	}
	if len(i.To) == 0 {
		return errors.New("it holds nothing but an edition, which this node has already")
	}
	return fmt.Errorf("nothing in it is for this office: carry it to %v", i.To)
}

// Edition takes a newer edition.
func (s sink) Edition(_ context.Context, b []byte) error {
	err := s.n.install(b)
	if errors.Is(err, edition.ErrOld) {
		return nil
	}
	return err
}

// Receipt settles a parcel of ours; a receipt for somebody else, or known already, is passed over.
func (s sink) Receipt(ctx context.Context, r record.Record) error {
	settled, err := s.n.courier.Settle(ctx, r)
	if err == nil && settled == 0 {
		return bundle.ErrPassed
	}
	return err
}

// Parcel delivers a parcel to this office; one for somebody else, or taken already, is passed over.
func (s sink) Parcel(ctx context.Context, p replication.Parcel, chunk func(i int) ([]byte, error)) error {
	if p.Manifest.To != replication.Name(s.n.enrolment.Office) {
		return bundle.ErrPassed
	}
	if _, taken, err := s.n.office.Inbox().Taken(ctx, p.ID()); err != nil {
		return err
	} else if taken {
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
