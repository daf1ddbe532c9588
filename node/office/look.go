package office

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// The bounds of what a view lists of the looks at a dossier: of one office, in all, and how many are looked through.
const (
	maxLooks    = 50
	maxAllLooks = 400
	maxRead     = 2000
)

// looksAt are the newest looks at a dossier, of each office its share: one that brings many does not push out those of others.
func looksAt(t *store.Tx, chain digest.Digest) ([]store.Look, error) {
	all, err := t.Looks(chain, maxRead)
	of := map[string]int{}
	out := slices.DeleteFunc(all, func(l store.Look) bool { of[l.Office]++; return of[l.Office] > maxLooks })
	return out[:min(len(out), maxAllLooks)], err
}

// lookAgain is within how long a second look of one person at one dossier is the same look.
const lookAgain = 10 * time.Minute

// The purposes of looks. Append only.
const (
	lookIntake    = "intake"    // a submission at the desk
	lookWork      = "work"      // a dossier at the desk
	lookFile      = "file"      // a paper or result at the desk
	lookApplicant = "applicant" // by its applicant, here or through another office's node
)

// look says through which office's node a look is made, and why. Where an applicant looks, signedIn is the office that signed
// the session.
type look struct{ office, signedIn, purpose string }

// atDesk is a look of this office's staff.
func (o *Office) atDesk(purpose string) look { return look{office: string(o.Code), purpose: purpose} }

// lookedAs records the look of an applicant at this office's own pages.
func (o *Office) lookedAs(ctx context.Context, chain digest.Digest, c Citizen) error {
	return o.looked(ctx, chain, c.Account, look{office: string(o.Code), signedIn: string(c.SignedInAt), purpose: lookApplicant})
}

// looked records a look at a dossier before it is shown. A look through another office, or with a session signed elsewhere, is
// another look, however soon it follows.
func (o *Office) looked(ctx context.Context, chain digest.Digest, a directory.Account, from look) error {
	now := o.Now().UnixMilli()
	role := string(a.Kind)
	if rs := o.Roles(a); len(rs) > 0 && from.office == string(o.Code) && a.Kind == directory.Staff {
		role = string(rs[0])
	}
	l := store.Look{
		Chain: chain, At: now, Account: string(a.ID), Name: a.Name, Role: role, Office: from.office, Purpose: from.purpose, SignedIn: from.signedIn,
	}
	fresh := true
	err := o.Store.View(func(t *store.Tx) error {
		recent, err := t.Looks(chain, maxLooks)
		fresh = !slices.ContainsFunc(recent, func(r store.Look) bool {
			return r.Account == l.Account && r.Purpose == l.Purpose && r.Office == l.Office && r.SignedIn == l.SignedIn &&
				now-r.At < lookAgain.Milliseconds()
		})
		return err
	})
	if err != nil || !fresh {
		return err
	}
	return o.Store.Update(ctx, func(t *store.Tx) error { return t.PutLook(l) })
}

// maxCarried bounds the looks that go with a report, newest first.
const maxCarried = 200

// looksHere are the looks at a dossier that this office's node has recorded, and those of offices that handed it over.
func (o *Office) looksHere(t *store.Tx, root digest.Digest, former ...string) ([]store.Look, error) {
	all, err := t.Looks(root, maxCarried)
	return slices.DeleteFunc(all, func(l store.Look) bool { return l.Office != string(o.Code) && !slices.Contains(former, l.Office) }), err
}

// carried tells whether a look has the form of one that may be brought. One that has not is passed over: it is no reason to refuse a
// report.
func carried(l store.Look, root digest.Digest) bool {
	return l.Chain == root && directory.OfficeCode(l.Office).Validate() == nil && l.At > 0 && l.Account != "" && len(l.Account) <= 64 && len(l.Name) <= dossier.MaxName &&
		len(l.Role) <= 40 && l.Purpose != "" && len(l.Purpose) <= 40 &&
		(l.SignedIn == "" || directory.OfficeCode(l.SignedIn).Validate() == nil)
}

