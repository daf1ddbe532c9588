package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"motcua/directory"
	"motcua/node/page"
	"motcua/node/text"
)

// staff lists the people of the office, for its admin.
func (c *call) staff(a directory.Account) error {
	list, err := c.office.Staff(a)
	if err != nil {
		return err
	}
	var out page.Staff
	for _, x := range list {
		p := page.Person{Name: x.Name, Login: x.Login, URL: c.memberURL(x.ID), Closed: x.Disabled, Factor: c.factorTag(x)}
		for _, g := range c.grantsHere(x) {
			p.Roles = append(p.Roles, c.grant(g))
		}
		acting, _ := c.delegations(x)
		for _, d := range acting {
			p.Roles = append(p.Roles, c.l.T("case.behalf", d.What, d.Person))
		}
		out.People = append(out.People, p)
	}
	return c.show(out)
}

func (c *call) memberURL(id directory.AccountID) string {
	return c.base() + "/desk/staff/" + url.PathEscape(string(id))
}

func (c *call) factorTag(a directory.Account) page.Tag {
	switch {
	case a.SecondFactor():
		return tag(c.l, "staff.has_factor", text.Good)
	case c.office.MustAddFactor(a):
		return tag(c.l, "staff.must_factor", text.Bad)
	}
	return tag(c.l, "staff.no_factor", text.Quiet)
}

// grantsHere are the grants of an account in this office that are not over.
func (c *call) grantsHere(a directory.Account) (out []directory.Grant) {
	for _, g := range a.Grants {
		if g.Office == c.office.Code && (g.Valid.To == "" || g.Valid.To >= c.date()) {
			out = append(out, g)
		}
	}
	return out
}

// mayTake tells whether the office's admin gives and takes a role.
func mayTake(r directory.Role) bool { return r == directory.DeskOfficer || r == directory.Specialist }

// member shows one of them, with what may be done.
func (c *call) member(a directory.Account) error {
	x, err := c.office.Member(a, directory.AccountID(c.r.PathValue("id")))
	if err != nil {
		return err
	}
	out := page.Member{Name: x.Name, URL: c.memberURL(x.ID), Back: c.base() + "/desk/staff", Rows: c.profileRows(x), Acts: c.memberActs(a, x)}
	out.Rows = append(out.Rows, page.Row{Label: c.l.T("staff.factor"), Value: c.factorTag(x).Label})
	if x.Disabled {
		out.Closed = c.l.T("staff.closed")
		if x.Closed != nil {
			out.Closed = c.l.T("staff.closed_why", x.Closed.Reason, c.l.Time(time.Unix(x.Closed.At, 0)))
		}
	}
	for i, g := range c.grantsHere(x) {
		out.Grants = append(out.Grants, page.GrantRow{N: i, What: c.grant(g), MayTake: mayTake(g.Role) && x.ID != a.ID})
	}
	out.Acting, out.Given = c.delegations(x)
	for i := range out.Given {
		out.Given[i].MayEnd = true
	}
	return c.show(out)
}

// memberActs are what an admin can do about somebody, and why not where he cannot. The directory has the last word.
func (c *call) memberActs(a, x directory.Account) []page.Act {
	at := c.memberURL(x.ID)
	if x.ID == a.ID {
		return []page.Act{{Label: c.l.T("staff.grant"), Why: c.l.T("staff.self")}}
	}
	alone := true
	for _, g := range x.Grants {
		alone = alone && (g.Office == c.office.Code || g.Valid.To != "" && g.Valid.To < c.date())
	}
	whole := func(key, act string) page.Act {
		if !alone {
			return page.Act{Label: c.l.T(key), Why: c.l.T("staff.elsewhere")}
		}
		return page.Act{Label: c.l.T(key), URL: at + "/" + act}
	}
	if x.Disabled {
		return []page.Act{whole("staff.enable", "enable")}
	}
	out := []page.Act{{Label: c.l.T("staff.grant"), URL: at + "/grant", Main: true}}
	if len(c.office.Delegable(a.ID, x)) > 0 {
		out = append(out, page.Act{Label: c.l.T("staff.delegate"), URL: at + "/delegate"})
	}
	return append(out, whole("reset.issue", "reset"), whole("staff.disable", "disable"))
}

// memberAct is one of the admin's acts on somebody's account.
type memberAct string

func (m memberAct) form(c *call, a directory.Account) error {
	x, err := c.about(a)
	if err != nil {
		return err
	}
	return m.show(c, x, url.Values{}, nil)
}

// about is whom a page of the admin's is about.
func (c *call) about(a directory.Account) (directory.Account, error) {
	return c.office.Member(a, directory.AccountID(c.r.PathValue("id")))
}

