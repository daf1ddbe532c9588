package web

import (
	"net/http"
	"net/url"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
	"motcua/replication"
)

func (c *call) outbox(a directory.Account) error {
	sending, troubles, err := c.office.Sendings(a)
	if err != nil {
		return err
	}
	base := c.base() + "/desk/outbox"
	out := page.Outbox{
		Form: page.Form{Once: newOnce()},
		Line: tag(c.l, "outbox.up", text.Good), Edition: c.tables.Number(), EditionAt: time.UnixMilli(c.tables.Cut()), Retry: base + "/retry", Stick: base + "/stick",
	}
	if out.Reached, out.Known = c.node.Reach(); !c.node.Line() || out.Reached == 0 {
		out.Line, out.Reached = tag(c.l, "outbox.down", text.Bad), 0
	} else if !c.node.DirectoryInReach() {
		out.Line = tag(c.l, "outbox.no_directory", text.Wait)
	}
	for _, s := range sending {
		if s.Overdue {
			out.Late = append(out.Late, c.parcelOf(s))
		} else {
			out.Parcels = append(out.Parcels, c.parcelOf(s))
		}
	}
	for _, t := range troubles {
		out.Refused = append(out.Refused, page.Parcel{
			To: c.name(t.To), What: c.parcel(t.Kind), Code: t.Code, Why: text.Address(c.l.Refusal(t.Refusal), t.Note), Fix: c.wayOut(t.Refusal), Since: t.At,
		})
	}
	return c.show(out)
}

// reached is how many other machines this one is connected to.
func (c *call) reached() int {
	n, _ := c.node.Reach()
	return n
}

// alarming tells whether a person ought to look at the outbox.
func alarming(sending []office.Sending, troubles []office.Trouble) bool {
	for _, s := range sending {
		if s.Raised || s.Overdue {
			return true
		}
	}
	return len(troubles) > 0
}

// parcelOf words a parcel that has not been acknowledged.
func (c *call) parcelOf(s office.Sending) page.Parcel {
	p := page.Parcel{
		To: c.name(s.To), What: c.parcel(s.Kind), Code: s.Code, Since: s.Since, Last: s.Tried, Tries: s.Attempts, Why: c.undelivered(s.Reason),
		Raised: s.Raised, Within: s.Within, Done: s.Done, Bytes: s.Bytes, Office: string(s.To.Code),
		Keep: c.base() + "/desk/outbox/" + s.Parcel.String() + "/keep", Stick: c.base() + "/desk/outbox/stick?" + url.Values{"to": {string(s.To.Code)}}.Encode(),
	}
	switch {
	case s.Sending && (!c.node.Line() || c.reached() == 0): // an attempt that still waits for an answer which cannot come
		p.Next = c.l.T("outbox.no_line")
	case s.Sending:
		p.Next = c.l.T("outbox.sending")
	case s.Closed:
		p.Next = c.l.T("outbox.closed", c.l.Moment(s.Next, c.now()))
	case s.Next.After(c.now()):
		p.Next = c.l.T("outbox.next", c.l.Moment(s.Next, c.now()))
	}
	if s.Carrier == replication.ByRelay {
		p.Way = c.l.T("outbox.by_relay")
	}
	return p
}

// retry has what waits for an office tried now, or everything.
func (c *call) retry(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	if err := c.office.Retry(c.r.Context(), a, directory.OfficeCode(typed(v, "to", 32))); err != nil {
		return err
	}
	return c.seeDone("/desk/outbox", "retry")
}

// keepSending gives a parcel past its lifetime another one.
func (c *call) keepSending(a directory.Account) error {
	id, err := digest.Parse(c.r.PathValue("parcel"))
	if err != nil {
		return directory.Errorf("keep sending", directory.NotFound, "no such parcel")
	}
	if err := c.office.KeepSending(c.r.Context(), a, id); err != nil {
		return err
	}
	return c.seeDone("/desk/outbox", "keep")
}

// stick gives a bundle to save onto a stick: sealed parcels that nobody on the way can read.
func (c *call) stick(a directory.Account) error {
	if _, _, err := c.office.Sendings(a); err != nil {
		return err
	}
	name, write, err := c.node.Bundle(c.r.URL.Query()["to"])
	if err != nil {
		return directory.Errorf("bundle", directory.NotFound, "%v", err)
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	if err := write(c.w); err != nil {
		c.log.Error("bundle not written", "err", err)
		panic(http.ErrAbortHandler) // the browser must not take half a bundle for a whole one
	}
	return nil
}

// undelivered words the reason of a failed attempt; "" before the first.
func (c *call) undelivered(r replication.Reason) string {
	if r == "" {
		return ""
	}
	if s, err := c.l.Message("parcel.why." + string(r)); err == nil {
		return s
	}
	return c.l.T("parcel.why.fault")
}

func (c *call) parcel(kind string) string {
	switch kind {
	case "submission", "request", "report", "status", "hand_over":
		return c.l.T("parcel." + kind)
	}
	return c.l.T("parcel.other")
}

// wayOut says what to do about a refusal.
func (c *call) wayOut(refusal string) string {
	if s, err := c.l.Message("parcel.fix." + refusal); err == nil {
		return s
	}
	return c.l.T("parcel.fix.other")
}