// putLooks keeps the looks of some offices that came with a report, none of them dated ahead of this node's clock; no offices: of
// all, as the office that answers for a dossier has them.
func (o *Office) putLooks(t *store.Tx, root digest.Digest, looks []store.Look, offices ...string) error {
	for _, l := range looks[:min(len(looks), maxCarried)] {
		if !carried(l, root) || len(offices) > 0 && !slices.Contains(offices, l.Office) {
			continue
		}
		l.At = min(l.At, o.Now().UnixMilli())
		if err := t.PutLook(l); err != nil {
			return err
		}
	}
	return nil
}

// withLooksHere adds the looks that this office's node has recorded to those that another brought, newest first.
func (o *Office) withLooksHere(brought []store.Look, chain digest.Digest) (out []store.Look, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { out, err = o.looksHere(t, chain); return err })
	for _, l := range brought {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b store.Look) int { return cmp.Compare(b.At, a.At) })
	return out[:min(len(out), 2*maxLooks)], err
}

// tree reads a dossier by its root chain as far as this node holds it.
func (o *Office) tree(t *store.Tx, root digest.Digest) (d tree, err error) {
	if d.chain, d.root, err = readChain(t, root); err != nil {
		return d, err
	}
	if d.kids, err = children(t, d.root); err != nil {
		return d, err
	}
	if d.looks, err = looksAt(t, root); err != nil {
		return d, err
	}
	d.plan, err = o.planOf(d.root)
	if d.root.Status == dossier.StatusRefused {
		err = nil // there is nothing to plan, perhaps for want of a plan
	}
	return d, err
}

// readTree is tree outside a transaction.
func (o *Office) readTree(op string, root digest.Digest) (d tree, err error) {
	err = o.Store.View(func(t *store.Tx) error { d, err = o.tree(t, root); return err })
	return d, missing(op, err)
}

// Submission shows a submission that waits at this office's desk, by its code, with what may be done.
func (o *Office) Submission(ctx context.Context, actor directory.Account, code string) (DossierView, error) {
	if err := o.staff("submission", actor); err != nil {
		return DossierView{}, err
	}
	sub, s, code, err := o.waiting("submission", code)
	if err != nil {
		return DossierView{}, err
	}
	if err := o.sees("submission", actor, s.Procedure, s.ProcVersion); err != nil {
		return DossierView{}, err
	}
	if s.Office != string(o.Code) {
		return DossierView{}, directory.Errorf("submission", directory.Denied, "the submission is for another office")
	}
	if err := o.looked(ctx, sub.ID(), actor, o.atDesk(lookIntake)); err != nil {
		return DossierView{}, err
	}
	v := o.view(submissionSheet(sub.ID(), s))
	v.Alias = code
	v.Freshness = Freshness{AsOf: o.Now(), Fresh: true, Source: FromHolder}
	pl, err := o.plan(s.Procedure, s.ProcVersion, s.Office, o.today())
	work := accepting(pl.Procedure)
	if err != nil {
		work = directory.Work{Kind: directory.StepAccept}
	}
	v.Allowed = o.nameRules(dossier.Allowed(dossier.State{}, pl, o.actOn(actor, work)), work)
	if err != nil {
		o.cannotAccept(&v)
		return v, o.here(ctx, &v)
	}
	if due, x, err := o.due(o.Now(), pl.Procedure.Limit); err == nil {
		v.Due, v.Explanation = due, x // if it is accepted now
	}
	return v, o.here(ctx, &v)
}

// cannotAccept leaves the refusal alone to be chosen, for a submission whose procedure cannot be planned here.
func (o *Office) cannotAccept(v *DossierView) {
	for i := range v.Allowed {
		if v.Allowed[i].Kind == dossier.KindAccepted {
			v.Allowed[i].Why = &dossier.Rule{Code: dossier.RuleProcedure, Message: unplanned()}
		}
	}
}

