package directory

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Field is a field of work (civil status, land, construction …) that procedures belong to.
type Field struct {
	ID   string `cbor:"1,keyasint" json:"id"`
	Name Text   `cbor:"2,keyasint" json:"name"`
}

// TimeUnit is the unit of a time limit. Append only.
type TimeUnit string

// The units that published procedures use.
const (
	WorkingDay  TimeUnit = "working_day"
	Day         TimeUnit = "day" // calendar days; the last is moved to a working day (Civil Code 2015, art. 148)
	WorkingHour TimeUnit = "working_hour"
)

// Limit is a time limit for deciding a dossier. Amount 0 means "at once, the same working day".
type Limit struct {
	Amount uint16   `cbor:"1,keyasint" json:"amount"`
	Unit   TimeUnit `cbor:"2,keyasint" json:"unit"`
}

// Fee is a charge. Amount is in đồng; ByRule means the amount is set by a rule named in Note.
type Fee struct {
	Name   Text   `cbor:"1,keyasint" json:"name"`
	Amount uint64 `cbor:"2,keyasint" json:"amount"`
	ByRule bool   `cbor:"3,keyasint,omitempty" json:"by_rule,omitempty"`
	Note   Text   `cbor:"4,keyasint,omitempty" json:"note,omitzero"`
}

// Requirement is a paper to hand in (thành phần hồ sơ).
type Requirement struct {
	ID        string `cbor:"1,keyasint" json:"id"` // stable within the procedure, [a-z0-9_]
	Name      Text   `cbor:"2,keyasint" json:"name"`
	Originals uint8  `cbor:"3,keyasint" json:"originals"`
	Copies    uint8  `cbor:"4,keyasint" json:"copies"`
	Optional  bool   `cbor:"5,keyasint,omitempty" json:"optional,omitempty"`
	Note      Text   `cbor:"6,keyasint,omitempty" json:"note,omitzero"` // in which case, which form
}

// StepKind says what a step asks of its officer. Append only.
type StepKind string

// The kinds of steps.
const (
	StepCheck  StepKind = "check"  // receive, check, verify: ends with a note
	StepDecide StepKind = "decide" // approve or reject, with a result
	StepReturn StepKind = "return" // hand the result to the applicant
)

// Step is one step of a route. A step with Level or Office set is done by another office, as a child of the
// dossier: by the ancestor of the root office at that Level, or by that Office. Consecutive steps with the
// same place are one child.
type Step struct {
	ID     string     `cbor:"1,keyasint" json:"id"` // [a-z0-9_]
	Name   Text       `cbor:"2,keyasint" json:"name"`
	Kind   StepKind   `cbor:"3,keyasint" json:"kind"`
	Level  LevelID    `cbor:"4,keyasint,omitempty" json:"level,omitempty"`
	Office OfficeCode `cbor:"5,keyasint,omitempty" json:"office,omitempty"`
	// Budget is the time the step may take, in quarters of a working day (2 h); 0: unassigned.
	Budget uint16 `cbor:"6,keyasint,omitempty" json:"budget,omitempty"`
	// Acknowledge is within how many hours of the clock the office that does the step must acknowledge what is sent to it, at most
	// MaxAcknowledge; after them the transfer raises itself at its sender. 0: a quarter of the time of the step.
	Acknowledge uint16 `cbor:"7,keyasint,omitempty" json:"acknowledge,omitempty"`
}

// MaxAcknowledge is the most hours that a step may give for acknowledging a transfer: thirty days, in which a parcel is past its lifetime.
const MaxAcknowledge = 30 * 24

// Elsewhere tells whether the step is done by another office than the root's.
func (s Step) Elsewhere() bool { return s.Level != "" || s.Office != "" }

