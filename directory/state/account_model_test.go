package state_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// TestTheRulesOfAccountsHold makes changes of every kind by whoever, most of them not allowed, and checks after each that the
// rules hold, and that what was refused has changed nothing.
func TestTheRulesOfAccountsHold(t *testing.T) {
	base := enrolled(t)
	for i, id := range staffIDs {
		base.hire(string(id), role(commune, []directory.Role{directory.Signatory, directory.DeskOfficer, directory.Signatory, directory.Admin}[i]))
	}
	for i, id := range citizenIDs {
		base.join(string(id), append(numbers, "", "", "")[i])
	}
	base.fine(&command.AccountRules{Index: 100}) // from here on the index alone tells who has a number
	rapid.Check(t, func(rt *rapid.T) {
		s := &tables{t: t, memory: maps.Clone(base.memory), index: base.index, at: base.at, log: base.log}
		var applied []entry
		for range rapid.IntRange(10, 100).Draw(rt, "changes") {
			s.pass(time.Duration(rapid.IntRange(0, 10).Draw(rt, "hours")) * 6 * time.Hour)
			before := s.content()
			c := anyChange(rt, s)
			b, err := command.Encode(command.RequestID{byte(len(s.log)), byte(len(s.log) >> 8), 9}, s.at*1000, c)
			if err != nil {
				continue // it does not validate
			}
			s.log = append(s.log, b)
			s.index++
			r, err := state.Apply(s, s.index, b)
			if err != nil {
				rt.Fatal(err)
			}
			if r.Failure != nil && !maps.Equal(before, s.content()) {
				rt.Fatalf("%s was refused (%v) and has changed the tables", c.Kind(), r.Failure)
			}
			rules(rt, s)
			applied = append(applied, entry{s.index, b})
		}
		again := maps.Clone(base.memory)
		for _, e := range applied {
			if _, err := state.Apply(again, e.index, e.bytes); err != nil {
				rt.Fatal(err)
			}
		}
		if !maps.EqualFunc(again, s.memory, bytes.Equal) {
			rt.Fatal("another server that applies the same log has other tables")
		}
	})
}

type entry struct {
	index uint64
	bytes []byte
}

var (
	staffIDs   = []directory.AccountID{"s1", "s2", "s3", "chief"}
	citizenIDs = []directory.AccountID{"c1", "c2", "c3", "c4", "c5"}
	logins     = []string{"login.one", "login.two", "login.three", "login.four", "login.five"}
	numbers    = []string{"", "056090000001", "056090000002"}
)

// anyGrant is of few enough offices, roles and fields that grants meet.
func anyGrant(rt *rapid.T) directory.Grant {
	g := role(rapid.SampledFrom([]directory.OfficeCode{commune, other}).Draw(rt, "office"),
		rapid.SampledFrom([]directory.Role{directory.Signatory, directory.DeskOfficer, directory.Admin}).Draw(rt, "role"))
	if g.Role != directory.Admin && rapid.Bool().Draw(rt, "limited") {
		g.Fields = []string{"civil"}
	}
	if rapid.Bool().Draw(rt, "dated") {
		g.Valid.To = directory.DateOf(time.Unix(start, 0).AddDate(0, 0, rapid.IntRange(0, 60).Draw(rt, "last")))
	}
	return g
}

func anyBy(rt *rapid.T, s *tables) command.By {
	id := rapid.SampledFrom(append(append([]directory.AccountID{""}, staffIDs...), citizenIDs...)).Draw(rt, "by")
	a, ok, _ := state.AccountByID(s, id)
	if !ok || rapid.Bool().Draw(rt, "province") {
		return command.By{}
	}
	return command.By{Actor: directory.Actor{Office: rapid.SampledFrom([]directory.OfficeCode{commune, other}).Draw(rt, "at"), Account: id}, Proof: a.Verifier}
}

func anyChange(rt *rapid.T, s *tables) command.Command {
	staff, citizen := rapid.SampledFrom(staffIDs).Draw(rt, "staff"), rapid.SampledFrom(citizenIDs).Draw(rt, "citizen")
	by, g := anyBy(rt, s), anyGrant(rt)
	login := rapid.SampledFrom(logins).Draw(rt, "login")
	number := rapid.SampledFrom(numbers).Draw(rt, "number")
	switch rapid.IntRange(0, 13).Draw(rt, "kind") {
	case 0:
		a := person(string(staff))
		a.Kind, a.Grants = directory.Staff, []directory.Grant{g, anyGrant(rt)}
		return &command.MakeAccount{Account: a, Replace: rapid.Bool().Draw(rt, "replace")}
	case 1, 2:
		a := person(string(citizen))
		a.Identity, a.Login = number, login
		return &command.MakeAccount{Account: a, By: directory.Actor{Office: commune}}
	case 3:
		return &command.EditAccount{ID: citizen, By: by, Profile: command.Profile{Login: &login, Identity: &number}}
	case 4:
		return &command.ChangeGrants{ID: staff, By: by, Add: []directory.Grant{g}}
	case 5:
		a, _, _ := state.AccountByID(s, staff)
		return &command.ChangeGrants{ID: staff, By: by, Remove: a.Grants[:min(1, len(a.Grants))]}
	case 6, 7, 10, 11:
		return &command.Delegate{Delegation: anyDelegation(rt, s, staff, g), By: by}
	case 8:
		return &command.CloseAccount{ID: staff, By: by, Open: rapid.Bool().Draw(rt, "open"), Reason: "x"}
	}
	return &command.MergeAccounts{Survivor: citizen, Merged: rapid.SampledFrom(citizenIDs).Draw(rt, "merged"), Reason: "x"}
}

