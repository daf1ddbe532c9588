package form

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/khanhhoa"
)

// plausible fills in a form as a person would.
func plausible(t *testing.T, f *Form) url.Values {
	t.Helper()
	v := url.Values{}
	for _, field := range f.Fields() {
		v.Set(field.ID, plausibleAnswer(t, field))
	}
	return v
}

func plausibleAnswer(t *testing.T, f Field) string {
	t.Helper()
	switch f.Kind {
	case Boolean:
		return "on"
	case Integer:
		return strconv.FormatInt(f.Minimum, 10)
	case Number:
		return strconv.FormatInt(f.Minimum, 10) + ",5"
	case Date:
		return "3/2/1985"
	case Choice:
		return f.Options[0].Value
	}
	for _, s := range []string{"Nguyễn Thị Hòa", "056185000123", "0300588569", "0905123456", "12"} {
		if len([]rune(s)) <= f.MaxLength && (f.Pattern == "" || regexp.MustCompile(f.Pattern).MatchString(s)) {
			return s
		}
	}
	t.Errorf("field %s: no plausible answer", f.ID)
	return ""
}

func TestEveryFormOfTheCatalogueCanBeFilledInInTwoLanguages(t *testing.T) {
	for _, p := range khanhhoa.Procedures() {
		f, err := Compile(p.Form)
		if err != nil {
			t.Errorf("%s: %v", p.Code, err)
			continue
		}
		if n := len(f.Fields()); n < 3 || n > 12 || f.Title() == "" {
			t.Errorf("%s: %d fields, title %q", p.Code, n, f.Title())
		}
		checkWords(t, p.Code, f)
		answers, problems := f.Decode(plausible(t, f))
		if len(problems) != 0 {
			t.Errorf("%s: %s: %+v", p.Code, answers, problems)
		}
		for _, row := range f.Show(answers) {
			if row.Value.VI == "" || row.Value.EN == "" {
				t.Errorf("%s: %s was answered but shows nothing", p.Code, row.ID)
			}
		}
	}
}

func checkWords(t *testing.T, code string, f *Form) {
	t.Helper()
	for _, field := range f.Fields() {
		texts := []directory.Text{field.Label}
		for _, o := range field.Options {
			texts = append(texts, o.Label)
		}
		for _, optional := range []directory.Text{field.Hint, field.Error, field.Section} {
			if optional.VI != "" {
				texts = append(texts, optional)
			}
		}
		for _, s := range texts {
			if s.VI == "" || s.EN == "" {
				t.Errorf("%s: field %s lacks a language: %+v", code, field.ID, s)
			}
		}
	}
}

// Certificates give areas with decimals, and nobody writes a year with a separator.
func TestTheCatalogueAsksAreasWithDecimalsAndYearsPlain(t *testing.T) {
	areas, years := 0, 0
	for _, p := range khanhhoa.Procedures() {
		f, err := Compile(p.Form)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range f.Fields() {
			area := strings.HasSuffix(field.Label.VI, "(m²)")
			year := field.Kind == Integer && field.Minimum >= 1800 && field.Maximum <= 2200
			if area && field.Decimals != 2 || year && !field.Plain {
				t.Errorf("%s: %s is an area without decimals, or a year with separators", p.Code, field.ID)
			}
			areas, years = areas+count(area), years+count(year)
		}
	}
	if areas < 8 || years < 7 {
		t.Errorf("found %d areas and %d years", areas, years)
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
