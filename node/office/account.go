package office

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"motcua/directory"
	"motcua/directory/client"
	"motcua/node/session"
	"motcua/node/store"
)

// Why somebody whose password was right does not come in; both are Denied.
var (
	ErrOtherDoor = errors.New("staff sign in at the desk, citizens at the portal")
	ErrNoRole    = errors.New("no role in this office")
	ErrClosed    = errors.New("the account is disabled")
)

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
	// Silent or not, the directory is asked: an account that it has made is worth the wait.
	var confirmed directory.Account
	err = o.insist(ctx, askTime, func(ctx context.Context) (err error) { confirmed, err = o.Calls.Register(ctx, a); return err })
	if err == nil {
		return confirmed, false, o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(confirmed) })
	}
	if !outOfReach(err) {
		return a, false, err
	}
	err = o.Store.Update(ctx, func(t *store.Tx) error {
		if err := t.PutProvisional(a); err != nil {
			return err
		}
		return t.Set(ownName(a.Login), []byte(a.ID)) // the login itself may come to be another's
	})
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
		ID: directory.AccountID(hex.EncodeToString(random[:])), Login: directory.NormalLogin(visible(in.Login)), Kind: in.Kind,
		Name: visible(in.Name), Identity: directory.NormalIdentity(visible(in.Identity)),
		Phone: directory.NormalPhone(visible(in.Phone)), Email: directory.NormalEmail(visible(in.Email)),
		Address: visible(in.Address), Verifier: "pending", Version: 1,
	}
	if in.Kind == directory.Staff {
		return a, directory.Errorf("register", directory.Denied, "staff accounts are made by the province")
	}
	if a.Email != "" && !directory.ValidEmail(a.Email) {
		return a, directory.Errorf("register", directory.Invalid, "the e-mail address has the wrong form")
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
// cut. A citizen's account that was registered here goes on here, also when the login turned out to be another's. The error is Denied for a wrong login or password, NoLeader where only the directory could tell, Exhausted after too
// many tries.
func (o *Office) Authenticate(ctx context.Context, login, password string, staff bool) (directory.Account, error) {
	return o.AuthenticateFrom(ctx, login, password, staff, client.Device{})
}

// AuthenticateFrom is Authenticate from a device: strangers who guess at a login elsewhere do not keep its owner out.
func (o *Office) AuthenticateFrom(ctx context.Context, login, password string, staff bool, from client.Device) (directory.Account, error) {
	login = directory.NormalLogin(login)
	known, err := o.accountsHere(login)
	if err != nil {
		return directory.Account{}, err
	}
	if staff {
		known.own = directory.Account{} // staff are made by the province
	}
	if staff && known.copy.Kind == directory.Staff && known.copy.Verifier != "" {
		if ok, err := o.Passwords.Check(ctx, known.copy.Verifier, password); err != nil || ok {
			return o.admitted(known.copy, staff, err)
		}
	}
	remote, busy, err := o.signIn(ctx, login, password, from)
	switch {
	case busy != nil:
		return directory.Account{}, busy
	case err == nil:
		err = o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(remote) })
		return o.admitted(remote, staff, err)
	case !outOfReach(err):
		known.copy = directory.Account{} // its word on its own account is the last
	}
	return o.authenticateHere(ctx, known, password, staff, err)
}

// authenticateHere checks a password against what this node knows, where the directory said no or nothing.
func (o *Office) authenticateHere(ctx context.Context, known accounts, password string, staff bool, said error) (directory.Account, error) {
	tried := false
	for _, a := range []directory.Account{known.copy, known.own} {
		if a.Verifier == "" {
			continue
		}
		tried = true
		if ok, err := o.Passwords.Check(ctx, a.Verifier, password); err != nil || ok {
			return o.admitted(a, staff, err)
		}
	}
	switch {
	case tried || !outOfReach(said):
		return directory.Account{}, errWrong()
	case directory.CodeOf(said) == directory.Exhausted:
		return directory.Account{}, said
	}
	return directory.Account{}, directory.Errorf("sign in", directory.NoLeader, "the directory cannot be reached, and this account is not known at this office yet")
}

// signIn has the directory check a password, for a short time. Busy is why this node could not derive its verifier.
func (o *Office) signIn(ctx context.Context, login, password string, from client.Device) (a directory.Account, busy, err error) {
	derive := func(ctx context.Context, params string) (v string, err error) {
		v, busy = o.Passwords.Derive(ctx, params, password)
		return v, busy
	}
	err = o.consult(ctx, func(ctx context.Context) error {
		if o.Accounts == nil {
			a, err = o.Calls.SignIn(ctx, login, derive)
		} else {
			a, err = o.Accounts.Enter(ctx, login, from, derive)
		}
		return err
	})
	if !outOfReach(err) {
		o.heard()
	}
	return a, busy, err
}

