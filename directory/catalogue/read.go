package catalogue

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"motcua/directory"
)

// MaxFile bounds a file of JSON, in bytes; MaxRecords bounds its records.
const (
	MaxFile    = 256 << 20
	MaxRecords = 100_000
)

// Read reads a file of JSON: the own form, a list of procedures, or records of the portal, one a line or in a list. The error
// is of a file that is none of these at all; a record that cannot be read is an entry that says so. progress is told how many
// records are read; it may be nil.
func Read(name string, b []byte, m *Map, progress func(done int)) (Catalogue, error) {
	if len(b) > MaxFile {
		return Catalogue{}, fmt.Errorf("read %s: %d bytes, at most %d; divide the file", name, len(b), MaxFile)
	}
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	r := &reader{file: name, m: m, progress: progress}
	switch {
	case len(b) == 0:
		return Catalogue{}, fmt.Errorf("read %s: the file is empty", name)
	case b[0] == '[':
		return r.list(b)
	case b[0] != '{':
		return Catalogue{}, fmt.Errorf("read %s: it does not begin like JSON; want a catalogue of motcua, records of the portal one a line, or a workbook (.xlsx)", name)
	}
	if c, ok, err := r.own(b); ok {
		return c, err
	}
	return r.lines(b)
}

type reader struct {
	file     string
	m        *Map
	progress func(int)
	out      Catalogue
}

func (r *reader) add(e Entry) {
	r.out.Entries = append(r.out.Entries, e)
	if r.progress != nil {
		r.progress(len(r.out.Entries))
	}
}

// own reads the own form; false where it is not that.
func (r *reader) own(b []byte) (Catalogue, bool, error) {
	var head struct {
		Format     *string           `json:"format"`
		Procedures []json.RawMessage `json:"procedures"`
		Fields     json.RawMessage   `json:"fields"`
		Levels     json.RawMessage   `json:"levels"`
		Offices    json.RawMessage   `json:"offices"`
		AsOf       directory.Date    `json:"as_of"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Format == nil {
		return Catalogue{}, false, nil
	}
	if *head.Format != Format {
		return Catalogue{}, true, fmt.Errorf("read %s: it is of the form %.40q, this version reads %q: upgrade this program", r.file, *head.Format, Format)
	}
	r.out.AsOf = head.AsOf
	for what, into := range map[string]any{"fields": &r.out.Fields, "levels": &r.out.Levels, "offices": &r.out.Offices} {
		raw := map[string]json.RawMessage{"fields": head.Fields, "levels": head.Levels, "offices": head.Offices}[what]
		if len(raw) == 0 {
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return Catalogue{}, true, fmt.Errorf("read %s: %s: %w; mend the table", r.file, what, err)
		}
	}
	r.each(b, head.Procedures, r.ownEntry)
	r.out.Format = Format
	return r.out, true, nil
}

// each reads the values of a file, which lie in it in this order, with the line that each begins on.
func (r *reader) each(b []byte, all []json.RawMessage, read func([]byte, int) Entry) {
	row, at := 1, 0
	for _, raw := range all {
		if i := bytes.Index(b[at:], raw); i >= 0 {
			row += bytes.Count(b[at:at+i], []byte("\n"))
			at += i
		}
		r.add(read(raw, row))
	}
}

// list reads a list: of procedures or of records, each told by what it has.
func (r *reader) list(b []byte) (Catalogue, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return Catalogue{}, fmt.Errorf("read %s: %w; it is no list in JSON", r.file, err)
	}
	if len(all) > MaxRecords {
		return Catalogue{}, fmt.Errorf("read %s: %d records, at most %d; divide the file", r.file, len(all), MaxRecords)
	}
	r.each(b, all, r.entry)
	return r.out, nil
}

// lines reads records one a line; a blank line is none.
func (r *reader) lines(b []byte) (Catalogue, error) {
	s := bufio.NewScanner(bytes.NewReader(b))
	s.Buffer(make([]byte, 64<<10), MaxFile)
	for row := 1; s.Scan(); row++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(r.out.Entries) >= MaxRecords {
			return r.out, fmt.Errorf("read %s: more than %d records; divide the file", r.file, MaxRecords)
		}
		r.add(r.entry(bytes.Clone(line), row))
	}
	return r.out, s.Err()
}

// entry reads one record, whichever it is: a procedure names its texts by language.
func (r *reader) entry(raw []byte, row int) Entry {
	var shape struct {
		Name json.RawMessage `json:"name"`
		Form json.RawMessage `json:"form"`
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		return r.broken(raw, row, err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(shape.Name), []byte("{")) || len(shape.Form) > 0 {
		return r.ownEntry(raw, row)
	}
	return r.record(raw, row)
}

func (r *reader) broken(raw []byte, row int, err error) Entry {
	e := Entry{Place: Place{File: r.file, Row: row}}
	text := strings.ToValidUTF8(string(raw), "\uFFFD")
	e.keep("", text)
	if m := codeInText.FindString(text); m != "" {
		e.Code = m
	}
	e.find(Unreadable, "", excerpt(err.Error()))
	return e
}

var codeInText = regexp.MustCompile(`\b[0-9]\.[0-9]{6}\b`)

// ownEntry reads a procedure. A member that is not known is a fault: what was meant by it would be lost.
func (r *reader) ownEntry(raw []byte, row int) Entry {
	e := Entry{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		out := r.broken(raw, row, err)
		if e.Code != "" {
			out.Code = e.Code
		}
		out.Name = e.Name
		return out
	}
	e.Place = Place{File: r.file, Row: row}
	if len(e.Form) > 0 && string(e.Form) == "null" {
		e.Form = nil
	}
	if len(e.Form) > 0 {
		var b bytes.Buffer
		if json.Compact(&b, e.Form) == nil {
			e.Form = b.Bytes()
		}
	}
	return e
}
