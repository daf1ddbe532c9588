package calendar

import (
	"slices"
	"time"

	"motcua/directory"
)

// Explanation is how a due date came about, for the page and the slip to put in words. Times are in [directory.Zone].
type Explanation struct {
	Calendar uint32 // version of the calendar
	Received time.Time
	Limit    directory.Limit
	// Start is the working moment from which time counts; it differs from Received outside working hours.
	Start time.Time
	Due   time.Time
	// Weekends counts the weekend days passed over; Holidays are the weekdays not worked, in order.
	Weekends int
	Holidays []directory.DayOff
	// Swapped are weekend days that counted, because they are worked in exchange for another day.
	Swapped []directory.Date
	// NextDay tells that a same-day limit began after 15:00; Moved that the last calendar day was no working day.
	NextDay bool
	Moved   bool
	// Provisional are the years touched whose calendar is missing or not yet announced.
	Provisional []int
}

// Rolled tells whether the dossier came outside working hours.
func (x Explanation) Rolled() bool { return !x.Start.Equal(x.Received) }

// note keeps what a reader would wonder about in one day.
func (x *Explanation) note(c *Calendar, t time.Time, k dayKind) {
	x.year(c, t)
	d := directory.DateOf(t)
	switch k {
	case weekend:
		x.Weekends++
	case holiday:
		known := slices.ContainsFunc(x.Holidays, func(h directory.DayOff) bool { return h.Date == d })
		if len(x.Holidays) < maxHolidays && !known {
			x.Holidays = append(x.Holidays, directory.DayOff{Date: d, Name: c.off[d]})
		}
	case swapped:
		if len(x.Swapped) < maxHolidays && !slices.Contains(x.Swapped, d) {
			x.Swapped = append(x.Swapped, d)
		}
	}
}

// year notes a year whose calendar is not certain.
func (x *Explanation) year(c *Calendar, t time.Time) {
	y := t.In(directory.Zone).Year()
	if final := c.final[y]; !final && !slices.Contains(x.Provisional, y) {
		x.Provisional = append(x.Provisional, y)
	}
}
