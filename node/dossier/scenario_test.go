package dossier

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
)

// The scenarios below are stories in lines of "who does" or "who does !rule", where the rule must forbid it. The offices are
// xa (a commune, the root), huyen (its district), tinh (the province), moi (which takes over from xa and huyen when they close) and
// la (a stranger). The verbs are those of scenario.act.

const (
	xa    = "H32.22327"
	huyen = "H32.568"
	tinh  = "H32"
	moi   = "H32.77"
	la    = "H32.99"
)

var offices = map[string]string{"xa": xa, "huyen": huyen, "tinh": tinh, "moi": moi, "la": la}

func keyFor(name string) *record.Key {
	seed := bytes.Repeat([]byte(name+"·"), record.SeedSize)[:record.SeedSize]
	k, err := record.NewKey(seed)
	if err != nil {
		panic(err)
	}
	return k
}

func keys(office string, _ int64, _ digest.Digest) (*record.PublicKey, error) {
	if office == la {
		return nil, errors.New("no such office")
	}
	return keyFor(office).Public(), nil
}

func route() []directory.Step {
	return []directory.Step{
		{ID: "check", Name: directory.Text{VI: "Kiểm tra"}, Kind: directory.StepCheck, Budget: 2},
		{ID: "appraise", Name: directory.Text{VI: "Thẩm định"}, Kind: directory.StepCheck, Level: "district", Budget: 4},
		{ID: "approve", Name: directory.Text{VI: "Duyệt"}, Kind: directory.StepDecide, Level: "district", Budget: 4},
		{ID: "issue", Name: directory.Text{VI: "Cấp"}, Kind: directory.StepDecide, Level: "province", Budget: 8},
		{ID: "hand", Name: directory.Text{VI: "Trả"}, Kind: directory.StepReturn},
	}
}