func unplanned() directory.Text {
	return directory.Text{
		VI: "Danh mục tại đây chưa có thủ tục này, hoặc chưa xác định được cơ quan thực hiện các bước. Cập nhật danh mục, hoặc từ chối và nêu lý do.",
		EN: "The catalogue here has not this procedure, or no office for one of its steps. Update the catalogue, or refuse and say why.",
	}
}

// Dossier shows a chain of this office's desk: a root chain, or a child chain with the root's copy around it.
func (o *Office) Dossier(ctx context.Context, actor directory.Account, chain digest.Digest) (DossierView, error) {
	var v DossierView
	if err := o.staff("dossier", actor); err != nil {
		return v, err
	}
	var row store.Row
	err := o.Store.View(func(t *store.Tx) (err error) { row, err = t.Row(chain); return err })
	if err != nil {
		return v, missing("dossier", err)
	}
	if row.Kind == store.RowSubmission {
		return o.Submission(ctx, actor, lineCode(row))
	}
	if err := o.sees("dossier", actor, row.Procedure, row.ProcVersion); err != nil {
		return v, err
	}
	root := chain
	if row.Kind == store.RowChild {
		root = row.Parent
	}
	if err := o.looked(ctx, root, actor, o.atDesk(lookWork)); err != nil {
		return v, err
	}
	d, err := o.readTree("dossier", root)
	if err != nil {
		return v, err
	}
	v = o.view(o.sheetOf(d))
	if row.Kind == store.RowChild {
		err = o.childView(&v, d, row, actor)
	} else {
		err = o.rootView(&v, d, row, actor)
	}
	return v, errors.Join(err, o.here(ctx, &v))
}

// rootView adds what the desk sees of a root chain.
func (o *Office) rootView(v *DossierView, d tree, row store.Row, actor directory.Account) error {
	work := workAt(d.plan, d.root)
	v.Allowed = o.nameRules(dossier.Allowed(d.root, d.plan, o.actOn(actor, work)), work)
	o.stepAtHand(v, d.root, d.plan)
	v.Freshness = Freshness{AsOf: millis(row.Updated), Source: FromCopy}
	if row.Root == string(o.Code) {
		v.Freshness = Freshness{AsOf: o.Now(), Fresh: true, Source: FromHolder}
	} else if d.root.Successor == row.Root { // it was handed over
		v.Office = o.ref(row.Root, o.today())
	}
	return o.Store.View(func(t *store.Tx) error {
		for _, c := range d.root.Children {
			v.Children = append(v.Children, o.requestView(t, c, d.kids[c.ID]))
		}
		return errors.Join(countForks(t, v, d.root), o.waitingFor(t, v, d.root.Chain))
	})
}

// countForks counts the contradictions in all the chains of a dossier.
func countForks(t *store.Tx, v *DossierView, root dossier.State) error {
	for _, chain := range append([]digest.Digest{root.Chain}, childIDs(root)...) {
		forks, err := t.Forks(chain, maxLooks)
		if err != nil {
			return err
		}
		v.Forks += len(forks)
	}
	return nil
}

func childIDs(root dossier.State) (out []digest.Digest) {
	for _, c := range root.Children {
		out = append(out, c.ID)
	}
	return out
}

// requestView shows a request to another office: when it was asked, and when that office's receipt says it arrived.
func (o *Office) requestView(t *store.Tx, c dossier.Child, kid []dossier.Signed) ChildView {
	v := ChildView{
		Chain: c.ID, Office: o.ref(c.To, directory.DateOf(millis(c.At))), Status: dossier.StatusRequested,
		Asked: millis(c.At), Due: time.Unix(c.Due, 0),
	}
	if s, err := dossier.Replay(kid); err == nil {
		v.Status = s.Status
	}
	if out, ok := sentFor(t, kindRequest, c.ID); ok && out.Outcome == 1 {
		v.Acked = time.Unix(out.Settled, 0)
	}
	return v
}

