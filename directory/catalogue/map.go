package catalogue

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// Map leads the words of a source to the ids of the tables. It begins with the tables' own ids and names; an editor adds what
// they do not say. Lookups ignore case, accents and punctuation.
type Map struct {
	levels   map[string]directory.LevelID
	fields   map[string]string
	offices  map[string]directory.OfficeCode // whole names
	agencies map[string]string               // of the editor: to an office code or a level
	subjects map[string]string
	units    map[string]string
	tables   Tables
	short    []named // names of offices without that of the province, longest first
	fresh    map[string]directory.Field
	freshIDs []string
}

type named struct {
	words string
	code  directory.OfficeCode
}

// NewMap makes the map of tables.
func NewMap(t Tables) *Map {
	m := &Map{
		levels: map[string]directory.LevelID{}, fields: map[string]string{}, offices: map[string]directory.OfficeCode{},
		agencies: map[string]string{}, subjects: map[string]string{}, units: map[string]string{}, tables: t,
		fresh: map[string]directory.Field{},
	}
	for _, l := range t.Levels {
		for _, s := range []string{string(l.ID), l.Name.VI, l.Name.EN} {
			if w := fold.Fold(s); w != "" {
				m.levels[w] = l.ID
				m.levels[strings.TrimPrefix(w, "cap ")] = l.ID
			}
		}
	}
	for _, f := range t.Fields {
		for _, s := range []string{f.ID, f.Name.VI, f.Name.EN} {
			if w := fold.Fold(s); w != "" {
				m.fields[w] = f.ID
			}
		}
	}
	m.addOffices()
	return m
}

func (m *Map) addOffices() {
	province := ""
	for _, o := range m.tables.Offices {
		if o.Parent == "" {
			province = fold.Fold(o.Place.VI)
		}
	}
	for _, o := range m.tables.Offices {
		name := fold.Fold(o.NameOn(m.tables.On).VI)
		m.offices[name] = o.Code
		m.offices[fold.Fold(string(o.Code))] = o.Code
		short := strings.TrimSpace(strings.TrimSuffix(name, province))
		if o.Parent != "" && short != name && len(strings.Fields(short)) > 1 {
			m.short = append(m.short, named{short, o.Code})
		}
	}
	slices.SortFunc(m.short, func(a, b named) int { return len(b.words) - len(a.words) })
}

// The kinds of lines of a map file, in the words an editor may use, folded.
var mapKinds = map[string]string{
	"level": "level", "cap": "level", "field": "field", "linh vuc": "field", "agency": "agency", "co quan": "agency", "office": "agency",
	"subject": "subject", "doi tuong": "subject", "unit": "unit", "don vi": "unit", "don vi thoi han": "unit",
}

// MaxMap bounds a map file, in bytes.
const MaxMap = 4 << 20

// Extend adds the lines of a map file: CSV with comma, semicolon or tab, each line a kind (level, field, agency, subject or
// unit; cấp, lĩnh vực, cơ quan, đối tượng, đơn vị), what the source says, and what it means: an id, code or name of the
// tables. For a unit the source's word may be empty: what a number without a unit is in. A field that is not in the tables is
// made anew.
func (m *Map) Extend(file []byte) error {
	if len(file) > MaxMap {
		return fmt.Errorf("read map: %d bytes, at most %d", len(file), MaxMap)
	}
	r := NewCSV(file)
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read map: %w; want lines of kind, source, meaning", err)
		}
		line, _ := r.FieldPos(0)
		if len(row) < 3 || strings.HasPrefix(row[0], "#") || fold.Fold(row[0]) == "loai" || fold.Fold(row[0]) == "kind" {
			continue
		}
		if err := m.put(row[0], row[1], strings.TrimSpace(row[2])); err != nil {
			return fmt.Errorf("read map: line %d: %w", line, err)
		}
	}
}

func (m *Map) put(kind, from, to string) error {
	w := fold.Fold(from)
	switch mapKinds[fold.Fold(kind)] {
	case "level":
		id, ok := m.levels[fold.Fold(to)]
		if !ok {
			return fmt.Errorf("no level %q", to)
		}
		m.levels[w] = id
	case "field":
		id, _, err := m.field(to)
		if err != nil {
			return err
		}
		m.fields[w] = id
	case "agency":
		_, office := m.offices[fold.Fold(to)]
		_, level := m.levels[fold.Fold(to)]
		if !office && !level {
			return fmt.Errorf("no office or level %q", to)
		}
		m.agencies[w] = fold.Fold(to)
	case "subject":
		if !slices.Contains(subjectIDs, to) {
			return fmt.Errorf("no subject %q; want one of %s", to, strings.Join(subjectIDs, ", "))
		}
		m.subjects[w] = to
	case "unit":
		m.units[w] = to
	default:
		return fmt.Errorf("no kind %q; want level, field, agency, subject or unit", kind)
	}
	return nil
}

// NewCSV reads CSV as spreadsheets write it: with a byte-order mark, and the separator of the country.
func NewCSV(b []byte) *csv.Reader {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	first, _, _ := bytes.Cut(b, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(b))
	for _, c := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(",")) {
			r.Comma = c
		}
	}
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	return r
}

// Level finds a level by its id or name.
func (m *Map) Level(s string) (directory.LevelID, bool) {
	id, ok := m.levels[fold.Fold(s)]
	return id, ok
}

