package command_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/directory"
	"motcua/directory/command"
)

const phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"

func by() command.By {
	return command.By{Actor: directory.Actor{Office: "H32.22327", Account: "a1"}, Proof: phc}
}

func grant() directory.Grant {
	return directory.Grant{
		Office: "H32.22327", Role: directory.Signatory, Valid: directory.Period{From: "2026-12-01", To: "2026-12-14"},
		Fields: []string{"land"}, Steps: []string{"decide", "1.004873/return"},
	}
}

func key() *directory.Factor {
	return &directory.Factor{
		ID: "k", Kind: directory.WebAuthn, Label: "khoá", Credential: []byte{1}, PublicKey: []byte{2}, SignCount: 3, Flags: 5,
		Transports: []string{"usb"}, RP: "xa.example", AAGUID: bytes.Repeat([]byte{9}, 16),
	}
}

// accountCommands are one or more of each kind of accounts.
func accountCommands() []command.Command {
	hash, login, name := digest.Of([]byte("code")), "an.nguyen", "Nguyễn Văn An"
	made := account()
	made.Verifier, made.Phone, made.Email, made.MustChange = phc, "0905000001", "an@example.vn", true
	delegation := directory.Delegation{ID: "d1", From: "a1", To: "a2", Grant: grant(), Decision: "QĐ 12/QĐ-UBND"}
	return []command.Command{
		&command.MakeAccount{Account: made, By: directory.Actor{Office: "H32.22327"}},
		&command.MakeAccount{Account: made, Replace: true},
		&command.EditAccount{ID: "a1", By: by(), Profile: command.Profile{Login: &login, Name: &name}},
		&command.SetPassword{ID: "a1", By: by(), Verifier: phc},
		&command.SetPassword{ID: "a1", By: command.By{Actor: directory.Actor{Office: "H32.22327"}}, Verifier: phc, Code: hash},
		&command.ChangeFactor{ID: "a1", By: by(), Add: key(), Recovery: []digest.Digest{hash}},
		&command.ChangeFactor{ID: "a1", By: by(), Use: hash},
		&command.ChangeFactor{ID: "a1", Remove: "k"},
		&command.ChangeGrants{ID: "a1", By: by(), Add: []directory.Grant{grant()}, Remove: []directory.Grant{grant()}, Reason: "QĐ 8"},
		&command.Delegate{By: by(), Delegation: delegation},
		&command.Delegate{By: by(), Delegation: directory.Delegation{ID: "d1", From: "a1"}, End: "đã về"},
		&command.CloseAccount{ID: "a1", By: by(), Reason: "nghỉ hưu"},
		&command.CloseAccount{ID: "a1", Open: true, Reason: "về"},
		&command.IssueReset{Login: "an.nguyen", By: by(), Hash: hash, Expires: 1_795_000_000},
		&command.MergeAccounts{Survivor: "a1", Merged: "a2", Reason: "hai lần"},
		&command.AccountRules{Policy: &directory.FactorPolicy{Needs: []directory.FactorNeed{{Role: directory.Admin, From: "2027-01-01"}}}},
		&command.AccountRules{Index: 500},
	}
}

func TestAccountFormatsStay(t *testing.T) {
	var all strings.Builder
	seen := map[command.Kind]bool{}
	for i, c := range accountCommands() {
		b, err := command.Encode(command.RequestID{byte(i), 3}, 1_795_000_000_000, c)
		if err != nil {
			t.Fatalf("%s: %v", c.Kind(), err)
		}
		e, again, err := command.Decode(b)
		if err != nil || again.Kind() != e.Kind || again.Validate() != nil {
			t.Errorf("%s is not read back: %v", c.Kind(), err)
		}
		seen[c.Kind()] = true
		fmt.Fprintf(&all, "%s %x\n", c.Kind(), b)
	}
	golden.Check(t, "accounts", []byte(all.String()))
	for k := command.KindMakeAccount; k <= command.KindAccountRules; k++ {
		if !seen[k] {
			t.Errorf("no golden bytes of %s", k)
		}
	}
}

