package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/session"
)

// self shows one's own account.
func (c *call) self(a directory.Account) error {
	out := page.Account{
		Form: page.Form{Once: newOnce()}, Base: c.base() + c.account(), Profile: c.profileRows(a), Conflict: c.office.Conflicted(c.r.Context(), a.ID),
		Staff: a.Kind == directory.Staff, Reset: c.resetWords(a),
	}
	if out.Staff {
		if err := c.staffSelf(a, &out); err != nil {
			return err
		}
	}
	list, err := c.office.SignIns(a.ID)
	if err != nil {
		return err
	}
	for _, s := range list {
		r := page.SignInRow{ID: s.ID, Agent: s.Agent, Place: s.Place, At: s.At, Here: s.ID == office.SignInID(c.signed)}
		if r.Agent == "" {
			r.Agent = c.l.T("account.browser")
		}
		out.SignIns = append(out.SignIns, r)
	}
	return c.show(out)
}

// resetTold is for how long an owner is shown that a reset code was issued: many sign in a few times a year.
const resetTold = 30 * 24 * time.Hour

func (c *call) resetShown(a directory.Account) bool {
	return a.Reset != nil && c.now().Sub(time.Unix(max(a.Reset.At, a.Reset.Used), 0)) < resetTold
}

// resetWords says when and by whom a reset code was issued, and whether it was used; "" where there is none to speak of.
func (c *call) resetWords(a directory.Account) string {
	if !c.resetShown(a) {
		return ""
	}
	by := c.changedBy(a, a.Reset.By)
	if a.Reset.By.Office != "" {
		by = c.officeName(a.Reset.By.Office)
	}
	at := c.l.Time(time.Unix(a.Reset.At, 0))
	if a.Reset.Used == 0 {
		return c.l.T("account.reset_issued", at, by)
	}
	return c.l.T("account.reset_used", at, by, c.l.Time(time.Unix(a.Reset.Used, 0)))
}

func (c *call) profileRows(a directory.Account) []page.Row {
	return append([]page.Row{{Label: c.l.T("register.login"), Value: a.Login}}, c.applicant(a.Name, a.Identity, a.Phone, a.Email, a.Address)...)
}

// staffSelf adds what staff have beside: factors, roles, delegations.
func (c *call) staffSelf(a directory.Account, out *page.Account) error {
	factors, left, err := c.office.Factors(a)
	if err != nil {
		return err
	}
	out.CodesLeft = left
	for _, f := range factors {
		out.Factors = append(out.Factors, page.FactorRow{ID: f.ID, Label: f.Label, Kind: c.l.T("account.kind." + string(f.Kind)), Added: f.Added, Used: f.Used})
	}
	if from := c.office.NeedsFactor(a); from != "" {
		out.MustFrom = c.l.T("add_factor.soon", c.l.Date(from.Time()))
	}
	for _, g := range a.Grants {
		if g.Office == c.office.Code && (g.Valid.To == "" || g.Valid.To >= c.date()) {
			out.Roles = append(out.Roles, c.grant(g))
		}
	}
	out.Acting, out.Given = c.delegations(a)
	out.MayGive = len(c.office.OwnGrants(a)) > 0
	return nil
}

// delegations are those that an account acts by and those it has made, as far as they are of this office and not over.
func (c *call) delegations(a directory.Account) (acting, given []page.DelegationRow) {
	row := func(d directory.Delegation, person directory.AccountID) page.DelegationRow {
		return page.DelegationRow{ID: d.ID, From: string(d.From), Person: c.office.NameOf(person), What: c.grant(d.Grant), Decision: d.Decision}
	}
	here := func(d directory.Delegation) bool {
		return d.Grant.Office == c.office.Code && d.Grant.Valid.To >= c.date()
	}
	for _, d := range a.Acting {
		if here(d) {
			acting = append(acting, row(d, d.From))
		}
	}
	for _, d := range a.Given {
		if here(d) {
			given = append(given, row(d, d.To))
		}
	}
	return acting, given
}

