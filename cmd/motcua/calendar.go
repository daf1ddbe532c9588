package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"motcua/crypto/disk"
	"motcua/directory"
)

// calendarCommands are the tools of province IT for the calendar of working days. A change is drafted in a file, looked at, and
// published as the next version.
func calendarCommands() []*command {
	return []*command{
		calendarShowCommand(), calendarAddYearCommand(), calendarHolidayCommand(), calendarSwapCommand(), calendarPreviewCommand(), calendarPublishCommand(),
	}
}

const draftFile = "`file` with the draft; begun from the calendar in force if it is missing"

func calendarShowCommand() *command {
	c := newCommand("calendar show", "", "show the calendar of working days, or an old version of it", "motcua calendar show --data /var/lib/motcua/directory --year 2026")
	dir, version := c.flags.String("data", "", directoryFolder), c.flags.Uint("version", 0, "`version` to show; the one in force, unless given")
	year, asJSON := c.flags.Int("year", 0, "one `year` alone"), c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		cal, err := readCalendar(ctx, c.name, *dir, *version)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(std.out, cal)
		}
		printCalendar(std.out, cal, *year)
		return nil
	}
	return c
}

func readCalendar(ctx context.Context, name, dir string, version uint) (c directory.Calendar, err error) {
	tool, err := directoryTool(name, dir)
	if err == nil {
		err = tool.Get(ctx, fmt.Sprintf("/calendar?version=%d", version), &c)
	}
	return c, err
}

var weekdays = [...]string{"Chủ nhật", "Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy"}

func weekday(d directory.Date) string { return weekdays[d.Time().Weekday()] }

func printCalendar(w io.Writer, c directory.Calendar, only int) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "version\t%d\t%s\n", c.Version, c.Decision)
	for _, s := range c.Sessions {
		fmt.Fprintf(t, "worked\t%02d:%02d to %02d:%02d\n", s.From/60, s.From%60, s.To/60, s.To%60)
	}
	for _, y := range c.Years {
		if only != 0 && int(y.Year) != only {
			continue
		}
		state := "announced"
		if !y.Final {
			state = "provisional"
		}
		fmt.Fprintf(t, "\n%d\t%s\t%s\n", y.Year, state, y.Decision)
		for _, d := range y.Off {
			fmt.Fprintf(t, "off\t%s %s\t%s\n", weekday(d.Date), day(d.Date), d.Name.VI)
		}
		for _, d := range y.Worked {
			fmt.Fprintf(t, "worked\t%s %s\n", weekday(d), day(d))
		}
	}
	t.Flush()
}

// draftCommand makes a command that changes the draft of a calendar.
func draftCommand(name, short, example string, setup func(c *command) func(*directory.Calendar) error) *command {
	c := newCommand(name, "", short, example)
	dir, file := c.flags.String("data", "", directoryFolder+"; to begin a draft"), c.flags.String("file", "calendar.json", draftFile)
	edit := setup(c)
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		cal, err := openDraft(ctx, name, *dir, *file)
		if err != nil {
			return err
		}
		if err := edit(&cal); err != nil {
			return err
		}
		if err := cal.Check(); err != nil {
			return fmt.Errorf("%s: %w; the draft stays as it was", name, err)
		}
		if err := writeDraft(*file, cal); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(std.out, "wrote %s, the draft of version %d. See what it moves: motcua calendar preview\n", *file, cal.Version)
		return nil
	}
	return c
}

// openDraft reads a draft; where there is none it is begun from the calendar in force.
func openDraft(ctx context.Context, name, dir, file string) (c directory.Calendar, err error) {
	c, err = readDraft(name, file)
	if !errors.Is(err, fs.ErrNotExist) || dir == "" {
		return c, err
	}
	c, err = readCalendar(ctx, name, dir, 0)
	c.Version++
	c.Decision = ""
	return c, err
}

func readDraft(name, file string) (c directory.Calendar, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s: %w; begin a draft with motcua calendar holiday, swap or add-year and --data", name, err)
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %s: %w; mend it, or remove it and begin again", name, file, err)
	}
	return c, nil
}

func writeDraft(file string, c directory.Calendar) error {
	b, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return err
	}
	return disk.WriteFile(file, append(b, '\n'))
}

// yearOf returns the year of a date in the draft, which must be there.
func yearOf(name string, c *directory.Calendar, d directory.Date) (*directory.CalendarYear, error) {
	i := slices.IndexFunc(c.Years, func(y directory.CalendarYear) bool { return int(y.Year) == d.Time().Year() })
	if i < 0 {
		return nil, fmt.Errorf("%s: the calendar has no year %d: add it with motcua calendar add-year", name, d.Time().Year())
	}
	return &c.Years[i], nil
}

// decide notes one more decision behind a year.
func decide(y *directory.CalendarYear, decision string) {
	if decision != "" && !strings.Contains(y.Decision, decision) {
		y.Decision = strings.Trim(y.Decision+"; "+decision, "; ")
	}
}

func sortYear(y *directory.CalendarYear) {
	slices.SortFunc(y.Off, func(a, b directory.DayOff) int { return strings.Compare(string(a.Date), string(b.Date)) })
	slices.Sort(y.Worked)
}

// repeated is a flag that may be given more than once.
type repeated []string

func (r *repeated) String() string { return strings.Join(*r, " ") }

// Set implements flag.Value.
func (r *repeated) Set(s string) error {
	*r = append(*r, s)
	return nil
}

