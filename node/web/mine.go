package web

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/dossier"
	"motcua/node/form"
	"motcua/node/office"
	"motcua/node/page"
	"motcua/node/text"
)

func (c *call) confirmation(who office.Citizen) error {
	v, err := c.office.Receipt(c.r.Context(), who, c.r.PathValue("code"))
	if err != nil {
		return err
	}
	return c.show(page.Confirmation{
		Code: v.Code, Procedure: c.in(v.Procedure.Name), Office: c.name(v.Office), At: v.At, Local: v.Office.Code == c.office.Code,
	})
}

// receipt is a letter: its words are Vietnamese.
func (c *call) receipt(who office.Citizen) error {
	v, err := c.office.Receipt(c.r.Context(), who, c.r.PathValue("code"))
	if err != nil {
		return err
	}
	qr, err := page.NewQR(v.Code)
	if err != nil {
		return err
	}
	vi := text.VI
	out := page.Receipt{Code: v.Code, Portal: v.Portal.Name.VI, QR: qr}
	out.Rows = append(out.Rows,
		page.Row{Label: vi.T("label.procedure"), Value: v.Procedure.Name.VI},
		page.Row{Label: vi.T("label.office"), Value: v.Office.Name.VI},
		page.Row{Label: vi.T("label.submitted"), Value: vi.Time(v.At)},
		page.Row{Label: vi.T("check.applicant"), Value: v.Applicant.Name},
		page.Row{Label: vi.T("register.phone"), Value: v.Applicant.Phone})
	for _, f := range v.Papers {
		out.Files = append(out.Files, f.Name)
	}
	return c.show(out)
}

func (c *call) dossiers(who office.Citizen) error {
	mine, complete, err := c.office.MyDossiers(c.r.Context(), who)
	if err != nil {
		return err
	}
	drafts, err := c.office.Drafts(c.r.Context(), who)
	if err != nil {
		return err
	}
	var out page.Dossiers
	if !complete {
		out.AsOf = c.l.T("mine.asof")
	}
	for _, d := range drafts {
		out.Drafts = append(out.Drafts, page.Begun{ID: d.ID, Procedure: c.in(d.Procedure.Name), Office: c.name(d.Office), At: d.Updated})
	}
	for _, m := range mine {
		name := c.in(m.Procedure)
		if name == "" {
			name = c.l.T("label.dossier") + " " + m.Code
		}
		out.Rows = append(out.Rows, page.Filed{Code: m.Code, Procedure: name, Holder: c.name(m.Holder), Tag: page.StateTag(c.l, m.Status), Due: m.Due})
	}
	return c.show(out)
}

func (c *call) dossier(who office.Citizen) error {
	if _, ok := dossier.NormalCode(c.r.PathValue("code")); !ok {
		return errNotFound
	}
	v, err := c.office.MyDossier(c.r.Context(), who, c.r.PathValue("code"))
	if directory.CodeOf(err) == directory.NoLeader {
		return &stop{http.StatusServiceUnavailable, page.Unreached(c.l)}
	}
	if err != nil {
		return err
	}
	code := v.Code
	if code == "" {
		code = v.Alias
	}
	out := page.Dossier{
		Code: code, Procedure: c.in(v.Procedure.Name), Root: c.name(v.Office), Holder: c.name(v.Holder), Accepted: v.Code != "" && v.Code != v.Alias,
		Submitted: v.Submitted, AcceptedAt: v.Accepted, Standing: c.l.State(v.Status), Due: c.due(v.Due, c.explain(v.Due, v.Explanation), !ended(v.Status)),
		AsOf: v.AsOf, Fresh: v.Fresh, Steps: c.steps(v), Groups: c.answers(v.Procedure, v.Answers, ""),
	}
	for _, l := range v.Looks {
		out.Looks = append(out.Looks, page.Look{At: l.At, Where: c.name(l.Office), By: c.whoLooked(l), Why: c.why(l)})
	}
	if out.Accepted {
		out.Alias = v.Alias
	}
	if gone(v.Status) {
		out.Holder = ""
	}
	if v.Status == dossier.StatusRefused || v.Outcome == dossier.Rejected {
		out.Reason = v.Reason
	}
	link := func(d digest.Digest) string { return c.base() + "/dossiers/" + code + "/files/" + d.String() }
	out.Papers, out.Results = c.files(v.Papers, link), c.files(v.Results, link)
	return c.show(out)
}

