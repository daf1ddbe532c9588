package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// ChangeKind is what happens to a procedure. Append only.
type ChangeKind string

// The kinds of changes.
const (
	Added   ChangeKind = "added"
	Changed ChangeKind = "changed"
	Revived ChangeKind = "revived" // it was withdrawn
	Missing ChangeKind = "missing" // published, and not in the file: nothing happens to it
	Ended   ChangeKind = "withdrawn"
)

// Change is what a file changes of one procedure.
type Change struct {
	Kind ChangeKind `json:"kind"`
	Code string     `json:"code"`
	// Name is the new name, the old one of a procedure that is missing.
	Name directory.Text `json:"name"`
	// Old is the newest version there is, 0 for none; Version is what the new one will be.
	Old     uint32         `json:"old_version,omitempty"`
	Version uint32         `json:"version,omitempty"`
	From    directory.Date `json:"from,omitempty"`
	Differs []Difference   `json:"differences,omitempty"`
	Touches Touched        `json:"in_progress"`

	next directory.Procedure
}

// Difference is one thing that is other than before. Item names which of several.
type Difference struct {
	What DifferenceKind `json:"what"`
	Item directory.Text `json:"item,omitzero"`
	Old  directory.Text `json:"old,omitzero"`
	New  directory.Text `json:"new,omitzero"`
}

// DifferenceKind is what differs. Append only.
type DifferenceKind string

// The kinds of differences.
const (
	DiffName        DifferenceKind = "name"
	DiffField       DifferenceKind = "field"
	DiffInCharge    DifferenceKind = "in_charge"
	DiffLimit       DifferenceKind = "limit"
	FeeAdded        DifferenceKind = "fee_added"
	FeeRemoved      DifferenceKind = "fee_removed"
	FeeChanged      DifferenceKind = "fee_changed"
	BecomesFree     DifferenceKind = "becomes_free"
	PaperAdded      DifferenceKind = "requirement_added"
	PaperRemoved    DifferenceKind = "requirement_removed"
	PaperRenamed    DifferenceKind = "requirement_renamed"
	PaperChanged    DifferenceKind = "requirement_changed"
	StepAdded       DifferenceKind = "step_added"
	StepRemoved     DifferenceKind = "step_removed"
	StepRenamed     DifferenceKind = "step_renamed"
	StepMoved       DifferenceKind = "step_elsewhere"
	StepBudget      DifferenceKind = "step_budget"
	StepAcknowledge DifferenceKind = "step_acknowledge"
	StepOrder       DifferenceKind = "step_order"
	StepKindChanged DifferenceKind = "step_kind"
	DiffResult      DifferenceKind = "result"
	DiffConditions  DifferenceKind = "conditions"
	DiffSubjects    DifferenceKind = "subjects"
	DiffLegalBasis  DifferenceKind = "legal_basis"
	DiffDecision    DifferenceKind = "decision"
	DiffValid       DifferenceKind = "valid"
	DiffForm        DifferenceKind = "form"
	DiffSynonyms    DifferenceKind = "synonyms"
	DiffTranslation DifferenceKind = "translation"
)

// Touched is how many dossiers in progress are on earlier versions of a procedure. They stay on them.
type Touched struct {
	Dossiers int `json:"dossiers"`
	Offices  int `json:"offices"` // that have some
	// AsOf is the oldest of the reports it was counted from, Unix milliseconds; 0: no office has reported.
	AsOf int64 `json:"as_of"`
	// Unknown is how many offices have said nothing.
	Unknown int `json:"unknown"`
}

// Diff says what is other in the new version of a procedure. Tables name what is referred to.
func Diff(old, p directory.Procedure, t Tables) []Difference {
	d := &differ{t: t}
	d.texts(DiffName, old.Name, p.Name)
	d.one(DiffField, d.field(old.Field), d.field(p.Field))
	d.one(DiffInCharge, d.inCharge(old.Level, old.Office), d.inCharge(p.Level, p.Office))
	if old.Limit != p.Limit {
		d.add(DiffLimit, directory.Text{}, inBoth(old.Limit), inBoth(p.Limit))
	}
	d.fees(old.Fees, p.Fees)
	d.requirements(old.Requirements, p.Requirements)
	d.route(old.Route, p.Route)
	d.texts(DiffResult, old.Result, p.Result)
	d.texts(DiffConditions, old.Conditions, p.Conditions)
	d.list(DiffSubjects, old.Subjects, p.Subjects)
	d.list(DiffLegalBasis, old.LegalBasis, p.LegalBasis)
	d.list(DiffSynonyms, old.Synonyms, p.Synonyms)
	d.one(DiffDecision, same(old.Decision), same(p.Decision))
	d.one(DiffValid, same(period(old.Valid)), same(period(p.Valid)))
	if !sameForm(old.Form, p.Form) {
		d.add(DiffForm, directory.Text{}, directory.Text{}, directory.Text{})
	}
	return d.out
}

