package calendar

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"motcua/directory"
	"motcua/directory/khanhhoa"
)

// swappedCalendar is the published one with Monday 23/11/2026 off for Saturday 28/11, as was proposed around the 24th.
func swappedCalendar(t rapid.TB) *Calendar {
	p := published()
	p.Version++
	y := &p.Years[0]
	y.Off = append(y.Off, directory.DayOff{Date: "2026-11-23", Name: directory.Text{VI: "Nghỉ hoán đổi"}})
	y.Worked = append(y.Worked, "2026-11-28")
	c, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatASwapMoves(t *testing.T) {
	old, next := open(t), swappedCalendar(t)
	days := Changed(old, next, "2026-11-01", "2026-12-31")
	if len(days) != 2 || days[0].Date != "2026-11-23" || days[0].Worked || days[0].Name.VI == "" || days[1].Date != "2026-11-28" || !days[1].Worked {
		t.Errorf("days: %+v", days)
	}
	limits, err := ChangedLimits(old, next, moment(t, "2026-11-20 09:00"), 30)
	var changed []int
	for _, l := range limits {
		changed = append(changed, l.Days)
	}
	// Friday the 20th: by the swap, day 1 is Wednesday the 25th instead of Monday; from day 5 on the Saturday has made up for it.
	if err != nil || !slices.Equal(changed, []int{1, 2, 3, 4}) || directory.DateOf(limits[0].Will) != "2026-11-25" || directory.DateOf(limits[3].Will) != "2026-11-28" {
		t.Errorf("limits: %+v, %v", limits, err)
	}
	for due, want := range map[directory.Date]directory.Date{
		"2026-11-18": "2026-11-18", "2026-11-20": "2026-11-20", "2026-11-23": "2026-11-25", "2026-11-27": "2026-11-28", "2026-11-30": "2026-11-30",
	} {
		if got := Shifted(old, next, "2026-11-20", due); got != want {
			t.Errorf("due %s would be %s, want %s", due, got, want)
		}
	}
	if got := Shifted(old, next, "2026-11-23", "2026-11-30"); got != "2026-11-28" {
		t.Errorf("on the day off itself, what is due on the 30th may be finished by %s, want the 28th", got)
	}
}

// TestShiftedProperties: nothing moves between a calendar and itself; a later due date never becomes the earlier one; and as much work
// is done by the one as by the other.
func TestShiftedProperties(t *testing.T) {
	old, next := open(t), swappedCalendar(t)
	rapid.Check(t, func(t *rapid.T) {
		from := directory.Date("2026-11-01").AddDays(rapid.IntRange(0, 40).Draw(t, "from"))
		due := from.AddDays(rapid.IntRange(-5, 60).Draw(t, "due"))
		if got := Shifted(old, old, from, due); old.Working(due) && got != due {
			t.Fatalf("by the same calendar, due %s is %s", due, got)
		}
		a, b := Shifted(old, next, from, due), Shifted(old, next, from, due.AddDays(1))
		if a > b && due > from {
			t.Fatalf("due %s would be %s, a day later %s", due, a, b)
		}
		if n := workdays(old, from, due); n > 0 && workdays(next, from, a) != n {
			t.Fatalf("due %s is %d days of work, %s is %d", due, n, a, workdays(next, from, a))
		}
	})
}

func workdays(c *Calendar, from, to directory.Date) (n int) {
	for d := from.AddDays(1); d <= to; d = d.AddDays(1) {
		if c.Working(d) {
			n++
		}
	}
	return n
}

// holidays is the data of the field: the days of 2024 to 2027 by the yearly notices.
type holidays struct {
	Years []struct {
		Year   int
		Status string
		Off    []struct{ Date directory.Date } `json:"weekdays_off"`
		Worked []struct{ Date directory.Date } `json:"weekend_days_worked"`
		Days   *int                            `json:"working_days"`
	}
}

// known are the working days of the years whose notices are known (the labour ministry's and the interior ministry's), by count.
var known = map[int]int{2024: 251, 2025: 250, 2026: 249}

func TestThePublishedCalendarIsThatOfTheNotices(t *testing.T) {
	cal := khanhhoa.Calendar()
	if err := cal.Check(); err != nil {
		t.Fatal(err)
	}
	c, err := New(cal)
	if err != nil {
		t.Fatal(err)
	}
	for up := ".."; len(up) < 30; up += "/.." {
		b, err := os.ReadFile(filepath.Join(up, "shared", "data", "holidays.json"))
		if err != nil {
			continue
		}
		var all holidays
		if err := json.Unmarshal(b, &all); err != nil || len(all.Years) < 4 {
			t.Fatalf("%d years, %v", len(all.Years), err)
		}
		for _, y := range all.Years {
			sameYear(t, c, cal, y.Year, dates(y.Off), dates(y.Worked))
			if y.Days != nil {
				if n := workdays(c, yearStart(y.Year).AddDays(-1), yearStart(y.Year+1).AddDays(-1)); n != *y.Days {
					t.Errorf("%d has %d working days, the notices give %d", y.Year, n, *y.Days)
				}
			}
		}
		return
	}
	t.Log("NOT TESTED against ../shared/data/holidays.json, which is not at hand")
	for year, want := range known {
		if n := workdays(c, yearStart(year).AddDays(-1), yearStart(year+1).AddDays(-1)); n != want {
			t.Errorf("%d has %d working days, want %d", year, n, want)
		}
	}
}

func yearStart(year int) directory.Date {
	return directory.DateOf(time.Date(year, 1, 1, 0, 0, 0, 0, directory.Zone))
}

func dates(in []struct{ Date directory.Date }) (out []directory.Date) {
	for _, d := range in {
		out = append(out, d.Date)
	}
	return out
}

func sameYear(t *testing.T, c *Calendar, cal directory.Calendar, year int, off, worked []directory.Date) {
	t.Helper()
	y, ok := cal.Year(year)
	if !ok {
		t.Errorf("no year %d", year)
		return
	}
	var have []directory.Date
	for _, d := range y.Off {
		have = append(have, d.Date)
	}
	if !slices.Equal(have, off) || !slices.Equal(y.Worked, worked) && len(y.Worked)+len(worked) > 0 {
		t.Errorf("%d: off %v worked %v, the notices give %v and %v", year, have, y.Worked, off, worked)
	}
	for _, d := range off {
		if c.Working(d) {
			t.Errorf("%s is worked", d)
		}
	}
}
