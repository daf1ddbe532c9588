package web

import (
	"slices"
	"sync"

	"motcua/directory"
	"motcua/directory/fold"
	"motcua/node/office"
	"motcua/node/page"
)

// catalogue finds procedures. It is made anew for each edition and day.
type catalogue struct {
	tables Tables

	mu   sync.Mutex
	made *index
}

// index is the procedures in force on a day of one edition. It does not change.
type index struct {
	edition    uint64
	on         directory.Date
	words      *fold.Index
	procedures []directory.Procedure
	byCode     map[string]directory.Procedure
	fields     []directory.Field
	levels     map[directory.LevelID]directory.Level
}

// at returns the index of a day.
func (k *catalogue) at(on directory.Date) *index {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := k.tables.Number(); k.made == nil || k.made.edition != n || k.made.on != on {
		k.made = k.build(n, on)
	}
	return k.made
}

func (k *catalogue) build(edition uint64, on directory.Date) *index {
	ix := &index{
		edition: edition, on: on, procedures: k.tables.Procedures(on), fields: k.tables.Fields(on),
		byCode: map[string]directory.Procedure{}, levels: map[directory.LevelID]directory.Level{},
	}
	for _, l := range k.tables.Levels(on) {
		ix.levels[l.ID] = l
	}
	ix.fields = slices.Clone(ix.fields)
	fold.Sort(ix.fields, func(f directory.Field) string { return f.Name.VI })
	names := map[string]directory.Text{}
	for _, f := range ix.fields {
		names[f.ID] = f.Name
	}
	ix.procedures = slices.Clone(ix.procedures)
	fold.Sort(ix.procedures, func(p directory.Procedure) string { return p.Name.VI })
	docs := make([]fold.Doc, 0, len(ix.procedures))
	for _, p := range ix.procedures {
		ix.byCode[p.Code] = p
		d := fold.Doc{ID: p.Code, Names: []string{p.Name.VI, p.Name.EN}, Synonyms: p.Synonyms, Text: []string{p.Code, names[p.Field].VI, names[p.Field].EN, p.Result.VI, p.Result.EN}}
		for _, r := range p.Requirements {
			d.Text = append(d.Text, r.Name.VI)
		}
		docs = append(docs, d)
	}
	ix.words = fold.NewIndex(docs)
	return ix
}

// find returns the procedures of a field that match a query, best first; all of the field for an empty query.
func (ix *index) find(query, field string) (out []directory.Procedure) {
	all := ix.procedures
	if len(fold.Words(query)) > 0 {
		all = nil
		for _, code := range ix.words.Search(query, len(ix.procedures)) {
			all = append(all, ix.byCode[code])
		}
	}
	for _, p := range all {
		if field == "" || p.Field == field {
			out = append(out, p)
		}
	}
	return out
}

// some picks a few procedures of an office, one of each field first: interlinked ones before others.
func (ix *index) some(o *office.Office, n int) []directory.Procedure {
	mine := slices.DeleteFunc(slices.Clone(ix.procedures), func(p directory.Procedure) bool { return !o.InCharge(p, o.Code) })
	if len(mine) == 0 {
		mine = slices.Clone(ix.procedures)
	}
	slices.SortStableFunc(mine, func(a, b directory.Procedure) int {
		switch {
		case a.Interlinked() == b.Interlinked():
			return 0
		case a.Interlinked():
			return -1
		}
		return 1
	})
	var first, rest []directory.Procedure
	seen := map[string]bool{}
	for _, p := range mine {
		if seen[p.Field] {
			rest = append(rest, p)
			continue
		}
		seen[p.Field] = true
		first = append(first, p)
	}
	all := append(first, rest...)
	return all[:min(n, len(all))]
}

// level names a level of administration.
func (c *call) level(id directory.LevelID) string {
	if l, ok := c.catalogue.at(c.date()).levels[id]; ok {
		return c.in(l.Name)
	}
	return string(id)
}

// decides names who decides a procedure.
func (c *call) decides(p directory.Procedure) string {
	if p.Office != "" {
		return c.officeName(p.Office)
	}
	return c.level(p.Level)
}

func (c *call) officeName(code directory.OfficeCode) string {
	if o, ok := c.tables.Office(code); ok {
		return c.in(o.NameOn(c.date()))
	}
	return string(code)
}

// service is a procedure in a list.
func (c *call) service(p directory.Procedure) page.Service {
	return page.Service{Code: p.Code, Name: c.in(p.Name), Level: c.decides(p), Limit: c.l.Limit(p.Limit), Free: p.Free(), Interlinked: p.Interlinked()}
}

func (c *call) services(ps []directory.Procedure) (out []page.Service) {
	for _, p := range ps {
		out = append(out, c.service(p))
	}
	return out
}
