package page

import (
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/text"
)

// Service is a procedure in a list.
type Service struct {
	Code, Name        string
	Level, Limit      string // who decides, how long it takes
	Free, Interlinked bool
}

// Subject is a field of work with the number of its procedures.
type Subject struct {
	ID, Name string
	Count    int
}

// Home is the portal's first page: search first.
type Home struct {
	Common []Service
	Fields []Subject
}

func (Home) file() string             { return "home" }
func (Home) title(l text.Lang) string { return l.T("home.title") }

// Search lists the procedures that match a query, or a field of work.
type Search struct {
	Query  string
	Fields []Option
	Hits   []Service
	Total  int
	More   string // address of the next part, "" for none
}

func (Search) file() string { return "search" }
func (p Search) title(l text.Lang) string {
	if p.Query != "" {
		return l.T("search.title_for", p.Query)
	}
	return l.T("search.title")
}

// Procedure is all there is to know before filing.
type Procedure struct {
	Code, Name, Field, Where string // Where: which office decides
	Limit                    directory.Limit
	Today                    *Due   // the due date if filed now; nil when unknown
	Total                    uint64 // đồng, 0 when a rule sets it
	Fees                     []Fee
	Who, Conditions          string
	Papers                   []Paper
	Route                    []RouteStep
	Result                   string
	Legal                    []string
	Version                  uint32
	Decision                 string
	From                     directory.Date
	// Ends is the day from which the procedure is withdrawn, on the decision EndedBy; EndNote says what takes its place. Once
	// it has Ended it is shown for reading and cannot be begun.
	Ends             directory.Date
	Ended            bool
	EndedBy, EndNote string
}

// Fee is one charge.
type Fee struct {
	Name, Note string
	Amount     uint64 // đồng
	ByRule     bool
}

// Paper is one paper to hand in. Count says how many originals and copies.
type Paper struct {
	Name, Count, Note string
	Optional          bool
}

// RouteStep is one step of the way a dossier will go.
type RouteStep struct {
	Name, Where string
	Budget      int // quarters of a working day
}

// Undecided tells that no decision has published the procedure yet: its place in the catalogue then says so, in Vietnamese.
func (p Procedure) Undecided() bool {
	return strings.HasPrefix(strings.ToLower(p.Decision), "chưa có")
}

func (Procedure) file() string               { return "procedure" }
func (p Procedure) title(l text.Lang) string { return p.Name }

// Register asks for an account.
type Register struct {
	Form
	Next   string // where to go afterwards
	Fields []Field
}

func (Register) file() string             { return "register" }
func (Register) title(l text.Lang) string { return l.T("register.title") }

// SignIn asks who it is; the frame's site says for which door.
type SignIn struct {
	Form
	Next   string
	Fields []Field
}

func (SignIn) file() string             { return "signin" }
func (SignIn) title(l text.Lang) string { return l.T("sign_in.title") }

// Track asks for a code and the last four digits that prove the right to look.
type Track struct {
	Form
	Fields []Field
}

func (Track) file() string             { return "track" }
func (Track) title(l text.Lang) string { return l.T("track.title") }

// Tracked is what anyone with the code and the four digits may see. No name, no content.
type Tracked struct {
	Code, Procedure, Root, Holder string
	Standing                      text.StateWords
	Due                           *Due
	AsOf                          time.Time
	Fresh                         bool // from the holder itself, just now
	Steps                         []Step
}

func (Tracked) file() string               { return "tracked" }
func (p Tracked) title(l text.Lang) string { return l.T("label.dossier") + " " + p.Code }

// Dossiers lists what one person has begun and filed.
type Dossiers struct {
	AsOf   string // said when the list may not be complete, "" when it is
	Drafts []Begun
	Rows   []Filed
}

// Begun is a draft that was not sent.
type Begun struct {
	ID, Procedure, Office string
	At                    time.Time
}

// Filed is a dossier in the list of its applicant.
type Filed struct {
	Code, Procedure, Holder string
	Tag                     Tag
	Due                     time.Time
}

func (Dossiers) file() string             { return "dossiers" }
func (Dossiers) title(l text.Lang) string { return l.T("mine.title") }

// Dossier is everything its applicant may see of a dossier.
type Dossier struct {
	Code, Alias, Procedure, Root, Holder string // Alias: submission code of an accepted dossier
	Accepted                             bool
	Submitted, AcceptedAt                time.Time
	Standing                             text.StateWords
	Reason                               string // of a refusal or rejection
	Due                                  *Due
	AsOf                                 time.Time
	Fresh                                bool
	Steps                                []Step
	Groups                               []Group
	Papers, Results                      []File
	Looks                                []Look // who has looked at it
}

// Look is one look at a dossier.
type Look struct {
	At             time.Time
	Where, By, Why string // office, name and role, purpose
}

func (Dossier) file() string               { return "dossier" }
func (p Dossier) title(l text.Lang) string { return p.Procedure + " – " + p.Code }
