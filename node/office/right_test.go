package office

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/node/dossier"
)

// limited is a member of staff of the commune whose one role is limited.
func (p *province) limited(login string, g directory.Grant) directory.Account {
	a := p.staff(login, g.Office)
	a.Grants = []directory.Grant{g}
	p.accounts[login] = a
	return a
}

// TestRolesByFieldAndStep: each sees the dossiers of his field, works on what his role and step allow, and reads in a refusal who
// may.
func TestRolesByFieldAndStep(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	alias := p.submit(xa, p.citizen("anh"))
	accepts := p.limited("hoa", directory.Grant{Office: xa, Role: directory.DeskOfficer, Fields: []string{"social"}, Steps: []string{"accept"}})
	returns := p.limited("lan", directory.Grant{Office: xa, Role: directory.DeskOfficer, Steps: []string{"return"}})
	checks := p.limited("nam", directory.Grant{Office: xa, Role: directory.Specialist, Fields: []string{"social"}, Steps: []string{"check"}})
	land := p.limited("dat", directory.Grant{Office: xa, Role: directory.DeskOfficer, Fields: []string{"land"}})
	late := p.limited("moi", directory.Grant{Office: xa, Role: directory.DeskOfficer, Valid: directory.Period{From: "2027-01-01"}})
	p.report()

	for name, c := range map[string]struct {
		who  directory.Account
		new  int
		sees bool
	}{"accepts": {accepts, 1, true}, "returns": {returns, 0, true}, "checks": {checks, 0, true}, "land": {land, 0, false}} {
		v, err := n.Today(ctx, c.who)
		must(t, err)
		mine, err := n.List(ctx, c.who, Filter{Bucket: BucketNew})
		must(t, err)
		found, err := n.List(ctx, c.who, Filter{Search: "Ánh"})
		must(t, err)
		all, err := n.List(ctx, c.who, Filter{Bucket: BucketNew, All: true})
		must(t, err)
		if v.Groups[0].Count != c.new || len(mine.Lines) != c.new || (len(found.Lines) == 1) != c.sees || (len(all.Lines) == 1) != c.sees {
			t.Errorf("%s: today %d, listed %d, found %d, all %d", name, v.Groups[0].Count, len(mine.Lines), len(found.Lines), len(all.Lines))
		}
		_, err = n.Submission(ctx, c.who, alias)
		_, other := errors.AsType[*NotMine](err)
		if c.sees && err != nil || !c.sees && (!other || directory.CodeOf(err) != directory.Denied) {
			t.Errorf("%s looks: %v", name, err)
		}
	}
	if _, err := n.Today(ctx, late); directory.CodeOf(err) != directory.Denied {
		t.Errorf("before the role begins: %v", err)
	}
	_, err := n.Accept(ctx, returns, alias, "t1")
	rule, ok := errors.AsType[*dossier.Rule](err)
	if !ok || !strings.Contains(rule.Message.VI, "Cán bộ Một cửa") || !strings.Contains(rule.Message.VI, "Cán bộ hoa") || strings.Contains(rule.Message.VI, "dat") {
		t.Errorf("who may is not named: %v", err)
	}
	if _, err := n.Accept(ctx, land, alias, "t2"); directory.CodeOf(err) != directory.Denied {
		t.Errorf("in another field: %v", err)
	}
	code, err := n.Accept(ctx, accepts, alias, "t3")
	must(t, err)
	chain := n.chainOf(code)
	if err := n.FinishStep(ctx, accepts, chain, "", "t4"); !isRule(err, dossier.RuleRole) {
		t.Errorf("who accepts checks too: %v", err)
	}
	must(t, n.FinishStep(ctx, checks, chain, "đủ", "t5"))
}

// TestActsOnBehalf: a delegation lets its bearer act within it, and what is signed says for whom; it ends with its last day, with
// the delegator's account, and wherever one may act oneself it is not used.
func TestActsOnBehalf(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	chief := p.staff("truong", xa, directory.Specialist)
	deputy := p.staff("pho", xa, directory.DeskOfficer)
	delegation := directory.Delegation{
		ID: "d1", From: chief.ID, To: deputy.ID, Decision: "QĐ 12/QĐ-UBND",
		Grant: directory.Grant{Office: xa, Role: directory.Specialist, Fields: []string{"social"}, Valid: directory.Period{From: "2026-11-20", To: "2026-11-30"}},
	}
	deputy.Grants[0].Steps = []string{"accept", "return"}
	deputy.Acting, deputy.Version = []directory.Delegation{delegation}, 2
	p.accounts["pho"] = deputy
	p.report()
	alias := p.submit(xa, p.citizen("anh"))
	code, err := n.Accept(ctx, deputy, alias, "t1")
	must(t, err)
	chain := n.chainOf(code)
	must(t, n.FinishStep(ctx, deputy, chain, "đủ", "t2"))
	v, err := n.Dossier(ctx, deputy, chain)
	must(t, err)
	accepted, checked := v.History[0], v.History[1]
	if accepted.For != "" || checked.For != chief.Name || checked.Decision != "QĐ 12/QĐ-UBND" || checked.Role != "specialist" {
		t.Errorf("history: %+v", v.History[:2])
	}
	over := p.now
	p.now = p.now.AddDate(0, 0, 6)
	if roles := n.Roles(deputy); slices.Contains(roles, directory.Specialist) {
		t.Error("it goes on after its last day")
	}
	p.now = over
	chief.Disabled, chief.Version = true, 2
	p.accounts["truong"] = chief
	p.report()
	if act := n.actOn(deputy, directory.Work{Field: "social", Kind: directory.StepCheck}); len(act.Acting) > 0 {
		t.Error("it goes on after its maker is disabled")
	}
}
