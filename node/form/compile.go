package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"motcua/directory"
)

// The bounds of a form and of its answers.
const (
	MaxFields  = 100               // of one form
	MaxOptions = 400               // of one choice
	MaxText    = 10_000            // characters of one answer; no maxLength may exceed it
	MaxAnswers = 64 << 10          // bytes of all answers
	maxLabel   = 1_000             // bytes of a label, hint or option
	maxPattern = 500               // bytes of a pattern
	maxNumber  = 1_000_000_000_000 // of a bound of an integer
)

// Kind is how a field is asked. Append only.
type Kind string

// The kinds of fields.
const (
	Text     Kind = "text"
	TextArea Kind = "textarea"
	Integer  Kind = "integer"
	Boolean  Kind = "boolean" // one checkbox
	Date     Kind = "date"
	Choice   Kind = "choice"
	Number   Kind = "number" // with up to Decimals digits after the comma
)

// Option is one answer of a choice.
type Option struct {
	Value string
	Label directory.Text
}

// Field is one question, with what a page needs to ask it.
type Field struct {
	ID           string
	Label        directory.Text
	Hint         directory.Text
	Error        directory.Text // for a malformed answer; empty: a general message
	Section      directory.Text // heading before this field; empty: none
	Kind         Kind
	Radio        bool // a choice shown as radio buttons rather than a list
	Options      []Option
	Required     bool // for a boolean: the box must be ticked
	MinLength    int  // characters, of a text
	MaxLength    int  // characters, of a text
	Minimum      int64
	Maximum      int64  // of an integer or number
	Decimals     int    // digits after the comma, of a number
	Plain        bool   // an integer written without separators, as a year
	Pattern      string // RE2, anchored
	Autocomplete string
	InputMode    string
}

// Form is a compiled form. It does not change and may be shared.
type Form struct {
	title  string
	fields []Field
	schema *jsonschema.Schema
}

// Fields are the questions in the order to ask them. The caller must not change them.
func (f *Form) Fields() []Field { return f.fields }

// Title is the Vietnamese name of the form ("Tờ khai …"), empty if it has none.
func (f *Form) Title() string { return f.title }

// Field finds a question by its id.
func (f *Form) Field(id string) (Field, bool) {
	i := slices.IndexFunc(f.fields, func(x Field) bool { return x.ID == id })
	if i < 0 {
		return Field{}, false
	}
	return f.fields[i], true
}

type rawForm struct {
	Schema     string                     `json:"$schema"`
	Type       string                     `json:"type"`
	Title      string                     `json:"title"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Additional *bool                      `json:"additionalProperties"`
}

var formKeys = []string{"$schema", "type", "title", "description", "properties", "required", "additionalProperties"}

const dialect = "https://json-schema.org/draft/2020-12/schema"

// Compile reads a form and lints it. The error names the field and says what to mend.
func Compile(schema []byte) (*Form, error) {
	if len(schema) > directory.MaxForm {
		return nil, fmt.Errorf("form: %d bytes, the limit is %d", len(schema), directory.MaxForm)
	}
	var raw rawForm
	if err := strict(schema, formKeys, &raw); err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	if err := raw.lint(); err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	f := &Form{title: raw.Title}
	orders := map[string]int{}
	for id, b := range raw.Properties {
		field, order, err := compileField(id, b, slices.Contains(raw.Required, id))
		if err != nil {
			return nil, fmt.Errorf("form: field %q: %w", id, err)
		}
		orders[id] = order
		f.fields = append(f.fields, field)
	}
	slices.SortFunc(f.fields, func(a, b Field) int {
		if d := orders[a.ID] - orders[b.ID]; d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	var err error
	f.schema, err = compileSchema(schema)
	return f, err
}

func (r rawForm) lint() error {
	switch {
	case r.Schema != "" && r.Schema != dialect:
		return fmt.Errorf("$schema is %q, want %q", r.Schema, dialect)
	case r.Type != "object":
		return errors.New(`type must be "object"`)
	case r.Additional == nil || *r.Additional:
		return errors.New("additionalProperties must be false: only what is asked is kept")
	case len(r.Properties) == 0 || len(r.Properties) > MaxFields:
		return fmt.Errorf("%d fields, want 1 to %d", len(r.Properties), MaxFields)
	case len(r.Title) > maxLabel:
		return fmt.Errorf("title of %d bytes, the limit is %d", len(r.Title), maxLabel)
	}
	for _, id := range r.Required {
		if _, ok := r.Properties[id]; !ok {
			return fmt.Errorf("required names %q, which is no field", id)
		}
	}
	return nil
}

// strict decodes one JSON object whose members must all be among keys, spelled exactly so.
func strict(b []byte, keys []string, into any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	for k := range members {
		if !slices.Contains(keys, k) {
			return fmt.Errorf("keyword %q is not supported; remove it, or upgrade to a version that knows it", k)
		}
	}
	return json.Unmarshal(b, into)
}

// noLoader refuses every reference: a form is complete in itself.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a form may not refer to another document", url)
}

const schemaURL = "form:schema"

func compileSchema(schema []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	s, err := c.Compile(schemaURL)
	if err != nil {
		return nil, fmt.Errorf("form: %w", err)
	}
	return s, nil
}

var fieldID = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
