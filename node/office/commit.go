package office

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/spool"
)

// parcelLife is after which a person is asked what to do with a parcel that has not arrived. It is still delivered.
const parcelLife = 30 * 24 * time.Hour

// outgoing is a packed parcel on its way into the outbox.
type outgoing struct {
	parcel replication.Parcel
	about  digest.Digest
	kind   contentKind
	key    digest.Digest // what the parcel is looked up by later; about, unless set
}

// change is everything one act writes, in one transaction.
type change struct {
	token, answer string // of the act; "" for an act that cannot be repeated
	chain         digest.Digest
	expect        digest.Digest // head of the chain
	events        []dossier.Signed
	rows          []store.Row
	sends         []outgoing
	tracks        []directory.Track
	files         []dossier.Attachment // to be kept for the chain
	extra         func(*store.Tx) error
	reports       bool                // extra queues a track
	outcome       replication.Outcome // of the receipt, where it is another than delivered
}

// commit stores a change and returns its answer, or the answer given before to the same token. The parcels of a change
// that did not happen are dropped.
func (o *Office) commit(ctx context.Context, c change) (string, error) {
	if len(c.events) > 0 {
		o.awaitRegained(ctx)
	}
	return o.commitNow(ctx, c)
}

func (o *Office) commitNow(ctx context.Context, c change) (string, error) {
	answer, repeated := c.answer, false
	err := o.Store.Update(ctx, func(t *store.Tx) error {
		if c.token != "" {
			old, given, err := t.Once(c.token)
			if err != nil || given {
				answer, repeated = old, given
				return err
			}
		}
		return c.write(t)
	})
	// A crash after this commit leaves the parcels in the outbox, where the courier finds them when it starts.
	if (err != nil || repeated) && !errors.Is(err, store.ErrUnsure) {
		o.drop(c.sends)
	}
	if errors.Is(err, store.ErrHeadMoved) {
		return "", directory.Errorf("append", directory.Conflict, "somebody else has acted on the dossier meanwhile; reload it and look again")
	}
	if err != nil {
		return "", err
	}
	o.announce(c, repeated)
	return answer, nil
}

func (c change) write(t *store.Tx) error {
	if len(c.events) > 0 {
		if err := t.Append(c.chain, c.expect, c.events); err != nil {
			return err
		}
	}
	for _, r := range c.rows {
		if err := t.PutRow(r); err != nil {
			return err
		}
	}
	for _, s := range c.sends {
		if err := t.PutOutgoing(s.parcel, s.about, s.kind.String()); err != nil {
			return err
		}
		if err := t.Set(sentName(s.kind, s.key), id(s.parcel)); err != nil {
			return err
		}
	}
	for _, tr := range c.tracks {
		if err := t.QueueTrack(tr); err != nil {
			return err
		}
	}
	for _, a := range c.files {
		if err := t.HoldBlob(a.Blob, ownerOf(c.chain)); err != nil {
			return err
		}
	}
	if c.extra != nil {
		if err := c.extra(t); err != nil {
			return err
		}
	}
	if c.token == "" {
		return nil
	}
	return t.SetOnce(c.token, c.answer)
}

func id(p replication.Parcel) []byte {
	d := p.ID()
	return d[:]
}

// announce wakes whoever carries on what was committed.
func (o *Office) announce(c change, repeated bool) {
	if repeated {
		return
	}
	for _, s := range c.sends {
		o.Wake(s.parcel.Manifest.To)
	}
	if len(c.tracks) > 0 || c.reports {
		o.poke()
	}
}

// poke has Background look for work.
func (o *Office) poke() {
	select {
	case o.report <- struct{}{}:
	default:
	}
}

func (o *Office) drop(sends []outgoing) {
	for _, s := range sends {
		if err := o.Spool.Drop(s.parcel.ID()); err != nil {
			o.Log.Warn("parcel not dropped", "parcel", s.parcel.ID().Short(), "err", err)
		}
	}
}

// pack makes a parcel for another office, with sealed files. A crash after it leaves an orphan in the spool that a sweep
// removes.
func (o *Office) pack(ctx context.Context, to string, about digest.Digest, k contentKind, body any, files []dossier.Attachment) (outgoing, error) {
	b, err := encodeContent(k, body)
	if err != nil {
		return outgoing{}, err
	}
	peer, err := o.Directory.Resolve(replication.Name(to))
	if err != nil || peer.Keys == nil {
		return outgoing{}, directory.Errorf("send "+k.String(), directory.NotFound,
			"office %s has no enrolled node in edition %d, so nothing can be sealed to it; ask the province", to, o.Directory.Number())
	}
	now := o.Now()
	d := spool.Draft{From: o.self(), To: peer.Name, Created: now, Expires: now.Add(parcelLife), Edition: o.Directory.Number()}
	p, err := o.Spool.Pack(d, o.key(), peer.Keys.Seal, b, o.sealed(ctx, files))
	if err != nil {
		return outgoing{}, fmt.Errorf("send %s: %w", k, err)
	}
	return outgoing{parcel: p, about: about, kind: k, key: about}, nil
}

