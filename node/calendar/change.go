package calendar

import (
	"time"

	"motcua/directory"
)

// ChangedDay is a day that two calendars judge differently.
type ChangedDay struct {
	Date   directory.Date `json:"date"`
	Worked bool           `json:"worked"` // by the new one
	Name   directory.Text `json:"name,omitzero"`
}

// ChangedLimit is a limit in working days for which two calendars give different due dates.
type ChangedLimit struct {
	Days int       `json:"days"`
	Was  time.Time `json:"was"`
	Will time.Time `json:"will"`
}

// Changed lists the days of a stretch, both ends included, that the two calendars judge differently.
func Changed(old, next *Calendar, from, to directory.Date) (out []ChangedDay) {
	for d, i := from, 0; d <= to && i < maxDays; d, i = d.AddDays(1), i+1 {
		if will := next.Working(d); old.Working(d) != will {
			name := next.off[d]
			if will {
				name = old.off[d]
			}
			out = append(out, ChangedDay{d, will, name})
		}
	}
	return out
}

// ChangedLimits tries the limits of 1 to n working days for what is received at a moment, and returns those that change.
func ChangedLimits(old, next *Calendar, received time.Time, n int) (out []ChangedLimit, err error) {
	for i := 1; i <= n; i++ {
		limit := directory.Limit{Amount: uint16(i), Unit: directory.WorkingDay}
		was, _, err := old.Due(received, limit)
		if err != nil {
			return nil, err
		}
		will, _, err := next.Due(received, limit)
		if err != nil {
			return nil, err
		}
		if !was.Equal(will) {
			out = append(out, ChangedLimit{i, was, will})
		}
	}
	return out, nil
}

// Shifted is the date on which as many working days have passed by the new calendar as have by the old one on the date due, counted
// from a day, itself not included. What was due by that day already is due when it was.
func Shifted(old, next *Calendar, from, due directory.Date) directory.Date {
	n := 0
	d := from
	for i := 0; d < due && i < maxDays; i++ {
		if d = d.AddDays(1); old.Working(d) {
			n++
		}
	}
	if n == 0 {
		return due
	}
	for d = from; n > 0; {
		if d = d.AddDays(1); next.Working(d) {
			n--
		}
	}
	return d
}
