package directory

import (
	"fmt"
	"slices"
	"time"
)

// Calendar says which hours are worked. It is published by the directory, with the decision behind each year.
type Calendar struct {
	// Version grows by one with every publication; due dates record the version they were computed with.
	Version uint32 `cbor:"1,keyasint" json:"version"`
	// Sessions are the worked stretches of a working day, in order, e.g. 07:00–11:30 and 13:30–17:00.
	Sessions []Session      `cbor:"2,keyasint" json:"sessions"`
	Years    []CalendarYear `cbor:"3,keyasint" json:"years"`
	// Decision is why this version was published.
	Decision string `cbor:"4,keyasint,omitempty" json:"decision,omitempty"`
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

// Check is Validate for a calendar that is about to be published. It finds besides what can be read and is surely a slip: years out
// of order, a day named twice, a holiday on a weekend, a swapped day that is worked anyway, a holiday without a name.
func (c Calendar) Check() error {
	if err := c.Validate(); err != nil {
		return err
	}
	for i, y := range c.Years {
		if i > 0 && y.Year <= c.Years[i-1].Year {
			return fmt.Errorf("calendar: year %d stands after %d: each year once, in order", y.Year, c.Years[i-1].Year)
		}
		if err := y.check(); err != nil {
			return fmt.Errorf("calendar: year %d: %w", y.Year, err)
		}
	}
	if n := len(c.Years); n == 0 || n > MaxCalendarYears {
		return fmt.Errorf("calendar: %d years, want 1 to %d", n, MaxCalendarYears)
	}
	if len(c.Decision) > 500 {
		return fmt.Errorf("calendar: the decision has %d bytes, at most 500", len(c.Decision))
	}
	return nil
}

// MaxCalendarYears bounds the years of a calendar.
const MaxCalendarYears = 100

func (y CalendarYear) check() error {
	seen := map[Date]bool{}
	once := func(d Date) error {
		if seen[d] {
			return fmt.Errorf("%s is named twice", d)
		}
		seen[d] = true
		return nil
	}
	for _, d := range y.Off {
		if err := once(d.Date); err != nil {
			return err
		}
		if d.Date.Weekend() {
			return fmt.Errorf("%s is a weekend, which is not worked anyway: name the weekday that is off instead of it", d.Date)
		}
		if d.Name.VI == "" || len(d.Name.VI) > 200 || len(d.Name.EN) > 200 {
			return fmt.Errorf("%s has no Vietnamese name, or one of over 200 bytes", d.Date)
		}
	}
	for _, d := range y.Worked {
		if err := once(d); err != nil {
			return err
		}
		if !d.Weekend() {
			return fmt.Errorf("%s is a weekday: only a Saturday or Sunday is worked in exchange for another day", d)
		}
	}
	return nil
}

// Year returns what differs in a year, false if the calendar does not have it.
func (c Calendar) Year(year int) (CalendarYear, bool) {
	i := slices.IndexFunc(c.Years, func(y CalendarYear) bool { return int(y.Year) == year })
	if i < 0 {
		return CalendarYear{}, false
	}
	return c.Years[i], true
}

// Until returns the last day, from a date on, up to which every year is in the calendar; with final, up to which every year is
// announced. It is the day before the date where the date's own year is not.
func (c Calendar) Until(from Date, final bool) Date {
	year := from.Time().Year()
	for ; ; year++ {
		if y, ok := c.Year(year); !ok || final && !y.Final {
			break
		}
	}
	last := time.Date(year-1, 12, 31, 0, 0, 0, 0, Zone)
	return max(DateOf(last), from.AddDays(-1))
}

// CalendarReach tells how far a calendar reaches.
type CalendarReach struct {
	Version uint32 `json:"version"`
	// Until is the last day of the last year without a gap from this one on; Final the same of the years that are announced.
	Until Date `json:"until"`
	Final Date `json:"final"`
	// Warning is for the people who look after the calendar.
	Warning string `json:"warning,omitempty"`
}

// shortCalendar is how many days before its end a calendar is warned of.
const shortCalendar = 60

// Reach tells how far the calendar reaches from a day on, and warns of one that ends within 60 days. The zero calendar is none.
func (c Calendar) Reach(today Date) CalendarReach {
	out := CalendarReach{Version: c.Version, Until: c.Until(today, false), Final: c.Until(today, true)}
	left := func(d Date) int { return int(d.Time().Sub(today.Time()) / (24 * time.Hour)) }
	switch {
	case c.Version == 0:
		out.Warning = "no calendar is published: no office can compute a due date"
	case left(out.Until) < shortCalendar:
		out.Warning = "the calendar ends: publish the next year, or due dates are counted without its holidays and marked provisional"
	case left(out.Final) < shortCalendar:
		out.Warning = "the days off are not announced far enough: due dates beyond are marked provisional; publish the year as final once the notice is out"
	}
	return out
}
