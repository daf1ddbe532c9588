package web

import (
	"net/url"
	"strconv"
	"time"

	"motcua/directory"
	"motcua/node/calendar"
	"motcua/node/dossier"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
)

// homeServices and searchPage bound the lists of procedures.
const (
	homeServices = 8
	searchPage   = 20
)

func (c *call) home() error {
	c.greet()
	ix := c.catalogue.at(c.date())
	p := page.Home{Common: c.services(ix.some(c.office, homeServices))}
	for _, f := range ix.fields {
		if n := len(ix.find("", f.ID)); n > 0 {
			p.Fields = append(p.Fields, page.Subject{ID: f.ID, Name: c.in(f.Name), Count: n})
		}
	}
	return c.show(p)
}

func (c *call) search() error {
	c.greet()
	q := c.r.URL.Query()
	query, field := typed(q, "q", 100), q.Get("field")
	from, _ := strconv.Atoi(q.Get("from"))
	ix := c.catalogue.at(c.date())
	hits := ix.find(query, field)
	from = max(0, min(from, len(hits)))
	to := min(from+searchPage, len(hits))
	p := page.Search{Query: query, Hits: c.services(hits[from:to]), Total: len(hits)}
	for _, f := range ix.fields {
		p.Fields = append(p.Fields, page.Option{Value: f.ID, Label: c.in(f.Name), Chosen: f.ID == field})
	}
	if to < len(hits) {
		p.More = c.base() + "/search?" + url.Values{"q": {query}, "field": {field}, "from": {strconv.Itoa(to)}}.Encode()
	}
	return c.show(p)
}

// current is the procedure of the address, as it is in force today.
func (c *call) current() (directory.Procedure, error) {
	p, ok := c.tables.Current(c.r.PathValue("code"), c.date())
	if !ok {
		return p, errNotFound
	}
	return p, nil
}

func (c *call) procedure() error {
	c.greet()
	p, err := c.current()
	w, ends := c.tables.Withdrawal(p.Code)
	if err != nil {
		if p, w, ends = c.tables.Last(c.r.PathValue("code"), c.date()); !ends {
			return err
		}
	}
	out := page.Procedure{
		Code: p.Code, Name: c.in(p.Name), Where: c.decides(p), Limit: p.Limit, Today: c.ifToday(p.Limit), Who: c.subjects(p.Subjects),
		Conditions: c.in(p.Conditions), Result: c.in(p.Result), Legal: p.LegalBasis, Version: p.Version, Decision: p.Decision, From: p.Valid.From,
		Papers: c.paperList(p.Requirements),
	}
	if ends {
		out.Ends, out.Ended, out.EndedBy, out.EndNote = w.From, w.Covers(p, c.date()), w.Decision, c.in(w.Note)
	}
	if out.Ended {
		out.Today = nil
	}
	for _, f := range c.catalogue.at(c.date()).fields {
		if f.ID == p.Field {
			out.Field = c.in(f.Name)
		}
	}
	byRule := false
	for _, f := range p.Fees {
		out.Fees = append(out.Fees, page.Fee{Name: c.in(f.Name), Note: c.in(f.Note), Amount: f.Amount, ByRule: f.ByRule})
		out.Total += f.Amount
		byRule = byRule || f.ByRule
	}
	if byRule || len(p.Fees) > 1 { // alternatives or a rule: no sum to promise
		out.Total = 0
	}
	for _, s := range p.Route {
		out.Route = append(out.Route, page.RouteStep{Name: c.in(s.Name), Where: c.place(s), Budget: int(s.Budget)})
	}
	return c.show(out)
}

// place says where a step is done, before it is known which office accepts the dossier.
func (c *call) place(s directory.Step) string {
	switch {
	case s.Office != "":
		return c.officeName(s.Office)
	case s.Level != "":
		return c.level(s.Level)
	}
	return c.l.T("procedure.root")
}

func (c *call) subjects(ids []string) string {
	var names []string
	for _, id := range ids {
		switch id {
		case "citizen", "business", "organisation":
			names = append(names, c.l.T("subject."+id))
		}
	}
	return text.Address(names...)
}

