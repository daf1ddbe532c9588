package catalogue

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"motcua/directory"
	"motcua/directory/fold"
)

// procedure reads a row of the sheet of procedures. One without code and name goes on with the record above.
func (r *bookReader) procedure(x row) {
	last := len(r.out.Entries) - 1
	if x.goesOn || x.get("code")+x.get("name")+x.get("version") == "" { // every record that we wrote has a version
		if last < 0 {
			r.out.Found = append(r.out.Found, Finding{Code: SkippedRow, Place: x.place, Args: []string{excerpt(strings.Join(values(x), " "))}})
			return
		}
		r.more(r.keys[last], x)
		return
	}
	e := Entry{Place: x.place, Places: map[string]Place{}}
	code := x.get("code")
	e.Code = e.mendCode(padded(code))
	if padded(code) != code {
		e.find(CodeMended, "code", code)
	}
	key := x.get("key")
	if key == "" {
		key = e.Code
	}
	text := func(id string) string { return r.text(key, id, x, id) }
	if raw := text("raw"); raw != "" && x.get("name") == "" {
		e.keep("", raw)
		e.find(Unreadable, "", excerpt(raw))
	}
	e.readName(text("name"))
	e.Name.EN = text("name_en")
	e.Result = directory.Text{VI: text("result"), EN: text("result_en")}
	e.Conditions = directory.Text{VI: none(text("conditions")), EN: text("conditions_en")}
	e.LegalBasis, e.Synonyms = items(text("legal")), items(text("synonyms"))
	e.Decision = text("decision")
	e.Valid = directory.Period{From: e.date("valid.from", text("from")), To: e.date("valid.to", text("to"))}
	e.readField(source{map[string]any{"field": text("field")}}, r.m)
	e.readSubjects(items(strings.ReplaceAll(brackets.ReplaceAllString(text("subjects"), " "), ",", "\n")), r.m)
	e.office(text("level"), text("office"), r.m)
	e.limitCell(text("limit"), r.m.Unit(text("unit")))
	e.marksCell(text("check"))
	if v, err := strconv.ParseUint(text("version"), 10, 32); err == nil {
		e.Version = uint32(v)
	}
	if f := r.long[key+"/form"]; f != "" {
		e.Form = []byte(f)
	}
	r.entry(e, key)
	r.more(key, x)
}

// more keeps what a row says of papers and fees.
func (r *bookReader) more(code string, x row) {
	if r.papers == nil {
		r.papers, r.fees = map[string]string{}, map[string]string{}
	}
	if s := r.text(code, "papers", x, "papers"); s != "" && !strings.HasSuffix(r.papers[code], s+"\n") {
		r.papers[code] += s + "\n"
	}
	if s := r.text(code, "fees", x, "fees"); s != "" && !strings.HasSuffix(r.fees[code], s+"\n") {
		r.fees[code] += s + "\n"
	}
}

func values(x row) (out []string) {
	for _, v := range x.cells {
		out = append(out, Clean(v))
	}
	slices.Sort(out)
	return out
}

// padded gives a code back the zeros, or takes off the noise, that a cell with a number costs it.
func padded(s string) string {
	switch {
	case shortCode.MatchString(s):
		return s + strings.Repeat("0", 8-len(s))
	case longCode.MatchString(s):
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			return strconv.FormatFloat(v, 'f', 6, 64)
		}
	}
	return s
}

var (
	shortCode = regexp.MustCompile(`^[0-9]\.[0-9]{1,5}$`)
	longCode  = regexp.MustCompile(`^[0-9]\.[0-9]{9,}$`)
)

// items are the lines of a cell.
func items(s string) (out []string) {
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, strings.ReplaceAll(l, "⏎", "\n"))
		}
	}
	return out
}

