package office

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
	"unicode/utf8"

	"motcua/directory"
	"motcua/node/session"
	"motcua/node/store"
)

// askTime bounds how long a person waits for an answer from elsewhere before this node answers with what it knows.
const askTime = 3 * time.Second

// errWrong says nothing about which of the two was wrong.
func errWrong() error {
	return directory.Errorf("sign in", directory.Denied, "the login or the password is wrong")
}

// outOfReach tells an answer that never came from one that is no.
func outOfReach(err error) bool {
	switch directory.CodeOf(err) {
	case directory.Internal, directory.NoLeader, directory.Exhausted:
		return true
	}
	return false
}

// Registration is what a person enters to get an account.
type Registration struct {
	Kind     directory.AccountKind // Citizen or Business
	Login    string
	Password string
	Name     string
	Identity string
	Phone    string
	Email    string
	Address  string
}

// Register makes an account with the directory. Out of its reach the account is provisional: it works at this office at
// once, and Background has the directory confirm it. A login that is taken is a Conflict.
func (o *Office) Register(ctx context.Context, in Registration) (a directory.Account, provisional bool, err error) {
	if a, err = o.newAccount(ctx, in); err != nil {
		return a, false, err
	}
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	confirmed, err := o.Calls.Register(asked, a)
	if err == nil {
		o.heard()
		return confirmed, false, o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(confirmed) })
	}
	if !outOfReach(err) {
		return a, false, err
	}
	err = o.Store.Update(ctx, func(t *store.Tx) error { return t.PutProvisional(a) })
	if errors.Is(err, store.ErrTaken) {
		err = directory.Errorf("register", directory.Conflict, "the login is taken; choose another")
	}
	o.poke()
	return a, true, err
}

func (o *Office) newAccount(ctx context.Context, in Registration) (directory.Account, error) {
	var random [16]byte
	rand.Read(random[:])
	a := directory.Account{
		ID: directory.AccountID(hex.EncodeToString(random[:])), Login: directory.NormalLogin(in.Login), Kind: in.Kind,
		Name: in.Name, Identity: in.Identity, Phone: in.Phone, Email: in.Email, Address: in.Address, Verifier: "pending", Version: 1,
	}
	if in.Kind == directory.Staff {
		return a, directory.Errorf("register", directory.Denied, "staff accounts are made by the province")
	}
	if err := a.Validate(); err != nil {
		return a, directory.Errorf("register", directory.Invalid, "%v", err)
	}
	if n := utf8.RuneCountInString(in.Password); n < session.MinPassword || n > session.MaxPassword {
		return a, directory.Errorf("register", directory.Invalid, "a password has %d to %d characters", session.MinPassword, session.MaxPassword)
	}
	verifier, err := o.Passwords.Hash(ctx, in.Password)
	a.Verifier = verifier
	return a, err
}

// Authenticate checks a login and password. Staff and whoever signed in or registered here before can sign in with the line
// cut. The error is Denied for a wrong login or password, NoLeader where only the directory could tell.
func (o *Office) Authenticate(ctx context.Context, login, password string, staff bool) (directory.Account, error) {
	login = directory.NormalLogin(login)
	local, known, err := o.localAccount(login)
	if err != nil {
		return directory.Account{}, err
	}
	if known && staff && local.Kind == directory.Staff {
		if ok, err := o.Passwords.Check(ctx, local.Verifier, password); err != nil || ok {
			return o.admitted(local, staff, err)
		}
	}
	remote, err := o.askAccount(ctx, login)
	switch {
	case err == nil:
		local, known = remote, true
	case outOfReach(err) && !known:
		return local, directory.Errorf("sign in", directory.NoLeader, "the directory cannot be reached, and this account is not known at this office yet")
	}
	if !known || utf8.RuneCountInString(password) > session.MaxPassword {
		o.Passwords.Check(ctx, decoy, password) // as long as for a login that exists
		return directory.Account{}, errWrong()
	}
	ok, err := o.Passwords.Check(ctx, local.Verifier, password)
	if err != nil || !ok {
		return directory.Account{}, errors.Join(err, errWrong())
	}
	if remote.ID != "" {
		err = o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(remote) })
	}
	return o.admitted(local, staff, err)
}

// decoy is a verifier that no password fits.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$bW90Y3VhIGRlY295IHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// admitted checks that an account whose password was right may come in by this door.
func (o *Office) admitted(a directory.Account, staff bool, err error) (directory.Account, error) {
	switch {
	case err != nil:
		return directory.Account{}, err
	case a.Disabled:
		return directory.Account{}, directory.Errorf("sign in", directory.Denied, "the account is disabled; ask the province")
	case staff != (a.Kind == directory.Staff):
		return directory.Account{}, errWrong()
	case staff && len(o.Roles(a)) == 0:
		return directory.Account{}, directory.Errorf("sign in", directory.Denied, "the account has no role in office %s", o.Code)
	}
	return a, nil
}

func (o *Office) localAccount(login string) (a directory.Account, known bool, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { a, _, err = t.AccountByLogin(login); return err })
	if errors.Is(err, store.ErrNotFound) {
		return a, false, nil
	}
	return a, err == nil, err
}

// askAccount asks the directory, for a short time.
func (o *Office) askAccount(ctx context.Context, login string) (directory.Account, error) {
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	a, err := o.Calls.Account(asked, login)
	if err == nil || !outOfReach(err) {
		o.heard()
	}
	return a, err
}

// Account returns the account of a session: this node's copy, or the directory's where this node has none, as when somebody
// signed in at another node.
func (o *Office) Account(ctx context.Context, id directory.AccountID) (a directory.Account, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { a, _, err = t.AccountByID(id); return err })
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if a, err = o.Calls.AccountByID(asked, id); err != nil {
		return a, err
	}
	o.heard()
	return a, o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(a) })
}
