package catalogue_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/directory/catalogue"
)

// oddities are values that a field may come with instead of what it ought to be: other types, other words, too much.
var oddities = []any{
	nil, "", " ", true, false, 0, -1, 3.75, 1e30, []any{}, map[string]any{}, []any{nil, "", []any{[]any{"x"}}}, "\u0000\u200b", "\ufffd",
	"Không có thông tin", "Trong ngày", "10-25 ngày", "05 (năm) ngày làm việc", "1/2 ngày", "30", "Phí : 50.000 Đồng", "1,5 triệu đồng", "120 VNĐ", "Lệ phí: Theo quy định",
	"Ủy ban nhân dân cấp xã", "Sở Tư pháp các tỉnh", "Cấp xã, Cấp tỉnh", "cap xa", "ministry", "Thá»§ tá»¥c", "V¨n b¶n cña ®¹i lý", "<p>Đơn &amp; giấy<br/>tờ</p>", "=1+1", "2026-02-30",
	strings.Repeat("rất dài ", 900), strings.Repeat("x", 5000), map[string]any{"name": "tên", "code": "KQ"}, []any{map[string]any{"name": 7}, "Tờ khai", 9},
}

// messy changes a value somewhere within: drops it, puts an oddity in its place, doubles it, or goes deeper.
func messy(t *rapid.T, v any, depth int) any {
	if m, ok := v.(map[string]any); depth > 3 || ok && len(m) == 0 || rapid.IntRange(0, 5).Draw(t, "here") == 0 {
		return rapid.SampledFrom(oddities).Draw(t, "oddity")
	}
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			k := rapid.SampledFrom(slices.Sorted(maps.Keys(v))).Draw(t, "member")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				delete(out, k)
			case 1:
				out[k] = []any{v[k], v[k]}
			default:
				out[k] = messy(t, v[k], depth+1)
			}
		}
		return out
	case []any:
		out := slices.Clone(v)
		for i := range out {
			if rapid.IntRange(0, 2).Draw(t, "item") == 0 {
				out[i] = messy(t, out[i], depth+1)
			}
		}
		return append(out, out...)
	}
	return rapid.SampledFrom(oddities).Draw(t, "leaf")
}

// TestRecordsNeverSeenBeforePass: whatever is done to records of the form, none is lost, nothing panics, and what is not held
// back can be published and survives a workbook.
func TestRecordsNeverSeenBeforePass(t *testing.T) {
	var base []map[string]any
	pool := samples(t)
	if b, ok := gathered(t); ok {
		all := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		for i := 0; i < len(all); i += 150 {
			pool = append(append(pool, all[i]...), '\n')
		}
	}
	for _, line := range bytes.Split(bytes.TrimSpace(pool), []byte("\n")) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		base = append(base, v)
	}
	rapid.Check(t, func(t *rapid.T) {
		var in bytes.Buffer
		n := rapid.IntRange(1, 5).Draw(t, "records")
		for i := range n {
			b, err := json.Marshal(messy(t, rapid.SampledFrom(base).Draw(t, "base"), 0))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && b[0] != '{' {
				b = []byte("{}")
			}
			fmt.Fprintf(&in, "%s\n", b)
		}
		m := catalogue.NewMap(tables())
		c, err := catalogue.Read("x", in.Bytes(), m, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Fields = m.Fresh()
		j := catalogue.Judge(c, tables(), nil, nil)
		checkAny(t, n, c, j)
	})
}

func checkAny(t *rapid.T, n int, c catalogue.Catalogue, j catalogue.Judged) {
	if len(c.Entries) != n || len(j.Drafts.Entries)+len(j.Held.Entries) != n {
		t.Fatalf("%d records became %d", n, len(c.Entries))
	}
	for _, p := range catalogue.PlanOf(j.Drafts, tables(), nil, today, "QĐ 1").Procedures() {
		if err := p.Validate(); err != nil {
			t.Fatalf("not held back: %v", err)
		}
	}
	for i, x := range []catalogue.Catalogue{j.Drafts, j.Held} {
		with := tables().With(c)
		back, err := catalogue.ReadBook("x", catalogue.WriteBook(x, with), catalogue.NewMap(with), nil)
		if len(x.Entries) > 0 && err != nil {
			t.Fatal(err)
		}
		sameEntries(t, x, back, i == 0)
	}
}

