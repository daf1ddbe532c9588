package office

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"
	"unicode/utf8"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/command"
	"motcua/node/session"
	"motcua/node/store"
)

// Doors are the questions of the directory about who signs in and who may.
type Doors interface {
	// Enter is Calls.SignIn from a device.
	Enter(ctx context.Context, login string, from client.Device, derive func(ctx context.Context, params string) (verifier string, err error)) (directory.Account, error)
	// Roster is Calls.Staff with who must have a second factor.
	Roster(context.Context, directory.OfficeCode) (client.Roster, error)
	// Reset sets a new password with a code that was issued.
	Reset(ctx context.Context, login string, from client.Device, code, verifier string) (directory.Account, error)
	History(context.Context, client.By) ([]directory.Change, error)
}

// Own are the changes that people make of their own accounts. They return the accounts that have changed.
type Own interface {
	ChangePassword(ctx context.Context, by client.By, verifier string) ([]directory.Account, error)
	EditAccount(context.Context, client.By, command.Profile) ([]directory.Account, error)
	AddFactor(context.Context, client.By, directory.Factor, []digest.Digest) ([]directory.Account, error)
	RemoveFactor(ctx context.Context, by client.By, factor string) ([]directory.Account, error)
	NewRecovery(context.Context, client.By, []digest.Digest) ([]directory.Account, error)
	UseRecovery(context.Context, client.By, digest.Digest) ([]directory.Account, error)
}

// Others are the changes that one makes of others' accounts, and delegations. The directory judges who may.
type Others interface {
	ChangeGrants(ctx context.Context, by client.By, id directory.AccountID, add, remove []directory.Grant, reason string) ([]directory.Account, error)
	Delegate(context.Context, client.By, directory.Delegation) ([]directory.Account, error)
	EndDelegation(ctx context.Context, by client.By, from directory.AccountID, delegation, reason string) ([]directory.Account, error)
	Disable(ctx context.Context, by client.By, id directory.AccountID, reason string) ([]directory.Account, error)
	Enable(ctx context.Context, by client.By, id directory.AccountID, reason string) ([]directory.Account, error)
	IssueReset(ctx context.Context, by client.By, id directory.AccountID, login, code string, expires int64) ([]directory.Account, error)
}

// Accounts is all that the directory answers about accounts beside Calls.
type Accounts interface {
	Doors
	Own
	Others
}

// changeTime bounds how long somebody waits for a change of an account.
const changeTime = 10 * time.Second

// change asks the directory for a change in the name of somebody signed in here, and keeps what it answers. The error is the
// directory's: Denied where he may not, or where this node's copy of him is old, NoLeader where it is out of reach.
func (o *Office) change(ctx context.Context, actor directory.Account, ask func(context.Context, client.By) ([]directory.Account, error)) error {
	if o.Accounts == nil {
		return directory.Errorf("change account", directory.NoLeader, "accounts cannot be changed at this node")
	}
	// The actor may have come with a session signed elsewhere: then this node cannot show that he knows the password.
	mine, err := o.accountHere(actor.ID)
	if err != nil || mine.Verifier == "" {
		return directory.Errorf("change account", directory.Denied, "sign in at this office first")
	}
	var changed []directory.Account
	err = o.insist(ctx, changeTime, func(ctx context.Context) (err error) {
		changed, err = ask(ctx, client.By{Account: mine.ID, Verifier: mine.Verifier})
		return err
	})
	if err != nil {
		return err
	}
	// A crash here leaves older copies, which the next roster or sign-in replaces.
	return o.Store.Update(ctx, func(t *store.Tx) error {
		for _, a := range changed {
			if err := t.PutAccount(a); err != nil {
				return err
			}
		}
		return nil
	})
}

// ErrPassword is why a password was not changed: the present one was not right. Its code is Denied.
var ErrPassword = directory.Errorf("change password", directory.Denied, "the present password is not right")