// purpose words why somebody looked.
// whoLooked names staff with their role, applicants by their name alone.
func (c *call) whoLooked(l office.LookView) string {
	if l.SignedIn.Code != "" {
		return l.Name
	}
	return text.Address(l.Name, c.l.Role(directory.Role(l.Role)))
}

// why is the purpose of a look, and where its session was signed if not at the office that showed it: a session made up by
// another office's node betrays itself here.
func (c *call) why(l office.LookView) string {
	if l.SignedIn.Code == "" || l.SignedIn.Code == l.Office.Code {
		return c.purpose(l.Purpose)
	}
	return c.purpose(l.Purpose) + " · " + c.l.T("look.signed_in", c.name(l.SignedIn))
}

func (c *call) purpose(p string) string {
	switch p {
	case "intake", "work", "file", "applicant":
		return c.l.T("look." + p)
	}
	return c.l.T("look.other")
}

func (c *call) file(who office.Citizen) error {
	b, err := digest.Parse(c.r.PathValue("blob"))
	if _, ok := dossier.NormalCode(c.r.PathValue("code")); err != nil || !ok {
		return errNotFound
	}
	info, body, err := c.office.File(c.r.Context(), who, c.r.PathValue("code"), b)
	if err != nil {
		return err
	}
	defer body.Close()
	return c.download(info, body)
}

// kinds are the media types a file may be sent as; anything else goes as plain bytes.
var kinds = map[string]string{blob.PDF: "PDF", blob.JPEG: "JPEG", blob.PNG: "PNG", blob.DOCX: "DOCX", blob.ODT: "ODT"}

// download sends a file to be kept, never to be shown: it came from a stranger.
func (c *call) download(info office.FileInfo, body io.Reader) error {
	kind := info.MediaType
	if kinds[kind] == "" {
		kind = "application/octet-stream"
	}
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", disposition(info.Name))
	if info.Size > 0 {
		h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	}
	if _, err := io.Copy(c.w, body); err != nil {
		c.log.Info("download broken off", "err", err)
		panic(http.ErrAbortHandler) // half a file must not pass for a whole one
	}
	return nil
}

// disposition names the file for the browser: letters of every script, no path.
func disposition(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	if s := mime.FormatMediaType("attachment", map[string]string{"filename": name}); s != "" {
		return s
	}
	return "attachment"
}

// fileRow is a file in a list.
func (c *call) fileRow(f office.FileView, link func(digest.Digest) string) page.File {
	out := page.File{ID: f.Blob.String(), Name: f.Name, Type: kinds[f.MediaType], Size: f.Size}
	if link != nil {
		out.URL = link(f.Blob)
	}
	return out
}

func (c *call) files(fs []office.FileView, link func(digest.Digest) string) (out []page.File) {
	for _, f := range fs {
		out = append(out, c.fileRow(f, link))
	}
	return out
}

// applicant lists the details of a person that are known.
func (c *call) applicant(name, identity, phone, email, address string) (out []page.Row) {
	for _, r := range []page.Row{
		{Label: c.l.T("register.name"), Value: name}, {Label: c.l.T("register.identity"), Value: identity},
		{Label: c.l.T("register.phone"), Value: phone}, {Label: c.l.T("register.email"), Value: email},
		{Label: c.l.T("register.address"), Value: address},
	} {
		if r.Value != "" {
			out = append(out, r)
		}
	}
	return out
}

