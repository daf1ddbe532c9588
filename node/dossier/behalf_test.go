package dossier

import (
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/directory"
)

func principal() Principal {
	return Principal{Account: "o2", Name: "Lê Thị Hạnh", Delegation: "d1", Decision: "QĐ 12/QĐ-UBND"}
}

// TestActsOnBehalf: what is done by delegation says for whom and by which decision, in a format of its own; what one may do
// oneself is done in one's own name, in the format of always.
func TestActsOnBehalf(t *testing.T) {
	s := story(t).run("xa accept")
	a := Act{At: s.at, Account: "o1", Name: "Trần Văn Bình", Office: xa, Acting: []Acting{{directory.Specialist, principal()}}}
	e, err := FinishStep(s.root, s.plan, a, "đủ")
	if err != nil {
		t.Fatal(err)
	}
	if e.Version != byDelegation || e.Actor.For == nil || *e.Actor.For != principal() || e.Actor.Account != "o1" || e.Actor.Role != "specialist" {
		t.Errorf("got %+v", e.Actor)
	}
	signed, err := Sign(keyFor(xa), e)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "behalf", signed.Record.Body)
	read, err := ReadEvent(signed.Record)
	if err != nil || *read.Event.Actor.For != principal() {
		t.Fatalf("read %+v, %v", read.Event.Actor, err)
	}
	if _, err := Apply(s.root, read); err != nil {
		t.Error(err)
	}
	a.Roles = []directory.Role{directory.DeskOfficer}
	if e, err = FinishStep(s.root, s.plan, a, ""); err != nil || e.Version != 1 || e.Actor.For != nil || e.Actor.Role != "desk" {
		t.Errorf("who may do it himself acts for another: %+v, %v", e.Actor, err)
	}
	a.Roles, a.Acting = nil, []Acting{{directory.Admin, principal()}}
	if _, err = FinishStep(s.root, s.plan, a, ""); err == nil {
		t.Error("another role than the one delegated was taken")
	}
}

// TestMalformedBehalfIsRefused: a delegation without its parts, and one in the format that knows none, are no events.
func TestMalformedBehalfIsRefused(t *testing.T) {
	s := story(t).run("xa accept")
	e, err := FinishStep(s.root, s.plan, Act{At: s.at, Account: "o1", Office: xa, Acting: []Acting{{directory.Specialist, principal()}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Event){
		"nobody":      func(e *Event) { e.Actor.For.Account = "" },
		"no name":     func(e *Event) { e.Actor.For.Name = "" },
		"no decision": func(e *Event) { e.Actor.For.Decision = "" },
		"at length":   func(e *Event) { e.Actor.For.Decision = strings.Repeat("x", MaxDecision+1) },
		"format 1":    func(e *Event) { e.Version = 1 },
		"format 2":    func(e *Event) { e.Actor.For = nil },
	} {
		odd, p := e, principal()
		odd.Actor.For = &p
		spoil(&odd)
		signed, err := Sign(keyFor(xa), odd)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEvent(record.Record{Body: signed.Record.Body}); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}
