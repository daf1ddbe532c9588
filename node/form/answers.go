package form

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"motcua/directory"
)

// Decode reads a posted page: one value a field, under the field's id. A date may also come in three parts, under the id
// followed by "-day", "-month" and "-year". Text is brought to NFC, its ends trimmed and line ends made "\n"; an empty
// answer is left out. The answers are always given back, a malformed one as the text that was typed; they may be kept
// only when there is no problem.
func (f *Form) Decode(values url.Values) (answers []byte, problems []Problem) {
	out := map[string]any{}
	for _, field := range f.fields {
		if v := field.read(values); v != nil {
			out[field.ID] = v
		}
	}
	answers = encode(out)
	problems, err := f.Validate(answers)
	if err != nil { // too large: the only fault encode cannot rule out
		return []byte("{}"), []Problem{{Message: tooLarge}}
	}
	return answers, problems
}

// read returns the typed value of the field, the text where it is malformed, nil where it is empty.
func (f Field) read(values url.Values) any {
	text := clean(values.Get(f.ID), f.Kind == TextArea)
	switch f.Kind {
	case Boolean:
		return text == "true" || text == "on" || text == "1"
	case Integer:
		if n, err := strconv.ParseInt(ungroup(text), 10, 64); err == nil {
			return n
		}
	case Number:
		if n, ok := decimal(text); ok {
			return n
		}
	case Date:
		text = readDate(values, f.ID, text)
	}
	if text == "" {
		return nil
	}
	return text
}

var grouped = regexp.MustCompile(`^-?[0-9]{1,3}([. ][0-9]{3})+$`)

// ungroup reads 1.250.000 as Vietnamese write it; 1.5 stays what it is, no whole number.
func ungroup(s string) string {
	if !grouped.MatchString(s) {
		return s
	}
	return strings.NewReplacer(".", "", " ", "").Replace(s)
}

// The ways to write a number with at most two decimals: the last comma or point before one or two digits sets off the
// decimals; before three digits a point only groups them, and a comma would be either, so that it is none of these.
var (
	vietnamese = regexp.MustCompile(`^(-?)([0-9]+|[0-9]{1,3}(?:[. ][0-9]{3})+)(?:,([0-9]{1,2}))?$`)
	pointed    = regexp.MustCompile(`^(-?)([0-9]+|[0-9]{1,3}(?:[, ][0-9]{3})+)\.([0-9]{1,2})$`)
)

// decimal reads 1.250,5 and 1,250.5 as 1250.5, in canonical form.
func decimal(s string) (json.Number, bool) {
	m := vietnamese.FindStringSubmatch(s)
	if m == nil {
		m = pointed.FindStringSubmatch(s)
	}
	if m == nil {
		return "", false
	}
	units := strings.TrimLeft(strings.NewReplacer(".", "", ",", "", " ", "").Replace(m[2]), "0")
	n := cmp.Or(units, "0")
	if d := strings.TrimRight(m[3], "0"); d != "" {
		n += "." + d
	}
	if n != "0" {
		n = m[1] + n
	}
	return json.Number(n), canonical.MatchString(n)
}

// clean bounds and normalises what was typed.
func clean(s string, lines bool) string {
	if len(s) > 4*MaxText+1 {
		s = s[:4*MaxText+1] // still over MaxText characters, so that it is found too long, not silently cut to fit
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, ""))
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == '\ufeff':
			return -1
		}
		return r
	}, s))
}

