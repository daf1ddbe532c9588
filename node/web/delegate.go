package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/node/page"
)

func (c *call) delegate(a directory.Account) error {
	return c.askDelegate(a, url.Values{}, nil)
}

// askDelegate asks for a delegation of somebody's role: one's own, or another's for the admin.
func (c *call) askDelegate(from directory.Account, v url.Values, faults []page.Problem) error {
	others, err := c.office.Colleagues(from)
	if err != nil {
		return err
	}
	var who, what []page.Option
	for _, x := range others {
		who = append(who, page.Option{Value: string(x.ID), Label: x.Name, Chosen: string(x.ID) == v.Get("to")})
	}
	grants := c.office.Delegable(c.signed.Account, from)
	for i, g := range grants {
		what = append(what, page.Option{Value: strconv.Itoa(i), Label: c.grant(g), Chosen: strconv.Itoa(i) == v.Get("grant") || len(grants) == 1})
	}
	p := page.Ask{
		Heading: c.l.T("delegation.title"), Text: c.l.T("delegation.text"), Button: c.l.T("delegation.do"), Back: c.base() + c.account(),
		Fields: page.DelegationFields(c.l, v, who, what, c.fieldOptions(grants, v.Get("field"))),
	}
	if from.ID != c.signed.Account {
		p.Heading, p.Back = c.l.T("delegation.for", from.Name), c.memberURL(from.ID)
	}
	return c.askForm(p, faults)
}

// fieldOptions are the fields of work, all or those of some grants, where every grant is limited.
func (c *call) fieldOptions(of []directory.Grant, chosen string) (out []page.Option) {
	limited := len(of) > 0 && !slices.ContainsFunc(of, func(g directory.Grant) bool { return len(g.Fields) == 0 })
	for _, f := range c.tables.Fields(c.date()) {
		if !limited || slices.ContainsFunc(of, func(g directory.Grant) bool { return slices.Contains(g.Fields, f.ID) }) {
			out = append(out, page.Option{Value: f.ID, Label: c.in(f.Name), Chosen: f.ID == chosen})
		}
	}
	return out
}

// typedDelegation reads a delegation of somebody's role.
func (c *call) typedDelegation(from directory.Account, v url.Values) (d directory.Delegation, faults []page.Problem) {
	d = directory.Delegation{From: from.ID, To: directory.AccountID(v.Get("to")), Decision: typed(v, "reason", 160)}
	grants := c.office.Delegable(c.signed.Account, from)
	i, err := strconv.Atoi(v.Get("grant"))
	if d.To == "" || d.To == d.From {
		faults = append(faults, page.Problem{Field: "to", Text: c.l.T("fault.who")})
	}
	if err != nil || i < 0 || i >= len(grants) {
		faults = append(faults, page.Problem{Field: "grant", Text: c.l.T("fault.what")})
	} else {
		d.Grant = grants[i]
	}
	if f := v.Get("field"); f != "" {
		d.Grant.Fields = []string{f}
	}
	var bad []page.Problem
	d.Grant.Valid, bad = c.typedPeriod(v, true)
	if faults = append(faults, bad...); d.Decision == "" {
		faults = append(faults, page.Problem{Field: "reason", Text: c.l.T("fault.decision")})
	}
	return d, faults
}

func (c *call) delegateDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	d, faults := c.typedDelegation(a, v)
	if len(faults) == 0 {
		err := c.onlyOnce(a, v, func() error { return c.office.Delegate(c.r.Context(), a, d) })
		if err == nil {
			return c.seeDone("/desk/account", "delegated")
		}
		if faults, err = c.changeFault("to", err); err != nil {
			return err
		}
	}
	return c.askDelegate(a, v, faults)
}

// endedDelegation is the one of the address, of one's own or, for the admin, of somebody's.
func (c *call) endedDelegation(a directory.Account) (from directory.Account, d directory.Delegation, err error) {
	from = a
	if c.r.PathValue("id") != "" {
		if from, err = c.about(a); err != nil {
			return from, d, err
		}
	}
	for _, d := range from.Given {
		if d.ID == c.r.PathValue("delegation") {
			return from, d, nil
		}
	}
	return from, d, errNotFound
}

func (c *call) endDelegation(a directory.Account) error { return c.askEnd(a, "", nil) }

func (c *call) askEnd(a directory.Account, reason string, faults []page.Problem) error {
	from, d, err := c.endedDelegation(a)
	if err != nil {
		return err
	}
	return c.askForm(page.Ask{
		Heading: c.l.T("delegation.ending"), Text: c.l.T("delegation.endtext", c.office.NameOf(d.To)), Button: c.l.T("delegation.end_do"), Danger: true,
		Back: c.ownerURL(a, from), Fields: []page.Field{page.DecisionField(c.l, "delegation.why", reason)},
	}, faults)
}

// ownerURL is the page of whose delegations are shown.
func (c *call) ownerURL(a, from directory.Account) string {
	if c.r.PathValue("id") == "" {
		return c.base() + "/desk/account"
	}
	return c.memberURL(from.ID)
}

func (c *call) endDelegationDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	reason := typed(v, "reason", 160)
	if reason == "" {
		return c.askEnd(a, reason, []page.Problem{{Field: "reason", Text: c.l.T("fault.decision")}})
	}
	from, d, err := c.endedDelegation(a)
	if err != nil {
		return err
	}
	if err = c.office.EndDelegation(c.r.Context(), a, from.ID, d.ID, reason); err != nil {
		faults, err := c.changeFault("reason", err)
		if err != nil {
			return err
		}
		return c.askEnd(a, reason, faults)
	}
	return c.seeDone(strings.TrimPrefix(c.ownerURL(a, from), c.base()), "undelegated")
}
