package catalogue_test

import (
	"slices"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/catalogue"
)

func text(vi, en string) directory.Text { return directory.Text{VI: vi, EN: en} }

// published are tables with one procedure in two versions, the newer one in force.
func published() catalogue.Tables {
	t := tables()
	p := khanhhoaProcedure("1.001193")
	p.Version, p.Limit = 1, directory.Limit{Amount: 5, Unit: directory.WorkingDay}
	two := p
	two.Version = 2
	t.Procedures = []directory.Procedure{p, two}
	t.Open = []directory.OpenDossiers{
		{Office: "H32.22327", At: 1_795_500_000_000, Counts: []directory.OpenCount{{Procedure: p.Code, Version: 1, Open: 2}, {Procedure: p.Code, Version: 2, Open: 3}}},
		{Office: "H32.22330", At: 1_795_400_000_000, Counts: []directory.OpenCount{{Procedure: "1.000001", Version: 1, Open: 9}}},
	}
	return t
}

func khanhhoaProcedure(code string) directory.Procedure {
	for _, e := range own().Entries {
		if e.Code == code {
			return e.Procedure
		}
	}
	panic("no procedure " + code)
}

// change plans one change of the published procedure.
func change(t *testing.T, edit func(*directory.Procedure)) (catalogue.Plan, catalogue.Tables) {
	t.Helper()
	tb := published()
	p := tb.Procedures[1]
	p.Requirements, p.Route, p.Fees = slices.Clone(p.Requirements), slices.Clone(p.Route), slices.Clone(p.Fees)
	edit(&p)
	c := catalogue.Catalogue{Entries: []catalogue.Entry{{Procedure: p}}}
	return catalogue.PlanOf(c, tb, []directory.OfficeCode{"H32.22327", "H32.22330", "H32.22333"}, "2026-12-01", "QĐ 77"), tb
}

func TestADiffSaysInWordsWhatChanges(t *testing.T) {
	for what, c := range map[string]struct {
		edit   func(*directory.Procedure)
		vi, en string
	}{
		"limit": {func(p *directory.Procedure) { p.Limit.Amount = 7 }, "thời hạn giải quyết từ 5 ngày làm việc thành 7 ngày làm việc", "time limit from 5 working days to 7 working days"},
		"name":  {func(p *directory.Procedure) { p.Name.VI = "Khai sinh" }, "đổi tên từ", "renamed from"},
		"fee":   {func(p *directory.Procedure) { p.Fees = []directory.Fee{{Name: text("Lệ phí", "Fee"), Amount: 8000}} }, "thêm khoản thu Lệ phí: 8.000 đồng", "new fee Fee: 8.000 đồng"},
		"a paper": {func(p *directory.Procedure) {
			p.Requirements = append(p.Requirements, directory.Requirement{ID: "new", Name: text("Giấy mới", ""), Originals: 1})
		}, "thêm thành phần hồ sơ “Giấy mới” (1 bản chính, 0 bản sao)", "new requirement “Giấy mới”"},
		"no paper": {func(p *directory.Procedure) { p.Requirements = p.Requirements[1:] }, "bỏ thành phần hồ sơ", "removed"},
		"renamed": {func(p *directory.Procedure) {
			p.Requirements[0].ID = "x"
			p.Requirements[0].Name.VI += " (bản mới)"
		}, "đổi tên thành", "renamed to"},
		"a step":   {func(p *directory.Procedure) { p.Route[0].Level = "district" }, "chuyển từ", "moved from"},
		"budget":   {func(p *directory.Procedure) { p.Route[0].Budget = 9 }, "2,25 ngày làm việc", "2.25 working days"},
		"hours":    {func(p *directory.Procedure) { p.Route[1].Acknowledge = 4 }, "thời hạn xác nhận đã nhận ở bước", "from unassigned to 4 hours"},
		"form":     {func(p *directory.Procedure) { p.Form = []byte(`{"type":"object"}`) }, "biểu mẫu điện tử thay đổi", "the form changes"},
		"subjects": {func(p *directory.Procedure) { p.Subjects = []string{"business"} }, "doanh nghiệp", "businesses"},
		"English":  {func(p *directory.Procedure) { p.Name.EN = "Birth" }, "bản dịch tiếng Anh", "the English of"},
		"field":    {func(p *directory.Procedure) { p.Field = "land" }, "Đất đai", "Land"},
		"end":      {func(p *directory.Procedure) { p.Valid.To = "2027-12-31" }, "hiệu lực từ", "validity from"},
	} {
		plan, _ := change(t, c.edit)
		if len(plan.Changes) != 1 || plan.Changes[0].Kind != catalogue.Changed || plan.Unchanged != 0 {
			t.Errorf("%s: %+v", what, plan)
			continue
		}
		for lang, want := range map[string]string{"vi": c.vi, "en": c.en} {
			if got := strings.Join(plan.Changes[0].Words(lang), "\n"); !strings.Contains(got, want) || strings.Contains(got, "%") {
				t.Errorf("%s in %s:\n%s\nwant %s", what, lang, got, want)
			}
		}
	}
}

