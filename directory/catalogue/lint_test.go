package catalogue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/catalogue"
)

// TestLintNamesEachFault breaks a sound procedure in one way after the other.
func TestLintNamesEachFault(t *testing.T) {
	refuse := func(b []byte) error {
		if strings.Contains(string(b), "nesting") {
			return errors.New("nested")
		}
		return nil
	}
	long := strings.Repeat("chữ ", 600)
	for what, c := range map[string]struct {
		edit func(*directory.Procedure)
		want catalogue.Fault
		path string
	}{
		"nothing":             {func(p *directory.Procedure) {}, "", ""},
		"malformed code":      {func(p *directory.Procedure) { p.Code = "1193" }, catalogue.BadCode, "code"},
		"no name":             {func(p *directory.Procedure) { p.Name.VI = "" }, catalogue.NoName, "name.vi"},
		"no field":            {func(p *directory.Procedure) { p.Field = "" }, catalogue.NoField, "field"},
		"unknown field":       {func(p *directory.Procedure) { p.Field = "x" }, catalogue.UnknownField, "field"},
		"unknown level":       {func(p *directory.Procedure) { p.Level = "ward" }, catalogue.UnknownLevel, "level"},
		"nobody in charge":    {func(p *directory.Procedure) { p.Level = "" }, catalogue.NoLevel, "level"},
		"unknown office":      {func(p *directory.Procedure) { p.Office = "H32.99" }, catalogue.UnknownOffice, "office"},
		"no limit":            {func(p *directory.Procedure) { p.Limit = directory.Limit{} }, catalogue.NoLimit, "limit"},
		"no unit":             {func(p *directory.Procedure) { p.Limit = directory.Limit{Amount: 3} }, catalogue.LimitNoUnit, "limit.unit"},
		"unknown unit":        {func(p *directory.Procedure) { p.Limit.Unit = "month" }, catalogue.LimitUnreadable, "limit.unit"},
		"an endless limit":    {func(p *directory.Procedure) { p.Limit.Amount = 400 }, catalogue.LimitOdd, "limit"},
		"an empty fee":        {func(p *directory.Procedure) { p.Fees = []directory.Fee{{Name: text("Phí", "")}} }, catalogue.FeeEmpty, "fees[0]"},
		"a rule with no name": {func(p *directory.Procedure) { p.Fees = []directory.Fee{{Name: text("Phí", ""), ByRule: true}} }, catalogue.FeeEmpty, "fees[0]"},
		"no requirement":      {func(p *directory.Procedure) { p.Requirements = nil }, catalogue.NoRequirement, "requirements"},
		"nameless paper":      {func(p *directory.Procedure) { p.Requirements[1].Name.VI = "" }, catalogue.BadRequirement, "requirements[1]"},
		"repeated paper":      {func(p *directory.Procedure) { p.Requirements[1].ID = p.Requirements[0].ID }, catalogue.BadRequirement, "requirements[1]"},
		"no copies":           {func(p *directory.Procedure) { p.Requirements[0].Originals, p.Requirements[0].Copies = 0, 0 }, catalogue.NoPaperAsked, "requirements[0]"},
		"no result":           {func(p *directory.Procedure) { p.Result.VI = "" }, catalogue.NoResult, "result.vi"},
		"no legal basis":      {func(p *directory.Procedure) { p.LegalBasis = nil }, catalogue.NoLegalBasis, "legal_basis"},
		"no decision":         {func(p *directory.Procedure) { p.Decision = "" }, catalogue.NoDecision, "decision"},
		"unknown subject":     {func(p *directory.Procedure) { p.Subjects = []string{"cat"} }, catalogue.UnknownSubject, "subjects[0]"},
		"no route":            {func(p *directory.Procedure) { p.Route = nil }, catalogue.NoRoute, "route"},
		"no end":              {func(p *directory.Procedure) { p.Route = p.Route[:1] }, catalogue.BadStep, "route[0]"},
		"nobody decides":      {func(p *directory.Procedure) { p.Route = p.Route[len(p.Route)-1:] }, catalogue.NobodyDecides, "route"},
		"unknown step level":  {func(p *directory.Procedure) { p.Route[1].Level = "ward" }, catalogue.UnknownLevel, "route[1].level"},
		"unreachable step":    {func(p *directory.Procedure) { p.Route[1].Level = "department" }, catalogue.StepUnreachable, "route[1]"},
		"unknown step office": {func(p *directory.Procedure) { p.Route[1].Office = "H32.99" }, catalogue.UnknownOffice, "route[1].office"},
		"over the limit":      {func(p *directory.Procedure) { p.Route[1].Budget = 4000 }, catalogue.BudgetOverLimit, "route"},
		"hours of our own":    {func(p *directory.Procedure) { p.Route[0].Acknowledge = 4 }, catalogue.BadStep, "route[0]"},
		"hours of a year":     {func(p *directory.Procedure) { p.Route[1].Level, p.Route[1].Acknowledge = "district", 8760 }, catalogue.BadStep, "route[1]"},
		"bad form":            {func(p *directory.Procedure) { p.Form = []byte(`{"nesting": 1}`) }, catalogue.BadForm, "form"},
		"no form":             {func(p *directory.Procedure) { p.Form = nil }, catalogue.NoForm, "form"},
		"half a form":         {func(p *directory.Procedure) { p.Form = []byte(`{`) }, catalogue.BadForm, "form"},
		"no date":             {func(p *directory.Procedure) { p.Valid.From = "2026-02-30" }, catalogue.BadDate, "valid.from"},
		"dates reversed":      {func(p *directory.Procedure) { p.Valid.To = "2020-01-01" }, catalogue.DatesReversed, "valid.to"},
		"a long name":         {func(p *directory.Procedure) { p.Name.VI = long }, catalogue.TextTooLong, "name.vi"},
		"not NFC":             {func(p *directory.Procedure) { p.Result.VI = "Gia\u0302\u0301y" }, catalogue.NotNFC, "result.vi"},
		"unseen characters":   {func(p *directory.Procedure) { p.Result.VI = "Gi\u200bấy" }, catalogue.UnseenCharacters, "result.vi"},
		"wrong encoding":      {func(p *directory.Procedure) { p.LegalBasis[0] = "Luáº\u00adt" }, catalogue.BadEncoding, "legal_basis[0]"},
		"too large":           {func(p *directory.Procedure) { p.Synonyms = slices.Repeat([]string{strings.Repeat("x", 400)}, 600) }, catalogue.TooLarge, ""},
	} {
		p := khanhhoaProcedure("1.004873")
		p.Requirements, p.Route, p.LegalBasis = slices.Clone(p.Requirements), slices.Clone(p.Route), slices.Clone(p.LegalBasis)
		c.edit(&p)
		e := catalogue.Entry{Procedure: p, Place: catalogue.Place{File: "f", Row: 7}}
		var got []string
		hit := false
		for _, f := range catalogue.Lint(catalogue.Catalogue{Entries: []catalogue.Entry{e}}, tables(), refuse, nil) {
			got = append(got, string(f.Code)+" "+f.Path)
			hit = hit || f.Code == c.want && f.Path == c.path && f.Place.Row == 7 && f.Procedure == p.Code
		}
		if !hit && c.want != "" || c.want == "" && len(got) > 0 {
			t.Errorf("%s: found %v, want %s %s", what, got, c.want, c.path)
		}
	}
}