func (m memberAct) show(c *call, x directory.Account, v url.Values, faults []page.Problem) error {
	p := page.Ask{Text: x.Name, Back: c.memberURL(x.ID)}
	why := page.DecisionField(c.l, "delegation.why", v.Get("reason"))
	switch m {
	case "grant":
		p.Heading, p.Button = c.l.T("staff.grant"), c.l.T("staff.grant_do")
		p.Fields = append(page.GrantFields(c.l, v, c.fieldOptions(nil, v.Get("field"))), page.DecisionField(c.l, "delegation.reason", v.Get("reason")))
	case "ungrant":
		g, ok := c.grantNumber(x, cmp.Or(v.Get("n"), c.r.URL.Query().Get("n")))
		if !ok {
			return errNotFound
		}
		p.Heading, p.Button, p.Danger = c.l.T("staff.take_do"), c.l.T("staff.take_do"), true
		p.Text, p.Fields = x.Name+". "+c.l.T("staff.take_text", c.grant(g)), []page.Field{why}
		p.Hidden = []page.Row{{Label: "n", Value: cmp.Or(v.Get("n"), c.r.URL.Query().Get("n"))}}
	case "delegate":
		return c.askDelegate(x, v, faults)
	case "disable":
		p.Heading, p.Button, p.Danger, p.Warning, p.Fields = c.l.T("staff.disable"), c.l.T("staff.disable_do"), true, c.l.T("staff.disable_text"), []page.Field{why}
	case "enable":
		p.Heading, p.Button, p.Fields = c.l.T("staff.enable"), c.l.T("staff.enable_do"), []page.Field{why}
	case "reset":
		p.Heading, p.Button, p.Warning = c.l.T("reset.issue"), c.l.T("reset.issue_do"), c.l.T("reset.issue_text")
	}
	return c.askForm(p, faults)
}

func (c *call) grantNumber(x directory.Account, n string) (directory.Grant, bool) {
	i, err := strconv.Atoi(n)
	gs := c.grantsHere(x)
	if err != nil || i < 0 || i >= len(gs) || !mayTake(gs[i].Role) {
		return directory.Grant{}, false
	}
	return gs[i], true
}

func (m memberAct) do(c *call, a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	x, err := c.about(a)
	if err != nil {
		return err
	}
	if m == "reset" {
		return c.issueReset(a, x.ID, "", x.Name, c.memberURL(x.ID), v)
	}
	faults, done, err := m.perform(c, a, x, v)
	if err != nil {
		if faults, err = c.changeFault(map[memberAct]string{"grant": "role", "delegate": "to"}[m], err); err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		return m.show(c, x, v, faults)
	}
	return c.seeDone(strings.TrimPrefix(c.memberURL(x.ID), c.base()), done)
}

func (m memberAct) perform(c *call, a, x directory.Account, v url.Values) (faults []page.Problem, done string, err error) {
	ctx, reason := c.r.Context(), typed(v, "reason", 160)
	if m == "delegate" {
		d, faults := c.typedDelegation(x, v)
		if len(faults) == 0 {
			err = c.onlyOnce(a, v, func() error { return c.office.Delegate(ctx, a, d) })
		}
		return faults, "delegated", err
	}
	if reason == "" {
		return []page.Problem{{Field: "reason", Text: c.l.T("fault.decision")}}, "", nil
	}
	switch m {
	case "grant":
		g, faults := c.typedGrant(v)
		if len(faults) == 0 {
			err = c.onlyOnce(a, v, func() error { return c.office.Grant(ctx, a, x.ID, []directory.Grant{g}, nil, reason) })
		}
		return faults, "granted", err
	case "ungrant":
		g, ok := c.grantNumber(x, v.Get("n"))
		if !ok {
			return nil, "", errNotFound
		}
		return nil, "ungranted", c.office.Grant(ctx, a, x.ID, nil, []directory.Grant{g}, reason)
	case "disable":
		return nil, "disabled", c.office.SetDisabled(ctx, a, x.ID, true, reason)
	}
	return nil, "enabled", c.office.SetDisabled(ctx, a, x.ID, false, reason)
}

// onlyOnce does an act of a form that has no identity at the directory, unless the form was sent before.
func (c *call) onlyOnce(a directory.Account, v url.Values, act func() error) error {
	_, err := c.repeats.once(c.r.Context(), "account/"+c.token(a, v), func() (string, error) { return "", act() })
	return err
}

