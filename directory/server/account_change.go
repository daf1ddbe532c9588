package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
)

// answerAccount has accounts made and changed on behalf of the caller. Who may what is judged where the change is applied.
func (s *Server) answerAccount(ctx context.Context, c caller) (client.Response, error) {
	if c.q.Op == client.OpReset {
		return s.resetPassword(ctx, c)
	}
	if err := s.mayChange(c); err != nil {
		return client.Response{}, err
	}
	if c.q.Op == client.OpChangeAccount {
		return s.changeAccount(ctx, c)
	}
	return s.join(ctx, c)
}

// mayChange takes one of the changes that an office may ask for.
func (s *Server) mayChange(c caller) error {
	if s.limits.changes.take(string(c.office), s.limits.now()) {
		return nil
	}
	s.log.Warn("office changes too many accounts", "office", c.office, "op", c.q.Op)
	return directory.Errorf("account", directory.Exhausted, "%s changes accounts too often: wait a moment", c.office)
}

// normal folds what people type.
func normal(a directory.Account) directory.Account {
	a.Login, a.Identity = directory.NormalLogin(a.Login), directory.NormalIdentity(a.Identity)
	a.Phone, a.Email = directory.NormalPhone(a.Phone), directory.NormalEmail(a.Email)
	return a
}

// join makes a citizen's or business's account. An older office is told of a known identity number as of a taken login, which is
// what it can tell people.
func (s *Server) join(ctx context.Context, c caller) (client.Response, error) {
	var a directory.Account
	if err := wire.Unmarshal(c.q.Body, &a); err != nil {
		return client.Response{}, err
	}
	a = normal(a)
	if c.q.Op == client.OpRegister && !directory.ValidEmail(a.Email) {
		a.Email = "" // which was not looked at when it was typed, maybe with the line cut
	}
	a.Version = 0
	if s.cluster.Level() < accountLevel() {
		return s.joinAsBefore(ctx, c, a)
	}
	cmd := &command.MakeAccount{Account: a, By: directory.Actor{Office: c.office}}
	list, index, err := s.proposeAccount(ctx, c, cmd)
	if err != nil {
		if e, ok := errors.AsType[*directory.Error](err); ok && c.q.Op == client.OpRegister && e.Code == directory.Known {
			err = directory.Errorf(e.Op, directory.Conflict, "%s", e.Message)
		}
		return client.Response{}, err
	}
	made := list[0]
	if c.q.Op == client.OpRegister {
		made = older(made)
	}
	return respond(made, index)
}

// accountLevel is the upgrade level from which on the commands of accounts are proposed.
func accountLevel() uint32 { return command.LevelOf(&command.MakeAccount{}) }

// joinAsBefore makes an account while some servers are not upgraded yet: people go on registering meanwhile.
func (s *Server) joinAsBefore(ctx context.Context, c caller, a directory.Account) (client.Response, error) {
	if a.Email != "" && !directory.ValidEmail(a.Email) {
		return client.Response{}, directory.Errorf("make account", directory.Invalid, "account: e-mail address has the wrong form")
	}
	r, err := s.cluster.Propose(ctx, c.q.ID, &command.RegisterAccount{Account: a, From: c.office})
	if err != nil {
		return client.Response{}, err
	}
	return client.Response{Failure: r.Failure, Body: r.Value, Index: r.Index}, nil
}

// changeAccount makes one of the changes that somebody who signed in at an office may ask for.
func (s *Server) changeAccount(ctx context.Context, c caller) (client.Response, error) {
	var q client.AccountChange
	if err := wire.Unmarshal(c.q.Body, &q); err != nil {
		return client.Response{}, err
	}
	cmd, err := command.Open(q.Kind, q.Body)
	if err != nil {
		return client.Response{}, err
	}
	asked, ok := cmd.(command.Asked)
	if reset, is := cmd.(*command.SetPassword); !ok || asked.Asker().Actor.Account == "" || is && !reset.Code.IsZero() {
		return client.Response{}, directory.Errorf("change account", directory.Denied, "this is for somebody who signed in, or for province IT")
	}
	asked.Asker().Actor.Office = c.office
	list, index, err := s.proposeAccount(ctx, c, asked)
	if err != nil {
		return client.Response{}, err
	}
	asker := asked.Asker().Actor.Account
	for i, a := range list {
		if a.ID != asker && !(a.Kind == directory.Staff && a.Serves(c.office)) {
			list[i] = a.WithoutVerifier()
		}
	}
	return respond(list, index)
}

