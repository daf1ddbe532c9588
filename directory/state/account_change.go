package state

import (
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
)

// changeFactor is the owner's, who has shown the password and a factor at the office; province IT may take one away.
func (t *transition) changeFactor(c *command.ChangeFactor) (any, error) {
	s, d, r, err := t.about(c.ID, c.By)
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
	s, d, r, err := t.about(c.ID, c.By)
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