var wellFormed = regexp.MustCompile(`^[0-9]\.[0-9]{6}$`)

type fataler interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// sameEntries compares what went into a workbook with what came out. Of records that are held back only their number, codes and
// papers must be the same, also where two have one code: what could not be read is there as text.
func sameEntries(t fataler, in, out catalogue.Catalogue, exact bool) {
	if len(in.Entries) != len(out.Entries) {
		t.Fatalf("%d records went in, %d came out", len(in.Entries), len(out.Entries))
	}
	for i, e := range in.Entries {
		got := out.Entries[i]
		if got.Code != e.Code && wellFormed.MatchString(e.Code) || len(got.Requirements) != len(e.Requirements) {
			t.Errorf("%q with %d papers came out as %q with %d", e.Code, len(e.Requirements), got.Code, len(got.Requirements))
		}
		if !exact {
			continue
		}
		a, b := e.Procedure, got.Procedure
		if d := catalogue.Diff(a, b, tables()); len(d) > 0 || a.Version != b.Version || a.Valid != b.Valid || !reflect.DeepEqual(e.Check, got.Check) {
			t.Errorf("%s came out otherwise: %+v, marks %v and %v", e.Code, d, e.Check, got.Check)
		}
	}
}

// TestAWorkbookLosesNothing holds it for every published procedure, with texts too long for a cell.
func TestAWorkbookLosesNothing(t *testing.T) {
	c := own()
	c.Entries[3].Conditions.VI = strings.TrimSpace(strings.Repeat("Điều kiện dài 𝄞 ", 4000))
	c.Entries[4].LegalBasis = []string{"một\ndòng", "hai"}
	c.Entries[5].Synonyms = []string{"sổ đỏ"}
	c.Entries[6].Valid.To = "2030-12-31"
	c.Entries[8].Route = slices.Clone(c.Entries[8].Route)
	c.Entries[8].Route[0].Acknowledge = 6
	c.Entries[7].Check = []catalogue.Mark{catalogue.MarkOffice, catalogue.MarkLimit}
	back, err := catalogue.ReadBook("x", catalogue.WriteBook(c, tables()), catalogue.NewMap(tables()), nil)
	if err != nil {
		t.Fatal(err)
	}
	sameEntries(t, c, back, true)
	for _, e := range back.Entries {
		if len(e.Found) > 0 {
			t.Errorf("%s: %+v", e.Code, e.Found)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, line := range bytes.Split(samples(f), []byte("\n")) {
		f.Add(line)
	}
	f.Add([]byte(`{"format": "motcua catalogue 1", "procedures": [{"code": "1.000001", "name": {"vi": "x"}, "fees": [{"amount": 1}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := catalogue.NewMap(tables())
		c, err := catalogue.Read("x", b, m, nil)
		if err != nil {
			return
		}
		c.Fields = append(c.Fields, m.Fresh()...)
		j := catalogue.Judge(c, tables(), nil, nil)
		checkJudged(t, len(c.Entries), c, j)
		catalogue.WriteBook(j.Held, tables())
	})
}

func FuzzBook(f *testing.F) {
	f.Add("Mã TTHC\tTên thủ tục\tThời hạn\tPhí\n1.000001\tCấp giấy\t10 ngày\tPhí: 5.000 đồng", uint8(0), uint8(1))
	f.Add("STT\tTên thủ tục hành chính\tCơ quan thực hiện\nI\tLĩnh vực Đất đai\n1\tĐăng ký\tSở Xây dựng", uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, text string, top, bottom uint8) {
		s := catalogue.Sheet{Name: "Thủ tục", Merged: []catalogue.Area{{Top: int(top), Left: 0, Bottom: int(bottom), Right: int(top)}}}
		for _, line := range strings.Split(text, "\n") {
			s.Rows = append(s.Rows, strings.Split(line, "\t"))
		}
		m := catalogue.NewMap(tables())
		c, err := catalogue.ReadBook("x", catalogue.Book{Sheets: []catalogue.Sheet{s}}, m, nil)
		if err != nil {
			return
		}
		c.Fields = m.Fresh()
		checkJudged(t, len(c.Entries), c, catalogue.Judge(c, tables(), nil, nil))
	})
}
