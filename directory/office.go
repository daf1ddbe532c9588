package directory

import (
	"fmt"
	"regexp"
)

// OfficeCode is the identifier of an office under Decision 20/2020/QĐ-TTg, read left to right: "H32" is the
// province, "H32.22327" an office below it. It is also the office's name on the network and the prefix of
// the dossier codes it gives, so it never changes and is never given to another office.
type OfficeCode string

var officeCode = regexp.MustCompile(`^[A-Z0-9]{1,8}(\.[A-Z0-9]{1,8}){0,4}$`)

// Validate checks the form of the code.
func (c OfficeCode) Validate() error {
	if !officeCode.MatchString(string(c)) {
		return fmt.Errorf("office code %q: want groups of A-Z and 0-9 separated by dots, as in H32.22327", string(c))
	}
	return nil
}

// LevelID names a level of administration ("commune", "district", "province", "department"). Levels are data:
// no code may depend on a particular one.
type LevelID string

// Level is a tier of administration, valid for a period. Rank orders levels: 1 is nearest to the citizen.
type Level struct {
	ID    LevelID `cbor:"1,keyasint" json:"id"`
	Name  Text    `cbor:"2,keyasint" json:"name"`
	Rank  uint8   `cbor:"3,keyasint" json:"rank"`
	Valid Period  `cbor:"4,keyasint" json:"valid"`
}

// Named is a name borne during a period; history keeps the old ones.
type Named struct {
	Text  Text   `cbor:"1,keyasint" json:"text"`
	Valid Period `cbor:"2,keyasint" json:"valid"`
}

// Office is a body that receives or decides dossiers: the people's committee of a commune or district, a
// department, the provincial one-stop centre.
type Office struct {
	Code OfficeCode `cbor:"1,keyasint" json:"code"`
	// Unit is the official code of the administrative unit (General Statistics Office list: province 2 digits,
	// district 3, commune 5), empty for departments.
	Unit    string     `cbor:"2,keyasint,omitempty" json:"unit,omitempty"`
	Level   LevelID    `cbor:"3,keyasint" json:"level"`
	Parent  OfficeCode `cbor:"4,keyasint,omitempty" json:"parent,omitempty"`
	Names   []Named    `cbor:"5,keyasint" json:"names"`
	Address Text       `cbor:"6,keyasint,omitempty" json:"address,omitzero"`
	Phone   string     `cbor:"7,keyasint,omitempty" json:"phone,omitempty"`
	Valid   Period     `cbor:"8,keyasint" json:"valid"`
	// Place is the name of the administrative unit alone ("xã Vĩnh Lương"), for lists and search.
	Place Text `cbor:"9,keyasint,omitempty" json:"place,omitzero"`
}

// NameOn returns the office's name on a date, its last name if none is valid then.
func (o Office) NameOn(d Date) Text {
	for _, n := range o.Names {
		if n.Valid.Contains(d) {
			return n.Text
		}
	}
	if len(o.Names) == 0 {
		return Text{VI: string(o.Code)}
	}
	return o.Names[len(o.Names)-1].Text
}

// Validate checks the office by itself; that its parent and level exist is checked where the tables are.
func (o Office) Validate() error {
	if err := o.Code.Validate(); err != nil {
		return err
	}
	if o.Parent != "" {
		if err := o.Parent.Validate(); err != nil {
			return fmt.Errorf("office %s: parent: %w", o.Code, err)
		}
	}
	if o.Level == "" {
		return fmt.Errorf("office %s: no level", o.Code)
	}
	if len(o.Names) == 0 {
		return fmt.Errorf("office %s: no name", o.Code)
	}
	for _, n := range o.Names {
		if n.Text.VI == "" {
			return fmt.Errorf("office %s: a name without Vietnamese text", o.Code)
		}
		if err := n.Valid.Validate(); err != nil {
			return fmt.Errorf("office %s: name %q: %w", o.Code, n.Text.VI, err)
		}
	}
	return o.Valid.Validate()
}
