package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/store"
	"motcua/node/text"
)

// queue is a list of the desk: its name in addresses, its words, what it holds.
type queue struct {
	name, label string
	bucket      office.Bucket
	overdue     bool
	taken       bool // what other offices have handed over
}

// queues are the lists in the order of the day.
var queues = []queue{
	{"new", "today.new", office.BucketNew, false, false},
	{"requests", "today.requests", office.BucketArrived, false, false},
	{"work", "today.work", office.BucketWork, false, false},
	{"overdue", "today.overdue", office.BucketNone, true, false},
	{"waiting", "today.waiting", office.BucketWait, false, false},
	{"return", "today.return", office.BucketReturn, false, false},
	{"taken", "list.taken", office.BucketNone, false, true},
	{"all", "list.all", office.BucketNone, false, false},
}

func (c *call) listURL(view string) string { return c.base() + "/desk/list?view=" + view }

// count is how many dossiers a queue holds; -1 where nobody counts.
func (q queue) count(v office.TodayView) (n int) {
	if q.overdue {
		for _, g := range v.Groups {
			n += g.Overdue
		}
		return n
	}
	for _, g := range v.Groups {
		if g.Bucket == q.bucket && q.bucket != office.BucketNone {
			return g.Count
		}
	}
	return -1
}

func (c *call) today(a directory.Account) error {
	v, err := c.office.Today(c.r.Context(), a)
	if err != nil {
		return err
	}
	var out page.Today
	for _, q := range queues {
		if n := q.count(v); n >= 0 {
			out.Counts = append(out.Counts, page.Count{Label: c.l.T(q.label), URL: c.listURL(q.name), N: n, Alarm: q.overdue})
		}
	}
	out.Counts = append(out.Counts, page.Count{Label: c.l.T("today.sync"), URL: c.base() + "/desk/outbox", N: len(v.Sending) + len(v.Troubles), Alarm: alarming(v.Sending, v.Troubles)})
	first := func(label, empty, view string, buckets ...office.Bucket) page.Worklist {
		w := page.Worklist{Title: c.l.T(label), Empty: c.l.T(empty), Rows: c.cases(urgent(v, buckets))}
		if len(w.Rows) > 0 {
			w.More = page.Link{URL: c.listURL(view), Label: c.l.T("today.all")}
		}
		return w
	}
	out.Lists = []page.Worklist{
		first("today.new", "today.no_new", "new", office.BucketNew),
		first("today.requests", "today.no_requests", "requests", office.BucketArrived),
		first("today.due_first", "today.no_due", "work", office.BucketWork, office.BucketReturn),
		first("today.waiting", "today.no_waiting", "waiting", office.BucketWait),
	}
	if err := c.closing(&out); err != nil {
		return err
	}
	return c.show(out)
}

// shownToday bounds each list of the first page.
const shownToday = 8

// urgent merges the first lines of buckets, the earliest due first.
func urgent(v office.TodayView, buckets []office.Bucket) (out []office.Line) {
	for _, g := range v.Groups {
		if slices.Contains(buckets, g.Bucket) {
			out = append(out, g.Lines...)
		}
	}
	byDue(out)
	return out[:min(shownToday, len(out))]
}

func byDue(ls []office.Line) {
	slices.SortStableFunc(ls, func(a, b office.Line) int { return a.Due.Compare(b.Due) })
}

func (c *call) cases(ls []office.Line) (out []page.Case) {
	for _, l := range ls {
		k := page.Case{
			Code: l.Code, URL: c.base() + "/desk/dossiers/" + l.Chain.String(), Applicant: l.Applicant, Procedure: c.in(l.Procedure),
			Tag: page.StateTag(c.l, l.Status), Due: l.Due, Late: l.Overdue,
		}
		if l.Kind == store.RowSubmission {
			k.URL = c.base() + "/desk/submissions/" + l.Code
		}
		if l.Holder.Code != c.office.Code {
			k.Holder = c.name(l.Holder)
		}
		if !l.Due.IsZero() && !ended(l.Status) {
			k.Left = c.l.Left(l.Due, c.now())
		}
		out = append(out, k)
	}
	return out
}

