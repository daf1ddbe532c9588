package state

import (
	"cmp"
	"maps"
	"slices"

	"motcua/directory"
	"motcua/directory/command"
)

// OfficePreview is what a decision on offices would do. Nothing in it identifies a person.
type OfficePreview struct {
	On directory.Date `json:"on"`
	// Before and After are the offices and levels that change, as they are and as they would be.
	Before []directory.Office `json:"before,omitempty"`
	After  []directory.Office `json:"after,omitempty"`
	Levels []directory.Level  `json:"levels,omitempty"`
	// Routes are the steps that would be done elsewhere from the day on. Named are procedures that name what is no more.
	Routes []RouteEffect `json:"routes,omitempty"`
	Named  []NamedEffect `json:"named,omitempty"`
	// Staff counts the accounts with a role in an office that closes, by office; Nodes are those it has in use.
	Staff map[directory.OfficeCode]int `json:"staff,omitempty"`
	Nodes []directory.Node             `json:"nodes,omitempty"`
	// Past tells that the day has come already: what was done since was done under the old order.
	Past bool `json:"past,omitempty"`
}

// RouteEffect is a step of a procedure that changes its office. Moved counts the root offices for which it would be done elsewhere,
// Lost those for which nobody would be there to do it: dossiers could not be accepted.
type RouteEffect struct {
	Procedure string            `json:"procedure"`
	Version   uint32            `json:"version"`
	Name      directory.Text    `json:"name"`
	Step      directory.Text    `json:"step"`
	Level     directory.LevelID `json:"level"`
	Moved     int               `json:"moved"`
	Lost      int               `json:"lost"`
	// Example is the first root office, with where the step is done for it and would be; empty for nowhere.
	Example directory.OfficeCode `json:"example"`
	Was     directory.OfficeCode `json:"was"`
	Will    directory.OfficeCode `json:"will"`
}

// NamedEffect is a procedure that names an office or a level that is no more from the day on. Step is empty where it names who is in
// charge.
type NamedEffect struct {
	Procedure string               `json:"procedure"`
	Version   uint32               `json:"version"`
	Name      directory.Text       `json:"name"`
	Step      directory.Text       `json:"step,omitzero"`
	Office    directory.OfficeCode `json:"office,omitempty"`
	Level     directory.LevelID    `json:"level,omitempty"`
}

// Blocked tells whether somebody should think twice: procedures could not be accepted or name what is no more, or the day is past.
func (p OfficePreview) Blocked() bool {
	return p.Past || len(p.Named) > 0 || slices.ContainsFunc(p.Routes, func(r RouteEffect) bool { return r.Lost > 0 })
}

// PreviewOffices tells what a decision would do if it were entered at a time in Unix milliseconds. A decision that would be refused
// fails with the *directory.Error of the refusal.
func PreviewOffices(r Reader, cmd *command.ChangeOffices, at int64) (OfficePreview, error) {
	p := OfficePreview{On: cmd.On, Past: cmd.On <= today(at) && !opensOnly(cmd)}
	if err := cmd.Validate(); err != nil {
		return p, refused(directory.Invalid, "%v", err)
	}
	g, _, err := Genesis(r)
	if err != nil {
		return p, err
	}
	before, err := ChartOf(r)
	if err != nil {
		return p, err
	}
	after, err := before.after(cmd, g, at)
	if err != nil {
		return p, err
	}
	p.changes(before, after)
	all, err := list[directory.Procedure](r, "procedure/")
	if err != nil {
		return p, err
	}
	c := &comparison{on: cmd.On, before: before, after: after, places: map[[2]directory.LevelID]RouteEffect{}}
	for _, v := range inForceFrom(all, cmd.On) {
		c.procedure(&p, v)
	}
	return p, p.people(r, before, after)
}

// opensOnly tells whether nothing changes that was there: what is entered late is no rewriting of what was.
func opensOnly(cmd *command.ChangeOffices) bool {
	other := func(k directory.ActKind) bool { return k != directory.ActOpen }
	return !slices.ContainsFunc(cmd.Offices, func(o command.OfficeChange) bool { return other(o.Kind) }) &&
		!slices.ContainsFunc(cmd.Levels, func(l command.LevelChange) bool { return other(l.Kind) })
}

func (p *OfficePreview) changes(before, after Chart) {
	for _, code := range slices.Sorted(maps.Keys(after.Offices)) {
		o := after.Offices[code]
		old, known := before.Offices[code]
		if known && len(old.Acts) == len(o.Acts) && sameLast(old.Acts, o.Acts) {
			continue
		}
		if known {
			p.Before = append(p.Before, old)
		}
		p.After = append(p.After, o)
	}
	for _, id := range slices.Sorted(maps.Keys(after.Levels)) {
		if l := after.Levels[id]; len(l.Acts) != len(before.Levels[id].Acts) {
			p.Levels = append(p.Levels, l)
		}
	}
}

