package office

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// Receipt is the confirmation of a submission handed in at this portal, for its applicant.
func (o *Office) Receipt(ctx context.Context, c Citizen, code string) (v ReceiptView, err error) {
	row, err := o.ownRow("receipt", c, code)
	if err != nil {
		return v, err
	}
	if err := o.lookedAs(ctx, row.Chain, c); err != nil {
		return v, err
	}
	var sub record.Record
	err = o.Store.View(func(t *store.Tx) (err error) {
		if sub, err = t.Submission(row.Chain); err != nil {
			return err
		}
		out, sent := sentFor(t, kindSubmission, row.Chain)
		v.Delivered = !sent || out.Outcome == replication.Delivered
		if chain, s, err := readChain(t, row.Chain); err == nil && len(chain) > 0 {
			v.Reason, v.Delivered = s.Reason, true
		}
		return nil
	})
	if err != nil {
		return v, missing("receipt", err)
	}
	s, err := dossier.ReadSubmission(sub)
	if err != nil {
		return v, err
	}
	d := o.view(submissionSheet(row.Chain, s))
	v.Code, v.DossierCode, v.Status, v.Digest = s.Code, row.Code, dossier.Status(row.Status), sub.ID()
	v.Procedure, v.Office, v.Portal, v.At, v.Applicant, v.Papers = d.Procedure, d.Office, d.Portal, d.Submitted, d.Applicant, d.Papers
	if row.Due > 0 {
		v.Due = time.Unix(row.Due, 0)
		if due, x, err := o.due(millis(row.Accepted), d.Procedure.Limit); err == nil && due.Equal(v.Due) {
			v.Explanation = x
		}
	}
	return v, nil
}

// ownRow is a row of this node whose applicant the citizen is.
func (o *Office) ownRow(op string, c Citizen, code string) (store.Row, error) {
	return o.rowByCode(op, code, func(r store.Row) bool {
		return c.Is(directory.AccountID(r.Account)) && r.Kind != store.RowChild
	})
}

// ids are a citizen's own and those of accounts that were merged into it.
func ids(c Citizen) []directory.AccountID { return append([]directory.AccountID{c.ID}, c.Former...) }

