package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/fold"
	"motcua/directory/server"
)

func catalogueDiffCommand() *command {
	c := newCommand("catalogue diff", "FILE…", "say in words what files change of what is published, and how many dossiers in progress that touches",
		"motcua catalogue diff --data /var/lib/motcua/directory nhap.xlsx\nmotcua catalogue diff --lang en --against published.json nhap.xlsx")
	e := newEditor(c)
	against := c.flags.String("against", "", "exported `file` to compare with, in place of what is published")
	whole := c.flags.Bool("whole", false, "the files are the whole catalogue: what they do not name is withdrawn")
	from := c.flags.String("from", "", "`date` from which the change is to hold (default today)")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := e.check(); err != nil || len(args) == 0 {
			return orUsage(err, c)
		}
		if (*e.data == "") == (*against == "") {
			return usagef("catalogue diff: give --data for what is published, or --against FILE")
		}
		t, err := e.tables(ctx)
		if err != nil {
			return err
		}
		if *against != "" {
			if t, err = e.tablesOf(std, t, *against); err != nil {
				return err
			}
		}
		day, err := parseDate(*from, t.On)
		if err != nil {
			return usagef("catalogue diff: --from: %v", err)
		}
		cat, err := e.read(std, t, args)
		if err != nil {
			return err
		}
		plan := catalogue.PlanOf(cat, t, e.nodes, day, "")
		if *whole {
			plan.Whole(day, "")
		}
		if *e.json {
			return printJSON(std.out, e.jsonPlan(plan))
		}
		e.printPlan(std, plan)
		return nil
	}
	return c
}

// tablesOf takes a file for what is published.
func (e *editor) tablesOf(std stdio, t catalogue.Tables, path string) (catalogue.Tables, error) {
	old, err := e.read(std, t, []string{path})
	if err != nil {
		return t, err
	}
	t = t.With(old)
	t.Procedures = nil
	for _, x := range old.Entries {
		x.Version = max(x.Version, 1)
		t.Procedures = append(t.Procedures, x.Procedure)
	}
	return t, nil
}

func catalogueExportCommand() *command {
	c := newCommand("catalogue export", "", "write what is published to a workbook or JSON, as it stands on a date",
		"motcua catalogue export --data /var/lib/motcua/directory --out danh-muc.xlsx\nmotcua catalogue export --data /var/lib/motcua/directory --date 01/01/2027 --field \"Hộ tịch\" --office H32.22327 --out ho-tich.json")
	e := newEditor(c)
	out := c.flags.String("out", "", "`file` to write: .xlsx or .json")
	date := c.flags.String("date", "", "`date` on which it stands so (default today)")
	field := c.flags.String("field", "", "only procedures of a `field`, by its name or id")
	office := c.flags.String("office", "", "only procedures that an office, by its `code`, is in charge of")
	xlsx := c.flags.Bool("xlsx", false, "write a workbook, whatever the name of the file")
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if err := e.check(); err != nil {
			return err
		}
		if err := requireData(c.name, *e.data); err != nil {
			return err
		}
		if *out == "" {
			return usagef("catalogue export: name the file with --out")
		}
		if err := wantFormat(c, "out", *out); err != nil && !*xlsx {
			return err
		}
		t, err := e.tables(ctx)
		if err != nil {
			return err
		}
		if t.On, err = parseDate(*date, t.On); err != nil {
			return usagef("catalogue export: --date: %v", err)
		}
		cat, err := exported(t, *field, directory.OfficeCode(*office))
		if err != nil {
			return err
		}
		if err := e.write(*out, cat, t, exportIntro(t.On)); err != nil {
			return err
		}
		fmt.Fprintf(std.out, e.say("Đã ghi %d thủ tục vào %s\n", "%d procedures written to %s\n"), len(cat.Entries), *out)
		return nil
	}
	return c
}

func exportIntro(on directory.Date) []string {
	return []string{
		"Danh mục thủ tục hành chính đang công bố, tính đến ngày " + catalogue.DateWords(on),
		"Sửa ở các trang sau rồi chạy motcua catalogue diff để xem thay đổi, motcua catalogue publish để công bố.",
		"Mỗi thủ tục một dòng ở trang Thủ tục; giấy tờ, bước và khoản thu ở các trang riêng, nối với nhau bằng mã thủ tục.",
	}
}