// view is the queue of that name, all dossiers for none.
func view(name string) int {
	if i := slices.IndexFunc(queues, func(x queue) bool { return x.name == name }); i >= 0 {
		return i
	}
	return len(queues) - 1
}

// lookFor remembers what an officer looks for under the form's token and goes to the list that shows it: people are looked for
// by name, and names belong in no address, history or log.
func (c *call) lookFor(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	at := c.listURL(queues[view(v.Get("view"))].name)
	words := typed(v, "q", 100)
	if words == "" {
		http.Redirect(c.w, c.r, at, http.StatusSeeOther)
		return nil
	}
	c.searches.put(c.token(a, v), words)
	http.Redirect(c.w, c.r, at+"&find="+url.QueryEscape(v.Get("once")), http.StatusSeeOther)
	return nil
}

func (c *call) list(a directory.Account) error {
	q := c.r.URL.Query()
	i, all := view(q.Get("view")), q.Get("scope") == "all"
	v, err := c.office.Today(c.r.Context(), a)
	if err != nil {
		return err
	}
	find := q.Get("find")
	words, _ := c.searches.get(string(a.ID) + "/" + find)
	found, err := c.find(a, queues[i], words, all, store.Cursor(q.Get("from")))
	if err != nil {
		return err
	}
	out := page.List{Form: page.Form{Once: newOnce()}, View: queues[i].name, Query: words, Rows: c.cases(found.Lines)}
	for j, x := range queues {
		if x.taken && !c.office.TookOver() {
			continue
		}
		out.Views = append(out.Views, page.View{Label: c.l.T(x.label), URL: c.listURL(x.name), N: x.count(v), Here: i == j})
	}
	if queues[i].bucket != office.BucketNone && words == "" && !c.office.SeesOnlyOwn(a) {
		at := c.listURL(queues[i].name)
		out.Scopes = []page.View{{Label: c.l.T("list.scope_mine"), URL: at, N: -1, Here: !all}, {Label: c.l.T("list.scope_all"), URL: at + "&scope=all", N: -1, Here: all}}
	}
	if found.Next != "" {
		more := url.Values{"view": {out.View}, "from": {string(found.Next)}}
		if all {
			more.Set("scope", "all")
		}
		if words != "" {
			more.Set("find", find)
		}
		out.More = c.base() + "/desk/list?" + more.Encode()
	}
	return c.show(out)
}

// find is a part of a queue, or what a search finds. Overdue is not one list of the office but a part of each.
func (c *call) find(a directory.Account, q queue, search string, whole bool, from store.Cursor) (office.Page, error) {
	if !q.overdue || search != "" {
		return c.office.List(c.r.Context(), a, office.Filter{Bucket: q.bucket, Search: search, All: whole, Taken: q.taken, From: from})
	}
	var all office.Page
	for _, b := range office.Buckets() {
		p, err := c.office.List(c.r.Context(), a, office.Filter{Bucket: b, Overdue: true})
		if err != nil {
			return all, err
		}
		for _, l := range p.Lines {
			if l.Overdue {
				all.Lines = append(all.Lines, l)
			}
		}
	}
	byDue(all.Lines)
	return all, nil
}

