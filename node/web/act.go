package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/unicode/norm"

	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
)

// acts of a desk by their name in addresses.
var actNames = map[dossier.Kind]string{
	dossier.KindStepDone: "step", dossier.KindRequested: "forward", dossier.KindReceived: "receive",
	dossier.KindDecided: "decide", dossier.KindReported: "report", dossier.KindReturned: "return",
}

// acts lists what may be done, first, then what may not and why. An act that the route never asks for at this point is
// explained only if nothing else can be done.
func (c *call) acts(v office.DossierView) []page.Act {
	var may, not []page.Act
	for _, a := range v.Allowed {
		name := actNames[a.Kind]
		if name == "" {
			continue
		}
		act := page.Act{Label: c.l.T("act." + name)}
		if a.Why != nil {
			act.Why = c.in(a.Why.Message)
			not = append(not, act)
			continue
		}
		if name == "forward" && !c.enrolled(v.Forward.Code) {
			act.Why = text.Upper(c.l.T("act.absent", c.name(v.Forward)))
			not = append(not, act)
			continue
		}
		if name == "step" && v.Next != nil {
			act.Label = c.l.T("act.step") + ": " + c.in(v.Next.Step.Name)
		}
		act.URL, act.Main = c.base()+"/desk/dossiers/"+v.Chain.String()+"/"+name, len(may) == 0
		may = append(may, act)
	}
	if ended(v.Status) && len(may) == 0 {
		return nil
	}
	return append(may, not...)
}

// enrolled tells whether something can be sealed to an office.
func (c *call) enrolled(o directory.OfficeCode) bool {
	_, ok := c.tables.Node(o)
	return ok || o == c.office.Code
}

// absent turns the failure to send something to an office without a node into words that say so.
func (c *call) absent(to office.Ref, err error) error {
	if directory.CodeOf(err) != directory.NotFound || to.Code == "" || c.enrolled(to.Code) {
		return err
	}
	return &stop{http.StatusConflict, page.Absent(c.l, c.name(to))}
}

// token is the identity of an act: that of the form, in the name of the person who sent it.
func (c *call) token(a directory.Account, v url.Values) string {
	return string(a.ID) + "/" + v.Get("once")
}

// multiline returns what was typed in a text area.
func multiline(v url.Values, name string) string {
	s := norm.NFC.String(strings.ToValidUTF8(v.Get(name), ""))
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

// act shows the form of an act that is allowed now.
func (c *call) act(a directory.Account) error {
	if sent, err := c.mayDecide(a); sent {
		return err
	}
	v, err := c.load(a)
	if err != nil {
		return err
	}
	if why, ok := allowed(v, c.r.PathValue("act")); !ok {
		return errNotFound
	} else if why != nil {
		return why
	}
	if c.r.PathValue("act") == "forward" && !c.enrolled(v.Forward.Code) {
		return &stop{http.StatusConflict, page.Absent(c.l, c.name(v.Forward))}
	}
	return c.showAct(v, url.Values{}, nil)
}

// mayDecide asks a signatory who has a second factor for it again after a while; a decision binds the office.
func (c *call) mayDecide(a directory.Account) (sent bool, err error) {
	if c.r.PathValue("act") != "decide" || !a.SecondFactor() {
		return false, nil
	}
	return c.sure(a, office.SignFresh)
}

// allowed finds an act by its name: what forbids it, and whether there is such an act.
func allowed(v office.DossierView, name string) (*dossier.Rule, bool) {
	for _, a := range v.Allowed {
		if actNames[a.Kind] == name && name != "" {
			return a.Why, true
		}
	}
	return nil, false
}

func (c *call) showAct(v office.DossierView, typed url.Values, faults []page.Problem) error {
	name := c.r.PathValue("act")
	at := c.base() + "/desk/dossiers/" + v.Chain.String()
	out := page.Do{
		Form: page.Form{Once: newOnce(), Problems: faults}, Bar: c.bar(v), Back: at, Action: at + "/" + name,
		Heading: c.l.T("act." + name), Button: c.l.T("act." + name + "_do"),
	}
	note := page.NoteField(c.l, typed.Get("note"))
	switch name {
	case "forward":
		out.Text, out.Fields = c.l.T("act.forward_text", c.name(v.Forward)), []page.Field{note}
	case "receive":
		out.Text = c.l.T("act.receive_text")
	case "decide":
		out.Upload, out.Fields = true, page.DecideFields(c.l, typed.Get("outcome"), typed.Get("reason"))
	case "report":
		out.Text, out.Fields = c.l.T("act.report_text", c.name(v.Office)), []page.Field{note}
	case "return":
		out.Text, out.Fields = c.l.T("act.return_text"), []page.Field{page.MethodField(c.l, typed.Get("method"))}
	default:
		out.Fields = []page.Field{note}
	}
	if v.Next != nil && (name == "step" || name == "decide") {
		out.Heading += ": " + c.in(v.Next.Step.Name)
	}
	out.Fields = page.Beside(out.Fields, faults)
	return c.show(out)
}

func (c *call) actDo(a directory.Account) error {
	name := c.r.PathValue("act")
	if sent, err := c.mayDecide(a); sent {
		c.drain()
		return err
	}
	var v url.Values
	var up *office.Upload
	var err error
	if name == "decide" {
		v, up, err = c.upload()
	} else {
		v, err = c.post()
	}
	if err != nil {
		return err
	}
	d, err := c.load(a)
	if err != nil {
		return err
	}
	faults := c.actFaults(name, v)
	if len(faults) == 0 {
		err = c.absent(d.Forward, c.perform(a, d, v, up))
		faults, err = c.actRefused(name, err)
	}
	if name == "decide" {
		c.drain()
	}
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return c.showAct(d, v, faults)
	}
	return c.seeDone("/desk/dossiers/"+d.Chain.String(), name)
}