type differ struct {
	t   Tables
	out []Difference
}

func (d *differ) add(what DifferenceKind, item, old, now directory.Text) {
	d.out = append(d.out, Difference{what, item, old, now})
}

func (d *differ) one(what DifferenceKind, old, now directory.Text) {
	if old != now {
		d.add(what, directory.Text{}, old, now)
	}
}

// texts tells a text that differs; where only the translation does, that.
func (d *differ) texts(what DifferenceKind, old, now directory.Text) {
	switch {
	case old.VI != now.VI:
		d.add(what, directory.Text{}, old, now)
	case old.EN != now.EN:
		d.add(DiffTranslation, now, directory.Text{}, directory.Text{})
	}
}

func (d *differ) list(what DifferenceKind, old, now []string) {
	if !slices.Equal(old, now) {
		d.add(what, directory.Text{}, same(strings.Join(old, "; ")), same(strings.Join(now, "; ")))
	}
}

func same(s string) directory.Text { return directory.Text{VI: s, EN: s} }

func inBoth(l directory.Limit) directory.Text {
	return directory.Text{VI: LimitWords(l, "vi"), EN: LimitWords(l, "en")}
}

func period(p directory.Period) string { return string(p.From) + " – " + string(p.To) }

func (d *differ) field(id string) directory.Text {
	for _, f := range d.t.Fields {
		if f.ID == id {
			return f.Name
		}
	}
	return same(id)
}

func (d *differ) inCharge(level directory.LevelID, office directory.OfficeCode) directory.Text {
	for _, o := range d.t.Offices {
		if o.Code == office {
			return o.NameOn(d.t.On)
		}
	}
	if office != "" {
		return same(string(office))
	}
	for _, l := range d.t.Levels {
		if l.ID == level {
			return l.Name
		}
	}
	return same(string(level))
}

// sameForm compares forms by what they say, not by how they are written.
func sameForm(a, b json.RawMessage) bool {
	var x, y any
	if bytes.Equal(a, b) {
		return true
	}
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	l, _ := json.Marshal(x)
	r, _ := json.Marshal(y)
	return bytes.Equal(l, r)
}

func (d *differ) fees(old, now []directory.Fee) {
	if len(old) > 0 && len(now) == 0 {
		d.add(BecomesFree, directory.Text{}, feesText(old), directory.Text{})
		return
	}
	if len(old) == len(now) {
		for i := range old {
			if old[i] != now[i] {
				d.add(FeeChanged, now[i].Name, feeText(old[i]), feeText(now[i]))
			}
		}
		return
	}
	for _, f := range old {
		if !slices.Contains(now, f) {
			d.add(FeeRemoved, f.Name, feeText(f), directory.Text{})
		}
	}
	for _, f := range now {
		if !slices.Contains(old, f) {
			d.add(FeeAdded, f.Name, directory.Text{}, feeText(f))
		}
	}
}

func feeText(f directory.Fee) directory.Text {
	note := func(lang string) string {
		if n := f.Note.In(lang); n != "" {
			return " (" + excerpt(n) + ")"
		}
		return ""
	}
	return directory.Text{VI: FeeWords(f, "vi") + note("vi"), EN: FeeWords(f, "en") + note("en")}
}

func feesText(fs []directory.Fee) (out directory.Text) {
	var vi, en []string
	for _, f := range fs {
		vi, en = append(vi, FeeWords(f, "vi")), append(en, FeeWords(f, "en"))
	}
	return directory.Text{VI: strings.Join(vi, "; "), EN: strings.Join(en, "; ")}
}

// requirements compares papers by their ids. One that is gone and one that is new, and much alike, are one that was renamed.
func (d *differ) requirements(old, now []directory.Requirement) {
	find := func(in []directory.Requirement, id string) *directory.Requirement {
		for i := range in {
			if in[i].ID == id {
				return &in[i]
			}
		}
		return nil
	}
	var gone, fresh []directory.Requirement
	for _, q := range old {
		if find(now, q.ID) == nil {
			gone = append(gone, q)
		}
	}
	for _, q := range now {
		before := find(old, q.ID)
		if before == nil {
			fresh = append(fresh, q)
		} else {
			d.requirement(*before, q)
		}
	}
	for _, q := range fresh {
		i := slices.IndexFunc(gone, func(g directory.Requirement) bool { return alike(g.Name.VI, q.Name.VI) })
		if i < 0 {
			d.add(PaperAdded, q.Name, directory.Text{}, countText(q))
			continue
		}
		d.requirement(gone[i], q)
		gone = slices.Delete(gone, i, i+1)
	}
	for _, q := range gone {
		d.add(PaperRemoved, q.Name, directory.Text{}, directory.Text{})
	}
}

