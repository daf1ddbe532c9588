// Package khanhhoa holds the published tables of Khánh Hòa province, as its directory starts with them: levels, offices,
// fields, procedures and the calendar of working days. It is data, kept as JSON files that a catalogue editor can read and
// compare; the program knows nothing of this province elsewhere.
//
// # What it shows
//
// The province with its three levels: the province, 9 districts, 140 communes with the codes of the General Statistics Office
// (list of 2017 to 2019), and the departments. H32 is the People's Committee of the province, H32.01 its one-stop centre,
// H32.02 to H32.22 the departments in an order of our own; H32 and the unit's code name the rest.
//
// The procedures carry their national codes, names, time limits and legal basis. A fee is an amount where the law fixes
// one, otherwise it names the rule that does. Where no publishing decision is known, [directory.Procedure.Decision] says so. The
// time of single steps is an example where the law only fixes the whole.
//
// Every call reads the files anew, so a caller may change what it gets. They are part of the program and its tests read
// them all; a file that cannot be read is a fault of the build and panics.
package khanhhoa

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"

	"motcua/directory"
)

//go:embed *.json procedures/*.json
var files embed.FS

// Levels are the levels of administration, nearest to the citizen first.
func Levels() []directory.Level { return read[[]directory.Level]("levels.json") }

// Offices are the province, its one-stop centre, departments, districts and communes, parents before children.
func Offices() []directory.Office { return read[[]directory.Office]("offices.json") }

// Fields are the fields of work.
func Fields() []directory.Field { return read[[]directory.Field]("fields.json") }

// Calendar is the calendar of working days of 2024 to 2027; 2027 is computed from statute and not yet announced.
func Calendar() directory.Calendar { return read[directory.Calendar]("calendar.json") }

// Procedures are the procedures, by field in the order of the file names.
func Procedures() []directory.Procedure {
	entries, err := files.ReadDir("procedures")
	if err != nil {
		panic(fmt.Sprintf("khanhhoa: %v", err))
	}
	var out []directory.Procedure
	for _, e := range entries {
		out = append(out, read[[]directory.Procedure]("procedures/"+e.Name())...)
	}
	return out
}

// read decodes a file; a member it does not know is a slip of the pen and no way to go on.
func read[T any](name string) T {
	var out T
	b, err := files.ReadFile(name)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(&out)
	}
	if err != nil {
		panic(fmt.Sprintf("khanhhoa: read %s: %v", name, err))
	}
	return out
}
