package server

import (
	"crypto/subtle"
	"slices"

	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/command"
	"motcua/directory/state"
)

// readAccount answers questions about people. No node has an account for the asking: it shows that its visitor knows the
// password, or names an id, slowly and without getting the verifier. What was asked for is logged.
func (s *Server) readAccount(t state.Reader, c caller) (any, error) {
	pace := s.limits.signs
	if c.q.Op == client.OpSelf || c.q.Op == client.OpPerson || c.q.Op == client.OpHistory {
		pace = s.limits.reads
	}
	if !pace.take(string(c.office), s.limits.now()) {
		s.log.Warn("office asks for too many accounts", "office", c.office, "op", c.q.Op)
		return nil, directory.Errorf("account", directory.Exhausted, "%s asks for accounts too often: wait a moment", c.office)
	}
	switch c.q.Op {
	case client.OpParams:
		return find(c, "sign in", "", func(login string) (string, bool, error) { return params(t, login) })
	case client.OpSignIn:
		return find(c, "sign in", "", func(q client.SignIn) (directory.Account, bool, error) {
			a, ok, err := s.signIn(t, c, client.Entry{SignIn: q})
			return older(a), ok, err
		})
	case client.OpEnter:
		return find(c, "sign in", "", func(q client.Entry) (directory.Account, bool, error) { return s.signIn(t, c, q) })
	case client.OpHistory:
		return find(c, "history", "", func(by command.By) ([]directory.Change, bool, error) { return s.history(t, c, by) })
	default:
		return find(c, "account", "there is no such account", func(id directory.AccountID) (directory.Account, bool, error) {
			a, ok, err := s.person(t, c, id)
			if c.q.Op == client.OpSelf {
				a = older(a)
			}
			return a, ok, err
		})
	}
}

// older is an account as a node can read it that knows neither factors nor limited grants: without them, so that it lets
// nobody do more than they may.
func older(a directory.Account) directory.Account {
	limited := func(g directory.Grant) bool { return len(g.Fields)+len(g.Steps) > 0 }
	return directory.Account{
		ID: a.ID, Login: a.Login, Kind: a.Kind, Name: a.Name, Identity: a.Identity, Phone: a.Phone, Email: a.Email, Address: a.Address,
		Verifier: a.Verifier, Grants: slices.DeleteFunc(slices.Clone(a.Grants), limited), Disabled: a.Disabled, Version: a.Version,
	}
}

// history is for the person alone, who signed in at the office that asks.
func (s *Server) history(t state.Reader, c caller, by command.By) ([]directory.Change, bool, error) {
	by.Actor.Office = c.office
	a, _, err := state.AccountByID(t, by.Actor.Account)
	if err == nil && !state.Proven(a, by) {
		err = directory.Errorf("history", directory.Denied, "who asks is not signed in any more: sign in again")
	}
	if err != nil {
		return nil, false, err
	}
	lines, err := state.HistoryOf(t, a)
	return lines, true, err
}

// params names the parameters of a login's verifier, made-up ones if nobody has the login.
func params(t state.Reader, login string) (string, bool, error) {
	secret, err := state.Secret(t)
	if err == nil && len(secret) == 0 {
		err = directory.Errorf("sign in", directory.NoLeader, "the directory is not ready yet: try again shortly")
	}
	if err == nil && len(login) > client.MaxLogin {
		err = directory.Errorf("sign in", directory.Invalid, "login of %d bytes, at most %d", len(login), client.MaxLogin)
	}
	if err != nil {
		return "", false, err
	}
	a, _, err := state.AccountByLogin(t, login)
	if p, ok := directory.VerifierParams(a.Verifier); ok {
		return p, true, err
	}
	return directory.DecoyParams(secret, login), true, err
}

// signIn hands an account to the office where somebody has shown the password.
func (s *Server) signIn(t state.Reader, c caller, e client.Entry) (directory.Account, bool, error) {
	q, login := e.SignIn, directory.NormalLogin(e.SignIn.Login)
	if len(q.Login) > client.MaxLogin || len(q.Verifier) > client.MaxVerifier {
		return directory.Account{}, false, directory.Errorf("sign in", directory.Invalid, "login or verifier is too long")
	}
	if wait := s.limits.guesses.try(c.office, login, e.Device); wait > 0 {
		s.log.Warn("too many wrong passwords", "office", c.office)
		return directory.Account{}, false, directory.Errorf("sign in", directory.Exhausted, "too many wrong passwords for this login: try again in %s", wait)
	}
	a, known, err := state.AccountByLogin(t, login)
	if err != nil {
		return directory.Account{}, false, err
	}
	_, checked := directory.VerifierParams(a.Verifier)
	right := subtle.ConstantTimeCompare([]byte(a.Verifier), []byte(q.Verifier)) == 1
	if !known || !checked || !right || !mayHave(c.office, a) {
		s.log.Info("sign-in refused", "office", c.office, "account", a)
		return directory.Account{}, false, directory.Errorf("sign in", directory.Denied, "the login or the password is wrong")
	}
	s.limits.guesses.right(c.office, login, e.Device)
	s.log.Info("sign-in", "office", c.office, "account", a)
	return a, true, nil
}

// person returns an account by its id, as for somebody who signed in at another office.
func (s *Server) person(t state.Reader, c caller, id directory.AccountID) (directory.Account, bool, error) {
	a, ok, err := state.AccountByID(t, id)
	if err != nil || !ok || !mayHave(c.office, a) {
		return directory.Account{}, false, err
	}
	s.log.Info("account read", "office", c.office, "account", a)
	return a.WithoutVerifier(), true, nil
}

// mayHave: who works for other offices is nothing to this one.
func mayHave(o directory.OfficeCode, a directory.Account) bool {
	return a.Kind != directory.Staff || a.Serves(o)
}

// staffOf returns the staff of an office; of those who left, what it needs to let them in no more.
func staffOf(t state.Reader, o directory.OfficeCode) ([]directory.Account, error) {
	all, err := state.StaffOf(t, o)
	for i, a := range all {
		if !a.Serves(o) {
			all[i] = directory.Account{ID: a.ID, Login: a.Login, Kind: a.Kind, Name: a.Name, Disabled: a.Disabled, Version: a.Version, Since: a.Since}
		}
	}
	return all, err
}
