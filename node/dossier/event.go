// Package dossier is the law of a dossier: what may be done, by whom, and what that makes of it. It is pure: time, actor and
// ids are arguments.
//
// # Chains
//
// A dossier is a tree of chains of signed events, each chain written by one office. The root chain begins when the office in
// charge accepts (or refuses) a submission. Work asked of another office is a child chain, begun and written there, and
// taken note of on the root chain when it has come back.
//
//	root   Accepted  StepDone …  Requested ───────────────── Noted  …  Decided  Returned
//	child                            └ Received … Decided  Reported ┘
//
// A chain changes its office only where one closes and another takes over what it has in progress: the former office's last event
// is HandedOver, the next one's first is Taken. In between nobody may write.
//
// # Three functions
//
// [Verify] asks whether the events were signed by those they name and hang together; [Apply] folds one event into a
// [State], and refuses what no office could rightly have written; the functions of decide.go (Accept, FinishStep, …) turn an
// act into the event to sign, or a [Rule] that forbids it. An event that was decided here is always one that Apply takes.
//
// # What it does not do
//
// It does not keep, send or time anything, nor know which office is the district of a commune: a [Plan] says where each
// step of the route is done. A fork is not resolved here: the caller keeps both ends as evidence.
package dossier

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Labels of the signed formats of this package.
const (
	EventLabel      = "motcua event v1"
	SubmissionLabel = "motcua submission v1"
)

// Actor is who did something. System acts (a report taken in) have Role "system" and no account.
type Actor struct {
	Account directory.AccountID `cbor:"1,keyasint,omitempty"`
	Name    string              `cbor:"2,keyasint,omitempty"`
	Role    string              `cbor:"3,keyasint"`
	// For is on whose behalf, of an act by delegation (ký thay); nil for the actor's own.
	For *Principal `cbor:"4,keyasint,omitempty"`
}

// Principal is on whose behalf somebody acts: the delegation as it stands in the directory, its decision in words, and the
// person whose role it is.
type Principal struct {
	Account    directory.AccountID `cbor:"1,keyasint"`
	Name       string              `cbor:"2,keyasint"`
	Delegation string              `cbor:"3,keyasint"` // its ID
	Decision   string              `cbor:"4,keyasint"` // its number, or the reason
}

// Validate checks form and bounds.
func (p Principal) Validate() error {
	if p.Account == "" || len(p.Account) > 64 || p.Delegation == "" || len(p.Delegation) > 64 ||
		p.Name == "" || len(p.Name) > MaxName || p.Decision == "" || len(p.Decision) > MaxDecision {
		return errors.New("on behalf of nobody, or by no delegation")
	}
	return nil
}

// Kind is the kind of an event. Append only; never reuse a number.
type Kind uint16

// The kinds of events. The first event of a chain is Accepted, Refused or Received.
const (
	KindAccepted  Kind = 1 // root: the office takes the dossier, gives code and due date
	KindRefused   Kind = 2 // root: the office does not take it, and says why; ends the chain
	KindStepDone  Kind = 3 // a check step is done
	KindRequested Kind = 4 // work is asked of another office: a child
	KindReported  Kind = 5 // child: the work is done and its result goes up; ends the child chain
	KindNoted     Kind = 6 // root: a child's report has arrived and been verified
	KindDecided   Kind = 7 // a decision with its result
	KindReturned  Kind = 8 // root: the result was handed to the applicant; ends the chain
	KindReceived  Kind = 9 // child: the asked office takes the request in hand; first event of a child chain
	// The two below change the office of a chain.
	KindHandedOver Kind = 10 // the office, which has closed, hands the chain over: its last event
	KindTaken      Kind = 11 // the office named there has the chain and goes on with it: its first event
)

// Event is one signed act. Its bytes are the body of a record signed under EventLabel; its ID is their digest.
type Event struct {
	Version uint8         `cbor:"1,keyasint"` // 1; 2 where the actor acts for somebody else
	Chain   digest.Digest `cbor:"2,keyasint"` // id of the chain, chosen when it starts: see Accepted, Requested
	Seq     uint64        `cbor:"3,keyasint"` // 0 for the first
	Prev    digest.Digest `cbor:"4,keyasint"` // ID of the event before, zero for the first
	Office  string        `cbor:"5,keyasint"` // the one writer of the chain, up to a hand-over
	At      int64         `cbor:"6,keyasint"` // Unix milliseconds of the writer's clock
	Actor   Actor         `cbor:"7,keyasint"`
	Edition uint64        `cbor:"8,keyasint"` // of the directory, that the act was decided under
	Kind    Kind          `cbor:"9,keyasint"`
	Body    wire.Raw      `cbor:"10,keyasint"` // the struct of the Kind, below
}