// childView turns the root's view into that of a child chain of this office.
func (o *Office) childView(v *DossierView, d tree, row store.Row, actor directory.Account) error {
	v.Chain, v.IsChild, v.Status, v.Due = row.Chain, true, dossier.Status(row.Status), time.Unix(row.Due, 0)
	v.Freshness = Freshness{AsOf: o.Now(), Fresh: true, Source: FromHolder}
	asked, _ := childOf(d.root, row.Chain)
	var child dossier.State
	if kid, ok := d.kids[row.Chain]; ok {
		var err error
		if child, err = dossier.Replay(kid); err != nil {
			return err
		}
		v.Results = append(v.Results, o.fileViews(sheetFiles(child.Results))...)
	}
	if child.Length == 0 {
		works := receiving(d.plan.Procedure, asked.First)
		why, _ := receiveRule(d.root, asked, o.actOn(actor, works...))
		v.Allowed = o.nameRules([]dossier.Action{{Kind: dossier.KindReceived, Why: why}}, works...)
	} else {
		pl := d.plan.Asked(child)
		work := workAt(pl, child)
		v.Allowed = o.nameRules(dossier.Allowed(child, pl, o.actOn(actor, work)), work)
		o.stepAtHand(v, child, pl)
	}
	return o.Store.View(func(t *store.Tx) error {
		return errors.Join(countForks(t, v, d.root), o.waitingFor(t, v, row.Chain))
	})
}

func receiveRule(root dossier.State, c dossier.Child, a dossier.Act) (*dossier.Rule, error) {
	_, err := dossier.Receive(root, c.ID, a)
	rule, _ := errors.AsType[*dossier.Rule](err)
	return rule, err
}

// stepAtHand fills in the step that a chain has come to, and where it is done.
func (o *Office) stepAtHand(v *DossierView, s dossier.State, pl dossier.Plan) {
	i, ok := pl.Next(s)
	if !ok || i >= len(v.Steps) {
		return
	}
	step := v.Steps[i]
	if string(step.Office.Code) != pl.Places[i] { // of a child that was handed over
		step.Office = o.ref(pl.Places[i], o.today())
	}
	v.Next = &step
	if pl.Places[i] != s.Office {
		v.Forward = step.Office
	}
}

// waitingFor adds the parcels about a chain that have not been acknowledged.
func (o *Office) waitingFor(t *store.Tx, v *DossierView, chain digest.Digest) error {
	ws, err := t.WaitingFor("", maxSendings)
	for _, w := range ws {
		if w.About == chain {
			v.Sending = append(v.Sending, o.sending(t, w))
		}
	}
	return err
}

// here marks the files whose bytes are on this node.
func (o *Office) here(ctx context.Context, v *DossierView) error {
	for _, fs := range [][]FileView{v.Papers, v.Results} {
		for i := range fs {
			held, err := o.Blobs.Has(ctx, fs[i].Blob)
			if err != nil {
				return err
			}
			fs[i].Here = held
		}
	}
	return nil
}

// FileInfo describes a file that is being read.
type FileInfo struct {
	Name      string
	MediaType string
	Size      int64
}

// OfficeFile opens a paper or result of a chain of this office's desk. The look is recorded first. Close the reader.
func (o *Office) OfficeFile(ctx context.Context, actor directory.Account, chain, blob digest.Digest) (FileInfo, io.ReadCloser, error) {
	if err := o.staff("file", actor); err != nil {
		return FileInfo{}, nil, err
	}
	if err := o.seesChain("file", actor, chain); err != nil {
		return FileInfo{}, nil, err
	}
	files, root, err := o.filesOf(chain)
	if err != nil {
		return FileInfo{}, nil, missing("file", err)
	}
	if err := o.looked(ctx, root, actor, o.atDesk(lookFile)); err != nil {
		return FileInfo{}, nil, err
	}
	return o.open(ctx, files, blob)
}

