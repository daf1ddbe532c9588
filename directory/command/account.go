package command

import (
	"errors"
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
)

// The kinds of accounts. PutAccount and RegisterAccount are not proposed any more: MakeAccount does what they did, and holds
// that an identity number has one account.
const (
	KindMakeAccount   Kind = 30
	KindEditAccount   Kind = 31
	KindSetPassword   Kind = 32
	KindChangeFactor  Kind = 33
	KindChangeGrants  Kind = 34
	KindDelegate      Kind = 35
	KindCloseAccount  Kind = 36
	KindIssueReset    Kind = 37
	KindMergeAccounts Kind = 38
	KindAccountRules  Kind = 39
)

// By is who asks for a change of an account. The office comes from the connection. Somebody who signed in there is shown by
// the verifier that the office holds of them: a change of password takes it away from offices that were not shown the new one.
type By struct {
	Actor directory.Actor `cbor:"1,keyasint"`
	Proof string          `cbor:"2,keyasint,omitempty"`
}

// MakeAccount makes an account: a citizen's or business's at an office, any by province IT. Replace lets province IT put the
// particulars, grants and verifier of one that is there; what its owner has added (factors, delegations) stays.
type MakeAccount struct {
	Account directory.Account `cbor:"1,keyasint"`
	By      directory.Actor   `cbor:"2,keyasint"`
	Replace bool              `cbor:"3,keyasint,omitempty"`
}

// Profile is what of an account's particulars is to be changed; nil stays.
type Profile struct {
	Login    *string `cbor:"1,keyasint,omitempty" json:"login,omitempty"`
	Name     *string `cbor:"2,keyasint,omitempty" json:"name,omitempty"`
	Identity *string `cbor:"3,keyasint,omitempty" json:"identity,omitempty"`
	Phone    *string `cbor:"4,keyasint,omitempty" json:"phone,omitempty"`
	Email    *string `cbor:"5,keyasint,omitempty" json:"email,omitempty"`
	Address  *string `cbor:"6,keyasint,omitempty" json:"address,omitempty"`
}

// EditAccount changes particulars. A login that is given up is kept from others for a year.
type EditAccount struct {
	ID      directory.AccountID `cbor:"1,keyasint"`
	By      By                  `cbor:"2,keyasint"`
	Profile Profile             `cbor:"3,keyasint"`
}

// SetPassword sets a new verifier: by the owner; by whoever has a reset code, which is used up; or by province IT, and then
// the owner must choose another.
type SetPassword struct {
	ID       directory.AccountID `cbor:"1,keyasint"`
	By       By                  `cbor:"2,keyasint"`
	Verifier string              `cbor:"3,keyasint"`
	Code     digest.Digest       `cbor:"4,keyasint,omitzero"` // directory.ResetHash
}

// ChangeFactor adds a second factor (with new recovery codes, if any), removes one, replaces the recovery codes, or uses one up.
type ChangeFactor struct {
	ID       directory.AccountID `cbor:"1,keyasint"`
	By       By                  `cbor:"2,keyasint"`
	Add      *directory.Factor   `cbor:"3,keyasint,omitempty"`
	Remove   string              `cbor:"4,keyasint,omitempty"`
	Recovery []digest.Digest     `cbor:"5,keyasint,omitempty"`
	Use      digest.Digest       `cbor:"6,keyasint,omitzero"`
}

// ChangeGrants gives and takes grants. One to be taken is named by all its parts.
type ChangeGrants struct {
	ID     directory.AccountID `cbor:"1,keyasint"`
	By     By                  `cbor:"2,keyasint"`
	Add    []directory.Grant   `cbor:"3,keyasint,omitempty"`
	Remove []directory.Grant   `cbor:"4,keyasint,omitempty"`
	Reason string              `cbor:"5,keyasint,omitempty"`
}

// Delegate makes a delegation, or ends one: with End, the reason, only ID and From of the delegation count.
type Delegate struct {
	Delegation directory.Delegation `cbor:"1,keyasint"`
	By         By                   `cbor:"2,keyasint"`
	End        string               `cbor:"3,keyasint,omitempty"`
}

// CloseAccount disables an account, or enables it again.
type CloseAccount struct {
	ID     directory.AccountID `cbor:"1,keyasint"`
	By     By                  `cbor:"2,keyasint"`
	Open   bool                `cbor:"3,keyasint,omitempty"`
	Reason string              `cbor:"4,keyasint"`
}