// grant says a role with its fields, steps and days.
func (c *call) grant(g directory.Grant) string {
	parts := []string{c.l.Role(g.Role)}
	if len(g.Fields) > 0 {
		var names []string
		for _, f := range g.Fields {
			names = append(names, c.fieldName(f))
		}
		parts = append(parts, c.l.T("grant.field", strings.Join(names, ", ")))
	} else if g.Role != directory.Admin {
		parts = append(parts, c.l.T("grant.everything"))
	}
	if len(g.Steps) > 0 {
		var names []string
		for _, s := range g.Steps {
			names = append(names, c.stepName(s))
		}
		parts = append(parts, c.l.T("grant.step", strings.Join(names, ", ")))
	}
	if g.Valid.From != "" {
		parts = append(parts, c.l.T("grant.from", c.l.Date(g.Valid.From.Time())))
	}
	if g.Valid.To != "" {
		parts = append(parts, c.l.T("grant.to", c.l.Date(g.Valid.To.Time())))
	}
	return strings.Join(parts, "; ")
}

func (c *call) fieldName(id string) string {
	for _, f := range c.tables.Fields(c.date()) {
		if f.ID == id {
			return c.in(f.Name)
		}
	}
	return id
}

func (c *call) stepName(s string) string {
	switch directory.StepKind(s) {
	case directory.StepAccept, directory.StepCheck, directory.StepDecide, directory.StepReturn:
		return c.l.T("grant." + s)
	}
	code, id, _ := strings.Cut(s, "/")
	if p, ok := c.tables.Current(code, c.date()); ok {
		for _, st := range p.Route {
			if st.ID == id {
				return c.in(st.Name)
			}
		}
	}
	return s
}

// changeFault words why an account was not changed, beside a field; an error that has no words stays one.
func (c *call) changeFault(field string, err error) ([]page.Problem, error) {
	key := ""
	switch directory.CodeOf(err) {
	case directory.NoLeader:
		key = "fault.no_directory"
	case directory.Internal:
		var e *directory.Error
		if errors.As(err, &e) {
			return nil, err
		}
		key = "fault.no_directory" // no server has answered
	case directory.Exhausted:
		key = "fault.too_many"
	case directory.Denied:
		key = "fault.stale"
	case directory.Conflict:
		key = "fault.login_taken"
	case directory.Known:
		key = "fault.known"
	case directory.Invalid, directory.NotFound:
		return []page.Problem{{Field: field, Text: c.l.T("fault.refused", plain(err))}}, nil
	default:
		return nil, err
	}
	return []page.Problem{{Field: field, Text: c.l.T(key)}}, nil
}

// plain is the message of the directory.
func plain(err error) string {
	if e, ok := errors.AsType[*directory.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// askForm shows a small form.
func (c *call) askForm(p page.Ask, faults []page.Problem) error {
	p.Form = page.Form{Once: newOnce(), Problems: faults}
	p.Fields = page.Beside(p.Fields, faults)
	if p.Action == "" {
		p.Action = c.r.URL.EscapedPath()
	}
	c.path = strings.TrimPrefix(p.Action, c.base())
	return c.show(p)
}

func (c *call) profile(a directory.Account) error {
	return c.askProfile(a, office.Contact{Phone: a.Phone, Email: a.Email, Address: a.Address}, nil)
}

func (c *call) askProfile(a directory.Account, in office.Contact, faults []page.Problem) error {
	p := page.Ask{Heading: c.l.T("profile.title"), Button: c.l.T("profile.do"), Back: c.base() + c.account(), Fields: page.ContactFields(c.l, in.Phone, in.Email, in.Address)}
	if a.Kind == directory.Staff {
		p.Help = c.l.T("profile.staff")
	}
	return c.askForm(p, faults)
}

func (c *call) profileDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	in := office.Contact{Phone: directory.NormalPhone(typed(v, "phone", 20)), Email: directory.NormalEmail(typed(v, "email", 120)), Address: typed(v, "address", 200)}
	var faults []page.Problem
	if !directory.ValidPhone(in.Phone) && (in.Phone != "" || a.Phone != "") {
		faults = append(faults, page.Problem{Field: "phone", Text: c.l.T("fault.phone")})
	}
	if in.Email != "" && !directory.ValidEmail(in.Email) {
		faults = append(faults, page.Problem{Field: "email", Text: c.l.T("fault.email")})
	}
	if len(faults) == 0 {
		if err := c.office.EditSelf(c.r.Context(), a, in); err == nil {
			return c.seeDone(c.account(), "profile")
		} else if faults, err = c.changeFault("phone", err); err != nil {
			return err
		}
	}
	return c.askProfile(a, in, faults)
}

func (c *call) password(a directory.Account) error { return c.askPassword(a, nil) }

func (c *call) askPassword(a directory.Account, faults []page.Problem) error {
	p := page.Ask{Heading: c.l.T("password.title"), Button: c.l.T("password.do"), Back: c.base() + c.account(), Fields: page.PasswordFields(c.l)}
	if a.MustChange {
		p.Back, p.Warning = "", c.l.T("password.must")
	}
	return c.askForm(p, faults)
}

// passwordFaults lists what is wrong with a new password.
func (c *call) passwordFaults(next, again string) (out []page.Problem) {
	if n := len([]rune(next)); n < session.MinPassword || n > session.MaxPassword {
		out = append(out, page.Problem{Field: "new", Text: c.l.T("fault.password")})
	}
	if next != again {
		out = append(out, page.Problem{Field: "again", Text: c.l.T("fault.password_same")})
	}
	return out
}

func (c *call) passwordDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	faults := c.passwordFaults(v.Get("new"), v.Get("again"))
	if len(faults) == 0 && v.Get("old") == v.Get("new") {
		faults = []page.Problem{{Field: "new", Text: c.l.T("fault.password_new")}}
	}
	if len(faults) == 0 && c.limiter.Try(a.Login, c.address()) > 0 {
		faults = []page.Problem{{Field: "old", Text: c.l.T("fault.too_many")}}
	}
	if len(faults) > 0 {
		return c.askPassword(a, faults)
	}
	ctx := c.r.Context()
	if c.door == page.Desk {
		ctx = session.AtDesk(ctx)
	}
	err = c.office.ChangePassword(ctx, a, v.Get("old"), v.Get("new"))
	switch {
	case errors.Is(err, office.ErrPassword):
		return c.askPassword(a, []page.Problem{{Field: "old", Text: c.l.T("fault.old_password")}})
	case err != nil:
		c.limiter.Void(a.Login, c.address())
		if faults, err = c.changeFault("old", err); err != nil {
			return err
		}
		return c.askPassword(a, faults)
	}
	c.limiter.Right(a.Login, c.address())
	return c.goOn(a, "password")
}

