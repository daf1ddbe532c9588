package form

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"motcua/directory"
)

type rawField struct {
	Type         string            `json:"type"`
	Title        string            `json:"title"`
	MinLength    *int              `json:"minLength"`
	MaxLength    *int              `json:"maxLength"`
	Minimum      *int64            `json:"minimum"`
	Maximum      *int64            `json:"maximum"`
	Pattern      string            `json:"pattern"`
	Format       string            `json:"format"`
	Enum         []string          `json:"enum"`
	OneOf        []json.RawMessage `json:"oneOf"`
	MultipleOf   json.Number       `json:"multipleOf"`
	Const        *bool             `json:"const"`
	Label        directory.Text    `json:"x-label"`
	Hint         directory.Text    `json:"x-hint"`
	Error        directory.Text    `json:"x-error"`
	Section      directory.Text    `json:"x-section"`
	Order        int               `json:"x-order"`
	Widget       string            `json:"x-widget"`
	Autocomplete string            `json:"x-autocomplete"`
	InputMode    string            `json:"x-inputmode"`
	Plain        bool              `json:"x-plain"`
}

var (
	commonKeys = []string{
		"type", "title", "description", "x-label", "x-hint", "x-error", "x-section", "x-order", "x-widget",
		"x-autocomplete", "x-inputmode",
	}
	stringKeys  = append([]string{"minLength", "maxLength", "pattern", "format", "enum", "oneOf"}, commonKeys...)
	integerKeys = append([]string{"minimum", "maximum", "x-plain"}, commonKeys...)
	numberKeys  = append([]string{"minimum", "maximum", "multipleOf"}, commonKeys...)
	booleanKeys = append([]string{"const"}, commonKeys...)
)

// keysOf are the keywords a property of the type may use.
func keysOf(kind string) ([]string, error) {
	switch kind {
	case "string":
		return stringKeys, nil
	case "integer":
		return integerKeys, nil
	case "number":
		return numberKeys, nil
	case "boolean":
		return booleanKeys, nil
	}
	return nil, fmt.Errorf(`type %q is not supported, want "string", "integer", "number" or "boolean"`, kind)
}

// compileField reads one property; it returns the field and its place in the order.
func compileField(id string, b []byte, required bool) (Field, int, error) {
	var typed struct {
		Type string `json:"type"`
	}
	if !fieldID.MatchString(id) {
		return Field{}, 0, errors.New("malformed id, want a-z, 0-9 and _, at most 40")
	}
	if err := json.Unmarshal(b, &typed); err != nil {
		return Field{}, 0, fmt.Errorf("not a JSON object: %w", err)
	}
	keys, err := keysOf(typed.Type)
	if err != nil {
		return Field{}, 0, err
	}
	var r rawField
	if err := strict(b, keys, &r); err != nil {
		return Field{}, 0, err
	}
	if r.Label.VI == "" {
		r.Label.VI = r.Title
	}
	f := Field{
		ID: id, Label: r.Label, Hint: r.Hint, Error: r.Error, Section: r.Section, Required: required,
		Autocomplete: r.Autocomplete, InputMode: r.InputMode, Pattern: r.Pattern,
	}
	if err := r.lintTexts(); err != nil {
		return Field{}, 0, err
	}
	return f, r.Order, r.settle(&f)
}

// token is the form of what goes into an HTML attribute.
var token = regexp.MustCompile(`^[a-z0-9 -]{0,60}$`)

func (r rawField) lintTexts() error {
	if r.Label.VI == "" {
		return errors.New("no Vietnamese label: give x-label or title")
	}
	for _, t := range []directory.Text{r.Label, r.Hint, r.Error, r.Section} {
		if len(t.VI) > maxLabel || len(t.EN) > maxLabel || (t.VI == "" && t.EN != "") {
			return fmt.Errorf("a text is over %d bytes or has no Vietnamese", maxLabel)
		}
	}
	if !token.MatchString(r.Autocomplete) || !token.MatchString(r.InputMode) {
		return errors.New("x-autocomplete and x-inputmode take the tokens of HTML")
	}
	return nil
}

// settle fills in what depends on the kind.
func (r rawField) settle(f *Field) error {
	switch {
	case r.Type == "integer":
		return r.settleInteger(f)
	case r.Type == "number":
		return r.settleNumber(f)
	case r.Type == "boolean":
		return r.settleBoolean(f)
	case r.Enum != nil || r.OneOf != nil:
		return r.settleChoice(f)
	case r.Format != "":
		return r.settleDate(f)
	}
	return r.settleText(f)
}

func (r rawField) settleInteger(f *Field) error {
	f.Kind, f.Plain = Integer, r.Plain
	if f.Hint.VI == "" && !f.Plain {
		f.Hint = wholeHint
	}
	return r.settleBounds(f)
}

