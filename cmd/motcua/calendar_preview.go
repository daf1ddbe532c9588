package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"motcua/directory"
	"motcua/directory/server"
	"motcua/directory/state"
	"motcua/node/calendar"
)

// calendarPreview is what a draft would move. No due date that was given moves by itself: Later counts the dossiers that would need an
// extension, Earlier those that may be finished early, OnDayOff those that are due on a day that becomes one off.
type calendarPreview struct {
	Version uint32                  `json:"version"`
	From    directory.Date          `json:"from"`
	Days    []calendar.ChangedDay   `json:"days"`
	Limits  []calendar.ChangedLimit `json:"limits"`
	Dates   []movedDate             `json:"dates"`
	Offices []movedOffice           `json:"offices"`
}

// movedDate is a due date with the one that would be computed instead.
type movedDate struct {
	Due   directory.Date `json:"due"`
	Will  directory.Date `json:"will"`
	Count int            `json:"count"`
}

type movedOffice struct {
	Office   directory.OfficeCode `json:"office"`
	Later    int                  `json:"later"`
	Earlier  int                  `json:"earlier"`
	OnDayOff int                  `json:"on_day_off"`
}

// triedLimits are the limits that a preview tries, in working days.
const triedLimits = 30

func calendarPreviewCommand() *command {
	c := newCommand("calendar preview", "", "show what a draft of the calendar moves, before it is published", "motcua calendar preview --data /var/lib/motcua/directory --file calendar.json")
	dir, file := c.flags.String("data", "", directoryFolder), c.flags.String("file", "calendar.json", "`file` with the draft")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		draft, err := readDraft(c.name, *file)
		if err != nil {
			return err
		}
		force, err := readCalendar(ctx, c.name, *dir, 0)
		if err != nil {
			return err
		}
		open, err := openDossiers(ctx, std, c.name, *dir)
		if err != nil {
			return err
		}
		p, err := previewCalendar(force, draft, open, time.Now())
		if err != nil {
			return fmt.Errorf("calendar preview: %w", err)
		}
		if *asJSON {
			return printJSON(std.out, p)
		}
		printCalendarPreview(std.out, p)
		return nil
	}
	return c
}

// openDossiers counts the dossiers that are not finished, office by office.
func openDossiers(ctx context.Context, std stdio, name, dir string) (all []state.OpenTracks, err error) {
	chart, err := readChart(ctx, name, dir)
	if err != nil {
		return nil, err
	}
	tool, err := directoryTool(name, dir)
	if err != nil {
		return nil, err
	}
	b := newBar(std, "counting dossiers, office", len(chart.Offices))
	defer b.end()
	for i, o := range chart.Offices {
		var open []state.OpenTracks
		if err := tool.Post(ctx, "/tracks/open", server.TracksRequest{Ended: endedStates, Root: o.Code}, &open); err != nil {
			return nil, err
		}
		all = append(all, open...)
		b.at(i + 1)
	}
	return all, nil
}

func previewCalendar(force, draft directory.Calendar, open []state.OpenTracks, now time.Time) (p calendarPreview, err error) {
	if err := draft.Check(); err != nil {
		return p, err
	}
	old, err := calendar.New(force)
	if err != nil {
		return p, err
	}
	next, err := calendar.New(draft)
	if err != nil {
		return p, err
	}
	p.Version, p.From = draft.Version, directory.DateOf(now)
	p.Days = calendar.Changed(old, next, p.From, lastDay(force, draft))
	if p.Limits, err = calendar.ChangedLimits(old, next, now, triedLimits); err != nil {
		return p, err
	}
	p.dossiers(old, next, open)
	return p, nil
}

// lastDay is the end of the last year of either calendar.
func lastDay(calendars ...directory.Calendar) directory.Date {
	last := directory.Date("")
	for _, c := range calendars {
		for _, y := range c.Years {
			last = max(last, directory.Date(fmt.Sprintf("%04d-12-31", y.Year)))
		}
	}
	return last
}

