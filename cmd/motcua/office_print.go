package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"motcua/directory"
	"motcua/directory/server"
	"motcua/directory/state"
)

// printOfficeAnswer says in words what a decision changes, and whom it concerns.
func printOfficeAnswer(w io.Writer, a server.OfficeAnswer, dry bool) {
	p := a.Preview
	for _, o := range p.After {
		i := slices.IndexFunc(p.Before, func(b directory.Office) bool { return b.Code == o.Code })
		before := directory.Office{}
		if i >= 0 {
			before = p.Before[i]
		}
		for _, line := range officeWords(before, o, p.On) {
			fmt.Fprintln(w, line)
		}
	}
	for _, l := range p.Levels {
		fmt.Fprintf(w, "level %s (%s): there %s\n", l.ID, l.Name.VI, period(l.Valid))
	}
	printOfficeEffects(w, p)
	printOfficeDossiers(w, a.Dossiers)
	switch {
	case dry:
		fmt.Fprintln(w, "\nNothing was changed: this is a preview.")
	case !a.Blocked:
		fmt.Fprintf(w, "\nDone; rows new or changed: %d. Every node has it with the next edition.\n", a.Changed)
	}
}

// officeWords says what becomes of one office.
func officeWords(before, after directory.Office, on directory.Date) (out []string) {
	name := func(o directory.Office, d directory.Date) string { return o.NameOn(d).VI }
	say := func(format string, a ...any) {
		out = append(out, fmt.Sprintf("%s: ", after.Code)+fmt.Sprintf(format, a...))
	}
	yesterday := on.AddDays(-1)
	switch {
	case before.Code == "":
		say("opens on %s as %q, level %s, under %s", day(on), name(after, on), after.Level, dash(string(after.Parent)))
		return out
	case !after.Valid.Contains(on) && after.Valid.To == yesterday:
		say("%q closes with %s; taken over by %s", name(after, yesterday), day(yesterday), codes(after.Successors))
		return out
	case before.Valid.To != after.Valid.To:
		say("%q goes on; it does not close with %s", name(after, yesterday), day(before.Valid.To))
	}
	if was, is := name(before, on), name(after, on); was != is {
		say("%q is named %q from %s on", was, is, day(on))
	}
	if was, is := before.ParentOn(on), after.ParentOn(on); was != is {
		say("is under %s instead of %s from %s on", dash(string(is)), dash(string(was)), day(on))
	}
	if n := len(after.Acts); n > 0 && after.Acts[n-1].Kind == directory.ActAbsorb {
		say("takes over from %s", codes(after.Acts[n-1].Others))
	}
	return out
}

func day(d directory.Date) string {
	if d == "" {
		return "-"
	}
	return d.Time().Format("02/01/2006")
}

func period(p directory.Period) string {
	switch {
	case p.From == "" && p.To == "":
		return "always"
	case p.To == "":
		return "from " + day(p.From)
	case p.From == "":
		return "until " + day(p.To)
	}
	return day(p.From) + " to " + day(p.To)
}

func codes(list []directory.OfficeCode) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return dash(strings.Join(words, ", "))
}

func printOfficeEffects(w io.Writer, p state.OfficePreview) {
	if p.Past {
		fmt.Fprintf(w, "! %s has come already: what was done since was done under the old order\n", day(p.On))
	}
	for _, n := range p.Named {
		what := "the office " + string(n.Office)
		if n.Level != "" {
			what = "the level " + string(n.Level)
		}
		where := "in charge"
		if n.Step.VI != "" {
			where = "step " + n.Step.VI
		}
		fmt.Fprintf(w, "! procedure %s version %d (%s), %s: names %s, which is no more: publish a new version\n", n.Procedure, n.Version, brief(n.Name.VI), where, what)
	}
	for _, r := range p.Routes {
		where := fmt.Sprintf("procedure %s version %d (%s), step %s", r.Procedure, r.Version, brief(r.Name.VI), r.Step.VI)
		if r.Lost > 0 {
			fmt.Fprintf(w, "! %s: for %d offices, such as %s, nobody of the level %s is above them: dossiers could not be accepted\n", where, r.Lost, r.Example, r.Level)
		}
		if r.Moved > 0 {
			fmt.Fprintf(w, "  %s: done elsewhere for %d offices; for %s, at %s instead of %s\n", where, r.Moved, r.Example, dash(string(r.Will)), dash(string(r.Was)))
		}
	}
	for _, o := range slices.Sorted(maps.Keys(p.Staff)) {
		if n := p.Staff[o]; n > 0 {
			fmt.Fprintf(w, "  %s closes: %d accounts have a role there after that day; give them roles elsewhere\n", o, n)
		}
	}
	for _, n := range p.Nodes {
		fmt.Fprintf(w, "  %s closes: its node at %s is in use; let it finish its dossiers or hand them over, then revoke its key\n", n.Office, n.Addr)
	}
}

// brief shortens a name to a line.
func brief(s string) string {
	r := []rune(s)
	if len(r) <= 50 {
		return s
	}
	return string(r[:49]) + "…"
}

