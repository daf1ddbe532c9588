package dossier

import (
	"errors"
	"testing"

	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// forge signs an event that the decide functions would not make.
func forge(t *testing.T, by string, e Event, body any) Signed {
	t.Helper()
	if body != nil {
		b, err := wire.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		e.Body = b
	}
	s, err := Sign(keyFor(by), e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestApplyRefusesWhatDoesNotFollow(t *testing.T) {
	free := story(t).run("xa accept\nxa step").root
	waits := story(t).run("xa accept\nxa step\nxa forward").root
	ended := story(t).run("xa refuse").root
	next := func(s State, k Kind) Event {
		return Event{Version: 1, Chain: s.Chain, Seq: s.Length, Prev: s.Head, Office: xa, At: s.At, Kind: k}
	}
	ret := Returned{Method: AtDesk}
	if _, err := Apply(free, forge(t, xa, next(free, KindReturned), ret)); err != nil {
		t.Fatalf("the honest event that the others are made from: %v", err)
	}
	ask := Requested{Child: ChildID(free.Chain, 0), To: huyen, First: "appraise", Last: "approve", Due: 1}
	for name, c := range map[string]struct {
		state  State
		kind   Kind
		body   any
		change func(*Event)
	}{
		"another writer":   {free, KindReturned, ret, func(e *Event) { e.Office = huyen }},
		"no writer":        {free, KindReturned, ret, func(e *Event) { e.Office = "" }},
		"a gap":            {free, KindReturned, ret, func(e *Event) { e.Seq++ }},
		"another parent":   {free, KindReturned, ret, func(e *Event) { e.Prev = free.Chain }},
		"another chain":    {free, KindReturned, ret, func(e *Event) { e.Chain = free.Head }},
		"back in time":     {free, KindReturned, ret, func(e *Event) { e.At-- }},
		"after the end":    {ended, KindReturned, ret, nil},
		"a second start":   {free, KindRefused, Refused{Submission: forgedSubmission(t), Reason: "x"}, nil},
		"while it waits":   {waits, KindReturned, ret, nil},
		"asked twice":      {waits, KindRequested, Requested{ChildID(waits.Chain, 1), huyen, "appraise", "approve", "", 1}, nil},
		"another's body":   {free, KindNoted, ret, nil},
		"a foreign child":  {waits, KindNoted, Noted{Child: waits.Chain, Head: waits.Head}, nil},
		"a report at root": {free, KindReported, Reported{}, nil},
		"a chosen child":   {free, KindRequested, altered(ask, func(b *Requested) { b.Child = free.Head }), nil},
		"asking oneself":   {free, KindRequested, altered(ask, func(b *Requested) { b.To = xa }), nil},
	} {
		e := next(c.state, c.kind)
		if c.change != nil {
			c.change(&e)
		}
		after, err := Apply(c.state, forge(t, xa, e, c.body))
		if !errors.Is(err, ErrChain) && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if after.Length != c.state.Length {
			t.Errorf("%s: the state has changed", name)
		}
	}
}

// TestNoteTakesOnlyWholeAnswers: an asked office can sign any child chain that hangs together; only one that did what was asked
// for is taken note of.
func TestNoteTakesOnlyWholeAnswers(t *testing.T) {
	s := story(t).run("xa accept\nxa step\nxa forward\nhuyen receive")
	asked, _ := s.root.Open()
	checked, ok := StepDone{Step: "appraise"}, Decided{Step: "approve", Outcome: Approved}
	no := altered(ok, func(b *Decided) { b.Outcome, b.Reason = Rejected, "x" })
	for what, c := range map[string]struct {
		acts []any
		want RuleCode
	}{
		"all that was asked":           {[]any{checked, ok}, ""},
		"a rejection":                  {[]any{checked, no}, ""},
		"an early rejection":           {[]any{altered(no, func(b *Decided) { b.Step = "appraise" })}, RuleKind},
		"nothing":                      {nil, RuleStepsLeft},
		"no decision":                  {[]any{checked}, RuleStepsLeft},
		"no check":                     {[]any{ok}, RuleKind},
		"the wrong order":              {[]any{ok, checked}, RuleKind},
		"one step twice":               {[]any{checked, checked, ok}, RuleKind},
		"more after the last":          {[]any{checked, ok, ok}, RuleKind},
		"more after a rejection":       {[]any{checked, no, ok}, RuleKind},
		"a step of somebody else":      {[]any{checked, ok, StepDone{Step: "issue"}}, RuleKind},
		"a check instead of a verdict": {[]any{checked, StepDone{Step: "approve"}}, RuleKind},
	} {
		child := s.kids[asked.ID]
		for _, b := range append(c.acts, Reported{}) {
			child = apply(t, child, b)
		}
		if got := noted(s.root, child, s.plan); got != c.want {
			t.Errorf("%s: rule %q, want %q", what, got, c.want)
		}
	}
}

// TestNoteWantsTheResult: the approval that concludes the route carries its result, on whichever chain it is made.
func TestNoteWantsTheResult(t *testing.T) {
	s := story(t).run("xa accept\nxa step\nxa forward\nhuyen receive\nhuyen step\nhuyen approve\nhuyen report\nxa note\nxa forward\ntinh receive")
	asked, _ := s.root.Open()
	for n, want := range map[int]RuleCode{0: RuleResult, 1: ""} {
		d := Decided{Step: "issue", Outcome: Approved, Results: []Attachment{paper(9)}[:n]}
		child := apply(t, apply(t, s.kids[asked.ID], d), Reported{})
		if got := noted(s.root, child, s.plan); got != want {
			t.Errorf("with %d results: rule %q, want %q", n, got, want)
		}
	}
	s.plan.Procedure.Version++
	child := apply(t, apply(t, s.kids[asked.ID], Decided{Step: "issue", Outcome: Approved, Results: []Attachment{paper(9)}}), Reported{})
	if got := noted(s.root, child, s.plan); got != RuleProcedure {
		t.Errorf("by the plan of another version: rule %q", got)
	}
}

// apply folds an act that its office signed, whatever the rules say of it.
func apply(t *testing.T, s State, body any) State {
	t.Helper()
	k := KindReported
	switch body.(type) {
	case StepDone:
		k = KindStepDone
	case Decided:
		k = KindDecided
	}
	e := Event{Version: 1, Chain: s.Chain, Seq: s.Length, Prev: s.Head, Office: s.Office, At: s.At + 1, Kind: k}
	next, err := Apply(s, forge(t, s.Office, e, body))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func noted(root, child State, pl Plan) RuleCode {
	_, err := Note(root, child, pl, Act{Office: xa})
	if r, ok := errors.AsType[*Rule](err); ok {
		return r.Code
	}
	return ""
}

// TestStatesShareNoMemory: two futures of one state do not write into each other.
func TestStatesShareNoMemory(t *testing.T) {
	s := story(t).run("xa accept\nxa step\nxa forward\nhuyen receive\nhuyen step\nhuyen approve\nhuyen report\nxa note")
	base := s.root
	s.run("xa forward")
	one := s.root.Children[1].Request
	s.root, s.chain = base, s.chain[:len(s.chain)-1]
	s.run("xa forward")
	if s.root.Children[1].Request == one || base.Children[0] != s.root.Children[0] {
		t.Error("a later act changed an earlier state")
	}
}

// TestClockSetBack: an act on a machine whose clock was set back is dated right after the event before, and the counter goes on.
func TestClockSetBack(t *testing.T) {
	s := story(t).run("xa accept")
	s.at -= 3_600_000
	s.run("xa step")
	if s.root.At != s.chain[0].Event.At+1 {
		t.Errorf("dated %d after %d", s.root.At, s.chain[0].Event.At)
	}
}

func altered[T any](e T, f func(*T)) T {
	f(&e)
	return e
}

func TestVerifyFindsTampering(t *testing.T) {
	s := story(t).run(wholeLife)
	honest := s.chain
	tamper := func(f func(c []Signed) []Signed) []Signed { return f(append([]Signed(nil), honest...)) }
	last := honest[len(honest)-1]
	for name, chain := range map[string][]Signed{
		"dropped":        tamper(func(c []Signed) []Signed { return append(c[:1], c[2:]...) }),
		"swapped":        tamper(func(c []Signed) []Signed { c[1], c[2] = c[2], c[1]; return c }),
		"cut at front":   honest[1:],
		"changed":        tamper(func(c []Signed) []Signed { c[1].Record.Body = append([]byte(nil), c[2].Record.Body...); return c }),
		"other's key":    append(honest[:len(honest)-1:len(honest)-1], forge(t, huyen, last.Event, nil)),
		"unknown office": {forge(t, la, altered(honest[0].Event, func(e *Event) { e.Office = la }), nil)},
		"empty":          nil,
		"forged portal":  {forge(t, xa, honest[0].Event, Accepted{Code: NewCode(xa, "2026-11-25", 1), Submission: forgedSubmission(t), Due: 1})},
	} {
		if err := Verify(chain, keys); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// forgedSubmission names one portal and is signed by another.
func forgedSubmission(t *testing.T) record.Record {
	b, err := wire.Marshal(submission())
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.SignOne(keyFor(xa), SubmissionLabel, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFork: two events of one writer at one place both verify alone, and no chain takes both.
func TestFork(t *testing.T) {
	a := story(t).run("xa accept\nxa step")
	b := story(t).run("xa accept")
	b.at += 1
	b.run("xa step")
	if a.chain[1].ID() == b.chain[1].ID() || a.chain[1].Event.Seq != b.chain[1].Event.Seq {
		t.Fatal("no fork")
	}
	if _, err := Apply(a.root, b.chain[1]); !errors.Is(err, ErrChain) {
		t.Errorf("both ends of a fork in one chain: %v", err)
	}
}

func TestUnknownKindsAndVersionsStop(t *testing.T) {
	s := story(t).run("xa accept")
	e := Event{Version: 1, Chain: s.root.Chain, Seq: 1, Prev: s.root.Head, Office: xa, At: s.at, Kind: KindReturned, Body: wire.Raw{0xa0}}
	for _, c := range []struct {
		odd   Event
		newer bool
	}{
		{altered(e, func(e *Event) { e.Kind = KindTaken + 1 }), true},
		{altered(e, func(e *Event) { e.Version = 3 }), true},
		{altered(e, func(e *Event) { e.Version = 2 }), false}, // on behalf of nobody
		{altered(e, func(e *Event) { e.Version = 0 }), false},
		{altered(e, func(e *Event) { e.Kind = 0 }), false},
	} {
		_, err := ReadEvent(forge(t, xa, c.odd, nil).Record)
		if !errors.Is(err, ErrMalformed) || errors.Is(err, wire.ErrNewer) != c.newer {
			t.Errorf("version %d, kind %d, newer should be %t: %v", c.odd.Version, c.odd.Kind, c.newer, err)
		}
	}
	if _, err := Apply(s.root, forge(t, xa, altered(e, func(e *Event) { e.Kind = 99 }), nil)); !errors.Is(err, ErrMalformed) {
		t.Errorf("an unknown kind was folded: %v", err)
	}
}

// withKey adds a key to an encoded struct, as a later version of its format would.
func withKey(t *testing.T, v any, key uint64) []byte {
	t.Helper()
	b, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[uint64]wire.Raw
	if err := wire.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	m[key] = wire.Raw{0xf5}
	if b, err = wire.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRecordsOfANewerVersionAreToldFromBadOnes: nobody may refuse for good what a later version reads.
func TestRecordsOfANewerVersionAreToldFromBadOnes(t *testing.T) {
	s := story(t).run("xa accept\nxa step")
	sub := func(b []byte) error { _, err := ReadSubmission(record.Record{Body: b}); return err }
	event := func(b []byte) error { _, err := ReadEvent(record.Record{Body: b}); return err }
	body := func(k Kind, b []byte) error {
		_, err := Apply(s.root, forge(t, xa, Event{Version: 1, Chain: s.root.Chain, Seq: 2, Prev: s.root.Head, Office: xa, At: s.at, Kind: k, Body: b}, nil))
		return err
	}
	plain := func(v any) []byte { b, _ := wire.Marshal(v); return b }
	for what, err := range map[string]error{
		"a key of a submission":    sub(withKey(t, submission(), 13)),
		"a format of a submission": sub(plain(altered(submission(), func(s *Submission) { s.Version = 2 }))),
		"a key of an event":        event(withKey(t, s.chain[1].Event, 11)),
		"a key of a body":          body(KindReturned, withKey(t, Returned{Method: AtDesk}, 3)),
		"a way of returning":       body(KindReturned, plain(Returned{Method: "locker"})),
		"an outcome":               body(KindDecided, plain(Decided{Step: "approve", Outcome: Rejected + 1})),
		"a noted outcome":          body(KindNoted, plain(Noted{Child: s.root.Chain, Head: s.root.Head, Outcome: Rejected + 1})),
	} {
		if !errors.Is(err, wire.ErrNewer) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s to come: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"no method":  body(KindReturned, plain(Returned{})),
		"no outcome": body(KindDecided, plain(Decided{Step: "approve"})),
		"no code":    sub(plain(altered(submission(), func(s *Submission) { s.Code = "" }))),
	} {
		if errors.Is(err, wire.ErrNewer) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
