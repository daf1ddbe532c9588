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
	// Acts are the decisions that added and closed it, oldest first.
	Acts []OfficeAct `cbor:"5,keyasint,omitempty" json:"acts,omitempty"`
}

// Named is a name borne during a period; history keeps the old ones.
type Named struct {
	Text  Text   `cbor:"1,keyasint" json:"text"`
	Valid Period `cbor:"2,keyasint" json:"valid"`
	// Place is the name of the administrative unit in that period; empty for that of the office.
	Place Text `cbor:"3,keyasint,omitzero" json:"place,omitzero"`
}

// Under is the office above during a period.
type Under struct {
	Parent OfficeCode `cbor:"1,keyasint,omitempty" json:"parent,omitempty"`
	Valid  Period     `cbor:"2,keyasint" json:"valid,omitzero"`
}

// ActKind is what a decision did to an office or a level. Append only.
type ActKind string

// The kinds of acts.
const (
	ActOpen   ActKind = "open"
	ActRename ActKind = "rename"
	ActMove   ActKind = "move"   // under another parent
	ActClose  ActKind = "close"  // with the successors, if any
	ActAbsorb ActKind = "absorb" // it takes over from others
	ActCancel ActKind = "cancel" // what was to come on the day does not
)

// OfficeAct is a decision that changed an office or a level.
type OfficeAct struct {
	Kind     ActKind `cbor:"1,keyasint" json:"kind"`
	On       Date    `cbor:"2,keyasint" json:"on"` // first day on which it holds
	Decision string  `cbor:"3,keyasint" json:"decision"`
	Made     int64   `cbor:"4,keyasint" json:"made"` // when it was entered, Unix seconds
	// Others are the successors of what closes, and the predecessors of what absorbs.
	Others []OfficeCode `cbor:"5,keyasint,omitempty" json:"others,omitempty"`
}

// MaxActs bounds the acts that an office or a level keeps.
const MaxActs = 200

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
	// Parents are the offices above through time, oldest first; empty where Parent has been it always. Parent is the last.
	Parents []Under `cbor:"10,keyasint,omitempty" json:"parents,omitempty"`
	// Successors take over what an office that closes has had.
	Successors []OfficeCode `cbor:"11,keyasint,omitempty" json:"successors,omitempty"`
	Acts       []OfficeAct  `cbor:"12,keyasint,omitempty" json:"acts,omitempty"` // oldest first
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

// PlaceOn returns the name of the office's administrative unit on a date.
func (o Office) PlaceOn(d Date) Text {
	for _, n := range o.Names {
		if n.Valid.Contains(d) && n.Place.VI != "" {
			return n.Place
		}
	}
	return o.Place
}

// ParentOn returns the office above on a date, "" for none.
func (o Office) ParentOn(d Date) OfficeCode {
	for _, u := range o.Parents {
		if u.Valid.Contains(d) {
			return u.Parent
		}
	}
	return o.Parent
}

// Ancestor returns the office of a level on a date: code itself, or the first above it. Find returns an office by its code, also
// one that is no more. It is false where the climb ends, or meets an office that is not open on the date.
func Ancestor(code OfficeCode, l LevelID, on Date, find func(OfficeCode) (Office, bool)) (OfficeCode, bool) {
	for range MaxDepth {
		o, ok := find(code)
		if !ok || !o.Valid.Contains(on) {
			return "", false
		}
		if o.Level == l {
			return o.Code, true
		}
		code = o.ParentOn(on)
	}
	return "", false
}

// MaxDepth bounds the climb from an office to the one that has none above it.
const MaxDepth = 16

// Standing returns the offices that stand for one on a date: itself while it is open, else its successors, and theirs where they
// are closed too, each once. Of an office that is not open yet, and of one that closed without a successor, there is none.
func Standing(code OfficeCode, on Date, find func(OfficeCode) (Office, bool)) (out []OfficeCode) {
	todo, seen := []OfficeCode{code}, map[OfficeCode]bool{}
	for len(todo) > 0 {
		c := todo[0]
		todo = todo[1:]
		o, ok := find(c)
		if !ok || seen[c] {
			continue
		}
		seen[c] = true
		switch {
		case o.Valid.Contains(on):
			out = append(out, c)
		case o.Valid.To != "" && o.Valid.To < on:
			todo = append(todo, o.Successors...)
		}
	}
	return out
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
