package state

import (
	"cmp"
	"errors"
	"slices"

	"motcua/directory"
	"motcua/directory/command"
)

// Chart is all offices and levels, those that are no more too. It is how the province is organised, on every day.
type Chart struct {
	Offices map[directory.OfficeCode]directory.Office
	Levels  map[directory.LevelID]directory.Level
}

// ChartOf reads the chart.
func ChartOf(r Reader) (Chart, error) {
	c := Chart{map[directory.OfficeCode]directory.Office{}, map[directory.LevelID]directory.Level{}}
	offices, errO := list[directory.Office](r, "office/")
	levels, errL := list[directory.Level](r, "level/")
	for _, o := range offices {
		c.Offices[o.Code] = o
	}
	for _, l := range levels {
		c.Levels[l.ID] = l
	}
	return c, errors.Join(errO, errL)
}

// Find returns an office by its code.
func (c Chart) Find(code directory.OfficeCode) (directory.Office, bool) {
	o, ok := c.Offices[code]
	return o, ok
}

// Open returns the offices of a date, in the order of their codes.
func (c Chart) Open(on directory.Date) (out []directory.Office) {
	for _, o := range c.Offices {
		if o.Valid.Contains(on) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b directory.Office) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

// changeOffices answers with how many rows have changed.
func (t *transition) changeOffices(c *command.ChangeOffices) (any, error) {
	g, err := t.genesis()
	if err != nil {
		return nil, err
	}
	before, err := ChartOf(t)
	if err != nil {
		return nil, err
	}
	after, err := before.after(c, g, t.at)
	if err != nil {
		return nil, err
	}
	rows := after.rows()
	if err := fits(t, t.op, roomForTables, rows...); err != nil {
		return nil, err
	}
	return t.writePublic(rows, nil)
}

// rows are the rows of the chart; those that are as they were are not written.
func (c Chart) rows() (out []row) {
	for _, l := range c.Levels {
		out = append(out, row{"level/" + string(l.ID), l})
	}
	for _, o := range c.Offices {
		out = append(out, row{"office/" + string(o.Code), o})
	}
	slices.SortFunc(out, func(a, b row) int { return cmp.Compare(a.key, b.key) })
	return out
}

// after is the chart with a decision carried out, entered at a time in Unix milliseconds. The error is a *directory.Error that says
// why it may not be.
func (c Chart) after(cmd *command.ChangeOffices, g directory.Genesis, at int64) (Chart, error) {
	e := &editor{on: cmd.On, decision: cmd.Decision, made: at / 1000, today: today(at), genesis: g, chart: c.clone()}
	for _, o := range cmd.Offices {
		if err := e.office(o); err != nil {
			return c, err
		}
	}
	for _, l := range cmd.Levels {
		if err := e.level(l); err != nil {
			return c, err
		}
	}
	for _, o := range cmd.Offices {
		if err := e.successors(o); err != nil {
			return c, err
		}
	}
	return e.chart, newFaults(c, e.chart, cmd.On)
}

func (c Chart) clone() Chart {
	out := Chart{map[directory.OfficeCode]directory.Office{}, map[directory.LevelID]directory.Level{}}
	for k, o := range c.Offices {
		o.Names, o.Parents = slices.Clone(o.Names), slices.Clone(o.Parents)
		o.Successors, o.Acts = slices.Clone(o.Successors), slices.Clone(o.Acts)
		out.Offices[k] = o
	}
	for k, l := range c.Levels {
		l.Acts = slices.Clone(l.Acts)
		out.Levels[k] = l
	}
	return out
}
