package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"motcua/directory"
	"motcua/directory/fold"
)

// Book is a workbook as plain cells.
type Book struct{ Sheets []Sheet }

// Sheet is one sheet: rows of cells, and the areas that were merged.
type Sheet struct {
	Name   string
	Rows   [][]string
	Merged []Area
}

// Area is a merged area, rows and columns from 0, both ends included.
type Area struct{ Top, Left, Bottom, Right int }

// MaxRows bounds the rows of all sheets.
const MaxRows = 400_000

// maxHeading is within how many rows the headings must stand.
const maxHeading = 30

// row is one row under its headings.
type row struct {
	place Place
	cells map[string]string
	// goes on is set where the row is of the same merged record as the one before.
	goesOn bool
}

func (r row) get(id string) string { return Clean(r.cells[id]) }

// table is a sheet that was understood.
type table struct {
	kind SheetKind
	rows []row
}

// ReadBook reads a workbook as offices keep it: each sheet is known by its name or its headings, which may stand in any order, in
// any of the first rows, with or without accents. Merged cells count for each row they cover, blank rows for none; a heading
// like "Lĩnh vực: Hộ tịch" across a sheet is the field of the rows under it. A column or row that is not understood is told.
func ReadBook(name string, b Book, m *Map, progress func(done int)) (Catalogue, error) {
	r := &bookReader{file: name, m: m, byCode: map[string]int{}, progress: progress}
	total := 0
	for _, s := range b.Sheets {
		total += len(s.Rows)
	}
	if total > MaxRows {
		return Catalogue{}, fmt.Errorf("read %s: %d rows, at most %d; divide the workbook", name, total, MaxRows)
	}
	var tables []table
	for _, s := range b.Sheets {
		if t, ok := r.table(s); ok {
			tables = append(tables, t)
		}
	}
	if len(tables) == 0 {
		return Catalogue{}, fmt.Errorf("read %s: no sheet has headings like “Mã thủ tục” and “Tên thủ tục”; see what motcua catalogue export --xlsx writes", name)
	}
	r.long = longTexts(tables)
	for _, kind := range []SheetKind{Procedures, Requirements, Steps, Fees} {
		for _, t := range tables {
			if t.kind == kind {
				r.read(t)
			}
		}
	}
	for i := range r.out.Entries {
		r.finish(i)
	}
	return r.out, nil
}

type bookReader struct {
	file     string
	m        *Map
	out      Catalogue
	byCode   map[string]int
	keys     []string // of the entries: their code, or a number of their own
	long     map[string]string
	progress func(int)
	// inText are what the sheet of procedures says of papers and fees, which counts where the other sheets say nothing.
	papers, fees map[string]string
}

// table finds out what a sheet is, and reads its rows.
func (r *bookReader) table(s Sheet) (table, bool) {
	if ours(s.Name) {
		return table{}, false
	}
	fill(&s)
	best, at, kind := 0, -1, SheetKind("")
	for _, k := range sheets {
		named := 0
		for _, w := range append([]string{fold.Fold(k.Name)}, strings.Split(k.others, "|")...) {
			if named == 0 && hasWords(fold.Fold(s.Name), w) {
				named = 1
			}
		}
		if fold.Fold(s.Name) == fold.Fold(k.Name) {
			named = 3
		}
		for i := range s.Rows[:min(len(s.Rows), maxHeading)] {
			n := known(k.Kind, s.Rows[i])
			if n >= 2 && n*2+named > best {
				best, at, kind = n*2+named, i, k.Kind
			}
		}
	}
	if at < 0 {
		if len(s.Rows) > 0 {
			r.out.Found = append(r.out.Found, Finding{Code: SkippedSheet, Place: Place{r.file, s.Name, 0}, Args: []string{s.Name}})
		}
		return table{}, false
	}
	return table{kind, r.rows(s, kind, at)}, true
}

// ours tells whether a sheet is one that we write for people alone.
func ours(name string) bool { return name == GuideSheet || name == ListSheet }

// The sheets of a workbook that hold no record: how to fill it in, and the choices.
const (
	GuideSheet = "Hướng dẫn"
	ListSheet  = "Danh mục"
)

// known counts the headings of a row that a kind of sheet has; none if the one that says whose rows they are is missing.
func known(k SheetKind, cells []string) int {
	seen := map[string]bool{}
	for _, c := range cells {
		if id, ok := columnOf(k, c); ok {
			seen[id] = true
		}
	}
	if !seen["code"] && !(k == Procedures && seen["name"]) {
		return 0
	}
	return len(seen)
}

// fill gives each cell of a merged area its value.
func fill(s *Sheet) {
	for _, a := range s.Merged {
		if a.Top >= len(s.Rows) || a.Left >= len(s.Rows[a.Top]) || a.Bottom-a.Top > 10_000 || a.Right-a.Left > 500 {
			continue
		}
		v := s.Rows[a.Top][a.Left]
		for i := a.Top; i <= min(a.Bottom, len(s.Rows)-1); i++ {
			for len(s.Rows[i]) <= a.Right {
				s.Rows[i] = append(s.Rows[i], "")
			}
			for j := a.Left; j <= a.Right; j++ {
				s.Rows[i][j] = v
			}
		}
	}
}