// bar tells which dossier a page of the desk is about.
func (c *call) bar(v office.DossierView) page.Bar {
	b := page.Bar{
		Heading: c.l.T("label.dossier"), Code: v.Code, Procedure: c.in(v.Procedure.Name), Applicant: v.Applicant.Name, Detail: v.Applicant.Phone,
		Tag: page.StateTag(c.l, v.Status), Due: v.Due,
	}
	switch {
	case v.IsChild:
		b.Heading = c.l.T("label.request")
		b.Detail = text.Address(v.Applicant.Phone, c.l.T("label.root")+": "+c.name(v.Office))
	case v.Accepted.IsZero():
		b.Heading, b.Code, b.Due = c.l.T("label.submission"), v.Alias, time.Time{}
		b.Detail = text.Address(v.Applicant.Phone, c.l.T("submission.from", c.name(v.Portal), c.l.Time(v.Submitted)))
	}
	if !b.Due.IsZero() && !ended(v.Status) {
		b.Left, b.Late = c.l.Left(v.Due, c.now()), c.now().After(v.Due)
	}
	return b
}

func (c *call) deskGroups(v office.DossierView) []page.Group {
	who := v.Applicant
	applicant := page.Group{Title: c.l.T("check.applicant"), Rows: c.applicant(who.Name, who.Identity, who.Phone, who.Email, who.Address)}
	return append([]page.Group{applicant}, c.answers(v.Procedure, v.Answers, "")...)
}

// deskFile links to a file of a chain where its bytes are here.
func (c *call) deskFile(chain digest.Digest) func(digest.Digest) string {
	return func(d digest.Digest) string { return c.base() + "/desk/files/" + chain.String() + "/" + d.String() }
}

func (c *call) submission(a directory.Account) error {
	v, err := c.office.Submission(c.r.Context(), a, c.r.PathValue("code"))
	if directory.CodeOf(err) == directory.Conflict {
		return c.settled(a)
	}
	if err != nil {
		return err
	}
	return c.showSubmission(v, "", nil)
}

// settled goes from a submission that was accepted or refused meanwhile to its dossier.
func (c *call) settled(a directory.Account) error {
	p, err := c.office.List(c.r.Context(), a, office.Filter{Search: c.r.PathValue("code")})
	if err != nil || len(p.Lines) == 0 {
		return errNotFound
	}
	return c.seeDone("/desk/dossiers/"+p.Lines[0].Chain.String(), c.done())
}

func (c *call) showSubmission(v office.DossierView, reason string, faults []page.Problem) error {
	out := page.Submission{
		Form: page.Form{Once: newOnce(), Problems: faults}, OnceRefuse: newOnce(), Bar: c.bar(v), Groups: c.deskGroups(v),
		Slots: c.slots(v.Procedure.Requirements, v.Papers, c.deskFile(v.Chain)), Today: c.due(v.Due, c.explain(v.Due, v.Explanation), false),
		Reason: page.Beside([]page.Field{page.ReasonField(c.l, reason)}, faults)[0],
	}
	for _, s := range out.Slots {
		if len(s.Files) == 0 && !s.Optional {
			out.Warnings = append(out.Warnings, c.l.T("submission.short", s.Name))
		}
	}
	for _, act := range v.Allowed {
		if act.Why != nil {
			out.Deny = c.in(act.Why.Message)
		}
	}
	return c.show(out)
}

func (c *call) accept(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	code, err := c.office.Accept(c.r.Context(), a, c.r.PathValue("code"), c.token(a, v))
	if err != nil {
		return err
	}
	p, err := c.office.List(c.r.Context(), a, office.Filter{Search: code})
	if err != nil || len(p.Lines) == 0 {
		return c.seeDone("/desk", "accept")
	}
	return c.seeDone("/desk/dossiers/"+p.Lines[0].Chain.String(), "accept")
}

func (c *call) refuse(a directory.Account) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	reason := multiline(v, "reason")
	if reason == "" {
		return c.refuseAgain(a, reason, c.l.T("fault.reason"))
	}
	err = c.office.Refuse(c.r.Context(), a, c.r.PathValue("code"), reason, c.token(a, v))
	if rule, ok := errors.AsType[*dossier.Rule](err); ok && (rule.Code == dossier.RuleReason || rule.Code == dossier.RuleText) {
		return c.refuseAgain(a, reason, c.in(rule.Message))
	}
	if err != nil {
		return err
	}
	return c.seeDone("/desk", "refuse")
}

