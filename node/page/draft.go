package page

import (
	"time"

	"motcua/node/text"
)

// Draft names the filing that a page is part of.
type Draft struct{ ID, Procedure, Office string }

// Start asks which office is in charge.
type Start struct {
	Form
	Procedure    Service
	Query, Place string
	Places       []Option // areas to narrow the list by
	Offices      Field    // one radio button an office
	More         int      // offices that match but are not shown
}

func (Start) file() string             { return "start" }
func (Start) title(l text.Lang) string { return l.T("start.title") }

// Tasks lists what is left to do before sending.
type Tasks struct {
	Form
	Draft Draft
	Tasks []Task
}

// Task is one part of a filing; URL is "" while it cannot be begun.
type Task struct {
	Name, URL string
	Tag       Tag
}

func (Tasks) file() string             { return "tasks" }
func (Tasks) title(l text.Lang) string { return l.T("tasks.title") }

// Questions is the form of the procedure.
type Questions struct {
	Form
	Draft   Draft
	Heading string
	Fields  []Field
}

func (Questions) file() string { return "questions" }
func (p Questions) title(l text.Lang) string {
	if p.Heading != "" {
		return p.Heading
	}
	return l.T("questions.title")
}

// Papers has one slot for each paper.
type Papers struct {
	Form
	Draft Draft
	Slots []Slot
	Max   int64 // bytes of one file
}

// Slot is one paper asked for, with what is there already. Its problems are named by ID.
type Slot struct {
	ID, Name, Count, Note, Error string
	Optional                     bool
	Files                        []File
}

func (Papers) file() string             { return "papers" }
func (Papers) title(l text.Lang) string { return l.T("papers.title") }

// Check shows all answers before they are sent.
type Check struct {
	Form
	Draft    Draft
	Groups   []Group
	Slots    []Slot
	Warnings []string // what is missing but may be sent all the same
	Ready    bool
	Today    *Due
}

func (Check) file() string             { return "check" }
func (Check) title(l text.Lang) string { return l.T("check.title") }

// Confirmation says that it is sent, with the code.
type Confirmation struct {
	Code, Procedure, Office string
	At                      time.Time
	Local                   bool // the office in charge is this one
}

func (Confirmation) file() string             { return "confirmation" }
func (Confirmation) title(l text.Lang) string { return l.T("confirm.title") }

// Receipt is the printable proof of a submission, in Vietnamese.
type Receipt struct {
	Code, Portal string
	Rows         []Row
	Files        []string
	QR           QR
}

func (Receipt) file() string               { return "receipt" }
func (p Receipt) title(l text.Lang) string { return l.T("confirm.receipt") + " " + p.Code }