// Procedure is one version of an administrative procedure (thủ tục hành chính). Code is the national code
// "d.dddddd", a string, never a number.
type Procedure struct {
	Code    string `cbor:"1,keyasint" json:"code"`
	Version uint32 `cbor:"2,keyasint" json:"version"`
	Valid   Period `cbor:"3,keyasint" json:"valid"`
	Name    Text   `cbor:"4,keyasint" json:"name"`
	Field   string `cbor:"5,keyasint" json:"field"`
	// Level is the level of the office in charge; where Office is set only that office is in charge,
	// otherwise any office of the level (the applicant names which).
	Level  LevelID    `cbor:"6,keyasint" json:"level"`
	Office OfficeCode `cbor:"7,keyasint,omitempty" json:"office,omitempty"`
	Limit  Limit      `cbor:"8,keyasint" json:"limit"`
	// Fees is empty for a free procedure.
	Fees         []Fee         `cbor:"9,keyasint" json:"fees"`
	Subjects     []string      `cbor:"10,keyasint" json:"subjects"` // "citizen", "business", "organisation"
	Requirements []Requirement `cbor:"11,keyasint" json:"requirements"`
	LegalBasis   []string      `cbor:"12,keyasint" json:"legal_basis"`
	Decision     string        `cbor:"13,keyasint" json:"decision"` // the decision that published this version
	Conditions   Text          `cbor:"14,keyasint,omitempty" json:"conditions,omitzero"`
	Result       Text          `cbor:"15,keyasint" json:"result"`
	Route        []Step        `cbor:"16,keyasint" json:"route"`
	// Form is a JSON Schema 2020-12 object schema with the hints of package node/form, kept as JSON bytes.
	Form json.RawMessage `cbor:"17,keyasint" json:"form"`
	// Synonyms are words people search by ("sổ đỏ").
	Synonyms []string `cbor:"18,keyasint,omitempty" json:"synonyms,omitempty"`
}

// Interlinked tells whether the route crosses to another office (liên thông).
func (p Procedure) Interlinked() bool {
	for _, s := range p.Route {
		if s.Elsewhere() {
			return true
		}
	}
	return false
}

// Free tells whether nothing is charged.
func (p Procedure) Free() bool { return len(p.Fees) == 0 }

var (
	procedureCode = regexp.MustCompile(`^[0-9]\.[0-9]{6}(\.[0-9A-Z]{1,8})*$`)
	slug          = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)
)

// MaxForm bounds the bytes of a form.
const MaxForm = 64 << 10

// Validate checks the procedure by itself; that field, level and offices exist is checked where the tables are.
func (p Procedure) Validate() error {
	fail := func(format string, a ...any) error {
		return fmt.Errorf("procedure %s: "+format, append([]any{p.Code}, a...)...)
	}
	switch {
	case !procedureCode.MatchString(p.Code):
		return fail("malformed code, want d.dddddd")
	case p.Version == 0:
		return fail("no version")
	case p.Name.VI == "":
		return fail("no Vietnamese name")
	case p.Field == "":
		return fail("no field")
	case p.Level == "" && p.Office == "":
		return fail("neither level nor office in charge")
	case p.Limit.Unit != WorkingDay && p.Limit.Unit != Day && p.Limit.Unit != WorkingHour:
		return fail("time limit without a known unit: %q", p.Limit.Unit)
	case p.Result.VI == "":
		return fail("no result")
	case p.Decision == "":
		return fail("no publishing decision")
	case len(p.LegalBasis) == 0:
		return fail("no legal basis")
	case len(p.Form) == 0 || len(p.Form) > MaxForm || !json.Valid(p.Form):
		return fail("form is empty, not JSON, or over %d bytes", MaxForm)
	}
	if err := p.Valid.Validate(); err != nil {
		return fail("%w", err)
	}
	seen := map[string]bool{}
	for _, r := range p.Requirements {
		if !slug.MatchString(r.ID) || r.Name.VI == "" || seen["r"+r.ID] {
			return fail("requirement %q: malformed or repeated id, or no Vietnamese name", r.ID)
		}
		seen["r"+r.ID] = true
	}
	return p.validateRoute(seen, fail)
}

func (p Procedure) validateRoute(seen map[string]bool, fail func(string, ...any) error) error {
	if len(p.Route) == 0 || len(p.Route) > 64 {
		return fail("route has %d steps, want 1 to 64", len(p.Route))
	}
	for i, s := range p.Route {
		if !slug.MatchString(s.ID) || s.Name.VI == "" || seen["s"+s.ID] {
			return fail("step %q: malformed or repeated id, or no Vietnamese name", s.ID)
		}
		seen["s"+s.ID] = true
		if s.Kind != StepCheck && s.Kind != StepDecide && s.Kind != StepReturn {
			return fail("step %s: unknown kind %q", s.ID, s.Kind)
		}
		if s.Kind == StepReturn && s.Elsewhere() {
			return fail("step %s: only the root office returns a result", s.ID)
		}
		if s.Acknowledge > MaxAcknowledge || s.Acknowledge > 0 && !s.Elsewhere() {
			return fail("step %s: %d hours to acknowledge a transfer, want at most %d, of a step done by another office", s.ID, s.Acknowledge, MaxAcknowledge)
		}
		if (i == len(p.Route)-1) != (s.Kind == StepReturn) {
			return fail("step %s: the last step, and only the last, returns the result", s.ID)
		}
	}
	if p.Route[0].Elsewhere() {
		return fail("step %s: the first step belongs to the root office", p.Route[0].ID)
	}
	return nil
}