func TestOneCodeIsOneRecord(t *testing.T) {
	p := khanhhoaProcedure("1.004873")
	other := p
	other.Code = "1.004874"
	c := catalogue.Catalogue{Entries: []catalogue.Entry{
		{Procedure: p, Place: catalogue.Place{File: "a", Row: 1}}, {Procedure: p, Place: catalogue.Place{File: "b", Row: 2}}, {Procedure: other},
	}}
	j := catalogue.Judge(c, tables(), nil, nil)
	if len(j.Drafts.Entries) != 2 || len(j.Held.Entries) != 1 || codes(j.Findings, p.Code)[0] != "duplicate-code" || codes(j.Findings, other.Code)[0] != "same-name" {
		t.Errorf("%+v", j.Findings)
	}
}

func TestADateToComeIsJudgedByItsDay(t *testing.T) {
	tb := tables()
	tb.Offices = slices.Clone(tb.Offices)
	for i := range tb.Offices {
		if tb.Offices[i].Level == "district" {
			tb.Offices[i].Valid.To = "2026-12-31"
		}
	}
	p := khanhhoaProcedure("1.004873")
	p.Route = slices.Clone(p.Route)
	p.Route[1].Level = "district"
	lint := func(from directory.Date) []string {
		p.Valid.From = from
		return codes(catalogue.Lint(catalogue.Catalogue{Entries: []catalogue.Entry{{Procedure: p}}}, tb, nil, nil), p.Code)
	}
	if now, later := lint("2026-12-01"), lint("2027-01-01"); slices.Contains(now, "step-unreachable") || !slices.Contains(later, "step-unreachable") {
		t.Errorf("in December %v, from January %v", now, later)
	}
}

func TestEveryFaultIsNamedInBothLanguages(t *testing.T) {
	for _, f := range catalogue.Faults() {
		vi, en := catalogue.Finding{Code: f}.Words("vi"), catalogue.Finding{Code: f}.Words("en")
		if f.Severity() == "" || vi == "" || en == "" || strings.Count(vi, "MISSING") != strings.Count(en, "MISSING") {
			t.Errorf("%s: %q and %q", f, vi, en)
		}
	}
	for _, m := range catalogue.Marks() {
		if back, ok := catalogue.ParseMark(catalogue.MarkWords(m, "vi")); !ok || back != m {
			t.Errorf("mark %s is read back as %s", m, back)
		}
	}
}
