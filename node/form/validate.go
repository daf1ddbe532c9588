package form

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"motcua/directory"
)

// Problem is one thing to mend, in the words of the page. Field is the id of the field, empty for the form as a whole.
type Problem struct {
	Field   string
	Message directory.Text
}

// Validate checks answers, whoever made them, and returns the problems in the order of the fields; none means they may be
// kept. The error wraps [ErrAnswers] and means that they are not answers at all.
func (f *Form) Validate(answers []byte) ([]Problem, error) {
	members, err := parse(answers)
	if err != nil {
		return nil, err
	}
	found := map[string]jsonschema.ErrorKind{}
	instance := make(map[string]any, len(members))
	for k, v := range members {
		instance[k] = v
	}
	if err := f.schema.Validate(instance); err != nil {
		var ve *jsonschema.ValidationError
		if !errors.As(err, &ve) {
			return nil, fmt.Errorf("%w: %w", ErrAnswers, err)
		}
		collect(ve, found)
	}
	var out []Problem
	for _, field := range f.fields {
		if p, bad := field.problem(members[field.ID], found[field.ID]); bad {
			out = append(out, Problem{field.ID, p})
		}
		delete(found, field.ID)
	}
	if len(found) > 0 {
		out = append(out, Problem{Message: unknownAnswer})
	}
	return out, nil
}

// collect keeps one fault a field: the first leaf that names it.
func collect(e *jsonschema.ValidationError, found map[string]jsonschema.ErrorKind) {
	note := func(id string, k jsonschema.ErrorKind) {
		if _, ok := found[id]; !ok {
			found[id] = k
		}
	}
	if len(e.InstanceLocation) > 0 {
		note(e.InstanceLocation[0], e.ErrorKind)
		return
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, id := range k.Missing {
			note(id, k)
		}
	case *kind.AdditionalProperties:
		for _, id := range k.Properties {
			note(id, k)
		}
	default:
		if len(e.Causes) == 0 {
			note("", k)
		}
	}
	for _, c := range e.Causes {
		collect(c, found)
	}
}

// problem words the fault of one field. Beyond the schema, an answer that is there is not blank, and a date has a year
// that people write.
func (f Field) problem(value any, fault jsonschema.ErrorKind) (directory.Text, bool) {
	text, isText := value.(string)
	blank := value == nil || isText && strings.TrimSpace(text) == ""
	_, missing := fault.(*kind.Required)
	switch {
	case f.Kind == Boolean && (fault != nil || f.Required && value != true):
		return mustTick(f.Label), true
	case missing, blank && (f.Required || value != nil):
		return missingAnswer(f), true
	case fault != nil:
		return malformed(f, fault), true
	case isText && (!utf8.ValidString(text) || strings.ContainsFunc(text, unprintable)):
		return malformed(f, nil), true
	case f.Kind == Date && isText && !civilYear(text):
		return malformed(f, nil), true
	}
	return directory.Text{}, false
}

func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' }

func civilYear(date string) bool {
	t, err := time.Parse(time.DateOnly, date)
	return err == nil && t.Year() >= 1900 && t.Year() <= 2200
}
