package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

const sample = `{
 "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "title": "Tờ khai", "additionalProperties": false,
 "required": ["full_name", "born", "sex", "copies"],
 "properties": {
  "full_name": {"type": "string", "minLength": 2, "maxLength": 100, "x-order": 1, "x-autocomplete": "name",
    "x-label": {"vi": "Họ và tên", "en": "Full name"}},
  "born": {"type": "string", "format": "date", "x-order": 2, "x-label": {"vi": "Ngày sinh", "en": "Date of birth"}},
  "sex": {"type": "string", "x-order": 3, "x-label": {"vi": "Giới tính", "en": "Sex"},
    "oneOf": [{"const": "m", "title": "Nam", "x-label": {"vi": "Nam", "en": "Male"}}, {"const": "f", "title": "Nữ"}]},
  "number": {"type": "string", "maxLength": 12, "pattern": "^[0-9]{12}$", "x-order": 4, "x-inputmode": "numeric",
    "x-label": {"vi": "CCCD", "en": "ID number"}, "x-error": {"vi": "Số căn cước gồm 12 chữ số", "en": "An ID number has 12 digits"}},
  "copies": {"type": "integer", "minimum": 1, "maximum": 2000, "x-order": 5, "x-label": {"vi": "Số bản", "en": "Copies"}},
  "note": {"type": "string", "maxLength": 20, "x-widget": "textarea", "x-order": 6, "x-label": {"vi": "Ghi chú", "en": "Note"}},
  "post": {"type": "boolean", "x-order": 7, "x-label": {"vi": "Nhận qua bưu điện", "en": "By post"}},
  "agree": {"type": "boolean", "const": true, "x-order": 8, "x-label": {"vi": "Tôi cam đoan", "en": "I declare"}}
 }}`

