package page

import (
	"time"

	"motcua/node/text"
)

// Problem is something wrong on a form: the name of the field, "" for the form as a whole, and what to do about it.
type Problem struct{ Field, Text string }

// Form is what every page with a POST form embeds.
type Form struct {
	// Once is the identity of the act: a repeat of the same POST has no second effect.
	Once     string
	Problems []Problem
}

func (f Form) faults() []Problem { return f.Problems }

// Fault returns the first problem of a field, "" for none.
func (f Form) Fault(field string) string {
	for _, p := range f.Problems {
		if p.Field == field {
			return p.Text
		}
	}
	return ""
}

// FieldKind is how a question is asked.
type FieldKind string

// The kinds of fields.
const (
	TextField   FieldKind = "text"
	AreaField   FieldKind = "area"
	NumberField FieldKind = "number"
	DateField   FieldKind = "date" // typed as dd/mm/yyyy
	RadioField  FieldKind = "radios"
	SelectField FieldKind = "select"
	CheckField  FieldKind = "check"
	PassField   FieldKind = "password"
	TelField    FieldKind = "tel"
	EmailField  FieldKind = "email"
	FileField   FieldKind = "file"
)

// Field is one question of a form. Name is the name of its value; its id in the page is "f-" and the name.
type Field struct {
	Name, Label, Hint, Error, Value string
	Kind                            FieldKind
	Options                         []Option
	Optional                        bool
	Max                             int    // characters; 0 for no bound
	Auto                            string // autocomplete token of HTML
	Mode                            string // inputmode of HTML
	Width                           string // "s", "m" or "" for full
	Section                         string // heading above this field and the next ones
}

// Option is one answer of a choice.
type Option struct {
	Value, Label, Hint string
	Chosen             bool
}

// Beside returns the fields with the problems of a form put beside them.
func Beside(fields []Field, problems []Problem) []Field {
	out := append([]Field(nil), fields...)
	for i := range out {
		for _, p := range problems {
			if p.Field == out[i].Name && out[i].Error == "" {
				out[i].Error = p.Text
			}
		}
	}
	return out
}

// Row is a line of a summary: what was asked and what is known. File links to a download.
type Row struct{ Label, Value string }

// Group is a headed list of rows; Change is the address where they can be changed, "" when they cannot.
type Group struct {
	Title, Change string
	Rows          []Row
}

// File is a paper or result kept at an office.
type File struct {
	ID, Name, URL string
	Type          string // "PDF", "JPEG"
	Size          int64
	Added         time.Time
	From          string // office or person, may be empty
}

// Tag is a short state with a colour that repeats what the words say.
type Tag struct {
	Label string
	Tone  text.Tone
}

// Due is a due date that explains itself.
type Due struct {
	At    time.Time
	Lines []string // how it was computed
	Late  bool
}

// StepState is how far a step is.
type StepState string

// The states of a step.
const (
	StepDone StepState = "done"
	StepNow  StepState = "now"
	StepTodo StepState = "todo"
	StepBad  StepState = "bad" // refused or rejected
)

// Step is one line of a dossier's way.
type Step struct {
	Title, Where string
	State        StepState
	At           time.Time // when it was done
	Due          time.Time // when it should be, if known
	By, Note     string
	Label        string // outcome in words, may be empty
}

// QR is a square code as one SVG path over a grid of Size modules, quiet zone included.
type QR struct {
	Size int
	Path string
}

// Link is an address with its words.
type Link struct{ URL, Label string }
