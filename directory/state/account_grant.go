package state

import (
	"slices"

	"motcua/directory"
	"motcua/directory/command"
)

// changeGrants is for province IT. An office's admin may give and take the work of desk and specialists in this office, of
// others: who signs and who is admin is for the province to say.
func (t *transition) changeGrants(c *command.ChangeGrants) (any, error) {
	s := t.sheet(c.By.Actor)
	d, err := s.account(c.ID)
	if err != nil {
		return nil, err
	}
	if err := s.mayGrant(c, d.now); err != nil {
		return nil, err
	}
	if err := t.grantable(c.Add); err != nil {
		return nil, err
	}
	left, ok := removeGrants(d.now.Grants, c.Remove)
	if !ok {
		return nil, s.fail(directory.Conflict, "the account has no such grant: read it again")
	}
	for _, g := range c.Add {
		if slices.ContainsFunc(left, func(h directory.Grant) bool { return sameGrant(g, h) }) {
			return nil, s.fail(directory.Conflict, "the account has this grant already")
		}
		left = append(left, g)
	}
	d.now.Grants = left
	if len(c.Remove) > 0 {
		s.note(d, directory.Change{Act: directory.ActUngranted, Grants: c.Remove, Reason: c.Reason})
	}
	if len(c.Add) > 0 {
		s.note(d, directory.Change{Act: directory.ActGranted, Grants: c.Add, Reason: c.Reason})
	}
	return s.finish()
}

func (s *sheet) mayGrant(c *command.ChangeGrants, a directory.Account) error {
	if a.Kind != directory.Staff {
		return s.fail(directory.Invalid, "grants are for staff")
	}
	by, err := s.actor(c.By)
	office := c.By.Actor.Office
	switch {
	case err != nil || c.By.Actor.Province():
		return err
	case by.ID == a.ID || by.MustChange || !by.HasOwn(office, directory.Admin, s.today()) || !a.Serves(office):
		return s.denied("grants are given by province IT, or by the office's admin to other staff of the office")
	}
	for _, g := range slices.Concat(c.Add, c.Remove) {
		if g.Office != office || g.Role != directory.DeskOfficer && g.Role != directory.Specialist {
			return s.denied("an office's admin gives and takes the roles of desk and specialist in this office alone")
		}
	}
	if left, _ := removeGrants(slices.Clone(a.Grants), c.Remove); len(c.Add) == 0 && !(directory.Account{Grants: left}).Serves(office) {
		return s.denied("the last role in the office is taken by province IT: disable the account instead")
	}
	return nil
}

// delegate makes or ends a delegation: by the delegator, by the admin of the office (not to itself, and not who signs), or by
// province IT.
func (t *transition) delegate(c *command.Delegate) (any, error) {
	s := t.sheet(c.By.Actor)
	from, err := s.account(c.Delegation.From)
	if err != nil {
		return nil, err
	}
	if c.End != "" {
		return t.endDelegation(s, from, c)
	}
	to, err := s.account(c.Delegation.To)
	if err != nil {
		return nil, err
	}
	if err := s.mayDelegate(c, from.now); err != nil {
		return nil, err
	}
	if err := s.delegable(from.now, to.now, c.Delegation); err != nil {
		return nil, err
	}
	n := c.Delegation
	n.Made, n.By = t.seconds(), c.By.Actor
	from.now.Given, to.now.Acting = append(from.now.Given, n), append(to.now.Acting, n)
	s.noteBoth(directory.ActDelegated, n, n.Decision, from, to)
	return s.finish()
}

func (s *sheet) noteBoth(act directory.Act, n directory.Delegation, reason string, from, to *draft) {
	c := directory.Change{Act: act, Delegation: n.ID, Grants: []directory.Grant{n.Grant}, Reason: reason, Other: n.To}
	s.note(from, c)
	c.Other = n.From
	s.note(to, c)
}

func (s *sheet) mayDelegate(c *command.Delegate, from directory.Account) error {
	by, err := s.actor(c.By)
	office := c.Delegation.Grant.Office
	switch {
	case err != nil || c.By.Actor.Province():
		return err
	case c.By.Actor.Office != office || by.MustChange:
	case by.ID == from.ID:
		return nil
	case c.Delegation.Grant.Role == directory.Signatory:
		return s.denied("who signs for a signatory is said by that signatory, or by province IT")
	case by.HasOwn(office, directory.Admin, s.today()) && by.ID != c.Delegation.To:
		return nil
	}
	return s.denied("a delegation is made at its office: by the delegator, or by the office's admin for others")
}

