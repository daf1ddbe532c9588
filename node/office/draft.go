package office

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"reflect"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/form"
	"motcua/node/store"
	"motcua/replication"
)

// Citizen is an applicant who is signed in. SignedInAt is the office whose node signed the session: every look tells it, so
// that a session somebody else's node made up is seen by its victim.
type Citizen struct {
	directory.Account
	SignedInAt directory.OfficeCode
}

// The bounds of a draft.
const (
	MaxPaper  = 20 << 20 // bytes of one paper
	maxPapers = 40
	maxDrafts = 20 // of one account on one node
	// maxHeld bounds the papers in all the drafts of one account, in plain bytes.
	maxHeld = 400 << 20
	// draftLife is after how long a draft that nobody touches is thrown away.
	draftLife = 60 * 24 * time.Hour
)

// draft is a submission being written, as the store keeps it. Code is the submission code it will have, so that handing it
// in twice cannot make two.
type draft struct {
	Version     uint8                `cbor:"1,keyasint"` // 1
	Code        string               `cbor:"2,keyasint"`
	Procedure   string               `cbor:"3,keyasint"`
	ProcVersion uint32               `cbor:"4,keyasint"`
	Office      string               `cbor:"5,keyasint"`
	Answers     []byte               `cbor:"6,keyasint,omitempty"`
	Papers      []dossier.Attachment `cbor:"7,keyasint,omitempty"`
}

// InCharge tells whether an office may be handed a procedure: the one it names, or who has taken that over, or any of its level.
func (o *Office) InCharge(p directory.Procedure, code directory.OfficeCode) bool {
	if p.Office != "" {
		return o.standsFor(p.Office) == code
	}
	f, ok := o.Directory.Office(code)
	return ok && f.Level == p.Level && f.Valid.Contains(o.today())
}

// StartDraft begins a submission to the office in charge and returns its id.
func (o *Office) StartDraft(ctx context.Context, c Citizen, procedure string, office directory.OfficeCode) (string, error) {
	p, ok := o.Directory.Current(procedure, o.today())
	if !ok {
		return "", directory.Errorf("start", directory.NotFound, "procedure %s is not in force today", procedure)
	}
	if !o.InCharge(p, office) {
		return "", directory.Errorf("start", directory.Invalid, "office %s is not in charge of procedure %s", office, procedure)
	}
	if _, err := o.Directory.Resolve(replication.Name(office)); err != nil && office != o.Code {
		return "", directory.Errorf("start", directory.NotFound, "office %s has no node in edition %d, so nothing can be handed in to it from here; go to its desk", office, o.Directory.Number())
	}
	var random [24]byte
	rand.Read(random[:])
	id := hex.EncodeToString(random[8:])
	d := draft{
		Version: 1, Code: dossier.SubmissionCode([8]byte(random[:8])),
		Procedure: p.Code, ProcVersion: p.Version, Office: string(office),
	}
	return id, o.Store.Update(ctx, func(t *store.Tx) error {
		mine, err := t.Drafts(string(c.ID), maxDrafts)
		if err == nil && len(mine) >= maxDrafts {
			err = directory.Errorf("start", directory.Exhausted, "the account has %d drafts here; hand in or delete one first", maxDrafts)
		}
		if err != nil {
			return err
		}
		return o.putDraft(t, c, id, d)
	})
}

func (o *Office) putDraft(t *store.Tx, c Citizen, id string, d draft) error {
	b, err := wire.Marshal(d)
	if err != nil {
		return err
	}
	return t.PutDraft(store.Draft{ID: id, Account: string(c.ID), Updated: o.Now().UnixMilli(), Body: b})
}

func getDraft(t *store.Tx, c Citizen, id string) (d draft, kept store.Draft, err error) {
	kept, err = t.Draft(id)
	if err == nil && !c.Is(directory.AccountID(kept.Account)) {
		err = store.ErrNotFound
	}
	if err != nil {
		return d, kept, missing("draft", err)
	}
	if err := wire.Unmarshal(kept.Body, &d); err != nil {
		return d, kept, err
	}
	if d.Version != 1 {
		return d, kept, directory.Errorf("draft", directory.Newer, "the draft is of format %d; upgrade this node", d.Version)
	}
	return d, kept, nil
}

// changeDraft changes a draft in one transaction.
func (o *Office) changeDraft(ctx context.Context, c Citizen, id string, f func(*store.Tx, *draft) error) error {
	return o.Store.Update(ctx, func(t *store.Tx) error {
		d, _, err := getDraft(t, c, id)
		if err != nil {
			return err
		}
		if err := f(t, &d); err != nil {
			return err
		}
		return o.putDraft(t, c, id, d)
	})
}

