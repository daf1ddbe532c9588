package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"motcua/cmd/admin"
	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/catalogue/sheet"
	"motcua/directory/khanhhoa"
	"motcua/directory/server"
	"motcua/node/form"
)

// catalogueCommands are the tools of the catalogue editor. Those that only read files need no server.
func catalogueCommands() []*command {
	return []*command{
		catalogueLintCommand(), catalogueImportCommand(), catalogueDiffCommand(), cataloguePublishCommand(), catalogueWithdrawCommand(),
		catalogueExportCommand(), catalogueHistoryCommand(),
	}
}

// editor is what the commands of the catalogue have in common.
type editor struct {
	c       *command
	data    *string
	mapping *string
	lang    *string
	json    *bool

	tool  *admin.Client
	nodes []directory.OfficeCode
}

func newEditor(c *command) *editor {
	return &editor{
		c:       c,
		data:    c.flags.String("data", "", "`folder` of a running directory server, for what is published"),
		mapping: c.flags.String("map", "", "CSV `file` that says what a source's words for levels, fields, agencies and units mean"),
		lang:    c.flags.String("lang", "vi", "`language` of what is told: vi or en"),
		json:    c.flags.Bool("json", false, "print JSON"),
	}
}

// say returns the phrase of the chosen language.
func (e *editor) say(vi, en string) string {
	if *e.lang == "en" {
		return en
	}
	return vi
}

func (e *editor) check() error {
	if *e.lang != "vi" && *e.lang != "en" {
		return usagef("%s: unknown language %q; want vi or en", e.c.name, *e.lang)
	}
	return nil
}

// tables are those of the running server, or the ones that this program carries.
func (e *editor) tables(ctx context.Context) (t catalogue.Tables, err error) {
	t.On = directory.DateOf(time.Now())
	if *e.data == "" {
		t.Levels, t.Offices, t.Fields = khanhhoa.Levels(), khanhhoa.Offices(), khanhhoa.Fields()
		return t, nil
	}
	if e.tool, err = directoryTool(e.c.name, *e.data); err != nil {
		return t, err
	}
	var c server.Catalogue
	if err := e.tool.Get(ctx, "/catalogue", &c); err != nil {
		return t, err
	}
	e.nodes = c.Nodes
	t.Levels, t.Offices, t.Fields, t.Procedures, t.Withdrawn, t.Open = c.Levels, c.Offices, c.Fields, c.Procedures, c.Withdrawn, c.Open
	return t, nil
}

// read reads files as one catalogue, with the fields that they bring.
func (e *editor) read(std stdio, t catalogue.Tables, files []string) (out catalogue.Catalogue, err error) {
	m := catalogue.NewMap(t)
	if *e.mapping != "" {
		b, err := os.ReadFile(*e.mapping)
		if err != nil {
			return out, fmt.Errorf("read map: %w", err)
		}
		if err := m.Extend(b); err != nil {
			return out, fmt.Errorf("%s: %w", *e.mapping, err)
		}
	}
	for _, path := range files {
		c, err := e.readFile(std, path, m)
		if err != nil {
			return out, err
		}
		out.Entries, out.Found = append(out.Entries, c.Entries...), append(out.Found, c.Found...)
		out.Fields, out.Levels, out.Offices = append(out.Fields, c.Fields...), append(out.Levels, c.Levels...), append(out.Offices, c.Offices...)
		for k, n := range c.Left {
			if out.Left == nil {
				out.Left = map[string]int{}
			}
			out.Left[k] += n
		}
	}
	out.Fields = append(out.Fields, m.Fresh()...)
	return out, nil
}

func (e *editor) readFile(std stdio, path string, m *catalogue.Map) (catalogue.Catalogue, error) {
	f, err := os.Open(path)
	if err != nil {
		return catalogue.Catalogue{}, fmt.Errorf("read catalogue: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, catalogue.MaxFile+1))
	if err != nil {
		return catalogue.Catalogue{}, fmt.Errorf("read catalogue: %w", err)
	}
	name := filepath.Base(path)
	bar := newBar(std, e.say("đọc ", "reading ")+name, 0)
	defer bar.end()
	var book catalogue.Book
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		book, err = sheet.ReadXLSX(name, b)
	case strings.EqualFold(filepath.Ext(path), ".csv"):
		book, err = sheet.ReadCSV(name, b)
	default:
		return catalogue.Read(name, b, m, bar.at)
	}
	if err != nil {
		return catalogue.Catalogue{}, err
	}
	return catalogue.ReadBook(name, book, m, bar.at)
}

// checkForm is the rule of forms, which the nodes have.
func checkForm(b []byte) error {
	_, err := form.Compile(b)
	return err
}

// write writes a catalogue as a workbook or JSON, by the name of the file.
func (e *editor) write(path string, c catalogue.Catalogue, t catalogue.Tables, intro []string) error {
	var b []byte
	var err error
	if strings.EqualFold(filepath.Ext(path), ".json") {
		var out bytes.Buffer
		err = printJSON(&out, c)
		b = out.Bytes()
	} else {
		b, err = sheet.WriteXLSX(catalogue.WriteBook(c, t), t.With(c), intro)
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	return nil
}

// wantFormat refuses a name whose form would be a guess.
func wantFormat(c *command, flag, path string) error {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".json", ".xlsx":
		return nil
	}
	return usagef("%s: --%s %q: name a file that ends in .xlsx or .json", c.name, flag, path)
}

// severityWords name severities for people.
func (e *editor) severityWords(s catalogue.Severity) string {
	if *e.lang == "en" {
		return string(s)
	}
	return map[catalogue.Severity]string{catalogue.Error: "lỗi", catalogue.Warning: "cảnh báo", catalogue.Check: "kiểm tra"}[s]
}

// printTally prints the summary by fault.
func (e *editor) printTally(w io.Writer, all []catalogue.Finding) {
	example := map[catalogue.Fault]catalogue.Finding{}
	for _, f := range all {
		if _, ok := example[f.Code]; !ok {
			example[f.Code] = f
		}
	}
	for _, t := range catalogue.TallyOf(all) {
		fmt.Fprintf(w, "  %-9s %-22s %6d %s\n", e.severityWords(t.Severity), t.Code, t.Records,
			fmt.Sprintf(e.say("bản ghi, ví dụ %s: %s", "records, as %s: %s"), dash(example[t.Code].Procedure), example[t.Code].Words(*e.lang)))
	}
}

// printLeft tells what of the source has no place in a procedure.
func (e *editor) printLeft(w io.Writer, left map[string]int) {
	if len(left) == 0 {
		return
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(left)) {
		parts = append(parts, fmt.Sprintf("%s (%d)", k, left[k]))
	}
	fmt.Fprintf(w, "%s: %s\n", e.say("Có trong tệp nguồn, danh mục không có chỗ ghi nên không chuyển", "In the source, with no place in a procedure, and not taken over"), strings.Join(parts, ", "))
}

// jsonFinding is a finding as a program reads it.
type jsonFinding struct {
	Severity  catalogue.Severity `json:"severity"`
	Code      catalogue.Fault    `json:"code"`
	Procedure string             `json:"procedure,omitempty"`
	catalogue.Place
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

func (e *editor) jsonFindings(all []catalogue.Finding) []jsonFinding {
	out := []jsonFinding{}
	for _, f := range all {
		out = append(out, jsonFinding{f.Code.Severity(), f.Code, f.Procedure, f.Place, f.Path, f.Words(*e.lang)})
	}
	return out
}
