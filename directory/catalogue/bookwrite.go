package catalogue

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"motcua/directory"
	"motcua/directory/fold"
)

// maxCell is how many UTF-16 units a cell is given; a spreadsheet takes 32,767.
const maxCell = 30_000

// WriteBook lays a catalogue out as a workbook that ReadBook reads back without a loss. Faults that entries carry, and what could
// not be read of them, stand in columns of their own.
func WriteBook(c Catalogue, t Tables) Book {
	w := &bookWriter{t: t.With(c), m: NewMap(t.With(c)), rows: map[SheetKind][][]string{}}
	times := map[string]int{"": 2}
	for _, e := range c.Entries {
		times[Clean(e.Code)]++
	}
	for i := range c.Entries {
		w.key, w.own = c.Entries[i].Code, ""
		if times[Clean(w.key)] > 1 {
			w.own = "#" + strconv.Itoa(i+1)
			w.key = w.own
		}
		w.entry(&c.Entries[i])
	}
	var b Book
	for _, s := range sheets {
		b.Sheets = append(b.Sheets, Sheet{Name: s.Name, Rows: append([][]string{headings(s.Kind)}, w.rows[s.Kind]...)})
	}
	return b
}

func headings(k SheetKind) (out []string) {
	for _, c := range Columns(k) {
		out = append(out, c.Heading)
	}
	return out
}

type bookWriter struct {
	t    Tables
	m    *Map
	rows map[SheetKind][][]string
	e    *Entry
	// key is what the rows of other sheets know the record by: its code, or a number of its own where that is not enough.
	key, own string
}

// put adds a row; a text that is too long for a cell goes to the sheet of long texts, under the name of what it belongs to.
func (w *bookWriter) put(k SheetKind, under string, cells map[string]string) {
	var out []string
	for _, c := range Columns(k) {
		v := cells[c.ID]
		if len(utf16.Encode([]rune(v))) > maxCell {
			name := c.ID
			if under != "" {
				name = under + "." + c.ID
			}
			w.long(name, v)
			v = LongMarker
		}
		out = append(out, v)
	}
	w.rows[k] = append(w.rows[k], out)
}

func (w *bookWriter) long(column, text string) {
	for part := 1; text != ""; part++ {
		n, units := 0, 0
		for i, r := range text {
			if units += utf16.RuneLen(r); units > maxCell {
				break
			}
			n = i + len(string(r))
		}
		w.rows[LongTexts] = append(w.rows[LongTexts], []string{w.key, column, strconv.Itoa(part), text[:n]})
		text = text[n:]
	}
}

func (w *bookWriter) entry(e *Entry) {
	w.e = e
	marks := []string{}
	for _, m := range e.Check {
		marks = append(marks, MarkWords(m, "vi"))
	}
	faults := []string{}
	for _, f := range e.Found {
		if f.Code.Severity() != Check {
			faults = append(faults, string(f.Code)+": "+f.Words("vi"))
		}
	}
	limit, unit := "", UnitWords(e.Limit.Unit)
	if e.Limit.Unit != "" || e.Limit.Amount > 0 {
		limit = strconv.Itoa(int(e.Limit.Amount))
	}
	if raw := e.Raw["limit"]; raw != "" {
		limit, unit = raw, ""
	}
	w.put(Procedures, "", map[string]string{
		"code": e.Code, "name": e.Name.VI, "name_en": e.Name.EN, "field": w.field(e.Field), "level": w.level(e.Level, e.Raw["level"]),
		"office": w.office(e.Office, e.Raw["office"]), "limit": limit, "unit": unit, "fees": e.Raw["fees"], "subjects": w.subjects(),
		"result": e.Result.VI, "result_en": e.Result.EN, "conditions": e.Conditions.VI, "conditions_en": e.Conditions.EN,
		"legal": lined(e.LegalBasis), "decision": e.Decision, "from": string(e.Valid.From), "to": string(e.Valid.To), "synonyms": lined(e.Synonyms),
		"version": strconv.Itoa(int(e.Version)), "check": strings.Join(marks, "\n"), "key": w.own, "faults": strings.Join(faults, "\n"), "raw": e.Raw[""],
	})
	w.parts()
	if len(e.Form) > 0 && !slices.Contains(e.Check, MarkForm) {
		w.long("form", string(e.Form))
	}
}

func lined(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, strings.ReplaceAll(s, "\n", "⏎"))
	}
	return strings.Join(out, "\n")
}

