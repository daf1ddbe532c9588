package office

import (
	"context"
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// Inbox takes parcels in; it is the courier's replication.Inbox.
type Inbox struct{ o *Office }

var _ replication.Inbox = Inbox{}

// Inbox returns the inbox of the office.
func (o *Office) Inbox() Inbox { return Inbox{o} }

// Taken returns the receipt given for a parcel, false if none was.
func (in Inbox) Taken(_ context.Context, id digest.Digest) (r record.Record, ok bool, err error) {
	err = in.o.Store.View(func(t *store.Tx) error { r, ok, err = t.Receipt(id); return err })
	return r, ok, err
}

// unwelcome is why a content is refused for good. Its text goes into the receipt: no personal data.
type unwelcome struct {
	why  replication.Refusal
	note string
}

func (u *unwelcome) Error() string { return string(u.why) + ": " + u.note }

func refuse(note string, err error) error {
	if err != nil {
		note += ": " + err.Error()
	}
	return &unwelcome{replication.Unwelcome, note}
}

// maxReceiptNote bounds the reason in a receipt, in bytes.
const maxReceiptNote = 500

// attempts bounds how often a content is decided anew because the chain it touches has grown meanwhile.
const attempts = 5

// Take commits the effect of a parcel once and returns the signed receipt. Files are stored before the commit: a crash in
// between leaves files that a sweep removes, and the parcel is sent again.
func (in Inbox) Take(ctx context.Context, p replication.Parcel, c replication.Content) (record.Record, error) {
	for range attempts {
		r, err := in.take(ctx, p, c)
		if !errors.Is(err, store.ErrHeadMoved) {
			return r, err
		}
	}
	return record.Record{}, fmt.Errorf("take parcel %s: its dossier changes too fast; it will be sent again", p.ID().Short())
}

func (in Inbox) take(ctx context.Context, p replication.Parcel, c replication.Content) (record.Record, error) {
	ch, err := in.o.judge(ctx, p, c)
	if u, ok := errors.AsType[*unwelcome](err); ok {
		in.o.Log.Warn("parcel refused", "parcel", p.ID().Short(), "from", p.Manifest.From, "refusal", u.why)
		return in.Refuse(ctx, p, u.why, u.note)
	}
	if err != nil {
		return record.Record{}, err
	}
	r, err := in.settle(ctx, p, "", "", ch)
	if err == nil {
		in.o.heard()
		in.o.announce(ch, false)
	}
	return r, err
}

// Refuse stores and returns a signed refusal.
func (in Inbox) Refuse(ctx context.Context, p replication.Parcel, why replication.Refusal, note string) (record.Record, error) {
	if len(note) > maxReceiptNote {
		note = note[:maxReceiptNote]
	}
	return in.settle(ctx, p, why, note, change{})
}

// settle stores the receipt of a parcel with its effect, or returns the receipt given before.
func (in Inbox) settle(ctx context.Context, p replication.Parcel, why replication.Refusal, note string, ch change) (record.Record, error) {
	signed, err := replication.NewReceipt(p, why, note, in.o.Now().Unix(), in.o.key)
	if err != nil {
		return record.Record{}, err
	}
	receipt, err := replication.ReadReceipt(signed)
	if err != nil {
		return record.Record{}, err
	}
	out := signed
	err = in.o.Store.Update(ctx, func(t *store.Tx) error {
		old, given, err := t.Receipt(p.ID())
		if err != nil || given {
			out = old
			return err
		}
		if err := ch.write(t); err != nil {
			return err
		}
		return t.PutReceipt(signed, receipt)
	})
	// A crash after this commit: the sender asks again and gets the receipt that is stored.
	return out, err
}

// judge decides what a content does. The error is an *unwelcome for what can never be taken; any other means "not now".
func (o *Office) judge(ctx context.Context, p replication.Parcel, c replication.Content) (change, error) {
	body, err := decodeContent(c.Body)
	if errors.Is(err, errNewerContent) {
		return change{}, err
	}
	if err != nil {
		return change{}, &unwelcome{replication.Unreadable, err.Error()}
	}
	from := string(p.Manifest.From)
	switch body.Kind {
	case kindSubmission:
		return judged(ctx, o, body, from, c.Files, o.takeSubmission)
	case kindRequest:
		return judged(ctx, o, body, from, c.Files, o.takeRequest)
	case kindReport:
		return judged(ctx, o, body, from, c.Files, o.takeReport)
	}
	return judged(ctx, o, body, from, c.Files, o.takeStatus)
}

// judged reads the body, lets f judge it and stores the files that belong to it.
func judged[T any](ctx context.Context, o *Office, c content, from string, files []replication.File, f func(string, T) (change, error)) (change, error) {
	b, err := bodyOf[T](c)
	if err != nil {
		return change{}, &unwelcome{replication.Unreadable, err.Error()}
	}
	ch, err := f(from, b)
	if err != nil {
		return change{}, err
	}
	return ch, o.storeFiles(ctx, ch.files, files)
}

// storeFiles stores the sealed files that attachments name.
func (o *Office) storeFiles(ctx context.Context, want []dossier.Attachment, have []replication.File) error {
	byName := map[digest.Digest]replication.File{}
	for _, f := range have {
		byName[f.Digest] = f
	}
	for _, a := range want {
		if held, err := o.Blobs.Has(ctx, a.Blob); err != nil || held {
			if err != nil {
				return err
			}
			continue
		}
		f, ok := byName[a.Blob]
		if !ok || f.Size != a.Sealed {
			return refuse("a file that the dossier names is not in the parcel", nil)
		}
		if err := o.storeFile(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (o *Office) storeFile(ctx context.Context, f replication.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return o.Blobs.PutSealed(ctx, r, f.Digest, f.Size)
}

// verified reads, verifies and folds a chain that came from another office. A signer not known yet means "not now": a newer
// edition may know it.
func (o *Office) verified(rs []record.Record) ([]dossier.Signed, dossier.State, error) {
	if len(rs) > maxEvents {
		return nil, dossier.State{}, refuse(fmt.Sprintf("a chain of %d events, at most %d", len(rs), maxEvents), nil)
	}
	chain, err := dossier.ReadChain(rs)
	if err != nil {
		// A kind or format of a later version is not refused for good: this node will be upgraded.
		return nil, dossier.State{}, err
	}
	if err := dossier.Verify(chain, o.keyOf); err != nil {
		if errors.Is(err, replication.ErrUnknown) {
			return nil, dossier.State{}, err
		}
		return nil, dossier.State{}, refuse("a chain does not verify", err)
	}
	s, err := dossier.Replay(chain)
	if err != nil {
		return nil, dossier.State{}, refuse("a chain breaks a rule", err)
	}
	return chain, s, nil
}

// takeSubmission takes in a submission handed in at another portal.
func (o *Office) takeSubmission(from string, b submissionContent) (change, error) {
	s, err := dossier.VerifySubmission(b.Submission, o.keyOf)
	switch {
	case errors.Is(err, replication.ErrUnknown):
		return change{}, err
	case err != nil:
		return change{}, refuse("the submission does not verify", err)
	case s.Portal != from || s.Office != string(o.Code):
		return change{}, refuse("the submission is of another portal or for another office", nil)
	}
	return o.arrive(b.Submission, s), nil
}

// arrive is how every submission arrives at the office in charge, from its own portal too.
func (o *Office) arrive(r record.Record, s dossier.Submission) change {
	tr := submittedTrack(s)
	if s.Office == string(o.Code) {
		tr.Root = o.Code
	}
	return change{
		chain: r.ID(), files: s.Attachments, tracks: []directory.Track{tr},
		extra: func(t *store.Tx) error {
			if _, err := t.Row(r.ID()); err == nil {
				return nil // known already, perhaps accepted: nothing may be set back
			}
			if err := t.PutSubmission(r); err != nil {
				return err
			}
			return t.PutRow(o.submissionRow(r.ID(), s))
		},
	}
}

// takeRequest takes in a root chain with a request to this office.
func (o *Office) takeRequest(from string, b requestContent) (change, error) {
	chain, root, err := o.verified(b.Root)
	if err != nil {
		return change{}, err
	}
	asked, ok := childOf(root, b.Child)
	if !ok || asked.To != string(o.Code) || root.Office != from || root.IsChild || len(b.Chains) > maxChains {
		return change{}, refuse("the request is of another office or for another office", nil)
	}
	pl, err := o.plan(root.Procedure, root.ProcVersion, root.Office)
	if err != nil {
		return change{}, err // not in our edition yet
	}
	copies := [][]dossier.Signed{chain}
	for _, rs := range b.Chains {
		kid, s, err := o.verified(rs)
		if err != nil {
			return change{}, err
		}
		if c, ok := childOf(root, s.Chain); !ok || c.To != s.Office || s.Root != root.Chain {
			return change{}, refuse("a chain in the parcel belongs to another dossier", nil)
		}
		copies = append(copies, kid)
	}
	return change{
		chain: root.Chain, files: attachments(copies...),
		extra: func(t *store.Tx) error { return o.storeRequest(t, root, asked, pl, copies) },
	}, nil
}

// storeRequest stores the copies and puts the request on the desk, unless it is there or in hand already.
func (o *Office) storeRequest(t *store.Tx, root dossier.State, asked dossier.Child, pl dossier.Plan, copies [][]dossier.Signed) error {
	for _, c := range copies {
		if err := o.putCopy(t, c); err != nil {
			return err
		}
	}
	if _, current, err := readChain(t, root.Chain); err == nil {
		if err := t.PutRow(o.rootRow(current, pl)); err != nil {
			return err
		}
	}
	if _, err := t.Row(asked.ID); err == nil {
		return nil
	}
	return t.PutRow(o.childRow(root, asked, dossier.State{}, pl))
}

// putCopy brings the copy of another office's chain up to date. A fork is kept as evidence and logged; it is not repaired.
func (o *Office) putCopy(t *store.Tx, chain []dossier.Signed) error {
	done, err := t.PutCopy(chain[0].Event.Chain, chain)
	if done.Forked {
		o.Log.Error("fork: two versions of one chain", "chain", chain[0].Event.Chain.Short(), "office", chain[0].Event.Office)
	}
	return err
}

// takeReport takes note of a child chain that has ended.
func (o *Office) takeReport(from string, b reportContent) (change, error) {
	kid, child, err := o.verified(b.Child)
	if err != nil {
		return change{}, err
	}
	if child.Office != from || !child.IsChild {
		return change{}, refuse("the report is another office's", nil)
	}
	h, err := o.load("take report", child.Root)
	if directory.CodeOf(err) == directory.NotFound {
		return change{}, refuse("no such dossier here", nil)
	}
	if err != nil {
		return change{}, err
	}
	asked, ok := childOf(h.state, child.Chain)
	if !ok {
		return change{}, refuse("this office has not asked for it", nil)
	}
	if asked.Noted && asked.Head == child.Head {
		return change{chain: h.state.Chain, files: attachments(kid)}, nil // another parcel brought it before
	}
	return o.noteReport(h, kid, child)
}

func (o *Office) noteReport(h held, kid []dossier.Signed, child dossier.State) (change, error) {
	e, err := dossier.Note(h.state, child, h.plan, o.system())
	if rule, ok := errors.AsType[*dossier.Rule](err); ok {
		return change{}, refuse("the report does not answer the request", rule)
	}
	if err != nil {
		return change{}, err
	}
	signed, next, err := o.sign(h.state, e)
	if err != nil {
		return change{}, err
	}
	c := change{
		chain: next.Chain, expect: h.state.Head, events: []dossier.Signed{signed}, files: attachments(kid),
		rows: []store.Row{o.rootRow(next, h.plan)}, tracks: []directory.Track{o.trackOf(next, h.plan)},
		extra: func(t *store.Tx) error { return o.putCopy(t, kid) },
	}
	return c, nil
}

// takeStatus takes in what became of a submission that was handed in here.
func (o *Office) takeStatus(from string, b statusContent) (change, error) {
	chain, root, err := o.verified(b.Chain)
	if err != nil {
		return change{}, err
	}
	if len(chain) != 1 || root.Office != from || root.IsChild || root.Submission.Portal != string(o.Code) {
		return change{}, refuse("the status is of another office or for another portal", nil)
	}
	return change{chain: root.Chain, extra: func(t *store.Tx) error { return o.storeStatus(t, root, chain, b.Track) }}, nil
}

func (o *Office) storeStatus(t *store.Tx, root dossier.State, chain []dossier.Signed, tr directory.Track) error {
	row, err := t.Row(root.Chain)
	if err != nil {
		return err // the submission was committed here before it was sent
	}
	if err := o.putCopy(t, chain); err != nil {
		return err
	}
	if row.Kind == store.RowRoot && row.Updated >= tr.AsOf {
		return nil // an older word than what is known
	}
	row.Kind, row.Code, row.Bucket = store.RowRoot, root.Code, ""
	row.Status, row.Holder, row.Due, row.Updated = tr.State, string(tr.Holder), tr.Due, tr.AsOf
	row.Accepted = root.Begun
	return t.PutRow(row)
}
