package dossier

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// Status is where a chain stands. It crosses the wire in tracks. Append only.
type Status string

// The statuses.
const (
	StatusSubmitted  Status = "submitted"  // handed in; no chain yet
	StatusProcessing Status = "processing" // steps are being worked on
	StatusAccepted   Status = "accepted"   // root: accepted, no step done yet
	StatusWaiting    Status = "waiting"    // root: another office has been asked
	StatusDecided    Status = "decided"    // a decision was made, steps remain
	StatusDone       Status = "done"       // root: only the return remains; see StatusIn
	StatusReturned   Status = "returned"   // root: ended
	StatusRefused    Status = "refused"    // root: not accepted; ended
	StatusRequested  Status = "requested"  // child: asked of the other office, which has not taken it in hand
	StatusReported   Status = "reported"   // child: ended
)

// Child is what a root chain knows of a request.
type Child struct {
	ID      digest.Digest // child chain
	Request digest.Digest // ID of the Requested event
	To      string
	First   string
	Last    string
	Due     int64 // Unix seconds
	At      int64 // Unix milliseconds
	Noted   bool
	Head    digest.Digest // of the child chain, once noted
	Outcome Outcome
}

// Finished is a step that was done on a chain.
type Finished struct {
	Step    string
	Kind    Kind    // KindStepDone or KindDecided
	Outcome Outcome // of a decision
	Results int     // number of files of a decision
}

// State is a chain folded. The zero State is that of a chain that has not begun. Values share no memory that Apply
// changes.
type State struct {
	Chain  digest.Digest
	Head   digest.Digest // ID of the last event
	Length uint64
	Office string   // the one writer
	Former []string // the writers before it, the first of them first
	// Successor is the office that it was handed over to and that has not taken it; "" for none. As long, nobody writes.
	Successor string
	At        int64 // of the last event, Unix milliseconds
	Status    Status

	Procedure   string
	ProcVersion uint32
	Begun       int64  // of the first event, Unix milliseconds
	Due         int64  // Unix seconds, 0 for a refused submission
	Done        string // id of the last step done, on this chain or by a child; "" for none
	Outcome     Outcome
	Reason      string // of the last decision, or of the refusal
	DecidedAt   int64  // of the last decision, Unix milliseconds, 0 before
	Results     []Attachment
	Steps       []Finished // on this chain, in their order

	// Of a root chain.
	Code       string
	Calendar   uint32
	Submission Submission
	Children   []Child
	Method     string // of the return

	// Of a child chain.
	IsChild bool
	Root    digest.Digest
	Request digest.Digest
	First   string
	Last    string
}

// Ended tells whether nothing can follow.
func (s State) Ended() bool {
	return s.Status == StatusReturned || s.Status == StatusRefused || s.Status == StatusReported
}

// Origin is the office that began the chain.
func (s State) Origin() string { return slices.Concat(s.Former, []string{s.Office})[0] }

// Holds tells whether an office may go on with the chain: it is the one writer, and has not handed it over.
func (s State) Holds(office string) bool { return s.Office == office && s.Successor == "" }

// Answers is the office that has the chain, or is about to: the one to ask and to write to.
func (s State) Answers() string { return cmp.Or(s.Successor, s.Office) }

// Open is the request that has not been answered, false if there is none.
func (s State) Open() (Child, bool) {
	i := slices.IndexFunc(s.Children, func(c Child) bool { return !c.Noted })
	if i < 0 {
		return Child{}, false
	}
	return s.Children[i], true
}

// ErrChain is wrapped by every error about an event that does not follow from those before it.
var ErrChain = errors.New("event does not follow")

// Apply folds the next event into the state of its chain. It refuses, with an error that wraps ErrChain or
// ErrMalformed, an event that does not hang on the head, that another office wrote, that goes back in time or that its
// kind does not allow here. It does not check signatures: see Verify.
func Apply(s State, e Signed) (State, error) {
	v := e.Event
	if err := follows(s, v); err != nil {
		return s, fmt.Errorf("event %d of chain %s: %w", v.Seq, v.Chain.Short(), err)
	}
	if s.Length == 0 {
		s.Chain, s.Office, s.Begun = v.Chain, v.Office, v.At
	}
	next, err := fold(s, e)
	if err != nil {
		return s, fmt.Errorf("event %d of chain %s, kind %d: %w", v.Seq, v.Chain.Short(), v.Kind, err)
	}
	next.Head, next.Length, next.At = e.ID(), s.Length+1, v.At
	return next, nil
}