// resetPassword sets a new password for whoever has a code. A code has 80 random bits, which nobody guesses: tries slow the
// device that makes them and no other, so that whoever holds the code is never kept out by strangers. What does not fit comes
// neither into the log nor among the changes of the office.
func (s *Server) resetPassword(ctx context.Context, c caller) (client.Response, error) {
	var q client.Reset
	if err := wire.Unmarshal(c.q.Body, &q); err != nil {
		return client.Response{}, err
	}
	if len(q.Login) > client.MaxLogin || len(q.Code) > client.MaxCode {
		return client.Response{}, directory.Errorf("reset password", directory.Invalid, "login or code is too long")
	}
	device := string(c.office) + "\n" + directory.NormalLogin(q.Login) + "\n" + string(q.Device.Source[:])
	if !s.limits.resets.take(device, s.limits.now()) {
		return client.Response{}, directory.Errorf("reset password", directory.Exhausted, "too many wrong codes: try again in an hour")
	}
	id, err := s.holderOf(ctx, q)
	if err == nil {
		err = s.mayChange(c)
	}
	if err != nil {
		return client.Response{}, err
	}
	cmd := &command.SetPassword{
		ID: id, By: command.By{Actor: directory.Actor{Office: c.office}}, Verifier: q.Verifier, Code: directory.ResetHash(q.Code),
	}
	list, index, err := s.proposeAccount(ctx, c, cmd)
	if err != nil {
		return client.Response{}, err
	}
	s.limits.resets.giveBack(device)
	return respond(list[0], index)
}

// holderOf returns the account that a reset is for, Denied where its code is none that was issued. One whose verifier is set
// already may be asked for again: its answer was lost.
func (s *Server) holderOf(ctx context.Context, q client.Reset) (id directory.AccountID, err error) {
	fits := false
	err = s.cluster.Read(ctx, cluster.Leader, func(r state.Reader, _ uint64) error {
		a, known, err := state.AccountByLogin(r, directory.NormalLogin(q.Login))
		if err != nil || !known {
			return err
		}
		id = a.ID
		issued, err := state.ResetIssued(r, a.ID, directory.ResetHash(q.Code))
		fits = issued || a.Verifier == q.Verifier
		return err
	})
	if err == nil && !fits {
		err = directory.Errorf("set password", directory.Denied, "the code does not fit, was used, or has ended: ask for another")
	}
	return id, err
}

// proposeAccount makes a change and reads the accounts as they then stand, at least one.
func (s *Server) proposeAccount(ctx context.Context, c caller, cmd command.Command) ([]directory.Account, uint64, error) {
	list, index, err := s.amend(ctx, c.q.ID, cmd)
	if err != nil {
		s.log.Info("account not changed", "office", c.office, "op", cmd.Kind().String(), "code", directory.CodeOf(err))
		return nil, 0, err
	}
	for _, a := range list {
		s.log.Info("account changed", "office", c.office, "op", cmd.Kind().String(), "account", a)
	}
	return list, index, nil
}

// amend proposes a change of accounts and reads them as they then stand. A change that changed nothing has its target alone.
func (s *Server) amend(ctx context.Context, id command.RequestID, cmd command.Command) (list []directory.Account, index uint64, err error) {
	r, err := s.cluster.Propose(ctx, id, cmd)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return nil, 0, err
	}
	v, err := decodeValue[state.Amended](r)
	if err != nil {
		return nil, 0, err
	}
	err = s.cluster.Read(ctx, cluster.AtLeast(r.Index), func(t state.Reader, _ uint64) error {
		for _, id := range v.IDs {
			a, _, err := state.AccountByID(t, id)
			if err != nil {
				return err
			}
			list = append(list, a)
		}
		return nil
	})
	return list, r.Index, err
}

// roll answers who works in an office, as the caller's version can read it.
func roll(t state.Reader, c caller, office directory.OfficeCode) (any, error) {
	if office != c.office {
		return nil, directory.Errorf("staff", directory.Denied, "%s may read the staff of its own office alone", c.office)
	}
	all, err := staffOf(t, office)
	if err != nil || c.q.Op == client.OpRoster {
		p, errPolicy := state.FactorPolicy(t)
		if err == nil {
			err = errPolicy
		}
		return client.Roster{Accounts: all, Policy: p}, err
	}
	for i, a := range all {
		all[i] = older(a)
	}
	return all, nil
}

// newID returns a random id, for what the server makes for province IT.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