func TestAPlanGivesVersionsAndCountsWhatItTouches(t *testing.T) {
	plan, tb := change(t, func(p *directory.Procedure) { p.Limit.Amount = 7 })
	c, p := plan.Changes[0], plan.Procedures()[0]
	if p.Version != 3 || p.Valid.From != "2026-12-01" || p.Decision != "QĐ 77" || c.Old != 2 {
		t.Errorf("version %d from %s under %s", p.Version, p.Valid.From, p.Decision)
	}
	if want := (catalogue.Touched{Dossiers: 5, Offices: 1, AsOf: 1_795_400_000_000, Unknown: 1}); c.Touches != want {
		t.Errorf("touches %+v, want %+v", c.Touches, want)
	}
	if words := c.Touches.Words("vi"); !strings.Contains(words, "5 tại 1 cơ quan") || !strings.Contains(words, "1 cơ quan chưa báo số liệu") {
		t.Error(words)
	}
	if plan, _ := change(t, func(p *directory.Procedure) { p.Valid.From = "2027-07-01" }); plan.Procedures()[0].Valid.From != "2027-07-01" {
		t.Errorf("a date to come is not kept: %s", plan.Procedures()[0].Valid.From)
	}
	if plan, _ := change(t, func(p *directory.Procedure) { p.Version, p.Decision = 9, "" }); len(plan.Changes) != 0 || plan.Unchanged != 1 {
		t.Errorf("nothing has changed: %+v", plan.Changes)
	}
	again := catalogue.Catalogue{Entries: []catalogue.Entry{{Procedure: p}}}
	tb.Procedures = append(tb.Procedures, p)
	if plan := catalogue.PlanOf(again, tb, nil, "2026-12-02", "QĐ 77"); len(plan.Changes) != 0 {
		t.Errorf("the same file again changes %+v", plan.Changes)
	}
}

func TestWhatAWholeCatalogueDoesNotNameIsWithdrawn(t *testing.T) {
	tb := published()
	other := tb.Procedures[0]
	other.Code, other.Version = "1.009999", 4
	tb.Procedures = append(tb.Procedures, other)
	c := catalogue.Catalogue{Entries: []catalogue.Entry{{Procedure: tb.Procedures[1]}}}
	plan := catalogue.PlanOf(c, tb, nil, "2027-01-01", "QĐ 77")
	if len(plan.Changes) != 0 || len(plan.Missing) != 1 {
		t.Fatalf("%+v", plan)
	}
	ended := plan.Whole("2027-01-01", "QĐ 77")
	if want := (directory.Withdrawal{Code: "1.009999", Version: 4, From: "2027-01-01", Decision: "QĐ 77"}); len(ended) != 1 || ended[0] != want {
		t.Errorf("%+v", ended)
	}
	if len(plan.Procedures()) != 0 || !strings.Contains(plan.Changes[0].Words("vi")[0], "bãi bỏ từ 01/01/2027") {
		t.Errorf("%v", plan.Changes[0].Words("vi"))
	}
	tb.Withdrawn = ended
	if n := len(tb.Current("2027-01-01")); n != 1 {
		t.Errorf("%d procedures are in force", n)
	}
	back := catalogue.PlanOf(catalogue.Catalogue{Entries: []catalogue.Entry{{Procedure: other}}}, tb, nil, "2027-02-01", "QĐ 80")
	if len(back.Changes) != 1 || back.Changes[0].Kind != catalogue.Revived || back.Procedures()[0].Version != 5 {
		t.Errorf("published again: %+v", back.Changes)
	}
}

func TestATableOfTheFileWins(t *testing.T) {
	plan := catalogue.PlanOf(catalogue.Catalogue{Fields: []directory.Field{{ID: "land", Name: text("Đất đai", "Land")}, {ID: "sea", Name: text("Biển", "")}}}, tables(), nil, today, "")
	if len(plan.Fields) != 1 || plan.Fields[0].ID != "sea" {
		t.Errorf("%+v", plan.Fields)
	}
}