// Replay folds a whole chain.
func Replay(chain []Signed) (State, error) {
	var s State
	for _, e := range chain {
		var err error
		if s, err = Apply(s, e); err != nil {
			return State{}, err
		}
	}
	if s.Length == 0 {
		return State{}, fmt.Errorf("empty chain: %w", ErrChain)
	}
	return s, nil
}

// follows checks the place of an event behind a state.
func follows(s State, e Event) error {
	starts := e.Kind == KindAccepted || e.Kind == KindRefused || e.Kind == KindReceived
	switch {
	case e.Seq != s.Length:
		return fmt.Errorf("stands at place %d, want %d: %w", e.Seq, s.Length, ErrChain)
	case e.Prev != s.Head:
		return fmt.Errorf("hangs on %s, the head is %s: %w", e.Prev.Short(), s.Head.Short(), ErrChain)
	case e.Office == "" || s.Length > 0 && e.Office != s.Answers():
		return fmt.Errorf("written by %q, the chain is %q's: %w", e.Office, s.Answers(), ErrChain)
	case (e.Kind == KindTaken) != (s.Successor != ""):
		return fmt.Errorf("a hand-over is followed by its taking, and nothing else is: %w", ErrChain)
	case s.Length > 0 && e.Chain != s.Chain:
		return fmt.Errorf("of another chain: %w", ErrChain)
	case starts != (s.Length == 0):
		return fmt.Errorf("only the first event starts a chain: %w", ErrChain)
	case e.At < s.At:
		return fmt.Errorf("dated before the event it follows: %w", ErrChain)
	case s.Ended():
		return fmt.Errorf("the chain has ended: %w", ErrChain)
	}
	return nil
}

// fold is the one place where an event changes a state.
func fold(s State, e Signed) (State, error) {
	switch e.Event.Kind {
	case KindAccepted:
		return with(s, e, State.accepted)
	case KindRefused:
		return with(s, e, State.refused)
	case KindReceived:
		return with(s, e, State.received)
	case KindStepDone:
		return with(s, e, State.stepDone)
	case KindRequested:
		return with(s, e, State.requested)
	case KindNoted:
		return with(s, e, State.noted)
	case KindDecided:
		return with(s, e, State.decided)
	case KindReported:
		return with(s, e, State.reported)
	case KindReturned:
		return with(s, e, State.returned)
	case KindHandedOver:
		return with(s, e, State.handedOver)
	case KindTaken:
		return with(s, e, State.taken)
	}
	return s, newer("event kind", e.Event.Kind)
}

// with decodes and validates the body of an event and folds it.
func with[T interface{ Validate() error }](s State, e Signed, f func(State, Signed, T) (State, error)) (State, error) {
	b, err := BodyOf[T](e.Event)
	if err != nil {
		return s, err
	}
	return f(s, e, b)
}