// delegable: no more than the delegator's own, to somebody of the same office, and nothing that is over.
func (s *sheet) delegable(from, to directory.Account, n directory.Delegation) error {
	covers := func(g directory.Grant) bool { return n.Grant.Within(g) }
	known := func(o directory.Delegation) bool { return o.ID == n.ID }
	switch {
	case from.Disabled || to.Disabled || from.Kind != directory.Staff || to.Kind != directory.Staff:
		return s.fail(directory.Conflict, "one of the accounts is disabled or not of staff")
	case !slices.ContainsFunc(from.Grants, covers):
		return s.denied("nobody can delegate more than one of their own grants, and nothing that was delegated to them")
	case !to.Serves(n.Grant.Office):
		return s.denied("a delegation goes to somebody who serves in the same office")
	case n.Grant.Valid.To < s.today():
		return s.fail(directory.Invalid, "the delegation is over before it begins")
	case slices.ContainsFunc(from.Given, known) || slices.ContainsFunc(to.Acting, known):
		return s.fail(directory.Conflict, "there is a delegation of this id")
	case s.live(from.Given) >= directory.MaxDelegations || s.live(to.Acting) >= directory.MaxDelegations:
		return s.fail(directory.Exhausted, "at most %d delegations at once: end one first", directory.MaxDelegations)
	}
	return nil
}

// live counts the delegations that are not over.
func (s *sheet) live(all []directory.Delegation) (n int) {
	for _, d := range all {
		if d.Grant.Valid.To >= s.today() {
			n++
		}
	}
	return n
}

// endDelegation is for the delegator, for the admin of the office, and for province IT.
func (t *transition) endDelegation(s *sheet, from *draft, c *command.Delegate) (any, error) {
	i := slices.IndexFunc(from.now.Given, func(o directory.Delegation) bool { return o.ID == c.Delegation.ID })
	if i < 0 {
		return nil, s.fail(directory.NotFound, "there is no such delegation, or it has ended")
	}
	n := from.now.Given[i]
	by, err := s.actor(c.By)
	if err != nil {
		return nil, err
	}
	if !c.By.Actor.Province() && by.ID != from.now.ID && !(c.By.Actor.Office == n.Grant.Office && by.HasOwn(n.Grant.Office, directory.Admin, t.today())) {
		return nil, s.denied("a delegation is ended by the delegator, by the office's admin, or by province IT")
	}
	to, err := s.account(n.To)
	if err != nil {
		return nil, err
	}
	s.end(n, c.End, from, to)
	return s.finish()
}

func (s *sheet) end(n directory.Delegation, reason string, from, to *draft) {
	is := func(o directory.Delegation) bool { return o.ID == n.ID }
	from.now.Given, to.now.Acting = slices.DeleteFunc(from.now.Given, is), slices.DeleteFunc(to.now.Acting, is)
	s.noteBoth(directory.ActDelegateEnd, n, reason, from, to)
}

// settle makes the delegations of a changed account follow.
func (s *sheet) settle(d *draft) error {
	if !d.changed {
		return nil
	}
	if err := s.settleGiven(d); err != nil {
		return err
	}
	return s.settleActing(d)
}

// settleGiven cuts what an account has delegated to what it still has itself. A cut is for good.
func (s *sheet) settleGiven(d *draft) error {
	for _, n := range slices.Clone(d.now.Given) {
		to, err := s.account(n.To)
		if err != nil {
			return err
		}
		cut, ok := n.Clip(d.now.Grants)
		switch {
		case n.Grant.Valid.To < s.today():
			s.end(n, "over", d, to)
		case !ok || d.now.Disabled:
			s.end(n, "the delegator has the role no more", d, to)
		case cut.Grant.Valid != n.Grant.Valid:
			s.shorten(cut, d, to)
		}
	}
	return nil
}

// settleActing ends what was delegated to an account that is disabled or has no role in the office any more.
func (s *sheet) settleActing(d *draft) error {
	for _, n := range slices.Clone(d.now.Acting) {
		why := "who received it serves in the office no more"
		if n.Grant.Valid.To < s.today() {
			why = "over"
		} else if !d.now.Disabled && d.now.Serves(n.Grant.Office) {
			continue
		}
		from, err := s.account(n.From)
		if err != nil {
			return err
		}
		s.end(n, why, from, d)
	}
	return nil
}

func (s *sheet) shorten(n directory.Delegation, from, to *draft) {
	for _, list := range [][]directory.Delegation{from.now.Given, to.now.Acting} {
		for i := range list {
			if list[i].ID == n.ID {
				list[i] = n
			}
		}
	}
	s.noteBoth(directory.ActDelegated, n, "cut to what the delegator has", from, to)
}

// removeGrants takes what is named away; false if one is not there.
func removeGrants(from, remove []directory.Grant) ([]directory.Grant, bool) {
	for _, g := range remove {
		i := slices.IndexFunc(from, func(h directory.Grant) bool { return sameGrant(g, h) })
		if i < 0 {
			return from, false
		}
		from = slices.Delete(from, i, i+1)
	}
	return from, true
}

func sameGrant(a, b directory.Grant) bool {
	return a.Office == b.Office && a.Role == b.Role && a.Valid == b.Valid && slices.Equal(a.Fields, b.Fields) && slices.Equal(a.Steps, b.Steps)
}
