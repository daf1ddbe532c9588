package office

import (
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// Sheet is a dossier as it may be shown, without keys: what the node that answers for it tells another node, and what every
// view is made from. Times are Unix milliseconds, but Due, in Unix seconds.
type Sheet struct {
	Version     uint8             `cbor:"1,keyasint"` // 1
	Chain       digest.Digest     `cbor:"2,keyasint"`
	Code        string            `cbor:"3,keyasint,omitempty"`
	Alias       string            `cbor:"4,keyasint"`
	Status      dossier.Status    `cbor:"5,keyasint"`
	Procedure   string            `cbor:"6,keyasint"`
	ProcVersion uint32            `cbor:"7,keyasint"`
	Office      string            `cbor:"8,keyasint"`
	Holder      string            `cbor:"9,keyasint"`
	Portal      string            `cbor:"10,keyasint"`
	Applicant   dossier.Applicant `cbor:"11,keyasint"`
	Answers     []byte            `cbor:"12,keyasint"`
	Submitted   int64             `cbor:"13,keyasint"`
	Accepted    int64             `cbor:"14,keyasint,omitempty"`
	Due         int64             `cbor:"15,keyasint,omitempty"`
	Decided     int64             `cbor:"16,keyasint,omitempty"`
	Returned    int64             `cbor:"17,keyasint,omitempty"`
	Outcome     dossier.Outcome   `cbor:"18,keyasint,omitempty"`
	Reason      string            `cbor:"19,keyasint,omitempty"`
	Papers      []SheetFile       `cbor:"20,keyasint"`
	Results     []SheetFile       `cbor:"21,keyasint"`
	Steps       []SheetStep       `cbor:"22,keyasint"` // by the route
	Events      []SheetEvent      `cbor:"23,keyasint"`
	Looks       []store.Look      `cbor:"24,keyasint"`
	AsOf        int64             `cbor:"25,keyasint"`
}

// SheetFile is a paper or result.
type SheetFile struct {
	Blob        digest.Digest `cbor:"1,keyasint"`
	Name        string        `cbor:"2,keyasint"`
	MediaType   string        `cbor:"3,keyasint"`
	Size        int64         `cbor:"4,keyasint"`
	Requirement string        `cbor:"5,keyasint,omitempty"`
}

// SheetStep is where a step of the route stands.
type SheetStep struct {
	Office string    `cbor:"1,keyasint"`
	State  StepState `cbor:"2,keyasint"`
	At     int64     `cbor:"3,keyasint,omitempty"`
	By     string    `cbor:"4,keyasint,omitempty"`
	Note   string    `cbor:"5,keyasint,omitempty"`
	For    string    `cbor:"6,keyasint,omitempty"` // on whose behalf
}

// SheetEvent is one line of the history.
type SheetEvent struct {
	At      int64           `cbor:"1,keyasint"`
	Office  string          `cbor:"2,keyasint"`
	Actor   string          `cbor:"3,keyasint,omitempty"`
	Role    string          `cbor:"4,keyasint"`
	Kind    dossier.Kind    `cbor:"5,keyasint"`
	Step    string          `cbor:"6,keyasint,omitempty"`
	Note    string          `cbor:"7,keyasint,omitempty"`
	Outcome dossier.Outcome `cbor:"8,keyasint,omitempty"`
	To      string          `cbor:"9,keyasint,omitempty"`
	Due     int64           `cbor:"10,keyasint,omitempty"`
	Method  string          `cbor:"11,keyasint,omitempty"`
	Child   bool            `cbor:"12,keyasint,omitempty"`
	// For is on whose behalf it was done, and Decision by which decision, of an act by delegation; of a hand-over too.
	For      string `cbor:"13,keyasint,omitempty"`
	Decision string `cbor:"14,keyasint,omitempty"`
}

// tree is a dossier as far as this node holds it: the root chain, and chains of its children.
type tree struct {
	root  dossier.State
	chain []dossier.Signed
	kids  map[digest.Digest][]dossier.Signed
	plan  dossier.Plan
	looks []store.Look
}

// sheetOf writes the sheet of a tree.
func (o *Office) sheetOf(d tree) Sheet {
	s, sub := d.root, d.root.Submission
	out := submissionSheet(s.Chain, sub)
	out.Code, out.Status, out.Office, out.Holder = s.Code, d.plan.StatusIn(s), s.Office, holder(s)
	out.Due, out.Decided, out.Outcome, out.Reason = s.Due, s.DecidedAt, s.Outcome, s.Reason
	if s.Status != dossier.StatusRefused {
		out.Accepted = s.Begun
	}
	if s.Status == dossier.StatusReturned {
		out.Returned = s.At
	}
	out.AsOf = s.At
	if s.Office == string(o.Code) {
		out.AsOf = o.Now().UnixMilli()
	}
	out.Results = sheetFiles(d.results())
	out.Steps, out.Looks = d.steps(), d.looks
	for _, e := range d.chain {
		out.Events = append(out.Events, sheetEvent(e, false))
		if b, err := dossier.BodyOf[dossier.Requested](e.Event); err == nil && e.Event.Kind == dossier.KindRequested {
			for _, k := range d.kids[b.Child] {
				out.Events = append(out.Events, sheetEvent(k, true))
			}
		}
	}
	return out
}

// submissionSheet is the sheet of a submission that is no dossier yet.
func submissionSheet(id digest.Digest, s dossier.Submission) Sheet {
	return Sheet{
		Version: 1, Chain: id, Alias: s.Code, Status: dossier.StatusSubmitted, Procedure: s.Procedure, ProcVersion: s.ProcVersion,
		Office: s.Office, Holder: s.Office, Portal: s.Portal, Applicant: s.Applicant, Answers: s.Answers, Submitted: s.At,
		Papers: sheetFiles(s.Attachments), AsOf: s.At,
	}
}

func sheetFiles(as []dossier.Attachment) (out []SheetFile) {
	for _, a := range as {
		out = append(out, SheetFile{a.Blob, a.Name, a.MediaType, a.Size, a.Requirement})
	}
	return out
}

// results are those of the root chain and of the children it has taken note of.
func (d tree) results() []dossier.Attachment {
	out := d.root.Results[:len(d.root.Results):len(d.root.Results)]
	for _, c := range d.root.Children {
		for _, a := range attachments(d.kids[c.ID]) {
			if c.Noted {
				out = append(out, a)
			}
		}
	}
	return out
}

// all are the papers and results.
func (d tree) all() []dossier.Attachment {
	return append(d.root.Submission.Attachments[:len(d.root.Submission.Attachments):len(d.root.Submission.Attachments)], d.results()...)
}

// steps says where every step of the route stands.
func (d tree) steps() []SheetStep {
	done := d.doneSteps()
	next, left := d.plan.Next(d.root)
	asked, open := d.root.Open()
	out := make([]SheetStep, len(d.plan.Places))
	for i, st := range d.plan.Procedure.Route {
		out[i] = SheetStep{Office: d.plan.Places[i], State: StepAhead}
		if v, ok := done[st.ID]; ok {
			v.State = StepDone
			out[i] = v
			continue
		}
		switch {
		case open && i >= next && d.plan.Places[i] == asked.To && i <= d.plan.Stretch(next):
			out[i].State = StepSent
		case left && i == next:
			out[i].State = StepCurrent
		case !left || i < next:
			out[i].State = StepSkipped
		}
	}
	return out
}

// doneSteps are the steps that events say are done.
func (d tree) doneSteps() map[string]SheetStep {
	out := map[string]SheetStep{}
	note := func(chain []dossier.Signed) {
		for _, e := range chain {
			v := sheetEvent(e, false)
			if v.Kind == dossier.KindReturned {
				v.Step = d.plan.Procedure.Route[len(d.plan.Procedure.Route)-1].ID
			}
			if v.Step != "" && v.Kind != dossier.KindRequested {
				out[v.Step] = SheetStep{Office: v.Office, At: v.At, By: v.Actor, Note: v.Note, For: v.For}
			}
		}
	}
	note(d.chain)
	for _, k := range d.kids {
		note(k)
	}
	return out
}

// sheetEvent makes the line of an event.
func sheetEvent(e dossier.Signed, child bool) SheetEvent {
	v := e.Event
	out := SheetEvent{At: v.At, Office: v.Office, Actor: v.Actor.Name, Role: v.Actor.Role, Kind: v.Kind, Child: child}
	if p := v.Actor.For; p != nil {
		out.For, out.Decision = p.Name, p.Decision
	}
	switch v.Kind {
	case dossier.KindAccepted:
		b, _ := dossier.BodyOf[dossier.Accepted](v)
		out.Due = b.Due
	case dossier.KindRefused:
		b, _ := dossier.BodyOf[dossier.Refused](v)
		out.Note = b.Reason
	case dossier.KindStepDone:
		b, _ := dossier.BodyOf[dossier.StepDone](v)
		out.Step, out.Note = b.Step, b.Note
	case dossier.KindRequested:
		b, _ := dossier.BodyOf[dossier.Requested](v)
		out.Step, out.Note, out.To, out.Due = b.First, b.Note, b.To, b.Due
	case dossier.KindDecided:
		b, _ := dossier.BodyOf[dossier.Decided](v)
		out.Step, out.Note, out.Outcome = b.Step, b.Reason, b.Outcome
	case dossier.KindReported:
		b, _ := dossier.BodyOf[dossier.Reported](v)
		out.Note = b.Note
	case dossier.KindNoted:
		b, _ := dossier.BodyOf[dossier.Noted](v)
		out.Outcome = b.Outcome
	case dossier.KindReturned:
		b, _ := dossier.BodyOf[dossier.Returned](v)
		out.Method, out.Note = b.Method, b.Note
	case dossier.KindHandedOver:
		b, _ := dossier.BodyOf[dossier.HandedOver](v)
		out.To, out.Decision = b.To, b.Decision
	}
	return out
}

// view makes what people see of a sheet.
func (o *Office) view(s Sheet) DossierView {
	on := directory.DateOf(millis(max(s.Accepted, s.Submitted)))
	v := DossierView{
		Freshness: Freshness{AsOf: millis(s.AsOf), Source: FromCopy},
		Chain:     s.Chain, Root: s.Chain, Code: s.Code, Alias: s.Alias, Status: s.Status,
		Office: o.ref(s.Office, on), Holder: o.ref(s.Holder, on), Portal: o.ref(s.Portal, on),
		Applicant: s.Applicant, Answers: s.Answers, Outcome: s.Outcome, Reason: s.Reason,
		Submitted: millis(s.Submitted), Accepted: millis(s.Accepted), Decided: millis(s.Decided), Returned: millis(s.Returned),
		Papers: o.fileViews(s.Papers), Results: o.fileViews(s.Results),
	}
	v.Procedure, _ = o.Directory.Procedure(s.Procedure, s.ProcVersion)
	if v.Procedure.Code == "" {
		v.Procedure = directory.Procedure{Code: s.Procedure, Version: s.ProcVersion, Name: directory.Text{VI: s.Procedure}}
	}
	if s.Due > 0 {
		v.Due = time.Unix(s.Due, 0)
		if due, x, err := o.due(v.Accepted, v.Procedure.Limit); err == nil && due.Equal(v.Due) {
			v.Explanation = x // else the calendar has changed since: the date stands, its words are on the slip
		}
	}
	for i, st := range s.Steps {
		if i < len(v.Procedure.Route) {
			v.Steps = append(v.Steps, StepView{v.Procedure.Route[i], o.ref(st.Office, on), st.State, millis(st.At), st.By, st.For, st.Note})
		}
	}
	for _, e := range s.Events {
		v.History = append(v.History, o.eventView(e, v.Procedure))
	}
	for _, l := range s.Looks {
		v.Looks = append(v.Looks, o.lookView(l, on))
	}
	return v
}

func (o *Office) lookView(l store.Look, on directory.Date) LookView {
	v := LookView{At: millis(l.At), Office: o.ref(l.Office, on), Name: l.Name, Role: l.Role, Purpose: l.Purpose}
	if l.SignedIn != "" {
		v.SignedIn = o.ref(l.SignedIn, on)
	}
	return v
}

// millis is the time of Unix milliseconds, the zero time for 0.
func millis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (o *Office) fileViews(fs []SheetFile) (out []FileView) {
	for _, f := range fs {
		out = append(out, FileView{Blob: f.Blob, Name: fileName(f.Name, f.MediaType), MediaType: f.MediaType, Size: f.Size, Requirement: f.Requirement})
	}
	return out
}

func (o *Office) eventView(e SheetEvent, p directory.Procedure) EventView {
	on := directory.DateOf(millis(e.At))
	v := EventView{
		At: millis(e.At), Office: o.ref(e.Office, on), Actor: e.Actor, Role: e.Role, Kind: e.Kind, Step: stepName(p, e.Step),
		Note: e.Note, Outcome: e.Outcome, Method: e.Method, Child: e.Child, For: e.For, Decision: e.Decision,
	}
	if e.To != "" {
		v.To = o.ref(e.To, on)
	}
	if e.Due > 0 {
		v.Due = time.Unix(e.Due, 0)
	}
	return v
}

func stepName(p directory.Procedure, id string) directory.Text {
	for _, s := range p.Route {
		if s.ID == id {
			return s.Name
		}
	}
	return directory.Text{VI: id}
}
