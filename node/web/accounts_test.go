package web

import (
	"context"
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/command"
)

// accounts is the directory's part of accounts, as far as the pages need it: its rules are tried where they are.
type accounts struct{ calls }

// of finds an account by its id and changes it.
func (s accounts) of(by client.By, id directory.AccountID, change func(*directory.Account)) ([]directory.Account, error) {
	if err := s.p.line(s.from); err != nil {
		return nil, err
	}
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	asker, ok := s.p.byID(by.Account)
	if !ok || by.Account != "" && asker.Verifier != by.Verifier {
		return nil, directory.Errorf("change account", directory.Denied, "sign in again")
	}
	a, ok := s.p.byID(id)
	if !ok {
		return nil, directory.Errorf("change account", directory.NotFound, "no such account")
	}
	login := a.Login
	change(&a)
	a.Version++
	delete(s.p.accounts, login)
	s.p.accounts[a.Login] = a
	return []directory.Account{a}, nil
}

func (p *province) byID(id directory.AccountID) (directory.Account, bool) {
	for _, a := range p.accounts {
		if a.ID == id {
			return a, true
		}
	}
	return directory.Account{}, id == ""
}

func (s accounts) Enter(ctx context.Context, login string, _ client.Device, derive func(context.Context, string) (string, error)) (directory.Account, error) {
	return s.SignIn(ctx, login, derive)
}

func (s accounts) Roster(_ context.Context, o directory.OfficeCode) (r client.Roster, err error) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	for _, a := range s.p.accounts {
		if a.Serves(o) {
			r.Accounts = append(r.Accounts, a)
		}
	}
	r.Policy = s.p.policy
	return r, nil
}

func (s accounts) Reset(_ context.Context, login string, _ client.Device, code, verifier string) (directory.Account, error) {
	s.p.mu.Lock()
	a, ok := s.p.accounts[login]
	fits := ok && s.p.resets[login] == directory.NormalCode(code)
	delete(s.p.resets, login)
	s.p.mu.Unlock()
	if !fits {
		return a, directory.Errorf("reset", directory.Denied, "no")
	}
	as, err := s.of(client.By{}, a.ID, func(a *directory.Account) {
		if a.Verifier, a.MustChange = verifier, false; a.Reset != nil {
			a.Reset.Used = s.p.now.Unix()
		}
	})
	if err != nil {
		return a, err
	}
	return as[0], nil
}

func (s accounts) History(context.Context, client.By) ([]directory.Change, error) {
	g := directory.Grant{Office: s.from, Role: directory.Signatory}
	return []directory.Change{
		{At: 2, Act: directory.ActGranted, Grants: []directory.Grant{g}, Reason: "QĐ 1"}, {At: 1, Act: directory.ActEdited, Fields: []string{"phone"}, By: directory.Actor{Account: "x", Office: s.from}},
		{At: 1, Act: "of a newer version"},
	}, nil
}

func (s accounts) ChangePassword(_ context.Context, by client.By, v string) ([]directory.Account, error) {
	return s.of(by, by.Account, func(a *directory.Account) { a.Verifier, a.MustChange, a.Since = v, false, s.p.now.Unix() })
}

func (s accounts) EditAccount(_ context.Context, by client.By, p command.Profile) ([]directory.Account, error) {
	return s.of(by, by.Account, func(a *directory.Account) {
		for at, v := range map[*string]*string{&a.Phone: p.Phone, &a.Email: p.Email, &a.Address: p.Address, &a.Login: p.Login} {
			if v != nil {
				*at = *v
			}
		}
	})
}

func (s accounts) AddFactor(_ context.Context, by client.By, f directory.Factor, codes []digest.Digest) ([]directory.Account, error) {
	return s.of(by, by.Account, func(a *directory.Account) {
		if a.Factors = append(slices.Clone(a.Factors), f); codes != nil {
			a.Recovery = codes
		}
	})
}

func (s accounts) RemoveFactor(_ context.Context, by client.By, id string) ([]directory.Account, error) {
	return s.of(by, by.Account, func(a *directory.Account) {
		a.Factors = slices.DeleteFunc(slices.Clone(a.Factors), func(f directory.Factor) bool { return f.ID == id })
	})
}

func (s accounts) NewRecovery(_ context.Context, by client.By, codes []digest.Digest) ([]directory.Account, error) {
	return s.of(by, by.Account, func(a *directory.Account) { a.Recovery = codes })
}

func (s accounts) UseRecovery(_ context.Context, by client.By, code digest.Digest) ([]directory.Account, error) {
	return s.of(by, by.Account, func(a *directory.Account) {
		a.Recovery = slices.DeleteFunc(slices.Clone(a.Recovery), func(d digest.Digest) bool { return d == code })
	})
}

func (s accounts) ChangeGrants(_ context.Context, by client.By, id directory.AccountID, add, remove []directory.Grant, _ string) ([]directory.Account, error) {
	return s.of(by, id, func(a *directory.Account) {
		a.Grants = append(slices.Clone(a.Grants), add...)
		for _, g := range remove {
			a.Grants = slices.DeleteFunc(a.Grants, func(x directory.Grant) bool { return x.Role == g.Role })
		}
	})
}

func (s accounts) Delegate(_ context.Context, by client.By, d directory.Delegation) ([]directory.Account, error) {
	if err := d.Validate(); err != nil {
		return nil, directory.Errorf("delegate", directory.Invalid, "%v", err)
	}
	from, err := s.of(by, d.From, func(a *directory.Account) { a.Given = append(slices.Clone(a.Given), d) })
	if err != nil {
		return nil, err
	}
	to, err := s.of(by, d.To, func(a *directory.Account) { a.Acting = append(slices.Clone(a.Acting), d) })
	return append(from, to...), err
}

func (s accounts) EndDelegation(_ context.Context, by client.By, from directory.AccountID, id, _ string) ([]directory.Account, error) {
	var to directory.AccountID
	is := func(d directory.Delegation) bool { to = d.To; return d.ID == id }
	out, err := s.of(by, from, func(a *directory.Account) { a.Given = slices.DeleteFunc(slices.Clone(a.Given), is) })
	if err != nil {
		return nil, err
	}
	other, err := s.of(by, to, func(a *directory.Account) { a.Acting = slices.DeleteFunc(slices.Clone(a.Acting), is) })
	return append(out, other...), err
}

func (s accounts) Disable(_ context.Context, by client.By, id directory.AccountID, reason string) ([]directory.Account, error) {
	return s.of(by, id, func(a *directory.Account) {
		a.Disabled, a.Closed = true, &directory.Closed{Reason: reason, At: s.p.now.Unix()}
	})
}

func (s accounts) Enable(_ context.Context, by client.By, id directory.AccountID, _ string) ([]directory.Account, error) {
	return s.of(by, id, func(a *directory.Account) { a.Disabled, a.Closed = false, nil })
}

func (s accounts) IssueReset(_ context.Context, by client.By, id directory.AccountID, login, code string, _ int64) ([]directory.Account, error) {
	s.p.mu.Lock()
	if a, ok := s.p.accounts[login]; ok {
		id = a.ID
	}
	s.p.mu.Unlock()
	as, err := s.of(by, id, func(a *directory.Account) {
		a.Reset = &directory.Reset{At: s.p.now.Unix(), By: directory.Actor{Office: s.from, Account: by.Account}}
	})
	if err == nil {
		s.p.mu.Lock()
		s.p.resets[as[0].Login] = directory.NormalCode(code)
		s.p.mu.Unlock()
	}
	return as, err
}
