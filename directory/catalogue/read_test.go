package catalogue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"motcua/directory"
	"motcua/directory/catalogue"
	"motcua/directory/khanhhoa"
)

const today = directory.Date("2026-11-24")

// embedded are read once: a test asks for them often.
var embedded = sync.OnceValue(func() catalogue.Tables {
	return catalogue.Tables{Levels: khanhhoa.Levels(), Offices: khanhhoa.Offices(), Fields: khanhhoa.Fields(), On: today}
})

func tables() catalogue.Tables { return embedded() }

// samples are invented records, one for each kind of mess.
func samples(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// gathered are the real records, where the data of the field lie beside the repository or where MOTCUA_DATA says.
func gathered(t testing.TB) ([]byte, bool) {
	t.Helper()
	dirs := []string{os.Getenv("MOTCUA_DATA")}
	for up, i := "..", 0; i < 6; up, i = filepath.Join("..", up), i+1 {
		dirs = append(dirs, filepath.Join(up, "shared", "data"))
	}
	for _, d := range dirs {
		if b, err := os.ReadFile(filepath.Join(d, "procedures.jsonl")); err == nil && d != "" {
			return b, true
		}
	}
	t.Log("NOTE: no procedures.jsonl in ../shared/data or $MOTCUA_DATA: the real records were not tried, the samples were")
	return nil, false
}

// read reads records, and judges them with the fields that they bring.
func read(t testing.TB, b []byte) (catalogue.Catalogue, catalogue.Judged) {
	t.Helper()
	m := catalogue.NewMap(tables())
	c, err := catalogue.Read("x.jsonl", b, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Fields = append(c.Fields, m.Fresh()...)
	return c, catalogue.Judge(c, tables(), nil, nil)
}

// checkJudged holds what is promised of any records: none is lost, and what is not held back can be published.
func checkJudged(t testing.TB, records int, c catalogue.Catalogue, j catalogue.Judged) {
	t.Helper()
	n := map[catalogue.Outcome]int{}
	for _, o := range j.Outcomes {
		n[o]++
	}
	if len(c.Entries) != records || len(j.Outcomes) != records || len(j.Drafts.Entries)+len(j.Held.Entries) != records || n[catalogue.HeldBack] != len(j.Held.Entries) {
		t.Fatalf("%d records: %d entries, %d outcomes, %d drafts, %d held", records, len(c.Entries), len(j.Outcomes), len(j.Drafts.Entries), len(j.Held.Entries))
	}
	for _, e := range j.Held.Entries {
		if catalogue.Count(e.Found, catalogue.Error) == 0 {
			t.Errorf("%q is held back, and it is not said why", e.Code)
		}
	}
	plan := catalogue.PlanOf(j.Drafts, tables(), nil, today, "QĐ 1")
	for _, p := range plan.Procedures() {
		if err := p.Validate(); err != nil {
			t.Errorf("%q is not held back, and the directory would refuse it: %v", p.Code, err)
		}
	}
	for _, f := range j.Findings {
		for _, lang := range []string{"vi", "en"} {
			if w := f.Words(lang); w == "" || strings.Contains(w, "%!") {
				t.Errorf("%s says %q", f.Code, w)
			}
		}
	}
}

func codes(fs []catalogue.Finding, procedure string) (out []string) {
	for _, f := range fs {
		if f.Procedure == procedure && f.Code.Severity() != catalogue.Check {
			out = append(out, string(f.Code))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEachKindOfMessHasItsFault(t *testing.T) {
	c, j := read(t, samples(t))
	checkJudged(t, 7, c, j)
	for code, want := range map[string]string{
		"1.000001": "",
		"1.000002": "no-decision no-field no-legal-basis no-level no-limit no-requirement no-result no-subject",
		"1.000003": "limit-no-unit",
		"1.000004": "count-glued fee-by-rule limit-by-channel",
		"1.000005": "new-field no-decision no-legal-basis no-requirement no-result no-subject time-fee-glued unknown-level",
		"1.000006": "fee-foreign-currency limit-converted no-paper-asked",
		"1.000007": "fee-unstated limit-converted no-subject unknown-agency unknown-subject",
	} {
		if got := strings.Join(codes(j.Findings, code), " "); got != want {
			t.Errorf("%s: %s\nwant %s", code, got, want)
		}
	}
	if c.Left["steps"] != 1 || c.Left["ministry"] != 1 {
		t.Errorf("what is not taken over: %v", c.Left)
	}
}

func TestARecordBecomesADraft(t *testing.T) {
	_, j := read(t, samples(t))
	p := j.Drafts.Entries[0]
	want := directory.Limit{Amount: 20, Unit: directory.WorkingDay}
	if p.Limit != want || p.Level != "commune" || p.Office != "" || p.Field != "construction" || p.Conditions.VI != "" || p.Result.VI != "Giấy phép xây dựng" {
		t.Errorf("%+v", p.Procedure)
	}
	if len(p.Fees) != 1 || p.Fees[0].Amount != 50000 || p.Fees[0].Note.VI != "/giấy phép" || !slices.Equal(p.Subjects, []string{"citizen", "business"}) {
		t.Errorf("fees %+v, subjects %v", p.Fees, p.Subjects)
	}
	if q := p.Requirements; len(q) != 2 || q[0].ID != "don_de_nghi" || q[0].Optional || !q[1].Optional || q[1].Originals != 2 {
		t.Errorf("requirements %+v", q)
	}
	if !slices.Equal(p.Check, []catalogue.Mark{catalogue.MarkRequirements, catalogue.MarkRoute, catalogue.MarkForm}) {
		t.Errorf("marks %v", p.Check)
	}
	for _, e := range j.Drafts.Entries {
		if e.Code == "1.000006" && (e.Office != "H32.06" || e.Level != "department" || e.Limit.Amount != 180 || e.Limit.Unit != directory.Day) {
			t.Errorf("a department by its name: %+v", e.Procedure)
		}
		if e.Free() && e.Code != "1.000003" {
			t.Errorf("%s became free", e.Code)
		}
	}
}

// TestTheRealRecordsPass: all of them, none lost.
func TestTheRealRecordsPass(t *testing.T) {
	b, ok := gathered(t)
	if !ok {
		b = samples(t)
	}
	c, j := read(t, b)
	checkJudged(t, bytes.Count(bytes.TrimSpace(b), []byte("\n"))+1, c, j)
	for _, e := range j.Drafts.Entries {
		if e.Free() && slices.Contains(e.Check, catalogue.MarkFee) {
			t.Errorf("%s: its fee is in doubt, and it became free", e.Code)
		}
	}
	t.Logf("%d records: %d drafts, %d held back", len(c.Entries), len(j.Drafts.Entries), len(j.Held.Entries))
}

func TestWhatIsNoRecordIsKeptAndTold(t *testing.T) {
	in := "{\"code\": \"1.000009\", \"name\": 5}\n\nnot json 1.000008\n[1]\n\"x\"\nnull\n{}\n"
	c, j := read(t, []byte(in))
	checkJudged(t, 6, c, j)
	if e := c.Entries[1]; e.Code != "1.000008" || e.Raw[""] != "not json 1.000008" || e.Place.Row != 3 {
		t.Errorf("%+v", e)
	}
	for what, b := range map[string]string{"an empty file": " \n", "a text": "xin chào", "a later form": `{"format": "motcua catalogue 2", "procedures": []}`} {
		if _, err := catalogue.Read("x", []byte(b), catalogue.NewMap(tables()), nil); err == nil {
			t.Errorf("%s is read", what)
		}
	}
}

var procedures = sync.OnceValue(khanhhoa.Procedures)

// own is a catalogue of the embedded procedures.
func own() catalogue.Catalogue {
	c := catalogue.Catalogue{Format: catalogue.Format, AsOf: today}
	for _, p := range procedures() {
		c.Entries = append(c.Entries, catalogue.Entry{Procedure: p})
	}
	return c
}

func TestTheEmbeddedProceduresHaveNoFault(t *testing.T) {
	for _, f := range catalogue.Lint(own(), tables(), nil, nil) {
		if f.Code.Severity() == catalogue.Error {
			t.Errorf("%s %s: %s", f.Procedure, f.Path, f.Words("en"))
		}
	}
}

// TestTheOwnFormIsReadBack: as one object, as a list, and with the line each procedure begins on.
func TestTheOwnFormIsReadBack(t *testing.T) {
	c := own()
	c.Entries[0].Check = []catalogue.Mark{catalogue.MarkLimit}
	whole, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.MarshalIndent(c.Entries, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"whole": whole, "list": list} {
		back, err := catalogue.Read(name, b, catalogue.NewMap(tables()), nil)
		if err != nil || len(back.Entries) != len(c.Entries) {
			t.Fatalf("%s: %d entries, %v", name, len(back.Entries), err)
		}
		for i, e := range back.Entries {
			if d := catalogue.Diff(c.Entries[i].Procedure, e.Procedure, tables()); len(d) > 0 || e.Version != c.Entries[i].Version || len(e.Found) > 0 {
				t.Errorf("%s: %s differs: %+v %v", name, e.Code, d, e.Found)
			}
			row := bytes.Split(b, []byte("\n"))[e.Place.Row-1]
			if !bytes.Contains(row, []byte("{")) {
				t.Errorf("%s: %s is said to begin on line %d: %s", name, e.Code, e.Place.Row, row)
			}
		}
		if !slices.Equal(back.Entries[0].Check, c.Entries[0].Check) {
			t.Errorf("%s: marks %v", name, back.Entries[0].Check)
		}
	}
	unknown := fmt.Sprintf(`[{"code": "1.000001", "name": {"vi": "x"}, "phi": 5}, %s]`, list[1:len(list)-1])
	back, err := catalogue.Read("x", []byte(unknown), catalogue.NewMap(tables()), nil)
	if err != nil || len(back.Entries) != len(c.Entries)+1 || back.Entries[0].Found[0].Code != catalogue.Unreadable {
		t.Errorf("a member that is not known: %+v, %v", back.Entries[0].Found, err)
	}
}

func TestTheMapOfTheEditorIsFollowed(t *testing.T) {
	m := catalogue.NewMap(tables())
	for what, bad := range map[string]string{"a level that is none": "cấp,bộ,nowhere", "an office that is none": "agency;Chi cục X;H99", "a kind that is none": "màu,x,y"} {
		if err := catalogue.NewMap(tables()).Extend([]byte(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %v", what, err)
		}
	}
	file := "\ufeffLoại;Nguồn;Nghĩa\nCơ quan;Chi cục Kiểm ngư vùng II;H32.02\nlĩnh vực;THUY SAN;Nuôi trồng thủy sản\nđơn vị;;ngày làm việc\ncấp;ministry;province\nđối tượng;ngư dân;citizen\n"
	if err := m.Extend([]byte(file)); err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Read("x", samples(t), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]catalogue.Entry{}
	for _, e := range c.Entries {
		by[e.Code] = e
	}
	if e := by["1.000007"]; e.Office != "H32.02" || e.Field != "nuoi_trong_thuy_san" || !slices.Equal(e.Subjects, []string{"citizen"}) {
		t.Errorf("agency, field, subject: %s %s %v", e.Office, e.Field, e.Subjects)
	}
	if l := by["1.000003"].Limit; l != (directory.Limit{Amount: 1, Unit: directory.WorkingDay}) {
		t.Errorf("a number without a unit: %+v", l)
	}
	if l := by["1.000005"].Level; l != "province" {
		t.Errorf("level %q", l)
	}
}