// MyDossiers lists a citizen's dossiers: those this node holds, and those the directory knows of. Complete is false when the
// directory could not be asked.
func (o *Office) MyDossiers(ctx context.Context, c Citizen) (out []Mine, complete bool, err error) {
	var rows []store.Row
	err = o.Store.View(func(t *store.Tx) error {
		for _, id := range ids(c) {
			of, _, err := t.ByAccount(string(id), "", maxPage)
			if rows = append(rows, of...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		if r.Kind != store.RowChild {
			out = append(out, o.mineRow(r))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var tracks []directory.Track
	var askErr error
	var asking sync.WaitGroup
	asking.Go(func() { tracks, askErr = o.mine(ctx, c) })
	asked := map[string]bool{}
	o.refreshMine(ctx, c, out, asked)
	asking.Wait()
	for _, tr := range tracks {
		out = o.mergeTrack(out, tr)
	}
	o.refreshMine(ctx, c, out, asked)
	slices.SortStableFunc(out, func(a, b Mine) int { return b.AsOf.Compare(a.AsOf) })
	return out, askErr == nil, nil
}

// mine asks the directory for the tracks of a citizen's dossiers.
func (o *Office) mine(ctx context.Context, c Citizen) (out []directory.Track, err error) {
	err = o.consult(ctx, func(ctx context.Context) (err error) { out, err = o.Calls.Mine(ctx, c.ID); return err })
	return out, err
}

// maxRefreshed bounds the lines of one list that other offices are asked about.
const maxRefreshed = 20

// refreshMine asks the offices that answer for the lines this node does not, all at once. What is known already stands where
// one does not answer. None is asked twice: asked are the codes of those that were.
func (o *Office) refreshMine(ctx context.Context, c Citizen, out []Mine, asked map[string]bool) {
	var group sync.WaitGroup
	for i := range out {
		if m := &out[i]; !m.Fresh && m.Office.Code != "" && len(asked) < maxRefreshed && !asked[m.Code] && !asked[m.Alias] {
			asked[m.Code] = true
			group.Go(func() { o.refreshLine(ctx, c, m) })
		}
	}
	group.Wait()
}

func (o *Office) refreshLine(ctx context.Context, c Citizen, m *Mine) {
	a, err := o.askFor(ctx, c, string(m.Office.Code), Question{Kind: AskLine, Code: m.Code})
	if err != nil || a.Track == nil {
		return
	}
	v := o.trackView(*a.Track)
	m.Freshness = Freshness{AsOf: v.AsOf, Fresh: true, Source: FromHolder}
	m.Code, m.Alias, m.Status, m.Office, m.Holder, m.Due = v.Code, v.Alias, v.Status, v.Office, v.Holder, v.Due
	if p, ok := o.Directory.Procedure(a.Procedure, a.ProcVersion); ok {
		m.Procedure = p.Name
	}
}

func (o *Office) mineRow(r store.Row) Mine {
	l := o.line(r)
	m := Mine{
		Freshness: Freshness{AsOf: l.Updated, Source: FromCopy}, Code: l.Code, Alias: r.Alias, Procedure: l.Procedure,
		Status: l.Status, Office: l.Root, Holder: l.Holder, Due: l.Due,
	}
	if r.Root == string(o.Code) {
		m.Fresh, m.Source = true, FromHolder
	}
	return m
}

// mergeTrack takes what the directory says into the list, where it is newer than what this node knows.
func (o *Office) mergeTrack(out []Mine, tr directory.Track) []Mine {
	i := slices.IndexFunc(out, func(m Mine) bool {
		return m.Code == tr.Code || m.Alias == tr.Code || tr.Alias != "" && m.Alias == tr.Alias
	})
	v := o.trackView(tr)
	m := Mine{Freshness: v.Freshness, Code: v.Code, Alias: v.Alias, Status: v.Status, Office: v.Office, Holder: v.Holder, Due: v.Due}
	switch {
	case i < 0:
		return append(out, m)
	case !out[i].Fresh && !out[i].AsOf.After(m.AsOf):
		m.Procedure = out[i].Procedure
		if m.Alias == "" {
			m.Alias = out[i].Alias
		}
		out[i] = m
	}
	return out
}

func (o *Office) trackView(tr directory.Track) TrackView {
	on := directory.DateOf(millis(tr.AsOf))
	root := tr.Root
	if root == "" {
		root = tr.Holder
	}
	v := TrackView{
		Freshness: Freshness{AsOf: millis(tr.AsOf), Source: FromDirectory}, Code: tr.Code, Alias: tr.Alias,
		Status: dossier.Status(tr.State), Office: o.ref(string(root), on), Holder: o.ref(string(tr.Holder), on),
	}
	if tr.Due > 0 {
		v.Due = time.Unix(tr.Due, 0)
	}
	return v
}

// MyDossier shows a citizen their dossier: from this node if it answers for it, else from the office that does, else the
// last that is known here or at the directory.
func (o *Office) MyDossier(ctx context.Context, c Citizen, code string) (DossierView, error) {
	normal, ok := dossier.NormalCode(code)
	if !ok {
		return DossierView{}, directory.Errorf("dossier", directory.Invalid, "this is no dossier code or submission code")
	}
	row, rowErr := o.ownRow("dossier", c, normal)
	if rowErr == nil && row.Root == string(o.Code) {
		return o.ownDossier(ctx, c, row)
	}
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	root, tr, known, err := o.whereIs(asked, c, normal, row, rowErr == nil)
	if err != nil {
		return DossierView{}, err
	}
	if a, err := o.askFor(asked, c, root, Question{Kind: AskSheet, Code: normal}); err == nil && a.Sheet != nil {
		s := *a.Sheet
		if rowErr == nil { // what this portal has shown of its own copy is known here alone
			if s.Looks, err = o.withLooksHere(s.Looks, row.Chain); err != nil {
				return DossierView{}, err
			}
		}
		v := o.view(s)
		v.Freshness = Freshness{AsOf: millis(s.AsOf), Fresh: true, Source: FromHolder}
		return v, nil
	}
	if rowErr == nil {
		return o.copyOf(ctx, c, row, tr, known)
	}
	return o.onlyTrack(tr), nil
}

// whereIs finds the office that answers for a citizen's dossier, and what the directory says of it. The error is NotFound where
// the directory knows of no such dossier, NoLeader where it does not answer.
func (o *Office) whereIs(ctx context.Context, c Citizen, code string, row store.Row, held bool) (root string, tr directory.Track, known bool, err error) {
	if held && o.isOpen(directory.OfficeCode(row.Root)) {
		return row.Root, tr, false, nil // its office is known; the directory is asked only if that does not answer
	}
	tracks, err := o.mine(ctx, c)
	if err != nil && held {
		return row.Root, tr, false, nil
	}
	if err != nil {
		return "", tr, false, directory.Errorf("dossier", directory.NoLeader, "the dossier is not known here, and the directory cannot be reached; try again later")
	}
	for _, t := range tracks {
		if t.Code == code || t.Alias == code {
			root = string(t.Root)
			if root == "" {
				root = string(t.Holder)
			}
			return root, t, true, nil
		}
	}
	if held {
		return row.Root, tr, false, nil
	}
	return "", tr, false, directory.Errorf("dossier", directory.NotFound, "no such dossier of this account is known here")
}

// ownDossier shows a dossier that this office answers for. The look is recorded first.
func (o *Office) ownDossier(ctx context.Context, c Citizen, row store.Row) (v DossierView, err error) {
	if err := o.lookedAs(ctx, row.Chain, c); err != nil {
		return v, err
	}
	s, err := o.ownSheet(row)
	if err != nil {
		return v, err
	}
	v = o.view(s)
	v.Freshness = Freshness{AsOf: o.Now(), Fresh: true, Source: FromHolder}
	return v, nil
}

// ownSheet is the sheet of a dossier or waiting submission as far as this node holds it.
func (o *Office) ownSheet(row store.Row) (Sheet, error) {
	if row.Kind == store.RowRoot {
		d, err := o.readTree("dossier", row.Chain)
		if err != nil {
			return Sheet{}, err
		}
		s := o.sheetOf(d)
		s.Office = row.Root // it may have been handed over since
		return s, nil
	}
	var sub record.Record
	var looks []store.Look
	err := o.Store.View(func(t *store.Tx) (err error) {
		if sub, err = t.Submission(row.Chain); err == nil {
			looks, err = looksAt(t, row.Chain)
		}
		return err
	})
	if err != nil {
		return Sheet{}, missing("dossier", err)
	}
	s, err := dossier.ReadSubmission(sub)
	out := submissionSheet(row.Chain, s)
	out.Looks = looks
	return out, err
}

// copyOf shows the last that is known here of a dossier that another office answers for. The look is recorded here.
func (o *Office) copyOf(ctx context.Context, c Citizen, row store.Row, tr directory.Track, known bool) (DossierView, error) {
	if err := o.lookedAs(ctx, row.Chain, c); err != nil {
		return DossierView{}, err
	}
	s, err := o.ownSheet(row)
	if err != nil {
		return DossierView{}, err
	}
	s.Status, s.Holder, s.Due, s.AsOf = dossier.Status(row.Status), row.Holder, row.Due, row.Updated
	v := o.view(s)
	if known && tr.AsOf > row.Updated {
		t := o.trackView(tr)
		v.Freshness, v.Status, v.Holder, v.Due = t.Freshness, t.Status, t.Holder, t.Due
	}
	return v, nil
}

// onlyTrack shows what the directory knows, which has no content.
func (o *Office) onlyTrack(tr directory.Track) DossierView {
	t := o.trackView(tr)
	return DossierView{
		Freshness: t.Freshness, Code: t.Code, Alias: t.Alias, Status: t.Status, Office: t.Office, Holder: t.Holder, Due: t.Due,
	}
}

// File opens a paper or result of a citizen's dossier, from this node or from the office that answers for it. The look is
// recorded first. Close the reader.
func (o *Office) File(ctx context.Context, c Citizen, code string, blob digest.Digest) (FileInfo, io.ReadCloser, error) {
	normal, ok := dossier.NormalCode(code)
	if !ok {
		return FileInfo{}, nil, directory.Errorf("file", directory.Invalid, "this is no dossier code or submission code")
	}
	row, rowErr := o.ownRow("file", c, normal)
	if rowErr == nil {
		files, root, err := o.filesOf(row.Chain)
		if err != nil {
			return FileInfo{}, nil, missing("file", err)
		}
		if err := o.lookedAs(ctx, root, c); err != nil {
			return FileInfo{}, nil, err
		}
		if info, r, err := o.open(ctx, files, blob); err == nil || row.Root == string(o.Code) {
			return info, r, err
		}
	}
	root, _, _, err := o.whereIs(ctx, c, normal, row, rowErr == nil)
	if err != nil {
		return FileInfo{}, nil, err
	}
	q := Question{Version: 1, Kind: AskFile, Code: normal, Blob: blob}
	if q.Behalf, err = o.behalf(c, normal, root); err != nil {
		return FileInfo{}, nil, err
	}
	turn, ok := o.reach.begin(replication.Name(root))
	if !ok {
		return FileInfo{}, nil, errSilent("office " + root)
	}
	a, r, err := o.Peers.Ask(ctx, replication.Name(root), q)
	o.reach.end(ctx, turn, err)
	switch {
	case err != nil:
		return FileInfo{}, nil, directory.Errorf("file", directory.NoLeader, "office %s cannot be reached now; try again later", root)
	case a.Error != nil:
		return FileInfo{}, nil, a.Error
	case a.File == nil || r == nil:
		return FileInfo{}, nil, directory.Errorf("file", directory.Internal, "office %s gave no file", root)
	}
	o.noted()
	info := FileInfo(*a.File)
	info.Name = fileName(info.Name, info.MediaType)
	return info, r, nil
}
