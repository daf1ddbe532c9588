package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"motcua/directory/catalogue"
)

func catalogueLintCommand() *command {
	c := newCommand("catalogue lint", "FILE…", "name every fault in files of procedures, with its place",
		"motcua catalogue lint thu-tuc.xlsx\nmotcua catalogue lint --data /var/lib/motcua/directory --json procedures.jsonl")
	e := newEditor(c)
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := e.check(); err != nil || len(args) == 0 {
			return orUsage(err, c)
		}
		t, err := e.tables(ctx)
		if err != nil {
			return err
		}
		cat, err := e.read(std, t, args)
		if err != nil {
			return err
		}
		bar := newBar(std, e.say("kiểm tra", "checking"), len(cat.Entries))
		found := catalogue.Lint(cat, t, checkForm, bar.at)
		bar.end()
		return e.printLint(std, len(cat.Entries), found)
	}
	return c
}

func orUsage(err error, c *command) error {
	if err != nil {
		return err
	}
	return usagef("%s: name a file, as in: %s", c.name, strings.Split(c.example, "\n")[0])
}

func (e *editor) printLint(std stdio, records int, found []catalogue.Finding) error {
	errs, warnings, marks := catalogue.Count(found, catalogue.Error), catalogue.Count(found, catalogue.Warning), catalogue.Count(found, catalogue.Check)
	if *e.json {
		err := printJSON(std.out, map[string]any{
			"records": records, "errors": errs, "warnings": warnings, "to_check": marks, "findings": e.jsonFindings(found), "summary": catalogue.TallyOf(found),
		})
		if err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Fprintf(std.out, "%s: %s %s %s %s: %s\n", f.Place, e.severityWords(f.Code.Severity()), f.Code, dash(f.Procedure), dash(f.Path), f.Words(*e.lang))
		}
		fmt.Fprintf(std.out, e.say("%d bản ghi: %d lỗi, %d cảnh báo, %d mục cần kiểm tra\n", "%d records: %d errors, %d warnings, %d marks to check\n"), records, errs, warnings, marks)
		e.printTally(std.out, found)
	}
	if errs > 0 {
		return fmt.Errorf("lint: %d errors: each is named above with its place; mend them and lint again", errs)
	}
	return nil
}

func catalogueImportCommand() *command {
	c := newCommand("catalogue import", "FILE…", "make draft procedures of what offices and portals keep; nothing is published",
		"motcua catalogue import --out nhap.xlsx --report giu-lai.xlsx procedures.jsonl\nmotcua catalogue import --map bang-tra.csv --out nhap.xlsx thu-tuc-so-tu-phap.xlsx")
	e := newEditor(c)
	out := c.flags.String("out", "", "`file` for the drafts: .xlsx or .json")
	report := c.flags.String("report", "", "`file` for the records that are held back: .xlsx or .json (default: beside --out)")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := e.check(); err != nil || len(args) == 0 || *out == "" {
			return orUsage(err, c)
		}
		if *report == "" {
			*report = strings.TrimSuffix(*out, filepath.Ext(*out)) + "-held" + filepath.Ext(*out)
		}
		for flag, path := range map[string]string{"out": *out, "report": *report} {
			if err := wantFormat(c, flag, path); err != nil {
				return err
			}
		}
		return e.importFiles(ctx, std, args, *out, *report)
	}
	return c
}

func (e *editor) importFiles(ctx context.Context, std stdio, files []string, out, report string) error {
	t, err := e.tables(ctx)
	if err != nil {
		return err
	}
	cat, err := e.read(std, t, files)
	if err != nil {
		return err
	}
	bar := newBar(std, e.say("kiểm tra", "checking"), len(cat.Entries))
	j := catalogue.Judge(cat, t, checkForm, bar.at)
	bar.end()
	if err := e.write(out, j.Drafts, t, e.draftIntro()); err != nil {
		return err
	}
	if len(j.Held.Entries) > 0 {
		j.Held.Fields = cat.Fields
		if err := e.write(report, j.Held, t, e.heldIntro()); err != nil {
			return err
		}
	}
	return e.printImport(std, cat, j, out, report)
}

func (e *editor) printImport(std stdio, cat catalogue.Catalogue, j catalogue.Judged, out, report string) error {
	n := map[catalogue.Outcome]int{}
	for _, o := range j.Outcomes {
		n[o]++
	}
	if sum := n[catalogue.Imported] + n[catalogue.WithWarnings] + n[catalogue.HeldBack]; sum != len(cat.Entries) {
		return fmt.Errorf("import: %d records read, %d accounted for: this is a fault of the program, report it with the file", len(cat.Entries), sum)
	}
	if *e.json {
		return printJSON(std.out, map[string]any{
			"records": len(cat.Entries), "imported": n[catalogue.Imported], "with_warnings": n[catalogue.WithWarnings], "held_back": n[catalogue.HeldBack],
			"out": out, "report": report, "summary": catalogue.TallyOf(j.Findings), "not_taken_over": cat.Left,
		})
	}
	fmt.Fprintf(std.out, e.say("%d bản ghi = %d nhập được + %d nhập được, cần xem lại + %d giữ lại\n", "%d records = %d imported + %d imported with warnings + %d held back\n"),
		len(cat.Entries), n[catalogue.Imported], n[catalogue.WithWarnings], n[catalogue.HeldBack])
	e.printTally(std.out, j.Findings)
	e.printLeft(std.out, cat.Left)
	fmt.Fprintf(std.out, e.say("Bản nháp: %s\n", "Drafts: %s\n"), out)
	if n[catalogue.HeldBack] > 0 {
		fmt.Fprintf(std.out, e.say("Giữ lại: %s (sửa theo cột “Lỗi cần sửa” rồi nhập lại)\n", "Held back: %s (mend what the column “Lỗi cần sửa” says, and import it again)\n"), report)
	}
	return nil
}

func (e *editor) draftIntro() []string {
	return []string{
		"Danh mục thủ tục hành chính – bản nháp",
		"Cột “Cần kiểm tra” ghi những mục phần mềm tự điền hoặc đoán: xem từng mục, sửa nếu sai, rồi xóa ô đó.",
		"Khi không còn ô nào, chạy: motcua catalogue diff, rồi motcua catalogue publish với tệp này.",
	}
}

func (e *editor) heldIntro() []string {
	return []string{
		"Các bản ghi bị giữ lại, chưa nhập được",
		"Cột “Lỗi cần sửa” ghi từng lỗi. Sửa ở chính tệp này, rồi chạy lại: motcua catalogue import với tệp này.",
		"Thủ tục không thuộc thẩm quyền của tỉnh thì xóa dòng.",
	}
}