func (r rawField) settleNumber(f *Field) error {
	f.Kind = Number
	switch r.MultipleOf {
	case "0.1":
		f.Decimals = 1
	case "0.01":
		f.Decimals = 2 // three would make 1.250 either of two numbers
	default:
		return fmt.Errorf("multipleOf of a number is %q, want 0.1 or 0.01", r.MultipleOf)
	}
	if f.Hint.VI == "" {
		f.Hint = decimalHint
	}
	if f.InputMode == "" {
		f.InputMode = "decimal"
	}
	return r.settleBounds(f)
}

func (r rawField) settleBounds(f *Field) error {
	if r.Minimum == nil || r.Maximum == nil || *r.Minimum > *r.Maximum || *r.Minimum < -maxNumber || *r.Maximum > maxNumber {
		return errors.New("an integer or number needs minimum and maximum, whole, in order and in reach")
	}
	if r.Widget != "" {
		return fmt.Errorf("x-widget %q does not suit an integer or number", r.Widget)
	}
	f.Minimum, f.Maximum = *r.Minimum, *r.Maximum
	return nil
}

func (r rawField) settleBoolean(f *Field) error {
	f.Kind = Boolean
	f.Required = r.Const != nil
	if f.Required && !*r.Const {
		return errors.New("const of a boolean must be true")
	}
	if r.Widget != "" {
		return fmt.Errorf("x-widget %q does not suit a boolean", r.Widget)
	}
	return nil
}

func (r rawField) settleDate(f *Field) error {
	f.Kind = Date
	if r.Format != "date" {
		return fmt.Errorf(`format %q is not supported, want "date"`, r.Format)
	}
	if r.MinLength != nil || r.MaxLength != nil || r.Pattern != "" || r.Widget != "" {
		return errors.New("a date takes no length, pattern or widget")
	}
	return nil
}

func (r rawField) settleText(f *Field) error {
	f.Kind = Text
	switch r.Widget {
	case "":
	case "textarea":
		f.Kind = TextArea
	default:
		return fmt.Errorf("x-widget %q does not suit a text", r.Widget)
	}
	if r.MaxLength == nil || *r.MaxLength < 1 || *r.MaxLength > MaxText {
		return fmt.Errorf("a text needs maxLength, 1 to %d", MaxText)
	}
	f.MaxLength = *r.MaxLength
	if r.MinLength != nil {
		f.MinLength = *r.MinLength
	}
	if f.MinLength < 0 || f.MinLength > f.MaxLength {
		return errors.New("minLength is below 0 or above maxLength")
	}
	return lintPattern(r.Pattern)
}

func lintPattern(p string) error {
	if p == "" {
		return nil
	}
	if len(p) > maxPattern || !strings.HasPrefix(p, "^") || !strings.HasSuffix(p, "$") {
		return fmt.Errorf("a pattern is anchored with ^ and $ and has at most %d bytes", maxPattern)
	}
	if _, err := regexp.Compile(p); err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	return nil
}

// radioUpTo is how many options are shown as radio buttons when the form does not say.
const radioUpTo = 6

func (r rawField) settleChoice(f *Field) error {
	f.Kind = Choice
	if (r.Enum == nil) == (r.OneOf == nil) || r.MinLength != nil || r.MaxLength != nil || r.Pattern != "" || r.Format != "" {
		return errors.New("a choice has either enum or oneOf, and no length, pattern or format")
	}
	for _, v := range r.Enum {
		f.Options = append(f.Options, Option{v, directory.Text{VI: v}})
	}
	for _, b := range r.OneOf {
		o, err := compileOption(b)
		if err != nil {
			return err
		}
		f.Options = append(f.Options, o)
	}
	if len(f.Options) == 0 || len(f.Options) > MaxOptions {
		return fmt.Errorf("%d options, want 1 to %d", len(f.Options), MaxOptions)
	}
	if !slices.Contains([]string{"", "radio", "select"}, r.Widget) {
		return fmt.Errorf("x-widget %q does not suit a choice", r.Widget)
	}
	f.Radio = r.Widget == "radio" || r.Widget == "" && len(f.Options) <= radioUpTo
	return lintOptions(f.Options)
}

func compileOption(b []byte) (Option, error) {
	var o struct {
		Const string         `json:"const"`
		Title string         `json:"title"`
		Label directory.Text `json:"x-label"`
	}
	if err := strict(b, []string{"const", "title", "x-label"}, &o); err != nil {
		return Option{}, fmt.Errorf("option: %w", err)
	}
	if o.Label.VI == "" {
		o.Label.VI = o.Title
	}
	return Option{o.Const, o.Label}, nil
}

func lintOptions(options []Option) error {
	seen := map[string]bool{}
	for _, o := range options {
		if o.Value == "" || o.Label.VI == "" || seen[o.Value] || len(o.Value) > maxLabel || len(o.Label.VI) > maxLabel || len(o.Label.EN) > maxLabel {
			return fmt.Errorf("option %q: empty, repeated, too long, or without a Vietnamese label", o.Value)
		}
		seen[o.Value] = true
	}
	return nil
}
