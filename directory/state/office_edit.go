package state

import (
	"slices"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// editor carries out the changes of one decision on a chart.
type editor struct {
	on       directory.Date
	decision string
	made     int64 // Unix seconds
	today    directory.Date
	genesis  directory.Genesis
	chart    Chart
}

func today(at int64) directory.Date { return directory.DateOf(time.UnixMilli(at)) }

func refused(code directory.Code, format string, a ...any) error {
	return directory.Errorf("change offices", code, format, a...)
}

// act notes the decision, with the offices it concerns besides. A decision that does the same on the same day again adds to it.
func (e *editor) act(acts []directory.OfficeAct, k directory.ActKind, others ...directory.OfficeCode) ([]directory.OfficeAct, error) {
	if i := len(acts) - 1; i >= 0 && acts[i].Kind == k && acts[i].On == e.on && acts[i].Decision == e.decision {
		acts[i].Others = union(slices.Clone(acts[i].Others), others)
		return acts, nil
	}
	if len(acts) >= directory.MaxActs {
		return nil, refused(directory.Exhausted, "an office or level keeps %d decisions, and has them", directory.MaxActs)
	}
	return append(acts, directory.OfficeAct{Kind: k, On: e.on, Decision: e.decision, Made: e.made, Others: others}), nil
}

func union(a, b []directory.OfficeCode) []directory.OfficeCode {
	for _, c := range b {
		if !slices.Contains(a, c) {
			a = append(a, c)
		}
	}
	return a
}

func (e *editor) office(c command.OfficeChange) error {
	o, known := e.chart.Offices[c.Office]
	if c.Kind == directory.ActOpen {
		return e.open(c, known)
	}
	if !known {
		return refused(directory.NotFound, "there is no office %s", c.Office)
	}
	var err error
	switch c.Kind {
	case directory.ActRename:
		err = e.rename(&o, c)
	case directory.ActMove:
		err = e.move(&o, c.Parent)
	case directory.ActClose:
		err = e.close(&o, c.Others)
	case directory.ActCancel:
		err = e.cancel(&o)
	}
	if err != nil {
		return err
	}
	o.Acts, err = e.act(o.Acts, c.Kind, c.Others...)
	e.chart.Offices[o.Code] = o
	return err
}

func (e *editor) open(c command.OfficeChange, known bool) (err error) {
	switch {
	case known:
		return refused(directory.Conflict, "the code %s is or was an office's, and is never given again: choose another, or rename that office", c.Office)
	case !e.genesis.Below(c.Office):
		return refused(directory.Invalid, "office %s is not of this province, whose codes begin with %s", c.Office, e.genesis.Prefix)
	}
	o := *c.Opened
	o.Names = []directory.Named{{Text: o.Names[0].Text, Valid: directory.Period{From: e.on}, Place: o.Names[0].Place}}
	o.Valid = directory.Period{From: e.on}
	o.Acts, err = e.act(nil, directory.ActOpen)
	e.chart.Offices[o.Code] = o
	return err
}

// standing refuses an office that is not there on the day.
func (e *editor) standing(o *directory.Office) error {
	if !o.Valid.Contains(e.on) {
		return refused(directory.Conflict, "office %s is not open on %s", o.Code, e.on)
	}
	return nil
}

// begins tells what to do with the last of an office's names or parents, which holds from a day on: begin another (0), write over one
// that begins the same day and has not come yet (1), or refuse.
func (e *editor) begins(o *directory.Office, what string, last directory.Period) (over bool, err error) {
	switch {
	case last.From > e.on:
		return false, refused(directory.Conflict, "office %s has another %s from %s on: cancel that first, or choose a later day", o.Code, what, last.From)
	case last.From == e.on && e.on <= e.today:
		return false, refused(directory.Conflict, "office %s has had its %s since %s: history keeps it, choose a later day", o.Code, what, last.From)
	}
	return last.From == e.on, nil
}

func (e *editor) rename(o *directory.Office, c command.OfficeChange) error {
	if err := e.standing(o); err != nil {
		return err
	}
	last := &o.Names[len(o.Names)-1]
	over, err := e.begins(o, "name", last.Valid)
	if err != nil {
		return err
	}
	next := directory.Named{Text: c.Name, Place: c.Place, Valid: directory.Period{From: e.on}}
	if next.Place.VI == "" {
		next.Place = last.Place
	}
	if over {
		*last = next
		return nil
	}
	last.Valid.To = e.on.AddDays(-1)
	o.Names = append(o.Names, next)
	return nil
}

func (e *editor) move(o *directory.Office, parent directory.OfficeCode) error {
	if err := e.standing(o); err != nil {
		return err
	}
	if o.ParentOn(e.on) == parent {
		return refused(directory.Conflict, "office %s is under %s already", o.Code, parent)
	}
	if len(o.Parents) == 0 {
		o.Parents = []directory.Under{{Parent: o.Parent}}
	}
	last := &o.Parents[len(o.Parents)-1]
	over, err := e.begins(o, "parent", last.Valid)
	if err != nil {
		return err
	}
	next := directory.Under{Parent: parent, Valid: directory.Period{From: e.on}}
	if over {
		*last = next
	} else {
		last.Valid.To = e.on.AddDays(-1)
		o.Parents = append(o.Parents, next)
	}
	o.Parent = parent
	return nil
}

// close ends an office with the day before. One that closes that day already gets more successors: several decisions may divide it.
func (e *editor) close(o *directory.Office, successors []directory.OfficeCode) error {
	last := e.on.AddDays(-1)
	switch {
	case o.Valid.To != "" && o.Valid.To != last:
		return refused(directory.Conflict, "office %s closes after %s: cancel that first, or name that day", o.Code, o.Valid.To)
	case o.Valid.From > last:
		return refused(directory.Conflict, "office %s opens on %s only: close it from a later day on", o.Code, o.Valid.From)
	}
	o.Valid.To = last
	o.Successors = union(o.Successors, successors)
	return nil
}

// successors notes with the successors what they take over, once all that opens is there.
func (e *editor) successors(c command.OfficeChange) error {
	if c.Kind != directory.ActClose {
		return nil
	}
	for _, code := range c.Others {
		o, ok := e.chart.Offices[code]
		if !ok || !o.Valid.Contains(e.on) {
			return refused(directory.Invalid, "office %s cannot take over from %s: it is not open on %s", code, c.Office, e.on)
		}
		var err error
		if o.Acts, err = e.act(o.Acts, directory.ActAbsorb, c.Office); err != nil {
			return err
		}
		e.chart.Offices[code] = o
	}
	return nil
}

// cancel takes back what was to come on the day. The decisions stay on record.
func (e *editor) cancel(o *directory.Office) error {
	before := e.on.AddDays(-1)
	names, parents := len(o.Names), len(o.Parents)
	switch {
	case e.on <= e.today:
		return refused(directory.Conflict, "%s has come: what holds already is changed by a new decision, not cancelled", e.on)
	case o.Valid.From == e.on:
		return refused(directory.Conflict, "the opening of %s is not cancelled: close it from the day after", o.Code)
	case names > 1 && o.Names[names-1].Valid.From == e.on:
		o.Names = o.Names[:names-1]
		o.Names[names-2].Valid.To = ""
	case parents > 1 && o.Parents[parents-1].Valid.From == e.on:
	case o.Valid.To == before:
	default:
		return refused(directory.NotFound, "nothing is to happen to office %s on %s", o.Code, e.on)
	}
	if parents > 1 && o.Parents[parents-1].Valid.From == e.on {
		o.Parents = o.Parents[:parents-1]
		o.Parents[parents-2].Valid.To = ""
		o.Parent = o.Parents[parents-2].Parent
	}
	if o.Valid.To == before {
		o.Valid.To, o.Successors = "", nil
	}
	return nil
}

func (e *editor) level(c command.LevelChange) (err error) {
	l, known := e.chart.Levels[c.Level.ID]
	last := e.on.AddDays(-1)
	switch {
	case c.Kind == directory.ActOpen && known:
		return refused(directory.Conflict, "level %s is or was there: choose another id", l.ID)
	case c.Kind == directory.ActOpen:
		l = c.Level
		l.Valid = directory.Period{From: e.on}
	case !known:
		return refused(directory.NotFound, "there is no level %s", c.Level.ID)
	case l.Valid.To != "" && l.Valid.To != last || l.Valid.From > last:
		return refused(directory.Conflict, "level %s is there from %s to %s: it cannot be closed from %s on", l.ID, orEver(l.Valid.From), orEver(l.Valid.To), e.on)
	default:
		l.Valid.To = last
	}
	l.Acts, err = e.act(l.Acts, c.Kind)
	e.chart.Levels[l.ID] = l
	return err
}

func orEver(d directory.Date) directory.Date {
	if d == "" {
		return "ever"
	}
	return d
}