func (d *differ) requirement(old, now directory.Requirement) {
	if old.Name.VI != now.Name.VI {
		d.add(PaperRenamed, directory.Text{}, old.Name, now.Name)
	} else if old.Name.EN != now.Name.EN {
		d.add(DiffTranslation, now.Name, directory.Text{}, directory.Text{})
	}
	if a, b := countText(old), countText(now); a != b || old.Note != now.Note {
		d.add(PaperChanged, now.Name, withNote(a, old.Note), withNote(b, now.Note))
	}
}

func withNote(t, note directory.Text) directory.Text {
	if note.VI == "" {
		return t
	}
	return directory.Text{VI: t.VI + " – " + excerpt(note.VI), EN: t.EN + " – " + excerpt(note.In("en"))}
}

func countText(q directory.Requirement) directory.Text {
	t := directory.Text{
		VI: fmt.Sprintf("%d bản chính, %d bản sao", q.Originals, q.Copies),
		EN: fmt.Sprintf("%d originals, %d copies", q.Originals, q.Copies),
	}
	if q.Optional {
		t.VI, t.EN = t.VI+", không bắt buộc", t.EN+", optional"
	}
	return t
}

// alike tells whether two names have most of their words in common.
func alike(a, b string) bool {
	x, y := strings.Fields(fold.Fold(a)), strings.Fields(fold.Fold(b))
	common := 0
	for _, w := range x {
		if i := slices.Index(y, w); i >= 0 {
			common++
			y = slices.Delete(slices.Clone(y), i, i+1)
		}
	}
	return common > 0 && 2*common >= max(len(x), common+len(y))
}

// route compares steps by their ids.
func (d *differ) route(old, now []directory.Step) {
	var kept, keptNow []string
	for _, s := range old {
		if i := stepOf(now, s.ID); i < 0 {
			d.add(StepRemoved, s.Name, directory.Text{}, directory.Text{})
		} else {
			kept = append(kept, s.ID)
		}
	}
	for _, s := range now {
		i := stepOf(old, s.ID)
		if i < 0 {
			d.add(StepAdded, s.Name, directory.Text{}, d.inCharge(s.Level, s.Office))
			continue
		}
		keptNow = append(keptNow, s.ID)
		d.step(old[i], s)
	}
	if !slices.Equal(kept, keptNow) {
		d.add(StepOrder, directory.Text{}, directory.Text{}, directory.Text{})
	}
}

func stepOf(in []directory.Step, id string) int {
	return slices.IndexFunc(in, func(s directory.Step) bool { return s.ID == id })
}

func (d *differ) step(old, now directory.Step) {
	switch {
	case old.Name.VI != now.Name.VI:
		d.add(StepRenamed, directory.Text{}, old.Name, now.Name)
	case old.Name.EN != now.Name.EN:
		d.add(DiffTranslation, now.Name, directory.Text{}, directory.Text{})
	}
	if old.Kind != now.Kind {
		d.add(StepKindChanged, now.Name, same(string(old.Kind)), same(string(now.Kind)))
	}
	if a, b := d.inCharge(old.Level, old.Office), d.inCharge(now.Level, now.Office); a != b {
		d.add(StepMoved, now.Name, a, b)
	}
	if old.Budget != now.Budget {
		d.add(StepBudget, now.Name, budgetText(old.Budget), budgetText(now.Budget))
	}
	if old.Acknowledge != now.Acknowledge {
		d.add(StepAcknowledge, now.Name, hoursText(old.Acknowledge), hoursText(now.Acknowledge))
	}
}

func hoursText(n uint16) directory.Text {
	switch n {
	case 0:
		return directory.Text{VI: "không định", EN: "unassigned"}
	case 1:
		return directory.Text{VI: "1 giờ", EN: "1 hour"}
	}
	return directory.Text{VI: strconv.Itoa(int(n)) + " giờ", EN: strconv.Itoa(int(n)) + " hours"}
}

func budgetText(n uint16) directory.Text {
	if n == 0 {
		return directory.Text{VI: "không định", EN: "unassigned"}
	}
	return directory.Text{VI: quarters(int(n)) + " ngày làm việc", EN: strings.ReplaceAll(quarters(int(n)), ",", ".") + " working days"}
}