// Draft shows a draft.
func (o *Office) Draft(ctx context.Context, c Citizen, id string) (v DraftView, err error) {
	err = o.Store.View(func(t *store.Tx) error {
		d, kept, err := getDraft(t, c, id)
		if err != nil {
			return err
		}
		v, err = o.draftView(d, kept)
		return err
	})
	return v, err
}

// Drafts lists a citizen's drafts on this node, newest first.
func (o *Office) Drafts(ctx context.Context, c Citizen) (out []DraftView, err error) {
	err = o.Store.View(func(t *store.Tx) error {
		var kept []store.Draft
		var err error
		for _, id := range ids(c) {
			of, e := t.Drafts(string(id), maxDrafts)
			kept, err = append(kept, of...), errors.Join(err, e)
		}
		for _, k := range kept {
			d, _, err := getDraft(t, c, k.ID)
			if err != nil {
				return err
			}
			v, err := o.draftView(d, k)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return err
	})
	return out, err
}

func (o *Office) draftView(d draft, kept store.Draft) (DraftView, error) {
	p, f, err := o.formOf(d)
	if err != nil {
		return DraftView{}, err
	}
	v := DraftView{
		ID: kept.ID, Procedure: p, Office: o.ref(d.Office, o.today()), Answers: d.Answers, Updated: millis(kept.Updated),
		Papers: o.fileViews(sheetFiles(d.Papers)),
	}
	for i := range v.Papers {
		v.Papers[i].Here = true
	}
	if len(d.Answers) > 0 {
		problems, err := f.Validate(d.Answers)
		v.FormDone = err == nil && len(problems) == 0
	}
	for _, r := range p.Requirements {
		has := slices.ContainsFunc(d.Papers, func(a dossier.Attachment) bool { return a.Requirement == r.ID })
		if !r.Optional && !has {
			v.Missing = append(v.Missing, r)
		}
	}
	if due, x, err := o.due(o.Now(), p.Limit); err == nil {
		v.IfToday, v.Explanation = due, x
	}
	return v, nil
}

// formOf returns the procedure version of a draft and its form.
func (o *Office) formOf(d draft) (directory.Procedure, *form.Form, error) {
	p, ok := o.Directory.Procedure(d.Procedure, d.ProcVersion)
	if !ok {
		return p, nil, directory.Errorf("draft", directory.NotFound, "version %d of procedure %s is not in this node's edition", d.ProcVersion, d.Procedure)
	}
	f, err := form.Compile(p.Form)
	return p, f, err
}

// SaveAnswers keeps the answers of a form if nothing is wrong with them; else it keeps nothing and says what is.
func (o *Office) SaveAnswers(ctx context.Context, c Citizen, id string, values url.Values) (problems []form.Problem, err error) {
	err = o.changeDraft(ctx, c, id, func(_ *store.Tx, d *draft) error {
		_, f, err := o.formOf(*d)
		if err != nil {
			return err
		}
		answers, wrong := f.Decode(visibleAll(values))
		if problems = wrong; len(wrong) == 0 {
			d.Answers = answers
		}
		return nil
	})
	return problems, err
}

// Attach adds a paper to a draft. It is sealed and on disk before the draft names it; a crash in between leaves a file that
// a sweep removes.
func (o *Office) Attach(ctx context.Context, c Citizen, id, requirement string, u Upload) error {
	v, err := o.Draft(ctx, c, id)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.Procedure.Requirements, func(r directory.Requirement) bool { return r.ID == requirement }) {
		return directory.Errorf("attach", directory.Invalid, "the procedure does not ask for such a paper")
	}
	if len(v.Papers) >= maxPapers {
		return tooManyPapers()
	}
	if err := o.Store.View(func(t *store.Tx) error { return roomFor(t, c, 0) }); err != nil {
		return err
	}
	f, err := o.seal(ctx, u, requirement, MaxPaper)
	if err != nil {
		return err
	}
	return o.changeDraft(ctx, c, id, func(t *store.Tx, d *draft) error {
		if err := roomFor(t, c, f.Size); err != nil {
			return err
		}
		if len(d.Papers) >= maxPapers {
			return tooManyPapers()
		}
		d.Papers = append(d.Papers, f)
		return t.HoldBlob(f.Blob, "draft/"+id)
	})
}

func tooManyPapers() error {
	return directory.Errorf("attach", directory.Exhausted, "a submission takes %d files; join some into one", maxPapers)
}

// roomFor refuses a paper that an account has no room for in its drafts.
func roomFor(t *store.Tx, c Citizen, size int64) error {
	kept, err := t.Drafts(string(c.ID), maxDrafts)
	if err != nil {
		return err
	}
	for _, k := range kept {
		d, _, err := getDraft(t, c, k.ID)
		if err != nil {
			return err
		}
		for _, a := range d.Papers {
			size += a.Size
		}
	}
	if size > maxHeld {
		return directory.Errorf("attach", directory.Exhausted, "the papers in all your drafts here take over %d MB; hand in or delete a draft first", maxHeld>>20)
	}
	return nil
}