// Attachment is a paper or result kept as a sealed file.
type Attachment struct {
	Blob      digest.Digest `cbor:"1,keyasint"` // of the ciphertext: the name of the sealed file
	Plain     digest.Digest `cbor:"2,keyasint"` // of the plain bytes
	Size      int64         `cbor:"3,keyasint"` // plain bytes
	Sealed    int64         `cbor:"4,keyasint"` // ciphertext bytes
	Name      string        `cbor:"5,keyasint"` // file name as given
	MediaType string        `cbor:"6,keyasint"`
	// Key is the data key of this file. It is inside sealed parcels and the node's sealed store only.
	Key []byte `cbor:"7,keyasint"`
	// Requirement is the id of the requirement it answers; empty for a result.
	Requirement string `cbor:"8,keyasint,omitempty"`
}

// Applicant is who the dossier is for, as known when it was submitted.
type Applicant struct {
	Account  directory.AccountID `cbor:"1,keyasint,omitempty"`
	Name     string              `cbor:"2,keyasint"`
	Identity string              `cbor:"3,keyasint"`
	Phone    string              `cbor:"4,keyasint"`
	Email    string              `cbor:"5,keyasint,omitempty"`
	Address  string              `cbor:"6,keyasint,omitempty"`
}

// Submission is what an applicant hands in through the portal of any office. It is signed by that portal's node under
// SubmissionLabel.
type Submission struct {
	Version     uint8        `cbor:"1,keyasint"` // 1
	Code        string       `cbor:"2,keyasint"` // submission code, see NewSubmissionCode
	Procedure   string       `cbor:"3,keyasint"`
	ProcVersion uint32       `cbor:"4,keyasint"`
	Office      string       `cbor:"5,keyasint"` // in charge: where it goes
	Portal      string       `cbor:"6,keyasint"` // where it was handed in
	At          int64        `cbor:"7,keyasint"` // Unix milliseconds
	Edition     uint64       `cbor:"8,keyasint"`
	Applicant   Applicant    `cbor:"9,keyasint"`
	Answers     []byte       `cbor:"10,keyasint"` // JSON object, validated against the procedure's form
	Attachments []Attachment `cbor:"11,keyasint"`
	Lang        string       `cbor:"12,keyasint"`
}

// Accepted starts a root chain. The chain's id is the ID of the submission record, so a submission can be accepted
// once only.
type Accepted struct {
	Code       string        `cbor:"1,keyasint"` // official dossier code
	Submission record.Record `cbor:"2,keyasint"`
	Due        int64         `cbor:"3,keyasint"` // Unix seconds
	// Calendar is the version of the calendar the due date was computed with; Clock the words that explain it
	// can be recomputed from At, the procedure's limit and that calendar.
	Calendar uint32 `cbor:"4,keyasint"`
}

// Refused starts and ends the chain of a submission that was not accepted.
type Refused struct {
	Submission record.Record `cbor:"1,keyasint"`
	Reason     string        `cbor:"2,keyasint"`
}

// StepDone ends a check step.
type StepDone struct {
	Step string `cbor:"1,keyasint"`
	Note string `cbor:"2,keyasint,omitempty"`
}

// Requested asks another office for the steps from First to Last of the route. The child chain's id is chosen here: the digest of
// "motcua child v1", the root chain's id and the number of the request.
type Requested struct {
	Child digest.Digest `cbor:"1,keyasint"`
	To    string        `cbor:"2,keyasint"`
	First string        `cbor:"3,keyasint"` // step ids
	Last  string        `cbor:"4,keyasint"`
	Note  string        `cbor:"5,keyasint,omitempty"`
	// Due is when the answer is expected, Unix seconds: the child's own clock, within the root's.
	Due int64 `cbor:"6,keyasint"`
}

