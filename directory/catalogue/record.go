package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// record reads a record of the portal: code, name, field, ministry, level[], agency{}, methods[], documents[], steps, results,
// legal_basis, conditions, subjects, kind, decision. Any of them may be missing or of another type; numbers may be texts, lists
// single values. Of what it has, the description of the steps in prose, the ministry and the kind have no place in a procedure
// and stay in the source.
func (r *reader) record(raw []byte, row int) Entry {
	v, err := decodeAny(raw)
	fields, ok := v.(map[string]any)
	if err != nil || !ok {
		return r.broken(raw, row, fmt.Errorf("want a JSON object: %v", err))
	}
	e := Entry{Place: Place{File: r.file, Row: row}}
	s := source{fields}
	e.Code = e.mendCode(s.text("code"))
	e.readName(s.text("name"))
	e.Decision = strings.Join(s.texts("decision"), "; ")
	e.Conditions.VI = none(strings.Join(s.texts("conditions"), "\n"))
	e.Result.VI = strings.Join(s.texts("results"), "; ")
	e.LegalBasis = s.texts("legal_basis")
	if len(e.LegalBasis) == 0 {
		e.LegalBasis = splitLines(s.text("legal_basis_text"))
	}
	e.readField(s, r.m)
	e.readSubjects(s.texts("subjects"), r.m)
	slices.SortFunc(e.Subjects, func(a, b string) int { return slices.Index(subjectIDs, a) - slices.Index(subjectIDs, b) })
	e.readPlace(s, r.m)
	e.readMethods(s, r.m)
	e.readDocuments(s)
	r.leave(s)
	e.finish(true)
	return e
}

// used are the members of a record that a procedure has a place for, and those that only say where it came from.
var used = []string{
	"code", "name", "decision", "conditions", "results", "legal_basis", "legal_basis_text", "field", "subjects", "level", "level_text", "agency",
	"methods", "methods_text", "documents", "source", "quality", "detail", "era", "accepts_online",
}

// leave counts what a record says and a procedure has no place for, so that the editor is told what stays in the source.
func (r *reader) leave(s source) {
	for k, v := range s.fields {
		if !slices.Contains(used, k) && plain(v) != "" {
			if r.out.Left == nil {
				r.out.Left = map[string]int{}
			}
			r.out.Left[k]++
		}
	}
}

// finish cleans, divides, identifies and fills in. With markup, the tags of web pages are taken out first.
func (e *Entry) finish(markup bool) {
	e.tidy(markup)
	for i := range e.Requirements {
		q := &e.Requirements[i]
		if name, note, divided := divide(q.Name.VI, q.Note.VI); divided {
			q.Name.VI, q.Note.VI = name, note
			e.find(LongDivided, path("requirements", i)+".name.vi")
			e.mark(MarkText)
		}
	}
	e.LegalBasis = slices.DeleteFunc(e.LegalBasis, func(s string) bool { return s == "" })
	e.complete()
	e.identify()
	all := Marks()
	slices.SortFunc(e.Check, func(a, b Mark) int { return slices.Index(all, a) - slices.Index(all, b) })
}

// decodeAny reads one JSON value, numbers as they are written.
func decodeAny(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// source is a record as it came.
type source struct{ fields map[string]any }

// plain is the text of any value: of an object its name, of a list its texts.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return strings.Join(plains(v), "; ")
	case map[string]any:
		for _, k := range []string{"name", "text", "value", "title", "vi", "code"} {
			if s := plain(v[k]); s != "" {
				return s
			}
		}
	}
	return ""
}

func plains(v any) (out []string) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, x := range list {
		if s := plain(x); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (s source) text(key string) string    { return plain(s.fields[key]) }
func (s source) texts(key string) []string { return plains(s.fields[key]) }

// objects are the objects of a list; a bare value is one with that as its name.
func (s source) objects(key string) (out []source) {
	v := s.fields[key]
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	for _, x := range list {
		m, ok := x.(map[string]any)
		if !ok && plain(x) != "" {
			m = map[string]any{"name": plain(x)}
		}
		if m != nil {
			out = append(out, source{m})
		}
	}
	return out
}

func splitLines(s string) (out []string) {
	for _, l := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == ';' }) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// none is a text, or nothing where it says "không có".
