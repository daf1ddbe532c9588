package office

import (
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/calendar"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// Ref is an office by code and name, as it was named on the day in question.
type Ref struct {
	Code directory.OfficeCode
	Name directory.Text
}

// Source says where an answer came from.
type Source string

// The sources, the surest first.
const (
	FromHolder    Source = "holder"    // this node writes the chain, or its writer answered just now
	FromDirectory Source = "directory" // the directory, as the root office last reported
	FromCopy      Source = "copy"      // this node's own copy
)

// Freshness says how much an answer can be relied on. Fresh is false where a newer state may exist.
type Freshness struct {
	AsOf   time.Time
	Fresh  bool
	Source Source
}

// FileView is a paper or result. Here tells whether its bytes are on this node.
type FileView struct {
	Blob        digest.Digest
	Name        string
	MediaType   string
	Size        int64 // plain bytes
	Requirement string
	Here        bool
}

// StepState is where a step of the route stands.
type StepState string

// The states of a step.
const (
	StepDone    StepState = "done"
	StepCurrent StepState = "current"
	StepSent    StepState = "sent" // asked of the other office, which has not answered
	StepAhead   StepState = "ahead"
	StepSkipped StepState = "skipped" // passed over after a rejection
)

// StepView is a step of the route with its place and state.
type StepView struct {
	Step   directory.Step
	Office Ref
	State  StepState
	At     time.Time // when it was done; zero before
	By     string
	For    string // on whose behalf, "" for nobody's
	Note   string
}

// EventView is one line of the history. Child tells that it is on another office's chain.
type EventView struct {
	At      time.Time
	Office  Ref
	Actor   string // name; "" for what a node did by itself
	Role    string
	Kind    dossier.Kind
	Step    directory.Text
	Note    string // note or reason
	Outcome dossier.Outcome
	To      Ref       // of a request
	Due     time.Time // of an acceptance or request
	Method  string    // of a return
	Child   bool
	// For is on whose behalf it was done, by the Decision of a delegation; "" for nobody's.
	For, Decision string
}

// Sending is a parcel on its way: sent or waiting, not yet acknowledged.
type Sending struct {
	Parcel   digest.Digest
	To       Ref
	Kind     string // "submission", "request", "report", "status"
	About    digest.Digest
	Code     string
	Since    time.Time
	Attempts int                // that failed
	Tried    time.Time          // the last that failed
	Reason   replication.Reason // of the last failure
	Overdue  bool               // past its lifetime: a person decides
	Within   time.Duration      // in which it ought to be acknowledged
	Raised   bool               // not acknowledged within the hours that the catalogue gives it
	Bytes    int64              // in all
	replication.Progress
}

// Trouble is a parcel that its recipient will never take.
type Trouble struct {
	Parcel  digest.Digest
	To      Ref
	Kind    string
	Code    string
	Refusal string
	Note    string
	At      time.Time
}

// DossierView is all that may be seen of a dossier: by its applicant, or by the desk. It holds no keys.
type DossierView struct {
	Freshness
	Chain     digest.Digest
	Root      digest.Digest // of a child: its root chain; else Chain
	IsChild   bool
	Code      string // "" before acceptance
	Alias     string // submission code
	Status    dossier.Status
	Procedure directory.Procedure
	Office    Ref // answers to the applicant
	Holder    Ref // works on it now
	Portal    Ref // where it was handed in
	Applicant dossier.Applicant
	Answers   []byte // JSON object, for the procedure's form

	Submitted, Accepted, Due, Decided, Returned time.Time // zero when not yet
	Explanation                                 calendar.Explanation

	Outcome dossier.Outcome
	Reason  string
	Papers  []FileView
	Results []FileView
	Steps   []StepView
	History []EventView
	Looks   []LookView

	// For the desk alone.
	Allowed  []dossier.Action
	Next     *StepView // the step at hand, nil if none
	Forward  Ref       // where the step at hand is done, if elsewhere
	Sending  []Sending // what has not been acknowledged
	Children []ChildView
	Forks    int // events that contradict the chain: evidence, to be shown
}

// ChildView is a request to another office as the root office sees it.
type ChildView struct {
	Chain  digest.Digest
	Office Ref
	Status dossier.Status // requested until the office's own chain has arrived
	Asked  time.Time
	Due    time.Time
	Acked  time.Time // when the other office's receipt says it arrived; zero before
}

// LookView is one look at a dossier.
type LookView struct {
	At      time.Time
	Office  Ref
	Name    string
	Role    string
	Purpose string
	// SignedIn is the office whose node signed the session of an applicant's look, none where staff looked. It differs
	// from Office where the applicant, or somebody with a session made up by another node, signed in elsewhere.
	SignedIn Ref
}

// TrackView answers "where is my dossier".
type TrackView struct {
	Freshness
	Code   string
	Alias  string
	Status dossier.Status
	Office Ref
	Holder Ref
	Due    time.Time // zero before acceptance
	// Procedure is known where this node holds the dossier or its holder answered.
	Procedure directory.Text
}

// ReceiptView is the confirmation of a submission, for its applicant.
type ReceiptView struct {
	Code        string // submission code
	DossierCode string // "" until accepted
	Status      dossier.Status
	Reason      string // of a refusal
	Procedure   directory.Procedure
	Office      Ref
	Portal      Ref
	At          time.Time
	Applicant   dossier.Applicant
	Papers      []FileView
	Delivered   bool      // the office in charge has it
	Due         time.Time // zero until accepted
	Explanation calendar.Explanation
	Digest      digest.Digest // of the signed submission
}

// DraftView is a submission being written.
type DraftView struct {
	ID        string
	Procedure directory.Procedure
	Office    Ref
	Answers   []byte // JSON object, "" while nothing was saved
	FormDone  bool   // the answers are valid
	Papers    []FileView
	Missing   []directory.Requirement // required papers without a file
	Updated   time.Time
	// IfToday is when it would be due if accepted now.
	IfToday     time.Time
	Explanation calendar.Explanation
}

// Mine is one line of a citizen's list.
type Mine struct {
	Freshness
	Code      string // dossier code, or the submission code before acceptance
	Alias     string
	Procedure directory.Text // empty where only the directory knows the dossier and its office does not answer
	Status    dossier.Status
	Office    Ref
	Holder    Ref
	Due       time.Time
}

// Line is one line of the desk's lists.
type Line struct {
	Chain     digest.Digest
	Kind      store.RowKind
	Code      string // dossier code, or the submission code before acceptance
	Procedure directory.Text
	Applicant string
	Status    dossier.Status
	Step      directory.Text
	Root      Ref
	Holder    Ref
	Due       time.Time
	Left      time.Duration // working time until due, negative when overdue
	Overdue   bool
	Updated   time.Time
}

// Bucket is a list of the desk. Append only.
type Bucket string

// The lists of the desk.
const (
	BucketNew     Bucket = "new"     // submissions to accept or refuse
	BucketArrived Bucket = "arrived" // requests of other offices to take in hand
	BucketWork    Bucket = "work"    // in progress here
	BucketWait    Bucket = "wait"    // with another office
	BucketReturn  Bucket = "return"  // result to hand over
	BucketNone    Bucket = ""        // in no list
)

// Buckets lists the lists in the order of the day.
func Buckets() []Bucket {
	return []Bucket{BucketNew, BucketArrived, BucketWork, BucketWait, BucketReturn}
}

// Filter says which part of which list.
type Filter struct {
	Bucket  Bucket
	Search  string // code, or words of the applicant's name; overrides Bucket
	Overdue bool
	// All shows whatever the officer may look at, not only what asks for something that he may do.
	All bool
	// Taken shows what other offices have handed over to this one, whatever its list.
	Taken bool
	From  store.Cursor
	N     int // at most 200, 0 means 50
}

// Page is a part of a list.
type Page struct {
	Lines []Line
	Next  store.Cursor // "" at the end
}

// Group is a list with its counts. Counts stop at 1000.
type Group struct {
	Bucket                  Bucket
	Count, Overdue, DueSoon int    // DueSoon: within two working days
	Lines                   []Line // the first few
}

// TodayView is the desk's first page.
type TodayView struct {
	Groups   []Group
	Sending  []Sending
	Troubles []Trouble
}

// SlipView is what the receipt slip says (form 01 of Circular 01/2018/TT-VPCP).
type SlipView struct {
	Code        string
	Alias       string
	Office      directory.Office
	OfficeName  directory.Text
	Procedure   directory.Procedure
	Applicant   dossier.Applicant
	Papers      []FileView
	Received    time.Time
	Due         time.Time
	Explanation calendar.Explanation
	Officer     string
	Event       digest.Digest // ID of the signed event of acceptance
}

// Strip is the line of freshness on every page.
type Strip struct {
	Office  Ref
	Edition uint64
	// Contact is when this node last heard from the directory or a peer; zero if not since it started.
	Contact time.Time
	Waiting int // parcels not yet acknowledged
}