func (p *calendarPreview) dossiers(old, next *calendar.Calendar, open []state.OpenTracks) {
	will, moved := map[directory.Date]directory.Date{}, map[directory.Date]int{}
	offices := map[directory.OfficeCode]*movedOffice{}
	for _, t := range open {
		to, known := will[t.Due]
		if !known {
			to = calendar.Shifted(old, next, p.From, t.Due)
			will[t.Due] = to
		}
		o := offices[t.Root]
		if o == nil {
			o = &movedOffice{Office: t.Root}
			offices[t.Root] = o
		}
		if t.Due > p.From && old.Working(t.Due) && !next.Working(t.Due) {
			o.OnDayOff += t.Count
		}
		switch {
		case to > t.Due:
			o.Later += t.Count
		case to < t.Due:
			o.Earlier += t.Count
		default:
			continue
		}
		moved[t.Due] += t.Count
	}
	for d, n := range moved {
		p.Dates = append(p.Dates, movedDate{d, will[d], n})
	}
	for _, o := range offices {
		if o.Later+o.Earlier+o.OnDayOff > 0 {
			p.Offices = append(p.Offices, *o)
		}
	}
	slices.SortFunc(p.Dates, func(a, b movedDate) int { return cmp.Compare(a.Due, b.Due) })
	slices.SortFunc(p.Offices, func(a, b movedOffice) int { return cmp.Compare(a.Office, b.Office) })
}

func printCalendarPreview(w io.Writer, p calendarPreview) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "version %d, compared with the one in force, from %s on\n", p.Version, day(p.From))
	for _, d := range p.Days {
		word := "off"
		if d.Worked {
			word = "worked"
		}
		fmt.Fprintf(t, "becomes %s\t%s %s\t%s\n", word, weekday(d.Date), day(d.Date), d.Name.VI)
	}
	if len(p.Days) == 0 {
		fmt.Fprintln(t, "no day from today on changes")
	}
	fmt.Fprintln(t, "\nWhat is accepted now, by its limit:")
	for _, l := range p.Limits {
		fmt.Fprintf(t, "%d working days\tdue %s\tinstead of %s\n", l.Days, stamp(l.Will), stamp(l.Was))
	}
	if len(p.Limits) == 0 {
		fmt.Fprintf(t, "no limit of 1 to %d working days changes\n", triedLimits)
	}
	fmt.Fprintln(t, "\nDossiers that are not finished. What was promised stays; where a day is lost, an extension must be decided:")
	for _, d := range p.Dates {
		fmt.Fprintf(t, "%d dossiers\tdue %s\twould be %s\n", d.Count, day(d.Due), day(d.Will))
	}
	for _, o := range p.Offices {
		fmt.Fprintf(t, "%s\t%d lose a day\t%d may be finished early\t%d due on a day that becomes off\n", o.Office, o.Later, o.Earlier, o.OnDayOff)
	}
	if len(p.Dates)+len(p.Offices) == 0 {
		fmt.Fprintln(t, "none is concerned")
	}
	t.Flush()
}

func stamp(at time.Time) string { return at.In(directory.Zone).Format("15:04 02/01/2006") }

func calendarPublishCommand() *command {
	c := newCommand("calendar publish", "", "publish a draft as the next version of the calendar; due dates already given stay",
		"motcua calendar publish --data /var/lib/motcua/directory --file calendar.json --decision \"Thông báo 9441/TB-BNV\"")
	dir, file := c.flags.String("data", "", directoryFolder), c.flags.String("file", "calendar.json", "`file` with the draft")
	decision := c.flags.String("decision", "", "the `decision` that it follows")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if *decision == "" {
			return usagef("calendar publish: give --decision, as in: %s", c.example)
		}
		draft, err := readDraft(c.name, *file)
		if err != nil {
			return err
		}
		draft.Decision = *decision
		tool, err := directoryTool(c.name, *dir)
		if err != nil {
			return err
		}
		var reach directory.CalendarReach
		if err := tool.Post(ctx, "/calendar", draft, &reach); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "published version %d; it reaches to %s, announced to %s. No due date was moved.\n", reach.Version, day(reach.Until), day(reach.Final))
		return nil
	}
	return c
}
