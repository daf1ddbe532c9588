package dossier

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"motcua/directory"
)

// TestAnOfficeClosesInTheMiddle: the commune and its district close while the one waits for the other; both chains go on at the office
// that takes them over, to their end, with the code, the due dates and the history that they had.
func TestAnOfficeClosesInTheMiddle(t *testing.T) {
	s := story(t).run("xa accept\nxa step\nxa forward\nhuyen receive\nhuyen step")
	code, due := s.root.Code, s.root.Due
	s.run(`
		xa hand over
		xa hand over !handed_over
		moi note !office
		xa return !handed_over
		huyen hand over
		huyen approve !handed_over`)
	child, _ := s.root.Open()
	if s.root.Office != xa || s.root.Answers() != moi || s.root.Holds(xa) || s.root.Holds(moi) {
		t.Errorf("handed over and not taken, it is written by %s for %s", s.root.Office, s.root.Answers())
	}
	s.run("moi take\nmoi approve\nmoi report")
	if k := s.kids[child.ID]; k.Office != moi || k.Origin() != huyen {
		t.Errorf("the child is %s's, from %s", k.Office, k.Origin())
	}
	s.run(`
		moi take
		moi note
		moi forward
		tinh receive
		tinh approve
		tinh report
		moi note
		xa return !office
		moi return`)
	if s.root.Status != StatusReturned || s.root.Outcome != Approved || s.root.Code != code || s.root.Due != due {
		t.Errorf("at its end: %+v", s.root)
	}
	if !slices.Equal(s.root.Former, []string{xa}) || s.chain[0].Event.Office != xa {
		t.Errorf("its history has lost the office that began it: %v", s.root.Former)
	}
}

func TestHandOverIsOnlyForWhoClosed(t *testing.T) {
	story(t).run(`
		xa hand over !not_begun
		xa accept
		la hand over !open
		xa hand over early !open
		moi take !addressee
		xa step
		xa forward
		tinh receive for successor !open
		huyen receive for successor
		huyen hand over
		moi take`)
	s := story(t)
	s.run("xa accept")
	s.roles = []directory.Role{directory.Signatory}
	s.run("xa hand over !role")
	s.roles = []directory.Role{directory.Admin}
	s.run("xa hand over")
	if a := s.chain[1].Event.Actor; a.Role != string(directory.Admin) || a.Account != "o1" {
		t.Errorf("who handed over is not recorded: %+v", a)
	}
	if e, err := HandOver(story(t).run("xa accept").root, Act{Office: xa, At: s.at}, closed(xa)); err != nil || e.Actor.Role != SystemRole {
		t.Errorf("the node by itself: %+v %v", e.Actor, err)
	}
}