// Office finds an office by its code or whole name.
func (m *Map) Office(s string) (directory.OfficeCode, bool) {
	code, ok := m.offices[fold.Fold(s)]
	return code, ok
}

// field finds a field by its id or name, or makes a new one; new tells which.
func (m *Map) field(s string) (id string, isNew bool, err error) {
	w := fold.Fold(s)
	if w == "" {
		return "", false, errors.New("no field")
	}
	if id, ok := m.fields[w]; ok {
		_, isNew := m.fresh[id]
		return id, isNew, nil
	}
	taken := map[string]bool{}
	for _, f := range m.tables.Fields {
		taken[f.ID] = true
	}
	for id := range m.fresh {
		taken[id] = true
	}
	id = unique(slug(s), taken)
	m.fresh[id] = directory.Field{ID: id, Name: directory.Text{VI: Clean(s)}}
	m.freshIDs = append(m.freshIDs, id)
	m.fields[w] = id
	return id, true, nil
}

// Fresh are the fields that were made anew, in the order in which they were met.
func (m *Map) Fresh() (out []directory.Field) {
	for _, id := range m.freshIDs {
		out = append(out, m.fresh[id])
	}
	return out
}

// Unit is the word for a unit that the editor has given another: "" for a number without one.
func (m *Map) Unit(s string) string {
	if to, ok := m.units[fold.Fold(s)]; ok {
		return to
	}
	return s
}

// place is what an agency stands for.
type place struct {
	office directory.OfficeCode
	level  directory.LevelID
}

// agency finds the office or level that a name of an agency means: what the editor says, an office of that name, the level
// whose people's committee it names ("Ủy ban nhân dân cấp xã"), or an office whose name without the province's begins it
// ("Sở Tư pháp các tỉnh").
func (m *Map) agency(s string) (place, bool) {
	w := fold.Fold(s)
	if to, ok := m.agencies[w]; ok {
		if code, ok := m.offices[to]; ok {
			return m.placeOf(code), true
		}
		return place{level: m.levels[to]}, true
	}
	if code, ok := m.offices[w]; ok {
		return m.placeOf(code), true
	}
	if rest, ok := committee(w); ok { // a police station of a commune is no people's committee
		return m.committeeOf(rest)
	}
	for _, n := range m.short {
		if strings.HasPrefix(w+" ", n.words+" ") {
			return m.placeOf(n.code), true
		}
	}
	return place{}, false
}

// committee returns what a people's committee is said to be of.
func committee(w string) (string, bool) {
	for _, name := range []string{"uy ban nhan dan", "ubnd"} {
		if i := strings.Index(w, name); i >= 0 {
			return strings.TrimSpace(w[i+len(name):]), true
		}
	}
	return "", false
}

// committeeOf finds the level that is named first ("cap tinh va cap xa"), by its name or without "cấp".
func (m *Map) committeeOf(rest string) (place, bool) {
	best, at := place{}, -1
	for _, l := range m.tables.Levels {
		name := fold.Fold(l.Name.VI)
		i := strings.Index(" "+rest+" ", " "+name+" ")
		if short := strings.TrimPrefix(name, "cap "); i < 0 && strings.HasPrefix(rest+" ", short+" ") {
			i = 0
		}
		if i >= 0 && (at < 0 || i < at) {
			best, at = place{level: l.ID, office: m.head(l.ID)}, i
		}
	}
	return best, at >= 0
}

func (m *Map) placeOf(code directory.OfficeCode) place {
	for _, o := range m.tables.Offices {
		if o.Code == code {
			return place{office: code, level: o.Level}
		}
	}
	return place{office: code}
}

// head is the one office of a level that has no parent there, where the others of the level belong to it; "" if there are several.
func (m *Map) head(level directory.LevelID) (head directory.OfficeCode) {
	at := map[directory.OfficeCode]bool{}
	for _, o := range m.tables.Offices {
		if o.Level == level && o.Valid.Contains(m.tables.On) {
			at[o.Code] = true
		}
	}
	for _, o := range m.tables.Offices {
		if at[o.Code] && !at[o.Parent] {
			if head != "" {
				return ""
			}
			head = o.Code
		}
	}
	return head
}

var subjectIDs = []string{"citizen", "business", "organisation"}

// subject finds what kind of applicant a phrase means.
func (m *Map) subject(s string) (string, bool) {
	w := fold.Fold(brackets.ReplaceAllString(s, " "))
	if id, ok := m.subjects[fold.Fold(s)]; ok {
		return id, true
	}
	for _, k := range subjectWords {
		for _, words := range k.words {
			if hasWords(w, words) {
				return k.id, true
			}
		}
	}
	return "", false
}

var subjectWords = []struct {
	id    string
	words []string
}{
	{"business", []string{"business", "doanh nghiep", "hop tac xa", "ho kinh doanh", "cong ty", "htx", "thuong nhan"}},
	{"organisation", []string{"organisation", "organization", "to chuc", "co quan", "don vi", "hoi", "quy"}},
	{"citizen", []string{"citizen", "cong dan", "nguoi", "ca nhan", "ho gia dinh", "can bo", "vien chuc", "cong chuc", "dang vien", "nhan dan", "hoc sinh", "sinh vien"}},
}
