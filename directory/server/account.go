package server

import (
	"crypto/subtle"

	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/state"
)

// readAccount answers questions about people. No node has an account for the asking: it shows that its visitor knows the
// password, or names an id, slowly and without getting the verifier. What was asked for is logged.
func (s *Server) readAccount(t state.Reader, c caller) (any, error) {
	pace := s.limits.signs
	if c.q.Op == client.OpSelf {
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
		return find(c, "sign in", "", func(q client.SignIn) (directory.Account, bool, error) { return s.signIn(t, c, q) })
	default:
		return find(c, "account", "there is no such account", func(id directory.AccountID) (directory.Account, bool, error) {
			return s.person(t, c, id)
		})
	}
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
func (s *Server) signIn(t state.Reader, c caller, q client.SignIn) (directory.Account, bool, error) {
	login := directory.NormalLogin(q.Login)
	if len(q.Login) > client.MaxLogin || len(q.Verifier) > client.MaxVerifier {
		return directory.Account{}, false, directory.Errorf("sign in", directory.Invalid, "login or verifier is too long")
	}
	if !s.limits.try(c.office, login) {
		s.log.Warn("too many wrong passwords", "office", c.office)
		return directory.Account{}, false, directory.Errorf("sign in", directory.Exhausted, "too many wrong passwords for this login: try again in an hour")
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
	s.limits.right(c.office, login)
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
			all[i] = directory.Account{ID: a.ID, Login: a.Login, Kind: a.Kind, Name: a.Name, Disabled: a.Disabled, Version: a.Version}
		}
	}
	return all, err
}