func (r *bookReader) rows(s Sheet, kind SheetKind, heading int) (out []row) {
	ids := make([]string, len(s.Rows[heading]))
	taken := map[string]bool{}
	for j, h := range s.Rows[heading] {
		id, ok := columnOf(kind, h)
		if ok && !taken[id] {
			ids[j], taken[id] = id, true
		} else if fold.Fold(h) != "" && !positions[fold.Fold(h)] {
			r.out.Found = append(r.out.Found, Finding{Code: UnknownColumn, Place: Place{r.file, s.Name, heading + 1}, Args: []string{Clean(h)}})
		}
	}
	field := ""
	for i := heading + 1; i < len(s.Rows); i++ {
		x := row{place: Place{r.file, s.Name, i + 1}, cells: map[string]string{}}
		for j, v := range s.Rows[i] {
			if j < len(ids) && ids[j] != "" && strings.TrimSpace(v) != "" {
				x.cells[ids[j]] = v
			}
		}
		if alone, ok := single(s.Rows[i]); ok && kind == Procedures {
			if f, ok := fieldHeading(alone); ok {
				field = f
				continue
			}
		}
		if len(x.cells) == 0 || numbered(s.Rows[i]) {
			continue
		}
		if kind == Procedures && x.cells["field"] == "" {
			x.cells["field"] = field
		}
		x.goesOn = sameCell(s, ids, i)
		out = append(out, x)
	}
	return out
}

// positions are headings of columns that only count rows.
var positions = map[string]bool{"stt": true, "tt": true, "so tt": true, "so thu tu": true, "no": true}

// sameCell tells whether a row's code is one cell with that of the row above.
func sameCell(s Sheet, ids []string, i int) bool {
	j := slices.Index(ids, "code")
	if j < 0 {
		j = slices.Index(ids, "name")
	}
	return j >= 0 && slices.ContainsFunc(s.Merged, func(a Area) bool { return a.Left <= j && j <= a.Right && a.Top < i && i <= a.Bottom })
}

// single is the only text of a row, however often it stands there.
func single(cells []string) (string, bool) {
	text := ""
	for _, c := range cells {
		switch c = Clean(c); {
		case c == "" || c == text:
		case text == "":
			text = c
		default:
			if len([]rune(text)) <= 4 && !strings.Contains(text, ".0") { // "I", "II.", "1": a number before the heading
				text = c
				continue
			}
			return "", false
		}
	}
	return text, text != ""
}

// fieldHeading reads "I. LĨNH VỰC HỘ TỊCH".
func fieldHeading(s string) (string, bool) {
	low := strings.ToLower(s)
	i := strings.Index(low, "lĩnh vực")
	if i < 0 || i > 12 {
		return "", false
	}
	rest := strings.Trim(strings.TrimSpace(s[i+len("lĩnh vực"):]), ": ")
	if rest == "" || len(rest) > 200 {
		return "", false
	}
	if rest == strings.ToUpper(rest) {
		runes := []rune(strings.ToLower(rest))
		rest = strings.ToUpper(string(runes[:1])) + string(runes[1:])
	}
	return rest, true
}

// numbered tells whether a row only numbers the columns: (1) (2) (3).
func numbered(cells []string) bool {
	n := 0
	for _, c := range cells {
		w := strings.Trim(Clean(c), "()[]")
		if w == "" {
			continue
		}
		if len(w) > 2 || strings.Trim(w, "0123456789") != "" {
			return false
		}
		n++
	}
	return n >= 3
}

// longTexts gathers the parts of texts that did not fit a cell, by code and column.
func longTexts(tables []table) map[string]string {
	out := map[string]string{}
	for _, t := range tables {
		for _, x := range t.rows {
			if t.kind == LongTexts {
				out[x.get("code")+"/"+x.get("column")] += x.cells["text"]
			}
		}
	}
	return out
}

// LongMarker stands in a cell whose text is on the sheet of long texts.
const LongMarker = "→ Văn bản dài"

// text is the text of a cell, from the sheet of long texts where it points there.
func (r *bookReader) text(code, column string, x row, id string) string {
	s := x.get(id)
	if s == LongMarker {
		return r.long[code+"/"+column]
	}
	return s
}

func (r *bookReader) read(t table) {
	code := ""
	for _, x := range t.rows {
		if t.kind == Procedures {
			r.procedure(x)
			continue
		}
		if c := x.get("code"); c != "" {
			if code = c; !strings.HasPrefix(c, "#") {
				code = (&Entry{}).mendCode(padded(c))
			}
		}
		i, ok := r.byCode[code]
		if !ok {
			i = r.entry(Entry{Place: x.place, Procedure: directory.Procedure{Code: code}}, code)
			r.out.Entries[i].find(OrphanRow, "", code)
		}
		r.part(i, t.kind, x)
	}
}

func (r *bookReader) entry(e Entry, key string) int {
	r.out.Entries, r.keys = append(r.out.Entries, e), append(r.keys, key)
	if _, ok := r.byCode[key]; !ok {
		r.byCode[key] = len(r.out.Entries) - 1
	}
	if r.progress != nil {
		r.progress(len(r.out.Entries))
	}
	return len(r.out.Entries) - 1
}