// anyDelegation is most often of a grant that the delegator has.
func anyDelegation(rt *rapid.T, s *tables, from directory.AccountID, g directory.Grant) directory.Delegation {
	a, _, _ := state.AccountByID(s, from)
	if all := append(a.Grants, g); len(all) > 1 {
		g = rapid.SampledFrom(all).Draw(rt, "of")
	}
	if g.Role != directory.Admin && rapid.Bool().Draw(rt, "part") {
		g.Fields = []string{"civil"}
	}
	last := g.Valid.To
	day := directory.DateOf(time.Unix(s.at, 0))
	d := delegation(fmt.Sprintf("d%d", len(s.log)), from, rapid.SampledFrom(staffIDs).Draw(rt, "to"), g, day, day)
	d.Grant.Valid.To = directory.DateOf(time.Unix(s.at, 0).AddDate(0, 0, rapid.IntRange(0, 60).Draw(rt, "days")))
	if last != "" && rapid.Bool().Draw(rt, "inside") {
		d.Grant.Valid.To = min(last, d.Grant.Valid.To)
	}
	return d
}

// rules are what must hold whatever was done.
func rules(rt *rapid.T, s *tables) {
	accounts := map[directory.AccountID]directory.Account{}
	logins, numbers := map[string]directory.AccountID{}, map[string]directory.AccountID{}
	for _, id := range append(append([]directory.AccountID{}, staffIDs...), citizenIDs...) {
		a, ok, err := state.AccountByID(s, id)
		if err != nil {
			rt.Fatal(err)
		}
		if !ok {
			continue
		}
		accounts[id] = a
		if a.Merged != "" {
			mergedRules(rt, s, a)
			continue
		}
		if other, taken := logins[a.Login]; taken {
			rt.Fatalf("%s and %s have one login", id, other)
		}
		if other, taken := numbers[a.Identity]; taken && a.Identity != "" && a.Kind != directory.Staff {
			rt.Fatalf("%s and %s have one identity number", id, other)
		}
		logins[a.Login], numbers[a.Identity] = id, id
		if found, ok, err := state.AccountByLogin(s, a.Login); err != nil || !ok || found.ID != id {
			rt.Fatalf("%s is not found by its login: %v", id, err)
		}
	}
	for _, a := range accounts {
		delegationRules(rt, accounts, a)
	}
	for k, v := range s.memory {
		if strings.HasPrefix(k, "history/") && (bytes.Contains(v, []byte("argon2")) || bytes.Contains(v, []byte("Kín"))) {
			rt.Fatalf("%s holds a secret or a particular", k)
		}
	}
}

func mergedRules(rt *rapid.T, s *tables, a directory.Account) {
	if found, ok, err := state.AccountByLogin(s, a.Login); err != nil || ok && found.ID == a.ID {
		rt.Fatalf("%s has become part of another and signs in: %v", a.ID, err)
	}
	into, ok, err := state.Person(s, a.ID)
	if err != nil || !ok || into.Merged != "" || !into.Is(a.ID) || !a.Disabled {
		rt.Fatalf("%s has become part of %v: %v", a.ID, into, err)
	}
}

// delegationRules: both sides say the same, nothing exceeds the delegator's own, and disabled means nothing.
func delegationRules(rt *rapid.T, accounts map[directory.AccountID]directory.Account, a directory.Account) {
	covered := func(d directory.Delegation, by directory.Account) bool {
		for _, g := range by.Grants {
			if d.Grant.Within(g) {
				return true
			}
		}
		return false
	}
	has := func(all []directory.Delegation, d directory.Delegation) bool {
		for _, o := range all {
			if o.ID == d.ID && o.Grant.Valid == d.Grant.Valid && o.To == d.To && o.From == d.From {
				return true
			}
		}
		return false
	}
	for _, d := range a.Given {
		to := accounts[d.To]
		if d.From != a.ID || !has(to.Acting, d) || !covered(d, a) || a.Disabled || to.Disabled || !to.Serves(d.Grant.Office) || d.Grant.Role == directory.Admin {
			rt.Fatalf("delegation %+v of %v is not as it should be", d, a)
		}
	}
	for _, d := range a.Acting {
		if d.To != a.ID || !has(accounts[d.From].Given, d) {
			rt.Fatalf("delegation %+v to %v is not the delegator's", d, a)
		}
	}
	for _, office := range []directory.OfficeCode{commune, other} {
		for _, on := range []directory.Date{"2026-11-18", "2026-11-25", "2026-12-01", "2026-12-20", "2027-02-01"} {
			by, ok := a.May(office, directory.Signatory, land, on)
			if !ok {
				continue
			}
			if a.Disabled {
				rt.Fatalf("%v is disabled and may sign", a)
			}
			if by.Delegation != nil {
				if own, ok := accounts[by.Delegation.From].May(office, directory.Signatory, land, on); !ok || own.Delegation != nil {
					rt.Fatalf("%v may sign for %s, who may not", a, by.Delegation.From)
				}
			}
		}
	}
}