func (c *call) actFaults(name string, v url.Values) []page.Problem {
	switch {
	case name == "decide" && v.Get("outcome") != "approved" && v.Get("outcome") != "rejected":
		return []page.Problem{{Field: "outcome", Text: c.l.T("fault.outcome")}}
	case name == "return" && v.Get("method") == "":
		return []page.Problem{{Field: "method", Text: c.l.T("fault.method")}}
	}
	return nil
}

// perform does the act. A repeat of the same form finds its answer before any rule is asked.
func (c *call) perform(a directory.Account, d office.DossierView, v url.Values, up *office.Upload) error {
	ctx, token, note := c.r.Context(), c.token(a, v), multiline(v, "note")
	switch c.r.PathValue("act") {
	case "step":
		return c.office.FinishStep(ctx, a, d.Chain, note, token)
	case "forward":
		return c.office.Forward(ctx, a, d.Chain, note, token)
	case "receive":
		return c.office.Receive(ctx, a, d.Chain, token)
	case "decide":
		outcome := dossier.Rejected
		if v.Get("outcome") == "approved" {
			outcome = dossier.Approved
		}
		return c.office.Decide(ctx, a, d.Chain, outcome, multiline(v, "reason"), up, token)
	case "report":
		return c.office.Report(ctx, a, d.Chain, note, token)
	case "return":
		return c.office.Return(ctx, a, d.Chain, v.Get("method"), token)
	}
	return errNotFound
}

// textFields is what a person types on the form of an act.
var textFields = map[string]string{"step": "note", "forward": "note", "report": "note", "decide": "reason", "return": "method"}

// actRefused puts beside its field what a person can mend on the form; any other error stays one.
func (c *call) actRefused(name string, err error) ([]page.Problem, error) {
	rule, ok := errors.AsType[*dossier.Rule](err)
	field := ""
	switch {
	case err == nil:
		return nil, nil
	case ok && rule.Code == dossier.RuleReason:
		field = "reason"
	case ok && rule.Code == dossier.RuleResult && name == "decide":
		field = "file"
	case ok && rule.Code == dossier.RuleText:
		field = textFields[name]
	case name == "decide":
		fault, err := c.fileFault(err, office.MaxResult)
		return []page.Problem{{Field: "file", Text: fault}}, err
	}
	if field == "" {
		return nil, err
	}
	return []page.Problem{{Field: field, Text: c.in(rule.Message)}}, nil
}
