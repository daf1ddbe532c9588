package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/fold"
	"motcua/node/blob"
	"motcua/node/form"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
)

// maxOffices bounds the radio buttons of one page.
const maxOffices = 30

// known tells whether this node has the account's details, which a submission must carry. A session of another node alone
// does not: then the person signs in here once more.
func (c *call) known(who office.Citizen) bool { return who.Identity != "" }

func (c *call) start(who office.Citizen) error {
	if !c.known(who) {
		return c.askWho("/sign-in")
	}
	return c.showStart(nil)
}

func (c *call) showStart(faults []page.Problem) error {
	p, err := c.current()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	query, place := typed(q, "q", 60), q.Get("place")
	all := c.inCharge(p)
	out := page.Start{Form: page.Form{Once: newOnce(), Problems: faults}, Procedure: c.service(p), Query: query, Place: place}
	out.Places = c.places(all, place)
	found := c.narrow(all, query, place)
	out.More = max(0, len(found)-maxOffices)
	out.Offices = page.Field{Name: "office", Label: c.l.T("start.choose"), Kind: page.RadioField}
	for _, o := range found[:min(len(found), maxOffices)] {
		hint := ""
		if up, ok := c.tables.Office(o.ParentOn(c.date())); ok && len(out.Places) > 1 {
			hint = c.in(cmp.Or(up.PlaceOn(c.date()), up.NameOn(c.date())))
		}
		chosen := len(found) == 1 || o.Code == c.office.Code
		out.Offices.Options = append(out.Offices.Options, page.Option{Value: string(o.Code), Label: c.in(o.NameOn(c.date())), Hint: hint, Chosen: chosen})
	}
	out.Offices = page.Beside([]page.Field{out.Offices}, faults)[0]
	return c.show(out)
}

// inCharge lists the offices that may be handed a procedure and have a node to send it to, this one first.
func (c *call) inCharge(p directory.Procedure) (out []directory.Office) {
	for _, o := range c.tables.Offices(c.date()) {
		n, ok := c.tables.Node(o.Code)
		if (ok && n.Revoked == 0 || o.Code == c.office.Code) && c.office.InCharge(p, o.Code) {
			out = append(out, o)
		}
	}
	fold.Sort(out, func(o directory.Office) string { return o.NameOn(c.date()).VI })
	slices.SortStableFunc(out, func(a, b directory.Office) int {
		return cmp.Compare(rank(a.Code != c.office.Code), rank(b.Code != c.office.Code))
	})
	return out
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}

// places are the areas above the offices, to narrow the list by; none where there is only one.
func (c *call) places(all []directory.Office, chosen string) (out []page.Option) {
	seen := map[directory.OfficeCode]bool{}
	for _, o := range all {
		up, ok := c.tables.Office(o.ParentOn(c.date()))
		if !ok || seen[up.Code] {
			continue
		}
		seen[up.Code] = true
		name := cmp.Or(up.PlaceOn(c.date()), up.NameOn(c.date()))
		out = append(out, page.Option{Value: string(up.Code), Label: c.in(name), Chosen: string(up.Code) == chosen})
	}
	if len(out) < 2 && chosen == "" {
		return nil
	}
	fold.Sort(out, func(o page.Option) string { return o.Label })
	return out
}

// narrow keeps the offices below a place whose name has the words.
func (c *call) narrow(all []directory.Office, query, place string) (out []directory.Office) {
	want := fold.Fold(query)
	for _, o := range all {
		if (place == "" || string(o.ParentOn(c.date())) == place) && strings.Contains(c.names(o), want) {
			out = append(out, o)
		}
	}
	return out
}

// names are all that an office may be looked for by: its names, old ones too, and those of the offices it has taken over.
func (c *call) names(o directory.Office) string {
	var names strings.Builder
	for _, o := range append([]directory.Office{o}, c.tables.Formerly(o.Code)...) {
		names.WriteString(fold.Fold(o.Place.VI + " " + o.Place.EN))
		for _, n := range o.Names {
			names.WriteString(" " + fold.Fold(n.Text.VI+" "+n.Text.EN) + " " + fold.Fold(n.Place.VI+" "+n.Place.EN))
		}
		names.WriteString(" ")
	}
	return names.String()
}

func (c *call) startDo(who office.Citizen) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	if !c.known(who) {
		return c.askWho("/sign-in")
	}
	code := directory.OfficeCode(v.Get("office"))
	if code == "" || code.Validate() != nil {
		return c.showStart([]page.Problem{{Field: "office", Text: c.l.T("fault.office")}})
	}
	if o, ok := c.tables.Office(code); ok && !c.enrolled(code) {
		return &stop{http.StatusConflict, page.Absent(c.l, c.in(o.NameOn(c.date())))}
	}
	key := "start/" + string(who.ID) + "/" + v.Get("once")
	id, err := c.repeats.once(c.r.Context(), key, func() (string, error) {
		return c.office.StartDraft(c.r.Context(), who, c.r.PathValue("code"), code)
	})
	if err != nil {
		return err
	}
	return c.see("/drafts/" + id)
}