// Received starts a child chain. Request is the ID of the Requested event of the root chain; steps and procedure are
// repeated from there, so that a child chain can be read by itself.
type Received struct {
	Root        digest.Digest `cbor:"1,keyasint"` // root chain id
	Request     digest.Digest `cbor:"2,keyasint"`
	Due         int64         `cbor:"3,keyasint"`
	First       string        `cbor:"4,keyasint"`
	Last        string        `cbor:"5,keyasint"`
	Procedure   string        `cbor:"6,keyasint"`
	ProcVersion uint32        `cbor:"7,keyasint"`
}

// Outcome of a decision. Append only.
type Outcome uint8

// The outcomes.
const (
	Approved Outcome = 1
	Rejected Outcome = 2
)

// Decided ends a decide step.
type Decided struct {
	Step    string       `cbor:"1,keyasint"`
	Outcome Outcome      `cbor:"2,keyasint"`
	Reason  string       `cbor:"3,keyasint,omitempty"` // required for a rejection
	Results []Attachment `cbor:"4,keyasint"`
}

// Reported ends a child chain: all its steps are done.
type Reported struct {
	Note string `cbor:"1,keyasint,omitempty"`
}

// Noted records on the root chain that the child's chain, up to Head, has arrived and verified.
type Noted struct {
	Child digest.Digest `cbor:"1,keyasint"`
	Head  digest.Digest `cbor:"2,keyasint"` // ID of the child's last event
	// Outcome is that of the child's last decision, 0 if it had none to make.
	Outcome Outcome `cbor:"3,keyasint,omitempty"`
}

// Returned ends a root chain.
type Returned struct {
	Method string `cbor:"1,keyasint"` // "desk", "post", "electronic"
	Note   string `cbor:"2,keyasint,omitempty"`
}

// HandedOver ends an office's part of a chain. The event before it is the head that is handed over. It moves neither the code nor
// the due date.
type HandedOver struct {
	To string `cbor:"1,keyasint"` // the office that takes over
	// Decision is the legal decision by which the office closed, and Closed the last day on which it was open, as the directory's
	// edition of the event has them.
	Decision string         `cbor:"2,keyasint"`
	Closed   directory.Date `cbor:"3,keyasint"`
}

// Taken begins the part of the office that a chain was handed over to. The event before it is the hand-over.
type Taken struct {
	From string `cbor:"1,keyasint"`
}

// ErrMalformed is wrapped by every error about bytes that are no event or submission of a version this program
// knows. Where a later version may know it, the error wraps wire.ErrNewer too: upgrade, and refuse nothing for good.
var ErrMalformed = errors.New("malformed dossier record")

// Signed is an event with the record it was read from.
type Signed struct {
	Record record.Record
	Event  Event
}

// ID names the event.
func (s Signed) ID() digest.Digest { return s.Record.ID() }

// ReadEvent decodes the event of a record, without checking its signature. An unknown kind or version is an error that
// says so: a legal record is never skipped.
func ReadEvent(r record.Record) (Signed, error) {
	var e Event
	if err := wire.UnmarshalVersioned(r.Body, &e, byDelegation); err != nil {
		return Signed{}, fmt.Errorf("event: %w: %w", ErrMalformed, err)
	}
	switch {
	case e.Kind > KindTaken:
		return Signed{}, newer("event kind", e.Kind)
	case e.Version != e.format() || e.Kind < KindAccepted:
		return Signed{}, fmt.Errorf("event of format %d and kind %d: %w", e.Version, e.Kind, ErrMalformed)
	}
	if p := e.Actor.For; p != nil && p.Validate() != nil {
		return Signed{}, fmt.Errorf("event: %w: %w", ErrMalformed, p.Validate())
	}
	return Signed{r, e}, nil
}

// byDelegation is the format of an event that is done for somebody else. Every other one has the format 1, so that programs
// which know no delegations read it.
const byDelegation = 2

// format is the one that an event has.
func (e Event) format() uint8 {
	if e.Actor.For != nil {
		return byDelegation
	}
	return 1
}

// newer is the error for a value of an append-only list that this program does not know.
func newer(what string, value any) error {
	return fmt.Errorf("%s %v is not known to this version: %w: %w", what, value, wire.ErrNewer, ErrMalformed)
}