func planFor(t testing.TB) Plan {
	p := directory.Procedure{Code: "1.001776", Version: 2, Route: route()}
	pl, err := NewPlan(p, xa, func(l directory.LevelID) (string, error) {
		return map[directory.LevelID]string{"district": huyen, "province": tinh}[l], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pl
}

// everyone may do everything, so that a story can name the rule it is about.
var everyone = []directory.Role{directory.DeskOfficer, directory.Specialist, directory.Signatory, directory.Admin}

func paper(n byte) Attachment {
	return Attachment{
		Blob: digest.Of([]byte{n}), Plain: digest.Of([]byte{n, n}), Size: 3, Sealed: 19, Name: fmt.Sprintf("giấy %d.pdf", n),
		MediaType: "application/pdf", Key: bytes.Repeat([]byte{n}, 32), Requirement: "form",
	}
}

func submission() Submission {
	return Submission{
		Version: 1, Code: SubmissionCode([8]byte{1, 2, 3, 4, 5, 6, 7, 8}), Procedure: "1.001776", ProcVersion: 2, Office: xa,
		Portal: huyen, At: 1_795_500_000_000, Edition: 7, Lang: "vi", Answers: []byte(`{"reason":"mất"}`),
		Applicant:   Applicant{Account: "a1", Name: "Nguyễn Thị Ánh", Identity: "056199000001", Phone: "0901234567"},
		Attachments: []Attachment{paper(1)},
	}
}

type scenario struct {
	t      testing.TB
	plan   Plan
	sub    record.Record
	root   State
	chain  []Signed
	kids   map[digest.Digest]State
	chains map[digest.Digest][]Signed
	at     int64
	roles  []directory.Role
	result bool
}

func story(t testing.TB) *scenario {
	sub, err := SignSubmission(keyFor(huyen), submission())
	if err != nil {
		t.Fatal(err)
	}
	return &scenario{t: t, plan: planFor(t), sub: sub, kids: map[digest.Digest]State{}, chains: map[digest.Digest][]Signed{},
		at: 1_795_500_100_000, roles: everyone, result: true}
}

// run tells a story.
func (s *scenario) run(lines string) *scenario {
	s.t.Helper()
	for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		want := ""
		if last := f[len(f)-1]; last[0] == '!' {
			want, f = last[1:], f[:len(f)-1]
		}
		err := s.act(offices[f[0]], strings.Join(f[1:], " "))
		got := ""
		if r, ok := errors.AsType[*Rule](err); ok {
			got, err = string(r.Code), nil
			if r.Message.VI == "" || r.Message.EN == "" {
				s.t.Errorf("rule %s has no words", got)
			}
		}
		if err != nil || got != want {
			s.t.Fatalf("%s: rule %q, error %v, want rule %q", strings.TrimSpace(l), got, err, want)
		}
	}
	return s
}

// mine is the chain an office works on: the root, or the last child asked of it.
func (s *scenario) mine(office string) State {
	if office == xa || office == la {
		return s.root
	}
	if office == moi {
		return s.heirs()
	}
	for _, c := range s.root.Children {
		if k, ok := s.kids[c.ID]; ok && c.To == office && !c.Noted {
			return k
		}
	}
	return s.root
}

// heirs is the chain that moi works on: a child that it took over or is to take over and that is not noted, else the root.
func (s *scenario) heirs() State {
	for _, c := range s.root.Children {
		if k, ok := s.kids[c.ID]; ok && k.Answers() == moi && !k.Ended() {
			return k
		}
	}
	return s.root
}

// closed is what the directory says of an office.
func closed(office string) Closing {
	if office != xa && office != huyen {
		return Closing{}
	}
	return Closing{Office: office, To: moi, Decision: "NQ 1667/NQ-UBTVQH15", Closed: "2026-11-20"}
}

func (s *scenario) act(office, verb string) error {
	s.at += 60_000
	a := Act{At: s.at, Account: "o1", Name: "Trần Văn Bình", Roles: s.roles, Office: office, Edition: 7}
	st := s.mine(office)
	asked, _ := s.root.Open()
	// Whether a chain has begun already is known where chains are kept, not to the functions that begin one.
	begins := map[string]Kind{"accept": KindAccepted, "refuse": KindRefused}
	if k, ok := begins[verb]; ok && s.root.Length > 0 {
		return permit(k, s.root, s.plan, a)
	}
	if k, ok := s.kids[asked.ID]; ok && strings.HasPrefix(verb, "receive") {
		return permit(KindReceived, k, s.plan, a)
	}
	e, begun, err := s.begin(a, asked, verb)
	if begun {
		st = State{}
	} else {
		e, err = s.goOn(st, a, verb)
	}
	if err != nil {
		return err
	}
	return s.add(st, e)
}

// begin does the acts that begin a chain.
func (s *scenario) begin(a Act, asked Child, verb string) (e Event, begun bool, err error) {
	in := Acceptance{Code: NewCode(xa, "2026-11-25", 1), Due: 1_796_000_000, Calendar: 3}
	switch verb {
	case "accept":
		e, err = Accept(s.sub, s.plan, a, in)
	case "accept with foreign code":
		in.Code = NewCode(huyen, "2026-11-25", 1)
		e, err = Accept(s.sub, s.plan, a, in)
	case "refuse":
		e, err = Refuse(s.sub, a, "Không thuộc thẩm quyền")
	case "refuse without reason":
		e, err = Refuse(s.sub, a, " \n")
	case "receive":
		e, err = Receive(s.root, asked.ID, a)
	case "receive for successor":
		e, err = ReceiveForSuccessor(s.root, asked.ID, a, closed(a.Office))
	default:
		return e, false, nil
	}
	return e, true, err
}

// goOn does the acts on a chain that has begun.
func (s *scenario) goOn(st State, a Act, verb string) (Event, error) {
	approval := Decision{Outcome: Approved}
	if s.result {
		approval.Results = []Attachment{paper(9)}
	}
	plan := s.plan.Asked(st)
	switch verb {
	case "hand over":
		return HandOver(st, a, closed(a.Office))
	case "hand over early":
		c := closed(a.Office)
		c.Closed = "2026-12-31"
		return HandOver(st, a, c)
	case "take":
		return Take(st, a)
	case "step":
		return FinishStep(st, plan, a, "đủ")
	case "step at length":
		return FinishStep(st, plan, a, strings.Repeat("đủ", MaxNote))
	case "forward":
		return Forward(st, plan, a, "", 1_795_900_000)
	case "approve":
		return Decide(st, plan, a, approval)
	case "reject":
		return Decide(st, plan, a, Decision{Outcome: Rejected, Reason: "Thiếu điều kiện"})
	case "reject without reason":
		return Decide(st, plan, a, Decision{Outcome: Rejected})
	case "report":
		return Report(st, plan, a, "")
	case "note":
		asked, _ := s.root.Open()
		return Note(s.root, s.kids[asked.ID], s.plan, a)
	case "return":
		return Return(st, plan, a, AtDesk, "")
	case "return by pigeon":
		return Return(st, plan, a, "pigeon", "")
	}
	s.t.Fatalf("no such verb: %s", verb)
	return Event{}, nil
}

// add signs an event and folds it, and checks what must hold after every act.
func (s *scenario) add(st State, e Event) error {
	signed, err := Sign(keyFor(e.Office), e)
	if err != nil {
		return err
	}
	next, err := Apply(st, signed)
	if err != nil {
		s.t.Fatalf("decided, but not applied: %v", err)
	}
	chain := &s.chain
	if next.IsChild {
		c := s.chains[next.Chain]
		chain = &c
	}
	*chain = append(*chain, signed)
	if next.IsChild {
		s.kids[next.Chain], s.chains[next.Chain] = next, *chain
	} else {
		s.root = next
	}
	again, err := Replay(*chain)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(next) {
		s.t.Fatalf("replay differs from what was folded step by step: %v", err)
	}
	if err := Verify(*chain, keys); err != nil {
		s.t.Fatalf("an honest chain does not verify: %v", err)
	}
	return nil
}

const wholeLife = `
	xa accept
	xa step
	xa forward
	huyen receive
	huyen step
	huyen approve
	huyen report
	xa note
	xa forward
	tinh receive
	tinh approve
	tinh report
	xa note
	xa return`

func TestWholeLife(t *testing.T) {
	s := story(t).run(wholeLife)
	if s.root.Status != StatusReturned || s.root.Outcome != Approved || len(s.root.Children) != 2 || !s.root.Ended() {
		t.Errorf("after its whole life: %+v", s.root)
	}
}

func TestStatusesOnTheWay(t *testing.T) {
	s := story(t)
	for _, c := range []struct {
		line string
		want Status
		next string
	}{
		{"xa accept", StatusAccepted, "check"}, {"xa step", StatusProcessing, "appraise"}, {"xa forward", StatusWaiting, "appraise"},
		{"huyen receive\nhuyen step\nhuyen approve\nhuyen report\nxa note", StatusDecided, "issue"},
		{"xa forward\ntinh receive\ntinh approve\ntinh report\nxa note", StatusDone, "hand"}, {"xa return", StatusReturned, ""},
	} {
		s.run(c.line)
		next := ""
		if i, ok := s.plan.Next(s.root); ok {
			next = s.plan.Procedure.Route[i].ID
		}
		if got := s.plan.StatusIn(s.root); got != c.want || next != c.next {
			t.Errorf("after %q: %s, next %q; want %s, next %q", c.line, got, next, c.want, c.next)
		}
	}
}

func TestRejectionLeadsStraightToTheReturn(t *testing.T) {
	s := story(t).run(`
		xa accept
		xa step
		xa forward
		huyen receive
		huyen report !steps_left
		huyen step
		huyen reject
		huyen report
		xa note
		xa forward !here
		xa return`)
	if s.root.Outcome != Rejected {
		t.Errorf("%+v", s.root)
	}
	story(t).run("xa refuse without reason !reason\nxa refuse\nxa step !ended\nxa refuse !begun\nxa accept !begun")
}

func TestForbiddenActs(t *testing.T) {
	s := story(t).run(`
		xa step !not_begun
		huyen accept !addressee
		xa accept with foreign code !code
		xa accept
		la step !office
		xa approve !kind
		xa forward !here
		xa return !steps_left
		xa report !child_only
		xa note !no_request
		xa step at length !text
		xa step
		xa step !elsewhere
		xa approve !elsewhere
		xa forward
		xa forward !waiting
		xa step !waiting
		xa return !waiting
		tinh receive !addressee
		huyen receive
		xa note !unanswered
		huyen approve !kind
		huyen forward !root_only
		huyen return !root_only
		huyen step
		huyen reject without reason !reason
		huyen approve
		huyen approve !no_step
		huyen report
		huyen step !ended
		xa note
		xa forward
		tinh receive`)
	s.result = false
	s.run("tinh approve !result")
	s.result = true
	s.run("tinh approve\ntinh report\nxa note\nxa return by pigeon !text\nxa return\nxa return !ended")
}

func TestRolesAndVersion(t *testing.T) {
	s := story(t)
	s.roles = []directory.Role{directory.Specialist}
	s.run("xa accept !role")
	s.roles = everyone
	s.run("xa accept")
	s.roles = []directory.Role{directory.Admin}
	s.run("xa step !role")
	s.roles = everyone
	s.run("xa step\nxa forward\nhuyen receive\nhuyen step")
	s.roles = []directory.Role{directory.DeskOfficer, directory.Specialist}
	s.run("huyen approve !role")
	s.plan.Procedure.Version++
	s.roles = everyone
	s.run("huyen approve !procedure")
}

// TestAllowedAgreesWithTheActs: at every moment of a life, the list of what is allowed says what the acts would.
func TestAllowedAgreesWithTheActs(t *testing.T) {
	s := story(t)
	for _, line := range strings.Split(strings.TrimSpace(wholeLife), "\n") {
		a := Act{At: s.at, Roles: everyone, Office: xa}
		for _, act := range Allowed(s.root, s.plan, a) {
			if why := permit(act.Kind, s.root, s.plan, a); (why == nil) != (act.Why == nil) {
				t.Errorf("before %q, kind %d: allowed %v, act %v", line, act.Kind, act.Why, why)
			}
		}
		s.run(line)
	}
	for _, act := range Allowed(s.root, s.plan, Act{Roles: everyone, Office: xa}) {
		if act.Why == nil {
			t.Errorf("kind %d is allowed after the end", act.Kind)
		}
	}
}

func TestPlaceAtTheRootItself(t *testing.T) {
	p := directory.Procedure{Code: "1.001776", Version: 2, Route: route()}
	pl, err := NewPlan(p, huyen, func(directory.LevelID) (string, error) { return huyen, nil })
	if err != nil || pl.Places[1] != huyen || pl.Stretch(0) != 3 {
		t.Errorf("%v %v stretch %d", pl.Places, err, pl.Stretch(0))
	}
	if _, err := NewPlan(p, xa, func(directory.LevelID) (string, error) { return "", errors.New("none") }); err == nil {
		t.Error("a step without an office was placed")
	}
}