func calendarAddYearCommand() *command {
	return draftCommand("calendar add-year", "add a year, or put another in its place, in a draft",
		"motcua calendar add-year --data /var/lib/motcua/directory --year 2028 --decision \"Thông báo 123/TB-BNV\" --final --off \"2028-01-25=Tết Nguyên đán\" --off \"2028-01-26=Tết Nguyên đán\"",
		func(c *command) func(*directory.Calendar) error {
			year, decision := c.flags.Uint("year", 0, "the `year`"), c.flags.String("decision", "", "the `notice` that it follows")
			final := c.flags.Bool("final", false, "it is announced; otherwise due dates in it are marked provisional")
			var off, worked repeated
			c.flags.Var(&off, "off", "a weekday that is not worked, as `DAY=NAME`; may be repeated")
			c.flags.Var(&worked, "worked", "a weekend `day` that is worked; may be repeated")
			return func(cal *directory.Calendar) error {
				if *year < 2000 || *year > 9999 || *decision == "" {
					return usagef("calendar add-year: give --year and --decision, as in: %s", c.example)
				}
				y := directory.CalendarYear{Year: uint16(*year), Decision: *decision, Final: *final, Off: []directory.DayOff{}, Worked: []directory.Date{}}
				if err := fillYear(&y, off, worked); err != nil {
					return usagef("calendar add-year: %v", err)
				}
				cal.Years = slices.DeleteFunc(cal.Years, func(o directory.CalendarYear) bool { return o.Year == y.Year })
				cal.Years = append(cal.Years, y)
				slices.SortFunc(cal.Years, func(a, b directory.CalendarYear) int { return int(a.Year) - int(b.Year) })
				return nil
			}
		})
}

func fillYear(y *directory.CalendarYear, off, worked []string) error {
	for _, s := range off {
		date, name, _ := strings.Cut(s, "=")
		d, err := dateOf(date)
		if err != nil {
			return err
		}
		y.Off = append(y.Off, directory.DayOff{Date: d, Name: directory.Text{VI: name}})
	}
	for _, s := range worked {
		d, err := dateOf(s)
		if err != nil {
			return err
		}
		y.Worked = append(y.Worked, d)
	}
	sortYear(y)
	return nil
}

func calendarHolidayCommand() *command {
	return draftCommand("calendar holiday", "add a day that is not worked to a draft, or take one out",
		"motcua calendar holiday --data /var/lib/motcua/directory --on 24/11/2027 --name \"Ngày Văn hóa Việt Nam\" --decision \"NQ 28/2026/QH16\"",
		func(c *command) func(*directory.Calendar) error {
			on, decision := c.flags.String("on", "", "the `day`"), c.flags.String("decision", "", "the `notice` that it follows")
			name, nameEN := c.flags.String("name", "", "`name` in Vietnamese"), c.flags.String("name-en", "", "`name` in English")
			remove := c.flags.Bool("remove", false, "take the day out")
			return func(cal *directory.Calendar) error {
				d, err := dateOf(*on)
				if err != nil || *decision == "" || *name == "" && !*remove {
					return usagef("calendar holiday: give --on, --name and --decision, as in: %s", c.example)
				}
				y, err := yearOf(c.name, cal, d)
				if err != nil {
					return err
				}
				n := len(y.Off)
				y.Off = slices.DeleteFunc(y.Off, func(o directory.DayOff) bool { return o.Date == d })
				if *remove && len(y.Off) == n {
					return fmt.Errorf("calendar holiday: %s is not off in the draft", day(d))
				}
				if !*remove {
					y.Off = append(y.Off, directory.DayOff{Date: d, Name: directory.Text{VI: *name, EN: *nameEN}})
				}
				sortYear(y)
				decide(y, *decision)
				return nil
			}
		})
}

func calendarSwapCommand() *command {
	return draftCommand("calendar swap", "swap a working day for a Saturday or Sunday in a draft",
		"motcua calendar swap --data /var/lib/motcua/directory --off 23/11/2026 --worked 28/11/2026 --decision \"CV 3383/BNV-CVL\"",
		func(c *command) func(*directory.Calendar) error {
			off, worked := c.flags.String("off", "", "the `day` that is not worked"), c.flags.String("worked", "", "the weekend `day` that is worked for it")
			decision := c.flags.String("decision", "", "the `notice` that it follows")
			return func(cal *directory.Calendar) error {
				free, errOff := dateOf(*off)
				work, errWorked := dateOf(*worked)
				if errOff != nil || errWorked != nil || *decision == "" {
					return usagef("calendar swap: give --off, --worked and --decision, as in: %s", c.example)
				}
				y, err := yearOf(c.name, cal, free)
				if err != nil {
					return err
				}
				y.Off = append(y.Off, directory.DayOff{Date: free, Name: directory.Text{
					VI: fmt.Sprintf("Nghỉ hoán đổi với %s %s", weekday(work), day(work)[:5]), EN: "Swapped with " + work.Time().Format("Monday 2 January"),
				}})
				decide(y, *decision)
				sortYear(y)
				z, err := yearOf(c.name, cal, work)
				if err != nil {
					return err
				}
				z.Worked = append(z.Worked, work)
				decide(z, *decision)
				sortYear(z)
				return nil
			}
		})
}

// reachWords says how far a calendar reaches, and what is to be done.
func reachWords(r directory.CalendarReach) string {
	if r.Version == 0 {
		return r.Warning
	}
	s := fmt.Sprintf("version %d, to %s", r.Version, day(r.Until))
	if r.Warning != "" {
		s += "; WARNING: " + r.Warning
	}
	return s
}
