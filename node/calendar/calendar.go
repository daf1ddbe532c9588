// Package calendar computes due dates in working time, and says how. It is pure: the moment of receipt and the published
// calendar are arguments.
//
// # The rules
//
//   - Work counts in the sessions of a working day (07:00–11:30 and 13:30–17:00 in the published calendar). What is
//     received outside them counts as received at the next working moment: at 12:00 as at 13:30, on Friday at 18:00 as on
//     Monday at 07:00.
//   - The day of receipt is not counted (Civil Code 91/2015/QH13, art. 147). A limit of n working days is due n working
//     days later at the same clock time; the slip shows date and hour.
//   - A limit in calendar days is due at the end of the last working session of the last day; when that is no working
//     day, of the next one (Civil Code, art. 148).
//   - A limit in working hours runs through the sessions, lunch left out. It may end with a session.
//   - A limit of 0 is due the same working day at its end; received after 15:00, at the end of the next working day (the
//     rule of the civil-status procedures, e.g. 1.000656).
//
// # A year without a calendar
//
// The counter never stops: a year that was not published is counted Monday to Friday without holidays, and
// [Explanation.Provisional] names it, as it names a year whose holidays are computed from statute but not yet announced.
// A due date once given is not moved by a later calendar; only a recorded act moves it.
package calendar

import (
	"fmt"
	"time"

	"motcua/directory"
)

// lastSameDay is the minute of the day after which a same-day procedure is due the next working day.
const lastSameDay = 15 * 60

// maxDays bounds every walk through the days: a limit of 65,535 working days takes fewer than 95,000.
const maxDays = 1 << 18

// maxHolidays bounds the list of an explanation; what follows is not listed.
const maxHolidays = 128

// Calendar answers questions about working time. It does not change and may be shared.
type Calendar struct {
	version  uint32
	sessions []directory.Session
	off      map[directory.Date]directory.Text
	worked   map[directory.Date]bool
	final    map[int]bool // years published, with whether they are announced
}

// New prepares a published calendar. The error is that of its Validate.
func New(c directory.Calendar) (*Calendar, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	out := &Calendar{
		version: c.Version, sessions: c.Sessions,
		off: map[directory.Date]directory.Text{}, worked: map[directory.Date]bool{}, final: map[int]bool{},
	}
	for _, y := range c.Years {
		out.final[int(y.Year)] = y.Final
		for _, d := range y.Off {
			out.off[d.Date] = d.Name
		}
		for _, d := range y.Worked {
			out.worked[d] = true
		}
	}
	return out, nil
}

// Version is that of the published calendar.
func (c *Calendar) Version() uint32 { return c.version }

// Working tells whether the date is a working day.
func (c *Calendar) Working(d directory.Date) bool { return c.kind(d.Time()) >= workday }

// dayKind tells why a day is worked or not.
type dayKind int

const (
	weekend dayKind = iota
	holiday
	workday
	swapped // a weekend day that is worked
)

// kind judges the civil day that t falls in.
func (c *Calendar) kind(t time.Time) dayKind {
	d := directory.DateOf(t)
	if c.worked[d] {
		return swapped
	}
	if w := t.In(directory.Zone).Weekday(); w == time.Saturday || w == time.Sunday {
		return weekend
	}
	if _, off := c.off[d]; off {
		return holiday
	}
	return workday
}

// midnight is the start of the civil day of t.
func midnight(t time.Time) time.Time {
	y, m, d := t.In(directory.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, directory.Zone)
}

// at is a minute of the civil day of t.
func at(t time.Time, minute uint16) time.Time {
	return midnight(t).Add(time.Duration(minute) * time.Minute)
}

// end is the end of the last session of the civil day of t.
func (c *Calendar) end(t time.Time) time.Time { return at(t, c.sessions[len(c.sessions)-1].To) }

// nextDay is 00:00 of the first working day after the civil day of t.
func (c *Calendar) nextDay(t time.Time, x *Explanation) time.Time {
	d := midnight(t)
	for range maxDays {
		d = d.AddDate(0, 0, 1)
		if c.pass(d, x) {
			return d
		}
	}
	return d
}

