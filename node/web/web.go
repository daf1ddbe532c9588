// Package web is the door for browsers: it turns a request into a use case of package office and its answer into a page of
// package page. It holds no rule of any dossier.
//
// # Addresses
//
// All pages lie below a language, "/vi" or "/en". Of the portal:
//
//	/  /search  /procedures/CODE  /procedures/CODE/start
//	/register  /sign-in  /sign-out
//	/drafts/ID  /drafts/ID/form  …/papers  …/papers/remove  …/check  …/submit  …/drop
//	/submissions/CODE  /submissions/CODE/receipt
//	/account  /account/profile  …/password  …/login  …/sign-ins  …/history  /reset
//	/track  /dossiers  /dossiers/CODE  /dossiers/CODE/files/BLOB
//
// Of the desk, for staff with a role in this office:
//
//	/desk  /desk/sign-in  /desk/sign-out  /desk/confirm  /desk/list  /desk/outbox  /desk/outbox/{retry,stick,PARCEL/keep}  /desk/hand-over
//	/desk/submissions/CODE  …/accept  …/refuse
//	/desk/account  (as at the portal)  …/factors/…  …/recovery  …/codes  …/delegate  …/delegations/ID/end  /desk/reset
//	/desk/staff  /desk/staff/ID  …/ACT  /desk/staff/reset  /desk/hand-over/order, for its admin
//	/desk/dossiers/CHAIN  /desk/dossiers/CHAIN/ACT  /desk/files/CHAIN/BLOB  /desk/slips/CODE
//
// # What is promised
//
//   - A GET changes nothing but the record of who looked; codes that are shown once are forgotten with it. A POST that succeeds answers with a redirect; one that finds a
//     fault shows the page again with the values typed.
//   - Every POST form bears a token, so that sending it again has no second effect.
//   - A request from another site changes nothing; no page takes anything from elsewhere, and none runs a script but those that
//     ask a security key, which run the one of this server.
//   - Every body is bounded before it is read. Nothing about a person is logged.
package web

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"motcua/directory"
	"motcua/directory/replica"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/session"
	"motcua/node/text"
)

// Tables are the public tables of the directory, answered from memory.
type Tables interface {
	Number() uint64
	Genesis() directory.Genesis
	Levels(directory.Date) []directory.Level
	// Formerly are the offices that one has taken over.
	Formerly(directory.OfficeCode) []directory.Office
	Offices(directory.Date) []directory.Office
	Office(directory.OfficeCode) (directory.Office, bool)
	// Node is the node of an office; false where the office has none and cannot be filed with from here.
	Node(directory.OfficeCode) (directory.Node, bool)
	Fields(directory.Date) []directory.Field
	Procedures(directory.Date) []directory.Procedure
	Current(code string, on directory.Date) (directory.Procedure, bool)
	// Last is a procedure that was withdrawn by a date, to be read; Withdrawal when and why one is to end.
	Last(code string, on directory.Date) (directory.Procedure, directory.Withdrawal, bool)
	Withdrawal(code string) (directory.Withdrawal, bool)
	Calendar() (directory.Calendar, bool)
	// Cut is when the edition was made, Unix milliseconds.
	Cut() int64
}

// Node is what the pages need of the node beside its office.
type Node interface {
	// Session verifies a session signed by any node of the province; Issue signs one here.
	Session(token string) (session.Session, error)
	Issue(directory.Account) (string, error)
	// Prove signs a session anew, in which a second factor was just shown.
	Prove(session.Session) (string, error)
	// Line is false during a drill; Reach counts the peers that answer and those there are.
	Line() bool
	Reach() (up, known int)
	// DirectoryInReach tells whether one of them is a server of the directory.
	DirectoryInReach() bool
	// Bundle tells the name of a bundle of what waits for offices, all where none is named, and returns what writes it.
	Bundle(to []string) (name string, write func(io.Writer) error, err error)
}

// Server is a Node that has its own tables, as package server does.
type Server interface {
	Node
	Replica() *replica.Replica
}

// New makes the handler of a node's pages.
func New(o *office.Office, n Server) (http.Handler, error) { return NewWith(o, n, n.Replica()) }

// NewWith is New with tables from elsewhere.
func NewWith(o *office.Office, n Node, t Tables) (http.Handler, error) {
	pages, err := page.New()
	if err != nil {
		return nil, fmt.Errorf("make pages: %w", err)
	}
	now, log := o.Now, o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if now == nil {
		now = time.Now
	}
	s := &site{
		office: o, node: n, tables: t, pages: pages, style: page.CSS(), now: now, log: log,
		limiter: session.NewLimiter(now), ceremonies: session.NewCeremonies(now), secrets: newRepeats(), script: page.Script(), repeats: newRepeats(), searches: newRepeats(), catalogue: &catalogue{tables: t},
	}
	return s.guard(s.routes()), nil
}

