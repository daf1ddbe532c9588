package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"motcua/directory"
	changes "motcua/directory/command"
	"motcua/directory/server"
	"motcua/node/dossier"
)

// endedStates are the states of dossiers that no office works on any more, or that only wait to be handed over.
var endedStates = []string{string(dossier.StatusReturned), string(dossier.StatusRefused), string(dossier.StatusDone)}

// changeFlags are the flags of every command that carries out a decision on offices.
type changeFlags struct {
	dir, on, decision      *string
	dryRun, anyway, asJSON *bool
}

// changeCommand makes a command that carries out a decision. Plan turns its arguments into changes; it is called once the flags are read.
func changeCommand(name, args, short, example string, setup func(c *command) planner) *command {
	c := newCommand(name, args, short, example)
	f := changeFlags{
		dir:      c.flags.String("data", "", directoryFolder),
		on:       c.flags.String("on", "", "first `day` on which it holds: 2025-07-01 or 01/07/2025"),
		decision: c.flags.String("decision", "", "the `decision` that it follows"),
		dryRun:   c.flags.Bool("dry-run", false, "say what it would do, and do nothing"),
		anyway:   c.flags.Bool("anyway", false, "do it although procedures cannot be accepted then, or the day is past"),
		asJSON:   c.flags.Bool("json", false, "print JSON, for programs"),
	}
	plan := setup(c)
	c.run = func(ctx context.Context, std stdio, words []string) error {
		codes := make([]directory.OfficeCode, len(words))
		for i, w := range words {
			codes[i] = directory.OfficeCode(w)
		}
		if len(codes) == 0 || *f.on == "" || *f.decision == "" {
			return usagef("%s: give --on, --decision and %s, as in: %s", name, args, example)
		}
		q, err := plan(codes)
		if err != nil {
			return err
		}
		if q.On, err = dateOf(*f.on); err != nil {
			return usagef("%s: --on: %v", name, err)
		}
		q.Decision = *f.decision
		return f.carryOut(ctx, std, name, q)
	}
	return c
}

// dateOf reads a date as people write it.
func dateOf(s string) (directory.Date, error) {
	for _, form := range []string{time.DateOnly, "02/01/2006", "2/1/2006"} {
		if t, err := time.ParseInLocation(form, strings.TrimSpace(s), directory.Zone); err == nil {
			return directory.DateOf(t), nil
		}
	}
	return "", fmt.Errorf("date %q: want 2025-07-01 or 01/07/2025", s)
}

func (f changeFlags) carryOut(ctx context.Context, std stdio, name string, change changes.ChangeOffices) error {
	tool, err := directoryTool(name, *f.dir)
	if err != nil {
		return err
	}
	q := server.OfficeRequest{ChangeOffices: change, DryRun: *f.dryRun, Anyway: *f.anyway}
	if q.DryRun {
		q.Ended = endedStates
	}
	var a server.OfficeAnswer
	if err := tool.Post(ctx, "/offices", q, &a); err != nil {
		return err
	}
	if *f.asJSON {
		err = printJSON(std.out, a)
	} else {
		printOfficeAnswer(std.out, a, q.DryRun)
	}
	if a.Blocked {
		err = errors.Join(err, fmt.Errorf("%s: nothing was changed, for the reasons above: put them in order first, or repeat it with --anyway", name))
	}
	return err
}

func officeOpenCommand() *command {
	return changeCommand("office open", "CODE", "open an office from a day on",
		"motcua office open --data /var/lib/motcua/directory --on 01/07/2025 --decision \"NQ 1667/NQ-UBTVQH15\" --level commune --parent H32 --unit 22333 --name \"Ủy ban nhân dân phường Bắc Nha Trang\" H32.22333",
		func(c *command) planner {
			n := nameFlags(c)
			level, parent := c.flags.String("level", "", "`id` of its level: see office level list"), c.flags.String("parent", "", "`code` of the office above it; none for the province")
			unit := c.flags.String("unit", "", "official `code` of its administrative unit, if it has one")
			address, phone := c.flags.String("address", "", "`address`"), c.flags.String("phone", "", "telephone `number`")
			return func(codes []directory.OfficeCode) (q changes.ChangeOffices, err error) {
				if len(codes) != 1 || *level == "" || *n.name == "" {
					return q, usagef("office open: give --level, --name and one code, as in: %s", c.example)
				}
				o := &directory.Office{
					Code: codes[0], Unit: *unit, Level: directory.LevelID(*level), Parent: directory.OfficeCode(*parent),
					Names: []directory.Named{{Text: n.text()}}, Place: n.where(), Address: directory.Text{VI: *address}, Phone: *phone,
				}
				q.Offices = []changes.OfficeChange{{Kind: directory.ActOpen, Office: o.Code, Opened: o}}
				return q, nil
			}
		})
}

// names are the flags of a name.
type names struct{ name, nameEN, place, placeEN *string }

func nameFlags(c *command) names {
	return names{
		c.flags.String("name", "", "`name` in Vietnamese"), c.flags.String("name-en", "", "`name` in English"),
		c.flags.String("place", "", "`name` of the administrative unit alone, as in \"phường Bắc Nha Trang\""), c.flags.String("place-en", "", "the same in `English`"),
	}
}

func (n names) text() directory.Text  { return directory.Text{VI: *n.name, EN: *n.nameEN} }
func (n names) where() directory.Text { return directory.Text{VI: *n.place, EN: *n.placeEN} }