// typedGrant reads a role to give.
func (c *call) typedGrant(v url.Values) (g directory.Grant, faults []page.Problem) {
	g = directory.Grant{Office: c.office.Code, Role: directory.Role(v.Get("role"))}
	if !mayTake(g.Role) {
		faults = append(faults, page.Problem{Field: "role", Text: c.l.T("fault.what")})
	}
	if f := v.Get("field"); f != "" {
		g.Fields = []string{f}
	}
	if s := v.Get("step"); s != "" {
		g.Steps = []string{s}
	}
	var bad []page.Problem
	g.Valid, bad = c.typedPeriod(v, false)
	return g, append(faults, bad...)
}

// typedPeriod reads two days; only a delegation must have both.
func (c *call) typedPeriod(v url.Values, both bool) (p directory.Period, faults []page.Problem) {
	for _, d := range []struct {
		name string
		at   *directory.Date
	}{{"from", &p.From}, {"until", &p.To}} {
		s := typed(v, d.name, 20)
		if s == "" && !both {
			continue
		}
		t, err := time.ParseInLocation("2/1/2006", s, directory.Zone)
		if err != nil {
			faults = append(faults, page.Problem{Field: d.name, Text: c.l.T("fault.date")})
			continue
		}
		*d.at = directory.DateOf(t)
	}
	if len(faults) == 0 && p.To != "" && p.From != "" && (p.To < p.From || both && p.To.Time().Sub(p.From.Time()) >= directory.MaxDelegated*24*time.Hour) {
		faults = append(faults, page.Problem{Field: "until", Text: c.l.T("fault.date_order")})
	}
	return p, faults
}

// issueReset makes a code for a new password and shows it, once.
func (c *call) issueReset(a directory.Account, id directory.AccountID, login, name, back string, v url.Values) error {
	code, until, err := c.office.IssueReset(c.r.Context(), a, id, login)
	if id == "" && directory.CodeOf(err) == directory.Exhausted {
		return c.askCitizenReset(login, []page.Problem{{Field: "login", Text: c.l.T("fault.resets")}})
	}
	if err != nil {
		faults, err := c.changeFault("login", err)
		if err != nil {
			return err
		}
		if id == "" {
			return c.askCitizenReset(login, faults)
		}
		x, err := c.about(a)
		if err != nil {
			return err
		}
		faults[0].Field = ""
		return memberAct("reset").show(c, x, v, faults)
	}
	key := c.token(a, v)
	c.secrets.put("reset/"+key, strings.Join([]string{code, c.l.Time(until), name, back}, "\n"))
	http.Redirect(c.w, c.r, c.base()+"/desk/staff/reset?of="+url.QueryEscape(v.Get("once")), http.StatusSeeOther)
	return nil
}

// citizenReset asks for whom at the desk a code is to be made, or shows the one that was just made.
func (c *call) citizenReset(a directory.Account) error {
	if !c.office.IsAdmin(a) {
		return directory.Errorf("reset", directory.Denied, "only the office's admin may")
	}
	if of := c.r.URL.Query().Get("of"); of != "" {
		return c.showReset(a, of)
	}
	return fresh(func(c *call, _ directory.Account) error { return c.askCitizenReset("", nil) })(c, a)
}

func (c *call) showReset(a directory.Account, of string) error {
	kept, ok := c.secrets.take("reset/" + string(a.ID) + "/" + of)
	parts := strings.Split(kept, "\n")
	if !ok || len(parts) != 4 {
		return c.see("/desk/staff")
	}
	own, _ := c.tables.Node(c.office.Code)
	return c.show(page.Codes{
		Heading: c.l.T("reset.for_title"), Text: c.l.T("reset.for_text"), Codes: parts[:1],
		Rows: []page.Row{
			{Label: c.l.T("staff.name"), Value: parts[2]}, {Label: c.l.T("reset.until"), Value: parts[1]},
			{Label: c.l.T("reset.where"), Value: strings.TrimSuffix(own.Portal, "/") + c.base() + "/reset"},
		},
		Next: page.Link{URL: parts[3], Label: c.l.T("codes.done")},
	})
}

func (c *call) askCitizenReset(login string, faults []page.Problem) error {
	return c.askForm(page.Ask{
		Heading: c.l.T("staff.citizen_reset"), Text: c.l.T("reset.citizen"), Button: c.l.T("reset.issue_do"), Back: c.base() + "/desk/staff",
		Fields: page.SignInFields(c.l, login)[:1],
	}, faults)
}

func (c *call) citizenResetDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	login := directory.NormalLogin(typed(v, "login", 64))
	if login == "" {
		return c.askCitizenReset(login, []page.Problem{{Field: "login", Text: c.l.T("fault.login")}})
	}
	return c.issueReset(a, "", login, login, c.base()+"/desk/staff", v)
}
