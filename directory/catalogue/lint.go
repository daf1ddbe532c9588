package catalogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/fold"
)

// MaxRow bounds the bytes of a procedure, so that it fits one command to the directory.
const MaxRow = 200 << 10

// FormChecker tells what is wrong with a form.
type FormChecker func(form []byte) error

// Lint names every fault of the entries, in their order; a fault of reading is told again. The tables are what entries refer to;
// the file's own count beside them. progress is told how many entries are done; it may be nil.
func Lint(c Catalogue, t Tables, form FormChecker, progress func(done int)) []Finding {
	l := newLinter(t.With(c), form)
	l.out = append(l.out, c.Found...)
	for i := range c.Entries {
		l.entry(&c.Entries[i])
		if progress != nil {
			progress(i + 1)
		}
	}
	return l.out
}

// Count counts the findings of a severity.
func Count(all []Finding, s Severity) (n int) {
	for _, f := range all {
		if f.Code.Severity() == s {
			n++
		}
	}
	return n
}

// linter goes over entries.
type linter struct {
	t       Tables
	form    FormChecker
	levels  map[directory.LevelID]bool
	fields  map[string]bool
	offices map[directory.OfficeCode]directory.Office
	newest  map[string]directory.Procedure
	codes   map[string]Place
	names   map[string]string
	reach   map[string]bool // what forms and routes were found to be, to look once
	forms   map[string]error
	out     []Finding
	e       *Entry
}

func newLinter(t Tables, form FormChecker) *linter {
	l := &linter{
		t: t, form: form, levels: map[directory.LevelID]bool{}, fields: map[string]bool{}, offices: map[directory.OfficeCode]directory.Office{},
		newest: t.Newest(), codes: map[string]Place{}, names: map[string]string{}, reach: map[string]bool{}, forms: map[string]error{},
	}
	for _, x := range t.Levels {
		l.levels[x.ID] = true
	}
	for _, x := range t.Fields {
		l.fields[x.ID] = true
	}
	for _, x := range t.Offices {
		l.offices[x.Code] = x
	}
	return l
}

func (l *linter) add(code Fault, path string, args ...string) {
	l.out = append(l.out, Finding{Code: code, Procedure: l.e.Code, Place: l.e.at(path), Path: path, Args: args})
}

// told tells whether reading has found a fault of a path already, so that it is not told twice.
func (l *linter) told(path string) bool {
	return slices.ContainsFunc(l.e.Found, func(f Finding) bool {
		return f.Code.Severity() == Error && (f.Path == path || f.Path == "")
	})
}

func (l *linter) entry(e *Entry) {
	l.e = e
	from := len(l.out)
	for _, f := range e.Found {
		f.Procedure = e.Code
		if f.Place == (Place{}) {
			f.Place = e.at(f.Path)
		}
		l.out = append(l.out, f)
	}
	if slices.ContainsFunc(e.Found, func(f Finding) bool { return f.Code == Unreadable }) {
		return
	}
	for _, check := range []func(){
		l.code, l.head, l.inCharge, l.limit, l.fees, l.requirements, l.route, l.budget, l.schema, l.dates, l.texts, l.size, l.marks,
	} {
		check()
	}
	l.validate(from)
}

// validate is the last word: what the directory would refuse is an error, also where no rule above has said so.
func (l *linter) validate(from int) {
	if Count(l.out[from:], Error) > 0 {
		return
	}
	p := l.e.Procedure
	if p.Decision == "" {
		p.Decision = "x" // that of the publication takes its place
	}
	if err := p.Validate(); err != nil {
		l.add(Invalid, "", err.Error())
	}
}

func (l *linter) code() {
	c := l.e.Code
	if !codeForm.MatchString(c) || len(c) > 64 {
		l.add(BadCode, "code", excerpt(c))
		return
	}
	if first, ok := l.codes[c]; ok {
		l.add(DuplicateCode, "code", first.String())
		return
	}
	l.codes[c] = l.e.Place
	if p, ok := l.newest[c]; ok {
		if w, gone := l.t.withdrawn(p, "9999-12-31"); gone {
			l.add(WasWithdrawn, "code", string(w.From))
		}
	}
}

// String is the place as a person finds it.
func (p Place) String() string {
	var parts []string
	for _, s := range []string{p.File, p.Sheet} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if p.Row > 0 {
		parts = append(parts, strconv.Itoa(p.Row))
	}
	return strings.Join(parts, ":")
}

// head checks what every procedure says of itself.
func (l *linter) head() {
	e := l.e
	switch other := l.names[fold.Fold(e.Name.VI)]; {
	case e.Name.VI == "":
		l.add(NoName, "name.vi")
	case other != "" && other != e.Code:
		l.add(SameName, "name.vi", other)
	default:
		l.names[fold.Fold(e.Name.VI)] = e.Code
	}
	switch {
	case e.Field == "" && !l.told("field"):
		l.add(NoField, "field")
	case e.Field != "" && !l.fields[e.Field]:
		l.add(UnknownField, "field", e.Field)
	}
	if e.Result.VI == "" {
		l.add(NoResult, "result.vi")
	}
	if len(e.LegalBasis) == 0 {
		l.add(NoLegalBasis, "legal_basis")
	}
	if e.Decision == "" {
		l.add(NoDecision, "decision")
	}
	if len(e.Subjects) == 0 {
		l.add(NoSubject, "subjects")
	}
	for i, s := range e.Subjects {
		if !slices.Contains(subjectIDs, s) {
			l.add(UnknownSubject, path("subjects", i), s)
		}
	}
}