// BodyOf decodes and validates the body of an event. T is the struct of its kind.
func BodyOf[T interface{ Validate() error }](e Event) (T, error) {
	var b T
	if err := wire.Unmarshal(e.Body, &b); err != nil {
		return b, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := b.Validate(); err != nil {
		return b, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return b, nil
}

// take puts the submission of a root chain into the state, if the chain is that of the submission.
func (s State) take(e Signed, r record.Record) (State, error) {
	sub, err := ReadSubmission(r)
	if err != nil {
		return s, err
	}
	if r.ID() != s.Chain || sub.Office != e.Event.Office {
		return s, fmt.Errorf("the submission is of another chain or office: %w", ErrChain)
	}
	s.Submission, s.Procedure, s.ProcVersion = sub, sub.Procedure, sub.ProcVersion
	return s, nil
}

func (s State) accepted(e Signed, b Accepted) (State, error) {
	c, err := ParseCode(b.Code)
	if err != nil || string(c.Office) != e.Event.Office || c.String() != b.Code {
		return s, fmt.Errorf("code %q is not the office's: %w", b.Code, ErrChain)
	}
	s.Code, s.Due, s.Calendar, s.Status = b.Code, b.Due, b.Calendar, StatusAccepted
	return s.take(e, b.Submission)
}

func (s State) refused(e Signed, b Refused) (State, error) {
	s.Reason, s.Status = b.Reason, StatusRefused
	return s.take(e, b.Submission)
}

func (s State) received(_ Signed, b Received) (State, error) {
	s.IsChild, s.Root, s.Request, s.Due = true, b.Root, b.Request, b.Due
	s.First, s.Last, s.Procedure, s.ProcVersion = b.First, b.Last, b.Procedure, b.ProcVersion
	s.Status = StatusProcessing
	return s, nil
}

// free refuses an act while a request is open: the root waits for its child.
func (s State) free() error {
	if c, open := s.Open(); open {
		return fmt.Errorf("the chain waits for %s: %w", c.To, ErrChain)
	}
	return nil
}

func (s State) stepDone(_ Signed, b StepDone) (State, error) {
	s.Done, s.Status = b.Step, StatusProcessing
	s.Steps = append(slices.Clip(s.Steps), Finished{Step: b.Step, Kind: KindStepDone})
	return s, s.free()
}

func (s State) decided(e Signed, b Decided) (State, error) {
	s.DecidedAt = e.Event.At
	s.Done, s.Status, s.Outcome, s.Reason = b.Step, StatusDecided, b.Outcome, b.Reason
	s.Results = append(slices.Clip(s.Results), b.Results...)
	s.Steps = append(slices.Clip(s.Steps), Finished{b.Step, KindDecided, b.Outcome, len(b.Results)})
	return s, s.free()
}

func (s State) requested(e Signed, b Requested) (State, error) {
	if s.IsChild || b.To == s.Office {
		return s, fmt.Errorf("a root chain asks another office: %w", ErrChain)
	}
	if b.Child != ChildID(s.Chain, len(s.Children)) {
		return s, fmt.Errorf("the child's id is not that of request %d: %w", len(s.Children), ErrChain)
	}
	if err := s.free(); err != nil {
		return s, err
	}
	c := Child{ID: b.Child, Request: e.ID(), To: b.To, First: b.First, Last: b.Last, Due: b.Due, At: e.Event.At}
	s.Children = append(slices.Clip(s.Children), c)
	s.Status = StatusWaiting
	return s, nil
}

func (s State) noted(e Signed, b Noted) (State, error) {
	c, open := s.Open()
	if !open || c.ID != b.Child {
		return s, fmt.Errorf("no such request is open: %w", ErrChain)
	}
	c.Noted, c.Head, c.Outcome = true, b.Head, b.Outcome
	s.Children = append(slices.Clone(s.Children[:len(s.Children)-1]), c) // only the last can be open
	s.Done, s.Status = c.Last, StatusProcessing
	if b.Outcome != 0 {
		s.Outcome, s.Status, s.DecidedAt = b.Outcome, StatusDecided, e.Event.At
	}
	return s, nil
}

func (s State) reported(_ Signed, _ Reported) (State, error) {
	if !s.IsChild {
		return s, fmt.Errorf("only a child reports: %w", ErrChain)
	}
	s.Status = StatusReported
	return s, nil
}

func (s State) returned(_ Signed, b Returned) (State, error) {
	if s.IsChild {
		return s, fmt.Errorf("only the root office returns a result: %w", ErrChain)
	}
	s.Status, s.Method = StatusReturned, b.Method
	return s, s.free()
}

func (s State) handedOver(_ Signed, b HandedOver) (State, error) {
	if b.To == s.Office {
		return s, fmt.Errorf("handed over to the office that has it: %w", ErrChain)
	}
	s.Successor = b.To
	return s, nil
}

func (s State) taken(e Signed, b Taken) (State, error) {
	if b.From != s.Office {
		return s, fmt.Errorf("taken from %q, the chain is %q's: %w", b.From, s.Office, ErrChain)
	}
	s.Former = append(slices.Clip(s.Former), s.Office)
	s.Office, s.Successor = e.Event.Office, ""
	return s, nil
}
