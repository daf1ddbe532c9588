package catalogue

import (
	"cmp"
	"slices"
	"strings"

	"motcua/directory"
)

// Format is what the own JSON form begins with.
const Format = "motcua catalogue 1"

// Catalogue is a file of procedures, with the tables they refer to where it has them.
type Catalogue struct {
	Format  string             `json:"format"`
	AsOf    directory.Date     `json:"as_of,omitempty"`
	Levels  []directory.Level  `json:"levels,omitempty"`
	Offices []directory.Office `json:"offices,omitempty"`
	Fields  []directory.Field  `json:"fields,omitempty"`
	Entries []Entry            `json:"procedures"`
	// Found are faults of the file itself, outside any record.
	Found []Finding `json:"-"`
	// Left counts what records said and procedures have no place for, by the name of the member.
	Left map[string]int `json:"-"`
}

// Entry is one record: a procedure as far as it could be read.
type Entry struct {
	directory.Procedure
	// Check are the marks of what a person must still look at. Append only: see the Mark constants.
	Check []Mark `json:"check,omitempty"`
	// Raw are the texts that could not be read, by the path of their field.
	Raw map[string]string `json:"raw,omitempty"`
	// Found are the faults of reading. They are told again by Lint.
	Found []Finding `json:"-"`
	// Place is where the record stands; Places where its parts do, by path ("requirements[2]").
	Place  Place            `json:"-"`
	Places map[string]Place `json:"-"`
}

// Mark names something of an entry that was filled in or chosen, and that a person must look at.
type Mark string

// The marks.
const (
	MarkLimit        Mark = "limit"
	MarkFee          Mark = "fee"
	MarkOffice       Mark = "office" // level or office in charge
	MarkRequirements Mark = "requirements"
	MarkRoute        Mark = "route"
	MarkForm         Mark = "form"
	MarkSubjects     Mark = "subjects"
	MarkText         Mark = "text" // a text was mended or divided
)

// Marks are all marks, in the order in which they are shown.
func Marks() []Mark {
	return []Mark{MarkOffice, MarkLimit, MarkFee, MarkSubjects, MarkRequirements, MarkText, MarkRoute, MarkForm}
}

func (e *Entry) mark(m Mark) {
	if !slices.Contains(e.Check, m) {
		e.Check = append(e.Check, m)
	}
}

// keep keeps a text that could not be read, under the path of its field.
func (e *Entry) keep(path, text string) {
	if e.Raw == nil {
		e.Raw = map[string]string{}
	}
	e.Raw[path] = text
}

// find adds a fault of reading.
func (e *Entry) find(code Fault, path string, args ...string) {
	e.Found = append(e.Found, Finding{Code: code, Path: path, Args: args})
}

// Place is where something stands in what was read. Row counts from 1, as a person does; 0: not known.
type Place struct {
	File  string `json:"file,omitempty"`
	Sheet string `json:"sheet,omitempty"`
	Row   int    `json:"row,omitempty"`
}

// at is the place of a path: that of the longest part of it that has one.
func (e *Entry) at(path string) Place {
	for p := path; p != ""; {
		if place, ok := e.Places[p]; ok {
			return place
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return e.Place
}

// Tables are what entries refer to, and what is published already.
type Tables struct {
	Levels     []directory.Level
	Offices    []directory.Office
	Fields     []directory.Field
	Procedures []directory.Procedure // every version
	Withdrawn  []directory.Withdrawal
	Open       []directory.OpenDossiers
	// On is the day that counts as today.
	On directory.Date
}

// With returns the tables with those of a file added: the file's rows win.
func (t Tables) With(c Catalogue) Tables {
	t.Levels = merged(t.Levels, c.Levels, func(l directory.Level) string { return string(l.ID) })
	t.Offices = merged(t.Offices, c.Offices, func(o directory.Office) string { return string(o.Code) })
	t.Fields = merged(t.Fields, c.Fields, func(f directory.Field) string { return f.ID })
	return t
}

func merged[T any](a, b []T, id func(T) string) []T {
	out := slices.Clone(a)
	for _, x := range b {
		i := slices.IndexFunc(out, func(y T) bool { return id(y) == id(x) })
		if i < 0 {
			out = append(out, x)
		} else {
			out[i] = x
		}
	}
	return out
}

// Newest returns the newest version of each procedure, by code.
func (t Tables) Newest() map[string]directory.Procedure {
	out := map[string]directory.Procedure{}
	for _, p := range t.Procedures {
		if p.Version > out[p.Code].Version {
			out[p.Code] = p
		}
	}
	return out
}

// Current returns the version of each procedure in force on a date, in the order of the codes.
func (t Tables) Current(on directory.Date) []directory.Procedure {
	best := map[string]directory.Procedure{}
	for _, p := range t.Procedures {
		if p.Valid.Contains(on) && p.Version > best[p.Code].Version {
			best[p.Code] = p
		}
	}
	var out []directory.Procedure
	for _, p := range best {
		if _, gone := t.withdrawn(p, on); !gone {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b directory.Procedure) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

func (t Tables) withdrawn(p directory.Procedure, on directory.Date) (directory.Withdrawal, bool) {
	for _, w := range t.Withdrawn {
		if w.Covers(p, on) {
			return w, true
		}
	}
	return directory.Withdrawal{}, false
}
