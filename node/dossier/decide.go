package dossier

import (
	"fmt"
	"slices"
	"strings"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Act is who does something, when and where. Roles are those the actor has of his own, in the office, on that day, for the
// work at hand; Acting are those that others have delegated to him.
type Act struct {
	At      int64 // Unix milliseconds; an event is always dated after the one it follows
	Account directory.AccountID
	Name    string
	Roles   []directory.Role
	Acting  []Acting
	Office  string
	Edition uint64
}

// Acting is a role by delegation, and on whose behalf.
type Acting struct {
	Role directory.Role
	For  Principal
}

// SystemRole is the role of what the node does by itself.
const SystemRole = "system"

// Bearers are the roles that may do an act of a kind, the most fitting first; none: the node does it by itself.
func Bearers(k Kind) []directory.Role {
	switch k {
	case KindAccepted, KindRefused, KindReturned:
		return []directory.Role{directory.DeskOfficer}
	case KindStepDone, KindRequested, KindReported:
		return []directory.Role{directory.Specialist, directory.DeskOfficer, directory.Signatory}
	case KindReceived:
		return []directory.Role{directory.DeskOfficer, directory.Specialist, directory.Signatory}
	case KindDecided:
		return []directory.Role{directory.Signatory}
	case KindHandedOver: // or the node by itself, once an admin has said so
		return []directory.Role{directory.Admin}
	}
	return nil
}

// role is the role the actor does an act of a kind in, and on whose behalf; false if none of the actor's allows it. Nobody acts
// for another who may act himself.
func (a Act) role(k Kind) (role string, behalf *Principal, ok bool) {
	may := Bearers(k)
	for _, r := range may {
		if slices.Contains(a.Roles, r) {
			return string(r), nil, true
		}
	}
	for _, r := range may {
		for _, d := range a.Acting {
			if d.Role == r {
				return string(r), &d.For, true
			}
		}
	}
	return SystemRole, nil, may == nil || k == KindHandedOver && a.Account == ""
}

// Action is something a person may want to do to a chain. Why is nil where it is allowed.
type Action struct {
	Kind Kind
	Why  *Rule
}

// Allowed lists what can be done to a chain, and why not where it cannot. A zero state stands for a submission.
func Allowed(s State, pl Plan, a Act) []Action {
	kinds := []Kind{KindStepDone, KindRequested, KindDecided, KindReturned}
	if s.Length == 0 {
		kinds = []Kind{KindAccepted, KindRefused}
	} else if s.IsChild {
		kinds = []Kind{KindStepDone, KindDecided, KindReported}
	}
	out := make([]Action, len(kinds))
	for i, k := range kinds {
		out[i] = Action{k, permit(k, s, pl, a)}
	}
	return out
}

// permit is the whole of the rules on who may do what when; what an act says is checked by its own function.
func permit(k Kind, s State, pl Plan, a Act) *Rule {
	if r := stands(k, s, pl, a); r != nil {
		return r
	}
	if r := fitsStep(k, s, pl); r != nil {
		return r
	}
	if _, _, ok := a.role(k); !ok {
		return rule(RuleRole)
	}
	return nil
}

// stands checks the chain as a whole.
func stands(k Kind, s State, pl Plan, a Act) *Rule {
	begins := k == KindAccepted || k == KindRefused || k == KindReceived
	_, open := s.Open()
	switch {
	case begins && s.Length > 0:
		return rule(RuleBegun)
	case begins:
		return nil
	case s.Length == 0:
		return rule(RuleNotBegun)
	case s.Ended():
		return rule(RuleEnded)
	case s.Successor != "" && a.Office == s.Office:
		return rule(RuleHandedOver)
	case !s.Holds(a.Office):
		return rule(RuleOffice)
	case k == KindHandedOver:
		return nil
	case s.IsChild && (k == KindRequested || k == KindReturned || k == KindNoted):
		return rule(RuleRootOnly)
	case !s.IsChild && k == KindReported:
		return rule(RuleChildOnly)
	case k == KindNoted && !open:
		return rule(RuleNoRequest)
	case k == KindNoted:
		return nil
	case open:
		return rule(RuleWaiting)
	case !pl.fits(s):
		return rule(RuleProcedure)
	}
	return nil
}

// fitsStep checks the act against the step that the chain has come to.
func fitsStep(k Kind, s State, pl Plan) *Rule {
	if k == KindAccepted || k == KindRefused || k == KindReceived || k == KindNoted || k == KindHandedOver {
		return nil
	}
	i, left := pl.Next(s)
	switch {
	case k == KindReported && left:
		return rule(RuleStepsLeft)
	case k == KindReported:
		return nil
	case !left:
		return rule(RuleNoStep)
	}
	here := pl.Places[i] == s.Office
	switch want := pl.Procedure.Route[i].Kind; {
	case k == KindRequested && here:
		return rule(RuleHere)
	case k == KindRequested:
		return nil
	case !here:
		return rule(RuleElsewhere)
	case k == KindReturned && want != directory.StepReturn:
		return rule(RuleStepsLeft)
	case k == KindStepDone && want != directory.StepCheck, k == KindDecided && want != directory.StepDecide:
		return rule(RuleKind)
	}
	return nil
}

// Acceptance is what the office adds to a submission it accepts.
type Acceptance struct {
	Code     string
	Due      int64 // Unix seconds
	Calendar uint32
}

// Accept begins the root chain of a verified submission. The error is a *Rule if the act is forbidden, as with every
// function here.
func Accept(sub record.Record, pl Plan, a Act, in Acceptance) (Event, error) {
	s, err := forOffice(sub, a)
	if err != nil {
		return Event{}, err
	}
	if pl.Procedure.Code != s.Procedure || pl.Procedure.Version != s.ProcVersion {
		return Event{}, rule(RuleProcedure)
	}
	if c, err := ParseCode(in.Code); err != nil || string(c.Office) != a.Office {
		return Event{}, rule(RuleCodeForm)
	}
	return begin(a, sub.ID(), KindAccepted, Accepted{Code: in.Code, Submission: sub, Due: in.Due, Calendar: in.Calendar})
}

// Refuse begins and ends the root chain of a verified submission that is not accepted.
func Refuse(sub record.Record, a Act, reason string) (Event, error) {
	if _, err := forOffice(sub, a); err != nil {
		return Event{}, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return Event{}, rule(RuleReason)
	}
	return begin(a, sub.ID(), KindRefused, Refused{Submission: sub, Reason: reason})
}

func forOffice(sub record.Record, a Act) (Submission, error) {
	s, err := ReadSubmission(sub)
	if err != nil {
		return s, err
	}
	if s.Office != a.Office {
		return s, rule(RuleAddressee)
	}
	return s, nil
}

// begin makes the first event of a chain.
func begin(a Act, chain digest.Digest, k Kind, body interface{ Validate() error }) (Event, error) {
	if r := permit(k, State{}, Plan{}, a); r != nil {
		return Event{}, r
	}
	return a.event(State{Chain: chain}, k, body)
}

// FinishStep ends the check step at hand.
func FinishStep(s State, pl Plan, a Act, note string) (Event, error) {
	if r := permit(KindStepDone, s, pl, a); r != nil {
		return Event{}, r
	}
	i, _ := pl.Next(s)
	return a.event(s, KindStepDone, StepDone{Step: pl.Procedure.Route[i].ID, Note: strings.TrimSpace(note)})
}

// Forward asks the office of the step at hand for it and the steps after it that are done there too. Due is when its answer
// is expected, Unix seconds.
func Forward(s State, pl Plan, a Act, note string, due int64) (Event, error) {
	if r := permit(KindRequested, s, pl, a); r != nil {
		return Event{}, r
	}
	i, _ := pl.Next(s)
	route := pl.Procedure.Route
	return a.event(s, KindRequested, Requested{
		Child: ChildID(s.Chain, len(s.Children)), To: pl.Places[i],
		First: route[i].ID, Last: route[pl.Stretch(i)].ID, Note: strings.TrimSpace(note), Due: due,
	})
}

// Receive begins the child chain that a root chain asks this office for.
func Receive(root State, child digest.Digest, a Act) (Event, error) {
	body, r := receiving(root, child, a)
	if r != nil {
		return Event{}, r
	}
	return begin(a, child, KindReceived, body)
}

// Decision is an outcome with its reason and results.
type Decision struct {
	Outcome Outcome
	Reason  string
	Results []Attachment
}

// Decide ends the decide step at hand. A rejection needs a reason; the approval that concludes the route needs a result.
func Decide(s State, pl Plan, a Act, in Decision) (Event, error) {
	if r := permit(KindDecided, s, pl, a); r != nil {
		return Event{}, r
	}
	i, _ := pl.Next(s)
	in.Reason = strings.TrimSpace(in.Reason)
	switch {
	case in.Outcome == Rejected && in.Reason == "":
		return Event{}, rule(RuleReason)
	case in.Outcome == Approved && len(in.Results) == 0 && pl.finalDecision(i):
		return Event{}, rule(RuleResult)
	}
	return a.event(s, KindDecided, Decided{
		Step: pl.Procedure.Route[i].ID, Outcome: in.Outcome, Reason: in.Reason, Results: in.Results,
	})
}

// Report ends a child chain whose steps are done.
func Report(s State, pl Plan, a Act, note string) (Event, error) {
	if r := permit(KindReported, s, pl, a); r != nil {
		return Event{}, r
	}
	return a.event(s, KindReported, Reported{Note: strings.TrimSpace(note)})
}

// Note takes note on the root chain of a child that has been verified and has reported. The plan is that of the root: the child
// must have done all it was asked for, as the route has it, for what it says is a decision of the dossier from here on.
func Note(root, child State, pl Plan, a Act) (Event, error) {
	if r := permit(KindNoted, root, Plan{}, a); r != nil {
		return Event{}, r
	}
	c, _ := root.Open()
	if r := answers(root, c, child); r != nil {
		return Event{}, r
	}
	if r := pl.completes(root, child); r != nil {
		return Event{}, r
	}
	return a.event(root, KindNoted, Noted{Child: child.Chain, Head: child.Head, Outcome: child.Outcome})
}

// answers checks that a child chain is the answer to a request.
func answers(root State, c Child, child State) *Rule {
	switch {
	case child.Chain != c.ID || child.Root != root.Chain || child.Request != c.Request:
		return rule(RuleNoRequest)
	case child.Origin() != c.To || child.First != c.First || child.Last != c.Last:
		return rule(RuleAddressee)
	case child.Procedure != root.Procedure || child.ProcVersion != root.ProcVersion:
		return rule(RuleProcedure)
	case child.Status != StatusReported:
		return rule(RuleUnanswered)
	}
	return nil
}

// Return hands the result to the applicant.
func Return(s State, pl Plan, a Act, method, note string) (Event, error) {
	if r := permit(KindReturned, s, pl, a); r != nil {
		return Event{}, r
	}
	return a.event(s, KindReturned, Returned{Method: method, Note: strings.TrimSpace(note)})
}

// event makes the event that follows a state.
func (a Act) event(s State, k Kind, body interface{ Validate() error }) (Event, error) {
	if body.Validate() != nil {
		return Event{}, rule(RuleText)
	}
	b, err := wire.Marshal(body)
	if err != nil {
		return Event{}, fmt.Errorf("make event: %w", err)
	}
	role, behalf, _ := a.role(k)
	actor := Actor{Account: a.Account, Name: a.Name, Role: role, For: behalf}
	if role == SystemRole {
		actor = Actor{Role: role}
	}
	e := Event{
		Chain: s.Chain, Seq: s.Length, Prev: s.Head, Office: a.Office, At: max(a.At, s.At+1),
		Actor: actor, Edition: a.Edition, Kind: k, Body: b,
	}
	e.Version = e.format()
	return e, nil
}