func none(s string) string {
	if unstated.MatchString(strings.TrimSpace(fold.Line(s))) {
		return ""
	}
	return s
}

var codeForm = regexp.MustCompile(`^[0-9]\.[0-9]{6}(\.[0-9A-Z]{1,8})*$`)

// mendCode brings a code to its form where only spaces, a comma for the dot or small letters stand in the way.
func (e *Entry) mendCode(s string) string {
	better := strings.ToUpper(strings.ReplaceAll(strings.Join(strings.Fields(Clean(s)), ""), ",", "."))
	better = strings.Trim(better, ".'`\"")
	if better != s && codeForm.MatchString(better) {
		e.find(CodeMended, "code", s)
		return better
	}
	return s
}

var numbering = regexp.MustCompile(`^\d{1,3}[.)]\s+`)

// readName takes the number of a list off a name.
func (e *Entry) readName(s string) {
	e.Name.VI = s
	if better := numbering.ReplaceAllString(s, ""); better != s && better != "" {
		e.Name.VI = better
		e.mark(MarkText)
	}
}

func (e *Entry) readField(s source, m *Map) {
	name := Clean(s.text("field"))
	if name == "" {
		return
	}
	id, isNew, err := m.field(name)
	if err != nil {
		return
	}
	e.Field = id
	if isNew {
		e.find(NewField, "field", name)
	}
}

func (e *Entry) readSubjects(texts []string, m *Map) {
	for i, s := range texts {
		id, ok := m.subject(s)
		switch {
		case !ok:
			e.find(UnknownSubject, path("subjects", i), s)
			e.mark(MarkSubjects)
		case !slices.Contains(e.Subjects, id):
			e.Subjects = append(e.Subjects, id)
		}
	}
	if len(e.Subjects) == 0 {
		e.Subjects = slices.Clone(subjectIDs)
		e.find(NoSubject, "subjects")
		e.mark(MarkSubjects)
	}
}

// readPlace finds who is in charge: the agency where it is recognised, else the level.
func (e *Entry) readPlace(s source, m *Map) {
	levels, unknown := e.readLevels(s, m)
	agencies := agenciesOf(s)
	var found []place
	for _, a := range agencies {
		if p, ok := m.agency(a); ok && !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	switch {
	case len(found) > 0:
		e.Level, e.Office = found[0].level, found[0].office
		if len(found) > 1 {
			e.find(SeveralAgencies, "office", strings.Join(agencies, "; "))
			e.mark(MarkOffice)
		}
	case len(agencies) > 0 && len(levels) > 0:
		e.Level = levels[0]
		e.keep("office", agencies[0])
		e.find(UnknownAgency, "office", excerpt(agencies[0]))
	case len(levels) > 0:
		e.Level, e.Office = levels[0], m.head(levels[0])
		e.mark(MarkOffice)
		if len(levels) > 1 {
			e.find(SeveralLevels, "level", plain(s.fields["level"]))
		}
	case len(unknown) > 0:
		e.keep("level", unknown[0])
		e.find(UnknownLevel, "level", strings.Join(unknown, ", "))
	}
}

// readLevels returns the levels that are known, nearest to the citizen first, and the words for others.
func (e *Entry) readLevels(s source, m *Map) (known []directory.LevelID, unknown []string) {
	for _, w := range s.texts("level") {
		for _, part := range strings.FieldsFunc(w, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
			id, ok := m.Level(part)
			switch {
			case !ok:
				unknown = append(unknown, strings.TrimSpace(part))
			case !slices.Contains(known, id):
				known = append(known, id)
			}
		}
	}
	rank := map[directory.LevelID]int{}
	for _, l := range m.tables.Levels {
		rank[l.ID] = int(l.Rank)
	}
	slices.SortStableFunc(known, func(a, b directory.LevelID) int { return rank[a] - rank[b] })
	return known, unknown
}

// agenciesOf are the names of agencies, who executes first.
func agenciesOf(s source) (out []string) {
	a, ok := s.fields["agency"].(map[string]any)
	if !ok {
		a = map[string]any{"executing": s.fields["agency"]}
	}
	for _, k := range []string{"executing", "competent", "listed"} {
		for _, text := range plains(a[k]) {
			for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ';' }) {
				if name = Clean(name); name != "" && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

var brackets = regexp.MustCompile(`\([^()]*\)`)