// goOn gives the person at hand a session of now, for the change has ended those of before. A second factor that was shown stays
// shown.
func (c *call) goOn(a directory.Account, done string) error {
	proven := c.signed.Factor != 0
	token, err := c.node.Issue(a)
	if err != nil {
		return err
	}
	s, err := c.node.Session(token)
	if err == nil && proven {
		token, err = c.node.Prove(s)
	}
	if err != nil {
		return err
	}
	if err := c.office.SignedIn(c.r.Context(), s, office.From{Agent: agent(c.r.UserAgent()), Place: c.address()}); err != nil {
		return err
	}
	c.setCookie(token, time.Unix(s.Expires, 0).Sub(c.now()))
	return c.seeDone(c.account(), done)
}

// endSignIns ends one sign-in, or all of them at this node.
func (c *call) endSignIns(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	if id := v.Get("id"); id != "" {
		if err := c.office.EndSignIn(c.r.Context(), a.ID, id); err != nil {
			return err
		}
		return c.seeDone(c.account(), "ended")
	}
	if err := c.office.EndSignIns(c.r.Context(), a.ID); err != nil {
		return err
	}
	return c.signedOut("/sign-in", "ended_all")
}

// signedOut takes the session away and goes on: at the desk to its door, in the portal to a page.
func (c *call) signedOut(path, done string) error {
	c.setCookie("", -time.Second)
	if c.door == page.Desk {
		path = "/desk/sign-in"
	}
	return c.seeDone(path, done)
}

// login lets a citizen choose another login: above all one whose login turned out to be somebody else's.
func (c *call) login(a directory.Account) error { return c.askLogin("", nil) }

func (c *call) askLogin(typed string, faults []page.Problem) error {
	return c.askForm(page.Ask{
		Heading: c.l.T("login.title"), Text: c.l.T("login.text"), Button: c.l.T("login.do"), Back: c.base() + c.account(),
		Fields: []page.Field{page.LoginField(c.l, typed)},
	}, faults)
}

