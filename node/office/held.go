package office

import (
	"context"
	"errors"
	"io"
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// What this office tells another that asks after a start whether it has lost anything: see regain.go. It tells of that office's own
// acts and of what was sent to it, and nothing of others.

// Kept is a chain of the office that asks, as far as it is kept here. Length 0 is a submission handed in at its portal.
type Kept struct {
	Chain  digest.Digest `cbor:"1,keyasint"`
	Length uint64        `cbor:"2,keyasint,omitempty"` // number of events
	Head   digest.Digest `cbor:"3,keyasint,omitzero"`  // of the last event
}

// Holding is a page of what is kept of the office that asks, last changed first.
type Holding struct {
	Chains  []Kept          `cbor:"1,keyasint,omitempty"`
	Parcels []digest.Digest `cbor:"2,keyasint,omitempty"` // that it has taken, as its receipts say
	Next    string          `cbor:"3,keyasint,omitempty"` // where the list goes on; "" at its end
}

// The bounds of an answer.
const (
	heldRows  = 200       // rows of a page
	heldBytes = 256 << 10 // of a chain's records in one answer, one more than these at most
	maxAnew   = 2 * heldRows
)

func (o *Office) serveHeld(ctx context.Context, from replication.Name, q Question) (a Answer, r io.ReadCloser, err error) {
	switch q.Kind {
	case AskHeld:
		a.Holding, err = o.holding(string(from), q)
	case AskChain:
		err = o.Store.View(func(t *store.Tx) error { return heldChain(t, string(from), q, &a) })
	case AskSealed:
		a.File, r, err = o.heldFile(ctx, string(from), q)
	default:
		err = o.sendAnew(ctx, string(from), q.Parcels)
	}
	return a, r, missing("ask", err)
}

// holding lists what changed since a time.
func (o *Office) holding(from string, q Question) (*Holding, error) {
	h, seen := &Holding{}, map[digest.Digest]bool{}
	err := o.Store.View(func(t *store.Tx) error {
		rows, next, err := t.Newest(store.Cursor(q.After), heldRows)
		h.Next = string(next)
		for _, row := range rows {
			if err != nil || row.Updated < q.Since {
				h.Next = ""
				break
			}
			root := row.Chain
			if row.Kind == store.RowChild {
				root = row.Parent
				err = errors.Join(h.sent(t, from, kindReport, row.Chain), h.sent(t, from, kindHandOver, row.Chain))
			}
			if err == nil && !seen[root] {
				seen[root] = true
				err = h.tree(t, from, root)
			}
		}
		return err
	})
	return h, err
}

// tree lists what is kept of an office in a dossier, and what it was sent about it.
func (h *Holding) tree(t *store.Tx, from string, root digest.Digest) error {
	for _, k := range []contentKind{kindSubmission, kindStatus, kindHandOver} {
		if err := h.sent(t, from, k, root); err != nil {
			return err
		}
	}
	if s, err := submissionOf(t, root); err == nil && s.Portal == from {
		h.Chains = append(h.Chains, Kept{Chain: root})
	}
	chain, s, err := readChain(t, root)
	if errors.Is(err, store.ErrNotFound) {
		return nil // a submission
	}
	if err != nil {
		return err
	}
	h.keeps(chain, from)
	for _, c := range s.Children {
		if err := h.child(t, from, c); err != nil {
			return err
		}
	}
	return nil
}

func (h *Holding) child(t *store.Tx, from string, c dossier.Child) error {
	chain, _, err := readChain(t, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	h.keeps(chain, from)
	return h.sent(t, from, kindRequest, c.ID)
}

// keeps adds an office's part of a chain, if it has one.
func (h *Holding) keeps(chain []dossier.Signed, office string) {
	if part := partOf(chain, office); len(part) > 0 {
		h.Chains = append(h.Chains, Kept{part[0].Event.Chain, uint64(len(part)), part[len(part)-1].ID()})
	}
}

// sent adds the last parcel of a kind about something, if it was sent to an office and taken there.
func (h *Holding) sent(t *store.Tx, to string, k contentKind, key digest.Digest) error {
	b, ok, err := t.Get(sentName(k, key))
	if err != nil || !ok || len(b) != digest.Size {
		return err
	}
	out, err := t.Outgoing(digest.Digest(b))
	if err == nil && string(out.To) == to && taken(out) {
		h.Parcels = append(h.Parcels, digest.Digest(b))
	}
	return err
}

// taken tells whether the recipient of a parcel has acknowledged it.
func taken(out store.Outgoing) bool { return out.Outcome != 0 && out.Outcome != replication.Refused }

// partOf is a chain up to the last event of an office, and the taking that ended its part: what others did with it then is theirs.
func partOf(chain []dossier.Signed, office string) []dossier.Signed {
	for i, e := range slices.Backward(chain) {
		switch {
		case e.Event.Office != office:
		case i+1 < len(chain) && chain[i+1].Event.Kind == dossier.KindTaken:
			return chain[:i+2]
		default:
			return chain[:i+1]
		}
	}
	return nil
}

// wrote tells whether an office has written in a chain.
func wrote(chain []dossier.Signed, office string) bool {
	return slices.ContainsFunc(chain, func(e dossier.Signed) bool { return e.Event.Office == office })
}

func submissionOf(t *store.Tx, id digest.Digest) (dossier.Submission, error) {
	r, err := t.Submission(id)
	if err != nil {
		return dossier.Submission{}, err
	}
	return dossier.ReadSubmission(r)
}

// heldChain answers with the records of a chain from an event on, as many as fit, or with a submission.
func heldChain(t *store.Tx, from string, q Question, a *Answer) error {
	if s, err := submissionOf(t, q.Chain); err == nil && s.Portal == from {
		r, err := t.Submission(q.Chain)
		a.Submission = &r
		if err != nil {
			return err
		}
	}
	chain, _, err := readChain(t, q.Chain)
	if errors.Is(err, store.ErrNotFound) && a.Submission != nil {
		return nil
	}
	if err != nil {
		return err
	}
	chain = partOf(chain, from)
	bytes := 0
	for _, r := range records(chain)[min(q.Seq, uint64(len(chain))):] {
		if bytes > heldBytes {
			break
		}
		a.Chain = append(a.Chain, r)
		bytes += len(r.Body) + len(r.Signature)
	}
	return nil
}

// heldFile answers with the ciphertext of a paper or result that a chain of the asking office names.
func (o *Office) heldFile(ctx context.Context, from string, q Question) (head *FileHead, r io.ReadCloser, err error) {
	var files []dossier.Attachment
	err = o.Store.View(func(t *store.Tx) error {
		if s, err := submissionOf(t, q.Chain); err == nil && s.Portal == from {
			files = s.Attachments
		}
		chain, _, err := readChain(t, q.Chain)
		if err == nil {
			files = append(files, attachments(partOf(chain, from))...)
		}
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	i := slices.IndexFunc(files, func(a dossier.Attachment) bool { return a.Blob == q.Blob })
	if err == nil && i < 0 {
		err = directory.Errorf("ask", directory.NotFound, "no such file in a chain of office %s", from)
	}
	if err != nil {
		return nil, nil, err
	}
	if r, err = o.Blobs.Raw(ctx, q.Blob); err != nil {
		return nil, nil, err
	}
	return &FileHead{Size: files[i].Sealed}, r, nil
}

// sendAnew sends what parcels carried that an office had taken and has lost since. Asked again, it sends nothing more.
func (o *Office) sendAnew(ctx context.Context, to string, parcels []digest.Digest) error {
	if len(parcels) > maxAnew {
		return directory.Errorf("send anew", directory.Invalid, "%d parcels, at most %d at once", len(parcels), maxAnew)
	}
	for _, id := range parcels {
		var w store.Waiting
		err := o.Store.View(func(t *store.Tx) (err error) { w.ID = id; w.Outgoing, err = t.Outgoing(id); return err })
		if errors.Is(err, store.ErrNotFound) || err == nil && (string(w.To) != to || !taken(w.Outgoing)) {
			continue
		}
		if err == nil {
			err = o.sendOneAnew(ctx, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Office) sendOneAnew(ctx context.Context, w store.Waiting) error {
	token := once("anew", w.ID.String())
	_, err := o.onlyOnce(token, func() (string, error) {
		out, err := o.packAnew(ctx, w)
		if err != nil {
			return "", err
		}
		o.Log.Info("parcel sent anew: its recipient has lost it", "parcel", w.ID.Short(), "anew", out.parcel.ID().Short(), "to", w.To)
		return o.commit(ctx, change{token: token, sends: []outgoing{out}})
	})
	if directory.CodeOf(err) == directory.NotFound {
		return nil // what it carried is of no use any more
	}
	return err
}
