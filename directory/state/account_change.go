package state

import (
	"slices"
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
// citizen who stands at its desk. Nobody issues one to themselves.
func (t *transition) issueReset(c *command.IssueReset) (any, error) {
	s := t.sheet(c.By.Actor)
	if c.Login != "" {
		a, ok, err := AccountByLogin(t, c.Login)
		if err := t.there(ok, err, "account", "of this login"); err != nil {
			return nil, err
		}
		c.ID = a.ID
	}
	d, err := s.account(c.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.relate(c.By, d.now)
	switch {
	case err != nil:
		return nil, err
	case !r.province && !r.admin && !r.desk:
		return nil, s.denied("a reset code is issued by province IT or by the admin of the only office where the account serves")
	case d.now.Disabled:
		return nil, s.fail(directory.Conflict, "the account is disabled: enable it first")
	case c.Expires <= t.seconds() || c.Expires > t.seconds()+int64(directory.MaxResetHours*time.Hour/time.Second):
		return nil, s.fail(directory.Invalid, "a reset code is good for at most %d hours", directory.MaxResetHours)
	}
	s.note(d, directory.Change{Act: directory.ActResetIssued})
	out, err := s.finish()
	if err != nil {
		return nil, err
	}
	return out, put(t, resetKey(c.ID), reset{c.Hash, c.Expires})
}

// changeFactor is the owner's, who has shown the password and a factor at the office; province IT may take one away.
func (t *transition) changeFactor(c *command.ChangeFactor) (any, error) {
	s := t.sheet(c.By.Actor)
	d, err := s.account(c.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.relate(c.By, d.now)
	switch {
	case err != nil:
		return nil, err
	case !r.own && !(r.province && c.Remove != ""):
		return nil, s.denied("factors are added by their owner, and taken away by the owner or province IT")
	case d.now.Kind != directory.Staff:
		return nil, s.fail(directory.Invalid, "second factors are for staff")
	}
	if err := s.editFactors(d, c); err != nil {
		return nil, err
	}
	return s.finish()
}

func (s *sheet) editFactors(d *draft, c *command.ChangeFactor) error {
	switch {
	case c.Add != nil:
		return s.addFactor(d, *c.Add, c.Recovery)
	case c.Remove != "":
		i := slices.IndexFunc(d.now.Factors, func(f directory.Factor) bool { return f.ID == c.Remove })
		if i < 0 {
			return s.fail(directory.NotFound, "there is no such factor")
		}
		s.note(d, directory.Change{Act: directory.ActFactorGone, Was: d.now.Factors[i].Label})
		if d.now.Factors = slices.Delete(d.now.Factors, i, i+1); len(d.now.Factors) == 0 {
			d.now.Recovery = nil // they stand in for a factor
		}
	case !c.Use.IsZero():
		i := slices.Index(d.now.Recovery, c.Use)
		if i < 0 {
			return s.fail(directory.NotFound, "there is no such recovery code, or it was used")
		}
		d.now.Recovery = slices.Delete(d.now.Recovery, i, i+1)
		s.note(d, directory.Change{Act: directory.ActRecoveryUsed})
	default:
		if len(d.now.Factors) == 0 {
			return s.fail(directory.Conflict, "recovery codes stand in for a factor: add one first")
		}
		d.now.Recovery = c.Recovery
		s.note(d, directory.Change{Act: directory.ActRecovery})
	}
	return nil
}

func (s *sheet) addFactor(d *draft, f directory.Factor, recovery []digest.Digest) error {
	f.Added = s.seconds()
	for _, old := range d.now.Factors {
		if old.ID == f.ID || len(f.Credential) > 0 && string(old.Credential) == string(f.Credential) {
			return s.fail(directory.Conflict, "this factor is there already")
		}
	}
	if len(d.now.Factors) >= directory.MaxFactors {
		return s.fail(directory.Exhausted, "at most %d factors: remove one first", directory.MaxFactors)
	}
	d.now.Factors = append(d.now.Factors, f)
	s.note(d, directory.Change{Act: directory.ActFactorAdded, Is: f.Label})
	if len(recovery) > 0 {
		d.now.Recovery = recovery
		s.note(d, directory.Change{Act: directory.ActRecovery})
	}
	return nil
}

// closeAccount is for province IT, and for the admin of the only office where a member of staff serves.
func (t *transition) closeAccount(c *command.CloseAccount) (any, error) {
	s := t.sheet(c.By.Actor)
	d, err := s.account(c.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.relate(c.By, d.now)
	switch {
	case err != nil:
		return nil, err
	case !r.province && !r.admin:
		return nil, s.denied("an account is disabled by province IT or by the admin of the only office where it serves")
	case c.Open && !r.province && (d.now.Closed == nil || d.now.Closed.By.Province()):
		return nil, s.denied("what province IT has disabled, it alone enables")
	case d.now.Disabled != c.Open:
		return nil, s.fail(directory.Conflict, "the account is so already")
	}
	d.now.Disabled, d.now.Since = !c.Open, t.seconds()
	if c.Open {
		d.now.Closed = nil
		s.note(d, directory.Change{Act: directory.ActEnabled, Reason: c.Reason})
	} else {
		d.now.Closed = &directory.Closed{Reason: c.Reason, At: t.seconds(), By: c.By.Actor}
		s.note(d, directory.Change{Act: directory.ActDisabled, Reason: c.Reason})
	}
	return s.finish()
}