// level is the name of a level where it leads back to it, else the id.
func (w *bookWriter) level(id directory.LevelID, raw string) string {
	if raw != "" {
		return raw
	}
	for _, l := range w.t.Levels {
		if back, ok := w.m.Level(l.Name.VI); l.ID == id && ok && back == id {
			return l.Name.VI
		}
	}
	return string(id)
}

func (w *bookWriter) field(id string) string {
	for _, f := range w.t.Fields {
		if back, ok := w.m.fields[fold.Fold(f.Name.VI)]; f.ID == id && ok && back == id {
			return f.Name.VI
		}
	}
	return id
}

func (w *bookWriter) office(code directory.OfficeCode, raw string) string {
	if raw != "" {
		return raw
	}
	for _, o := range w.t.Offices {
		if o.Code == code {
			return OfficeCell(o, w.t.On)
		}
	}
	return string(code)
}

// OfficeCell is how an office stands in a cell: its code, and its name on a date.
func OfficeCell(o directory.Office, on directory.Date) string {
	return string(o.Code) + " – " + o.NameOn(on).VI
}

func (w *bookWriter) subjects() string {
	if slices.Contains(w.e.Check, MarkSubjects) && len(w.e.Subjects) == len(subjectIDs) {
		return "" // filled in by default
	}
	var out []string
	for _, id := range w.e.Subjects {
		out = append(out, SubjectWords(id, "vi"))
	}
	return strings.Join(out, "\n")
}

// UnitWords names a unit of time as cells do.
func UnitWords(u directory.TimeUnit) string {
	switch u {
	case directory.WorkingDay:
		return "ngày làm việc"
	case directory.Day:
		return "ngày"
	case directory.WorkingHour:
		return "giờ làm việc"
	}
	return string(u)
}

func (w *bookWriter) parts() {
	e := w.e
	for i, q := range e.Requirements {
		at := path("requirements", i)
		cells := map[string]string{
			"code": w.key, "order": strconv.Itoa(i + 1), "id": q.ID, "name": q.Name.VI, "name_en": q.Name.EN, "note": q.Note.VI, "note_en": q.Note.EN,
			"originals": strconv.Itoa(int(q.Originals)), "copies": strconv.Itoa(int(q.Copies)), "required": "Có",
		}
		if q.Optional {
			cells["required"] = "Không"
		}
		for _, k := range []string{"originals", "copies"} {
			if raw := e.Raw[at+"."+k]; raw != "" {
				cells[k] = raw
			}
		}
		w.put(Requirements, at, cells)
	}
	if !slices.Contains(e.Check, MarkRoute) {
		w.steps()
	}
	for i, f := range e.Fees {
		w.fee(path("fees", i), i, f)
	}
}

func (w *bookWriter) steps() {
	for i, s := range w.e.Route {
		at := path("route", i)
		kind := string(s.Kind)
		for _, k := range stepKinds {
			if k.kind == s.Kind {
				kind = k.words
			}
		}
		cells := map[string]string{
			"code": w.key, "order": strconv.Itoa(i + 1), "id": s.ID, "name": s.Name.VI, "name_en": s.Name.EN, "kind": kind,
			"level": w.level(s.Level, ""), "office": w.office(s.Office, ""),
		}
		if s.Budget > 0 {
			cells["days"] = quarters(int(s.Budget))
		}
		if s.Acknowledge > 0 {
			cells["acknowledge"] = strconv.Itoa(int(s.Acknowledge))
		}
		for cell, field := range map[string]string{"days": ".budget", "acknowledge": ".acknowledge"} {
			if raw := w.e.Raw[at+field]; raw != "" {
				cells[cell] = raw
			}
		}
		w.put(Steps, at, cells)
	}
}

func (w *bookWriter) fee(at string, i int, f directory.Fee) {
	cells := map[string]string{
		"code": w.key, "order": strconv.Itoa(i + 1), "name": f.Name.VI, "name_en": f.Name.EN, "note": f.Note.VI, "note_en": f.Note.EN,
	}
	if f.Amount > 0 {
		cells["amount"], cells["currency"] = strconv.FormatUint(f.Amount, 10), "VND"
	}
	if f.ByRule {
		cells["by_rule"] = "Có"
	}
	if raw := w.e.Raw[at+".amount"]; raw != "" {
		cells["amount"], cells["currency"] = raw, ""
	}
	w.put(Fees, at, cells)
}
