package state

import (
	"errors"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// loginYear is for how long a login that was given up is kept from others.
const loginYear = 365 * 24 * time.Hour

// renameEvery is how often the owner may choose another login: each one given up is out of use for a year.
const renameEvery = 30 * 24 * time.Hour

// retired is a login that was given up.
type retired struct {
	Owner directory.AccountID `cbor:"1,keyasint"`
	Until int64               `cbor:"2,keyasint"` // Unix milliseconds
}

// makeAccount answers with the account as it now stands. The same account again, as when an answer was lost, is no conflict.
func (t *transition) makeAccount(c *command.MakeAccount) (any, error) {
	if !c.By.Province() {
		if _, err := t.activeNode(c.By.Office); err != nil {
			return nil, err
		}
	}
	old, known, err := AccountByID(t, c.Account.ID)
	switch {
	case err != nil:
		return nil, err
	case known && c.Replace:
		return t.replaceAccount(c)
	case known && old.Login == c.Account.Login && old.Verifier == c.Account.Verifier:
		return Amended{IDs: []directory.AccountID{old.ID}}, nil
	case known:
		return nil, t.fail(directory.Conflict, "the account's id is taken")
	}
	if err := t.grantable(c.Account.Grants); err != nil {
		return nil, err
	}
	s := t.sheet(c.By)
	a := c.Account
	a.Version = 0
	d := s.add(a, true)
	s.note(d, directory.Change{Act: directory.ActMade, Grants: a.Grants})
	return s.finish()
}

// replaceAccount puts particulars, grants and verifier; what has come since stays.
func (t *transition) replaceAccount(c *command.MakeAccount) (any, error) {
	s := t.sheet(c.By)
	d, err := s.account(c.Account.ID)
	if err == nil {
		err = t.grantable(c.Account.Grants)
	}
	if err != nil {
		return nil, err
	}
	old, a := d.now, c.Account
	d.now.Login, d.now.Kind, d.now.Name, d.now.Identity = a.Login, a.Kind, a.Name, a.Identity
	d.now.Phone, d.now.Email, d.now.Address = a.Phone, a.Email, a.Address
	d.now.Verifier, d.now.Grants, d.now.Disabled, d.now.MustChange = a.Verifier, a.Grants, a.Disabled, a.MustChange
	if !a.Disabled {
		d.now.Closed = nil
	}
	if a.Verifier != old.Verifier || a.Disabled {
		d.now.Since = t.seconds()
	}
	s.note(d, directory.Change{Act: directory.ActReplaced, Grants: a.Grants})
	return s.finish()
}

// grantable checks that offices and fields are known.
func (t *transition) grantable(all []directory.Grant) error {
	for _, g := range all {
		_, ok, err := get[directory.Office](t, "office/"+string(g.Office))
		if err := t.there(ok, err, "office", string(g.Office)); err != nil {
			return err
		}
		for _, f := range g.Fields {
			_, ok, err := get[directory.Field](t, "field/"+f)
			if err := t.there(ok, err, "field of work", f); err != nil {
				return err
			}
		}
	}
	return nil
}

// there is the failure of what is not there. A failure of the disk stays one: the two must never be taken for each other.
func (t *transition) there(ok bool, err error, what, name string) error {
	if err == nil && !ok {
		err = t.fail(directory.NotFound, "there is no %s %s", what, name)
	}
	return err
}

// editAccount lets province IT change all particulars, and owners their own: staff not their name, nobody an identity
// number that is there, and a login once a month.
func (t *transition) editAccount(c *command.EditAccount) (any, error) {
	s, d, r, err := t.about(c.ID, c.By)
	if err != nil {
		return nil, err
	}
	if err := s.mayEdit(r, d.now, c.Profile); err != nil {
		return nil, err
	}
	s.edit(d, c.Profile, r.own)
	if !d.changed {
		return Amended{IDs: []directory.AccountID{c.ID}}, nil
	}
	if err := (&command.MakeAccount{Account: particulars(d.now), By: directory.Actor{}}).Validate(); err != nil {
		return nil, t.fail(directory.Invalid, "%v", err)
	}
	return s.finish()
}

// particulars is an account as somebody could make it.
func particulars(a directory.Account) directory.Account {
	return directory.Account{
		ID: a.ID, Login: a.Login, Kind: a.Kind, Name: a.Name, Identity: a.Identity, Phone: a.Phone, Email: a.Email,
		Address: a.Address, Verifier: a.Verifier,
	}
}

func (s *sheet) mayEdit(r relation, a directory.Account, p command.Profile) error {
	staff := a.Kind == directory.Staff
	switch {
	case r.province:
		return nil
	case !r.own:
		return s.denied("particulars are changed by their owner or by province IT")
	case staff && (p.Login != nil || p.Name != nil || p.Identity != nil):
		return s.denied("login, name and identity number of staff are changed by province IT")
	case p.Identity != nil && a.Identity != "" && *p.Identity != a.Identity:
		return s.denied("an identity number that is there is changed by province IT")
	case p.Login != nil && *p.Login != a.Login && a.Renamed != 0 && s.seconds()-a.Renamed < int64(renameEvery/time.Second):
		return s.fail(directory.Exhausted, "the login was changed within the last thirty days: wait, or ask province IT")
	}
	return nil
}

// edit changes particulars and notes which.
func (s *sheet) edit(d *draft, p command.Profile, own bool) {
	var fields []string
	for _, f := range []struct {
		name string
		to   *string
		of   *string
	}{
		{"name", p.Name, &d.now.Name}, {"identity", p.Identity, &d.now.Identity}, {"phone", p.Phone, &d.now.Phone},
		{"email", p.Email, &d.now.Email}, {"address", p.Address, &d.now.Address},
	} {
		if f.to != nil && *f.to != *f.of {
			*f.of = *f.to
			fields = append(fields, f.name)
		}
	}
	if fields != nil {
		s.note(d, directory.Change{Act: directory.ActEdited, Fields: fields})
	}
	if p.Login != nil && *p.Login != d.now.Login {
		s.note(d, directory.Change{Act: directory.ActRenamed, Was: d.now.Login, Is: *p.Login})
		d.now.Login = *p.Login
		if own {
			d.now.Renamed = s.seconds()
		}
	}
}

// loginOpen checks that a login is nobody else's, and was not within the last year.
func (s *sheet) loginOpen(a directory.Account) error {
	if err := s.loginFree(a); err != nil {
		return err
	}
	r, once, err := get[retired](s, "retired/"+a.Login)
	if err == nil && once && r.Owner != "" && r.Owner != a.ID && s.at < r.Until {
		err = s.fail(directory.Conflict, "this sign-in name was another's within the last year: choose another")
	}
	return err
}

func (t *transition) retireLogin(login string, owner directory.AccountID) error {
	return errors.Join(put(t, "login/"+login, directory.AccountID("")),
		put(t, "retired/"+login, retired{owner, t.at + loginYear.Milliseconds()}))
}

// identified tells whether an account counts for its identity number. Staff may have another account as citizens.
func identified(a directory.Account) bool {
	return a.Identity != "" && a.Kind != directory.Staff && a.Merged == ""
}

func identityKey(number string) string { return "identity/" + number }

// indexed is how far accounts of before MakeAccount are entered by their identity numbers.
type indexed struct {
	After directory.AccountID `cbor:"1,keyasint,omitempty"`
	Done  bool                `cbor:"2,keyasint,omitempty"`
}

// identityOpen checks that an identity number is nobody else's.
func (s *sheet) identityOpen(a directory.Account) error {
	if !identified(a) {
		return nil
	}
	if old := s.of[a.ID]; !old.made && identified(old.old) && old.old.Identity == a.Identity {
		return nil // also of two that had it before there was this rule
	}
	owner, taken, err := get[directory.AccountID](s, identityKey(a.Identity))
	if err != nil {
		return err
	}
	if d := s.of[owner]; d != nil && d.now.Merged != "" {
		taken = false
	}
	taken = taken && owner != "" && owner != a.ID
	if !taken {
		taken, err = s.identifiedLater(a)
	}
	if err == nil && taken {
		err = s.fail(directory.Known, "somebody with this identity number has an account already: sign in with it; if you cannot, bring the card to a one-stop desk")
	}
	return err
}

// identifiedLater looks through the accounts that are not entered yet. Once all are, it looks at none.
func (s *sheet) identifiedLater(a directory.Account) (found bool, err error) {
	x, _, err := get[indexed](s, "meta/identities")
	if err != nil || x.Done {
		return false, err
	}
	err = s.Scan("account/", func(key string, b []byte) error {
		if key <= "account/"+string(x.After) || found {
			return nil
		}
		other, err := decodeRow[directory.Account](key, b)
		d := s.of[other.ID]
		found = err == nil && other.ID != a.ID && identified(other) && other.Identity == a.Identity && (d == nil || d.now.Merged == "")
		return err
	})
	return found, err
}

// writeIdentity moves an identity number from what an account was to what it is.
func (s *sheet) writeIdentity(old, now directory.Account) error {
	var errs []error
	if identified(old) && (!identified(now) || old.Identity != now.Identity) {
		owner, _, err := get[directory.AccountID](s, identityKey(old.Identity))
		if errs = append(errs, err); owner == old.ID {
			errs = append(errs, put(s, identityKey(old.Identity), directory.AccountID("")))
		}
	}
	if identified(now) {
		owner, _, err := get[directory.AccountID](s, identityKey(now.Identity))
		if errs = append(errs, err); owner == "" {
			errs = append(errs, put(s, identityKey(now.Identity), now.ID))
		}
	}
	return errors.Join(errs...)
}

// accountRules sets the policy, or enters the next accounts of before. Two accounts of one number stay, and are listed.
func (t *transition) accountRules(c *command.AccountRules) (any, error) {
	if c.Policy != nil {
		return nil, put(t, "meta/factors", c.Policy)
	}
	x, _, err := get[indexed](t, "meta/identities")
	if err != nil || x.Done {
		return nil, err
	}
	next, err := t.accountsAfter(x.After, int(c.Index))
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range next {
		errs = append(errs, t.enter(a))
		x.After = a.ID
	}
	x.Done = len(next) < int(c.Index)
	return nil, errors.Join(append(errs, put(t, "meta/identities", x))...)
}

func (t *transition) enter(a directory.Account) error {
	if !identified(a) {
		return nil
	}
	owner, _, err := get[directory.AccountID](t, identityKey(a.Identity))
	switch {
	case err != nil || owner == a.ID:
		return err
	case owner == "":
		return put(t, identityKey(a.Identity), a.ID)
	}
	return put(t, "twin/"+a.Identity+"/"+string(a.ID), owner)
}

// idBytes are the bytes that ids of accounts are made of, in their order.
const idBytes = "-.0123456789:@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

var errEnough = errors.New("enough")

// accountsAfter returns the next accounts in the order of their ids. Tables are read from a prefix on, so it reads by the
// prefixes of what comes after the id: passing over what comes before would, for a million accounts, take hours.
func (t *transition) accountsAfter(id directory.AccountID, n int) (out []directory.Account, err error) {
	take := func(key string, b []byte) error {
		if key == "account/"+string(id) {
			return nil
		}
		if len(out) == n {
			return errEnough
		}
		a, err := decodeRow[directory.Account](key, b)
		out = append(out, a)
		return err
	}
	for _, p := range prefixesFrom(string(id)) {
		if err := t.Scan("account/"+p, take); err != nil {
			return out, ignore(err, errEnough)
		}
	}
	return out, nil
}

// prefixesFrom returns prefixes, in order, of all ids from one on and of none before it.
func prefixesFrom(id string) []string {
	out := []string{id}
	for k := len(id) - 1; k >= 0; k-- {
		for _, c := range idBytes {
			if byte(c) > id[k] {
				out = append(out, id[:k]+string(c))
			}
		}
	}
	return out
}

func ignore(err, end error) error {
	if errors.Is(err, end) {
		return nil
	}
	return err
}