// pass tells whether the day of t is worked and notes in the explanation what a reader would wonder about.
func (c *Calendar) pass(t time.Time, x *Explanation) bool {
	k := c.kind(t)
	x.note(c, t, k)
	return k >= workday
}

// Roll moves t forward to the next working moment; a moment within a session stays. The end of a session is outside it.
func (c *Calendar) Roll(t time.Time) time.Time { return c.roll(t, &Explanation{}) }

func (c *Calendar) roll(t time.Time, x *Explanation) time.Time {
	t = t.In(directory.Zone)
	if c.pass(t, x) {
		for _, s := range c.sessions {
			if from := at(t, s.From); t.Before(from) {
				return from
			}
			if t.Before(at(t, s.To)) {
				return t
			}
		}
	}
	return at(c.nextDay(t, x), c.sessions[0].From)
}

// Due returns when a dossier received at a moment is due, with how that came about.
func (c *Calendar) Due(received time.Time, limit directory.Limit) (time.Time, Explanation, error) {
	x := Explanation{Calendar: c.version, Received: received.In(directory.Zone), Limit: limit}
	start := c.roll(received, &x)
	x.Start = start
	due := start
	switch {
	case limit.Amount == 0:
		due = c.sameDay(start, &x)
	case limit.Unit == directory.WorkingDay:
		day := start
		for range limit.Amount {
			day = c.nextDay(day, &x)
		}
		due = day.Add(start.Sub(midnight(start)))
	case limit.Unit == directory.Day:
		due = c.lastDay(start, int(limit.Amount), &x)
	case limit.Unit == directory.WorkingHour:
		due = c.add(start, time.Duration(limit.Amount)*time.Hour, &x)
	default:
		return time.Time{}, x, fmt.Errorf("due date: time limit in %q: this version knows working_day, day and working_hour; upgrade", limit.Unit)
	}
	x.Due = due
	return due, x, nil
}

func (c *Calendar) sameDay(start time.Time, x *Explanation) time.Time {
	if start.After(at(start, lastSameDay)) {
		x.NextDay = true
		return c.end(c.nextDay(start, x))
	}
	return c.end(start)
}

func (c *Calendar) lastDay(start time.Time, days int, x *Explanation) time.Time {
	last := midnight(start).AddDate(0, 0, days)
	x.year(c, last)
	if c.kind(last) >= workday {
		return c.end(last)
	}
	x.Moved = true
	x.note(c, last, c.kind(last))
	return c.end(c.nextDay(last, x))
}

// add runs d of working time from a working moment on. It may end with a session.
func (c *Calendar) add(t time.Time, d time.Duration, x *Explanation) time.Time {
	for range maxDays {
		for _, s := range c.sessions {
			from, to := at(t, s.From), at(t, s.To)
			if t.Before(from) {
				t = from
			}
			if left := to.Sub(t); left >= 0 {
				if d <= left {
					return t.Add(d)
				}
				d -= left
				t = to
			}
		}
		t = c.nextDay(t, x)
	}
	return t
}

// Add moves t forward by quarters of a working day, the unit of step budgets (four quarters are all the sessions of a day,
// 2 h each in the published calendar). It starts at the next working moment.
func (c *Calendar) Add(t time.Time, quarters int) time.Time {
	x := &Explanation{}
	return c.add(c.roll(t, x), time.Duration(quarters)*c.day()/4, x)
}

// day is the working time of a day.
func (c *Calendar) day() time.Duration {
	n := 0
	for _, s := range c.sessions {
		n += int(s.To - s.From)
	}
	return time.Duration(n) * time.Minute
}

// Left is the working time between two moments, negative when b is before a; at most a hundred years are walked.
func (c *Calendar) Left(a, b time.Time) time.Duration {
	if b.Before(a) {
		return -c.Left(b, a)
	}
	total := time.Duration(0)
	for day, i := midnight(a), 0; day.Before(b) && i < 36525; day, i = day.AddDate(0, 0, 1), i+1 {
		if c.kind(day) < workday {
			continue
		}
		for _, s := range c.sessions {
			from, to := at(day, s.From), at(day, s.To)
			if from.Before(a) {
				from = a
			}
			if to.After(b) {
				to = b
			}
			total += max(0, to.Sub(from))
		}
	}
	return total
}
