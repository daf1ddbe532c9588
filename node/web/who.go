package web

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"motcua/directory"
	"motcua/directory/client"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/session"
	"motcua/node/text"
)

// citizenCookie holds a session that is valid at every node; a desk's cookie names its office, so that several desks of a
// demonstration on one host do not sign each other out.
const citizenCookie = "motcua-citizen"

func (c *call) cookieName() string {
	if c.door == page.Desk {
		return "motcua-desk-" + string(c.office.Code)
	}
	return citizenCookie
}

// session returns the session of this door, false for none that is valid. A citizen's may be signed by any office; a desk
// takes those it has signed itself alone, so that no other office can speak in the name of its officers.
func (c *call) session() (session.Session, bool) {
	k, err := c.r.Cookie(c.cookieName())
	if err != nil {
		return session.Session{}, false
	}
	s, err := c.node.Session(k.Value)
	staff := c.door == page.Desk
	if err != nil || (s.Kind == directory.Staff) != staff || staff && s.Office != c.office.Code {
		return session.Session{}, false
	}
	return s, true
}

// who is the citizen who is signed in. The account is this node's copy where it has one, else what the session says.
func (c *call) who() (office.Citizen, bool) {
	s, ok := c.session()
	if !ok {
		return office.Citizen{}, false
	}
	a, err := c.office.Account(c.r.Context(), s.Account)
	if err != nil {
		a = directory.Account{ID: s.Account, Kind: s.Kind, Name: s.Name}
	}
	if a.Disabled || c.office.Over(a, s) {
		return office.Citizen{}, false
	}
	c.user, c.signed = a.Name, s
	return office.Citizen{Account: a, SignedInAt: s.Office}, true
}

// greet fills in the name of who is signed in, for pages that anyone may see: what the session says is enough.
func (c *call) greet() {
	if s, ok := c.session(); ok {
		c.user = s.Name
	}
}

// citizen asks who it is before a handler that must know.
func citizen(h func(*call, office.Citizen) error) handler {
	return func(c *call) error {
		who, ok := c.who()
		if !ok {
			return c.askWho("/sign-in")
		}
		if s := c.stage(who.Account); s != stageNone {
			return c.lead(s)
		}
		return h(c, who)
	}
}

// self lets in a citizen to his own account: whatever he must do first, or where nothing is.
func self(at stage, h func(*call, directory.Account) error) handler {
	return func(c *call) error {
		who, ok := c.who()
		if !ok {
			return c.askWho("/sign-in")
		}
		if s := c.stage(who.Account); s != stageNone && s != at {
			return c.lead(s)
		}
		return h(c, who.Account)
	}
}

// officer lets in staff with a role in this office today who have nothing to do first.
func officer(h func(*call, directory.Account) error) handler { return person(stageNone, h) }

// person is self for staff with a role in this office today.
func person(at stage, h func(*call, directory.Account) error) handler {
	return func(c *call) error {
		s, ok := c.session()
		if !ok {
			return c.askWho("/desk/sign-in")
		}
		a, err := c.office.Account(c.r.Context(), s.Account)
		if err != nil || len(c.office.Roles(a)) == 0 || c.office.Over(a, s) {
			return c.askWho("/desk/sign-in")
		}
		c.user, c.signed = a.Name, s
		if s := c.stage(a); s != stageNone && s != at {
			return c.lead(s)
		}
		c.admin = c.office.IsAdmin(a)
		return h(c, a)
	}
}

// askWho sends to a sign-in page, which comes back here; after a POST it comes back to the page before.
func (c *call) askWho(door string) error {
	next := c.r.URL.RequestURI()
	if c.r.Method != http.MethodGet {
		next = c.base() + "/"
		if c.door == page.Desk {
			next = c.base() + "/desk"
		}
	}
	return c.see(door + "?next=" + url.QueryEscape(next))
}

// next is where to go after signing in: an address of this language on this site, else the first page.
func (c *call) next(s string) string {
	u, err := url.Parse(s)
	local := err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && strings.HasPrefix(s, c.base()+"/")
	if local && len(s) <= 500 && !strings.ContainsAny(s, "\\\r\n") {
		return s
	}
	return ""
}

