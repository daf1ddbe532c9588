package command_test

import (
	"slices"
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/directory"
	"motcua/directory/command"
)

func part() command.Part {
	return command.Part{ID: command.RequestID{9, 9}, Part: 1, Parts: 1, Terms: directory.Terms{
		Author: "Trần Thị Bình", Decision: "Quyết định 1234/QĐ-UBND", Note: "đợt 2", From: "2027-01-01",
	}}
}

func withdrawal() directory.Withdrawal {
	return directory.Withdrawal{Code: "1.004873", Version: 2, From: "2027-01-01", Decision: "Quyết định 1234/QĐ-UBND", Note: text("Thay bằng 1.004874")}
}

// catalogueCommands are one of each form of the catalogue.
func catalogueCommands() map[string]command.Command {
	p := part()
	return map[string]command.Command{
		"publication": &command.Publish{Fields: []directory.Field{{ID: "civil_status", Name: text("Hộ tịch")}}, Publication: &p},
		"withdraw":    &command.Withdraw{Withdrawals: []directory.Withdrawal{withdrawal()}, Publication: part()},
		"report-open": &command.ReportOpen{Office: "H32.22327", Counts: []directory.OpenCount{
			{Procedure: "1.004873", Version: 1, Open: 3}, {Procedure: "1.004873", Version: 2, Open: 700},
		}},
	}
}

func TestTheFormatsOfTheCatalogueStay(t *testing.T) {
	for name, c := range catalogueCommands() {
		b, err := command.Encode(command.RequestID{1}, 1_795_000_000_000, c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden.Check(t, "catalogue-"+name, b)
		if _, back, err := command.Decode(b); err != nil || back.Kind() != c.Kind() {
			t.Errorf("%s is not read back: %v", name, err)
		}
		if command.LevelOf(c) != 2 {
			t.Errorf("%s needs level %d: a server of the first version would stop at it", name, command.LevelOf(c))
		}
	}
	for name, c := range map[string]*command.Publish{
		"a parent with a date": {Offices: []directory.Office{{Parents: []directory.Under{{}}}}},
		"a successor":          {Offices: []directory.Office{{Successors: []directory.OfficeCode{"H32.1"}}}},
		"an office's acts":     {Offices: []directory.Office{{Acts: []directory.OfficeAct{{}}}}},
		"a level's acts":       {Levels: []directory.Level{{Acts: []directory.OfficeAct{{}}}}},
		"a decided calendar":   {Calendar: &directory.Calendar{Decision: "QĐ 1"}},
	} {
		if command.LevelOf(c) != 2 {
			t.Errorf("%s needs level %d: a server of the first version would stop at it", name, command.LevelOf(c))
		}
	}
	hours := directory.Procedure{Route: []directory.Step{{Level: "district", Acknowledge: 4}}}
	if l := command.LevelOf(&command.Publish{Procedures: []directory.Procedure{{}, hours}}); l != 4 {
		t.Errorf("hours of acknowledgement need level %d: a server that does not know them would stop", l)
	}
	if l := command.LevelOf(&command.Publish{}); l != 1 {
		t.Errorf("a publication without a record needs level %d", l)
	}
}

func TestWhatAnEditorSaysIsBounded(t *testing.T) {
	counts := make([]directory.OpenCount, directory.MaxOpenCounts+1)
	for i := range counts {
		counts[i] = directory.OpenCount{Procedure: "1.000000", Version: uint32(i + 1), Open: 1}
	}
	bad := map[string]command.Command{
		"no withdrawal":        &command.Withdraw{Publication: part()},
		"too many withdrawals": &command.Withdraw{Withdrawals: slices.Repeat([]directory.Withdrawal{withdrawal()}, command.MaxWithdrawals+1), Publication: part()},
		"too many counts":      &command.ReportOpen{Office: "H32.1", Counts: counts},
		"counts out of order":  &command.ReportOpen{Office: "H32.1", Counts: []directory.OpenCount{counts[1], counts[0]}},
		"a count of nothing":   &command.ReportOpen{Office: "H32.1", Counts: []directory.OpenCount{{Procedure: "1.000000", Version: 1}}},
		"a count of a slash":   &command.ReportOpen{Office: "H32.1", Counts: []directory.OpenCount{{Procedure: "a/b", Version: 1, Open: 1}}},
		"a malformed office":   &command.ReportOpen{Office: "x"},
		"part 2 of a withdrawal": &command.Withdraw{Withdrawals: []directory.Withdrawal{withdrawal()}, Publication: func() command.Part {
			p := part()
			p.Part, p.Parts = 2, 2
			return p
		}()},
	}
	for what, change := range map[string]func(*command.Part){
		"no id":         func(p *command.Part) { p.ID = command.RequestID{} },
		"part 0":        func(p *command.Part) { p.Part = 0 },
		"part 2 of 1":   func(p *command.Part) { p.Part = 2 },
		"endless parts": func(p *command.Part) { p.Parts = command.MaxParts + 1 },
		"no author":     func(p *command.Part) { p.Terms.Author = "" },
		"no decision":   func(p *command.Part) { p.Terms.Decision = "" },
		"a long note":   func(p *command.Part) { p.Terms.Note = strings.Repeat("x", directory.MaxNote+1) },
		"no real date":  func(p *command.Part) { p.Terms.From = "2027-02-30" },
	} {
		p := part()
		change(&p)
		bad[what] = &command.Publish{Publication: &p}
	}
	for what, change := range map[string]func(*directory.Withdrawal){
		"no date":           func(w *directory.Withdrawal) { w.From = "" },
		"a malformed code":  func(w *directory.Withdrawal) { w.Code = "1.1" },
		"no version":        func(w *directory.Withdrawal) { w.Version = 0 },
		"no legal decision": func(w *directory.Withdrawal) { w.Decision = "" },
	} {
		w := withdrawal()
		change(&w)
		bad[what] = &command.Withdraw{Withdrawals: []directory.Withdrawal{w}, Publication: part()}
	}
	for what, c := range bad {
		if _, err := command.Body(c); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
}
