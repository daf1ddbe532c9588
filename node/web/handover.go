package web

import (
	"strconv"
	"strings"

	"motcua/directory"
	"motcua/node/office"
	"motcua/node/page"
)

// closing says on the desk's first page that the office closes.
func (c *call) closing(out *page.Today) error {
	v, closes, err := c.office.Closure()
	if err != nil || !closes {
		return err
	}
	out.Closing = c.l.T("handover.notice", c.l.Day(v.Closed), strconv.Itoa(v.Left))
	out.HandOver = c.base() + "/desk/hand-over"
	return nil
}

// handOver shows how far the hand-over of an office that closes has come.
func (c *call) handOver(a directory.Account) error {
	v, closes, err := c.office.Closure()
	if err != nil {
		return err
	}
	if !closes {
		return errNotFound
	}
	out := page.HandOver{Lead: c.l.T("handover.lead", c.l.Day(v.Closed), v.Decision)}
	add := func(label, value string) { out.Rows = append(out.Rows, page.Row{Label: c.l.T(label), Value: value}) }
	for _, to := range c.successors(v) {
		add("handover.to", c.name(to))
	}
	add("handover.left", strconv.Itoa(v.Left))
	add("handover.under_way", strconv.Itoa(v.UnderWay))
	add("handover.taken", strconv.Itoa(v.Taken))
	if v.Submissions > 0 {
		add("handover.submissions", strconv.Itoa(v.Submissions))
		out.Submissions = page.Link{URL: c.listURL("new"), Label: c.l.T("today.new")}
	}
	switch {
	case len(v.To) == 0:
		out.State = c.l.T("handover.nobody")
	case !v.Past:
		out.State = c.l.T("handover.wait", c.l.Day(v.Closed))
	case v.Ordered.Code != "" && v.Left+v.UnderWay == 0:
		out.State = c.l.T("handover.done")
	case v.Ordered.Code != "" && v.Hindrance != "":
		out.State, out.Hindrance = c.l.T("handover.hindered"), v.Hindrance
	case v.Ordered.Code != "":
		out.State = c.l.T("handover.ordered")
	case !c.office.IsAdmin(a):
		out.State = c.l.T("handover.admin")
	default:
		out.Order = c.base() + "/desk/hand-over/order"
	}
	return c.show(out)
}

// successors are the office that takes over, or those that may while nobody has said which.
func (c *call) successors(v office.Closure) []office.Ref {
	if v.Ordered.Code != "" {
		return []office.Ref{v.Ordered}
	}
	return v.To
}

// orderHandOver asks to which office, and whether it is meant.
func (c *call) orderHandOver(directory.Account) error { return c.askHandOver("", nil) }

func (c *call) askHandOver(codes string, faults []page.Problem) error {
	v, closes, err := c.office.Closure()
	if err != nil {
		return err
	}
	if !closes || !v.Past || len(v.To) == 0 {
		return c.see("/desk")
	}
	to := page.Field{Name: "to", Label: c.l.T("handover.to"), Kind: page.RadioField}
	for _, r := range v.To {
		to.Options = append(to.Options, page.Option{Value: string(r.Code), Label: c.name(r), Chosen: len(v.To) == 1})
	}
	fields := []page.Field{to}
	if len(v.To) > 1 {
		fields = append(fields, page.Field{Name: "codes", Label: c.l.T("handover.codes"), Hint: c.l.T("handover.codes_hint"), Kind: page.AreaField, Optional: true, Value: codes})
	}
	return c.askForm(page.Ask{
		Heading: c.l.T("handover.title"), Text: c.l.T("handover.ask", strconv.Itoa(v.Left)), Warning: c.l.T("handover.how"), Button: c.l.T("handover.do"),
		Back: c.base() + "/desk/hand-over", Fields: fields,
	}, faults)
}

func (c *call) orderHandOverDo(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	to := directory.OfficeCode(typed(v, "to", 32))
	codes := multiline(v, "codes")
	if to == "" {
		return c.askHandOver(codes, []page.Problem{{Field: "to", Text: c.l.T("fault.heir")}})
	}
	list := strings.Fields(codes)
	if len(list) == 0 {
		err = c.office.OrderHandOver(c.r.Context(), a, to)
	} else if err = c.office.HandOver(c.r.Context(), a, to, list); directory.CodeOf(err) == directory.Invalid {
		return c.askHandOver(codes, []page.Problem{{Field: "codes", Text: c.l.T("fault.codes")}})
	}
	if err != nil {
		return err
	}
	return c.seeDone("/desk/hand-over", "hand_over")
}
