package state_test

import (
	"fmt"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

func TestAnAdminGivesNoMoreThanTheWorkOfTheOffice(t *testing.T) {
	s := enrolled(t)
	chief := s.hire("chief", role(commune, directory.Admin))
	o, far := s.hire("o", role(commune, directory.DeskOfficer)), s.hire("far", role(other, directory.DeskOfficer))
	by := s.as(chief, commune)
	give := func(id directory.AccountID, by command.By, g ...directory.Grant) *command.ChangeGrants {
		return &command.ChangeGrants{ID: id, By: by, Add: g}
	}
	take := func(id directory.AccountID, by command.By, g ...directory.Grant) *command.ChangeGrants {
		return &command.ChangeGrants{ID: id, By: by, Remove: g}
	}
	s.fine(give(o, by, role(commune, directory.Specialist, "civil")))
	s.fails(directory.Conflict, give(o, by, role(commune, directory.Specialist, "civil")))
	s.fails(directory.Denied, give(o, by, role(commune, directory.Signatory)))
	s.fails(directory.Denied, give(o, by, role(commune, directory.Admin)))
	s.fails(directory.Denied, give(o, by, role(other, directory.DeskOfficer)))
	s.fails(directory.Denied, give(chief, by, role(commune, directory.DeskOfficer)))
	s.fails(directory.Denied, give(far, by, role(commune, directory.DeskOfficer)))
	s.fails(directory.Denied, give(o, s.as(o, commune), role(commune, directory.Specialist)))
	s.fails(directory.Denied, give(o, s.as(chief, other), role(other, directory.DeskOfficer)))
	s.fails(directory.NotFound, give(o, command.By{}, role("H32.9", directory.DeskOfficer)))
	s.fails(directory.NotFound, give(o, command.By{}, role(commune, directory.Specialist, "none")))
	s.fine(take(o, by, role(commune, directory.DeskOfficer)))
	s.fails(directory.Denied, take(o, by, role(commune, directory.Specialist, "civil"))) // the last one
	s.fails(directory.Conflict, take(o, command.By{}, role(commune, directory.Admin)))
	s.fine(&command.SetPassword{ID: chief, Verifier: verifier("first")})
	s.fails(directory.Denied, give(o, s.as(chief, commune), role(commune, directory.DeskOfficer))) // before choosing a password
	s.fails(directory.Denied, &command.CloseAccount{ID: o, By: s.as(chief, commune), Reason: "x"})
}

func TestADelegationIsNeverMoreThanTheDelegatorHas(t *testing.T) {
	s := enrolled(t)
	own := role(commune, directory.Signatory, "civil")
	nam, lan := s.hire("nam", own), s.hire("lan", role(commune, directory.DeskOfficer))
	chief, far := s.hire("chief", role(commune, directory.Admin)), s.hire("far", role(other, directory.Signatory))
	make := func(by command.By, d directory.Delegation) *command.Delegate {
		return &command.Delegate{Delegation: d, By: by}
	}
	by := s.as(nam, commune)
	s.fails(directory.Denied, make(by, delegation("d", nam, lan, role(commune, directory.Signatory), day1, day9)))
	s.fails(directory.Denied, make(by, delegation("d", nam, lan, role(commune, directory.Specialist, "civil"), day1, day9)))
	s.fails(directory.Denied, make(by, delegation("d", nam, far, own, day1, day9)))
	s.fails(directory.Denied, make(s.as(lan, commune), delegation("d", nam, lan, own, day1, day9)))
	s.fails(directory.Denied, make(s.as(chief, commune), delegation("d", nam, chief, own, day1, day9)))
	s.fails(directory.Denied, make(s.as(chief, commune), delegation("d", nam, lan, own, day1, day9))) // who signs is the signatory's to say
	s.fails(directory.Invalid, make(by, delegation("d", nam, lan, own, "2026-11-01", "2026-11-17")))
	s.fine(make(by, delegation("d", nam, lan, own, day1, day9)))
	s.fails(directory.Conflict, make(by, delegation("d", nam, lan, own, day1, day9)))
	s.fails(directory.Denied, make(s.as(lan, commune), delegation("e", lan, nam, own, day1, day9))) // not passed on
	may := func(on directory.Date) string {
		by, ok := s.account(lan).May(commune, directory.Signatory, land, on)
		if !ok {
			return "no"
		}
		return string(by.Delegation.From)
	}
	for on, want := range map[directory.Date]string{"2026-11-17": "no", day1: "nam", day9: "nam", "2026-11-27": "no"} {
		if got := may(on); got != want {
			t.Errorf("on %s: %s, want %s", on, got, want)
		}
	}
	shorter := own
	shorter.Valid.To = "2026-11-20"
	s.fine(&command.ChangeGrants{ID: nam, Remove: []directory.Grant{own}, Add: []directory.Grant{shorter}})
	if may("2026-11-20") != "nam" || may("2026-11-21") != "no" {
		t.Error("it is not cut with the grant")
	}
	s.fine(&command.ChangeGrants{ID: nam, Remove: []directory.Grant{shorter}})
	if may(day1) != "no" || len(s.account(nam).Given) != 0 {
		t.Error("it does not end with the grant")
	}
	s.fine(&command.ChangeGrants{ID: nam, Add: []directory.Grant{own}})
	if may(day1) != "no" {
		t.Error("it comes back with the grant")
	}
}

func TestADelegationEnds(t *testing.T) {
	own := role(commune, directory.Signatory)
	for what, end := range map[string]func(s *tables){
		"by the delegator": func(s *tables) {
			s.fine(&command.Delegate{Delegation: directory.Delegation{ID: "d", From: "nam"}, By: s.as("nam", commune), End: "về"})
		},
		"by the admin": func(s *tables) {
			s.fine(&command.Delegate{Delegation: directory.Delegation{ID: "d", From: "nam"}, By: s.as("chief", commune), End: "về"})
		},
		"with the delegator": func(s *tables) { s.fine(&command.CloseAccount{ID: "nam", Reason: "nghỉ"}) },
		"with the delegate": func(s *tables) {
			s.fine(&command.CloseAccount{ID: "lan", By: s.as("chief", commune), Reason: "nghỉ"})
		},
		"with the delegate's last role": func(s *tables) {
			s.fine(&command.ChangeGrants{ID: "lan", Remove: []directory.Grant{role(commune, directory.DeskOfficer)}, Add: []directory.Grant{role(other, directory.DeskOfficer)}})
		},
	} {
		s := enrolled(t)
		s.hire("nam", own)
		s.hire("lan", role(commune, directory.DeskOfficer))
		s.hire("chief", role(commune, directory.Admin))
		s.fine(&command.Delegate{Delegation: delegation("d", "nam", "lan", own, day1, day9), By: s.as("nam", commune)})
		s.fails(directory.Denied, &command.Delegate{Delegation: directory.Delegation{ID: "d", From: "nam"}, By: s.as("lan", commune), End: "x"})
		end(s)
		if a, b := s.account("nam"), s.account("lan"); len(a.Given)+len(b.Acting) != 0 || b.Has(commune, directory.Signatory, day1) {
			t.Errorf("%s: it goes on", what)
		}
		for _, id := range []directory.AccountID{"nam", "lan"} {
			if h := fmt.Sprint(s.history(id)); !strings.Contains(h, "delegation_ended") || !strings.Contains(h, "delegated") {
				t.Errorf("%s: history of %s: %s", what, id, h)
			}
		}
		s.fails(directory.NotFound, &command.Delegate{Delegation: directory.Delegation{ID: "d", From: "nam"}, End: "x"})
	}
}

func TestDisabledMeansNothing(t *testing.T) {
	s := enrolled(t)
	chief := s.hire("chief", role(commune, directory.Admin))
	o, both := s.hire("o", role(commune, directory.Signatory)), s.hire("both", role(commune, directory.DeskOfficer), role(other, directory.DeskOfficer))
	a := s.join("a", "")
	close := func(id directory.AccountID, by command.By) *command.CloseAccount {
		return &command.CloseAccount{ID: id, By: by, Reason: "nghỉ hưu"}
	}
	s.fails(directory.Denied, close(both, s.as(chief, commune)))
	s.fails(directory.Denied, close(a, s.as(chief, commune)))
	s.fails(directory.Denied, close(chief, s.as(chief, commune)))
	by := s.as(o, commune)
	s.fine(close(o, s.as(chief, commune)))
	s.fails(directory.Conflict, close(o, command.By{}))
	got := s.account(o)
	if _, ok := got.May(commune, directory.Signatory, land, day1); ok || got.Has(commune, directory.Signatory, day1) || got.Closed.Reason != "nghỉ hưu" || got.Since != s.at {
		t.Errorf("disabled: %+v", got.Closed)
	}
	s.fails(directory.Denied, &command.SetPassword{ID: o, By: by, Verifier: verifier("new")})
	s.fails(directory.Conflict, &command.IssueReset{ID: o, Hash: digest.Of(nil), Expires: s.at + 60})
	open := func(by command.By) *command.CloseAccount {
		return &command.CloseAccount{ID: o, By: by, Open: true, Reason: "về"}
	}
	s.fine(open(s.as(chief, commune)))
	s.fine(close(o, command.By{}))
	s.fails(directory.Denied, open(s.as(chief, commune))) // province IT disabled it
	s.fine(open(command.By{}))
}

func TestAMergedAccountIsTheOther(t *testing.T) {
	s := enrolled(t)
	a, b, c := s.join("a", anIdentity), s.join("b", ""), s.join("c", "056090000002")
	o := s.hire("o", role(commune, directory.DeskOfficer))
	track := func(code string, of directory.AccountID) directory.Track {
		return directory.Track{Code: code, Root: commune, Holder: commune, State: "accepted", AsOf: s.at * 1000, Applicant: of}
	}
	s.fine(&command.Report{From: commune, Tracks: []directory.Track{track("H32.22327-261118-0001", a), track("H32.22327-261118-0002", b)}})
	merge := func(stays, goes directory.AccountID) *command.MergeAccounts {
		return &command.MergeAccounts{Survivor: stays, Merged: goes, Reason: "đăng ký hai lần"}
	}
	s.fails(directory.Conflict, merge(a, c)) // two people
	s.fails(directory.Invalid, merge(a, o))
	by := s.as(a, commune)
	s.fine(merge(b, a))
	got := s.account(b)
	if got.Identity != anIdentity || !got.Is(a) || !got.Is(b) || got.Is(c) || !s.account(a).Disabled {
		t.Errorf("the survivor: %+v", got.Former)
	}
	if p, ok, err := state.Person(s, a); err != nil || !ok || p.ID != b {
		t.Errorf("the id of before stands for %v %v %v", p, ok, err)
	}
	for _, id := range []directory.AccountID{a, b} {
		if mine, err := state.TracksOfPerson(s, id); err != nil || len(mine) != 2 {
			t.Errorf("dossiers by %s: %v %v", id, mine, err)
		}
	}
	if h := fmt.Sprint(s.history(b)); strings.Count(h, "made") != 2 || strings.Count(h, "merged") != 2 {
		t.Errorf("the histories of both: %s", h)
	}
	name := "X"
	s.fails(directory.Conflict, &command.EditAccount{ID: a, By: by, Profile: command.Profile{Name: &name}})
	s.fails(directory.Conflict, merge(c, a))
	if _, ok, _ := state.AccountByLogin(s, "login.a"); ok {
		t.Error("the login of before signs in")
	}
	d := s.join("d", "")
	s.fine(merge(d, b)) // and on
	if p, _, err := state.Person(s, a); err != nil || p.ID != d || !p.Is(a) {
		t.Errorf("after a second merge: %v %v", p, err)
	}
	again := person("e")
	again.Identity = anIdentity
	s.fails(directory.Known, &command.MakeAccount{Account: again, By: directory.Actor{Office: commune}})
}
