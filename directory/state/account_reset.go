package state

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
)

// reset is what is kept of a reset code: nobody who reads the tables can use it.
type reset struct {
	Hash    digest.Digest `cbor:"1,keyasint"`
	Expires int64         `cbor:"2,keyasint"` // Unix seconds
}

func resetKey(id directory.AccountID) string { return "reset/" + string(id) }

// setPassword ends the sessions of before, and any code that was issued.
func (t *transition) setPassword(c *command.SetPassword) (any, error) {
	s := t.sheet(c.By.Actor)
	d, err := s.account(c.ID)
	if err != nil {
		return nil, err
	}
	act, err := s.maySetPassword(c, d.now)
	if err != nil {
		return nil, err
	}
	d.now.Verifier, d.now.Since, d.now.MustChange = c.Verifier, t.seconds(), act == directory.ActPasswordSet
	d.now.Reset = resetAfter(d.now.Reset, act, t.seconds())
	s.note(d, directory.Change{Act: act})
	out, err := s.finish()
	if err != nil {
		return nil, err
	}
	return out, put(t, resetKey(c.ID), reset{})
}

func (s *sheet) maySetPassword(c *command.SetPassword, a directory.Account) (directory.Act, error) {
	if !c.Code.IsZero() {
		return directory.ActResetUsed, s.codeFits(c, a)
	}
	r, err := s.relate(c.By, a)
	switch {
	case err != nil:
		return "", err
	case r.own:
		return directory.ActPassword, nil
	case r.province:
		return directory.ActPasswordSet, nil
	}
	return "", s.denied("a password is set by its owner or with a reset code")
}

// resetAfter is what an account's owner is told of a reset code once a password was set. An owner who has chosen another since is
// told no more: the code is void, and the history keeps it.
func resetAfter(r *directory.Reset, act directory.Act, now int64) *directory.Reset {
	if r == nil || act != directory.ActResetUsed {
		return nil
	}
	return &directory.Reset{At: r.At, By: r.By, Used: now}
}

// codeFits says the same of a wrong code, an old one, and an account that may not come in.
func (s *sheet) codeFits(c *command.SetPassword, a directory.Account) error {
	if _, err := s.activeNode(c.By.Actor.Office); err != nil {
		return err
	}
	r, ok, err := get[reset](s, resetKey(a.ID))
	if err != nil {
		return err
	}
	if !ok || r.Hash.IsZero() || r.Hash != c.Code || s.seconds() > r.Expires || a.Disabled || !atHome(c.By.Actor.Office, a) {
		return s.denied("the code does not fit, was used, or has ended: ask for another")
	}
	return nil
}

// ResetIssued tells whether a code of this hash was issued for an account and is not used up. It may have ended.
func ResetIssued(r Reader, id directory.AccountID, code digest.Digest) (bool, error) {
	x, ok, err := get[reset](r, resetKey(id))
	return ok && !x.Hash.IsZero() && x.Hash == code, err
}

// issueReset is for province IT, for an office's admin and the staff of this office alone, and for an office's admin and a
// citizen who stands at its desk. Nobody issues one to themselves. Whether a citizen stands there the directory cannot see, so
// an office's node that is in wrong hands could have any citizen's password set: an office may do it a few times a day, the
// owner is told, and province IT has the list.
func (t *transition) issueReset(c *command.IssueReset) (any, error) {
	if c.Login != "" {
		a, ok, err := AccountByLogin(t, c.Login)
		if err := t.there(ok, err, "account", "of this login"); err != nil {
			return nil, err
		}
		c.ID = a.ID
	}
	s, d, r, err := t.about(c.ID, c.By)
	if err == nil {
		err = s.mayIssue(c, r, d.now)
	}
	if err != nil {
		return nil, err
	}
	var today []directory.DeskReset
	if r.desk {
		if today, err = s.oneMoreReset(c); err != nil {
			return nil, err
		}
	}
	d.now.Reset = &directory.Reset{At: t.seconds(), By: c.By.Actor}
	s.note(d, directory.Change{Act: directory.ActResetIssued})
	out, err := s.finish()
	if err != nil {
		return nil, err
	}
	if r.desk {
		err = put(t, deskResetsKey(c.By.Actor.Office, t.today()), today)
	}
	return out, errors.Join(err, put(t, resetKey(c.ID), reset{c.Hash, c.Expires}))
}

func (s *sheet) mayIssue(c *command.IssueReset, r relation, a directory.Account) error {
	switch {
	case !r.province && !r.admin && !r.desk:
		return s.denied("a reset code is issued by province IT or by the admin of the only office where the account serves")
	case a.Disabled:
		return s.fail(directory.Conflict, "the account is disabled: enable it first")
	case c.Expires <= s.seconds() || c.Expires > s.seconds()+int64(directory.MaxResetHours*time.Hour/time.Second):
		return s.fail(directory.Invalid, "a reset code is good for at most %d hours", directory.MaxResetHours)
	}
	return nil
}

// deskResetsKey is where the codes are noted that an office issues to citizens on a day.
func deskResetsKey(o directory.OfficeCode, on directory.Date) string {
	return "desk-resets/" + string(o) + "/" + string(on)
}

// oneMoreReset returns what an office has issued to citizens today with one more, Exhausted where it has issued enough. The day is
// that of the tables: no office moves it.
func (s *sheet) oneMoreReset(c *command.IssueReset) ([]directory.DeskReset, error) {
	office := c.By.Actor.Office
	today, _, err := get[[]directory.DeskReset](s, deskResetsKey(office, s.today()))
	if err == nil && len(today) >= directory.MaxDeskResets {
		err = s.fail(directory.Exhausted, "%s has issued %d codes to citizens today, as many as an office may: ask province IT", office, len(today))
	}
	return append(today, directory.DeskReset{At: s.at, Office: office, Account: c.ID, By: c.By.Actor.Account}), err
}

// DeskResets lists the reset codes that an office has issued to citizens since a day, those of all offices where none is named;
// newest first, at most directory.MaxHistory.
func DeskResets(r Reader, office directory.OfficeCode, since directory.Date) (out []directory.DeskReset, err error) {
	prefix := "desk-resets/"
	if office != "" {
		prefix += string(office) + "/"
	}
	err = r.Scan(prefix, func(key string, b []byte) error {
		if key[strings.LastIndexByte(key, '/')+1:] < string(since) {
			return nil
		}
		day, err := decodeRow[[]directory.DeskReset](key, b)
		out = append(out, day...)
		return err
	})
	slices.SortStableFunc(out, func(a, b directory.DeskReset) int { return cmp.Compare(b.At, a.At) })
	return out[:min(len(out), directory.MaxHistory)], err
}