// sentName names the last parcel of a kind about something.
func sentName(k contentKind, key digest.Digest) string {
	return "sent/" + k.String() + "/" + key.String()
}

// sentFor is the state of the last parcel of a kind about something, false if none was sent.
func sentFor(t *store.Tx, k contentKind, key digest.Digest) (store.Outgoing, bool) {
	id, ok, err := t.Get(sentName(k, key))
	if err != nil || !ok || len(id) != digest.Size {
		return store.Outgoing{}, false
	}
	out, err := t.Outgoing(digest.Digest(id))
	return out, err == nil
}

// sealed are the ciphertexts of attachments.
func (o *Office) sealed(ctx context.Context, as []dossier.Attachment) (out []replication.File) {
	for _, a := range as {
		out = append(out, replication.File{Digest: a.Blob, Size: a.Sealed, Open: func() (io.ReadCloser, error) {
			return o.Blobs.Raw(ctx, a.Blob)
		}})
	}
	return out
}

// statusChange tells the portal of a dossier that has come to its result, or been returned; it hears of nothing in between.
func (o *Office) statusChange(ctx context.Context, before, next dossier.State, pl dossier.Plan, chain []dossier.Signed) ([]outgoing, error) {
	now := pl.StatusIn(next)
	if now == pl.StatusIn(before) || now != dossier.StatusDone && now != dossier.StatusReturned {
		return nil, nil
	}
	return o.statusParcel(ctx, next, pl, chain)
}

// statusParcel tells the portal where a submission was handed in what became of it; nothing where that is this office.
func (o *Office) statusParcel(ctx context.Context, s dossier.State, pl dossier.Plan, chain []dossier.Signed) ([]outgoing, error) {
	portal := s.Submission.Portal
	if portal == string(o.Code) {
		return nil, nil
	}
	if p, err := o.Directory.Resolve(replication.Name(portal)); err != nil || !p.Revoked.IsZero() {
		return nil, nil // the portal is no more: the directory answers its citizens
	}
	tr := o.trackOf(s, pl)
	tr.Checks = nil
	out, err := o.pack(ctx, portal, s.Chain, kindStatus, statusContent{Chain: records(proving(chain)), Track: tr}, nil)
	if err != nil {
		return nil, err
	}
	return []outgoing{out}, nil
}

// proving is the part of a root chain that shows which office answers for it.
func proving(chain []dossier.Signed) []dossier.Signed {
	for i := len(chain) - 1; i > 0; i-- {
		if chain[i].Event.Kind == dossier.KindTaken {
			return chain[:i+1]
		}
	}
	return chain[:1]
}

// requestParcel carries a root chain, with what earlier children answered, to the office it asks.
func (o *Office) requestParcel(ctx context.Context, root dossier.State, asked dossier.Child, chain []dossier.Signed) (outgoing, error) {
	body := requestContent{Root: records(chain), Child: asked.ID}
	all := [][]dossier.Signed{chain}
	err := o.Store.View(func(t *store.Tx) error {
		kids, err := children(t, root)
		for _, k := range root.Children {
			if kid, ok := kids[k.ID]; ok {
				body.Chains = append(body.Chains, records(kid))
				all = append(all, kid)
			}
		}
		return err
	})
	if err != nil {
		return outgoing{}, err
	}
	out, err := o.pack(ctx, asked.To, root.Chain, kindRequest, body, attachments(all...))
	out.key = asked.ID
	return out, err
}

// reportParcel carries a child chain that has ended to its root office, with the looks at the dossier here.
func (o *Office) reportParcel(ctx context.Context, child dossier.State, chain []dossier.Signed) (outgoing, error) {
	_, root, err := o.chainHere(child.Root)
	if err != nil {
		return outgoing{}, err
	}
	return o.reportParcelTo(ctx, child, chain, o.addressee(root.Answers()))
}

func (o *Office) reportParcelTo(ctx context.Context, child dossier.State, chain []dossier.Signed, to string) (outgoing, error) {
	body := reportContent{Child: records(chain)}
	err := o.Store.View(func(t *store.Tx) (err error) {
		body.Looks, err = o.looksHere(t, child.Root, child.Former...)
		return err
	})
	if err != nil {
		return outgoing{}, err
	}
	return o.pack(ctx, to, child.Chain, kindReport, body, attachments(chain))
}
