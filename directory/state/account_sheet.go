package state

import (
	"errors"
	"slices"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// Amended is the answer to a change of accounts: those that have changed, the one that was meant first.
type Amended struct {
	IDs []directory.AccountID `cbor:"1,keyasint"`
}

// maxAccountRow bounds an account as it stands, in bytes.
const maxAccountRow = 32 << 10

// sheet is the accounts that one change is about. Nothing is written before all of them are as they will be: a change that may
// not be made has written nothing.
type sheet struct {
	*transition
	by  directory.Actor
	ids []directory.AccountID // in the order of their first mention, which is the same at every server
	of  map[directory.AccountID]*draft
}

// draft is an account before and after.
type draft struct {
	old, now directory.Account
	made     bool // it was not there before
	changed  bool
	lines    []directory.Change
}

func (t *transition) sheet(by directory.Actor) *sheet {
	return &sheet{transition: t, by: by, of: map[directory.AccountID]*draft{}}
}

// today is the civil date of the change.
func (t *transition) today() directory.Date { return directory.DateOf(time.UnixMilli(t.at)) }

func (t *transition) seconds() int64 { return t.at / 1000 }

// account returns the draft of an account, NotFound if there is none, Conflict if it has become part of another.
func (s *sheet) account(id directory.AccountID) (*draft, error) {
	if d := s.of[id]; d != nil {
		return d, nil
	}
	a, ok, err := AccountByID(s, id)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, s.fail(directory.NotFound, "there is no such account")
	case a.Merged != "":
		return nil, s.fail(directory.Conflict, "the account has become part of another: change that one")
	}
	return s.add(a, false), nil
}

func (s *sheet) add(a directory.Account, made bool) *draft {
	d := &draft{old: a, now: a, made: made}
	d.now.Grants, d.now.Given, d.now.Acting = slices.Clone(a.Grants), slices.Clone(a.Given), slices.Clone(a.Acting)
	d.now.Factors, d.now.Recovery, d.now.Former = slices.Clone(a.Factors), slices.Clone(a.Recovery), slices.Clone(a.Former)
	s.ids = append(s.ids, a.ID)
	s.of[a.ID] = d
	return d
}

// note marks an account as changed, with a line of its history.
func (s *sheet) note(d *draft, c directory.Change) {
	c.At, c.Account, c.By = s.at, d.now.ID, s.by
	d.changed = true
	d.lines = append(d.lines, c)
}

// finish settles what follows from the change for delegations, checks all, and writes.
func (s *sheet) finish() (any, error) {
	for _, id := range slices.Clone(s.ids) {
		if err := s.settle(s.of[id]); err != nil {
			return nil, err
		}
	}
	var out Amended
	for _, id := range s.ids {
		if !s.of[id].changed {
			continue
		}
		if err := s.check(s.of[id]); err != nil {
			return nil, err
		}
		out.IDs = append(out.IDs, id)
	}
	var errs []error
	for _, id := range out.IDs {
		errs = append(errs, s.write(s.of[id]))
	}
	return out, errors.Join(errs...)
}

// check holds the bounds and what must be unique.
func (s *sheet) check(d *draft) error {
	var err error
	if d.now.Version, err = s.nextVersion(d.old.Version); err != nil {
		return err
	}
	for i := range d.lines {
		d.lines[i].Version = d.now.Version
	}
	b, err := wire.Marshal(d.now)
	if err != nil {
		return err
	}
	if len(b) > maxAccountRow || len(d.now.Grants) > directory.MaxGrants {
		return s.fail(directory.Exhausted, "the account would have too much: take grants, factors or delegations away first")
	}
	if err := d.now.Validate(); err != nil {
		return s.fail(directory.Invalid, "%v", err)
	}
	if d.now.Merged != "" {
		return nil
	}
	if err := s.loginOpen(d.now); err != nil {
		return err
	}
	return s.identityOpen(d.now)
}

// write writes the row, its indexes and its history.
func (s *sheet) write(d *draft) error {
	errs := []error{s.writeIdentity(d.old, d.now), put(s, historyKey(d.now.ID, d.now.Version), d.lines)}
	if d.now.Merged != "" {
		errs = append(errs, s.retireLogin(d.now.Login, d.now.ID), s.keepThread(d.now), put(s, "account/"+string(d.now.ID), d.now))
		return errors.Join(errs...)
	}
	if !d.made && d.old.Login != d.now.Login {
		errs = append(errs, s.retireLogin(d.old.Login, d.now.ID))
	}
	return errors.Join(append(errs, s.writeAccount(d.now, d.old, !d.made))...)
}

// actor returns who asks, as an account: the zero account for province IT. The proof must be the verifier of now.
func (s *sheet) actor(by command.By) (directory.Account, error) {
	if by.Actor.Province() {
		return directory.Account{}, nil
	}
	if _, err := s.activeNode(by.Actor.Office); err != nil {
		return directory.Account{}, err
	}
	a, ok, err := AccountByID(s, by.Actor.Account)
	if err != nil {
		return a, err
	}
	if !ok || !Proven(a, by) {
		return a, s.fail(directory.Denied, "who asks is not signed in any more: sign in again")
	}
	return a, nil
}

// Proven tells whether an office that asks for somebody holds the account's verifier of now, and the account may act there.
func Proven(a directory.Account, by command.By) bool {
	return by.Actor.Account == a.ID && by.Proof != "" && by.Proof == a.Verifier && !a.Disabled && a.Merged == "" && atHome(by.Actor.Office, a)
}

// atHome: citizens are at home in every office, staff where they have a role.
func atHome(o directory.OfficeCode, a directory.Account) bool {
	return a.Kind != directory.Staff || a.Serves(o)
}

// relation is what an actor is to the account that is to be changed.
type relation struct {
	province bool
	own      bool
	admin    bool // of the only office where the other serves
	desk     bool // admin of an office, the other is a citizen or business
}

// relate tells what the actor of a change is to an account. Somebody who must first choose another password is nothing to
// anyone else.
func (s *sheet) relate(by command.By, target directory.Account) (r relation, err error) {
	a, err := s.actor(by)
	if err != nil {
		return r, err
	}
	r.province = by.Actor.Province()
	r.own = !r.province && a.ID == target.ID
	if r.province || r.own || a.MustChange || !a.HasOwn(by.Actor.Office, directory.Admin, s.today()) {
		return r, nil
	}
	elsewhere := func(g directory.Grant) bool { return g.Office != by.Actor.Office }
	r.admin = target.Kind == directory.Staff && len(target.Grants) > 0 && !slices.ContainsFunc(target.Grants, elsewhere)
	r.desk = target.Kind != directory.Staff
	return r, nil
}

// about begins a change of one account: its sheet, its draft, and what the actor is to it.
func (t *transition) about(id directory.AccountID, by command.By) (s *sheet, d *draft, r relation, err error) {
	s = t.sheet(by.Actor)
	if d, err = s.account(id); err == nil {
		r, err = s.relate(by, d.now)
	}
	return s, d, r, err
}

// denied is what an actor is told who may not.
func (s *sheet) denied(what string) error { return s.fail(directory.Denied, "%s", what) }