func printOfficeDossiers(w io.Writer, open []state.OpenTracks) {
	roots, holders := map[directory.OfficeCode]int{}, map[directory.OfficeCode]int{}
	for _, t := range open {
		roots[t.Root] += t.Count
		if t.Holder != t.Root {
			holders[t.Holder] += t.Count
		}
	}
	for _, o := range slices.Sorted(maps.Keys(roots)) {
		fmt.Fprintf(w, "  %s has accepted %d dossiers that are not finished\n", o, roots[o])
	}
	for _, o := range slices.Sorted(maps.Keys(holders)) {
		fmt.Fprintf(w, "  %s works on %d dossiers of other offices\n", o, holders[o])
	}
}

func officeListCommand() *command {
	c := newCommand("office list", "", "list the offices of a day", "motcua office list --data /var/lib/motcua/directory --on 01/07/2025 --level commune")
	dir, on := c.flags.String("data", "", directoryFolder), c.flags.String("on", "", "`day`; today, unless given")
	level, all := c.flags.String("level", "", "of this level alone, by its `id`"), c.flags.Bool("all", false, "those too that are not there on the day")
	asJSON := c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		on, err := onOrToday(c.name, *on)
		if err != nil {
			return err
		}
		chart, err := readChart(ctx, c.name, *dir)
		if err != nil {
			return err
		}
		chart.Offices = slices.DeleteFunc(chart.Offices, func(o directory.Office) bool {
			return !*all && !o.Valid.Contains(on) || *level != "" && string(o.Level) != *level
		})
		if *asJSON {
			return printJSON(std.out, chart.Offices)
		}
		t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		for _, o := range chart.Offices {
			node := ""
			if slices.Contains(chart.Nodes, o.Code) {
				node = "node"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", o.Code, o.NameOn(on).VI, o.Level, dash(string(o.ParentOn(on))), period(o.Valid), node)
		}
		return t.Flush()
	}
	return c
}

func onOrToday(name, on string) (directory.Date, error) {
	if on == "" {
		return directory.DateOf(time.Now()), nil
	}
	d, err := dateOf(on)
	if err != nil {
		return "", usagef("%s: --on: %v", name, err)
	}
	return d, nil
}

func readChart(ctx context.Context, name, dir string) (c server.Chart, err error) {
	tool, err := directoryTool(name, dir)
	if err == nil {
		err = tool.Get(ctx, "/offices", &c)
	}
	return c, err
}

func officeShowCommand() *command {
	c := newCommand("office show", "CODE", "show an office with its history: names, offices above, decisions, successors", "motcua office show --data /var/lib/motcua/directory H32.22333")
	dir, asJSON := c.flags.String("data", "", directoryFolder), c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if len(args) != 1 {
			return usagef("office show: name one office by its code, as in: %s", c.example)
		}
		chart, err := readChart(ctx, c.name, *dir)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(chart.Offices, func(o directory.Office) bool { return string(o.Code) == args[0] })
		if i < 0 {
			return fmt.Errorf("office show: there is no office %s; motcua office list --all names them", args[0])
		}
		if *asJSON {
			return printJSON(std.out, chart.Offices[i])
		}
		printOffice(std.out, chart, chart.Offices[i])
		return nil
	}
	return c
}

func printOffice(w io.Writer, chart server.Chart, o directory.Office) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "office\t%s\nlevel\t%s\nunit\t%s\nthere\t%s\n", o.Code, o.Level, dash(o.Unit), period(o.Valid))
	for _, n := range o.Names {
		fmt.Fprintf(t, "name\t%s\t%s\n", n.Text.VI, period(n.Valid))
	}
	if len(o.Parents) == 0 {
		fmt.Fprintf(t, "under\t%s\n", dash(string(o.Parent)))
	}
	for _, u := range o.Parents {
		fmt.Fprintf(t, "under\t%s\t%s\n", dash(string(u.Parent)), period(u.Valid))
	}
	if len(o.Successors) > 0 {
		fmt.Fprintf(t, "taken over by\t%s\n", codes(o.Successors))
	}
	for _, p := range chart.Offices {
		if slices.Contains(p.Successors, o.Code) {
			fmt.Fprintf(t, "took over\t%s\t%s\n", p.Code, p.NameOn(p.Valid.To).VI)
		}
	}
	for _, a := range o.Acts {
		fmt.Fprintf(t, "decision\t%s\t%s from %s %s\n", a.Decision, a.Kind, day(a.On), strings.TrimPrefix(codes(a.Others), "-"))
	}
	t.Flush()
}

func levelListCommand() *command {
	c := newCommand("office level list", "", "list the levels of administration, nearest to the citizen first", "motcua office level list --data /var/lib/motcua/directory")
	dir, asJSON := c.flags.String("data", "", directoryFolder), c.flags.Bool("json", false, "print JSON, for programs")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		chart, err := readChart(ctx, c.name, *dir)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(std.out, chart.Levels)
		}
		t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		for _, l := range chart.Levels {
			fmt.Fprintf(t, "%s\t%s\trank %d\t%s\n", l.ID, l.Name.VI, l.Rank, period(l.Valid))
		}
		return t.Flush()
	}
	return c
}