func (c *call) paperList(rs []directory.Requirement) (out []page.Paper) {
	for _, r := range rs {
		out = append(out, page.Paper{Name: c.in(r.Name), Count: c.copies(r), Note: c.in(r.Note), Optional: r.Optional})
	}
	return out
}

// copies says how many originals and copies are wanted.
func (c *call) copies(r directory.Requirement) string {
	var parts []string
	if r.Originals > 0 {
		parts = append(parts, c.l.N("paper.originals", int(r.Originals)))
	}
	if r.Copies > 0 {
		parts = append(parts, c.l.N("paper.copies", int(r.Copies)))
	}
	if len(parts) == 0 {
		return c.l.T("paper.any")
	}
	return text.Address(parts...)
}

// ifToday is the due date of a dossier accepted now, nil where it cannot be told.
func (c *call) ifToday(m directory.Limit) *page.Due {
	days, ok := c.tables.Calendar()
	if !ok {
		return nil
	}
	k, err := calendar.New(days)
	if err != nil {
		return nil
	}
	due, x, err := k.Due(c.now(), m)
	if err != nil {
		return nil
	}
	return c.due(due, c.l.Explain(x), false)
}

// explain says how a due date came about; nothing where it came about otherwise: the calendar has changed since, or it is
// that of a request and x the whole dossier's.
func (c *call) explain(due time.Time, x calendar.Explanation) []string {
	if x.Due.IsZero() || !x.Due.Equal(due) {
		return nil
	}
	return c.l.Explain(x)
}

func (c *call) track() error {
	c.greet()
	code := typed(c.r.URL.Query(), "code", 60)
	return c.show(page.Track{Form: page.Form{Once: newOnce()}, Fields: page.TrackFields(c.l, code, "")})
}

// trackDo shows where a dossier is. It changes nothing, so it answers by itself: the four digits belong in no address.
func (c *call) trackDo() error {
	c.greet()
	v, err := c.post()
	if err != nil {
		return err
	}
	code, last := typed(v, "code", 60), typed(v, "last", 4)
	var faults []page.Problem
	if _, ok := dossier.NormalCode(code); !ok {
		faults = append(faults, page.Problem{Field: "code", Text: c.l.T("fault.code")})
	}
	if len(last) != 4 {
		faults = append(faults, page.Problem{Field: "last", Text: c.l.T("fault.last")})
	}
	if len(faults) == 0 && c.limiter.Ask(c.address()) > 0 {
		faults = []page.Problem{{Text: c.l.T("fault.too_many")}}
	}
	var t office.TrackView
	if len(faults) == 0 {
		if t, err = c.office.Track(c.r.Context(), code, last); err != nil {
			if faults, err = c.trackFault(err); err != nil {
				return err
			}
		}
	}
	if len(faults) > 0 {
		return c.show(page.Track{Form: page.Form{Once: newOnce(), Problems: faults}, Fields: page.Beside(page.TrackFields(c.l, code, last), faults)})
	}
	return c.show(c.tracked(t))
}

// trackFault words an answer that is no dossier; the error is one that is no answer.
func (c *call) trackFault(err error) ([]page.Problem, error) {
	key := ""
	switch directory.CodeOf(err) {
	case directory.NotFound, directory.Denied:
		key = "fault.track"
	case directory.NoLeader:
		key = "fault.track_cut"
	case directory.Exhausted:
		key = "fault.too_many"
	default:
		return nil, err
	}
	return []page.Problem{{Text: c.l.T(key)}}, nil
}

func (c *call) tracked(t office.TrackView) page.Tracked {
	holder := c.name(t.Holder)
	if gone(t.Status) {
		holder = ""
	}
	return page.Tracked{
		Code: t.Code, Procedure: c.in(t.Procedure), Root: c.name(t.Office), Holder: holder, Standing: c.l.State(t.Status),
		Due: c.due(t.Due, nil, !ended(t.Status)), AsOf: t.AsOf, Fresh: t.Fresh,
	}
}

// ended tells whether a due date no longer runs.
func ended(s dossier.Status) bool {
	return s == dossier.StatusReturned || s == dossier.StatusRefused || s == dossier.StatusDone || s == dossier.StatusReported
}

// gone tells whether nobody works on a dossier any more.
func gone(s dossier.Status) bool { return s == dossier.StatusReturned || s == dossier.StatusRefused }