// inCharge checks that somebody is: level and office exist, and are open.
func (l *linter) inCharge() {
	e := l.e
	if e.Level == "" && e.Office == "" {
		if !l.told("level") && !l.told("office") {
			l.add(NoLevel, "level")
		}
		return
	}
	if e.Level != "" && !l.levels[e.Level] {
		l.add(UnknownLevel, "level", string(e.Level))
		return
	}
	if e.Office != "" {
		l.office(e.Office, "office")
		return
	}
	if len(l.roots()) == 0 {
		l.add(NobodyInCharge, "level", string(e.Level))
	}
}

// office checks that an office exists and is open on the day that the procedure begins.
func (l *linter) office(code directory.OfficeCode, path string) {
	o, ok := l.offices[code]
	if !ok {
		l.add(UnknownOffice, path, string(code))
	} else if on := l.day(); !o.Valid.Contains(on) {
		l.add(ClosedOffice, path, string(code), string(on))
	}
}

// day is when the entry is to hold: its first day if that is still to come, else today.
func (l *linter) day() directory.Date { return max(l.e.Valid.From, l.t.On) }

// roots are the offices that may accept a dossier of the procedure.
func (l *linter) roots() (out []directory.Office) {
	on := l.day()
	for _, o := range l.t.Offices {
		if o.Valid.Contains(on) && (l.e.Office == o.Code || l.e.Office == "" && o.Level == l.e.Level) {
			out = append(out, o)
		}
	}
	return out
}

func (l *linter) limit() {
	if l.told("limit") {
		return
	}
	m := l.e.Limit
	switch {
	case m.Unit == "" && m.Amount == 0:
		l.add(NoLimit, "limit")
	case m.Unit == "":
		l.add(LimitNoUnit, "limit.unit", strconv.Itoa(int(m.Amount)))
	case m.Unit != directory.WorkingDay && m.Unit != directory.Day && m.Unit != directory.WorkingHour:
		l.add(LimitUnreadable, "limit.unit", string(m.Unit))
	case days(m) > 365:
		l.add(LimitOdd, "limit", LimitWords(m, "vi"))
	}
}

func (l *linter) fees() {
	for i, f := range l.e.Fees {
		at := path("fees", i)
		if !f.ByRule && f.Amount == 0 || f.ByRule && f.Note.VI == "" || f.Name.VI == "" {
			l.add(FeeEmpty, at, f.Name.VI)
		}
	}
}

var idForm = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

func (l *linter) requirements() {
	if len(l.e.Requirements) == 0 {
		l.add(NoRequirement, "requirements")
	}
	seen := map[string]bool{}
	for i, q := range l.e.Requirements {
		at := path("requirements", i)
		if q.Name.VI == "" || !idForm.MatchString(q.ID) || seen[q.ID] {
			l.add(BadRequirement, at, q.ID)
		}
		seen[q.ID] = true
		if q.Originals+q.Copies == 0 && !slices.ContainsFunc(l.e.Found, func(f Finding) bool { return f.Path == at }) {
			l.add(NoPaperAsked, at, excerpt(q.Name.VI))
		}
	}
}

func (l *linter) schema() {
	e := l.e
	if len(e.Form) == 0 {
		l.add(NoForm, "form")
		return
	}
	err, known := l.forms[string(e.Form)]
	if !known {
		err = l.checkForm(e.Form)
		l.forms[string(e.Form)] = err
	}
	if err != nil {
		l.add(BadForm, "form", excerpt(err.Error()))
	}
}

func (l *linter) checkForm(form []byte) error {
	switch {
	case len(form) > directory.MaxForm:
		return fmt.Errorf("%d bytes, at most %d", len(form), directory.MaxForm)
	case !json.Valid(form):
		return errors.New("not JSON")
	case l.form != nil:
		return l.form(form)
	}
	return nil
}

func (l *linter) dates() {
	v := l.e.Valid
	wrong := false
	for what, d := range map[string]directory.Date{"valid.from": v.From, "valid.to": v.To} {
		if d != "" && d.Validate() != nil {
			l.add(BadDate, what, string(d))
			wrong = true
		}
	}
	if !wrong && v.From != "" && v.To != "" && v.To < v.From {
		l.add(DatesReversed, "valid.to", string(v.To), string(v.From))
	}
}

func (l *linter) texts() {
	for _, t := range l.e.texts() {
		s := *t.text
		switch {
		case s == "":
			continue
		case Mojibake(s):
			l.add(BadEncoding, t.path, excerpt(s))
		case !norm.NFC.IsNormalString(s):
			l.add(NotNFC, t.path)
		case Clean(s) != s && Clean(s) != strings.TrimSpace(s) && !sameButSpace(s):
			l.add(UnseenCharacters, t.path)
		}
		if n := utf8.RuneCountInString(s); n > t.max {
			l.add(TextTooLong, t.path, strconv.Itoa(n), strconv.Itoa(t.max))
		}
	}
}

// sameButSpace tells whether cleaning a text changes white space alone.
func sameButSpace(s string) bool {
	return strings.Join(strings.Fields(s), "") == strings.Join(strings.Fields(Clean(s)), "")
}

// size checks that the procedure fits a command.
func (l *linter) size() {
	b, err := wire.Marshal(l.e.Procedure)
	if err != nil {
		l.add(Invalid, "", excerpt(err.Error()))
	} else if len(b) > MaxRow {
		l.add(TooLarge, "", strconv.Itoa(len(b)), strconv.Itoa(MaxRow))
	}
}

func (l *linter) marks() {
	for _, m := range l.e.Check {
		l.add(ToCheck, string(m), string(m))
	}
}