// admitted checks that an account whose password was right may come in by this door.
func (o *Office) admitted(a directory.Account, staff bool, err error) (directory.Account, error) {
	switch {
	case err != nil:
		return directory.Account{}, err
	case a.Disabled:
		return directory.Account{}, fmt.Errorf("%w: %w", ErrClosed, errWrong())
	case staff != (a.Kind == directory.Staff):
		return directory.Account{}, fmt.Errorf("%w: %w", ErrOtherDoor, errWrong())
	case staff && len(o.Roles(a)) == 0:
		return directory.Account{}, fmt.Errorf("%w: %w", ErrNoRole,
			directory.Errorf("sign in", directory.Denied, "the account has no role in office %s", o.Code))
	}
	return a, nil
}

// accounts are those that this node knows a login by: its copy of the directory's, and one that was registered here out of the
// directory's reach and is not confirmed. Both stand side by side where the login turned out to be taken: then the password tells
// who it is. Either is the zero account where there is none.
type accounts struct{ copy, own directory.Account }

// maxLogin bounds a login that is looked up, in bytes.
const maxLogin = 256

func ownName(login string) string { return "own/" + login }

func (o *Office) accountsHere(login string) (out accounts, err error) {
	if len(login) > maxLogin {
		return out, nil
	}
	err = o.Store.View(func(t *store.Tx) error {
		a, ours, err := t.AccountByLogin(login)
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		case ours:
			out.own = a
			return nil
		}
		out.copy = a
		id, ok, err := t.Get(ownName(login))
		if err != nil || !ok || len(id) == 0 { // empty: its owner has chosen another login
			return err
		}
		if a, ours, err = t.AccountByID(directory.AccountID(id)); err == nil && ours {
			out.own = a
		}
		return err
	})
	return out, err
}

// Conflicted tells whether an account goes on at this office alone, because the directory has refused it: its login was taken
// while the line was cut. Its owner signs in here as before, and nowhere else.
func (o *Office) Conflicted(_ context.Context, id directory.AccountID) (refused bool) {
	err := o.Store.View(func(t *store.Tx) (err error) { refused, err = t.Refused(id); return err })
	if err != nil {
		o.Log.Error("account not read", "account", id, "err", err)
	}
	return refused
}

// Account returns the account of a session: this node's copy, or the directory's where this node has none, as when somebody
// signed in at another node. A copy is looked up again from time to time, by Background, so that an account which was disabled
// does not go on here for ever.
func (o *Office) Account(ctx context.Context, id directory.AccountID) (a directory.Account, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { a, _, err = t.AccountByID(id); return err })
	if err == nil && a.Kind != directory.Staff {
		o.checks.want(id, o.Now())
	}
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	err = o.consult(ctx, func(ctx context.Context) (err error) { a, err = o.fetchAccount(ctx, id); return err })
	return a, err
}

// fetchAccount brings the copy of an account up to date. It comes without a verifier: with a version that is new here nobody
// signs in with the line cut until they have signed in once with it up.
func (o *Office) fetchAccount(ctx context.Context, id directory.AccountID) (directory.Account, error) {
	a, err := o.Calls.AccountByID(ctx, id)
	if err != nil {
		return a, err
	}
	o.heard()
	return a, o.Store.Update(ctx, func(t *store.Tx) error { return t.PutAccount(a) })
}

// checks is which copies of accounts are to be looked up again.
type checks struct {
	mu   sync.Mutex
	last map[directory.AccountID]time.Time
	due  chan directory.AccountID
}

const (
	checkEvery = 10 * time.Minute
	maxChecked = 4096 // accounts remembered
)

func newChecks() checks {
	return checks{last: map[directory.AccountID]time.Time{}, due: make(chan directory.AccountID, 64)}
}

// want has an account looked up, unless it was within checkEvery. It never waits: with too many in line, its turn comes when it
// is used next.
func (c *checks) want(id directory.AccountID, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.last[id]) < checkEvery {
		return
	}
	select {
	case c.due <- id:
	default:
		return
	}
	if len(c.last) >= maxChecked {
		clear(c.last)
	}
	c.last[id] = now
}