// Detach takes a paper off a draft. One that is not there is no error.
func (o *Office) Detach(ctx context.Context, c Citizen, id string, blob digest.Digest) error {
	return o.changeDraft(ctx, c, id, func(t *store.Tx, d *draft) error {
		d.Papers = slices.DeleteFunc(d.Papers, func(a dossier.Attachment) bool { return a.Blob == blob })
		return t.ReleaseBlob(blob, "draft/"+id)
	})
}

// DeleteDraft throws a draft away with its papers.
func (o *Office) DeleteDraft(ctx context.Context, c Citizen, id string) error {
	return o.Store.Update(ctx, func(t *store.Tx) error {
		d, _, err := getDraft(t, c, id)
		if err != nil {
			return err
		}
		return dropDraft(t, id, d)
	})
}

func dropDraft(t *store.Tx, id string, d draft) error {
	for _, a := range d.Papers {
		if err := t.ReleaseBlob(a.Blob, "draft/"+id); err != nil {
			return err
		}
	}
	return t.DeleteDraft(id)
}

// DraftFile opens a paper of a draft. Close the reader.
func (o *Office) DraftFile(ctx context.Context, c Citizen, id string, blob digest.Digest) (FileInfo, io.ReadCloser, error) {
	var d draft
	err := o.Store.View(func(t *store.Tx) (err error) { d, _, err = getDraft(t, c, id); return err })
	if err != nil {
		return FileInfo{}, nil, err
	}
	return o.open(ctx, d.Papers, blob)
}

// Submit hands a draft in and returns its submission code. The draft's id is the identity of the act: handed in again, the
// answer is the same.
func (o *Office) Submit(ctx context.Context, c Citizen, id, lang string) (string, error) {
	token := once("submit", string(c.ID)+"/"+id)
	return o.onlyOnce(token, func() (string, error) { return o.submit(ctx, c, id, lang, token) })
}

// Submitted returns the submission code of a draft that was handed in, false for one that was not.
func (o *Office) Submitted(c Citizen, id string) (code string, ok bool, err error) {
	return o.given(once("submit", string(c.ID)+"/"+id))
}

func (o *Office) submit(ctx context.Context, c Citizen, id, lang, token string) (string, error) {
	var d draft
	err := o.Store.View(func(t *store.Tx) (err error) { d, _, err = getDraft(t, c, id); return err })
	if err != nil {
		return "", err
	}
	if err := o.complete(d); err != nil {
		return "", err
	}
	r, s, err := o.signSubmission(c, d, lang)
	if err != nil {
		return "", err
	}
	ch := o.arrive(r, s)
	ch.token, ch.answer = token, s.Code
	if s.Office != string(o.Code) {
		out, err := o.pack(ctx, s.Office, r.ID(), kindSubmission, submissionContent{Submission: r}, s.Attachments)
		if err != nil {
			return "", err
		}
		ch.sends = []outgoing{out}
	}
	arrived := ch.extra
	ch.extra = func(t *store.Tx) error {
		// What is handed in is what was signed: a paper or answer that came meanwhile is not dropped unseen.
		now, _, err := getDraft(t, c, id)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now, d) {
			return directory.Errorf("submit", directory.Conflict, "the draft was changed while it was handed in; look at it again and hand it in")
		}
		if err := arrived(t); err != nil {
			return err
		}
		return dropDraft(t, id, d)
	}
	return o.commit(ctx, ch)
}

// complete tells whether a draft may be handed in. Missing papers do not keep it back: the desk decides.
func (o *Office) complete(d draft) error {
	_, f, err := o.formOf(d)
	if err != nil {
		return err
	}
	problems, err := f.Validate(d.Answers)
	if err != nil || len(problems) > 0 {
		return directory.Errorf("submit", directory.Invalid, "the form is not complete; fill it in and save it first")
	}
	return nil
}

func (o *Office) signSubmission(c Citizen, d draft, lang string) (record.Record, dossier.Submission, error) {
	s := dossier.Submission{
		Version: 1, Code: d.Code, Procedure: d.Procedure, ProcVersion: d.ProcVersion, Office: d.Office, Portal: string(o.Code),
		At: o.Now().UnixMilli(), Edition: o.Directory.Number(), Answers: d.Answers, Attachments: d.Papers, Lang: lang,
		Applicant: dossier.Applicant{
			Account: c.ID, Name: c.Name, Identity: c.Identity, Phone: c.Phone, Email: c.Email, Address: c.Address,
		},
	}
	r, err := dossier.SignSubmission(o.key(), s)
	return r, s, err
}
