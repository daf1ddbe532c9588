package office

import (
	"time"

	"motcua/directory"
	"motcua/node/dossier"
)

// plan places the steps of a procedure version for a root office, as for a dossier accepted on a date. The offices are those of
// that date; what is not there any more today is done by who has taken it over.
func (o *Office) plan(code string, version uint32, root string, on directory.Date) (dossier.Plan, error) {
	p, ok := o.Directory.Procedure(code, version)
	if !ok {
		return dossier.Plan{}, directory.Errorf("find procedure", directory.NotFound,
			"version %d of procedure %s is not in this node's edition %d: connect it to the directory, or read a newer edition from a stick", version, code, o.Directory.Number())
	}
	pl, err := dossier.NewPlan(p, root, func(l directory.LevelID) (string, error) { return o.ancestor(root, l, on) })
	for i, st := range p.Route {
		if err == nil && st.Level == "" && st.Office != "" {
			pl.Places[i] = string(o.standsFor(st.Office))
		}
	}
	return pl, err
}

// planOf is the plan of a chain, whose root office is given: by the date on which it began, and with the steps that were already
// asked for where they were.
func (o *Office) planOf(s dossier.State, root string) (dossier.Plan, error) {
	pl, err := o.plan(s.Procedure, s.ProcVersion, root, directory.DateOf(time.UnixMilli(s.Begun)))
	if err != nil {
		return pl, err
	}
	return pl.Asked(s), nil
}

// ancestor is the office above at a level, or the office itself where it has that level.
func (o *Office) ancestor(code string, l directory.LevelID, on directory.Date) (string, error) {
	then, known := directory.Ancestor(directory.OfficeCode(code), l, on, o.Directory.Office)
	if known && o.isOpen(then) {
		return string(then), nil
	}
	if now, ok := directory.Ancestor(directory.OfficeCode(code), l, o.today(), o.Directory.Office); ok {
		return string(now), nil
	}
	if known {
		return string(o.standsFor(then)), nil
	}
	return "", directory.Errorf("place step", directory.NotFound, "no office of level %s above %s on %s in edition %d", l, code, on, o.Directory.Number())
}

// isOpen tells whether an office is there today.
func (o *Office) isOpen(code directory.OfficeCode) bool {
	f, ok := o.Directory.Office(code)
	return ok && f.Valid.Contains(o.today())
}

// standsFor is who does today what an office did: itself, or the one that took it over. Of several nobody can tell which: then it
// stays with the office, whose node may still finish what it has.
func (o *Office) standsFor(code directory.OfficeCode) directory.OfficeCode {
	if now := directory.Standing(code, o.today(), o.Directory.Office); len(now) == 1 {
		return now[0]
	}
	return code
}
