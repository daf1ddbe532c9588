package command

import (
	"errors"
	"fmt"

	"motcua/directory"
)

// The kinds of offices and calendars.
const (
	KindChangeOffices   Kind = 25
	KindPublishCalendar Kind = 26
)

// ChangeOffices carries out a decision on offices and levels: all of it from its day on, or nothing.
type ChangeOffices struct {
	On       directory.Date `cbor:"1,keyasint" json:"on"` // first day on which it holds
	Decision string         `cbor:"2,keyasint" json:"decision"`
	Offices  []OfficeChange `cbor:"3,keyasint,omitempty" json:"offices,omitempty"`
	Levels   []LevelChange  `cbor:"4,keyasint,omitempty" json:"levels,omitempty"`
}

// OfficeChange is what a decision does to one office. Which fields count depends on the kind.
type OfficeChange struct {
	Kind   directory.ActKind    `cbor:"1,keyasint" json:"kind"`
	Office directory.OfficeCode `cbor:"2,keyasint" json:"office"`
	// Opened is the office that opens, with one name and without dates: it opens on the day.
	Opened *directory.Office `cbor:"3,keyasint,omitempty" json:"opened,omitempty"`
	// Name is the new name, and Place that of the administrative unit; empty keeps the unit's.
	Name  directory.Text `cbor:"4,keyasint,omitzero" json:"name,omitzero"`
	Place directory.Text `cbor:"5,keyasint,omitzero" json:"place,omitzero"`
	// Parent is the office above from the day on, empty for none.
	Parent directory.OfficeCode `cbor:"6,keyasint,omitempty" json:"parent,omitempty"`
	// Others are the successors of an office that closes.
	Others []directory.OfficeCode `cbor:"7,keyasint,omitempty" json:"others,omitempty"`
}

// LevelChange opens a level, which is given, or closes the one of the id.
type LevelChange struct {
	Kind  directory.ActKind `cbor:"1,keyasint" json:"kind"`
	Level directory.Level   `cbor:"2,keyasint" json:"level"`
}

// PublishCalendar puts the next version of the calendar into force. The version before is kept.
type PublishCalendar struct {
	Calendar directory.Calendar `cbor:"1,keyasint"`
}

// Bounds of a decision.
const (
	MaxOfficeChanges = 400
	MaxDecision      = 500 // bytes of its text
)

// Kind returns KindChangeOffices.
func (*ChangeOffices) Kind() Kind { return KindChangeOffices }

// Kind returns KindPublishCalendar.
func (*PublishCalendar) Kind() Kind { return KindPublishCalendar }

// Validate checks each change by itself.
func (c *ChangeOffices) Validate() error {
	if err := c.On.Validate(); err != nil {
		return fmt.Errorf("offices: day on which it takes effect: %w", err)
	}
	if c.Decision == "" || len(c.Decision) > MaxDecision {
		return fmt.Errorf("offices: no decision, or one of over %d bytes", MaxDecision)
	}
	if n := len(c.Offices) + len(c.Levels); n == 0 || n > MaxOfficeChanges {
		return fmt.Errorf("offices: %d changes, want 1 to %d", n, MaxOfficeChanges)
	}
	for _, o := range c.Offices {
		if err := o.validate(); err != nil {
			return err
		}
	}
	for _, l := range c.Levels {
		if err := l.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (o OfficeChange) validate() error {
	if err := o.Office.Validate(); err != nil {
		return err
	}
	for _, s := range o.Others {
		if err := s.Validate(); err != nil || s == o.Office {
			return fmt.Errorf("office %s: successor %.64q is malformed or itself", o.Office, string(s))
		}
	}
	switch o.Kind {
	case directory.ActOpen:
		return o.validateOpened()
	case directory.ActRename:
		if o.Name.VI == "" || len(o.Name.VI) > maxName || len(o.Name.EN) > maxName || len(o.Place.VI) > maxName || len(o.Place.EN) > maxName {
			return fmt.Errorf("office %s: no Vietnamese name, or one of over %d bytes", o.Office, maxName)
		}
	case directory.ActMove:
		if o.Parent != "" {
			return o.Parent.Validate()
		}
	case directory.ActClose, directory.ActCancel:
	default:
		return fmt.Errorf("office %s: unknown change %q", o.Office, o.Kind)
	}
	return nil
}

// maxName bounds a name, in bytes.
const maxName = 500

func (o OfficeChange) validateOpened() error {
	n := o.Opened
	switch {
	case n == nil || n.Code != o.Office:
		return fmt.Errorf("office %s: what opens is missing or another", o.Office)
	case n.Valid != directory.Period{} || len(n.Names) != 1 || n.Names[0].Valid != directory.Period{}:
		return fmt.Errorf("office %s: it opens on the day of the decision, under one name: give no other dates", o.Office)
	case len(n.Parents)+len(n.Successors)+len(n.Acts) > 0:
		return fmt.Errorf("office %s: it opens without a past", o.Office)
	case len(n.Names[0].Text.VI) > maxName || len(n.Place.VI) > maxName || len(n.Address.VI) > maxName || len(n.Phone) > 64 || len(n.Unit) > 16:
		return fmt.Errorf("office %s: a text is too long", o.Office)
	}
	return n.Validate()
}

func (l LevelChange) validate() error {
	v := l.Level
	if !plain(string(v.ID)) {
		return fmt.Errorf("level %.64q: malformed id", string(v.ID))
	}
	switch {
	case l.Kind == directory.ActClose:
		return nil
	case l.Kind != directory.ActOpen:
		return fmt.Errorf("level %s: unknown change %q", v.ID, l.Kind)
	case v.Name.VI == "" || len(v.Name.VI) > maxName || v.Rank == 0 || v.Valid != directory.Period{} || len(v.Acts) > 0:
		return fmt.Errorf("level %s: no Vietnamese name, no rank, or dates of its own", v.ID)
	}
	return nil
}

// Validate checks the calendar as a publication: see directory.Calendar.Check.
func (c *PublishCalendar) Validate() error {
	if c.Calendar.Version == 0 {
		return errors.New("calendar: no version")
	}
	return c.Calendar.Check()
}
