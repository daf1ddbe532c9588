package client

import (
	"context"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// The operations of accounts. They took the place of OpRegister, OpStaff, OpSelf and OpSignIn, whose answers an older node
// could not read any more; those are still answered as far as such a node understands them.
const (
	OpEnter         Op = 20 // Entry → directory.Account
	OpRoster        Op = 21 // directory.OfficeCode, the caller's → Roster
	OpChangeAccount Op = 22 // AccountChange → []directory.Account that have changed, the one that was meant first
	OpHistory       Op = 23 // command.By → []directory.Change of the asker's own account
	OpReset         Op = 24 // Reset → directory.Account
	OpPerson        Op = 25 // directory.AccountID → directory.Account without its verifier
	OpJoin          Op = 26 // directory.Account → the same as it now stands
)

// Device is where somebody signs in, as an office tells devices apart. Tries are counted by it, so that strangers who guess
// at a login elsewhere do not keep its owner out.
type Device struct {
	// Source stands for a device or an address; it says nothing else (a keyed hash).
	Source [16]byte `cbor:"1,keyasint,omitzero"`
	// Known: this login was signed in to from it before.
	Known bool `cbor:"2,keyasint,omitempty"`
}

// Entry shows that somebody at a device knows the password of a login.
type Entry struct {
	SignIn SignIn `cbor:"1,keyasint"`
	Device Device `cbor:"2,keyasint,omitzero"`
}

// Roster is what an office must know of its staff to go on with the line cut.
type Roster struct {
	// Accounts are those with a role in the office, with verifiers and factors, and without them those that once had one.
	Accounts []directory.Account    `cbor:"1,keyasint"`
	Policy   directory.FactorPolicy `cbor:"2,keyasint"`
}

// AccountChange is a command on accounts; the office of who asks is the connection's.
type AccountChange struct {
	Kind command.Kind `cbor:"1,keyasint"`
	Body []byte       `cbor:"2,keyasint"`
}

// Reset sets a new password with a code that was issued.
type Reset struct {
	Login    string `cbor:"1,keyasint"`
	Code     string `cbor:"2,keyasint"`
	Verifier string `cbor:"3,keyasint"`
	// Device is where the code was typed; tries are counted by it.
	Device Device `cbor:"4,keyasint,omitzero"`
}

// MaxCode bounds a typed code, in bytes.
const MaxCode = 64

// By is somebody who signed in at this office, with the verifier that the office holds of them. Every change on their behalf
// shows it: with a verifier that is no longer the account's the error is Denied, and they must sign in again.
type By struct {
	Account  directory.AccountID
	Verifier string
}

func (b By) asks() command.By {
	return command.By{Actor: directory.Actor{Account: b.Account}, Proof: b.Verifier}
}

// Enter is SignIn from a device.
func (c *Client) Enter(ctx context.Context, login string, from Device, derive func(ctx context.Context, params string) (verifier string, err error)) (directory.Account, error) {
	login = directory.NormalLogin(login)
	var params string
	if err := c.ask(ctx, "sign in", OpParams, login, &params); err != nil {
		return directory.Account{}, err
	}
	verifier, err := derive(ctx, params)
	if err != nil {
		return directory.Account{}, err
	}
	var out directory.Account
	err = c.ask(ctx, "sign in", OpEnter, Entry{SignIn{login, verifier}, from}, &out)
	return out, err
}

// Roster returns the staff of the caller's office, those who left it, and who of them must have a second factor; any other
// office is Denied.
func (c *Client) Roster(ctx context.Context, office directory.OfficeCode) (Roster, error) {
	var out Roster
	err := c.ask(ctx, "roster", OpRoster, office, &out)
	return out, err
}

// changeAccount asks for a change. It checks it first as the directory would.
func (c *Client) changeAccount(ctx context.Context, cmd command.Asked) ([]directory.Account, error) {
	cmd.Asker().Actor.Office = "X" // the server puts the office of the connection
	if err := cmd.Validate(); err != nil {
		return nil, directory.Errorf(cmd.Kind().String(), directory.Invalid, "%v", err)
	}
	cmd.Asker().Actor.Office = ""
	body, err := wire.Marshal(cmd)
	if err != nil {
		return nil, err
	}
	var out []directory.Account
	err = c.ask(ctx, cmd.Kind().String(), OpChangeAccount, AccountChange{cmd.Kind(), body}, &out)
	return out, err
}

// ChangePassword sets the asker's own password. It ends sessions of before, at every office that hears of it.
func (c *Client) ChangePassword(ctx context.Context, by By, verifier string) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.SetPassword{ID: by.Account, By: by.asks(), Verifier: verifier})
}