func (c *call) signIn() error {
	if c.door == page.Portal {
		c.greet()
	}
	return c.show(page.SignIn{Form: page.Form{Once: newOnce()}, Next: c.next(c.r.URL.Query().Get("next")), Fields: page.SignInFields(c.l, "")})
}

// address is where the request comes from, for slowing down guessers.
func (c *call) address() string {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return c.r.RemoteAddr
	}
	return host
}

func (c *call) signInDo() error {
	v, err := c.post()
	if err != nil {
		return err
	}
	login, next := directory.NormalLogin(typed(v, "login", 64)), c.next(v.Get("next"))
	a, fault, err := c.prove(login, v.Get("password"))
	if err != nil {
		return err
	}
	if fault != "" {
		faults := []page.Problem{{Field: "login", Text: c.l.T(fault)}}
		return c.show(page.SignIn{Form: page.Form{Once: newOnce(), Problems: faults}, Next: next, Fields: page.Beside(page.SignInFields(c.l, login), faults)})
	}
	return c.enter(a, next, "")
}

// prove checks a login and password within the bounds of guessing. The fault is the words for a no, "" for a yes.
func (c *call) prove(login, password string) (a directory.Account, fault string, err error) {
	ctx, desk := c.r.Context(), c.door == page.Desk
	if desk {
		ctx = session.AtDesk(ctx)
	}
	if c.limiter.Try(login, c.address()) > 0 {
		return a, "fault.too_many", nil
	}
	a, err = c.office.AuthenticateFrom(ctx, login, password, desk, c.device(login))
	switch directory.CodeOf(err) {
	case "":
		c.limiter.Right(login, c.address())
		return a, "", nil
	case directory.Denied:
		return a, c.shut(login, err), nil
	}
	c.limiter.Void(login, c.address())
	switch directory.CodeOf(err) {
	case directory.NoLeader:
		return a, "fault.sign_in_cut", nil
	case directory.Exhausted:
		return a, "fault.too_many", nil
	}
	return a, "", err
}

// shut words why somebody does not come in. Only who knows the password reads that it was right.
func (c *call) shut(login string, err error) string {
	switch {
	case errors.Is(err, office.ErrNoRole):
		c.limiter.Right(login, c.address())
		return "fault.no_role"
	case errors.Is(err, office.ErrClosed):
		c.limiter.Right(login, c.address())
		return "fault.closed"
	case !errors.Is(err, office.ErrOtherDoor):
		return "fault.sign_in"
	}
	c.limiter.Right(login, c.address())
	if c.door == page.Desk {
		return "fault.citizen_door"
	}
	return "fault.other_door"
}

// enter opens a session and goes on.
func (c *call) enter(a directory.Account, next, done string) error {
	token, err := c.node.Issue(a)
	if err != nil {
		return err
	}
	life := session.CitizenLife
	if a.Kind == directory.Staff {
		life = session.StaffLife
	}
	if c.signed, err = c.node.Session(token); err != nil {
		return err
	}
	if err := c.office.SignedIn(c.r.Context(), c.signed, office.From{Agent: agent(c.r.UserAgent()), Place: c.address()}); err != nil {
		return err
	}
	c.setCookie(token, life)
	if s := c.stage(a); s == stageFactor {
		return c.see("/desk/confirm?next=" + url.QueryEscape(next))
	}
	if done == "" {
		done = c.told(a)
	}
	if next == "" {
		next = c.base() + map[page.Site]string{page.Portal: "/dossiers", page.Desk: "/desk"}[c.door]
	}
	if done != "" {
		c.tell(next, done)
	}
	http.Redirect(c.w, c.r, next, http.StatusSeeOther)
	return nil
}

func (c *call) setCookie(token string, life time.Duration) {
	http.SetCookie(c.w, &http.Cookie{
		Name: c.cookieName(), Value: token, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: c.r.TLS != nil,
	})
}

// device is where a sign-in comes from, for the directory to tell its owner's devices from strangers': a keyed name of the
// address, which says nothing else.
func (c *call) device(login string) client.Device {
	source, known := c.limiter.Source(login, c.address())
	return client.Device{Source: source, Known: known}
}