// seesChain is sees for a row.
func (o *Office) seesChain(op string, a directory.Account, chain digest.Digest) error {
	var row store.Row
	err := o.Store.View(func(t *store.Tx) (err error) { row, err = t.Row(chain); return err })
	if err != nil {
		return missing(op, err)
	}
	return o.sees(op, a, row.Procedure, row.ProcVersion)
}

// filesOf are the files of a row's chain, and the dossier it belongs to.
func (o *Office) filesOf(chain digest.Digest) (files []dossier.Attachment, root digest.Digest, err error) {
	root = chain
	err = o.Store.View(func(t *store.Tx) error {
		row, err := t.Row(chain)
		if err != nil {
			return err
		}
		if row.Kind == store.RowChild {
			root = row.Parent
			if kid, _, err := readChain(t, chain); err == nil {
				files = attachments(kid)
			}
		}
		d, err := o.tree(t, root)
		if err == nil {
			files = append(files, d.all()...)
			return nil
		}
		var sub record.Record
		if sub, err = t.Submission(root); err != nil {
			return err
		}
		s, err := dossier.ReadSubmission(sub)
		files = append(files, s.Attachments...)
		return err
	})
	return files, root, err
}

// open opens one of the files.
func (o *Office) open(ctx context.Context, files []dossier.Attachment, blob digest.Digest) (FileInfo, io.ReadCloser, error) {
	for _, a := range files {
		if a.Blob == blob {
			r, err := o.Blobs.Open(ctx, a.Blob, a.Key)
			return FileInfo{fileName(a.Name, a.MediaType), a.MediaType, a.Size}, r, missing("file", err)
		}
	}
	return FileInfo{}, nil, directory.Errorf("file", directory.NotFound, "the dossier has no such file here")
}

// Slip is the receipt slip of a dossier that this office accepted. The look is recorded first.
func (o *Office) Slip(ctx context.Context, actor directory.Account, code string) (SlipView, error) {
	if err := o.staff("slip", actor); err != nil {
		return SlipView{}, err
	}
	row, err := o.rowByCode("slip", code, func(r store.Row) bool {
		return r.Kind == store.RowRoot && r.Code != "" && r.Root == string(o.Code)
	})
	if err != nil {
		return SlipView{}, err
	}
	if err := o.sees("slip", actor, row.Procedure, row.ProcVersion); err != nil {
		return SlipView{}, err
	}
	if err := o.looked(ctx, row.Chain, actor, o.atDesk(lookWork)); err != nil {
		return SlipView{}, err
	}
	return o.slip(row)
}

// maxShared bounds the rows looked at under one submission code.
const maxShared = 64

// rowByCode is the row of a code that fits what is asked for, the first if several do. A submission code is whatever the
// node of its portal said: one that sends on the code of somebody else's submission does not hide it.
func (o *Office) rowByCode(op, code string, fits func(store.Row) bool) (store.Row, error) {
	normal, ok := dossier.NormalCode(code)
	if !ok {
		return store.Row{}, directory.Errorf(op, directory.Invalid, "this is no dossier code or submission code")
	}
	var rows []store.Row
	err := o.Store.View(func(t *store.Tx) (err error) { rows, err = t.RowsByCode(normal, maxShared); return err })
	if err != nil {
		return store.Row{}, missing(op, err)
	}
	if i := slices.IndexFunc(rows, fits); i >= 0 {
		return rows[i], nil
	}
	return store.Row{}, missing(op, store.ErrNotFound)
}

func (o *Office) slip(row store.Row) (SlipView, error) {
	d, err := o.readTree("slip", row.Chain)
	if err != nil {
		return SlipView{}, err
	}
	v := o.view(o.sheetOf(d))
	out := SlipView{
		Code: v.Code, Alias: v.Alias, Procedure: v.Procedure, Applicant: v.Applicant, Papers: v.Papers, Received: v.Accepted,
		Due: v.Due, Explanation: v.Explanation, OfficeName: v.Office.Name, Officer: d.chain[0].Event.Actor.Name, Event: d.chain[0].ID(),
	}
	out.Office, _ = o.Directory.Office(v.Office.Code)
	return out, nil
}
