package catalogue

import (
	"cmp"
	"slices"
)

// Outcome is what became of a record that was to be imported.
type Outcome string

// The outcomes.
const (
	Imported     Outcome = "imported"
	WithWarnings Outcome = "imported with warnings"
	HeldBack     Outcome = "held back" // it has errors
)

// Judged is what became of every record: each is in one of the two lists, in the order of reading.
type Judged struct {
	Drafts   Catalogue // can be published once the marks are gone
	Held     Catalogue // cannot: to be mended and imported again
	Findings []Finding
	Outcomes []Outcome // of the records, in order
}

// Judge lints and divides. Fields that a draft names and the tables do not have go with the drafts.
func Judge(c Catalogue, t Tables, form FormChecker, progress func(done int)) Judged {
	l := newLinter(t.With(c), form)
	out := Judged{Drafts: Catalogue{Format: Format, AsOf: t.On}, Held: Catalogue{Format: Format, AsOf: t.On}}
	l.out = append(l.out, c.Found...)
	used := map[string]bool{}
	for i := range c.Entries {
		e := &c.Entries[i]
		from := len(l.out)
		l.entry(e)
		found := l.out[from:]
		o := Imported
		switch {
		case Count(found, Error) > 0:
			o = HeldBack
			e.Found = slices.Clone(found)
			out.Held.Entries = append(out.Held.Entries, *e)
		default:
			if len(found) > 0 {
				o = WithWarnings
			}
			used[e.Field] = true
			out.Drafts.Entries = append(out.Drafts.Entries, *e)
		}
		out.Outcomes = append(out.Outcomes, o)
		if progress != nil {
			progress(i + 1)
		}
	}
	for _, f := range c.Fields {
		if used[f.ID] {
			out.Drafts.Fields = append(out.Drafts.Fields, f)
		}
	}
	out.Findings = l.out
	return out
}

// Tally is how often a fault was found, and in how many records.
type Tally struct {
	Code     Fault    `json:"code"`
	Severity Severity `json:"severity"`
	Records  int      `json:"records"`
	Findings int      `json:"findings"`
}

// TallyOf counts findings by fault: errors first, then the most frequent.
func TallyOf(all []Finding) []Tally {
	by, last := map[Fault]*Tally{}, map[Fault]string{}
	var out []*Tally
	for _, f := range all {
		t := by[f.Code]
		if t == nil {
			t = &Tally{Code: f.Code, Severity: f.Code.Severity()}
			by[f.Code] = t
			out = append(out, t)
		}
		t.Findings++
		if t.Records == 0 || last[f.Code] != f.Procedure || f.Procedure == "" {
			t.Records++
		}
		last[f.Code] = f.Procedure
	}
	rank := map[Severity]int{Error: 0, Warning: 1, Check: 2}
	slices.SortStableFunc(out, func(a, b *Tally) int {
		return cmp.Or(rank[a.Severity]-rank[b.Severity], b.Records-a.Records, cmp.Compare(a.Code, b.Code))
	})
	var flat []Tally
	for _, t := range out {
		flat = append(flat, *t)
	}
	return flat
}