// agents are browsers by a word in what they say of themselves, the more particular first.
var agents = [][2]string{
	{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"coc_coc_browser", "Cốc Cốc"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
}

// systems are those that browsers run on.
var systems = [][2]string{
	{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
}

// agent names a browser in a word or two.
func agent(says string) string {
	find := func(in [][2]string) string {
		for _, x := range in {
			if strings.Contains(says, x[0]) {
				return x[1]
			}
		}
		return ""
	}
	return text.Address(find(agents), find(systems))
}

// signOut ends the session.
func (c *call) signOut() error {
	if s, ok := c.session(); ok {
		if err := c.office.EndSignIn(c.r.Context(), s.Account, office.SignInID(s)); err != nil {
			return err
		}
	}
	return c.signedOut("/", "sign_out")
}

func (c *call) register() error {
	c.greet()
	return c.show(page.Register{Form: page.Form{Once: newOnce()}, Next: c.next(c.r.URL.Query().Get("next")), Fields: page.RegisterFields(c.l, nil)})
}

func (c *call) registerDo() error {
	v, err := c.post()
	if err != nil {
		return err
	}
	in := registration(v)
	faults := c.checkRegistration(in)
	again := func() error {
		kept := map[string]string{"name": in.Name, "identity": in.Identity, "phone": in.Phone, "email": in.Email, "address": in.Address, "login": in.Login}
		return c.show(page.Register{
			Form: page.Form{Once: newOnce(), Problems: faults}, Next: c.next(v.Get("next")), Fields: page.Beside(page.RegisterFields(c.l, kept), faults),
		})
	}
	if len(faults) == 0 && c.limiter.Join(c.address()) > 0 {
		faults = []page.Problem{{Text: c.l.T("fault.too_many")}}
	}
	if len(faults) > 0 {
		return again()
	}
	a, provisional, err := c.office.Register(c.r.Context(), in)
	if directory.CodeOf(err) == directory.Known {
		faults = []page.Problem{{Field: "identity", Text: c.l.T("fault.known")}}
		return again()
	}
	if directory.CodeOf(err) == directory.Conflict {
		var fault string
		if a, fault, err = c.own(in); fault != "" {
			faults = []page.Problem{{Field: "login", Text: c.l.T(fault)}}
			return again()
		}
	}
	if err != nil {
		return err
	}
	done := "welcome"
	if provisional {
		done = "in_store"
	}
	return c.enter(a, c.next(v.Get("next")), done)
}

// own finds the account of a form that was sent twice: whoever knows the password is who made it. Here too a password is
// tried, so the bounds of guessing hold.
func (c *call) own(in office.Registration) (a directory.Account, fault string, err error) {
	a, fault, err = c.prove(in.Login, in.Password)
	if fault != "" && fault != "fault.too_many" {
		fault = "fault.login_taken"
	}
	return a, fault, err
}

func registration(v url.Values) office.Registration {
	in := office.Registration{
		Kind: directory.Citizen, Login: directory.NormalLogin(typed(v, "login", 64)), Password: v.Get("password"),
		Name: typed(v, "name", 100), Identity: directory.NormalIdentity(typed(v, "identity", 20)),
		Phone: directory.NormalPhone(typed(v, "phone", 20)), Email: directory.NormalEmail(typed(v, "email", 120)), Address: typed(v, "address", 200),
	}
	if len(in.Identity) != 12 {
		in.Kind = directory.Business // a tax code
	}
	return in
}

// checkRegistration lists what is wrong, field by field.
func (c *call) checkRegistration(in office.Registration) (out []page.Problem) {
	probe := directory.Account{ID: "x", Verifier: "x", Kind: in.Kind, Name: "x", Login: in.Login}
	for _, f := range []struct {
		key string
		bad bool
	}{
		{"fault.name", in.Name == ""},
		{"fault.identity", !directory.ValidIdentity(in.Identity)},
		{"fault.phone", !directory.ValidPhone(in.Phone)},
		{"fault.email", in.Email != "" && !directory.ValidEmail(in.Email)},
		{"fault.login", probe.Validate() != nil},
		{"fault.password", len([]rune(in.Password)) < session.MinPassword || len([]rune(in.Password)) > session.MaxPassword},
	} {
		if f.bad {
			out = append(out, page.Problem{Field: strings.TrimPrefix(f.key, "fault."), Text: c.l.T(f.key)})
		}
	}
	return out
}