// IssueReset lets whoever has a code set a new password until Expires, Unix seconds. The account is named by id or by login.
type IssueReset struct {
	ID      directory.AccountID `cbor:"1,keyasint,omitempty"`
	Login   string              `cbor:"2,keyasint,omitempty"`
	By      By                  `cbor:"3,keyasint"`
	Hash    digest.Digest       `cbor:"4,keyasint"` // directory.ResetHash
	Expires int64               `cbor:"5,keyasint"`
}

// MergeAccounts makes one of two accounts of the same person part of the other, by province IT.
type MergeAccounts struct {
	Survivor directory.AccountID `cbor:"1,keyasint"`
	Merged   directory.AccountID `cbor:"2,keyasint"`
	Reason   string              `cbor:"3,keyasint"`
}

// AccountRules sets the policy of second factors, or has Index more accounts of before this kind entered by their identity
// numbers.
type AccountRules struct {
	Policy *directory.FactorPolicy `cbor:"1,keyasint,omitempty"`
	Index  uint32                  `cbor:"2,keyasint,omitempty"`
}

// MaxIndex bounds the accounts entered at once.
const MaxIndex = 500

// Kind returns KindMakeAccount.
func (*MakeAccount) Kind() Kind { return KindMakeAccount }

// Kind returns KindEditAccount.
func (*EditAccount) Kind() Kind { return KindEditAccount }

// Kind returns KindSetPassword.
func (*SetPassword) Kind() Kind { return KindSetPassword }

// Kind returns KindChangeFactor.
func (*ChangeFactor) Kind() Kind { return KindChangeFactor }

// Kind returns KindChangeGrants.
func (*ChangeGrants) Kind() Kind { return KindChangeGrants }

// Kind returns KindDelegate.
func (*Delegate) Kind() Kind { return KindDelegate }

// Kind returns KindCloseAccount.
func (*CloseAccount) Kind() Kind { return KindCloseAccount }

// Kind returns KindIssueReset.
func (*IssueReset) Kind() Kind { return KindIssueReset }

// Kind returns KindMergeAccounts.
func (*MergeAccounts) Kind() Kind { return KindMergeAccounts }

// Kind returns KindAccountRules.
func (*AccountRules) Kind() Kind { return KindAccountRules }

// Validate checks the form of office, account and proof.
func (b By) validate() error {
	if b.Actor.Province() {
		if b.Proof != "" {
			return errors.New("province IT shows no verifier")
		}
		return nil
	}
	if err := b.Actor.Office.Validate(); err != nil {
		return err
	}
	if b.Actor.Account != "" && (!plain(string(b.Actor.Account)) || b.Proof == "") || len(b.Proof) > maxVerifier {
		return errors.New("who asks is not shown: want an account and its verifier")
	}
	return nil
}

// maxVerifier bounds a verifier, in bytes.
const maxVerifier = 300

func validVerifier(v string) error {
	if _, ok := directory.VerifierParams(v); !ok || len(v) > maxVerifier {
		return errors.New("malformed password verifier")
	}
	return nil
}

func validReason(s string) error {
	if s == "" || len(s) > directory.MaxReason {
		return fmt.Errorf("reason missing or over %d bytes", directory.MaxReason)
	}
	return nil
}

func target(id directory.AccountID, by By) error {
	if !plain(string(id)) {
		return errors.New("malformed id of an account")
	}
	return by.validate()
}

// Validate checks the account by itself. What its owner or the directory adds later must not be there yet.
func (c *MakeAccount) Validate() error {
	a := c.Account
	if err := errors.Join(validAccount(a), validContact(a), By{Actor: c.By}.validate()); err != nil {
		return err
	}
	if a.Factors != nil || a.Recovery != nil || a.Given != nil || a.Acting != nil || a.Closed != nil || a.Merged != "" || a.Former != nil || a.Since != 0 || a.Reset != nil {
		return errors.New("account: factors, delegations and what the directory notes cannot be given at its making")
	}
	if !c.By.Province() && (a.Kind == directory.Staff || len(a.Grants) > 0 || c.Replace || c.By.Account != "" || a.Disabled) {
		return errors.New("account: staff accounts are made by province IT")
	}
	return validGrants(a.Grants)
}

func validContact(a directory.Account) error {
	switch {
	case a.Login != directory.NormalLogin(a.Login) || a.Phone != directory.NormalPhone(a.Phone):
		return errors.New("account: login or telephone number not in normal form")
	case a.Email != "" && (a.Email != directory.NormalEmail(a.Email) || !directory.ValidEmail(a.Email)):
		return errors.New("account: e-mail address has the wrong form")
	}
	return nil
}