var (
	dmy    = regexp.MustCompile(`^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})`)
	ymd    = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})`)
	serial = regexp.MustCompile(`^\d{5}(\.\d+)?$`)
)

// date reads a date as people or spreadsheets write it; what it cannot read it leaves, for lint to tell.
func (e *Entry) date(path, s string) directory.Date {
	d := directory.Date(s)
	switch m := dmy.FindStringSubmatch(s); {
	case s == "" || none(s) == "":
		return ""
	case m != nil:
		pad := func(s string) string { return strings.Repeat("0", 2-len(s)) + s }
		d = directory.Date(m[3] + "-" + pad(m[2]) + "-" + pad(m[1]))
	case ymd.MatchString(s):
		d = directory.Date(s[:10])
	case serial.MatchString(s): // days since 30/12/1899, as spreadsheets count
		n, _ := strconv.ParseFloat(s, 64)
		d = directory.DateOf(time.Date(1899, 12, 30, 0, 0, 0, 0, directory.Zone).AddDate(0, 0, int(n)))
	}
	return d
}

var officeCell = regexp.MustCompile(`^([A-Z0-9]{1,8}(?:\.[A-Z0-9]{1,8}){0,4})(?:\s+[–-]\s.*)?$`)

// office reads who is in charge from the cells of level and office.
func (e *Entry) office(level, office string, m *Map) {
	id, known := m.Level(level)
	if known {
		e.Level = id
	} else if level != "" {
		e.keep("level", level)
		e.find(UnknownLevel, "level", level)
	}
	if office == "" {
		return
	}
	if c := officeCell.FindStringSubmatch(strings.ReplaceAll(office, "\n", " ")); c != nil {
		e.Office = directory.OfficeCode(c[1])
		if e.Level == "" {
			e.Level = m.placeOf(e.Office).level
		}
		return
	}
	p, ok := m.agency(office)
	if !ok {
		e.keep("office", office)
		e.find(UnknownAgency, "office", excerpt(office))
		return
	}
	if p.office != "" || e.Level == "" {
		e.Level = p.level
	}
	e.Office = p.office
}

func (e *Entry) limitCell(s, unit string) {
	r := readLimit(s, unit, s)
	if r.ok() {
		e.Limit = r.limit
		e.tellLimit(r)
		return
	}
	if r.fault == LimitNoUnit {
		if n, err := strconv.ParseUint(s, 10, 16); err == nil {
			e.Limit.Amount = uint16(n)
		}
	}
	if r.fault != NoLimit || s != "" {
		e.keep("limit", strings.TrimSpace(s+" "+unit))
	}
	e.find(r.fault, "limit", filled(r.fault, excerpt(r.text))...)
}

// filled gives a fault the argument that it tells, where it tells one.
func filled(f Fault, arg string) []string {
	if strings.Contains(faults[f].vi, "%") {
		return []string{arg}
	}
	return nil
}

func (e *Entry) marksCell(s string) {
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == ';' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		m, ok := ParseMark(part)
		if !ok {
			e.find(UnknownMark, "check", part)
		}
		e.mark(m)
	}
}

// part reads a row of the sheets of requirements, steps and fees.
func (r *bookReader) part(i int, k SheetKind, x row) {
	e, key := &r.out.Entries[i], r.keys[i]
	if e.Places == nil {
		e.Places = map[string]Place{}
	}
	switch k {
	case Requirements:
		e.Places[path("requirements", len(e.Requirements))] = x.place
		r.requirement(e, key, x)
	case Steps:
		e.Places[path("route", len(e.Route))] = x.place
		r.step(e, key, x)
	case Fees:
		e.Places[path("fees", len(e.Fees))] = x.place
		r.fee(e, key, x)
	}
}

func (r *bookReader) requirement(e *Entry, key string, x row) {
	at := path("requirements", len(e.Requirements))
	text := func(id string) string { return r.text(key, at+"."+id, x, id) }
	counts := source{map[string]any{"originals": x.get("originals"), "copies": x.get("copies")}}
	e.Requirements = append(e.Requirements, directory.Requirement{
		ID: x.get("id"), Name: directory.Text{VI: text("name"), EN: text("name_en")}, Note: directory.Text{VI: text("note"), EN: text("note_en")},
		Originals: e.count(at+".originals", counts, "originals"), Copies: e.count(at+".copies", counts, "copies"), Optional: no[fold.Fold(x.get("required"))],
	})
}

var (
	yes = map[string]bool{"co": true, "x": true, "yes": true, "true": true, "1": true, "bat buoc": true}
	no  = map[string]bool{"khong": true, "no": true, "false": true, "0": true, "khong bat buoc": true}
)

// stepKinds are the words for the kinds of steps, the one that is written first.
var stepKinds = []struct {
	kind  directory.StepKind
	words string
	more  string
}{
	{directory.StepCheck, "Xử lý", "xu ly|kiem tra|tham dinh|tiep nhan|check"},
	{directory.StepDecide, "Quyết định", "quyet dinh|phe duyet|ky|ky duyet|decide"},
	{directory.StepReturn, "Trả kết quả", "tra ket qua|tra|return"},
}

func (r *bookReader) step(e *Entry, key string, x row) {
	at := path("route", len(e.Route))
	text := func(id string) string { return r.text(key, at+"."+id, x, id) }
	s := directory.Step{ID: x.get("id"), Name: directory.Text{VI: text("name"), EN: text("name_en")}, Kind: directory.StepKind(x.get("kind"))}
	for _, k := range stepKinds {
		if slices.Contains(strings.Split(k.more, "|"), fold.Fold(x.get("kind"))) {
			s.Kind = k.kind
		}
	}
	if l := x.get("level"); l != "" {
		s.Level = directory.LevelID(l)
		if id, ok := r.m.Level(l); ok {
			s.Level = id
		}
	}
	if o := x.get("office"); o != "" {
		s.Office = directory.OfficeCode(o)
		if c := officeCell.FindStringSubmatch(o); c != nil {
			s.Office = directory.OfficeCode(c[1])
		} else if code, ok := r.m.Office(o); ok {
			s.Office = code
		}
	}
	s.Budget = e.budgetCell(at, x.get("days"))
	s.Acknowledge = e.hoursCell(at, x.get("acknowledge"))
	e.Route = append(e.Route, s)
}

// budgetCell reads days as quarters.
func (e *Entry) budgetCell(at, s string) uint16 {
	if none(s) == "" {
		return 0
	}
	v, ok := fraction(s)
	q := v * 4
	if !ok || q < 0 || q > 60_000 || q != float64(uint16(q)) {
		e.keep(at+".budget", s)
		e.find(CountUnreadable, at+".budget", excerpt(s))
		return 0
	}
	return uint16(q)
}

// hoursCell reads whole hours.
func (e *Entry) hoursCell(at, s string) uint16 {
	if none(s) == "" {
		return 0
	}
	v, ok := fraction(s)
	if !ok || v < 0 || v > directory.MaxAcknowledge || v != float64(uint16(v)) {
		e.keep(at+".acknowledge", s)
		e.find(CountUnreadable, at+".acknowledge", excerpt(s))
		return 0
	}
	return uint16(v)
}

func (r *bookReader) fee(e *Entry, key string, x row) {
	at := path("fees", len(e.Fees))
	text := func(id string) string { return r.text(key, at+"."+id, x, id) }
	f := directory.Fee{Name: directory.Text{VI: text("name"), EN: text("name_en")}, Note: directory.Text{VI: text("note"), EN: text("note_en")}}
	if f.Name.VI == "" {
		f.Name = feeName
	}
	f.ByRule = yes[fold.Fold(x.get("by_rule"))]
	amount := x.get("amount")
	n, inText, ok := Amount(amount)
	currency := x.get("currency")
	if currency == "" {
		currency = inText
	}
	switch {
	case amount == "" || none(amount) == "":
	case !ok:
		e.keep(at+".amount", amount)
		e.find(FeeUnreadable, at+".amount", excerpt(amount))
	case n == 0:
	case currency == "":
		e.keep(at+".amount", amount)
		e.find(FeeNoCurrency, at+".currency", amount)
	case !vnd[fold.Fold(currency)] && currency != "₫":
		f.ByRule = true
		f.Note.VI = strings.TrimSpace(amount + " " + currency + " " + f.Note.VI)
		e.find(FeeForeign, at+".currency", amount+" "+currency)
		e.mark(MarkFee)
	default:
		f.Amount = n
	}
	e.Fees = append(e.Fees, f)
}

// finish takes papers and fees from the sheet of procedures where the other sheets say nothing, and completes the entry.
func (r *bookReader) finish(i int) {
	e, key := &r.out.Entries[i], r.keys[i]
	if len(e.Requirements) == 0 {
		for i, line := range items(r.papers[key]) {
			e.Requirements = append(e.Requirements, paperLine(line))
			if e.Places == nil {
				e.Places = map[string]Place{}
			}
			e.Places[path("requirements", i)] = e.Place
			e.mark(MarkRequirements)
		}
	}
	if text := strings.TrimSpace(r.fees[key]); text != "" {
		e.feesCell(parseFees(text))
	}
	e.finish(false)
}

// feesCell adds what the sheet of procedures says of fees to what the sheet of fees does: a fee of an amount that stands there
// already is the same.
func (e *Entry) feesCell(f feeReading) {
	for _, x := range f.fees {
		if !slices.ContainsFunc(e.Fees, func(y directory.Fee) bool { return x.ByRule == y.ByRule && x.Amount == y.Amount }) {
			e.Fees = append(e.Fees, x)
		}
	}
	for _, x := range f.faults {
		e.find(x.Code, "fees", x.Args...)
		e.mark(MarkFee)
	}
	if f.raw != "" {
		e.keep("fees", f.raw)
	}
}

var (
	bullet    = regexp.MustCompile(`^\s*([-+*•]|\d{1,2}[.)]|[a-zđ][.)])\s*`)
	originals = regexp.MustCompile(`(?i)\(?0?(\d{1,2})\s*(?:\([^)]*\)\s*)?(?:bản|bộ)?\s*(?:chính|gốc)\)?`)
	copies    = regexp.MustCompile(`(?i)\(?0?(\d{1,2})\s*(?:\([^)]*\)\s*)?(?:bản|bộ)?\s*(?:sao|chụp|photo)\)?`)
)

// paperLine reads one paper of a list in a cell: "- Đơn đề nghị (01 bản chính)".
func paperLine(s string) directory.Requirement {
	q := directory.Requirement{Name: directory.Text{VI: strings.TrimRight(bullet.ReplaceAllString(s, ""), "; ")}}
	number := func(re *regexp.Regexp) uint8 {
		m := re.FindStringSubmatch(s)
		if m == nil {
			return 0
		}
		n, _ := strconv.Atoi(m[1])
		return uint8(n)
	}
	q.Originals, q.Copies = number(originals), number(copies)
	if q.Originals+q.Copies == 0 {
		q.Originals = 1
	}
	return q
}