func mustCompile(t testing.TB, schema string) *Form {
	t.Helper()
	f, err := Compile([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func good() url.Values {
	return url.Values{
		"full_name": {norm.NFD.String("  Nguyễn Thị Hoà ")}, "born": {"3/2/1985"}, "sex": {"f"}, "number": {"056185000123"},
		"copies": {"1.250"}, "note": {"một\r\nhai <b>"}, "agree": {"on"}, "stray": {"x"},
	}
}

// The stored form of the answers: a later version must read and write exactly this.
const golden = `{"agree":true,"born":"1985-02-03","copies":1250,"full_name":"Nguyễn Thị Hoà","note":"một\nhai <b>","number":"056185000123","post":false,"sex":"f"}`

func TestDecodeWritesCanonicalAnswers(t *testing.T) {
	f := mustCompile(t, sample)
	answers, problems := f.Decode(good())
	if len(problems) != 0 {
		t.Fatalf("problems: %v", problems)
	}
	if string(answers) != golden {
		t.Errorf("answers\n%s, want\n%s", answers, golden)
	}
	again := url.Values{}
	for id, v := range f.Values(answers) {
		again.Set(id, v)
	}
	if second, _ := f.Decode(again); !bytes.Equal(second, answers) {
		t.Errorf("what a page shows of the answers does not decode to them:\n%s", second)
	}
}

func TestDecodeTakesADateInParts(t *testing.T) {
	f := mustCompile(t, sample)
	v := good()
	v.Del("born")
	v.Set("born-day", "3")
	v.Set("born-month", "02")
	v.Set("born-year", "1985")
	if answers, _ := f.Decode(v); string(answers) != golden {
		t.Errorf("answers %s", answers)
	}
}

func TestProblemsAreWordedAndKeepWhatWasTyped(t *testing.T) {
	f := mustCompile(t, sample)
	for _, c := range []struct{ field, typed, vi, en string }{
		{"full_name", "", "Nhập họ và tên", "Enter full name"},
		{"full_name", "X", "Họ và tên phải có ít nhất 2 ký tự", "Full name must be 2 characters or more"},
		{"born", "31/02/2020", "Nhập ngày sinh theo dạng ngày/tháng/năm, ví dụ 24/11/2026", "Enter date of birth as day/month/year, for example 24/11/2026"},
		{"born", "0001-01-01", "Nhập ngày sinh theo dạng ngày/tháng/năm, ví dụ 24/11/2026", "Enter date of birth as day/month/year, for example 24/11/2026"},
		{"sex", "", "Chọn giới tính", "Select sex"},
		{"sex", "x", "Chọn giới tính trong danh sách", "Select sex from the list"},
		{"number", "12", "Số căn cước gồm 12 chữ số", "An ID number has 12 digits"},
		{"copies", "1.5", "Số bản phải là số nguyên từ 1 đến 2.000", "Copies must be a whole number from 1 to 2,000"},
		{"copies", "0", "Số bản phải là số nguyên từ 1 đến 2.000", "Copies must be a whole number from 1 to 2,000"},
		{"note", strings.Repeat("ặ", 21), "Ghi chú không được quá 20 ký tự", "Note must be 20 characters or fewer"},
		{"agree", "", "Đánh dấu vào ô “Tôi cam đoan”", "Tick the box “I declare”"},
	} {
		v := good()
		v.Set(c.field, c.typed)
		answers, problems := f.Decode(v)
		if len(problems) != 1 || problems[0].Field != c.field || problems[0].Message.VI != c.vi || problems[0].Message.EN != c.en {
			t.Errorf("%s = %q: problems %+v, want %q / %q", c.field, c.typed, problems, c.vi, c.en)
		}
		if got := f.Values(answers)[c.field]; got != strings.TrimSpace(c.typed) {
			t.Errorf("%s: typed %q, shown again as %q", c.field, c.typed, got)
		}
	}
}

func TestProblemsComeInTheOrderOfTheFields(t *testing.T) {
	f := mustCompile(t, sample)
	_, problems := f.Decode(url.Values{})
	var got []string
	for _, p := range problems {
		got = append(got, p.Field)
	}
	if s := strings.Join(got, " "); s != "full_name born sex copies agree" {
		t.Errorf("order %s", s)
	}
}

func TestValidateRefusesWhatDecodeNeverMakes(t *testing.T) {
	f := mustCompile(t, sample)
	swap := func(old, new string) string { return strings.Replace(golden, old, new, 1) }
	for name, answers := range map[string]string{
		"unknown member": swap(`{`, `{"spy":"x",`), "blank": swap(`"Nguyễn Thị Hoà"`, `"   "`), "control": swap("một", `\u0007`), "unticked": swap(`"agree":true,`, ``),
		"wrong type": swap(`1250`, `"1250"`), "date of another form": swap("1985-02-03", "03/02/1985"),
	} {
		if p, err := f.Validate([]byte(answers)); err != nil || len(p) == 0 {
			t.Errorf("%s: problems %v, error %v", name, p, err)
		}
	}
	for name, answers := range map[string]string{
		"array": "[]", "nested": swap(`1250`, `{}`), "null": swap(`1250`, `null`), "repeated": swap(`{`, `{"agree":true,`),
		"trailing": golden + "{}", "fraction": swap("1250", "1250.0"), "bomb": swap("1250", "1e999999999"), "cut": golden[:40],
		"large": `{"note":"` + strings.Repeat("x", MaxAnswers) + `"}`, "empty": "",
	} {
		if _, err := f.Validate([]byte(answers)); !errors.Is(err, ErrAnswers) {
			t.Errorf("%s: error %v, want ErrAnswers", name, err)
		}
	}
}

func TestShow(t *testing.T) {
	f := mustCompile(t, sample)
	var got []string
	for _, r := range f.Show([]byte(golden)) {
		got = append(got, r.Label.In("en")+"="+r.Value.VI+"|"+r.Value.In("en"))
	}
	want := []string{
		"Full name=Nguyễn Thị Hoà|Nguyễn Thị Hoà", "Date of birth=03/02/1985|03/02/1985", "Sex=Nữ|Nữ", "ID number=056185000123|056185000123",
		"Copies=1.250|1,250", "Note=một\nhai <b>|một\nhai <b>", "By post=Không|No", "I declare=Có|Yes",
	}
	if strings.Join(got, ";") != strings.Join(want, ";") {
		t.Errorf("rows\n%q, want\n%q", got, want)
	}
	if rows := f.Show([]byte("junk")); len(rows) != len(want) || rows[0].Value.VI != "" {
		t.Errorf("unreadable answers show %v", rows)
	}
}

const plot = `{"type": "object", "additionalProperties": false, "properties": {
  "area": {"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 10000000, "x-order": 1, "x-label": {"vi": "Diện tích", "en": "Area"}},
  "since": {"type": "integer", "minimum": 1850, "maximum": 2100, "x-plain": true, "x-order": 2, "x-label": {"vi": "Năm", "en": "Year"}}
 }}`

func TestANumberKeepsItsDecimalsExactly(t *testing.T) {
	f := mustCompile(t, plot)
	for typed, want := range map[string]string{
		"250,5": "250.5", "250.5": "250.5", "250,50": "250.5", "250,00": "250", "0,07": "0.07", "1.250": "1250", "1.250,25": "1250.25",
		"1,250.25": "1250.25", "1 250,5": "1250.5", "007,10": "7.1", "8.123.456,78": "8123456.78", "0": "0", "-0": "0",
	} {
		answers, problems := f.Decode(url.Values{"area": {typed}})
		if string(answers) != `{"area":`+want+`}` || len(problems) != 0 {
			t.Errorf("%q: %s, problems %v, want %s", typed, answers, problems, want)
		}
		if again, _ := f.Decode(url.Values{"area": {f.Values(answers)["area"]}}); !bytes.Equal(again, answers) {
			t.Errorf("%q is shown as %q, which decodes to %s", typed, f.Values(answers)["area"], again)
		}
	}
	const vi, en = "Diện tích phải là số từ 0 đến 10.000.000, tối đa 2 chữ số thập phân", "Area must be a number from 0 to 10,000,000, with at most two decimals"
	for _, typed := range []string{"250,505", "1,250", "12,", ",5", "1.25.0", "-1", "10000000,01", "1e3", "99999999999999999"} {
		answers, problems := f.Decode(url.Values{"area": {typed}})
		if len(problems) != 1 || problems[0].Message.VI != vi || problems[0].Message.EN != en {
			t.Errorf("%q: %s, problems %v", typed, answers, problems)
		}
	}
	for _, answers := range []string{`{"area":250.50}`, `{"area":2505e-1}`, `{"area":0.005}`, `{"area":-0}`} {
		if _, err := f.Validate([]byte(answers)); !errors.Is(err, ErrAnswers) {
			t.Errorf("%s: error %v, want ErrAnswers", answers, err)
		}
	}
}

func TestNumbersAreShownInTheDigitsOfTheLanguage(t *testing.T) {
	f := mustCompile(t, plot)
	rows := f.Show([]byte(`{"area":1250.5,"since":1850}`))
	if v := rows[0].Value; v.VI != "1.250,5" || v.EN != "1,250.5" {
		t.Errorf("an area shows as %+v", v)
	}
	if v := rows[1].Value; v.VI != "1850" || v.EN != "1850" {
		t.Errorf("a year shows as %+v", v)
	}
	if _, p := f.Decode(url.Values{"since": {"1840"}}); len(p) != 1 || p[0].Message.VI != "Năm phải là số nguyên từ 1850 đến 2100" {
		t.Errorf("a year out of bounds: %v", p)
	}
	if area, _ := f.Field("area"); !strings.Contains(area.Hint.VI, "250,5") || area.InputMode != "decimal" {
		t.Errorf("nothing says that decimals are allowed: %+v", area)
	}
	whole, _ := mustCompile(t, sample).Field("copies")
	if year, _ := f.Field("since"); whole.Hint.VI == "" || year.Hint.VI != "" {
		t.Errorf("hints %q and %q, want one where a whole number is asked and none on a year", whole.Hint.VI, year.Hint.VI)
	}
}

func TestCompileLints(t *testing.T) {
	if f := mustCompile(t, sample); len(f.Fields()) != 8 || f.Fields()[5].Kind != TextArea || !f.Fields()[2].Radio {
		t.Errorf("fields %+v", f.Fields())
	}
	for name, edit := range map[string][2]string{
		"open object":        {`"additionalProperties": false`, `"additionalProperties": true`},
		"reference":          {`"format": "date"`, `"$ref": "file:///etc/passwd"`},
		"unknown keyword":    {`"minLength": 2`, `"minItems": 2`},
		"keyword of a kind":  {`"minLength": 2`, `"minimum": 2`},
		"case of a keyword":  {`"maxLength": 100`, `"MaxLength": 100`},
		"unbounded text":     {`"minLength": 2, "maxLength": 100`, `"minLength": 2`},
		"unbounded integer":  {`"minimum": 1, `, ``},
		"free pattern":       {`"^[0-9]{12}$"`, `"[0-9]{12}"`},
		"broken pattern":     {`"^[0-9]{12}$"`, `"^([0-9]{12}$"`},
		"unknown format":     {`"format": "date"`, `"format": "email"`},
		"no label":           {`"x-label": {"vi": "Giới tính", "en": "Sex"},`, ``},
		"repeated option":    {`{"const": "f", "title": "Nữ"}`, `{"const": "m", "title": "Nữ"}`},
		"required of nobody": {`"required": ["full_name",`, `"required": ["name",`},
		"false box":          {`"const": true`, `"const": false`},
		"draft of 2019":      {"2020-12", "2019-09"},
		"nested":             {`"type": "boolean", "x-order": 7`, `"type": "object"`},
		"widget":             {`"textarea"`, `"wysiwyg"`},
		"id":                 {`"note":`, `"Note ":`},
	} {
		s := strings.Replace(sample, edit[0], edit[1], 1)
		if s == sample {
			t.Fatalf("%s: the edit did not apply", name)
		}
		if _, err := Compile([]byte(s)); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
}

func TestCompileLintsNumbers(t *testing.T) {
	for name, edit := range map[string][2]string{
		"three decimals": {"0.01", "0.001"}, "no step": {`"multipleOf": 0.01, `, ``}, "unbounded": {`"maximum": 10000000, `, ``}, "plain": {`"multipleOf": 0.01`, `"multipleOf": 0.01, "x-plain": true`},
	} {
		s := strings.Replace(plot, edit[0], edit[1], 1)
		if _, err := Compile([]byte(s)); err == nil || s == plot {
			t.Errorf("%s: compiled", name)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string","enum":["x"],"title":"A"}}}`))
	f.Add([]byte(`{"$ref":"#"}`))
	f.Add([]byte(plot))
	f.Fuzz(func(t *testing.T, b []byte) {
		form, err := Compile(b)
		if err != nil {
			return
		}
		answers, problems := form.Decode(url.Values{})
		if again, err := form.Validate(answers); err != nil || len(again) != len(problems) {
			t.Errorf("a form that compiles cannot check its own answers %s: %v", answers, err)
		}
		for _, p := range problems {
			if p.Message.VI == "" || p.Message.EN == "" {
				t.Errorf("a problem of %q without words", p.Field)
			}
		}
	})
}

func FuzzValidate(f *testing.F) {
	form := mustCompile(f, strings.Replace(sample, `"post":`, `"area": {"type": "number", "multipleOf": 0.01, "minimum": -9, "maximum": 9, "title": "Diện tích"}, "post":`, 1))
	f.Add([]byte(golden))
	f.Add([]byte(strings.Replace(golden, `"born"`, `"area":-0.5,"born"`, 1)))
	f.Add([]byte(`{"agree":true}`))
	f.Add([]byte(`{"full_name":"\ud800","born":"2020-02-30"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		form.Show(b)
		problems, err := form.Validate(b)
		if err != nil || len(problems) != 0 {
			return
		}
		v := url.Values{}
		for id, s := range form.Values(b) {
			v.Set(id, s)
		}
		answers, problems := form.Decode(v)
		if len(problems) != 0 || !json.Valid(answers) {
			t.Errorf("valid answers %s came back as %s with %v", b, answers, problems)
		}
	})
}