// refuseAgain shows the submission with what is wrong with the reason beside it.
func (c *call) refuseAgain(a directory.Account, reason, fault string) error {
	s, err := c.office.Submission(c.r.Context(), a, c.r.PathValue("code"))
	if err != nil {
		return err
	}
	c.path = "/desk/submissions/" + url.PathEscape(c.r.PathValue("code"))
	return c.showSubmission(s, reason, []page.Problem{{Field: "reason", Text: fault}})
}

func (c *call) deskDossier(a directory.Account) error {
	v, err := c.load(a)
	if err != nil {
		return err
	}
	if !v.IsChild && v.Accepted.IsZero() && v.Status == dossier.StatusSubmitted {
		return c.see("/desk/submissions/" + v.Alias)
	}
	out := page.DeskDossier{
		Bar: c.bar(v), Acts: c.acts(v), Steps: c.steps(v), Groups: c.deskGroups(v), Slots: c.slots(v.Procedure.Requirements, v.Papers, c.deskFile(v.Chain)),
		Results: c.files(v.Results, c.deskFile(v.Chain)), History: c.history(v), Due: c.due(v.Due, c.explain(v.Due, v.Explanation), !ended(v.Status)),
		Chain: v.Chain.Short(), Forked: v.Forks > 0,
	}
	if v.Status == dossier.StatusRefused || v.Outcome == dossier.Rejected {
		out.Reason = v.Reason
	}
	for _, s := range v.Sending {
		out.Pending = append(out.Pending, c.l.T("case.pending_line", c.parcel(s.Kind)+" – "+c.name(s.To), c.l.Time(s.Since)))
	}
	if !v.IsChild && !v.Accepted.IsZero() {
		out.Slip = c.base() + "/desk/slips/" + v.Code
	}
	return c.show(out)
}

// load reads the dossier of the address.
func (c *call) load(a directory.Account) (office.DossierView, error) {
	chain, err := digest.Parse(c.r.PathValue("chain"))
	if err != nil {
		return office.DossierView{}, errNotFound
	}
	return c.office.Dossier(c.r.Context(), a, chain)
}

func (c *call) history(v office.DossierView) (out []page.Step) {
	for _, e := range v.History {
		s := page.Step{Title: c.l.Act(e.Kind), Where: c.name(e.Office), At: e.At, By: c.by(e.Actor, e.For), Note: e.Note}
		switch {
		case e.Kind == dossier.KindRequested || e.Kind == dossier.KindHandedOver:
			s.Title = c.l.Act(e.Kind) + ": " + c.name(e.To)
		case e.Outcome != 0:
			s.Title += ": " + c.l.Outcome(e.Outcome)
		case e.Method != "":
			s.Title += ": " + c.l.T("method."+e.Method)
		case e.Kind == dossier.KindStepDone:
			s.Title += ": " + c.in(e.Step)
		}
		if e.Actor == "" {
			s.By = c.l.Role("system")
		}
		if e.Decision != "" {
			s.By += " – " + c.l.T("case.decision", e.Decision)
		}
		out = append(out, s)
	}
	return out
}

// by names who did something, and on whose behalf.
func (c *call) by(actor, behalf string) string {
	if behalf == "" {
		return actor
	}
	return c.l.T("case.behalf", actor, behalf)
}

func (c *call) officeFile(a directory.Account) error {
	chain, err1 := digest.Parse(c.r.PathValue("chain"))
	b, err2 := digest.Parse(c.r.PathValue("blob"))
	if err1 != nil || err2 != nil {
		return errNotFound
	}
	info, body, err := c.office.OfficeFile(c.r.Context(), a, chain, b)
	if err != nil {
		return err
	}
	defer body.Close()
	return c.download(info, body)
}