// readDate brings yyyy-mm-dd, dd/mm/yyyy and the three parts to yyyy-mm-dd; anything else stays as typed.
func readDate(values url.Values, id, text string) string {
	if text == "" {
		var parts []string
		for _, p := range []string{"-day", "-month", "-year"} {
			parts = append(parts, clean(values.Get(id+p), false))
		}
		if text = strings.Join(parts, "/"); text == "//" {
			return ""
		}
	}
	for _, layout := range []string{time.DateOnly, "2/1/2006", "2-1-2006", "2.1.2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return text
}

// Values is the opposite of Decode: what each field's input shows, by id. A boolean is "true" or absent, decimals follow
// a comma. Answers that cannot be read give nothing.
func (f *Form) Values(answers []byte) map[string]string {
	members, err := parse(answers)
	if err != nil {
		return map[string]string{}
	}
	out := map[string]string{}
	for _, field := range f.fields {
		switch v := members[field.ID].(type) {
		case string:
			out[field.ID] = v
		case json.Number:
			out[field.ID] = strings.Replace(v.String(), ".", ",", 1)
		case bool:
			if v {
				out[field.ID] = "true"
			}
		}
	}
	return out
}

// encode writes canonical JSON: sorted keys, no white space, no escaping for HTML.
func encode(members map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(members); err != nil {
		return []byte("{}") // unreachable: members are strings, numbers and booleans
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// ErrAnswers is wrapped by every error about answers that cannot be read at all.
var ErrAnswers = errors.New("answers of a form cannot be read")

// canonical is a number of at most 15 digits and two decimals as it is kept: it has one spelling and, never becoming a
// float, one value. It also keeps 1e999999999 away from arithmetic without bounds.
var canonical = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,14}|-?(0|[1-9][0-9]{0,14})\.[0-9]?[1-9])$`)

// parse reads one flat object: no nesting, no repeated member, nothing after it.
func parse(answers []byte) (map[string]any, error) {
	if len(answers) > MaxAnswers {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrAnswers, len(answers), MaxAnswers)
	}
	d := json.NewDecoder(bytes.NewReader(answers))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrAnswers)
	}
	out := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnswers, err)
		}
		value, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnswers, err)
		}
		k := key.(string) // the decoder allows nothing else as a key
		if _, nested := value.(json.Delim); nested || out[k] != nil || value == nil || len(out) >= MaxFields {
			return nil, fmt.Errorf("%w: a member is nested, null or repeated, or there are over %d", ErrAnswers, MaxFields)
		}
		if n, ok := value.(json.Number); ok && !canonical.MatchString(n.String()) {
			return nil, fmt.Errorf("%w: a number is not in canonical form, or has over 15 digits or two decimals", ErrAnswers)
		}
		out[k] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswers, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the object", ErrAnswers)
	}
	return out, nil
}

// Row is one line of the page that shows answers: check-answers, slips, the desk.
type Row struct {
	ID      string
	Section directory.Text // heading before this row; empty: none
	Label   directory.Text
	Value   directory.Text // empty: not answered
}

// Show words the answers for people, one row a field, in order. Answers that cannot be read show as not answered;
// a malformed answer shows as it was typed.
func (f *Form) Show(answers []byte) []Row {
	members, _ := parse(answers)
	var out []Row
	for _, field := range f.fields {
		out = append(out, Row{field.ID, field.Section, field.Label, field.show(members[field.ID])})
	}
	return out
}

func (f Field) show(value any) directory.Text {
	switch v := value.(type) {
	case bool:
		if v {
			return directory.Text{VI: "Có", EN: "Yes"}
		}
		return directory.Text{VI: "Không", EN: "No"}
	case json.Number:
		return f.digits(v.String())
	case string:
		return f.showText(v)
	}
	return directory.Text{}
}

// digits writes a canonical number for people: 1.250,5 and 1,250.5; a plain one stays as it is.
func (f Field) digits(n string) directory.Text {
	if f.Plain {
		return directory.Text{VI: n, EN: n}
	}
	units, decimals, ok := strings.Cut(n, ".")
	out := directory.Text{VI: group(units, "."), EN: group(units, ",")}
	if ok {
		out.VI, out.EN = out.VI+","+decimals, out.EN+"."+decimals
	}
	return out
}

func (f Field) showText(v string) directory.Text {
	if f.Kind == Date {
		if t, err := time.Parse(time.DateOnly, v); err == nil {
			d := t.Format("02/01/2006")
			return directory.Text{VI: d, EN: d}
		}
	}
	for _, o := range f.Options {
		if o.Value == v {
			return o.Label
		}
	}
	return directory.Text{VI: v, EN: v}
}

// group sets a separator before every third digit from the right: 1.250.000.
func group(digits, sep string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + sep + digits[i:]
	}
	return sign + digits
}
