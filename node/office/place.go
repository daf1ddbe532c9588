package office

import (
	"time"

	"motcua/directory"
	"motcua/node/dossier"
)

// plan places the steps of a procedure version for a root office, as for a dossier accepted on a date. The offices are those of
// that date; what is not there any more today is done by who has taken it over.
func (o *Office) plan(code string, version uint32, root string, on directory.Date) (dossier.Plan, error) {
	p, err := o.procedure(code, version)
	if err != nil {
		return dossier.Plan{}, err
	}
	return o.placed(p, root, root, on)
}

// placed is plan for a root chain that another office may have begun.
func (o *Office) placed(p directory.Procedure, origin, root string, on directory.Date) (dossier.Plan, error) {
	pl, err := dossier.NewPlan(p, root, func(l directory.LevelID) (string, error) { return o.ancestor(origin, root, l, on) })
	for i, st := range p.Route {
		if err == nil && st.Level == "" && st.Office != "" {
			pl.Places[i] = string(o.standsFor(st.Office))
		}
	}
	return pl, err
}

func (o *Office) procedure(code string, version uint32) (directory.Procedure, error) {
	p, ok := o.Directory.Procedure(code, version)
	if !ok {
		return p, directory.Errorf("find procedure", directory.NotFound,
			"version %d of procedure %s is not in this node's edition %d: connect it to the directory, or read a newer edition from a stick", version, code, o.Directory.Number())
	}
	return p, nil
}

// planOf is the plan of a root chain: by the date on which it began and the office that began it, and with the steps that were
// already asked for where they were.
func (o *Office) planOf(root dossier.State) (dossier.Plan, error) {
	p, err := o.procedure(root.Procedure, root.ProcVersion)
	if err != nil {
		return dossier.Plan{}, err
	}
	pl, err := o.placed(p, root.Origin(), root.Office, directory.DateOf(time.UnixMilli(root.Begun)))
	if err != nil {
		return pl, err
	}
	return pl.Asked(root), nil
}

// ancestor is the office above at a level, or the office itself where it has that level: above the office that began a dossier on
// the date, or above the one that it is at now. Where a decision that was published later closed the office before that date, its
// last day counts.
func (o *Office) ancestor(origin, root string, l directory.LevelID, on directory.Date) (string, error) {
	if f, ok := o.Directory.Office(directory.OfficeCode(origin)); ok && f.Valid.To != "" {
		on = min(on, f.Valid.To)
	}
	then, known := directory.Ancestor(directory.OfficeCode(origin), l, on, o.Directory.Office)
	if known && o.isOpen(then) {
		return string(then), nil
	}
	if now, ok := directory.Ancestor(directory.OfficeCode(root), l, o.today(), o.Directory.Office); ok {
		return string(now), nil
	}
	if known {
		return string(o.standsFor(then)), nil
	}
	return "", directory.Errorf("place step", directory.NotFound, "no office of level %s above %s on %s in edition %d", l, origin, on, o.Directory.Number())
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