// TestWhatAskersChooseIsBounded: each of these is malformed by itself.
func TestWhatAskersChooseIsBounded(t *testing.T) {
	long := strings.Repeat("x", 600)
	hash := digest.Of([]byte("code"))
	spoil := func(f func(*directory.Account)) command.Command {
		a := account()
		a.Verifier = phc
		f(&a)
		return &command.MakeAccount{Account: a, By: directory.Actor{Office: "H32.1"}}
	}
	delegate := func(f func(*directory.Delegation)) command.Command {
		d := directory.Delegation{ID: "d", From: "a1", To: "a2", Grant: grant(), Decision: "QĐ"}
		f(&d)
		return &command.Delegate{Delegation: d, By: by()}
	}
	grants := func(f func(*directory.Grant)) command.Command {
		g := grant()
		f(&g)
		return &command.ChangeGrants{ID: "a1", By: by(), Add: []directory.Grant{g}}
	}
	factor := func(f func(*directory.Factor)) command.Command {
		k := key()
		f(k)
		return &command.ChangeFactor{ID: "a1", By: by(), Add: k}
	}
	for what, c := range map[string]command.Command{
		"staff made by an office":       spoil(func(a *directory.Account) { a.Kind = directory.Staff }),
		"roles given by an office":      spoil(func(a *directory.Account) { a.Grants = []directory.Grant{grant()} }),
		"factors at the making":         spoil(func(a *directory.Account) { a.Factors = []directory.Factor{*key()} }),
		"a login in capitals":           spoil(func(a *directory.Account) { a.Login = "An" }),
		"a telephone number with marks": spoil(func(a *directory.Account) { a.Phone = "0905.000.001" }),
		"an e-mail address without at":  spoil(func(a *directory.Account) { a.Email = "an.example.vn" }),
		"nobody who asks":               &command.SetPassword{ID: "a1", By: command.By{Actor: directory.Actor{Office: "H32.1", Account: "a1"}}, Verifier: phc},
		"no verifier":                   &command.SetPassword{ID: "a1", By: by(), Verifier: "secret"},
		"a code by somebody signed in":  &command.SetPassword{ID: "a1", By: by(), Verifier: phc, Code: hash},
		"two changes of factors":        &command.ChangeFactor{ID: "a1", By: by(), Add: key(), Remove: "k"},
		"no change of factors":          &command.ChangeFactor{ID: "a1", By: by()},
		"a short secret":                factor(func(f *directory.Factor) { *f = directory.Factor{ID: "t", Kind: directory.TOTP, Secret: []byte{1}} }),
		"a key without relying party":   factor(func(f *directory.Factor) { f.RP = "" }),
		"a large key":                   factor(func(f *directory.Factor) { f.PublicKey = make([]byte, 2000) }),
		"a role of no name":             grants(func(g *directory.Grant) { g.Role = "king" }),
		"a step of no kind":             grants(func(g *directory.Grant) { g.Steps = []string{"approve"} }),
		"a period that ends before":     grants(func(g *directory.Grant) { g.Valid.To = "2026-11-01" }),
		"too many fields":               grants(func(g *directory.Grant) { g.Fields = make([]string, 65) }),
		"an admin of a field":           grants(func(g *directory.Grant) { g.Role = directory.Admin }),
		"a delegation without end":      delegate(func(d *directory.Delegation) { d.Grant.Valid.To = "" }),
		"a delegation of two years":     delegate(func(d *directory.Delegation) { d.Grant.Valid.To = "2028-12-01" }),
		"a delegation to oneself":       delegate(func(d *directory.Delegation) { d.To = "a1" }),
		"a delegation of the admin": delegate(func(d *directory.Delegation) {
			d.Grant = directory.Grant{Office: "H32.1", Role: directory.Admin, Valid: d.Grant.Valid}
		}),
		"a delegation without decision": delegate(func(d *directory.Delegation) { d.Decision = "" }),
		"an id with a slash":            delegate(func(d *directory.Delegation) { d.ID = "a/b" }),
		"no reason":                     &command.CloseAccount{ID: "a1", By: by()},
		"a long reason":                 &command.CloseAccount{ID: "a1", By: by(), Reason: long},
		"an account twice named":        &command.IssueReset{ID: "a1", Login: "an", By: by(), Hash: hash, Expires: 1},
		"an account merged into itself": &command.MergeAccounts{Survivor: "a1", Merged: "a1", Reason: "x"},
		"a policy and an index":         &command.AccountRules{Policy: &directory.FactorPolicy{}, Index: 1},
		"a policy without a day":        &command.AccountRules{Policy: &directory.FactorPolicy{Needs: []directory.FactorNeed{{Role: directory.Admin}}}},
	} {
		if _, err := command.Body(c); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
}

// FuzzAsked: what an office sends as a change is read or refused, and what is read is written the same.
func FuzzAsked(f *testing.F) {
	for _, c := range accountCommands() {
		b, err := command.Body(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(c.Kind()), b)
	}
	f.Fuzz(func(t *testing.T, k uint16, b []byte) {
		c, err := command.Open(command.Kind(k), b)
		if err != nil {
			return
		}
		if _, ok := c.(command.Asked); !ok || c.Validate() != nil {
			return
		}
		if again, err := command.Body(c); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s is not written as it was read: %v", c.Kind(), err)
		}
	})
}