// drafts is citizen for the pages of a draft. Of one that was handed in meanwhile, as after going back in a browser, it leads to
// the confirmation.
func drafts(h func(*call, office.Citizen) error) handler {
	return citizen(func(c *call, who office.Citizen) error {
		err := h(c, who)
		if directory.CodeOf(err) != directory.NotFound {
			return err
		}
		code, sent, e := c.office.Submitted(who, c.r.PathValue("id"))
		switch {
		case e != nil || !sent:
			return err
		case c.r.Method == http.MethodGet:
			return c.see("/submissions/" + code)
		}
		return &stop{http.StatusConflict, page.Submitted(c.l, code)}
	})
}

// open reads the draft of the address.
func (c *call) openDraft(who office.Citizen) (office.DraftView, page.Draft, error) {
	d, err := c.office.Draft(c.r.Context(), who, c.r.PathValue("id"))
	return d, page.Draft{ID: d.ID, Procedure: c.in(d.Procedure.Name), Office: c.name(d.Office)}, err
}

func (c *call) draft(who office.Citizen) error {
	d, head, err := c.openDraft(who)
	if err != nil {
		return err
	}
	at := c.base() + "/drafts/" + d.ID
	tasks := []page.Task{
		{Name: c.l.T("tasks.form"), URL: at + "/form", Tag: c.progress(d.FormDone, len(d.Answers) > 0)},
		{Name: c.l.T("tasks.papers"), URL: at + "/papers", Tag: c.progress(len(d.Missing) == 0, len(d.Papers) > 0)},
		{Name: c.l.T("tasks.check"), Tag: tag(c.l, "tasks.later", text.Quiet)},
	}
	if d.FormDone {
		tasks[2].URL, tasks[2].Tag = at+"/check", tag(c.l, "tasks.todo", text.Info)
	}
	return c.show(page.Tasks{Form: page.Form{Once: newOnce()}, Draft: head, Tasks: tasks})
}

func (c *call) progress(done, begun bool) page.Tag {
	switch {
	case done:
		return tag(c.l, "tasks.done", text.Good)
	case begun:
		return tag(c.l, "tasks.partly", text.Info)
	}
	return tag(c.l, "tasks.todo", text.Info)
}

func (c *call) questions(who office.Citizen) error {
	d, head, err := c.openDraft(who)
	if err != nil {
		return err
	}
	f, err := form.Compile(d.Procedure.Form)
	if err != nil {
		return err
	}
	return c.showQuestions(f, head, f.Values(d.Answers), nil)
}

func (c *call) showQuestions(f *form.Form, head page.Draft, values map[string]string, faults []page.Problem) error {
	out := page.Questions{Form: page.Form{Once: newOnce(), Problems: faults}, Draft: head}
	for _, q := range f.Fields() {
		out.Fields = append(out.Fields, c.ask(q, values[q.ID]))
	}
	out.Fields = page.Beside(out.Fields, faults)
	return c.show(out)
}

func (c *call) questionsDo(who office.Citizen) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	problems, err := c.office.SaveAnswers(c.r.Context(), who, c.r.PathValue("id"), v)
	if err != nil {
		return err
	}
	if len(problems) == 0 {
		return c.seeDone("/drafts/"+c.r.PathValue("id")+"/papers", "saved")
	}
	d, head, err := c.openDraft(who)
	if err != nil {
		return err
	}
	f, err := form.Compile(d.Procedure.Form)
	if err != nil {
		return err
	}
	answers, _ := f.Decode(v)
	var faults []page.Problem
	for _, p := range problems {
		faults = append(faults, page.Problem{Field: p.Field, Text: c.in(p.Message)})
	}
	return c.showQuestions(f, head, f.Values(answers), faults)
}

// ask turns a question of a form into a field of a page.
func (c *call) ask(q form.Field, value string) page.Field {
	out := page.Field{
		Name: q.ID, Label: c.in(q.Label), Hint: c.in(q.Hint), Section: c.in(q.Section), Value: value, Kind: page.TextField,
		Optional: !q.Required, Max: q.MaxLength, Auto: q.Autocomplete, Mode: q.InputMode,
	}
	switch q.Kind {
	case form.TextArea:
		out.Kind = page.AreaField
	case form.Integer:
		out.Kind, out.Width = page.NumberField, "s"
	case form.Boolean:
		out.Kind = page.CheckField
	case form.Date:
		out.Kind, out.Width, out.Max = page.DateField, "s", 10
		if day := directory.Date(value); day.Validate() == nil {
			out.Value = c.l.Day(day)
		}
		if out.Hint == "" {
			out.Hint = c.l.T("date.hint")
		}
	case form.Choice:
		out.Kind = page.SelectField
		if q.Radio {
			out.Kind = page.RadioField
		}
		for _, o := range q.Options {
			out.Options = append(out.Options, page.Option{Value: o.Value, Label: c.in(o.Label), Chosen: o.Value == value})
		}
	}
	return out
}

func (c *call) papers(who office.Citizen) error { return c.showPapers(who, "", "") }

