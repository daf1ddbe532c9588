package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"motcua/cmd/province"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/edition"
	"motcua/directory/server"
)

// publishing is what is said with a publication.
type publishing struct {
	author, decision, note, from *string
	yes, dry                     *bool
}

func newPublishing(c *command) publishing {
	return publishing{
		author:   c.flags.String("author", "", "`name` of the editor, kept with the publication"),
		decision: c.flags.String("decision", "", "`decision` that it rests on, as in \"Quyết định 1234/QĐ-UBND ngày 20/11/2026\""),
		note:     c.flags.String("note", "", "`note` kept with the publication"),
		from:     c.flags.String("from", "", "`date` from which it holds, dd/mm/yyyy or yyyy-mm-dd (default today)"),
		yes:      c.flags.Bool("yes", false, "do not ask to confirm"),
		dry:      c.flags.Bool("dry-run", false, "show what would happen, and do nothing"),
	}
}

func (p publishing) terms(c *command) (directory.Terms, error) {
	from, err := parseDate(*p.from, directory.DateOf(time.Now()))
	if err != nil {
		return directory.Terms{}, usagef("%s: --from: %v", c.name, err)
	}
	t := directory.Terms{Author: *p.author, Decision: *p.decision, Note: *p.note, From: from}
	if *p.dry {
		return t, nil
	}
	if t.Author == "" || t.Decision == "" {
		return t, usagef("%s: give --author and --decision: both are kept with the publication", c.name)
	}
	if err := t.Validate(); err != nil {
		return t, usagef("%s: %v", c.name, err)
	}
	return t, nil
}

// parseDate reads a date as people write it.
func parseDate(s string, otherwise directory.Date) (directory.Date, error) {
	if s == "" {
		return otherwise, nil
	}
	for _, layout := range []string{time.DateOnly, "2/1/2006"} {
		if d, err := time.ParseInLocation(layout, s, directory.Zone); err == nil {
			return directory.DateOf(d), nil
		}
	}
	return "", fmt.Errorf("date %q: want dd/mm/yyyy or yyyy-mm-dd", s)
}

func cataloguePublishCommand() *command {
	c := newCommand("catalogue publish", "[FILE…]", "put the procedures of files in force; without a file the embedded tables of Khánh Hòa",
		"motcua catalogue publish --data /var/lib/motcua/directory\n"+
			"motcua catalogue publish --data /var/lib/motcua/directory --author \"Trần Thị Bình\" --decision \"Quyết định 1234/QĐ-UBND\" --from 01/01/2027 nhap.xlsx")
	e, p := newEditor(c), newPublishing(c)
	accept := c.flags.Bool("accept-marks", false, "publish drafts with marks that nobody has removed")
	whole := c.flags.Bool("whole", false, "the files are the whole catalogue: withdraw what they do not name")
	c.run = func(ctx context.Context, std stdio, args []string) error {
		if err := e.check(); err != nil {
			return err
		}
		if err := requireData(c.name, *e.data); err != nil {
			return err
		}
		if len(args) == 0 {
			return e.publishEmbedded(ctx, std, p)
		}
		terms, err := p.terms(c)
		if err != nil {
			return err
		}
		plan, err := e.plan(ctx, std, args, terms, *accept)
		if err != nil {
			return err
		}
		var ended []directory.Withdrawal
		if *whole {
			ended = plan.Whole(terms.From, terms.Decision)
		}
		return e.publishPlan(ctx, std, p, terms, plan, ended)
	}
	return c
}

// publishEmbedded publishes the tables that the program carries.
func (e *editor) publishEmbedded(ctx context.Context, std stdio, p publishing) error {
	tool, err := directoryTool(e.c.name, *e.data)
	if err != nil {
		return err
	}
	tables := province.Tables()
	if *p.dry {
		fmt.Fprintf(std.out, "would publish %d offices, %d fields, %d procedures\n", len(tables.Offices), len(tables.Fields), len(tables.Procedures))
		return nil
	}
	if *p.author != "" || *p.decision != "" {
		terms, err := p.terms(e.c)
		if err != nil {
			return err
		}
		tables.Terms = &terms
	}
	var out server.Published
	if err := tool.Post(ctx, "/publish", tables, &out); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "published; rows new or changed: %d\n", out.Changed)
	return nil
}

// plan lints files and compares them with what is published. Errors refuse it, and marks unless they are accepted.
func (e *editor) plan(ctx context.Context, std stdio, files []string, terms directory.Terms, accept bool) (plan catalogue.Plan, err error) {
	t, err := e.tables(ctx)
	if err != nil {
		return plan, err
	}
	cat, err := e.read(std, t, files)
	if err != nil {
		return plan, err
	}
	bar := newBar(std, e.say("kiểm tra", "checking"), len(cat.Entries))
	found := catalogue.Lint(cat, t, checkForm, bar.at)
	bar.end()
	if n := catalogue.Count(found, catalogue.Error); n > 0 {
		e.printTally(std.err, found)
		return plan, fmt.Errorf("publish: %d errors; motcua catalogue lint names each with its place: mend them first", n)
	}
	if n := catalogue.Count(found, catalogue.Check); n > 0 && !accept {
		return plan, fmt.Errorf("publish: %d marks of what a person must check are left; look at each and remove it (column “Cần kiểm tra”, or member \"check\"), or give --accept-marks", n)
	}
	plan = catalogue.PlanOf(cat, t, e.nodes, terms.From, terms.Decision)
	return plan, fits(t, plan)
}