// TestNoOtherChangeOfOffice: a chain whose writer changes otherwise than from a hand-over to its taking does not verify, nor fold.
func TestNoOtherChangeOfOffice(t *testing.T) {
	held := story(t).run("xa accept\nxa step")
	handed := story(t).run("xa accept\nxa hand over")
	taken := story(t).run("xa accept\nxa hand over\nmoi take")
	after := func(s *scenario, by string, k Kind, body any) Signed {
		e := Event{Version: 1, Chain: s.root.Chain, Seq: s.root.Length, Prev: s.root.Head, Office: by, At: s.at + 1, Kind: k, Actor: Actor{Role: SystemRole}}
		return forge(t, by, e, body)
	}
	over := HandedOver{To: huyen, Decision: "QĐ", Closed: "2026-11-20"}
	for what, c := range map[string]struct {
		s *scenario
		e Signed
	}{
		"another office goes on":                      {held, after(held, moi, KindStepDone, StepDone{Step: "appraise"})},
		"another office takes what was not handed":    {held, after(held, moi, KindTaken, Taken{From: xa})},
		"another than the one named takes":            {handed, after(handed, huyen, KindTaken, Taken{From: xa})},
		"the former office goes on":                   {handed, after(handed, xa, KindStepDone, StepDone{Step: "check"})},
		"the former office takes it back":             {handed, after(handed, xa, KindTaken, Taken{From: xa})},
		"the former office hands it to somebody else": {handed, after(handed, xa, KindHandedOver, over)},
		"the successor goes on without taking":        {handed, after(handed, moi, KindStepDone, StepDone{Step: "check"})},
		"the former office goes on after the taking":  {taken, after(taken, xa, KindStepDone, StepDone{Step: "check"})},
		"it is taken twice":                           {taken, after(taken, moi, KindTaken, Taken{From: xa})},
	} {
		if _, err := Apply(c.s.root, c.e); !errors.Is(err, ErrChain) {
			t.Errorf("%s: folded: %v", what, err)
		}
		if err := Verify(append(slices.Clone(c.s.chain), c.e), keys); !errors.Is(err, ErrChain) {
			t.Errorf("%s: verifies: %v", what, err)
		}
	}
	for what, e := range map[string]Signed{
		"to the office itself":   after(held, xa, KindHandedOver, HandedOver{To: xa, Decision: "QĐ", Closed: "2026-11-20"}),
		"without a decision":     after(held, xa, KindHandedOver, HandedOver{To: moi, Closed: "2026-11-20"}),
		"without a day":          after(held, xa, KindHandedOver, HandedOver{To: moi, Decision: "QĐ"}),
		"from somebody else":     after(handed, moi, KindTaken, Taken{From: huyen}),
		"to what is no office":   after(held, xa, KindHandedOver, HandedOver{To: "moi", Decision: "QĐ", Closed: "2026-11-20"}),
		"with a huge decision":   after(held, xa, KindHandedOver, HandedOver{To: moi, Decision: string(make([]byte, MaxDecision+1)), Closed: "2026-11-20"}),
		"as the first of events": forge(t, moi, Event{Version: 1, Chain: held.root.Chain, Office: moi, At: 1, Kind: KindTaken}, Taken{From: xa}),
	} {
		at := held.root
		if e.Event.Kind == KindTaken {
			at = handed.root
		}
		if _, err := Apply(at, e); !errors.Is(err, ErrChain) && !errors.Is(err, ErrMalformed) {
			t.Errorf("handed over %s: folded: %v", what, err)
		}
	}
}

// TestOneWriterAtAllTimes: whatever is tried, of all offices at most one may write a chain that is in progress, and each event was
// written by the one that could.
func TestOneWriterAtAllTimes(t *testing.T) {
	verbs := []string{"accept", "step", "forward", "receive", "receive for successor", "approve", "report", "note", "hand over", "take"}
	rapid.Check(t, func(rt *rapid.T) {
		s := story(t)
		for range rapid.IntRange(1, 40).Draw(rt, "acts") {
			who := rapid.SampledFrom([]string{"xa", "huyen", "tinh", "moi", "la"}).Draw(rt, "who")
			verb := rapid.SampledFrom(verbs).Draw(rt, "verb")
			if rapid.Bool().Draw(rt, "sensible") {
				who, verb = sensible(s, verb)
			}
			if err := s.act(offices[who], verb); err != nil {
				if _, forbidden := errors.AsType[*Rule](err); !forbidden {
					rt.Fatalf("%s %s: %v", who, verb, err)
				}
			}
			for _, chain := range append([][]Signed{s.chain}, mapped(s.chains)...) {
				oneWriter(rt, chain)
			}
		}
	})
}

func mapped[K comparable, V any](m map[K]V) (out []V) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func oneWriter(t *rapid.T, chain []Signed) {
	var s State
	for _, e := range chain {
		if s.Length > 0 && e.Event.Kind != KindTaken && !s.Holds(e.Event.Office) {
			t.Fatalf("event %d was written by %s, the chain was %s's", s.Length, e.Event.Office, s.Office)
		}
		var err error
		if s, err = Apply(s, e); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, o := range offices {
			if s.Holds(o) {
				n++
			}
		}
		if n > 1 || n == 0 && s.Successor == "" {
			t.Fatalf("%d offices may write a chain of %s", n, s.Office)
		}
	}
}