// answers shows a form as it was filled in, a group for each section. The first group links to where it can be changed.
func (c *call) answers(p directory.Procedure, answers []byte, change string) (out []page.Group) {
	f, err := form.Compile(p.Form)
	if err != nil || len(answers) == 0 {
		return nil
	}
	for _, r := range f.Show(answers) {
		if title := c.in(r.Section); title != "" || len(out) == 0 {
			if title == "" {
				title = c.l.T("tasks.form")
			}
			out = append(out, page.Group{Title: title, Change: change})
		}
		g := &out[len(out)-1]
		g.Rows = append(g.Rows, page.Row{Label: c.in(r.Label), Value: c.in(r.Value)})
	}
	return out
}

// steps is the way of a dossier: its acceptance, then the steps of its route.
func (c *call) steps(v office.DossierView) []page.Step {
	var out []page.Step
	for _, e := range v.History {
		if e.Kind != dossier.KindAccepted && e.Kind != dossier.KindRefused || e.Child {
			continue
		}
		s := page.Step{Title: c.l.Act(e.Kind), Where: c.name(e.Office), State: page.StepDone, At: e.At, By: c.by(e.Actor, e.For)}
		if e.Kind == dossier.KindRefused {
			return []page.Step{{Title: s.Title, Where: s.Where, State: page.StepBad, At: s.At, By: s.By, Label: c.l.State(dossier.StatusRefused).Label}}
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		out = append(out, page.Step{Title: c.l.Act(dossier.KindAccepted), Where: c.name(v.Office), State: page.StepNow, Label: c.l.T("step.todo")})
	}
	for _, s := range v.Steps {
		if s.State == office.StepSkipped {
			continue
		}
		out = append(out, c.step(v, s))
	}
	out = c.withTakings(out, v)
	if v.Accepted.IsZero() && len(out) > 1 {
		for i := range out[1:] {
			out[i+1].State = page.StepTodo
		}
	}
	return out
}

// withTakings adds the changes of the office in charge, each before what was done after it.
func (c *call) withTakings(out []page.Step, v office.DossierView) []page.Step {
	for _, e := range v.History {
		if e.Kind != dossier.KindTaken || e.Child {
			continue
		}
		i := slices.IndexFunc(out, func(s page.Step) bool { return s.At.IsZero() || s.At.After(e.At) })
		if i < 0 {
			i = len(out)
		}
		out = slices.Insert(out, i, page.Step{Title: c.l.Act(e.Kind), Where: c.name(e.Office), State: page.StepDone, At: e.At})
	}
	return out
}

func (c *call) step(v office.DossierView, s office.StepView) page.Step {
	out := page.Step{Title: c.in(s.Step.Name), Where: c.name(s.Office), At: s.At, By: c.by(s.By, s.For), Note: s.Note, State: page.StepTodo}
	switch s.State {
	case office.StepDone:
		out.State = page.StepDone
		if s.Step.Kind == directory.StepDecide {
			out.Label = c.l.Outcome(c.outcome(v, s))
		}
		if out.Label == c.l.Outcome(dossier.Rejected) {
			out.State = page.StepBad
		}
	case office.StepCurrent:
		out.State = page.StepNow
	case office.StepSent:
		out.State = page.StepNow
		out.Label, out.Due = c.asked(v, s)
	}
	return out
}

// outcome is the decision of a step, from the history.
func (c *call) outcome(v office.DossierView, s office.StepView) dossier.Outcome {
	for _, e := range v.History {
		if e.Kind == dossier.KindDecided && e.Step == s.Step.Name {
			return e.Outcome
		}
	}
	return 0
}

// asked says how far the office is that was asked for a step: the last request of the history, and whether it was received.
func (c *call) asked(v office.DossierView, s office.StepView) (label string, due time.Time) {
	label = c.l.State(dossier.StatusRequested).Label
	for _, e := range v.History {
		switch {
		case e.Kind == dossier.KindRequested && e.To.Code == s.Office.Code:
			due = e.Due
		case e.Kind == dossier.KindReceived && e.Office.Code == s.Office.Code:
			label = c.l.T("step.now")
		}
	}
	return label, due
}
