package command

import (
	"errors"
	"fmt"
	"slices"

	"motcua/directory"
)

// The kinds of the catalogue.
const (
	KindWithdraw   Kind = 20
	KindReportOpen Kind = 21
)

// Part makes a Publish one part of a publication that is recorded. Parts of one publication carry the same ID, terms and
// number of parts. No edition is cut between them, as long as each comes within seconds of the one before; should the rest
// stay away, what has come stands by itself: see [Publish.Split].
type Part struct {
	ID    RequestID       `cbor:"1,keyasint"`
	Part  uint32          `cbor:"2,keyasint"` // from 1
	Parts uint32          `cbor:"3,keyasint"`
	Terms directory.Terms `cbor:"4,keyasint"`
}

// MaxParts bounds the parts of one publication: each holds some 240 KiB, and all must fit an edition.
const MaxParts = 1000

// Validate checks numbers and terms.
func (p Part) Validate() error {
	if p.ID == (RequestID{}) || p.Part == 0 || p.Part > p.Parts || p.Parts > MaxParts {
		return fmt.Errorf("publication: part %d of %d, or no id", p.Part, p.Parts)
	}
	return p.Terms.Validate()
}

// Withdraw ends procedures from a date on, as a publication of one part.
type Withdraw struct {
	Withdrawals []directory.Withdrawal `cbor:"1,keyasint"`
	Publication Part                   `cbor:"2,keyasint"`
}

// MaxWithdrawals bounds one command.
const MaxWithdrawals = 200

// ReportOpen brings how many dossiers are in progress at an office, in place of what it said before.
type ReportOpen struct {
	Office directory.OfficeCode  `cbor:"1,keyasint"`
	Counts []directory.OpenCount `cbor:"2,keyasint"`
}

// Level is that of what it brings: the record of a publication, and offices, levels and calendars with a past, came with 2, hours of
// acknowledgement with 4.
func (c *Publish) Level() uint32 {
	hours := func(s directory.Step) bool { return s.Acknowledge > 0 }
	if slices.ContainsFunc(c.Procedures, func(p directory.Procedure) bool { return slices.ContainsFunc(p.Route, hours) }) {
		return 4
	}
	past := slices.ContainsFunc(c.Offices, func(o directory.Office) bool { return len(o.Parents)+len(o.Successors)+len(o.Acts) > 0 }) ||
		slices.ContainsFunc(c.Levels, func(l directory.Level) bool { return len(l.Acts) > 0 }) ||
		c.Calendar != nil && c.Calendar.Decision != ""
	if past || c.Publication != nil {
		return 2
	}
	return 1
}

// Kind returns KindWithdraw.
func (*Withdraw) Kind() Kind { return KindWithdraw }

// Kind returns KindReportOpen.
func (*ReportOpen) Kind() Kind { return KindReportOpen }

// Validate checks each withdrawal by itself, and the terms.
func (c *Withdraw) Validate() error {
	if len(c.Withdrawals) == 0 || len(c.Withdrawals) > MaxWithdrawals {
		return fmt.Errorf("%d withdrawals, want 1 to %d", len(c.Withdrawals), MaxWithdrawals)
	}
	for _, w := range c.Withdrawals {
		if err := w.Validate(); err != nil {
			return err
		}
	}
	if c.Publication.Parts != 1 {
		return errors.New("a withdrawal is a publication of one part")
	}
	return c.Publication.Validate()
}

// Validate checks office and counts.
func (c *ReportOpen) Validate() error {
	if err := directory.ValidCounts(c.Counts); err != nil {
		return err
	}
	return c.Office.Validate()
}
