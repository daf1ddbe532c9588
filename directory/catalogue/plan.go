package catalogue

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"motcua/directory"
)

// Touches counts the dossiers in progress of a procedure. Nodes are the offices that could have reported.
func (t Tables) Touches(code string, nodes []directory.OfficeCode) (out Touched) {
	heard := map[directory.OfficeCode]bool{}
	for _, o := range t.Open {
		heard[o.Office] = true
		if out.AsOf == 0 || o.At < out.AsOf {
			out.AsOf = o.At
		}
		n := 0
		for _, c := range o.Counts {
			if c.Procedure == code {
				n += int(c.Open)
			}
		}
		if n > 0 {
			out.Offices++
		}
		out.Dossiers += n
	}
	for _, n := range nodes {
		if !heard[n] {
			out.Unknown++
		}
	}
	return out
}

// Plan is what publishing a file comes to.
type Plan struct {
	Changes   []Change
	Unchanged int
	// Missing are published procedures that the file does not name; nothing happens to them.
	Missing []Change
	// Fields, Levels and Offices are rows of the file that are new or other.
	Fields  []directory.Field
	Levels  []directory.Level
	Offices []directory.Office
}

// Procedures are the new versions, in the order of the file.
func (p Plan) Procedures() (out []directory.Procedure) {
	for _, c := range p.Changes {
		if c.Kind != Ended {
			out = append(out, c.next)
		}
	}
	return out
}

// Whole takes the file for the whole catalogue: what it does not name is withdrawn from a day on, under a decision. It returns
// the withdrawals.
func (p *Plan) Whole(from directory.Date, decision string) (out []directory.Withdrawal) {
	for _, c := range p.Missing {
		c.Kind, c.From = Ended, from
		p.Changes = append(p.Changes, c)
		out = append(out, directory.Withdrawal{Code: c.Code, Version: c.Old, From: from, Decision: decision})
	}
	p.Missing = nil
	return out
}

// PlanOf compares a file with what is published and gives each changed procedure its next version. from is the day from which
// the changes hold where an entry does not name a later one; decision fills in where an entry has none.
func PlanOf(c Catalogue, t Tables, nodes []directory.OfficeCode, from directory.Date, decision string) Plan {
	var out Plan
	newest, inFile := t.Newest(), map[string]bool{}
	for _, e := range c.Entries {
		old, known := newest[e.Code]
		inFile[e.Code] = true
		next, change := planOne(e.Procedure, old, t, from, decision)
		if known && change.Kind == Changed && len(change.Differs) == 0 {
			out.Unchanged++
			continue
		}
		if known {
			change.Touches = t.Touches(e.Code, nodes)
		}
		change.next = next
		out.Changes = append(out.Changes, change)
	}
	for _, p := range t.Current(t.On) {
		if !inFile[p.Code] {
			out.Missing = append(out.Missing, Change{Kind: Missing, Code: p.Code, Name: p.Name, Old: p.Version, Touches: t.Touches(p.Code, nodes)})
		}
	}
	out.Fields = others(t.Fields, c.Fields, func(f directory.Field) string { return f.ID })
	out.Levels = others(t.Levels, c.Levels, func(l directory.Level) string { return string(l.ID) })
	out.Offices = others(t.Offices, c.Offices, func(o directory.Office) string { return string(o.Code) })
	return out
}

func planOne(p, old directory.Procedure, t Tables, from directory.Date, decision string) (directory.Procedure, Change) {
	c := Change{Kind: Added, Code: p.Code, Name: p.Name}
	if p.Decision == "" {
		p.Decision = cmp.Or(old.Decision, decision)
	}
	p.Version = old.Version + 1
	if old.Version == 0 {
		p.Valid.From = cmp.Or(p.Valid.From, from)
		c.Version, c.From = p.Version, p.Valid.From
		return p, c
	}
	c.Kind, c.Old = Changed, old.Version
	if p.Valid.From == "" {
		p.Valid.From = old.Valid.From
	}
	c.Differs = Diff(old, p, t)
	if _, gone := t.withdrawn(old, "9999-12-31"); gone {
		c.Kind = Revived
	}
	if decision != "" && p.Decision == old.Decision {
		p.Decision = decision // the new version rests on the decision of this publication
	}
	if p.Valid.From <= from {
		p.Valid.From = from // nothing is put in force before it is published
	}
	c.Version, c.From = p.Version, p.Valid.From
	return p, c
}

// others are the rows of b that a does not have, or has otherwise.
func others[T any](a, b []T, id func(T) string) (out []T) {
	for _, x := range b {
		i := slices.IndexFunc(a, func(y T) bool { return id(y) == id(x) })
		if i >= 0 {
			l, _ := json.Marshal(a[i])
			r, _ := json.Marshal(x)
			if bytes.Equal(l, r) {
				continue
			}
		}
		out = append(out, x)
	}
	return out
}