// fits refuses what would no longer fit an edition, before any of it is in force.
func fits(t catalogue.Tables, plan catalogue.Plan) error {
	size := 0
	for _, p := range append(t.Procedures, plan.Procedures()...) {
		b, err := wire.Marshal(p)
		if err != nil {
			return err
		}
		size += len(b)
	}
	if most := edition.MaxBody - 2<<20; size > most {
		return fmt.Errorf("publish: all versions of all procedures would take %d bytes of an edition, at most %d; publish fewer, or shorten long texts", size, most)
	}
	return nil
}

func (e *editor) publishPlan(ctx context.Context, std stdio, p publishing, terms directory.Terms, plan catalogue.Plan, ended []directory.Withdrawal) error {
	if *e.json && *p.dry {
		return printJSON(std.out, e.jsonPlan(plan))
	}
	if !*e.json {
		e.printPlan(std, plan)
	}
	if *p.dry || len(plan.Changes)+len(plan.Fields)+len(plan.Levels)+len(plan.Offices) == 0 {
		return nil
	}
	if err := e.confirm(std, *p.yes, fmt.Sprintf(e.say("Công bố %d thay đổi, áp dụng từ %s theo “%s”?", "Publish %d changes, from %s, under “%s”?"), len(plan.Changes), catalogue.DateWords(terms.From), terms.Decision)); err != nil {
		return err
	}
	var out server.Published
	if len(plan.Procedures())+len(plan.Fields)+len(plan.Levels)+len(plan.Offices) > 0 {
		all := server.Publication{Levels: plan.Levels, Offices: plan.Offices, Fields: plan.Fields, Procedures: plan.Procedures(), Terms: &terms}
		if err := e.tool.Post(ctx, "/publish", all, &out); err != nil {
			return err
		}
		if err := e.printPublished(std, out); err != nil {
			return err
		}
	}
	return e.withdraw(ctx, std, ended, terms)
}

// withdrawAtOnce is how many withdrawals go into one request.
const withdrawAtOnce = 200

func (e *editor) withdraw(ctx context.Context, std stdio, all []directory.Withdrawal, terms directory.Terms) error {
	for len(all) > 0 {
		n := min(withdrawAtOnce, len(all))
		var out server.Published
		if err := e.tool.Post(ctx, "/withdraw", server.WithdrawRequest{Withdrawals: all[:n], Terms: terms}, &out); err != nil {
			return err
		}
		if err := e.printPublished(std, out); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func (e *editor) printPublished(std stdio, out server.Published) error {
	if *e.json {
		return printJSON(std.out, out)
	}
	fmt.Fprintf(std.out, e.say("Đã công bố, lần thứ %d; %d dòng mới hoặc thay đổi.\n", "Published as number %d; rows new or changed: %d.\n"), out.Publication, out.Changed)
	return nil
}

// confirm asks a person at a terminal; without one, --yes must have been given.
func (e *editor) confirm(std stdio, yes bool, question string) error {
	if yes {
		return nil
	}
	if !isTerminal(std.in) {
		return usagef("%s: nobody is at a terminal to confirm; give --yes, or --dry-run to only look", e.c.name)
	}
	fmt.Fprintf(std.err, "%s [c/K, y/N] ", question)
	line, err := bufio.NewReader(std.in).ReadString('\n')
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "c", "có", "co", "y", "yes":
		return nil
	}
	return errors.New("publish: not confirmed; nothing has changed")
}

func (e *editor) printPlan(std stdio, plan catalogue.Plan) {
	for _, f := range plan.Fields {
		fmt.Fprintf(std.out, e.say("+ lĩnh vực mới: %s\n", "+ new field: %s\n"), f.Name.In(*e.lang))
	}
	for _, l := range plan.Levels {
		fmt.Fprintf(std.out, e.say("+ cấp: %s\n", "+ level: %s\n"), l.Name.In(*e.lang))
	}
	for _, o := range plan.Offices {
		fmt.Fprintf(std.out, e.say("+ cơ quan: %s\n", "+ office: %s\n"), catalogue.OfficeCell(o, directory.DateOf(time.Now())))
	}
	kinds := map[catalogue.ChangeKind]int{}
	for _, c := range plan.Changes {
		kinds[c.Kind]++
		fmt.Fprintln(std.out, strings.Join(c.Words(*e.lang), "\n"))
	}
	fmt.Fprintf(std.out, e.say("%d thêm mới, %d thay đổi, %d khôi phục, %d bãi bỏ, %d không đổi, %d đang công bố không có trong tệp\n",
		"%d new, %d changed, %d revived, %d withdrawn, %d unchanged, %d published and not in the file\n"),
		kinds[catalogue.Added], kinds[catalogue.Changed], kinds[catalogue.Revived], kinds[catalogue.Ended], plan.Unchanged, len(plan.Missing))
}

// jsonPlan is a plan as a program reads it.
func (e *editor) jsonPlan(plan catalogue.Plan) any {
	type change struct {
		catalogue.Change
		Words []string `json:"words"`
	}
	out := []change{}
	for _, c := range plan.Changes {
		out = append(out, change{c, c.Words(*e.lang)})
	}
	return map[string]any{"changes": out, "unchanged": plan.Unchanged, "missing": plan.Missing, "fields": plan.Fields, "levels": plan.Levels, "offices": plan.Offices}
}
