package state

import (
	"bytes"
	"errors"
	"strings"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// putAccount answers with the account as it now stands.
func (t *transition) putAccount(c *command.PutAccount) (any, error) {
	a := c.Account
	old, known, err := get[directory.Account](t, "account/"+string(a.ID))
	if err != nil {
		return nil, err
	}
	if err := t.loginFree(a); err != nil {
		return nil, err
	}
	if a.Version, err = t.nextVersion(old.Version); err != nil {
		return nil, err
	}
	a = keepNewer(a, old)
	return a, t.writeAccount(a, old, known)
}

// keepNewer keeps what PutAccount knows nothing of.
func keepNewer(a, old directory.Account) directory.Account {
	a.Factors, a.Recovery, a.MustChange, a.Given, a.Acting = old.Factors, old.Recovery, old.MustChange, old.Given, old.Acting
	a.Closed, a.Merged, a.Former, a.Since, a.Renamed, a.Reset = old.Closed, old.Merged, old.Former, old.Since, old.Renamed, old.Reset
	return a
}

// register answers with the account as it now stands.
func (t *transition) register(c *command.RegisterAccount) (any, error) {
	a := c.Account
	if _, err := t.activeNode(c.From); err != nil {
		return nil, err
	}
	old, known, err := get[directory.Account](t, "account/"+string(a.ID))
	if err != nil {
		return nil, err
	}
	if a.Version, err = t.nextVersion(0); err != nil {
		return nil, err
	}
	if known {
		if a.Version > 1 { // since a recovery: it may be one of before
			a.Version = old.Version
		}
		same, err := equal(a, old)
		if err == nil && !same {
			err = t.fail(directory.Conflict, "the account's id is taken")
		}
		return old, err
	}
	if err := t.loginFree(a); err != nil {
		return nil, err
	}
	return a, t.writeAccount(a, directory.Account{}, false)
}

func equal(a, b any) (bool, error) {
	x, errX := wire.Marshal(a)
	y, errY := wire.Marshal(b)
	return bytes.Equal(x, y), errors.Join(errX, errY)
}

func (t *transition) loginFree(a directory.Account) error {
	owner, taken, err := get[directory.AccountID](t, "login/"+a.Login)
	if err == nil && taken && owner != "" && owner != a.ID {
		return t.fail(directory.Conflict, "this sign-in name is taken: choose another")
	}
	return err
}

// writeAccount writes the row and its indexes. Index rows that no longer hold are overwritten, not deleted.
func (t *transition) writeAccount(a, old directory.Account, known bool) error {
	errs := []error{t.keepThread(a)}
	if known && old.Login != a.Login {
		errs = append(errs, put(t, "login/"+old.Login, directory.AccountID("")))
	}
	errs = append(errs, put(t, "account/"+string(a.ID), a), put(t, "login/"+a.Login, a.ID))
	for _, g := range old.Grants {
		errs = append(errs, put(t, staffKey(g.Office, a.ID), false))
	}
	for _, g := range a.Grants {
		errs = append(errs, put(t, staffKey(g.Office, a.ID), true))
	}
	return errors.Join(errs...)
}

func staffKey(office directory.OfficeCode, id directory.AccountID) string {
	return "staff/" + string(office) + "/" + string(id)
}

// AccountByLogin returns the account of a login, which is folded first.
func AccountByLogin(r Reader, login string) (directory.Account, bool, error) {
	id, ok, err := get[directory.AccountID](r, "login/"+directory.NormalLogin(login))
	if err != nil || !ok || id == "" {
		return directory.Account{}, false, err
	}
	return AccountByID(r, id)
}

// StaffOf returns the accounts that have, or once had, a role in the office: an office must learn of those who left, to
// let them in no more.
func StaffOf(r Reader, office directory.OfficeCode) ([]directory.Account, error) {
	prefix := "staff/" + string(office) + "/"
	var out []directory.Account
	err := r.Scan(prefix, func(key string, _ []byte) error {
		a, ok, err := AccountByID(r, directory.AccountID(strings.TrimPrefix(key, prefix)))
		if ok {
			out = append(out, a)
		}
		return err
	})
	return out, err
}