// ChangePassword sets a new password in place of the present one, and ends all sessions of before.
func (o *Office) ChangePassword(ctx context.Context, actor directory.Account, present, next string) error {
	mine, err := o.accountHere(actor.ID)
	if err != nil {
		return err
	}
	if ok, err := o.Passwords.Check(ctx, mine.Verifier, present); err != nil || !ok {
		if err == nil {
			err = ErrPassword
		}
		return err
	}
	verifier, err := o.newVerifier(ctx, next)
	if err != nil {
		return err
	}
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.ChangePassword(ctx, by, verifier)
	})
}

func (o *Office) newVerifier(ctx context.Context, password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < session.MinPassword || n > session.MaxPassword {
		return "", directory.Errorf("set password", directory.Invalid, "a password has %d to %d characters", session.MinPassword, session.MaxPassword)
	}
	return o.Passwords.Hash(ctx, password)
}

// ResetPassword sets a new password with a code. Whatever does not fit is Denied.
func (o *Office) ResetPassword(ctx context.Context, login string, from client.Device, code, next string) error {
	if o.Accounts == nil {
		return directory.Errorf("reset password", directory.NoLeader, "accounts cannot be changed at this node")
	}
	verifier, err := o.newVerifier(ctx, next)
	if err != nil {
		return err
	}
	var a directory.Account
	err = o.insist(ctx, changeTime, func(ctx context.Context) (err error) {
		a, err = o.Accounts.Reset(ctx, directory.NormalLogin(login), from, code, verifier)
		return err
	})
	if err != nil {
		return err
	}
	return o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(a) })
}

// Contact is what people may change of themselves.
type Contact struct{ Phone, Email, Address string }

// EditSelf changes how somebody is reached.
func (o *Office) EditSelf(ctx context.Context, actor directory.Account, in Contact) error {
	p := command.Profile{}
	set := func(at **string, was, is string) {
		if was != is {
			*at = &is
		}
	}
	set(&p.Phone, actor.Phone, directory.NormalPhone(visible(in.Phone)))
	set(&p.Email, actor.Email, directory.NormalEmail(visible(in.Email)))
	set(&p.Address, actor.Address, visible(in.Address))
	if p == (command.Profile{}) {
		return nil
	}
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.EditAccount(ctx, by, p)
	})
}

// ChooseLogin gives a citizen's account another login: one that the directory has refused because its login is another's goes
// to it with the new one.
func (o *Office) ChooseLogin(ctx context.Context, actor directory.Account, login string) error {
	login = directory.NormalLogin(visible(login))
	if !o.Conflicted(ctx, actor.ID) {
		return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
			return o.Accounts.EditAccount(ctx, by, command.Profile{Login: &login})
		})
	}
	own, err := o.accountHere(actor.ID)
	if err != nil {
		return err
	}
	next := own
	next.Login = login
	if err := next.Validate(); err != nil {
		return directory.Errorf("choose login", directory.Invalid, "%v", err)
	}
	var confirmed directory.Account
	err = o.insist(ctx, changeTime, func(ctx context.Context) (err error) { confirmed, err = o.Calls.Register(ctx, next); return err })
	if err != nil {
		return err
	}
	return o.Store.Update(ctx, func(t *store.Tx) error {
		if err := t.ConfirmRefused(confirmed); err != nil {
			return err
		}
		return t.Set(ownName(own.Login), nil) // the old login means the other alone from now on
	})
}

// AddFactor adds a second factor to somebody's own account; step is that of the code it was shown by, which is used up, 0 for a
// key. With the first factor come recovery codes, to be shown once.
func (o *Office) AddFactor(ctx context.Context, actor directory.Account, f directory.Factor, step int64) (codes []string, err error) {
	var hashes []digest.Digest
	if len(actor.Factors) == 0 {
		codes, hashes = session.NewRecovery(actor.ID)
	}
	f.ID, f.Label = newID(), visible(f.Label)
	err = o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.AddFactor(ctx, by, f, hashes)
	})
	if err == nil && step > 0 {
		// A crash before this leaves the code good for once more, within a minute.
		_, err = o.stand(ctx, actor.ID, func(st *standing) bool { st.Steps = set(st.Steps, f.ID, step); return true })
	}
	return codes, err
}

