package office

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"motcua/directory"
	"motcua/directory/client"
)

// What the office's admin does, and what people delegate. This node refuses what it can; the directory judges all of it again.

// ResetLife is how long a code for a new password holds.
const ResetLife = 24 * time.Hour

// IsAdmin tells whether an account is an admin of this office today, of its own: that role is not delegated.
func (o *Office) IsAdmin(a directory.Account) bool {
	return a.HasOwn(o.Code, directory.Admin, o.today())
}

func (o *Office) admin(op string, a directory.Account) error {
	if !o.IsAdmin(a) {
		return directory.Errorf(op, directory.Denied, "only an admin of office %s may", o.Code)
	}
	return nil
}

// Staff are the people who have a role at this office, or had one and are disabled, for its admin.
func (o *Office) Staff(actor directory.Account) ([]directory.Account, error) {
	if err := o.admin("staff", actor); err != nil {
		return nil, err
	}
	all, err := o.everyStaff()
	return slices.DeleteFunc(all, func(a directory.Account) bool { return !a.Disabled && !o.serves(a) }), err
}

// serves tells whether an account has a role here today or one to come.
func (o *Office) serves(a directory.Account) bool {
	return slices.ContainsFunc(a.Grants, func(g directory.Grant) bool {
		return g.Office == o.Code && (g.Valid.To == "" || g.Valid.To >= o.today())
	}) || len(o.Roles(a)) > 0
}

// Member is one of them.
func (o *Office) Member(actor directory.Account, id directory.AccountID) (directory.Account, error) {
	if err := o.admin("staff", actor); err != nil {
		return directory.Account{}, err
	}
	a, ok := o.isStaffOf(id)
	if !ok {
		return a, directory.Errorf("staff", directory.NotFound, "nobody of this office has this id")
	}
	return a, nil
}

// Colleagues are the others with a role here today: whom somebody may delegate to.
func (o *Office) Colleagues(a directory.Account) (out []directory.Account, err error) {
	all, err := o.staffHere()
	for _, x := range all {
		if x.ID != a.ID && slices.ContainsFunc(workRoles(), func(r directory.Role) bool { return x.HasOwn(o.Code, r, o.today()) }) {
			out = append(out, x)
		}
	}
	return out, err
}

// NameOf is the name of somebody of this office, the id where it is not known here.
func (o *Office) NameOf(id directory.AccountID) string {
	if a, err := o.accountHere(id); err == nil && a.Name != "" {
		return a.Name
	}
	return string(id)
}

// OwnGrants are the roles of an account here that it may delegate.
func (o *Office) OwnGrants(a directory.Account) (out []directory.Grant) {
	for _, g := range a.Grants {
		if g.Office == o.Code && g.Role != directory.Admin && (g.Valid.To == "" || g.Valid.To >= o.today()) && !a.Disabled {
			out = append(out, g)
		}
	}
	return out
}

// Delegable are the roles of an account here that somebody may delegate: all of one's own; of another's, as admin, those that do
// not sign.
func (o *Office) Delegable(actor directory.AccountID, from directory.Account) []directory.Grant {
	signs := func(g directory.Grant) bool { return g.Role == directory.Signatory }
	out := o.OwnGrants(from)
	if actor != from.ID {
		out = slices.DeleteFunc(out, signs)
	}
	return out
}

// Delegate makes a delegation: of one's own role, or as admin for somebody of this office, but of a signatory's never.
func (o *Office) Delegate(ctx context.Context, actor directory.Account, d directory.Delegation) error {
	if d.From != actor.ID {
		if err := o.admin("delegate", actor); err != nil {
			return err
		}
		if d.Grant.Role == directory.Signatory {
			return directory.Errorf("delegate", directory.Denied, "who signs for a signatory is said by that signatory, or by province IT")
		}
	}
	d.ID, d.Decision = newID(), visible(d.Decision)
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.Delegate(ctx, by, d)
	})
}

// EndDelegation ends one before its time.
func (o *Office) EndDelegation(ctx context.Context, actor directory.Account, from directory.AccountID, delegation, reason string) error {
	if from != actor.ID {
		if err := o.admin("end delegation", actor); err != nil {
			return err
		}
	}
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.EndDelegation(ctx, by, from, delegation, visible(reason))
	})
}

// Grant gives and takes roles of somebody of this office.
func (o *Office) Grant(ctx context.Context, actor directory.Account, id directory.AccountID, add, remove []directory.Grant, reason string) error {
	if err := o.admin("grant", actor); err != nil {
		return err
	}
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.ChangeGrants(ctx, by, id, add, remove, visible(reason))
	})
}

// SetDisabled disables somebody of this office, or enables them again.
func (o *Office) SetDisabled(ctx context.Context, actor directory.Account, id directory.AccountID, disable bool, reason string) error {
	if err := o.admin("disable", actor); err != nil {
		return err
	}
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		if disable {
			return o.Accounts.Disable(ctx, by, id, visible(reason))
		}
		return o.Accounts.Enable(ctx, by, id, visible(reason))
	})
}

// IssueReset makes a code with which somebody sets a new password: of this office's staff by id, or of a citizen at the desk by
// login. It is shown once, until when it holds.
func (o *Office) IssueReset(ctx context.Context, actor directory.Account, id directory.AccountID, login string) (code string, until time.Time, err error) {
	if err := o.admin("reset", actor); err != nil {
		return "", until, err
	}
	var random [10]byte
	rand.Read(random[:])
	code, until = directory.OneTimeCode(random), o.Now().Add(ResetLife).Truncate(time.Minute)
	err = o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.IssueReset(ctx, by, id, login, code, until.Unix())
	})
	return code, until, err
}
