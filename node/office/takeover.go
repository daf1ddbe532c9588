package office

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// The other side of a hand-over: what arrives is taken at once, so that the chain has a writer again, and what goes to an office that
// has handed its chain over finds the way.

// handedOver is a chain that came, verified, with the rest of its dossier.
type handedOver struct {
	chain  []dossier.Signed
	state  dossier.State
	root   dossier.State      // state, if it is a root chain
	copies [][]dossier.Signed // of the other chains, the root's first
}

// takeHandOver takes a chain over. Whatever the directory does not say yet is no verdict: refused, the chain would have no writer.
func (o *Office) takeHandOver(ctx context.Context, from string, b handOverContent) (change, error) {
	in, err := o.readHandOver(b)
	if err != nil {
		return change{}, err
	}
	if in.state.Office != from || in.state.Successor != string(o.Code) {
		return change{}, refuse("the chain is another office's, or handed over to another", nil)
	}
	if f, known := o.Directory.Office(directory.OfficeCode(from)); !known || f.Valid.To == "" || o.today() <= f.Valid.To || !o.tookOver(f, o.Code) {
		return change{}, fmt.Errorf("edition %d does not say that office %s has closed and this one takes over from it", o.Directory.Number(), from)
	}
	switch done, err := o.hasTaken(in); {
	case err != nil:
		return change{}, err
	case done:
		return change{chain: in.state.Chain, outcome: replication.TakenOver}, nil
	}
	return o.takeOver(ctx, from, in, b.Looks)
}

// readHandOver verifies what came and that it is of one dossier.
func (o *Office) readHandOver(b handOverContent) (in handedOver, err error) {
	if in.chain, in.state, err = o.verified(b.Chain); err != nil {
		return in, err
	}
	in.root = in.state
	if len(b.Chains) > maxChains || in.state.IsChild == (len(b.Root) == 0) {
		return in, refuse("the chain does not come with its dossier", nil)
	}
	if in.state.IsChild {
		var root []dossier.Signed
		if root, in.root, err = o.verified(b.Root); err != nil {
			return in, err
		}
		if !belongs(in.root, in.state) {
			return in, refuse("the chain belongs to another dossier", nil)
		}
		in.copies = append(in.copies, root)
	}
	for _, rs := range b.Chains {
		kid, s, err := o.verified(rs)
		if err != nil {
			return in, err
		}
		if !belongs(in.root, s) {
			return in, refuse("a chain in the parcel belongs to another dossier", nil)
		}
		in.copies = append(in.copies, kid)
	}
	return in, nil
}

// belongs tells whether a chain is that of a child which a root chain asked for.
func belongs(root, child dossier.State) bool {
	c, ok := childOf(root, child.Chain)
	return ok && !root.IsChild && c.To == child.Origin() && child.Root == root.Chain
}

// hasTaken tells whether this office has taken the chain already. What contradicts the copy here is evidence.
func (o *Office) hasTaken(in handedOver) (done bool, err error) {
	var have []dossier.Signed
	err = o.Store.View(func(t *store.Tx) (err error) { have, _, err = readChain(t, in.state.Chain); return err })
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	for i := range min(len(have), len(in.chain)) {
		if err == nil && have[i].ID() != in.chain[i].ID() {
			return false, &unwelcome{
				why: replication.Unwelcome, note: "the chain contradicts the copy of it here",
				evidence: func(t *store.Tx) error { return o.putCopy(t, in.chain) },
			}
		}
	}
	return len(have) > len(in.chain), err
}

// takeOver goes on with a chain: the copies, the event that takes it, and what follows are one commit.
func (o *Office) takeOver(ctx context.Context, from string, in handedOver, looks []store.Look) (change, error) {
	e, err := dossier.Take(in.state, o.system())
	if err != nil {
		return change{}, refuse("the chain is not for this office", err)
	}
	signed, next, err := o.sign(in.state, e)
	if err != nil {
		return change{}, err
	}
	if !next.IsChild {
		in.root = next
	}
	pl, err := o.planOf(in.root)
	if err != nil {
		return change{}, err // not in our edition yet
	}
	c := change{chain: next.Chain, files: attachments(append(in.copies, in.chain)...), outcome: replication.TakenOver}
	if !next.IsChild {
		c.tracks = []directory.Track{o.trackOf(next, pl)}
		if c.sends, err = o.statusParcel(ctx, next, pl, append(in.chain[:len(in.chain):len(in.chain)], signed)); err != nil {
			return change{}, err
		}
	}
	c.extra = func(t *store.Tx) error { return o.storeTaken(t, in, signed, next, pl, from, looks) }
	return c, nil
}