// site is the pages of one node. It is safe for concurrent use.
type site struct {
	office  *office.Office
	node    Node
	tables  Tables
	pages   *page.Set
	style   page.Style
	now     func() time.Time
	log     *slog.Logger
	script  page.Style
	limiter *session.Limiter
	// ceremonies with security keys that have begun, and secrets that are shown once, by account and form.
	ceremonies *session.Ceremonies
	secrets    *repeats
	repeats    *repeats
	searches   *repeats // what officers look for
	catalogue  *catalogue
}

// call is one request on its way.
type call struct {
	*site
	w    http.ResponseWriter
	r    *http.Request
	l    text.Lang
	door page.Site
	// user is the name of who is signed in, set by citizen and officer.
	user string
	// signed is the session, set by who and officer; admin tells that the office's admin is signed in.
	signed session.Session
	admin  bool
	// path replaces the address offered in the other language where the request's own has no page.
	path string
	// code is the status of the page where it is neither 200 nor 422, 0 where it is one of them.
	code int
}

type handler func(*call) error

// routes lists every address.
func (s *site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for _, l := range text.Langs() {
		base := "/" + string(l)
		add := func(door page.Site, pattern string, h handler) {
			method, path, _ := cutPattern(pattern)
			mux.Handle(method+" "+base+path, s.handle(l, door, h))
		}
		s.portal(func(p string, h handler) { add(page.Portal, p, h) })
		s.desk(func(p string, h handler) { add(page.Desk, p, h) })
		mux.Handle(base+"/desk/", s.handle(l, page.Desk, notFound))
		mux.Handle(base+"/", s.handle(l, page.Portal, notFound))
	}
	mux.Handle("GET /{$}", http.RedirectHandler("/vi/", http.StatusSeeOther))
	mux.Handle("GET /vi", http.RedirectHandler("/vi/", http.StatusSeeOther))
	mux.Handle("GET /en", http.RedirectHandler("/en/", http.StatusSeeOther))
	mux.Handle("GET /desk", http.RedirectHandler("/vi/desk", http.StatusSeeOther))
	mux.HandleFunc("GET "+s.style.Path, serveKept(s.style, "text/css; charset=utf-8"))
	mux.HandleFunc("GET "+s.script.Path, serveKept(s.script, "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /favicon.svg", serveMark)
	mux.HandleFunc("GET /favicon.ico", serveMark)
	mux.Handle("/", s.handle(text.VI, page.Portal, notFound))
	return mux
}

func (s *site) portal(add func(string, handler)) {
	add("GET /{$}", (*call).home)
	add("GET /search", (*call).search)
	add("GET /procedures/{code}", (*call).procedure)
	add("GET /procedures/{code}/start", citizen((*call).start))
	add("POST /procedures/{code}/start", citizen((*call).startDo))
	add("GET /register", (*call).register)
	add("POST /register", (*call).registerDo)
	add("GET /sign-in", (*call).signIn)
	add("POST /sign-in", (*call).signInDo)
	add("POST /sign-out", (*call).signOut)
	add("GET /reset", (*call).reset)
	add("POST /reset", (*call).resetDo)
	s.selfPages("/account", self, add)
	add("GET /drafts/{id}", drafts((*call).draft))
	add("GET /drafts/{id}/form", drafts((*call).questions))
	add("POST /drafts/{id}/form", drafts((*call).questionsDo))
	add("GET /drafts/{id}/papers", drafts((*call).papers))
	add("POST /drafts/{id}/papers", drafts((*call).attach))
	add("POST /drafts/{id}/papers/remove", drafts((*call).detach))
	add("GET /drafts/{id}/check", drafts((*call).check))
	add("POST /drafts/{id}/submit", citizen((*call).submit))
	add("POST /drafts/{id}/drop", drafts((*call).drop))
	add("GET /submissions/{code}", citizen((*call).confirmation))
	add("GET /submissions/{code}/receipt", citizen((*call).receipt))
	add("GET /track", (*call).track)
	add("POST /track", (*call).trackDo)
	add("GET /dossiers", citizen((*call).dossiers))
	add("GET /dossiers/{code}", citizen((*call).dossier))
	add("GET /dossiers/{code}/files/{blob}", citizen((*call).file))
}

func (s *site) desk(add func(string, handler)) {
	add("GET /desk", officer((*call).today))
	add("GET /desk/sign-in", (*call).signIn)
	add("POST /desk/sign-in", (*call).signInDo)
	add("POST /desk/sign-out", (*call).signOut)
	add("GET /desk/reset", (*call).reset)
	add("POST /desk/reset", (*call).resetDo)
	add("GET /desk/confirm", person(stageFactor, (*call).confirm))
	add("POST /desk/confirm", person(stageFactor, (*call).confirmDo))
	s.selfPages("/desk/account", person, add)
	s.factorPages(add)
	s.adminPages(add)
	add("GET /desk/list", officer((*call).list))
	add("POST /desk/list", officer((*call).lookFor))
	add("GET /desk/hand-over", officer((*call).handOver))
	add("GET /desk/outbox", officer((*call).outbox))
	add("POST /desk/outbox/retry", officer((*call).retry))
	add("GET /desk/outbox/stick", officer((*call).stick))
	add("POST /desk/outbox/{parcel}/keep", officer((*call).keepSending))
	add("GET /desk/submissions/{code}", officer((*call).submission))
	add("POST /desk/submissions/{code}/accept", officer((*call).accept))
	add("POST /desk/submissions/{code}/refuse", officer((*call).refuse))
	add("GET /desk/dossiers/{chain}", officer((*call).deskDossier))
	add("GET /desk/dossiers/{chain}/{act}", officer((*call).act))
	add("POST /desk/dossiers/{chain}/{act}", officer((*call).actDo))
	add("GET /desk/files/{chain}/{blob}", officer((*call).officeFile))
	add("GET /desk/slips/{code}", officer((*call).slip))
}

// selfPages are those of one's own account, at either door. In its stage somebody can do what it asks for and nothing else.
func (s *site) selfPages(at string, self func(stage, func(*call, directory.Account) error) handler, add func(string, handler)) {
	add("GET "+at, self(stageNone, (*call).self))
	add("GET "+at+"/profile", self(stageNone, (*call).profile))
	add("POST "+at+"/profile", self(stageNone, (*call).profileDo))
	add("GET "+at+"/password", self(stagePassword, (*call).password))
	add("POST "+at+"/password", self(stagePassword, (*call).passwordDo))
	add("POST "+at+"/sign-ins", self(stageNone, (*call).endSignIns))
	add("GET "+at+"/history", self(stageNone, (*call).changes))
	if at == "/account" {
		add("GET "+at+"/login", self(stageNone, (*call).login))
		add("POST "+at+"/login", self(stageNone, (*call).loginDo))
	}
}

// factorPages are those of second factors and delegations, for staff.
func (s *site) factorPages(add func(string, handler)) {
	const at = "/desk/account"
	add("GET "+at+"/factors/add", person(stageEnrol, fresh((*call).addFactor)))
	add("GET "+at+"/factors/totp", person(stageEnrol, fresh((*call).addTOTP)))
	add("POST "+at+"/factors/totp", person(stageEnrol, fresh((*call).addTOTPDo)))
	add("GET "+at+"/factors/key", person(stageEnrol, fresh((*call).addKey)))
	add("POST "+at+"/factors/key", person(stageEnrol, fresh((*call).addKeyDo)))
	add("GET "+at+"/factors/{factor}/remove", person(stageNone, fresh((*call).removeFactor)))
	add("POST "+at+"/factors/{factor}/remove", person(stageNone, fresh((*call).removeFactorDo)))
	add("GET "+at+"/codes", person(stageNone, (*call).codes))
	add("GET "+at+"/recovery", person(stageNone, fresh((*call).recovery)))
	add("POST "+at+"/recovery", person(stageNone, fresh((*call).recoveryDo)))
	add("GET "+at+"/delegate", person(stageNone, fresh((*call).delegate)))
	add("POST "+at+"/delegate", person(stageNone, fresh((*call).delegateDo)))
	add("GET "+at+"/delegations/{delegation}/end", person(stageNone, fresh((*call).endDelegation)))
	add("POST "+at+"/delegations/{delegation}/end", person(stageNone, fresh((*call).endDelegationDo)))
}

// adminPages are those of the office's admin.
func (s *site) adminPages(add func(string, handler)) {
	add("GET /desk/staff", officer((*call).staff))
	add("GET /desk/hand-over/order", officer(fresh((*call).orderHandOver)))
	add("POST /desk/hand-over/order", officer(fresh((*call).orderHandOverDo)))
	add("GET /desk/staff/reset", officer((*call).citizenReset))
	add("POST /desk/staff/reset", officer(fresh((*call).citizenResetDo)))
	add("GET /desk/staff/{id}", officer((*call).member))
	for _, act := range []string{"grant", "ungrant", "delegate", "disable", "enable", "reset"} {
		add("GET /desk/staff/{id}/"+act, officer(fresh(memberAct(act).form)))
		add("POST /desk/staff/{id}/"+act, officer(fresh(memberAct(act).do)))
	}
	add("GET /desk/staff/{id}/delegations/{delegation}/end", officer(fresh((*call).endDelegation)))
	add("POST /desk/staff/{id}/delegations/{delegation}/end", officer(fresh((*call).endDelegationDo)))
}