func newID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// RemoveFactor removes one of somebody's own factors.
func (o *Office) RemoveFactor(ctx context.Context, actor directory.Account, factor string) error {
	return o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.RemoveFactor(ctx, by, factor)
	})
}

// NewRecovery replaces somebody's recovery codes and returns the new ones, to be shown once.
func (o *Office) NewRecovery(ctx context.Context, actor directory.Account) ([]string, error) {
	codes, hashes := session.NewRecovery(actor.ID)
	err := o.change(ctx, actor, func(ctx context.Context, by client.By) ([]directory.Account, error) {
		return o.Accounts.NewRecovery(ctx, by, hashes)
	})
	return codes, err
}

// reportSpent tells the directory of the recovery codes used here, which may have been while the line was cut.
func (o *Office) reportSpent(ctx context.Context) error {
	if o.Accounts == nil {
		return nil
	}
	staff, err := o.staffHere()
	if err != nil {
		return err
	}
	for _, a := range staff {
		for _, h := range o.spent(a) {
			err := o.change(ctx, a, func(ctx context.Context, by client.By) ([]directory.Account, error) {
				return o.Accounts.UseRecovery(ctx, by, h)
			})
			if err != nil && directory.CodeOf(err) != directory.NotFound {
				o.spend.Store(true)
				return err
			}
		}
	}
	return nil
}

// History is what happened to somebody's own account, newest first.
func (o *Office) History(ctx context.Context, actor directory.Account) (out []directory.Change, err error) {
	mine, err := o.accountHere(actor.ID)
	if o.Accounts == nil || err != nil || mine.Verifier == "" {
		return nil, directory.Errorf("history", directory.NoLeader, "sign in at this office first")
	}
	err = o.insist(ctx, changeTime, func(ctx context.Context) (err error) {
		out, err = o.Accounts.History(ctx, client.By{Account: mine.ID, Verifier: mine.Verifier})
		return err
	})
	return out, err
}

// policyName is the setting that keeps who must have a second factor, as the directory last said.
const policyName = "factor-policy"

// policy is empty until the directory was first asked.
func (o *Office) policy() (p directory.FactorPolicy) {
	err := o.Store.View(func(t *store.Tx) error {
		b, ok, err := t.Get(policyName)
		if err != nil || !ok {
			return err
		}
		return wire.Unmarshal(b, &p)
	})
	if err != nil {
		o.Log.Error("policy of second factors not read", "err", err)
	}
	return p
}

// NeedsFactor tells whether an account has no second factor and must have one here, and from when on: today or before, or a day to
// come; "" for who need not.
func (o *Office) NeedsFactor(a directory.Account) (from directory.Date) {
	if a.Kind != directory.Staff || a.SecondFactor() {
		return ""
	}
	for _, n := range o.policy().Needs {
		if a.Has(o.Code, n.Role, o.today()) && (from == "" || n.From < from) {
			from = n.From
		}
	}
	return from
}

// MustAddFactor tells whether an account can do nothing here before it has a second factor.
func (o *Office) MustAddFactor(a directory.Account) bool {
	from := o.NeedsFactor(a)
	return from != "" && from <= o.today()
}

// isStaffOf tells whether somebody has, or once had, a role here.
func (o *Office) isStaffOf(id directory.AccountID) (a directory.Account, ok bool) {
	all, err := o.everyStaff()
	if err != nil {
		return a, false
	}
	i := slices.IndexFunc(all, func(a directory.Account) bool { return a.ID == id })
	if i < 0 {
		return a, false
	}
	return all[i], true
}
