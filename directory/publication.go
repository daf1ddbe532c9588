package directory

import (
	"errors"
	"fmt"
)

// Publication is the record of one act of publishing: who put what in force, on which decision, from when. It is kept for
// ever.
type Publication struct {
	// Number grows by one with every publication of the province.
	Number uint64 `cbor:"1,keyasint" json:"number"`
	// At is when its first part came, Unix milliseconds.
	At    int64  `cbor:"2,keyasint" json:"at"`
	Terms Terms  `cbor:"3,keyasint" json:"terms"`
	Parts uint32 `cbor:"4,keyasint" json:"parts"`
	// Done is how many of the parts have come; fewer than Parts: whoever published was cut off, and publishes again.
	Done uint32 `cbor:"5,keyasint" json:"done"`
	// Changed is how many rows of the public tables are new or other than before.
	Changed uint32 `cbor:"6,keyasint" json:"changed"`
}

// Terms are what an editor says about a publication.
type Terms struct {
	Author   string `cbor:"1,keyasint" json:"author"`
	Decision string `cbor:"2,keyasint" json:"decision"` // that it rests on
	Note     string `cbor:"3,keyasint,omitempty" json:"note,omitempty"`
	// From is the day from which most of it holds; each procedure has its own period.
	From Date `cbor:"4,keyasint,omitempty" json:"from,omitempty"`
}

// Bounds of what an editor says, in bytes.
const (
	MaxAuthor   = 200
	MaxDecision = 500
	MaxNote     = 2000
)

// Validate checks that author and decision are there, and sizes.
func (t Terms) Validate() error {
	switch {
	case t.Author == "" || len(t.Author) > MaxAuthor:
		return fmt.Errorf("publication: author missing or over %d bytes", MaxAuthor)
	case t.Decision == "" || len(t.Decision) > MaxDecision:
		return fmt.Errorf("publication: decision missing or over %d bytes", MaxDecision)
	case len(t.Note) > MaxNote:
		return fmt.Errorf("publication: note over %d bytes", MaxNote)
	case t.From == "":
		return nil
	}
	return t.From.Validate()
}

// Withdrawal ends a procedure (bãi bỏ). From its day on no dossier can be begun on the versions it covers; they stay
// readable, and dossiers in progress finish on the version they were accepted under. A version published later is not
// covered, and revives the procedure.
type Withdrawal struct {
	Code string `cbor:"1,keyasint" json:"code"`
	// Version is the newest version covered; the older ones are, too.
	Version  uint32 `cbor:"2,keyasint" json:"version"`
	From     Date   `cbor:"3,keyasint" json:"from"`
	Decision string `cbor:"4,keyasint" json:"decision"`
	Note     Text   `cbor:"5,keyasint,omitempty" json:"note,omitzero"` // what takes its place
}

// Covers tells whether the withdrawal keeps new dossiers from a version on a date.
func (w Withdrawal) Covers(p Procedure, on Date) bool {
	return p.Code == w.Code && p.Version <= w.Version && on >= w.From
}

// Validate checks the withdrawal by itself.
func (w Withdrawal) Validate() error {
	switch {
	case !procedureCode.MatchString(w.Code):
		return fmt.Errorf("withdrawal of %.40q: malformed code, want d.dddddd", w.Code)
	case w.Version == 0:
		return fmt.Errorf("withdrawal of %s: no version", w.Code)
	case w.Decision == "" || len(w.Decision) > MaxDecision:
		return fmt.Errorf("withdrawal of %s: decision missing or over %d bytes", w.Code, MaxDecision)
	case len(w.Note.VI) > MaxNote || len(w.Note.EN) > MaxNote:
		return fmt.Errorf("withdrawal of %s: note over %d bytes", w.Code, MaxNote)
	case w.From == "":
		return fmt.Errorf("withdrawal of %s: no date", w.Code)
	}
	return w.From.Validate()
}

// OpenCount is how many dossiers of one version of a procedure are in progress at an office. It says nothing of any of them.
type OpenCount struct {
	Procedure string `cbor:"1,keyasint" json:"procedure"`
	Version   uint32 `cbor:"2,keyasint" json:"version"`
	Open      uint32 `cbor:"3,keyasint" json:"open"`
}

// OpenDossiers is what an office last said about its dossiers in progress. It counts those it answers to the citizen for, so
// that no dossier counts twice.
type OpenDossiers struct {
	Office OfficeCode `cbor:"1,keyasint" json:"office"`
	// At is when the directory was told, Unix milliseconds.
	At     int64       `cbor:"2,keyasint" json:"at"`
	Counts []OpenCount `cbor:"3,keyasint" json:"counts"`
}

// MaxOpenCounts bounds the versions one office counts.
const MaxOpenCounts = 4000

// ValidCounts checks codes, order (by code and version, none twice) and number.
func ValidCounts(counts []OpenCount) error {
	if len(counts) > MaxOpenCounts {
		return fmt.Errorf("%d counts, at most %d", len(counts), MaxOpenCounts)
	}
	for i, c := range counts {
		if !procedureCode.MatchString(c.Procedure) || len(c.Procedure) > 64 || c.Version == 0 || c.Open == 0 {
			return fmt.Errorf("count of %.40q: malformed code, no version, or nothing open", c.Procedure)
		}
		if i > 0 && (c.Procedure < counts[i-1].Procedure || c.Procedure == counts[i-1].Procedure && c.Version <= counts[i-1].Version) {
			return errors.New("counts are not in the order of code and version")
		}
	}
	return nil
}