// EditAccount changes the asker's own particulars; staff cannot change their name, login or identity number. Values are in
// normal form (directory.NormalPhone …). A login that is taken is a Conflict, a second one within thirty days Exhausted.
func (c *Client) EditAccount(ctx context.Context, by By, p command.Profile) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.EditAccount{ID: by.Account, By: by.asks(), Profile: p})
}

// AddFactor adds a second factor to the asker's own account, and with it new recovery codes, if any are given.
func (c *Client) AddFactor(ctx context.Context, by By, f directory.Factor, recovery []digest.Digest) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.ChangeFactor{ID: by.Account, By: by.asks(), Add: &f, Recovery: recovery})
}

// RemoveFactor removes one of the asker's own factors; with the last one the recovery codes go.
func (c *Client) RemoveFactor(ctx context.Context, by By, factor string) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.ChangeFactor{ID: by.Account, By: by.asks(), Remove: factor})
}

// NewRecovery replaces the asker's recovery codes, given by directory.RecoveryHash.
func (c *Client) NewRecovery(ctx context.Context, by By, codes []digest.Digest) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.ChangeFactor{ID: by.Account, By: by.asks(), Recovery: codes})
}

// UseRecovery uses one of the asker's recovery codes up; NotFound if it is not there any more.
func (c *Client) UseRecovery(ctx context.Context, by By, code digest.Digest) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.ChangeFactor{ID: by.Account, By: by.asks(), Use: code})
}

// ChangeGrants gives and takes the roles of desk and specialist in this office, by its admin, of other staff of the office.
func (c *Client) ChangeGrants(ctx context.Context, by By, id directory.AccountID, add, remove []directory.Grant, reason string) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.ChangeGrants{ID: id, By: by.asks(), Add: add, Remove: remove, Reason: reason})
}

// Delegate makes a delegation: by the delegator, or by the office's admin for others, but of a signatory's role never. Its Made and By are the directory's to
// set. The answer has both accounts.
func (c *Client) Delegate(ctx context.Context, by By, d directory.Delegation) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.Delegate{Delegation: d, By: by.asks()})
}

// EndDelegation ends one before its time, for a reason.
func (c *Client) EndDelegation(ctx context.Context, by By, from directory.AccountID, delegation, reason string) ([]directory.Account, error) {
	d := directory.Delegation{ID: delegation, From: from}
	return c.changeAccount(ctx, &command.Delegate{Delegation: d, By: by.asks(), End: reason})
}

// Disable disables the account of somebody who serves in this office alone, by its admin.
func (c *Client) Disable(ctx context.Context, by By, id directory.AccountID, reason string) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.CloseAccount{ID: id, By: by.asks(), Reason: reason})
}

// Enable enables what an office's admin has disabled.
func (c *Client) Enable(ctx context.Context, by By, id directory.AccountID, reason string) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.CloseAccount{ID: id, By: by.asks(), Open: true, Reason: reason})
}

// IssueReset lets the owner of an account set a new password with a code (directory.OneTimeCode) until expires, Unix seconds: by
// the office's admin, for staff of this office alone and for citizens who stand at the desk. The account is named by its id
// or, where that is "", by its login.
func (c *Client) IssueReset(ctx context.Context, by By, id directory.AccountID, login, code string, expires int64) ([]directory.Account, error) {
	return c.changeAccount(ctx, &command.IssueReset{
		ID: id, Login: directory.NormalLogin(login), By: by.asks(), Hash: directory.ResetHash(code), Expires: expires,
	})
}

// Reset sets the password of a login with a code typed at a device; the code is used up. Whatever does not fit is Denied.
func (c *Client) Reset(ctx context.Context, login string, from Device, code, verifier string) (directory.Account, error) {
	var out directory.Account
	err := c.ask(ctx, "reset password", OpReset, Reset{directory.NormalLogin(login), code, verifier, from}, &out)
	return out, err
}

// History returns the history of the asker's own account, newest first, at most directory.MaxHistory lines.
func (c *Client) History(ctx context.Context, by By) ([]directory.Change, error) {
	var out []directory.Change
	err := c.ask(ctx, "history", OpHistory, by.asks(), &out)
	return out, err
}
