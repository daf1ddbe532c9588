package state

import (
	"errors"
	"fmt"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// transition is one entry being applied.
type transition struct {
	Store
	index uint64
	at    int64 // Unix milliseconds, see Time
	op    string
}

// Apply applies the entry of the log at index. Entries must come in order, each once. An error means "stop".
func Apply(s Store, index uint64, entry []byte) (Result, error) {
	e, c, err := command.Decode(entry)
	if err != nil {
		return Result{}, fmt.Errorf("entry %d: %w", index, err)
	}
	if old, ok, err := answered(s, e.Request, index); err != nil || ok {
		return old, err
	}
	last, err := Time(s)
	if err != nil {
		return Result{}, err
	}
	t := &transition{Store: s, index: index, at: max(e.At, last), op: e.Kind.String()}
	r, err := t.decide(c)
	if err != nil {
		return Result{}, fmt.Errorf("entry %d: %s: %w", index, t.op, err)
	}
	if r.Failure == nil && t.at > last {
		err = put(t, "meta/time", t.at)
	}
	return r, errors.Join(err, t.remember(e.Request, r))
}

// Time is the time of the last change, Unix milliseconds, 0 before the first. It is that of the leader's clock, and does not
// go back with it: nothing is revoked before what was already signed in good faith. How far it may move forward at once is
// decided before an entry is proposed.
func Time(r Reader) (int64, error) {
	at, _, err := get[int64](r, "meta/time")
	return at, err
}

// decide turns a failure of the directory into an answer, and lets every other error stop the server. Whatever fails
// has written nothing: each change checks first and writes then.
func (t *transition) decide(c command.Command) (Result, error) {
	r := Result{Index: t.index}
	v, err := t.change(c)
	if f, ok := errors.AsType[*directory.Error](err); ok {
		r.Failure = f
		return r, nil
	}
	if err != nil || v == nil {
		return r, err
	}
	r.Value, err = wire.Marshal(v)
	return r, err
}

func (t *transition) change(c command.Command) (any, error) {
	if err := c.Validate(); err != nil {
		return nil, t.fail(directory.Invalid, "%v", err)
	}
	switch c.Kind() / 10 { // kinds are numbered in tens by what belongs together
	case command.KindFound / 10:
		return t.changeFirst(c)
	case command.KindAdmit / 10:
		return t.changeServers(c)
	case command.KindWithdraw / 10:
		return t.changePublic(c)
	case command.KindMakeAccount / 10:
		return t.changeAccounts(c)
	case command.KindTakeKeys / 10:
		return t.changeKeys(c)
	}
	return nil, without(c)
}

// without is the fault of a kind that was given no transition.
func without(c command.Command) error { return fmt.Errorf("%T has no transition", c) }

// changeFirst makes the changes that a province began with.
func (t *transition) changeFirst(c command.Command) (any, error) {
	switch c := c.(type) {
	case *command.Found:
		return nil, t.found(c)
	case *command.Publish:
		return t.publish(c)
	case *command.PutAccount:
		return t.putAccount(c)
	case *command.RegisterAccount:
		return t.register(c)
	case *command.IssueToken:
		return nil, t.issueToken(c)
	case *command.Enrol:
		return t.enrol(c)
	case *command.Revoke:
		return nil, t.revoke(c)
	case *command.Announce:
		return nil, t.announce(c)
	case *command.Report:
		return t.report(c)
	}
	return nil, without(c)
}

// changeServers makes the changes of the servers among themselves: editions and members.
func (t *transition) changeServers(c command.Command) (any, error) {
	switch c := c.(type) {
	case *command.CutEdition:
		return nil, t.cut(c)
	case *command.CosignEdition:
		return nil, t.cosign(c)
	case *command.Admit:
		return nil, t.admit(c)
	case *command.Dismiss:
		return nil, t.dismiss(c)
	case *command.Succeed:
		return nil, t.succeed(c)
	case *command.CosignSuccession:
		return nil, t.cosignSuccession(c)
	case *command.Forget:
		return nil, t.forget(c)
	case *command.SetLevel:
		return nil, t.setLevel(c)
	case *command.Rotate:
		return nil, t.rotate(c)
	}
	return nil, without(c)
}

// changePublic makes the changes of catalogue, offices and calendar.
func (t *transition) changePublic(c command.Command) (any, error) {
	switch c := c.(type) {
	case *command.Withdraw:
		return t.withdraw(c)
	case *command.ReportOpen:
		return nil, t.reportOpen(c)
	case *command.ChangeOffices:
		return t.changeOffices(c)
	case *command.PublishCalendar:
		return nil, t.publishCalendar(c)
	}
	return nil, without(c)
}

func (t *transition) changeAccounts(c command.Command) (any, error) {
	switch c := c.(type) {
	case *command.MakeAccount:
		return t.makeAccount(c)
	case *command.EditAccount:
		return t.editAccount(c)
	case *command.SetPassword:
		return t.setPassword(c)
	case *command.ChangeFactor:
		return t.changeFactor(c)
	case *command.ChangeGrants:
		return t.changeGrants(c)
	case *command.Delegate:
		return t.delegate(c)
	case *command.CloseAccount:
		return t.closeAccount(c)
	case *command.IssueReset:
		return t.issueReset(c)
	case *command.MergeAccounts:
		return t.mergeAccounts(c)
	case *command.AccountRules:
		return t.accountRules(c)
	}
	return nil, without(c)
}

func (t *transition) changeKeys(c command.Command) (any, error) {
	switch c := c.(type) {
	case *command.TakeKeys:
		return t.takeKeys(c)
	case *command.VoidToken:
		return nil, t.voidToken(c)
	}
	return nil, without(c)
}

func (t *transition) fail(code directory.Code, format string, a ...any) error {
	return directory.Errorf(t.op, code, format, a...)
}

// touch notes that a public table has changed, so that an edition is due.
func (t *transition) touch() error { return put(t, "meta/public", t.index) }

func (t *transition) found(c *command.Found) error {
	g, ok, err := get[directory.Genesis](t, "meta/genesis")
	if err != nil {
		return err
	}
	if ok && g.Digest() != c.Genesis.Digest() {
		return t.fail(directory.Conflict, "this directory has another genesis: give every server the same file")
	}
	if err := t.keepSecret(c.Secret); err != nil || ok {
		return err
	}
	return errors.Join(put(t, "meta/genesis", c.Genesis), t.touch())
}

// keepSecret keeps the first secret that is given.
func (t *transition) keepSecret(secret []byte) error {
	old, err := Secret(t)
	if err != nil || len(old) > 0 || len(secret) == 0 {
		return err
	}
	return put(t, "meta/secret", secret)
}

// Secret returns what the servers alone know, none before the province has it.
func Secret(r Reader) ([]byte, error) {
	b, _, err := get[[]byte](r, "meta/secret")
	return b, err
}

// genesis returns the genesis, or the failure of a province that has none.
func (t *transition) genesis() (directory.Genesis, error) {
	g, ok, err := get[directory.Genesis](t, "meta/genesis")
	if err == nil && !ok {
		err = t.fail(directory.NotFound, "the province is not founded yet: try again shortly")
	}
	return g, err
}