func (o *Office) storeTaken(t *store.Tx, in handedOver, taken dossier.Signed, next dossier.State, pl dossier.Plan, from string, looks []store.Look) error {
	done, err := t.PutCopy(next.Chain, in.chain)
	if err == nil && done.Forked {
		err = store.ErrHeadMoved // since it was judged: it is judged again
	}
	if err == nil {
		err = t.Append(next.Chain, in.state.Head, []dossier.Signed{taken})
	}
	for _, c := range in.copies {
		if err == nil {
			err = o.putCopy(t, c)
		}
	}
	if err != nil {
		return err
	}
	if !next.IsChild {
		return errors.Join(t.PutRow(o.rootRow(next, pl)), o.putLooks(t, next.Chain, looks))
	}
	_, root, err := readChain(t, next.Root)
	if err == nil {
		pl, err = o.planOf(root)
	}
	if err != nil {
		return err
	}
	asked, _ := childOf(root, next.Chain)
	writers := append(next.Former[:len(next.Former):len(next.Former)], from)
	return errors.Join(t.PutRow(o.rootRow(root, pl)), t.PutRow(o.childRow(root, asked, next, pl.Asked(next))), o.putLooks(t, next.Root, looks, writers...))
}

// TookOver tells whether this office has taken over from another, or is to.
func (o *Office) TookOver() bool {
	f, _ := o.Directory.Office(o.Code)
	return slices.ContainsFunc(f.Acts, func(a directory.OfficeAct) bool { return a.Kind == directory.ActAbsorb })
}

// notHere answers a report on a dossier that is not here: it waits where one may still be handed over to this office.
func (o *Office) notHere() error {
	if o.TookOver() {
		return errors.New("no such dossier here, but it may yet be handed over by an office that has closed")
	}
	return o.unasked("no such dossier here")
}

// noteHere takes note of a child that was done at this office too, as both chains were handed over to it.
func (o *Office) noteHere(ctx context.Context, c *change, child dossier.State) error {
	h, err := o.load("note", child.Root)
	if err != nil {
		return err
	}
	e, err := dossier.Note(h.state, child, h.plan, o.system())
	if err != nil {
		return err
	}
	signed, next, err := o.sign(h.state, e)
	if err != nil {
		return err
	}
	c.sends, err = o.statusChange(ctx, h.state, next, h.plan, append(h.chain[:len(h.chain):len(h.chain)], signed))
	c.rows, c.tracks = append(c.rows, o.rootRow(next, h.plan)), append(c.tracks, o.trackOf(next, h.plan))
	c.extra = func(t *store.Tx) error { return t.Append(next.Chain, h.state.Head, []dossier.Signed{signed}) }
	return err
}

// sendOn sends a report that an office has refused because its chain is another's by now to that one: the refusal settles the
// parcel, and the new one is in the outbox, in one commit. It is false for what is no report or names no office. While the
// edition here says nothing of that other office's taking over, the report waits: nobody could send it again later.
func (o *Office) sendOn(ctx context.Context, p replication.Parcel, settle func(*store.Tx) (bool, error), to string) (bool, error) {
	var out store.Outgoing
	err := o.Store.View(func(t *store.Tx) (err error) { out, err = t.Outgoing(p.ID()); return err })
	f, _ := o.Directory.Office(directory.OfficeCode(out.To))
	if err == nil && !out.Waits() {
		return true, nil
	}
	if err != nil || out.Kind != kindReport.String() || directory.OfficeCode(to).Validate() != nil {
		return false, err
	}
	if !o.tookOver(f, directory.OfficeCode(to)) {
		return false, fmt.Errorf("office %s says that %s has the dossier now, and edition %d does not say that it took over: the report waits for an edition that does", out.To, to, o.Directory.Number())
	}
	c, err := o.reportTo(ctx, out.About, to)
	if err != nil {
		return false, err
	}
	again := c.extra
	c.extra = func(t *store.Tx) error {
		settled, err := settle(t)
		if err == nil && !settled {
			err = errSettled
		}
		if err != nil || again == nil {
			return err
		}
		return again(t)
	}
	if _, err = o.commit(ctx, c); errors.Is(err, errSettled) {
		err = nil
	}
	return true, err
}

// errSettled keeps a parcel from being sent on twice.
var errSettled = errors.New("the parcel was settled meanwhile")

// reportTo is the report of a child chain to an office that has its root chain, which may be this one.
func (o *Office) reportTo(ctx context.Context, chain digest.Digest, to string) (c change, err error) {
	h, err := o.load("report", chain)
	if err != nil {
		return c, err
	}
	if to == string(o.Code) {
		if _, root, errRoot := o.chainHere(h.state.Root); errRoot != nil || !root.Holds(to) {
			return c, errors.Join(errRoot, directory.Errorf("report", directory.Conflict, "the dossier is still on its way here"))
		}
		err = o.noteHere(ctx, &c, h.state)
		return c, err
	}
	out, err := o.reportParcelTo(ctx, h.state, h.chain, to)
	c.sends = []outgoing{out}
	return c, err
}

func (o *Office) chainHere(id digest.Digest) (chain []dossier.Signed, s dossier.State, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { chain, s, err = readChain(t, id); return err })
	return chain, s, err
}