func (c *call) showPapers(who office.Citizen, slot, fault string) error {
	d, head, err := c.openDraft(who)
	if err != nil {
		return err
	}
	out := page.Papers{Form: page.Form{Once: newOnce()}, Draft: head, Slots: c.slots(d.Procedure.Requirements, d.Papers, nil), Max: office.MaxPaper}
	for i := range out.Slots {
		if fault != "" && out.Slots[i].ID == slot {
			out.Slots[i].Error = fault
			out.Problems = []page.Problem{{Field: slot, Text: fault}}
		}
	}
	return c.show(out)
}

// slots puts files with the papers they answer. Where link is nil files are named but not linked.
func (c *call) slots(rs []directory.Requirement, files []office.FileView, link func(digest.Digest) string) (out []page.Slot) {
	for _, r := range rs {
		s := page.Slot{ID: r.ID, Name: c.in(r.Name), Count: c.copies(r), Note: c.in(r.Note), Optional: r.Optional}
		for _, f := range files {
			if f.Requirement == r.ID {
				s.Files = append(s.Files, c.fileRow(f, link))
			}
		}
		out = append(out, s)
	}
	return out
}

// attach takes one file for one paper. A repeat of the same form with the same file is answered like the first.
func (c *call) attach(who office.Citizen) error {
	id := c.r.PathValue("id")
	v, up, err := c.upload()
	if err != nil {
		return err
	}
	slot := v.Get("requirement")
	if up == nil {
		return c.showPapers(who, slot, c.l.T("fault.file"))
	}
	key := strings.Join([]string{"attach", string(who.ID), id, v.Get("once"), slot, up.Name}, "/")
	_, err = c.repeats.once(c.r.Context(), key, func() (string, error) {
		return "", c.office.Attach(c.r.Context(), who, id, slot, *up)
	})
	c.drain()
	if err != nil {
		fault, err := c.fileFault(err, office.MaxPaper)
		if err != nil {
			return err
		}
		return c.showPapers(who, slot, fault)
	}
	return c.seeDone("/drafts/"+id+"/papers", "attached")
}

// fileFault words what is wrong with a file; the error is one that is not the file's.
func (c *call) fileFault(err error, max int64) (string, error) {
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return c.l.T("fault.file_large", c.l.Size(max)), nil
	case errors.Is(err, blob.ErrKind):
		return c.l.T("fault.file_type"), nil
	case errors.Is(err, blob.ErrFull):
		c.code = http.StatusInsufficientStorage
		return c.l.T("fault.full"), nil
	}
	return "", err
}

func (c *call) detach(who office.Citizen) error {
	v, err := c.post()
	if err != nil {
		return err
	}
	f, err := digest.Parse(v.Get("file"))
	if err != nil {
		return errMalformed
	}
	if err := c.office.Detach(c.r.Context(), who, c.r.PathValue("id"), f); err != nil {
		return err
	}
	return c.seeDone("/drafts/"+c.r.PathValue("id")+"/papers", "detached")
}

func (c *call) check(who office.Citizen) error {
	d, head, err := c.openDraft(who)
	if err != nil {
		return err
	}
	out := page.Check{
		Form: page.Form{Once: newOnce()}, Draft: head, Ready: d.FormDone, Slots: c.slots(d.Procedure.Requirements, d.Papers, nil),
		Today: c.due(d.IfToday, c.explain(d.IfToday, d.Explanation), false),
	}
	applicant := page.Group{Title: c.l.T("check.applicant"), Rows: c.applicant(who.Name, who.Identity, who.Phone, who.Email, who.Address)}
	out.Groups = append([]page.Group{applicant}, c.answers(d.Procedure, d.Answers, c.base()+"/drafts/"+d.ID+"/form")...)
	for _, m := range d.Missing {
		out.Warnings = append(out.Warnings, c.l.T("check.missing", c.in(m.Name)))
	}
	return c.show(out)
}

// submit hands the draft in. The draft is the identity of the act: sent twice it is answered with the same code.
func (c *call) submit(who office.Citizen) error {
	if _, err := c.post(); err != nil {
		return err
	}
	if !c.known(who) {
		return c.askWho("/sign-in")
	}
	code, err := c.office.Submit(c.r.Context(), who, c.r.PathValue("id"), string(c.l))
	if err != nil {
		return c.unsent(who, err)
	}
	return c.see("/submissions/" + code)
}

// unsent words why a draft could not be handed in, where its office has no node.
func (c *call) unsent(who office.Citizen, err error) error {
	d, e := c.office.Draft(c.r.Context(), who, c.r.PathValue("id"))
	if e != nil {
		return err
	}
	err = c.absent(d.Office, err)
	if s, ok := errors.AsType[*stop](err); ok {
		s.page.Do = c.l.T("problem.absent.filing")
	}
	return err
}

func (c *call) drop(who office.Citizen) error {
	if _, err := c.post(); err != nil {
		return err
	}
	id := c.r.PathValue("id")
	err := c.office.DeleteDraft(c.r.Context(), who, id)
	if _, sent, _ := c.office.Submitted(who, id); err != nil && (sent || directory.CodeOf(err) != directory.NotFound) {
		return err
	}
	return c.seeDone("/dossiers", "drop")
}
