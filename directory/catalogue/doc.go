// Package catalogue is the editor's side of the catalogue of procedures: it reads what offices keep, names every fault in
// it, says in words what a change changes, and makes of it what the directory publishes. It is pure: bytes in, values out.
//
// # What it reads
//
// [Read] takes three forms and tells them apart: this package's own JSON ([Catalogue], or a bare list of procedures), the
// records of the national portal as crawlers keep them (one JSON object a line, or a list), and nothing else; package sheet
// beneath reads workbooks. A record is an [Entry], whatever its state: what cannot be read is kept as it was in
// [Entry.Raw], with a [Finding] that says why. Reading never panics, and no record is lost: as many go in as come out.
//
// # Guesses are marked
//
// A record seldom says all that a procedure needs. What is filled in by default (a route, a form) or chosen among several
// readings (a limit that differs by channel, a fee "by rule") is marked in [Entry.Check]; a person looks at it and removes
// the mark. What would be made up (a unit of time that is missing) is not filled in: it is an error.
//
// # Faults
//
// [Lint] gives findings with a code that can be searched for, a severity and a place: file, sheet, row, procedure and the
// path of the field. An [Error] keeps a procedure from being published, a [Warning] does not, a [Check] is a mark. Codes are
// listed in codes.go; they are append-only.
//
// # What it does not do
//
// It opens no file and asks no server; it does not know forms (its caller brings a checker) nor dossiers.
package catalogue