// exported picks the procedures in force, of a field and of an office where one is named.
func exported(t catalogue.Tables, field string, office directory.OfficeCode) (out catalogue.Catalogue, err error) {
	out = catalogue.Catalogue{Format: catalogue.Format, AsOf: t.On}
	i := slices.IndexFunc(t.Offices, func(o directory.Office) bool { return o.Code == office })
	if office != "" && i < 0 {
		return out, fmt.Errorf("export: no office %s; motcua office list names them", office)
	}
	id, fields := "", map[string]bool{}
	for _, f := range t.Fields {
		if field != "" && (f.ID == field || fold.Fold(f.Name.VI) == fold.Fold(field)) {
			id = f.ID
		}
	}
	if field != "" && id == "" {
		return out, fmt.Errorf("export: no field %q; give its name or id as published", field)
	}
	for _, p := range t.Current(t.On) {
		switch {
		case id != "" && p.Field != id:
		case office != "" && p.Office != office && (p.Office != "" || p.Level != t.Offices[i].Level):
		default:
			out.Entries = append(out.Entries, catalogue.Entry{Procedure: p})
			fields[p.Field] = true
		}
	}
	for _, f := range t.Fields {
		if fields[f.ID] {
			out.Fields = append(out.Fields, f)
		}
	}
	return out, nil
}

func catalogueWithdrawCommand() *command {
	c := newCommand("catalogue withdraw", "CODE…", "end procedures from a date on; dossiers in progress finish",
		"motcua catalogue withdraw --data /var/lib/motcua/directory --author \"Trần Thị Bình\" --decision \"Quyết định 1234/QĐ-UBND\" --from 01/01/2027 1.001193")
	e, p := newEditor(c), newPublishing(c)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := e.check(); err != nil || len(args) == 0 {
			return orUsage(err, c)
		}
		if err := requireData(c.name, *e.data); err != nil {
			return err
		}
		terms, err := p.terms(c)
		if err != nil {
			return err
		}
		t, err := e.tables(ctx)
		if err != nil {
			return err
		}
		var plan catalogue.Plan
		newest := t.Newest()
		for _, code := range args {
			old, ok := newest[code]
			if !ok {
				return fmt.Errorf("withdraw: no procedure %s is published; motcua catalogue export lists them", code)
			}
			plan.Missing = append(plan.Missing, catalogue.Change{Kind: catalogue.Missing, Code: code, Name: old.Name, Old: old.Version, Touches: t.Touches(code, e.nodes)})
		}
		ended := plan.Whole(terms.From, terms.Decision)
		for i := range ended {
			ended[i].Note.VI = terms.Note
		}
		return e.publishPlan(ctx, std, p, terms, plan, ended)
	}
	return c
}

func catalogueHistoryCommand() *command {
	c := newCommand("catalogue history", "", "list what was ever published: number, author, decision, date",
		"motcua catalogue history --data /var/lib/motcua/directory")
	e := newEditor(c)
	c.run = func(ctx context.Context, std stdio, _ []string) error {
		if err := e.check(); err != nil {
			return err
		}
		tool, err := directoryTool(c.name, *e.data)
		if err != nil {
			return err
		}
		var all []server.PublicationRows
		if err := tool.Get(ctx, "/publications", &all); err != nil {
			return err
		}
		if *e.json {
			return printJSON(std.out, all)
		}
		if len(all) == 0 {
			fmt.Fprint(std.out, e.say("Chưa có lần công bố nào được ghi nhận. Bảng dữ liệu có sẵn trong chương trình không tính.\n",
				"No publication is recorded yet. The tables that the program brings do not count.\n"))
		}
		for _, p := range all {
			e.printPublication(std, p)
		}
		return nil
	}
	return c
}

func (e *editor) printPublication(std stdio, p server.PublicationRows) {
	fmt.Fprintf(std.out, e.say("%d. %s, %s: %s, áp dụng từ %s, %d dòng\n", "%d. %s, %s: %s, from %s, %d rows\n"), p.Number,
		time.UnixMilli(p.At).In(directory.Zone).Format("02/01/2006 15:04"), p.Terms.Author, p.Terms.Decision, catalogue.DateWords(p.Terms.From), p.Changed)
	if p.Terms.Note != "" {
		fmt.Fprintf(std.out, "   %s\n", p.Terms.Note)
	}
	if p.Done < p.Parts {
		fmt.Fprintf(std.out, e.say("   chưa xong: mới có %d trên %d phần; công bố lại tệp đó\n", "   not finished: %d of %d parts came; publish that file again\n"), p.Done, p.Parts)
	}
	codes := []string{}
	for _, key := range p.Rows {
		if parts := strings.Split(key, "/"); len(parts) == 3 {
			codes = append(codes, parts[1]+" v"+strings.TrimLeft(parts[2], "0"))
		}
	}
	const shown = 12
	if n := len(codes); n > 0 {
		more := ""
		if n > shown {
			more = fmt.Sprintf(" … (%d)", n)
		}
		fmt.Fprintf(std.out, "   %s%s\n", strings.Join(codes[:min(n, shown)], ", "), more)
	}
}
