package directory

import "fmt"

// Calendar says which hours are worked. It is published by the directory, with the decision behind each year.
type Calendar struct {
	// Version grows by one with every publication; due dates record the version they were computed with.
	Version uint32 `cbor:"1,keyasint" json:"version"`
	// Sessions are the worked stretches of a working day, in order, e.g. 07:00–11:30 and 13:30–17:00.
	Sessions []Session      `cbor:"2,keyasint" json:"sessions"`
	Years    []CalendarYear `cbor:"3,keyasint" json:"years"`
}

// Session is a worked stretch of a day, in minutes since midnight in [Zone], From included, To excluded.
type Session struct {
	From uint16 `cbor:"1,keyasint" json:"from"`
	To   uint16 `cbor:"2,keyasint" json:"to"`
}

// CalendarYear lists what differs from Monday-to-Friday in one year.
type CalendarYear struct {
	Year uint16 `cbor:"1,keyasint" json:"year"`
	// Decision is the notice that fixed it; empty Final means "computed from statute, not yet announced".
	Decision string   `cbor:"2,keyasint" json:"decision"`
	Final    bool     `cbor:"3,keyasint" json:"final"`
	Off      []DayOff `cbor:"4,keyasint" json:"off"`
	// Worked are weekend days that are working days (swapped days).
	Worked []Date `cbor:"5,keyasint" json:"worked"`
}

// DayOff is a weekday that is not worked.
type DayOff struct {
	Date Date `cbor:"1,keyasint" json:"date"`
	Name Text `cbor:"2,keyasint" json:"name"`
}

// Validate checks sessions, years and dates.
func (c Calendar) Validate() error {
	if len(c.Sessions) == 0 || len(c.Sessions) > 4 {
		return fmt.Errorf("calendar: want 1 to 4 sessions a day, have %d", len(c.Sessions))
	}
	last := uint16(0)
	for _, s := range c.Sessions {
		if s.From < last || s.To <= s.From || s.To > 24*60 {
			return fmt.Errorf("calendar: session %d–%d minutes is out of order or out of the day", s.From, s.To)
		}
		last = s.To
	}
	for _, y := range c.Years {
		if y.Decision == "" {
			return fmt.Errorf("calendar: year %d has no decision", y.Year)
		}
		days := append([]Date(nil), y.Worked...)
		for _, d := range y.Off {
			days = append(days, d.Date)
		}
		for _, d := range days {
			if err := d.Validate(); err != nil {
				return fmt.Errorf("calendar: year %d: %w", y.Year, err)
			}
			if t := d.Time(); t.Year() != int(y.Year) {
				return fmt.Errorf("calendar: %s is listed under %d", d, y.Year)
			}
		}
	}
	return nil
}
