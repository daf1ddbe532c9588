package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"motcua/directory"
)

func off(dates ...directory.Date) (out []directory.DayOff) {
	for _, d := range dates {
		out = append(out, directory.DayOff{Date: d, Name: directory.Text{VI: "nghỉ " + string(d)}})
	}
	return out
}

// published is 2026 as announced (9441/TB-BNV, 12729/VPCP-KGVX, 3383/BNV-CVL; Resolution 28/2026/QH16) and 2027 as computed.
func published() directory.Calendar {
	return directory.Calendar{
		Version:  3,
		Sessions: []directory.Session{{From: 7 * 60, To: 11*60 + 30}, {From: 13*60 + 30, To: 17 * 60}},
		Years: []directory.CalendarYear{
			{Year: 2026, Decision: "9441/TB-BNV", Final: true, Worked: []directory.Date{"2026-01-10", "2026-08-22"},
				Off: off("2026-01-01", "2026-01-02", "2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20", "2026-04-27",
					"2026-04-30", "2026-05-01", "2026-08-31", "2026-09-01", "2026-09-02", "2026-11-24")},
			{Year: 2027, Decision: "computed", Off: off("2027-01-01")},
		},
	}
}

func open(t rapid.TB) *Calendar {
	c, err := New(published())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func moment(t rapid.TB, s string) time.Time {
	v, err := time.ParseInLocation("2006-01-02 15:04", s, directory.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDue(t *testing.T) {
	wd := func(n uint16) directory.Limit { return directory.Limit{Amount: n, Unit: directory.WorkingDay} }
	days := func(n uint16) directory.Limit { return directory.Limit{Amount: n, Unit: directory.Day} }
	hours := func(n uint16) directory.Limit { return directory.Limit{Amount: n, Unit: directory.WorkingHour} }
	for _, c := range []struct {
		received string
		limit    directory.Limit
		due      string
	}{
		{"2026-02-11 09:15", wd(5), "2026-02-25 09:15"}, // over Tết
		{"2026-04-24 08:00", wd(3), "2026-05-04 08:00"}, // over three holidays
		{"2026-08-28 10:00", wd(3), "2026-09-07 10:00"},
		{"2026-08-21 16:59", wd(1), "2026-08-22 16:59"}, // a Saturday that is worked
		{"2026-11-23 14:00", wd(1), "2026-11-25 14:00"}, // over 24/11
		{"2026-11-24 12:05", wd(1), "2026-11-26 07:00"}, // on a holiday: as if on the 25th at 07:00
		{"2026-11-25 12:00", wd(1), "2026-11-26 13:30"}, // in the lunch hour
		{"2026-11-25 11:30", wd(1), "2026-11-26 13:30"}, // a session's end is outside it
		{"2026-11-27 17:00", wd(1), "2026-12-01 07:00"}, // Friday evening: as if on Monday
		{"2026-11-25 06:00", wd(1), "2026-11-26 07:00"},
		{"2026-11-25 09:00", days(3), "2026-11-30 17:00"}, // Saturday the 28th, moved
		{"2026-11-25 09:00", days(2), "2026-11-27 17:00"},
		{"2026-04-20 09:00", days(10), "2026-05-04 17:00"}, // 30/4, moved over 1/5 and the weekend
		{"2026-11-25 09:00", hours(8), "2026-11-26 09:00"},
		{"2026-11-25 07:00", hours(8), "2026-11-25 17:00"},
		{"2026-11-25 11:00", hours(1), "2026-11-25 14:00"},
		{"2026-11-25 10:00", wd(0), "2026-11-25 17:00"},
		{"2026-11-25 15:00", wd(0), "2026-11-25 17:00"},
		{"2026-11-25 15:01", wd(0), "2026-11-26 17:00"},
		{"2026-11-28 15:01", wd(0), "2026-11-30 17:00"}, // Saturday: as if on Monday at 07:00
	} {
		got, x, err := open(t).Due(moment(t, c.received), c.limit)
		if err != nil || !got.Equal(moment(t, c.due)) {
			t.Errorf("received %s, %d %s: due %v %v, want %s\n%+v", c.received, c.limit.Amount, c.limit.Unit, got, err, c.due, x)
		}
	}
}

func TestExplanationNamesWhatWasSkipped(t *testing.T) {
	_, x, err := open(t).Due(moment(t, "2026-08-21 18:00"), directory.Limit{Amount: 6, Unit: directory.WorkingDay})
	if err != nil {
		t.Fatal(err)
	}
	// Rolled to Saturday 22/8 (worked); Sundays 23 and 30, Saturday 29; 31/8, 1/9 and 2/9 off.
	if len(x.Swapped) != 1 || x.Swapped[0] != "2026-08-22" || x.Weekends != 3 || len(x.Holidays) != 3 || !x.Rolled() {
		t.Errorf("explanation: %+v", x)
	}
	if len(x.Provisional) != 0 || x.Calendar != 3 || directory.DateOf(x.Due) != "2026-09-03" {
		t.Errorf("explanation: %+v", x)
	}
}

func TestUnknownYearIsProvisional(t *testing.T) {
	for received, year := range map[string]int{"2026-12-30 09:00": 2027, "2031-03-03 09:00": 2031} {
		due, x, err := open(t).Due(moment(t, received), directory.Limit{Amount: 5, Unit: directory.WorkingDay})
		if err != nil || due.IsZero() || len(x.Provisional) != 1 || x.Provisional[0] != year {
			t.Errorf("received %s: %v %v %+v", received, due, err, x)
		}
	}
	if _, _, err := open(t).Due(moment(t, "2026-11-25 09:00"), directory.Limit{Amount: 1, Unit: "fortnight"}); err == nil {
		t.Error("an unknown unit was counted")
	}
}

func TestAddQuarters(t *testing.T) {
	for quarters, want := range map[int]string{1: "2026-11-25 14:30", 2: "2026-11-25 16:30", 4: "2026-11-26 10:30"} {
		if got := open(t).Add(moment(t, "2026-11-25 10:30"), quarters); !got.Equal(moment(t, want)) {
			t.Errorf("%d quarters: %v, want %s", quarters, got, want)
		}
	}
}

// TestProperties: a due moment is a working moment or a session's end, later receipt is never due earlier, and the working
// time up to it is the limit.
func TestProperties(t *testing.T) {
	c := open(t)
	base := moment(t, "2026-01-01 00:00")
	rapid.Check(t, func(t *rapid.T) {
		a := base.Add(time.Duration(rapid.IntRange(0, 400*24*60).Draw(t, "minute")) * time.Minute)
		b := a.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "later")) * time.Minute)
		unit := rapid.SampledFrom([]directory.TimeUnit{directory.WorkingDay, directory.Day, directory.WorkingHour}).Draw(t, "unit")
		limit := directory.Limit{Amount: uint16(rapid.IntRange(0, 60).Draw(t, "amount")), Unit: unit}
		dueA, x, _ := c.Due(a, limit)
		dueB, _, _ := c.Due(b, limit)
		if dueB.Before(dueA) {
			t.Fatalf("received later, due earlier: %v → %v, %v → %v", a, dueA, b, dueB)
		}
		if !c.Working(directory.DateOf(dueA)) || !c.Roll(dueA.Add(-time.Minute)).Before(dueA) && !c.Roll(dueA).Equal(dueA) {
			t.Fatalf("%v is due at %v, no working moment", a, dueA)
		}
		if unit == directory.WorkingDay && limit.Amount > 0 && c.Left(x.Start, dueA) != time.Duration(limit.Amount)*8*time.Hour {
			t.Fatalf("%v to %v is %v of work, not %d days", x.Start, dueA, c.Left(x.Start, dueA), limit.Amount)
		}
	})
}
