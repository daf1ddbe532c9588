package page

import (
	"time"

	"motcua/node/text"
)

// Today is the officer's first page.
type Today struct {
	Counts []Count
	Lists  []Worklist
	// Closing says that the office closes, "" where it does not; HandOver is the address of the page about it.
	Closing, HandOver string
}

// Count is a number that links to the list behind it.
type Count struct {
	Label, URL string
	N          int
	Alarm      bool // shown in red while N is not 0
}

// Worklist is a headed table.
type Worklist struct {
	Title, Empty string
	More         Link
	Rows         []Case
}

// Case is a dossier or submission in a table of the desk.
type Case struct {
	Code, URL, Applicant, Procedure, Holder string
	Tag                                     Tag
	Due                                     time.Time
	Left                                    string
	Late                                    bool
}

func (Today) file() string             { return "today" }
func (Today) title(l text.Lang) string { return l.T("today.title") }

// HandOver shows how far an office that closes has handed over what it has in progress.
type HandOver struct {
	Lead, State string
	Rows        []Row
	Submissions Link   // to those not accepted; none where there are none
	Hindrance   string // why it does not go on, for who looks after the machine; "" where it does
	Order       string // address of the form that orders it, "" where this reader cannot
}

func (HandOver) file() string             { return "handover" }
func (HandOver) title(l text.Lang) string { return l.T("handover.title") }

// List is one queue, or what was found in it. The words looked for stay out of the URL.
type List struct {
	Form
	View, Query string
	Views       []View
	Scopes      []View // what of the queue: one's own work or all one may see; none where both are the same
	Rows        []Case
	More        string
}

// View is one queue of the desk.
type View struct {
	Label, URL string
	N          int // -1 where nobody counts
	Here       bool
}

func (List) file() string { return "list" }
func (p List) title(l text.Lang) string {
	for _, v := range p.Views {
		if v.Here {
			return v.Label
		}
	}
	return l.T("nav.list")
}

// Bar tells which dossier a page is about.
type Bar struct {
	Heading, Code, Procedure, Applicant, Detail string
	Tag                                         Tag
	Due                                         time.Time
	Left                                        string
	Late                                        bool
}

// Submission is what has arrived and waits to be accepted or refused. The two forms have an identity each.
type Submission struct {
	Form
	OnceRefuse string
	Bar        Bar
	Groups     []Group
	Slots      []Slot
	Warnings   []string
	Today      *Due   // the due date if accepted now
	Deny       string // why this officer may do neither, "" if he may
	Reason     Field
}

func (Submission) file() string               { return "submission" }
func (p Submission) title(l text.Lang) string { return p.Bar.Heading + " " + p.Bar.Code }

// DeskDossier is a dossier as the desk sees it: the root or a child of it.
type DeskDossier struct {
	Bar     Bar
	Acts    []Act
	Steps   []Step
	Groups  []Group
	Slots   []Slot
	Results []File
	Reason  string
	History []Step
	Chain   string // short name of the chain
	Due     *Due
	Pending []string // what was sent and is not acknowledged
	Slip    string   // address of the receipt slip, "" before there is one
	Forked  bool     // events that contradict the chain were found: evidence, to be looked into
}

// Act is something that may be done, or the reason why it may not: then URL is "".
type Act struct {
	Label, URL, Why string
	Main            bool
}

func (DeskDossier) file() string               { return "case" }
func (p DeskDossier) title(l text.Lang) string { return p.Bar.Heading + " " + p.Bar.Code }

// Do is the form of one act on a dossier.
type Do struct {
	Form
	Bar                                 Bar
	Heading, Text, Button, Back, Action string
	Fields                              []Field
	Upload                              bool
}

func (Do) file() string               { return "act" }
func (p Do) title(l text.Lang) string { return p.Heading }

// Slip is the receipt and appointment slip, form 01 of Circular 01/2018/TT-VPCP, in Vietnamese.
type Slip struct {
	Back, Above, Office, Place, Code string // Place: with the date, "Vĩnh Lương, ngày 24 tháng 11 năm 2026"
	Rows, Times                      []Row
	Papers                           []SlipPaper
	Applicant, Officer, Explained    string
	QR                               QR
}

// SlipPaper is a line of the slip's list of papers.
type SlipPaper struct {
	Name                     string
	Originals, Copies, Files int
}

func (Slip) file() string               { return "slip" }
func (p Slip) title(l text.Lang) string { return l.T("case.slip") + " " + p.Code }

// Outbox shows what has not arrived elsewhere yet, and how this node is.
type Outbox struct {
	Form
	Line           Tag
	Edition        uint64
	EditionAt      time.Time
	Reached, Known int      // peers
	Retry, Stick   string   // addresses: try everything now; a bundle of everything
	Late           []Parcel // past their lifetime: a person decides
	Parcels        []Parcel
	Refused        []Parcel
}

// Parcel is something sent or to be sent.
type Parcel struct {
	To, What, Code, Why string
	Since, Last         time.Time
	Tries               int
	Office              string // the code of To
	Next                string // when it is tried again, or that it is being sent
	Way                 string // "" for straight to the recipient
	Done, Bytes         int64
	Raised              bool
	Within              time.Duration // in which it ought to be acknowledged
	Keep, Stick         string        // addresses: send on past its lifetime; a bundle for its recipient
	Fix                 string        // what to do about a refusal
}

func (Outbox) file() string             { return "outbox" }
func (Outbox) title(l text.Lang) string { return l.T("outbox.title") }