func (c *call) loginDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	login := directory.NormalLogin(typed(v, "login", 64))
	probe := directory.Account{ID: "x", Verifier: "x", Kind: a.Kind, Name: "x", Login: login}
	if probe.Validate() != nil {
		return c.askLogin(login, []page.Problem{{Field: "login", Text: c.l.T("fault.login")}})
	}
	err = c.office.ChooseLogin(c.r.Context(), a, login)
	switch directory.CodeOf(err) {
	case "":
		return c.seeDone(c.account(), "login")
	case directory.Exhausted:
		return c.askLogin(login, []page.Problem{{Field: "login", Text: c.l.T("fault.login_soon")}})
	}
	faults, err := c.changeFault("login", err)
	if err != nil {
		return err
	}
	return c.askLogin(login, faults)
}

func (c *call) reset() error { return c.askReset("", nil) }

func (c *call) askReset(login string, faults []page.Problem) error {
	c.greet()
	return c.askForm(page.Ask{
		Heading: c.l.T("reset.title"), Text: c.l.T("reset.lead"), Button: c.l.T("reset.do"), Back: c.base() + strings.TrimSuffix(c.account(), "account") + "sign-in",
		Fields: page.ResetFields(c.l, login), Help: c.l.T("reset.none"),
	}, faults)
}

// resetDo sets a new password with a code. Whatever does not fit, strangers are told the same.
func (c *call) resetDo() error {
	v, err := c.post()
	if err != nil {
		return err
	}
	login := directory.NormalLogin(typed(v, "login", 64))
	faults := c.passwordFaults(v.Get("new"), v.Get("again"))
	if len(faults) == 0 && c.limiter.TryReset(login, c.address()) > 0 {
		faults = []page.Problem{{Field: "code", Text: c.l.T("fault.too_many")}}
	}
	if len(faults) > 0 {
		return c.askReset(login, faults)
	}
	err = c.office.ResetPassword(c.r.Context(), login, c.device(login), typed(v, "code", 40), v.Get("new"))
	switch directory.CodeOf(err) {
	case "":
		c.limiter.VoidReset(login, c.address())
		return c.seeDone(strings.TrimSuffix(c.account(), "account")+"sign-in", "reset")
	case directory.Denied, directory.NotFound, directory.Invalid:
		return c.askReset(login, []page.Problem{{Field: "code", Text: c.l.T("fault.reset")}})
	}
	c.limiter.VoidReset(login, c.address())
	if faults, err = c.changeFault("code", err); err != nil {
		return err
	}
	return c.askReset(login, faults)
}

func (c *call) removeFactor(a directory.Account) error { return c.askRemove(a, nil) }

func (c *call) askRemove(a directory.Account, faults []page.Problem) error {
	for _, f := range a.Factors {
		if f.ID != c.r.PathValue("factor") {
			continue
		}
		p := page.Ask{Heading: c.l.T("remove.title"), Text: c.l.T("remove.text", f.Label), Button: c.l.T("remove.do"), Danger: true, Back: c.base() + "/desk/account"}
		if len(a.Factors) == 1 {
			p.Warning = c.l.T("remove.last")
		}
		return c.askForm(p, faults)
	}
	return errNotFound
}

func (c *call) removeFactorDo(a directory.Account) error {
	if _, err := c.post(); err != nil {
		return err
	}
	err := c.office.RemoveFactor(c.r.Context(), a, c.r.PathValue("factor"))
	if err == nil {
		return c.seeDone("/desk/account", "factor_gone")
	}
	faults, err := c.changeFault("", err)
	if err != nil {
		return err
	}
	return c.askRemove(a, faults)
}

func (c *call) recovery(a directory.Account) error { return c.askRecovery(a, nil) }

func (c *call) askRecovery(a directory.Account, faults []page.Problem) error {
	if !a.SecondFactor() {
		return c.see("/desk/account")
	}
	return c.askForm(page.Ask{
		Heading: c.l.T("codes.title"), Text: c.l.T("codes.text"), Warning: c.l.T("codes.new_text"), Button: c.l.T("codes.new_do"), Back: c.base() + "/desk/account",
	}, faults)
}

func (c *call) recoveryDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	key := c.token(a, v)
	_, err = c.repeats.once(c.r.Context(), "recovery/"+key, func() (string, error) {
		codes, err := c.office.NewRecovery(c.r.Context(), a)
		if err == nil {
			c.secrets.put(key, strings.Join(codes, "\n"))
		}
		return "", err
	})
	if err == nil {
		http.Redirect(c.w, c.r, c.base()+"/desk/account/codes?of="+v.Get("once"), http.StatusSeeOther)
		return nil
	}
	faults, err := c.changeFault("", err)
	if err != nil {
		return err
	}
	return c.askRecovery(a, faults)
}
