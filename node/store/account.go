package store

import (
	"fmt"

	"motcua/directory"
)

// accountRow is the copy of an account, with whether the directory must still confirm it, or has refused to.
type accountRow struct {
	Account directory.Account `cbor:"1,keyasint"`
	Waits   bool              `cbor:"2,keyasint,omitempty"`
	Refused bool              `cbor:"3,keyasint,omitempty"`
}

// PutAccount keeps a copy of an account as the directory has it. A version no newer than the one held changes nothing, but
// for a verifier where none is held. A login that the directory has given to another account than the provisional one here goes
// to the directory's.
func (t *Tx) PutAccount(a directory.Account) error {
	old, ok, err := load[accountRow](t, tAccount.named(string(a.ID)))
	if err != nil {
		return t.fail(err)
	}
	completes := old.Account.Version == a.Version && old.Account.Verifier == "" && a.Verifier != ""
	if ok && !old.Waits && old.Account.Version >= a.Version && !completes {
		return nil
	}
	return t.setAccount(old, accountRow{Account: a})
}

// PutProvisional keeps an account registered while the directory was out of reach. It fails with ErrTaken when the
// login is known here.
func (t *Tx) PutProvisional(a directory.Account) error {
	if _, held, err := load[string](t, tLogin.named(a.Login)); err != nil || held {
		if held {
			err = fmt.Errorf("login: %w", ErrTaken)
		}
		return t.fail(err)
	}
	return t.setAccount(accountRow{}, accountRow{Account: a, Waits: true})
}

// RefuseProvisional notes that the directory will not confirm an account. It goes on at this office alone, and is not listed by
// Provisional any more.
func (t *Tx) RefuseProvisional(id directory.AccountID) error {
	old, ok, err := load[accountRow](t, tAccount.named(string(id)))
	if err != nil || !ok || !old.Waits {
		return t.fail(err)
	}
	return t.setAccount(old, accountRow{Account: old.Account, Refused: true})
}

// ConfirmRefused puts the directory's account in the place of one that it had refused: its owner has chosen another login.
func (t *Tx) ConfirmRefused(a directory.Account) error {
	old, ok, err := load[accountRow](t, tAccount.named(string(a.ID)))
	if err != nil || !ok || !old.Refused {
		return t.fail(err)
	}
	return t.setAccount(old, accountRow{Account: a})
}

// Refused tells whether the directory has refused to confirm an account that was registered here.
func (t *Tx) Refused(id directory.AccountID) (bool, error) {
	row, _, err := load[accountRow](t, tAccount.named(string(id)))
	return row.Refused, err
}

func (t *Tx) setAccount(old, row accountRow) error {
	id := string(row.Account.ID)
	if old.Account.Login != row.Account.Login {
		if err := t.moveLogin(id, old.Account.Login, row.Account.Login); err != nil {
			return t.fail(err)
		}
	}
	if row.Waits != old.Waits {
		var waits []byte
		if row.Waits {
			waits = mark
		}
		if err := t.set(tAccountWait.named(id), waits); err != nil {
			return err
		}
	}
	return t.put(tAccount.named(id), row)
}

// moveLogin points a login at an account; the old login only goes if it still points there.
func (t *Tx) moveLogin(id, from, to string) error {
	if from != "" {
		if owner, ok, err := load[string](t, tLogin.named(from)); err != nil {
			return err
		} else if ok && owner == id {
			if err := t.set(tLogin.named(from), nil); err != nil {
				return err
			}
		}
	}
	return t.put(tLogin.named(to), id)
}

// AccountByID returns the copy of an account, ErrNotFound if this node has none. Provisional tells that the directory
// has not confirmed it, or never will.
func (t *Tx) AccountByID(id directory.AccountID) (a directory.Account, provisional bool, err error) {
	row, err := found[accountRow](t, tAccount.named(string(id)), "account")
	return row.Account, row.Waits || row.Refused, err
}

// AccountByLogin returns the copy of the account of a login, as directory.NormalLogin folds it; ErrNotFound if this
// node has none.
func (t *Tx) AccountByLogin(login string) (a directory.Account, provisional bool, err error) {
	k := tLogin.named(login)
	if len(k) > maxKey {
		return a, false, fmt.Errorf("account: %w", ErrNotFound)
	}
	id, err := found[string](t, k, "account")
	if err != nil {
		return a, false, err
	}
	a, provisional, err = t.AccountByID(directory.AccountID(id))
	if err == nil && a.Login != login {
		return directory.Account{}, false, fmt.Errorf("account: %w", ErrNotFound)
	}
	return a, provisional, err
}

// Accounts returns at most n accounts in the order of their ids, after the given one.
func (t *Tx) Accounts(after directory.AccountID, n int) ([]directory.Account, error) {
	var out []directory.Account
	start := key(nil)
	if after != "" {
		start = append(tAccount.named(string(after)), 0)
	}
	err := t.scan(tAccount.key(), start, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		row, ok, err := load[accountRow](t, k)
		if ok {
			out = append(out, row.Account)
		}
		return true, err
	})
	return out, err
}

// Provisional returns at most n accounts that the directory has not confirmed. PutAccount confirms one.
func (t *Tx) Provisional(n int) ([]directory.Account, error) {
	var out []directory.Account
	err := t.scan(tAccountWait.key(), nil, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		row, ok, err := load[accountRow](t, append(tAccount.key(), k[1:]...))
		if ok && row.Waits {
			out = append(out, row.Account)
		}
		return true, err
	})
	return out, err
}
