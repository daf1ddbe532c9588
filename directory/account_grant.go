package directory

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// StepAccept stands in a grant for what comes before a route begins: to accept, to refuse, to ask for a supplement. The other
// kinds of steps are those of [StepKind].
const StepAccept StepKind = "accept"

// Work is a piece of work, as grants are limited by it. An unknown field or step is only done by whoever may do all.
type Work struct {
	Field     string   // id of the procedure's field
	Procedure string   // its code
	Step      string   // id of the step, "" before the route begins
	Kind      StepKind // kind of the step, StepAccept before the route begins
}

// Bounds of an account.
const (
	MaxGrants      = 64
	MaxLimits      = 64 // fields of a grant, and steps of a grant
	MaxDelegations = 16 // given, and received
	MaxDelegated   = 366
	MaxReason      = 500 // bytes of a reason or decision
)

// Delegation lets an account act for another of the same office, within one of the other's own grants, from day to day. What
// is received cannot be passed on. It ends before its time with the grant it is part of, when either is disabled, and when
// the one who received it has no role in the office any more.
type Delegation struct {
	ID   string    `cbor:"1,keyasint" json:"id"`
	From AccountID `cbor:"2,keyasint" json:"from"` // on whose behalf
	To   AccountID `cbor:"3,keyasint" json:"to"`   // who acts
	// Grant is what may be done. Its period has both ends and spans at most MaxDelegated days.
	Grant Grant `cbor:"4,keyasint" json:"grant"`
	// Decision is the number of the decision, or the reason.
	Decision string `cbor:"5,keyasint" json:"decision"`
	Made     int64  `cbor:"6,keyasint" json:"made"` // Unix seconds
	By       Actor  `cbor:"7,keyasint" json:"by"`
}

// Authority is by what right an account does a piece of work: its own grant, or a delegation.
type Authority struct {
	Grant Grant
	// Delegation is nil for the account's own grant. Otherwise the act is done on behalf of Delegation.From ("ký thay").
	Delegation *Delegation
}

// Allows tells whether the grant is in force on the date and covers the work.
func (g Grant) Allows(w Work, on Date) bool {
	if !g.Valid.Contains(on) || len(g.Fields) > 0 && !slices.Contains(g.Fields, w.Field) {
		return false
	}
	return len(g.Steps) == 0 || slices.Contains(g.Steps, string(w.Kind)) || slices.Contains(g.Steps, w.Procedure+"/"+w.Step)
}

// May tells whether the account may do the work in the role at the office on the date, and by what right: by its own grant
// before any delegation.
func (a Account) May(office OfficeCode, role Role, w Work, on Date) (Authority, bool) {
	for _, by := range a.authorities(office, role) {
		if by.Grant.Allows(w, on) {
			return by, true
		}
	}
	return Authority{}, false
}

// Has tells whether the account bears the role in the office on the date, for whatever work, by a grant of its own or by a
// delegation.
func (a Account) Has(office OfficeCode, role Role, on Date) bool {
	return slices.ContainsFunc(a.authorities(office, role), func(by Authority) bool { return by.Grant.Valid.Contains(on) })
}

// HasOwn is Has without delegations.
func (a Account) HasOwn(office OfficeCode, role Role, on Date) bool {
	return slices.ContainsFunc(a.authorities(office, role), func(by Authority) bool {
		return by.Delegation == nil && by.Grant.Valid.Contains(on)
	})
}

// authorities are all of a role in an office, of whatever date, the account's own first; none of a disabled account.
func (a Account) authorities(office OfficeCode, role Role) (out []Authority) {
	if a.Disabled {
		return nil
	}
	for _, g := range a.Grants {
		if g.Office == office && g.Role == role {
			out = append(out, Authority{Grant: g})
		}
	}
	for _, d := range a.Acting {
		if d.To == a.ID && d.Grant.Office == office && d.Grant.Role == role {
			out = append(out, Authority{d.Grant, &d})
		}
	}
	return out
}

// Within tells whether all that g allows is allowed by whole. A single step is within its kind only where whole has it by
// name or all steps.
func (g Grant) Within(whole Grant) bool {
	limited := func(part, all []string) bool {
		return len(all) == 0 || len(part) > 0 && !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(all, s) })
	}
	return g.Office == whole.Office && g.Role == whole.Role && limited(g.Fields, whole.Fields) && limited(g.Steps, whole.Steps) &&
		g.Valid.within(whole.Valid)
}

func (p Period) within(whole Period) bool {
	return (whole.From == "" || p.From >= whole.From) && (whole.To == "" || p.To != "" && p.To <= whole.To)
}

// Clip returns the delegation as far as one of the delegator's grants still covers it, false if none does. It never grows.
func (d Delegation) Clip(own []Grant) (Delegation, bool) {
	best, ok := d, false
	for _, g := range own {
		c := d
		c.Grant.Valid.From = max(d.Grant.Valid.From, g.Valid.From)
		if g.Valid.To != "" {
			c.Grant.Valid.To = min(d.Grant.Valid.To, g.Valid.To)
		}
		if c.Grant.Valid.From <= c.Grant.Valid.To && c.Grant.Within(g) && (!ok || c.Grant.Valid.To > best.Grant.Valid.To) {
			best, ok = c, true
		}
	}
	return best, ok
}

var (
	fieldForm = regexp.MustCompile(`^[A-Za-z0-9_.@:-]{1,64}$`)
	stepForm  = regexp.MustCompile(`^(accept|check|decide|return|[0-9]\.[0-9]{6}(\.[0-9A-Z]{1,8})*/[a-z0-9_]{1,40})$`)
)

// Validate checks a grant by itself.
func (g Grant) Validate() error {
	if g.Role != DeskOfficer && g.Role != Specialist && g.Role != Signatory && g.Role != Admin {
		return fmt.Errorf("grant: unknown role %.40q", g.Role)
	}
	if err := errors.Join(g.Office.Validate(), g.Valid.Validate()); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if len(g.Fields) > MaxLimits || len(g.Steps) > MaxLimits {
		return fmt.Errorf("grant: more than %d fields or steps", MaxLimits)
	}
	if g.Role == Admin && len(g.Fields)+len(g.Steps) > 0 {
		return errors.New("grant: the office's own admin has no fields or steps")
	}
	for _, f := range g.Fields {
		if !fieldForm.MatchString(f) {
			return fmt.Errorf("grant: malformed field %.40q", f)
		}
	}
	for _, s := range g.Steps {
		if !stepForm.MatchString(s) {
			return fmt.Errorf("grant: malformed step %.60q: want accept, check, decide, return or PROCEDURE/STEP", s)
		}
	}
	return nil
}

// Validate checks a delegation by itself.
func (d Delegation) Validate() error {
	if err := d.Grant.Validate(); err != nil {
		return err
	}
	v := d.Grant.Valid
	switch {
	case d.ID == "" || len(d.ID) > 64 || d.From == "" || d.To == "" || d.From == d.To:
		return errors.New("delegation: want an id and two different accounts")
	case d.Grant.Role == Admin:
		return errors.New("delegation: the admin's role is not delegated; the province grants it")
	case v.From == "" || v.To == "" || v.To.Time().Sub(v.From.Time()).Hours() >= MaxDelegated*24:
		return fmt.Errorf("delegation: want a first and a last day, at most %d days", MaxDelegated)
	case d.Decision == "" || len(d.Decision) > MaxReason:
		return fmt.Errorf("delegation: decision missing or over %d bytes", MaxReason)
	}
	return nil
}
