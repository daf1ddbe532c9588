package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/khanhhoa"
	"motcua/directory/state"
)

// TestACalendarIsDraftedPreviewedAndPublished is the work of every autumn, by the commands.
func TestACalendarIsDraftedPreviewedAndPublished(t *testing.T) {
	dir, _ := startDirectory(t)
	file := filepath.Join(t.TempDir(), "calendar.json")
	run := func(want int, line ...string) string {
		t.Helper()
		code, out, errs := typed(t, line...)
		if code != want {
			t.Fatalf("motcua %s: exit %d\n%s%s", strings.Join(line, " "), code, out, errs)
		}
		return out + errs
	}
	run(0, "calendar", "add-year", "--data", dir, "--file", file, "--year", "2028", "--decision", "TB 1/TB-BNV", "--final", "--off", "2028-01-25=Tết Nguyên đán", "--off", "26/01/2028=Tết Nguyên đán", "--worked", "2028-02-05")
	run(0, "calendar", "holiday", "--file", file, "--on", "05/02/2027", "--name", "Tết Nguyên đán", "--decision", "TB 2/TB-BNV")
	run(0, "calendar", "swap", "--file", file, "--off", "03/09/2027", "--worked", "11/09/2027", "--decision", "TB 2/TB-BNV")
	for why, line := range map[string][]string{
		"is a weekend":         {"holiday", "--on", "2027-02-06", "--name", "Tết", "--decision", "x"},
		"is a weekday":         {"swap", "--off", "2027-02-08", "--worked", "2027-02-10", "--decision", "x"},
		"has no year 2031":     {"holiday", "--on", "2031-02-06", "--name", "Tết", "--decision", "x"},
		"is named twice":       {"swap", "--off", "2027-09-03", "--worked", "2027-10-02", "--decision", "x"},
		"is not off in the dr": {"holiday", "--on", "2027-10-04", "--remove", "--decision", "x"},
	} {
		if out := run(1, append([]string{"calendar", line[0], "--file", file}, line[1:]...)...); !strings.Contains(out, why) {
			t.Errorf("%v: %s, want %q", line, out, why)
		}
	}
	out := run(0, "calendar", "preview", "--data", dir, "--file", file)
	for _, want := range []string{"becomes off     Thứ Sáu 05/02/2027", "becomes worked  Thứ Bảy 11/09/2027", "none is concerned"} {
		if !strings.Contains(out, want) {
			t.Errorf("the preview does not say %q:\n%s", want, out)
		}
	}
	if out := run(0, "calendar", "publish", "--data", dir, "--file", file, "--decision", "TB 2/TB-BNV"); !strings.Contains(out, "published version 2; it reaches to 31/12/2028") {
		t.Errorf("published: %s", out)
	}
	if out := run(1, "calendar", "publish", "--data", dir, "--file", file, "--decision", "TB 2/TB-BNV"); !strings.Contains(out, "begin again from the one in force") {
		t.Errorf("a version is published twice: %s", out)
	}
	if out := run(0, "calendar", "show", "--data", dir, "--year", "2027"); !strings.Contains(out, "Nghỉ hoán đổi với Thứ Bảy 11/09") || strings.Contains(out, "2026\t") {
		t.Errorf("show: %s", out)
	}
	var first directory.Calendar
	if err := json.Unmarshal([]byte(run(0, "calendar", "show", "--data", dir, "--version", "1", "--json")), &first); err != nil || first.Version != 1 || len(first.Years) != 4 {
		t.Errorf("the first version is not kept: %v, %+v", err, first)
	}
	if out := run(0, "directory", "status", "--data", dir); !strings.Contains(out, "calendar") || !strings.Contains(out, "version 2, to 31/12/2028") {
		t.Errorf("status: %s", out)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// TestAPreviewCountsAndMovesNothing: the dossiers of two offices when Monday 23/11/2026 is swapped for Saturday 28/11.
func TestAPreviewCountsAndMovesNothing(t *testing.T) {
	force := khanhhoa.Calendar()
	draft := khanhhoa.Calendar()
	y, err := yearOf("test", &draft, "2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	y.Off = append(y.Off, directory.DayOff{Date: "2026-11-23", Name: directory.Text{VI: "Nghỉ hoán đổi"}})
	y.Worked = append(y.Worked, "2026-11-28")
	sortYear(y)
	open := []state.OpenTracks{
		{Root: "H32.1", Holder: "H32.1", Due: "2026-11-19", Count: 1}, // overdue or today
		{Root: "H32.1", Holder: "H32.2", Due: "2026-11-23", Count: 2},
		{Root: "H32.1", Holder: "H32.1", Due: "2026-11-27", Count: 4},
		{Root: "H32.2", Holder: "H32.1", Due: "2026-11-30", Count: 8},
	}
	p, err := previewCalendar(force, draft, open, time.Date(2026, 11, 20, 9, 0, 0, 0, directory.Zone))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Offices) != 1 || p.Offices[0] != (movedOffice{Office: "H32.1", Later: 6, OnDayOff: 2}) {
		t.Errorf("offices: %+v", p.Offices)
	}
	if len(p.Dates) != 2 || p.Dates[0] != (movedDate{"2026-11-23", "2026-11-25", 2}) || p.Dates[1] != (movedDate{"2026-11-27", "2026-11-28", 4}) {
		t.Errorf("dates: %+v", p.Dates)
	}
	if len(p.Days) != 2 || len(p.Limits) != 4 {
		t.Errorf("days %+v, limits %+v", p.Days, p.Limits)
	}
}

func TestACalendarThatEndsIsWarnedOf(t *testing.T) {
	c := khanhhoa.Calendar()
	for day, want := range map[directory.Date]string{
		"2026-10-01": "", "2026-11-24": "not announced far enough", "2027-06-01": "not announced far enough", "2027-11-24": "the calendar ends", "2029-01-01": "the calendar ends",
	} {
		if got := c.Reach(day).Warning; want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("on %s: %q, want %q", day, got, want)
		}
	}
	if got := (directory.Calendar{}).Reach("2026-11-24").Warning; !strings.Contains(got, "no calendar") {
		t.Errorf("without a calendar: %q", got)
	}
}
