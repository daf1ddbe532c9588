package state_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// verifier is that of a password.
func verifier(password string) string { return "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + password }

// person makes an account whose id, login and password are the name.
func person(name string) directory.Account {
	return directory.Account{ID: directory.AccountID(name), Login: "login." + name, Kind: directory.Citizen, Name: "Trần Thị Kín", Verifier: verifier(name)}
}

func role(o directory.OfficeCode, r directory.Role, fields ...string) directory.Grant {
	return directory.Grant{Office: o, Role: r, Fields: fields}
}

// hire makes an account of staff.
func (s *tables) hire(name string, grants ...directory.Grant) directory.AccountID {
	s.t.Helper()
	a := person(name)
	a.Kind, a.Grants = directory.Staff, grants
	s.fine(&command.MakeAccount{Account: a})
	return a.ID
}

// join registers a citizen at the commune.
func (s *tables) join(name, identity string) directory.AccountID {
	s.t.Helper()
	a := person(name)
	a.Identity = identity
	s.fine(&command.MakeAccount{Account: a, By: directory.Actor{Office: commune}})
	return a.ID
}

func (s *tables) account(id directory.AccountID) directory.Account {
	s.t.Helper()
	a, ok, err := state.AccountByID(s, id)
	if err != nil || !ok {
		s.t.Fatalf("account %s: %v %v", id, ok, err)
	}
	return a
}

// as is somebody signed in at an office.
func (s *tables) as(id directory.AccountID, o directory.OfficeCode) command.By {
	return command.By{Actor: directory.Actor{Office: o, Account: id}, Proof: s.account(id).Verifier}
}

func (s *tables) history(id directory.AccountID) (acts []directory.Act) {
	s.t.Helper()
	lines, err := state.HistoryOf(s, s.account(id))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range lines {
		acts = append(acts, l.Act)
	}
	return acts
}

func (s *tables) pass(d time.Duration) { s.at += int64(d / time.Second) }

func delegation(id string, from, to directory.AccountID, g directory.Grant, first, last directory.Date) directory.Delegation {
	g.Valid = directory.Period{From: first, To: last}
	return directory.Delegation{ID: id, From: from, To: to, Grant: g, Decision: "QĐ 12/QĐ-UBND"}
}

// today is 2026-11-18.
const (
	anIdentity = "056090000001"
	day1, day9 = directory.Date("2026-11-18"), directory.Date("2026-11-26")
)

var land = directory.Work{Field: "civil", Procedure: "1.004873", Step: "decide", Kind: directory.StepDecide}

func TestOneIdentityNumberIsOneAccount(t *testing.T) {
	s := enrolled(t)
	s.join("a", anIdentity)
	again := person("b")
	again.Identity = anIdentity
	s.fails(directory.Known, &command.MakeAccount{Account: again, By: directory.Actor{Office: other}})
	r := s.apply(&command.MakeAccount{Account: again, By: directory.Actor{Office: other}})
	if m := r.Failure.Message; strings.Contains(m, "login.a") || strings.Contains(m, "Kín") || strings.Contains(m, anIdentity) || !strings.Contains(m, "desk") {
		t.Errorf("a stranger is told %q", m)
	}
	staff := again
	staff.Kind = directory.Staff
	s.fine(&command.MakeAccount{Account: staff}) // who is a citizen besides
	same := person("a")
	same.Identity = anIdentity
	s.fine(&command.MakeAccount{Account: same, By: directory.Actor{Office: commune}}) // an answer was lost
	other := person("a")
	other.Verifier = verifier("guess")
	s.fails(directory.Conflict, &command.MakeAccount{Account: other, By: directory.Actor{Office: commune}})
	none := ""
	s.fine(&command.EditAccount{ID: "a", Profile: command.Profile{Identity: &none}})
	again.ID = "c"
	again.Login = "login.c"
	s.fine(&command.MakeAccount{Account: again, By: directory.Actor{Office: commune}}) // the number was given up
}

// TestAccountsOfBefore: those made by the commands of before are held against too, entered or not, and two of one number are
// listed.
func TestAccountsOfBefore(t *testing.T) {
	s := enrolled(t)
	for i := range 7 {
		a := person(fmt.Sprintf("%c%d", "a-zZ_9@"[i], i))
		a.Login = fmt.Sprintf("old.%d", i)
		a.Identity = fmt.Sprintf("05609000000%d", i%5)
		s.fine(&command.RegisterAccount{Account: a, From: commune})
	}
	one := person("x")
	s.fine(&command.RegisterAccount{Account: one, From: commune})
	late := person("late")
	late.Identity = "056090000004"
	for i := range 6 {
		s.fails(directory.Known, &command.MakeAccount{Account: late, By: directory.Actor{Office: commune}})
		if done, err := state.Indexed(s); err != nil || done != (i == 5) {
			t.Errorf("after %d rounds: done %v, %v", i, done, err)
		}
		s.fine(&command.AccountRules{Index: 2})
	}
	if twins, err := state.Twins(s); err != nil || len(twins) != 2 {
		t.Errorf("accounts to be merged: %v, %v", twins, err)
	}
	for i := range 5 {
		if a, ok, err := state.AccountByIdentity(s, fmt.Sprintf("05609000000%d", i)); err != nil || !ok {
			t.Errorf("number %d: %v %v %v", i, a, ok, err)
		}
	}
	// A row of before has no new keys, and stands for the same.
	b, _ := s.Get("account/x")
	want, err := wire.Marshal(struct {
		ID       string `cbor:"1,keyasint"`
		Login    string `cbor:"2,keyasint"`
		Kind     string `cbor:"3,keyasint"`
		Name     string `cbor:"4,keyasint"`
		Verifier string `cbor:"9,keyasint"`
		Version  uint64 `cbor:"12,keyasint"`
	}{"x", "login.x", "citizen", one.Name, one.Verifier, 1})
	if err != nil || !bytes.Equal(b, want) {
		t.Errorf("a row of before is %x, want %x", b, want)
	}
}

func TestALoginThatWasGivenUpIsKeptForAYear(t *testing.T) {
	s := enrolled(t)
	a := s.join("a", "")
	b := s.join("b", "")
	rename := func(id directory.AccountID, login string) *command.EditAccount {
		return &command.EditAccount{ID: id, By: s.as(id, commune), Profile: command.Profile{Login: &login}}
	}
	s.fails(directory.Conflict, rename(a, "login.b"))
	s.fine(rename(a, "an.nguyen"))
	s.fails(directory.Exhausted, rename(a, "an.nguyen2")) // or one could take them all
	s.fails(directory.Conflict, rename(b, "login.a"))
	if _, ok, _ := state.AccountByLogin(s, "login.a"); ok {
		t.Error("the old login signs in")
	}
	s.pass(31 * 24 * time.Hour)
	s.fine(rename(a, "login.a")) // its own again
	s.pass(31 * 24 * time.Hour)
	s.fine(rename(a, "an.nguyen"))
	s.pass(364 * 24 * time.Hour)
	s.fails(directory.Conflict, rename(b, "login.a"))
	s.pass(2 * 24 * time.Hour)
	s.fine(rename(b, "login.a"))
	lines, err := state.HistoryOf(s, s.account(a))
	if err != nil || len(lines) != 4 || lines[0].Was != "login.a" || lines[0].Is != "an.nguyen" {
		t.Errorf("history %+v, %v", lines, err)
	}
}

func TestWhoMayEditWhat(t *testing.T) {
	s := enrolled(t)
	a := s.join("a", anIdentity)
	o := s.hire("o", role(commune, directory.DeskOfficer))
	v := "056090000002"
	edit := func(id directory.AccountID, by command.By, f func(*command.Profile)) *command.EditAccount {
		var p command.Profile
		f(&p)
		return &command.EditAccount{ID: id, By: by, Profile: p}
	}
	name := func(p *command.Profile) { n := "Lê Thị Mới"; p.Name = &n }
	number := func(p *command.Profile) { p.Identity = &v }
	phone := func(p *command.Profile) { n := "0905000009"; p.Phone = &n }
	mail := func(p *command.Profile) { n := "ABC"; p.Email = &n }
	s.fine(edit(a, s.as(a, other), name)) // a citizen at any office
	s.fails(directory.Denied, edit(a, s.as(a, commune), number))
	s.fails(directory.Denied, edit(a, s.as(o, commune), phone))
	s.fails(directory.Denied, edit(o, s.as(o, commune), name))
	s.fails(directory.Denied, edit(o, s.as(o, other), phone)) // where the officer does not serve
	s.fails(directory.Invalid, edit(o, s.as(o, commune), mail))
	s.fine(edit(o, s.as(o, commune), phone))
	s.fine(edit(a, command.By{}, number))
	wrong := s.as(a, commune)
	wrong.Proof = verifier("wrong")
	s.fails(directory.Denied, edit(a, wrong, phone))
	for _, l := range s.history(a) {
		if l != directory.ActEdited && l != directory.ActMade {
			t.Errorf("history has %s", l)
		}
	}
}

func TestPasswordsAndResetCodes(t *testing.T) {
	s := enrolled(t)
	a := s.join("a", "")
	chief := s.hire("chief", role(commune, directory.Admin))
	o := s.hire("o", role(commune, directory.DeskOfficer))
	both := s.hire("both", role(commune, directory.DeskOfficer), role(other, directory.Signatory))
	before := s.as(a, commune)
	s.pass(time.Hour)
	s.fine(&command.SetPassword{ID: a, By: before, Verifier: verifier("new")})
	s.fails(directory.Denied, &command.SetPassword{ID: a, By: before, Verifier: verifier("newer")}) // an office that was not shown the new one
	if s.account(a).Since != s.at {
		t.Error("the sessions of before go on")
	}
	s.fine(&command.SetPassword{ID: o, Verifier: verifier("first")})
	if !s.account(o).MustChange {
		t.Error("who was given a password need not change it")
	}
	s.fine(&command.SetPassword{ID: o, By: s.as(o, commune), Verifier: verifier("own")})
	if s.account(o).MustChange {
		t.Error("who has changed the password must change it")
	}
	hash := directory.ResetHash("ABCD-EFGH-JKMN-PQRS")
	issue := func(id directory.AccountID, by command.By) *command.IssueReset {
		return &command.IssueReset{ID: id, By: by, Hash: hash, Expires: s.at + 3600}
	}
	s.fails(directory.Denied, issue(chief, s.as(chief, commune)))
	s.fails(directory.Denied, issue(chief, s.as(o, commune)))
	s.fails(directory.Denied, issue(both, s.as(chief, commune))) // who signs elsewhere
	s.fails(directory.NotFound, &command.IssueReset{Login: "nobody", By: s.as(chief, commune), Hash: hash, Expires: s.at + 60})
	s.fails(directory.Invalid, &command.IssueReset{ID: o, Hash: hash, Expires: s.at + 73*3600})
	s.fine(&command.IssueReset{Login: "login.a", By: s.as(chief, commune), Hash: hash, Expires: s.at + 3600}) // a citizen at the desk
	use := func(id directory.AccountID, o directory.OfficeCode, code string) *command.SetPassword {
		return &command.SetPassword{ID: id, By: command.By{Actor: directory.Actor{Office: o}}, Verifier: verifier("reset"), Code: directory.ResetHash(code)}
	}
	s.fails(directory.Denied, use(a, commune, "ABCD-EFGH-JKMN-PQRT"))
	s.fails(directory.Denied, use(o, commune, "ABCD-EFGH-JKMN-PQRS"))
	s.fine(use(a, other, " abcd efgh jkmn pqrs"))
	s.fails(directory.Denied, use(a, other, "ABCD-EFGH-JKMN-PQRS"))
	s.fine(issue(o, s.as(chief, commune)))
	s.fails(directory.Denied, use(o, other, "ABCD-EFGH-JKMN-PQRS"))
	s.pass(2 * time.Hour)
	s.fails(directory.Denied, use(o, commune, "ABCD-EFGH-JKMN-PQRS"))
	for k, v := range s.memory {
		if strings.HasPrefix(k, "account/") && bytes.Contains(v, hash[:]) {
			t.Error("offices get the hash of a reset code")
		}
	}
}

// TestAnOfficeIssuesFewCodesToCitizens: an office's node alone says that a citizen stands at its desk, so a day has a bound, the owner is
// told, and province IT can see the list.
func TestAnOfficeIssuesFewCodesToCitizens(t *testing.T) {
	s := enrolled(t)
	chief, elsewhere := s.hire("chief", role(commune, directory.Admin)), s.hire("elsewhere", role(other, directory.Admin))
	o := s.hire("o", role(commune, directory.DeskOfficer))
	issue := func(id directory.AccountID, by command.By) *command.IssueReset {
		return &command.IssueReset{ID: id, By: by, Hash: directory.ResetHash("ABCD"), Expires: s.at + 3600}
	}
	for i := range directory.MaxDeskResets + 1 {
		s.join(fmt.Sprintf("c%02d", i), "")
	}
	for i := range directory.MaxDeskResets {
		s.fine(issue(directory.AccountID(fmt.Sprintf("c%02d", i)), s.as(chief, commune)))
	}
	const last = "c20"
	s.fails(directory.Exhausted, issue(last, s.as(chief, commune)))
	if got := s.account(last).Reset; got != nil {
		t.Errorf("told of what was refused: %+v", got)
	}
	s.fine(issue(o, s.as(chief, commune))) // staff of this office alone
	s.fine(issue(last, command.By{}))
	s.fine(issue(last, s.as(elsewhere, other)))
	s.pass(24 * time.Hour)
	s.fine(issue(last, s.as(chief, commune)))
	if got := s.account(last).Reset; got == nil || got.At != s.at || got.By.Office != commune || got.Used != 0 {
		t.Errorf("the owner is told %+v", got)
	}
	for _, c := range []struct {
		office directory.OfficeCode
		since  directory.Date
		want   int
	}{{"", "", directory.MaxDeskResets + 2}, {commune, "", directory.MaxDeskResets + 1}, {other, "", 1}, {"", "2026-11-19", 1}, {"", "2026-11-20", 0}} {
		list, err := state.DeskResets(s, c.office, c.since)
		if err != nil || len(list) != c.want {
			t.Errorf("%q since %q: %d codes, %v; want %d", c.office, c.since, len(list), err, c.want)
		}
		if len(list) > 1 && list[0].At < list[1].At || c.office == commune && (list[0].Account != last || list[0].By != chief) {
			t.Errorf("%q: the newest is %+v", c.office, list[0])
		}
	}
	s.pass(time.Minute)
	s.fine(&command.SetPassword{ID: last, By: command.By{Actor: directory.Actor{Office: other}}, Verifier: verifier("reset"), Code: directory.ResetHash("ABCD")})
	if got := s.account(last).Reset; got == nil || got.Used != s.at || got.By.Account != chief {
		t.Errorf("a code was used, and the owner is told %+v", got)
	}
	s.fine(&command.SetPassword{ID: last, By: s.as(last, commune), Verifier: verifier("own")})
	if got := s.account(last).Reset; got != nil {
		t.Errorf("the owner has chosen another password, and is told %+v", got)
	}
}

func TestFactors(t *testing.T) {
	s := enrolled(t)
	o, p := s.hire("o", role(commune, directory.Signatory)), s.hire("p", role(commune, directory.Admin))
	a := s.join("a", "")
	totp := directory.Factor{ID: "f1", Kind: directory.TOTP, Label: "điện thoại", Secret: bytes.Repeat([]byte{7}, 20)}
	key := directory.Factor{ID: "f2", Kind: directory.WebAuthn, Credential: []byte{1}, PublicKey: []byte{2}, RP: "xa.example"}
	codes := []digest.Digest{directory.RecoveryHash(o, "A"), directory.RecoveryHash(o, "B")}
	change := func(id directory.AccountID, by command.By, f func(*command.ChangeFactor)) *command.ChangeFactor {
		c := &command.ChangeFactor{ID: id, By: by}
		f(c)
		return c
	}
	add := func(f directory.Factor) func(*command.ChangeFactor) {
		return func(c *command.ChangeFactor) { c.Add, c.Recovery = &f, codes }
	}
	remove := func(id string) func(*command.ChangeFactor) {
		return func(c *command.ChangeFactor) { c.Remove = id }
	}
	s.fails(directory.Invalid, change(a, s.as(a, commune), add(totp)))
	s.fails(directory.Denied, change(o, s.as(p, commune), add(totp)))
	s.fails(directory.Denied, change(o, command.By{}, add(totp)))
	s.fine(change(o, s.as(o, commune), add(totp)))
	s.fails(directory.Conflict, change(o, s.as(o, commune), add(totp)))
	s.fine(change(o, s.as(o, commune), add(key)))
	key.ID = "f3"
	s.fails(directory.Conflict, change(o, s.as(o, commune), add(key)))
	use := func(c *command.ChangeFactor) { c.Use = codes[0] }
	s.fine(change(o, s.as(o, commune), use))
	s.fails(directory.NotFound, change(o, s.as(o, commune), use))
	s.fails(directory.Denied, change(o, s.as(p, commune), remove("f1")))
	s.fine(change(o, command.By{}, remove("f1")))
	s.fine(change(o, s.as(o, commune), remove("f2")))
	if got := s.account(o); got.SecondFactor() || got.Recovery != nil {
		t.Error("recovery codes are left without a factor")
	}
	s.fails(directory.Conflict, change(o, s.as(o, commune), func(c *command.ChangeFactor) { c.Recovery = codes }))
	for i := range directory.MaxFactors {
		f := totp
		f.ID = fmt.Sprint(i)
		s.fine(change(o, s.as(o, commune), add(f)))
	}
	s.fails(directory.Exhausted, change(o, s.as(o, commune), add(totp)))
}

func TestWhoIsRequiredToHaveAFactor(t *testing.T) {
	s := enrolled(t)
	a := directory.Account{ID: "a", Grants: []directory.Grant{role(commune, directory.Signatory)}}
	day := func() directory.Date { return directory.DateOf(time.Unix(s.at, 0)) }
	requires := func() bool {
		p, err := state.FactorPolicy(s)
		if err != nil {
			t.Fatal(err)
		}
		return p.Requires(a, commune, day())
	}
	if requires() {
		t.Error("on the first day")
	}
	s.pass((directory.FactorGrace + 1) * 24 * time.Hour)
	if !requires() {
		t.Error("not after the days of grace")
	}
	s.fine(&command.AccountRules{Policy: &directory.FactorPolicy{}})
	if requires() {
		t.Error("although the province says nobody must")
	}
}

// TestAccountFormatsStay holds what rows of accounts are made of.
func TestAccountFormatsStay(t *testing.T) {
	s := enrolled(t)
	own := role(commune, directory.Signatory, "civil")
	own.Steps = []string{"decide", "1.004873/return"}
	s.hire("nam", own)
	s.hire("lan", role(commune, directory.DeskOfficer))
	s.fine(&command.Delegate{Delegation: delegation("d", "nam", "lan", own, day1, day9), By: s.as("nam", commune)})
	s.fine(&command.ChangeFactor{
		ID: "nam", By: s.as("nam", commune), Recovery: []digest.Digest{directory.RecoveryHash("nam", "A")},
		Add: &directory.Factor{
			ID: "k", Kind: directory.WebAuthn, Label: "khoá", Credential: []byte{1}, PublicKey: []byte{2}, SignCount: 3, Flags: 5,
			Transports: []string{"usb"}, RP: "xa.example", AAGUID: bytes.Repeat([]byte{9}, 16),
		},
	})
	s.fine(&command.ChangeFactor{ID: "nam", By: s.as("nam", commune), Add: &directory.Factor{ID: "t", Kind: directory.TOTP, Label: "điện thoại", Secret: bytes.Repeat([]byte{7}, 20)}})
	s.fine(&command.IssueReset{ID: "nam", Hash: directory.ResetHash("X"), Expires: s.at + 60})
	s.join("a", anIdentity)
	s.join("b", "")
	s.fine(&command.MergeAccounts{Survivor: "a", Merged: "b", Reason: "hai lần"})
	s.fine(&command.AccountRules{Policy: &directory.FactorPolicy{Needs: []directory.FactorNeed{{Role: directory.Signatory, From: day1}}}})
	s.fine(&command.AccountRules{Index: 10})
	var rows []string
	for _, k := range []string{
		"account/nam", "account/lan", "account/a", "account/b", "history/nam/00000002", "history/lan/00000002", "history/a/00000002",
		"reset/nam", "identity/" + anIdentity, "retired/login.b", "meta/factors", "meta/identities",
	} {
		b, _ := s.Get(k)
		if k == "account/nam" { // the key of its reset came later
			nam := s.account("nam")
			nam.Reset = nil
			b, _ = wire.Marshal(nam)
		}
		rows = append(rows, fmt.Sprintf("%s %x\n", k, b))
	}
	golden.Check(t, "account-rows", []byte(strings.Join(rows, "")))
	s.hire("chief", role(commune, directory.Admin))
	s.fine(&command.IssueReset{ID: "a", By: s.as("chief", commune), Hash: directory.ResetHash("X"), Expires: s.at + 60})
	s.fine(&command.SetPassword{ID: "a", By: command.By{Actor: directory.Actor{Office: other}}, Verifier: verifier("new"), Code: directory.ResetHash("X")})
	account, _ := s.Get("account/a")
	issued, _ := s.Get("desk-resets/" + string(commune) + "/2026-11-18")
	golden.Check(t, "account-reset-rows", fmt.Appendf(nil, "%x\n%x\n", account, issued))
}
