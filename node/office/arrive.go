package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
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

// unwelcome is why a content is refused for good. Its text goes into the receipt: no personal data. What contradicts a chain
// held here is evidence, and is stored with the refusal.
type unwelcome struct {
	why      replication.Refusal
	note     string
	evidence func(*store.Tx) error
}

func (u *unwelcome) Error() string { return string(u.why) + ": " + u.note }

func refuse(note string, err error) error {
	if err != nil {
		note += ": " + err.Error()
	}
	return &unwelcome{why: replication.Unwelcome, note: note}
}

// later tells whether a content may yet be taken: a newer edition may know its signer, a newer version of this program may read
// it. Then it is no verdict, and the sender brings it again.
func later(err error) bool {
	return errors.Is(err, replication.ErrUnknown) || errors.Is(err, wire.ErrNewer)
}

// unreadable refuses bytes that no version has written.
func unreadable(err error) error {
	if later(err) {
		return err
	}
	return &unwelcome{why: replication.Unreadable, note: err.Error()}
}

// maxReceiptNote bounds the reason in a receipt, in bytes.
const maxReceiptNote = 500

// attempts bounds how often a content is decided anew because the chain it touches has grown meanwhile.
const attempts = 5

// Take commits the effect of a parcel once and returns the signed receipt. Files are stored before the commit: a crash in
// between leaves files that a sweep removes, and the parcel is sent again.
func (in Inbox) Take(ctx context.Context, p replication.Parcel, c replication.Content) (record.Record, error) {
	in.o.regainBefore(ctx, p.Manifest.From)
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
		return in.settle(ctx, p, u.why, u.note, change{extra: u.evidence})
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
	return in.settle(ctx, p, why, note, change{})
}

// settle stores the receipt of a parcel with its effect, or returns the receipt given before.
func (in Inbox) settle(ctx context.Context, p replication.Parcel, why replication.Refusal, note string, ch change) (record.Record, error) {
	if len(note) > maxReceiptNote {
		note = strings.ToValidUTF8(note[:maxReceiptNote], "")
	}
	receipt, st, err := in.o.receipt(p, why, note, ch.outcome)
	if err != nil {
		return record.Record{}, err
	}
	var out record.Record
	repeated := false
	err = in.o.Store.UpdateSigned(ctx, st, func(t *store.Tx, signed record.Record) error {
		old, given, err := t.Receipt(p.ID())
		if err != nil || given {
			out, repeated = old, given
			return err
		}
		out = signed
		if err := ch.write(t); err != nil {
			return err
		}
		return t.PutReceipt(signed, receipt)
	})
	// A crash after this commit: the sender asks again and gets the receipt that is stored.
	if (err != nil || repeated) && !errors.Is(err, store.ErrUnsure) {
		in.o.drop(ch.sends)
	}
	return out, err
}

// receipt is the answer to a parcel, bound to all that this node has signed before, and what is to be signed of it.
func (o *Office) receipt(p replication.Parcel, why replication.Refusal, note string, outcome replication.Outcome) (v replication.Receipt, st store.Statement, err error) {
	var head replication.LogHead
	if err = o.Store.View(func(t *store.Tx) (err error) { head, err = t.LogHead(); return err }); err != nil {
		return v, st, err
	}
	v = p.Answer(why, note, o.Now().Unix())
	v.Log, v.Outcome = &head, cmp.Or(outcome, v.Outcome)
	b, err := v.Bytes()
	return v, store.Statement{Key: o.key(), Label: replication.ReceiptLabel, Body: b}, err
}

// judge decides what a content does. The error is an *unwelcome for what can never be taken; any other means "not now".
func (o *Office) judge(ctx context.Context, p replication.Parcel, c replication.Content) (change, error) {
	body, err := decodeContent(c.Body)
	if err != nil {
		return change{}, unreadable(err)
	}
	from := string(p.Manifest.From)
	switch body.Kind {
	case kindSubmission:
		return judged(ctx, o, body, from, c.Files, o.takeSubmission)
	case kindRequest:
		return judged(ctx, o, body, from, c.Files, o.takeRequest)
	case kindHandOver:
		return judged(ctx, o, body, from, c.Files, func(from string, b handOverContent) (change, error) { return o.takeHandOver(ctx, from, b) })
	case kindReport:
		return judged(ctx, o, body, from, c.Files, func(from string, b reportContent) (change, error) { return o.takeReport(ctx, from, b) })
	}
	return judged(ctx, o, body, from, c.Files, o.takeStatus)
}

