package office

import (
	"context"
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// A parcel that is signed by keys which are no longer trusted, or sealed to keys which its recipient has no longer, never arrives:
// one of the two machines was lost, and another is in its place. Then what it carries is packed anew under the keys of now. Should
// the old one have arrived after all, the new one changes nothing: what it tells is known.

// repack packs such parcels anew.
func (o *Office) repack(ctx context.Context) {
	var waiting []store.Waiting
	err := o.Store.View(func(t *store.Tx) (err error) { waiting, err = t.WaitingFor("", maxSendings); return err })
	for _, w := range waiting {
		if err == nil && ctx.Err() == nil {
			err = o.repackOne(ctx, w)
		}
	}
	if err != nil && ctx.Err() == nil {
		o.Log.Error("parcels not packed anew", "err", err)
	}
}

func (o *Office) repackOne(ctx context.Context, w store.Waiting) error {
	var old replication.Parcel
	err := o.Store.View(func(t *store.Tx) (err error) { old, err = t.Parcel(w.ID); return err })
	if err != nil {
		return err
	}
	to := o.nowTo(ctx, w)
	if to == string(w.To) && !o.stranded(old) {
		return nil
	}
	if to == string(o.Code) && w.Kind == kindReport.String() {
		_, err := o.sendOn(ctx, old, func(t *store.Tx) (bool, error) { return true, t.Supersede(w.ID, w.ID) }, string(o.Code))
		if directory.CodeOf(err) == directory.Conflict {
			return nil // its dossier is still on its way here
		}
		return err
	}
	out, err := o.packAnew(ctx, w)
	if directory.CodeOf(err) == directory.NotFound {
		return nil // its recipient has no node now, or what it carried is known to be known
	}
	if err != nil {
		return fmt.Errorf("parcel %s: %w", w.ID.Short(), err)
	}
	o.Log.Info("parcel packed anew", "parcel", w.ID.Short(), "anew", out.parcel.ID().Short(), "to", w.To)
	_, err = o.commit(ctx, change{sends: []outgoing{out}, extra: func(t *store.Tx) error { return t.Supersede(w.ID, out.parcel.ID()) }})
	if err == nil {
		err = o.Spool.Drop(w.ID)
	}
	return err
}

// nowTo is whom a parcel that waits is for by now: a report may be for who took over from its addressee.
func (o *Office) nowTo(ctx context.Context, w store.Waiting) string {
	if w.Kind != kindReport.String() || !o.isGone(string(w.To)) {
		return string(w.To)
	}
	h, err := o.load("send again", w.About)
	if err != nil {
		return string(w.To)
	}
	return o.answersNow(ctx, h.root)
}

// stranded tells whether a parcel cannot arrive as it is, and might if it were packed anew: under our keys of now, or with what a
// newer edition says of the recipient's.
func (o *Office) stranded(p replication.Parcel) bool {
	ours := slices.ContainsFunc(o.Ring.All(), func(id *identity.Private) bool { return id.Sign.Public().ID() == p.Record.Signer })
	if !ours {
		return true
	}
	a, ok := o.Store.Attempt(p.ID())
	told := ok && (a.Reason == replication.Reason(replication.OtherKey) || a.Reason == replication.Reason(replication.SenderRevoked))
	return told && p.Manifest.Edition < o.Directory.Number()
}

// packAnew packs what a parcel carries, as it is now.
func (o *Office) packAnew(ctx context.Context, w store.Waiting) (outgoing, error) {
	if w.Kind == kindSubmission.String() {
		return o.submissionAnew(ctx, w)
	}
	h, err := o.load("send again", w.About)
	if err != nil {
		return outgoing{}, err
	}
	switch w.Kind {
	case kindHandOver.String():
		return o.handOverParcel(ctx, h.state, h.chain)
	case kindReport.String():
		return o.reportParcelTo(ctx, h.state, h.chain, o.answersNow(ctx, h.root))
	case kindStatus.String():
		outs, err := o.statusParcel(ctx, h.state, h.plan, h.chain)
		if err == nil && len(outs) == 0 {
			err = directory.Errorf("send again", directory.NotFound, "the portal is no more")
		}
		if err != nil {
			return outgoing{}, err
		}
		return outs[0], nil
	}
	asked, err := o.askedBy(h.state, w.ID)
	if err != nil {
		return outgoing{}, err
	}
	return o.requestParcel(ctx, h.state, asked, h.chain)
}

// askedBy is the request that a parcel carries.
func (o *Office) askedBy(root dossier.State, parcel digest.Digest) (asked dossier.Child, err error) {
	found := false
	err = o.Store.View(func(t *store.Tx) error {
		for _, c := range root.Children {
			id, ok, err := t.Get(sentName(kindRequest, c.ID))
			if err != nil {
				return err
			}
			if ok && string(id) == string(parcel[:]) {
				asked, found = c, true
			}
		}
		return nil
	})
	if err == nil && !found {
		err = directory.Errorf("send again", directory.NotFound, "parcel %s carries no request of the dossier", parcel.Short())
	}
	return asked, err
}

func (o *Office) submissionAnew(ctx context.Context, w store.Waiting) (outgoing, error) {
	var s dossier.Submission
	var body submissionContent
	err := o.Store.View(func(t *store.Tx) (err error) {
		if body.Submission, err = t.Submission(w.About); err == nil {
			s, err = dossier.ReadSubmission(body.Submission)
		}
		return err
	})
	if err != nil {
		return outgoing{}, missing("send again", err)
	}
	return o.pack(ctx, s.Office, w.About, kindSubmission, body, s.Attachments)
}
