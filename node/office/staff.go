package office

import (
	"context"
	"errors"
	"slices"
	"strings"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/node/store"
)

// staffName is the setting that lists the ids of this office's staff, as the directory last told them.
const staffName = "staff"

// staffHere are the accounts that have a role here today, by name. An account that this office has lost is not among them.
func (o *Office) staffHere() (out []directory.Account, err error) {
	all, err := o.everyStaff()
	for _, a := range all {
		if len(o.Roles(a)) > 0 {
			out = append(out, a)
		}
	}
	return out, err
}

// everyStaff are the accounts that have, or ever had, a role here, disabled ones too, by name.
func (o *Office) everyStaff() (out []directory.Account, err error) {
	err = o.Store.View(func(t *store.Tx) error {
		ids, err := staffIDs(t)
		for _, id := range ids {
			a, _, e := t.AccountByID(id)
			if e == nil {
				out = append(out, a)
			} else if !errors.Is(e, store.ErrNotFound) {
				err = errors.Join(err, e)
			}
		}
		return err
	})
	slices.SortFunc(out, func(a, b directory.Account) int {
		return strings.Compare(a.Name+"\x00"+string(a.ID), b.Name+"\x00"+string(b.ID))
	})
	return out, err
}

// scanned is how many accounts are read at a time where no list of staff is kept yet.
const scanned = 500

// staffIDs reads the list; a node that has not had one since it was upgraded looks through its accounts.
func staffIDs(t *store.Tx) (ids []directory.AccountID, err error) {
	b, ok, err := t.Get(staffName)
	if err != nil || ok {
		if ok {
			err = wire.Unmarshal(b, &ids)
		}
		return ids, err
	}
	last := directory.AccountID("")
	for {
		page, err := t.Accounts(last, scanned)
		for _, a := range page {
			if last = a.ID; a.Kind == directory.Staff {
				ids = append(ids, a.ID)
			}
		}
		if err != nil || len(page) < scanned {
			return ids, err
		}
	}
}

// keepStaff keeps the copies and the list of this office's staff, and who must have a second factor.
func (o *Office) keepStaff(ctx context.Context, list client.Roster) error {
	ids := make([]directory.AccountID, len(list.Accounts))
	for i, a := range list.Accounts {
		ids[i] = a.ID
	}
	staff, errStaff := wire.Marshal(ids)
	policy, errPolicy := wire.Marshal(list.Policy)
	if err := errors.Join(errStaff, errPolicy); err != nil {
		return err
	}
	return o.Store.Update(ctx, func(t *store.Tx) error {
		for _, a := range list.Accounts {
			if err := t.PutAccount(a); err != nil {
				return err
			}
		}
		return errors.Join(setNew(t, staffName, staff), setNew(t, policyName, policy))
	})
}

// setNew is Set for a value that seldom changes: the one that is there is not written again.
func setNew(t *store.Tx, name string, value []byte) error {
	if old, ok, err := t.Get(name); err != nil || ok && string(old) == string(value) {
		return err
	}
	return t.Set(name, value)
}