func validGrants(all []directory.Grant) error {
	if len(all) > directory.MaxGrants {
		return fmt.Errorf("more than %d grants", directory.MaxGrants)
	}
	for _, g := range all {
		if err := g.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Validate checks that something is to be changed; its form is checked with the rest of the account.
func (c *EditAccount) Validate() error {
	if c.Profile == (Profile{}) {
		return errors.New("nothing is to be changed")
	}
	return target(c.ID, c.By)
}

// Validate checks the verifier, and that a code is shown by an office where nobody has signed in.
func (c *SetPassword) Validate() error {
	if !c.Code.IsZero() && (c.By.Actor.Office == "" || c.By.Actor.Account != "") {
		return errors.New("a reset code is used at an office, by nobody signed in")
	}
	return errors.Join(target(c.ID, c.By), validVerifier(c.Verifier))
}

// Validate checks that it is one change.
func (c *ChangeFactor) Validate() error {
	changes := 0
	for _, is := range []bool{c.Add != nil, c.Remove != "", !c.Use.IsZero(), c.Add == nil && len(c.Recovery) > 0} {
		if is {
			changes++
		}
	}
	if changes != 1 || len(c.Recovery) > directory.MaxRecovery || len(c.Remove) > 64 {
		return errors.New("want one change of a factor or of the recovery codes")
	}
	if c.Add != nil {
		if err := c.Add.Validate(); err != nil {
			return err
		}
	}
	return target(c.ID, c.By)
}

// Validate checks each grant.
func (c *ChangeGrants) Validate() error {
	if len(c.Add)+len(c.Remove) == 0 || len(c.Reason) > directory.MaxReason {
		return errors.New("no grants, or too long a reason")
	}
	return errors.Join(target(c.ID, c.By), validGrants(slices.Concat(c.Add, c.Remove)))
}

// Validate checks the delegation, or the reason of its end.
func (c *Delegate) Validate() error {
	if c.End != "" {
		if !plain(c.Delegation.ID) {
			return errors.New("malformed id of a delegation")
		}
		return errors.Join(target(c.Delegation.From, c.By), validReason(c.End))
	}
	if !plain(c.Delegation.ID) || !plain(string(c.Delegation.To)) {
		return errors.New("malformed id of a delegation or an account")
	}
	return errors.Join(target(c.Delegation.From, c.By), c.Delegation.Validate())
}

// Validate checks the reason.
func (c *CloseAccount) Validate() error {
	return errors.Join(target(c.ID, c.By), validReason(c.Reason))
}

// Validate checks how the account is named, hash and expiry.
func (c *IssueReset) Validate() error {
	if (c.ID == "") == (c.Login == "") || c.ID != "" && !plain(string(c.ID)) || len(c.Login) > 64 {
		return errors.New("name the account by its id or by its login")
	}
	if c.Hash.IsZero() || c.Expires <= 0 {
		return errors.New("reset: no hash or no expiry")
	}
	return c.By.validate()
}

// Validate checks ids and reason.
func (c *MergeAccounts) Validate() error {
	if c.Survivor == c.Merged {
		return errors.New("an account cannot become part of itself")
	}
	return errors.Join(target(c.Survivor, By{}), target(c.Merged, By{}), validReason(c.Reason))
}

// Validate checks the policy or the number.
func (c *AccountRules) Validate() error {
	if (c.Policy == nil) == (c.Index == 0) || c.Index > MaxIndex {
		return fmt.Errorf("want a policy, or 1 to %d accounts to enter", MaxIndex)
	}
	if c.Policy != nil {
		return c.Policy.Validate()
	}
	return nil
}

// Asked is a change that an office may ask for, on behalf of somebody who signed in there.
type Asked interface {
	Command
	// Asker is who asks; the server puts the office of the connection there.
	Asker() *By
}

// Asker returns who asks.
func (c *EditAccount) Asker() *By { return &c.By }

// Asker returns who asks.
func (c *SetPassword) Asker() *By { return &c.By }

// Asker returns who asks.
func (c *ChangeFactor) Asker() *By { return &c.By }

// Asker returns who asks.
func (c *ChangeGrants) Asker() *By { return &c.By }

// Asker returns who asks.
func (c *Delegate) Asker() *By { return &c.By }

// Asker returns who asks.
func (c *CloseAccount) Asker() *By { return &c.By }

// Asker returns who asks.
func (c *IssueReset) Asker() *By { return &c.By }