// judged reads the body, lets f judge it and stores the files that belong to it.
func judged[T any](ctx context.Context, o *Office, c content, from string, files []replication.File, f func(string, T) (change, error)) (change, error) {
	b, err := bodyOf[T](c)
	if err != nil {
		return change{}, unreadable(err)
	}
	ch, err := f(from, b)
	if err != nil {
		return change{}, err
	}
	if err := o.storeFiles(ctx, ch.files, files); err != nil {
		o.drop(ch.sends)
		return change{}, err
	}
	return ch, nil
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

// unlessLater refuses what is wrong whichever version reads it, and with whichever edition.
func unlessLater(note string, err error) error {
	if later(err) {
		return err
	}
	return refuse(note, err)
}

// verified reads, verifies and folds a chain that came from another office. A signer not known yet means "not now": a newer
// edition may know it.
func (o *Office) verified(rs []record.Record) ([]dossier.Signed, dossier.State, error) {
	if len(rs) > maxEvents {
		return nil, dossier.State{}, refuse(fmt.Sprintf("a chain of %d events, at most %d", len(rs), maxEvents), nil)
	}
	chain, err := dossier.ReadChain(rs)
	if err != nil {
		return nil, dossier.State{}, unlessLater("a chain cannot be read", err)
	}
	if err := dossier.Verify(chain, o.keyOf); err != nil {
		return nil, dossier.State{}, unlessLater("a chain does not verify", err)
	}
	s, err := dossier.Replay(chain)
	if err != nil {
		return nil, dossier.State{}, unlessLater("a chain breaks a rule", err)
	}
	return chain, s, nil
}

// takeSubmission takes in a submission handed in at another portal.
func (o *Office) takeSubmission(from string, b submissionContent) (change, error) {
	s, err := dossier.VerifySubmission(b.Submission, o.keyOf)
	switch {
	case err != nil:
		return change{}, unlessLater("the submission does not verify", err)
	case s.Portal != from || s.Office != string(o.Code):
		return change{}, refuse("the submission is of another portal or for another office", nil)
	}
	return o.arrive(b.Submission, s), nil
}

// arrive is how every submission arrives at the office in charge, from its own portal too. That office reports it by its own
// clock: a portal whose clock is fast would else outdate what the office says next.
func (o *Office) arrive(r record.Record, s dossier.Submission) change {
	tr := submittedTrack(s)
	if s.Office == string(o.Code) {
		tr.Root, tr.AsOf = o.Code, o.Now().UnixMilli()
	}
	return change{
		chain: r.ID(), files: s.Attachments, reports: true,
		extra: func(t *store.Tx) error {
			if _, err := t.Row(r.ID()); err == nil {
				return nil // known already, perhaps accepted: nothing may be set back
			}
			if err := t.PutSubmission(r); err != nil {
				return err
			}
			if err := t.QueueTrack(tr); err != nil {
				return err
			}
			row := o.submissionRow(r.ID(), s)
			if _, err := t.RowByCode(s.Code); err == nil {
				row.Extra = twin
			}
			return t.PutRow(row)
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
	pl, err := o.planOf(root)
	if err != nil {
		return change{}, err // not in our edition yet
	}
	copies := [][]dossier.Signed{chain}
	for _, rs := range b.Chains {
		kid, s, err := o.verified(rs)
		if err != nil {
			return change{}, err
		}
		if c, ok := childOf(root, s.Chain); !ok || c.To != s.Origin() || s.Root != root.Chain {
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
	_, child, err := readChain(t, asked.ID) // there is one where it was taken back before its request came again
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return t.PutRow(o.childRow(root, asked, child, pl))
}

// putCopy brings the copy of another office's chain up to date, or one of this office's own that it has lost a part of. A fork is kept as
// evidence and logged; it is not repaired.
func (o *Office) putCopy(t *store.Tx, chain []dossier.Signed) error {
	put := t.PutCopy
	if chain[len(chain)-1].Event.Office == string(o.Code) {
		put = t.Regain
	}
	done, err := put(chain[0].Event.Chain, chain)
	if done.Forked {
		o.Log.Error("fork: two versions of one chain", "chain", chain[0].Event.Chain.Short(), "office", chain[0].Event.Office)
	}
	return err
}

// takeReport takes note of a child chain that has ended.
func (o *Office) takeReport(ctx context.Context, from string, b reportContent) (change, error) {
	kid, child, err := o.verified(b.Child)
	if err != nil {
		return change{}, err
	}
	if child.Office != from || !child.IsChild {
		return change{}, refuse("the report is another office's", nil)
	}
	h, err := o.load("take report", child.Root)
	if directory.CodeOf(err) == directory.NotFound {
		return change{}, o.notHere()
	}
	if err != nil {
		return change{}, err
	}
	asked, ok := childOf(h.state, child.Chain)
	if !ok {
		return change{}, o.unasked("this office has not asked for it")
	}
	if asked.Noted && asked.Head == child.Head {
		return change{chain: h.state.Chain, files: attachments(kid)}, nil // another parcel brought it before
	}
	if !h.state.Holds(string(o.Code)) {
		return change{}, &unwelcome{why: replication.HandedOver, note: h.state.Answers()}
	}
	return o.noteReport(ctx, h, asked, kid, child, b.Looks)
}

func (o *Office) noteReport(ctx context.Context, h held, asked dossier.Child, kid []dossier.Signed, child dossier.State, looks []store.Look) (change, error) {
	e, err := dossier.Note(h.state, child, h.plan, o.system())
	if rule, ok := errors.AsType[*dossier.Rule](err); ok {
		u := &unwelcome{why: replication.Unwelcome, note: "the report does not answer the request: " + rule.Error()}
		if asked.Noted { // a second end of a chain that has been noted: both are kept
			u.evidence = func(t *store.Tx) error { return o.putCopy(t, kid) }
		}
		return change{}, u
	}
	if err != nil {
		return change{}, err
	}
	signed, next, err := o.sign(h.state, e)
	if err != nil {
		return change{}, err
	}
	sends, err := o.statusChange(ctx, h.state, next, h.plan, append(h.chain[:len(h.chain):len(h.chain)], signed))
	if err != nil {
		return change{}, err
	}
	c := change{
		chain: next.Chain, expect: h.state.Head, events: []dossier.Signed{signed}, files: attachments(kid),
		rows: []store.Row{o.rootRow(next, h.plan)}, tracks: []directory.Track{o.trackOf(next, h.plan)}, sends: sends,
		extra: func(t *store.Tx) error {
			if err := o.putCopy(t, kid); err != nil {
				return err
			}
			return o.putLooks(t, next.Chain, looks, append(child.Former[:len(child.Former):len(child.Former)], child.Office)...)
		},
	}
	return c, nil
}

// takeStatus takes in what became of a submission that was handed in here.
func (o *Office) takeStatus(from string, b statusContent) (change, error) {
	chain, root, err := o.verified(b.Chain)
	if err != nil {
		return change{}, err
	}
	if len(chain) != len(proving(chain)) || root.Office != from || root.IsChild || root.Submission.Portal != string(o.Code) {
		return change{}, refuse("the status is of another office or for another portal", nil)
	}
	if err := o.validStatus(root, b.Track); err != nil {
		return change{}, err
	}
	return change{chain: root.Chain, extra: func(t *store.Tx) error { return o.storeStatus(t, root, chain, b.Track) }}, nil
}

// statusAhead is how far the clock of an office may be ahead before its word waits until that time has come: taken at once, it
// would outlast every later word.
const statusAhead = 24 * time.Hour

// rootStatus tells whether this version knows a status of a chain that has begun.
func rootStatus(s string) bool {
	switch dossier.Status(s) {
	case dossier.StatusAccepted, dossier.StatusProcessing, dossier.StatusWaiting, dossier.StatusDecided, dossier.StatusDone,
		dossier.StatusReturned, dossier.StatusRefused:
		return true
	}
	return false
}

// validStatus checks that a track is of the chain it came with, and of a form that lists can show.
func (o *Office) validStatus(root dossier.State, tr directory.Track) error {
	code := root.Code
	if code == "" {
		code = root.Submission.Code
	}
	switch {
	case tr.Code != code || string(tr.Root) != root.Office || tr.Holder.Validate() != nil || tr.Due < 0 || tr.AsOf < root.Begun:
		return refuse("the status does not fit its dossier", nil)
	case !rootStatus(tr.State):
		return fmt.Errorf("status %.40q is not known to this version: %w", tr.State, wire.ErrNewer)
	case tr.AsOf > o.Now().Add(statusAhead).UnixMilli():
		return fmt.Errorf("the status is dated a day ahead: the clock of office %s or of this one is wrong", root.Office)
	}
	return nil
}

func (o *Office) storeStatus(t *store.Tx, root dossier.State, chain []dossier.Signed, tr directory.Track) error {
	row, err := t.Row(root.Chain)
	if errors.Is(err, store.ErrNotFound) {
		// The submission was committed here before it was sent, and lost since: it is in the chain, signed by this office.
		row, err = o.submissionRow(root.Chain, root.Submission), nil
	}
	if err != nil {
		return err
	}
	if err := o.putCopy(t, chain); err != nil {
		return err
	}
	if row.Kind == store.RowRoot && row.Updated >= tr.AsOf {
		return nil // an older word than what is known
	}
	row.Kind, row.Code, row.Root, row.Bucket = store.RowRoot, root.Code, root.Office, ""
	row.Status, row.Holder, row.Due, row.Updated = tr.State, string(tr.Holder), tr.Due, tr.AsOf
	row.Accepted = root.Begun
	return t.PutRow(row)
}