// sameLast compares the last acts: the only ones that grow.
func sameLast(a, b []directory.OfficeAct) bool {
	i := len(a) - 1
	return i < 0 || len(a[i].Others) == len(b[i].Others)
}

// inForceFrom returns the versions in force on a date or later, by code and version.
func inForceFrom(all []directory.Procedure, on directory.Date) (out []directory.Procedure) {
	for i, p := range all {
		from := max(on, p.Valid.From)
		if !p.Valid.Contains(from) {
			continue
		}
		replaced := slices.ContainsFunc(all[i+1:], func(q directory.Procedure) bool { return q.Code == p.Code && q.Valid.Contains(from) })
		if !replaced {
			out = append(out, p)
		}
	}
	return out
}

// comparison compares where steps are done, with a decision and without it, on its day.
type comparison struct {
	on            directory.Date
	before, after Chart
	places        map[[2]directory.LevelID]RouteEffect // by level of the root office and of the step
}

func (c *comparison) procedure(p *OfficePreview, v directory.Procedure) {
	n := NamedEffect{Procedure: v.Code, Version: v.Version, Name: v.Name}
	c.names(p, n, v.Office, v.Level)
	for _, s := range v.Route {
		n.Step = s.Name
		c.names(p, n, s.Office, s.Level)
		if s.Level == "" || s.Office != "" {
			continue
		}
		if e := c.place(v, s.Level); e.Moved+e.Lost > 0 {
			e.Procedure, e.Version, e.Name, e.Step, e.Level = v.Code, v.Version, v.Name, s.Name, s.Level
			p.Routes = append(p.Routes, e)
		}
	}
}

// names notes a procedure that names an office, or a level, that the decision ends.
func (c *comparison) names(p *OfficePreview, n NamedEffect, o directory.OfficeCode, l directory.LevelID) {
	ends := open(c.before, o, c.on) && !open(c.after, o, c.on)
	if ends && len(directory.Standing(o, c.on, c.after.Find)) != 1 {
		n.Office = o
		p.Named = append(p.Named, n)
	}
	old, known := c.before.Levels[l]
	if known && old.Valid.Contains(c.on) && !c.after.Levels[l].Valid.Contains(c.on) {
		n.Office, n.Level = "", l
		p.Named = append(p.Named, n)
	}
}

func open(c Chart, code directory.OfficeCode, on directory.Date) bool {
	o, ok := c.Offices[code]
	return ok && o.Valid.Contains(on)
}

// place compares a step's place for all root offices of a procedure.
func (c *comparison) place(v directory.Procedure, step directory.LevelID) RouteEffect {
	key := [2]directory.LevelID{v.Level, step}
	e, done := c.places[key]
	if !done || v.Office != "" {
		e = RouteEffect{}
		for _, root := range c.after.Open(c.on) {
			if v.Office != "" && root.Code == v.Office || v.Office == "" && root.Level == v.Level {
				c.compare(&e, root.Code, step)
			}
		}
	}
	if v.Office == "" {
		c.places[key] = e
	}
	return e
}

func (c *comparison) compare(e *RouteEffect, root directory.OfficeCode, step directory.LevelID) {
	was, had := directory.Ancestor(root, step, c.on, c.before.Find)
	will, has := directory.Ancestor(root, step, c.on, c.after.Find)
	old := open(c.before, root, c.on)
	if has && (was == will || !old) || !has && !had && old {
		return // as before, or new and well placed
	}
	if e.Example == "" || !has && e.Will != "" {
		e.Example, e.Was, e.Will = root, was, will
	}
	if has {
		e.Moved++
	} else {
		e.Lost++
	}
}

// people adds what the closing offices have: staff and nodes.
func (p *OfficePreview) people(r Reader, before, after Chart) error {
	p.Staff = map[directory.OfficeCode]int{}
	for _, o := range after.Offices {
		if o.Valid.Contains(p.On) || !open(before, o.Code, p.On) {
			continue
		}
		staff, err := StaffOf(r, o.Code)
		if err != nil {
			return err
		}
		for _, a := range staff {
			serves := slices.ContainsFunc(a.Grants, func(g directory.Grant) bool {
				return g.Office == o.Code && (g.Valid.To == "" || g.Valid.To >= p.On)
			})
			if serves && !a.Disabled {
				p.Staff[o.Code]++
			}
		}
		n, ok, err := NodeOf(r, o.Code)
		if err != nil {
			return err
		}
		if ok && n.Revoked == 0 {
			p.Nodes = append(p.Nodes, n)
		}
	}
	slices.SortFunc(p.Nodes, func(a, b directory.Node) int { return cmp.Compare(a.Office, b.Office) })
	return nil
}
