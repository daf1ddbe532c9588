package office

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// An office that closes hands over what it has in progress to the one that takes its work over. An admin orders it once the
// office is closed; from then on the node does it by itself, also for what arrives later. Each chain goes by itself: the event that
// ends this office's part and the parcel for the successor are one commit, and until the successor's receipt the chain is under way
// and nobody writes it.

// Closure is what the directory says of the end of this office, and how far its hand-over has come.
type Closure struct {
	Closed   directory.Date // its last day
	Decision string
	Past     bool  // that day is over
	To       []Ref // who may take over
	Ordered  Ref   // who does, once an admin has said so; zero before
	// Left is what is in progress here, UnderWay what was handed over and is not acknowledged, Taken what is. Submissions must be
	// accepted or refused here: nobody else can.
	Left, Submissions, UnderWay, Taken int
	// Hindrance is why some of it could not be handed over when that was last tried, "" if nothing was in the way. It is for who
	// looks after the machine.
	Hindrance string
}

// order is an admin's word that everything in progress goes to an office, and what came of it and of single dossiers.
type order struct {
	To      directory.OfficeCode `cbor:"1,keyasint"`           // "" where only single dossiers were handed over
	Account directory.AccountID  `cbor:"2,keyasint,omitempty"` // none: the tools of this machine
	Name    string               `cbor:"3,keyasint,omitempty"`
	Sent    int                  `cbor:"4,keyasint,omitempty"` // chains handed over
	Taken   int                  `cbor:"5,keyasint,omitempty"` // of these, acknowledged
}

const orderName = "hand-over"

func readOrder(t *store.Tx) (v order, ok bool, err error) {
	b, ok, err := t.Get(orderName)
	if err == nil && ok {
		err = wire.Unmarshal(b, &v)
	}
	return v, ok, err
}

func putOrder(t *store.Tx, v order) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	return t.Set(orderName, b)
}

// count changes what came of the order.
func count(t *store.Tx, change func(*order)) error {
	v, _, err := readOrder(t)
	if err != nil {
		return err
	}
	change(&v)
	return putOrder(t, v)
}

// handedOn are the lists of what is handed over.
func handedOn() []Bucket {
	return []Bucket{BucketArrived, BucketWork, BucketWait, BucketReturn}
}

// Closure tells how the end of this office stands; false where the directory knows of none.
func (o *Office) Closure() (c Closure, closes bool, err error) {
	f, ok := o.Directory.Office(o.Code)
	if !ok || f.Valid.To == "" {
		return c, false, nil
	}
	c.Closed, c.Past, c.Decision = f.Valid.To, o.today() > f.Valid.To, closedBy(f)
	if why := o.hindered.Load(); why != nil {
		c.Hindrance = *why
	}
	for _, code := range o.heirs(f) {
		c.To = append(c.To, o.ref(string(code), max(o.today(), c.Closed.AddDays(1))))
	}
	err = o.Store.View(func(t *store.Tx) error {
		v, ordered, err := readOrder(t)
		if c.UnderWay, c.Taken = v.Sent-v.Taken, v.Taken; ordered && v.To != "" {
			c.Ordered = o.ref(string(v.To), o.today())
		}
		for _, b := range append(handedOn(), BucketNew) {
			n, errCount := t.Count(string(b), 0, forever, maxLeft)
			if err = errors.Join(err, errCount); b == BucketNew {
				c.Submissions = n
			} else {
				c.Left += n
			}
		}
		return err
	})
	return c, true, err
}

// maxLeft bounds what is counted in one list.
const maxLeft = 1 << 20

// closedBy is the decision by which an office closes.
func closedBy(f directory.Office) string {
	for _, a := range slices.Backward(f.Acts) {
		if a.Kind == directory.ActClose && a.Decision != "" {
			return a.Decision
		}
	}
	return "no decision in the directory"
}

// heirs are the offices that stand for one on the day after its last, or today.
func (o *Office) heirs(f directory.Office) []directory.OfficeCode {
	return directory.Standing(f.Code, max(o.today(), f.Valid.To.AddDays(1)), o.Directory.Office)
}

// tookOver tells whether an office has taken over from one that closes, be it closed itself by now: what was on its way to it is
// still its own, to be handed on.
func (o *Office) tookOver(f directory.Office, heir directory.OfficeCode) bool {
	on, seen := max(o.today(), f.Valid.To.AddDays(1)), map[directory.OfficeCode]bool{}
	for todo := []directory.Office{f}; len(todo) > 0; todo = todo[1:] {
		c := todo[0]
		if c.Valid.To == "" || c.Valid.To >= on || seen[c.Code] {
			continue
		}
		seen[c.Code] = true
		for _, code := range c.Successors {
			if code == heir {
				return true
			}
			next, _ := o.Directory.Office(code)
			todo = append(todo, next)
		}
	}
	return false
}

// closing is the closing of this office in favour of another, as the law of the dossier wants it; false while the directory does
// not say so.
func (o *Office) closing(to directory.OfficeCode) (dossier.Closing, bool) {
	f, ok := o.Directory.Office(o.Code)
	if !ok || f.Valid.To == "" || o.today() <= f.Valid.To || !slices.Contains(o.heirs(f), to) {
		return dossier.Closing{}, false
	}
	return dossier.Closing{Office: string(o.Code), To: string(to), Decision: closedBy(f), Closed: f.Valid.To}, true
}

// OrderHandOver has all that is in progress here handed over to an office, by an admin of this one. Background does it.
func (o *Office) OrderHandOver(ctx context.Context, actor directory.Account, to directory.OfficeCode) error {
	if err := o.admin("hand over", actor); err != nil {
		return err
	}
	return o.orderHandOver(ctx, order{To: to, Account: actor.ID, Name: actor.Name})
}

// OrderHandOverHere is OrderHandOver for the tools of this machine.
func (o *Office) OrderHandOverHere(ctx context.Context, to directory.OfficeCode) error {
	return o.orderHandOver(ctx, order{To: to})
}

// mayHandOver is the closing in favour of an office, or why nothing can be handed over to it.
func (o *Office) mayHandOver(to directory.OfficeCode) (dossier.Closing, error) {
	c, ok := o.closing(to)
	if !ok {
		return c, directory.Errorf("hand over", directory.Conflict,
			"edition %d of the directory does not say that office %s has closed and %s takes over from it: look at it with motcua office show", o.Directory.Number(), o.Code, to)
	}
	if p, err := o.Directory.Resolve(replication.Name(to)); err != nil || p.Keys == nil {
		return c, directory.Errorf("hand over", directory.NotFound, "office %s has no enrolled node in edition %d, so nothing can be sealed to it; ask the province", to, o.Directory.Number())
	}
	return c, nil
}

func (o *Office) orderHandOver(ctx context.Context, v order) error {
	if _, err := o.mayHandOver(v.To); err != nil {
		return err
	}
	err := o.Store.Update(ctx, func(t *store.Tx) error {
		old, _, err := readOrder(t)
		if err != nil {
			return err
		}
		v.Sent, v.Taken = old.Sent, old.Taken
		return putOrder(t, v)
	})
	if err != nil {
		return err
	}
	o.Log.Info("hand-over ordered", "to", v.To, "account", v.Account)
	o.goOnHandingOver()
	return nil
}

// goOnHandingOver has Background look for what is to be handed over.
func (o *Office) goOnHandingOver() {
	select {
	case o.handing <- struct{}{}:
	default:
	}
}

// handOverWindow is how many chains are under way at once: what they carry stands in the spool beside the files themselves, and
// nobody can act on them.
const handOverWindow = 500

func (o *Office) ordered() (v order, err error) {
	err = o.Store.View(func(t *store.Tx) (err error) { v, _, err = readOrder(t); return err })
	return v, err
}

// handOverAll hands over what the order says, as long as not too much is under way. What fails is tried again the next time, and
// does not hold up the rest.
func (o *Office) handOverAll(ctx context.Context) error {
	v, err := o.ordered()
	if err != nil || v.To == "" {
		return err
	}
	closing, ok := o.closing(v.To)
	if !ok {
		return nil
	}
	var fault error
	for _, b := range handedOn() {
		for from := store.Cursor(""); ctx.Err() == nil; {
			var rows []store.Row
			err := o.Store.View(func(t *store.Tx) (err error) { rows, from, err = t.ByBucket(string(b), from, maxPage); return err })
			for _, r := range rows {
				now, errNow := o.ordered()
				if errNow != nil || now.Sent-now.Taken >= o.window {
					return errors.Join(fault, err, errNow) // the next receipt goes on
				}
				err = errors.Join(err, o.handOverOne(ctx, v, closing, r))
			}
			if fault == nil {
				fault = err
			}
			if from == "" {
				break
			}
		}
	}
	return fault
}

// MaxHandedOver bounds the dossiers that are named to be handed over at once.
const MaxHandedOver = 500

// HandOver hands over what this office has of some dossiers, by their codes and by an admin: where several offices take over, each
// gets its own. Nothing is handed over where a code is not of a dossier in progress here.
func (o *Office) HandOver(ctx context.Context, actor directory.Account, to directory.OfficeCode, codes []string) error {
	if err := o.admin("hand over", actor); err != nil {
		return err
	}
	return o.handOverSome(ctx, order{To: to, Account: actor.ID, Name: actor.Name}, codes)
}

// HandOverHere is HandOver for the tools of this machine.
func (o *Office) HandOverHere(ctx context.Context, to directory.OfficeCode, codes []string) error {
	return o.handOverSome(ctx, order{To: to}, codes)
}

func (o *Office) handOverSome(ctx context.Context, v order, codes []string) error {
	closing, err := o.mayHandOver(v.To)
	if err != nil {
		return err
	}
	rows, err := o.handedOnBy(codes)
	for _, r := range rows {
		if err == nil {
			err = o.handOverOne(ctx, v, closing, r)
		}
	}
	return err
}

// handedOnBy are the rows in progress here of dossiers with these codes.
func (o *Office) handedOnBy(codes []string) (out []store.Row, err error) {
	if len(codes) > MaxHandedOver {
		return nil, directory.Errorf("hand over", directory.Invalid, "%d codes, at most %d at once", len(codes), MaxHandedOver)
	}
	err = o.Store.View(func(t *store.Tx) error {
		for _, typed := range codes {
			code, ok := dossier.NormalCode(typed)
			if !ok {
				return directory.Errorf("hand over", directory.Invalid, "%.40q is no dossier code", typed)
			}
			rows, err := searchCode(t, code, maxShared)
			if err != nil {
				return err
			}
			rows = slices.DeleteFunc(rows, func(r store.Row) bool { return !slices.Contains(handedOn(), Bucket(r.Bucket)) })
			if len(rows) == 0 {
				return directory.Errorf("hand over", directory.Invalid, "dossier %s is not in progress here", code)
			}
			out = append(out, rows...)
		}
		return nil
	})
	return out, err
}

// handOverOne hands one chain over. A crash before the commit leaves a parcel that a sweep removes; after it the courier finds the
// parcel in the outbox.
func (o *Office) handOverOne(ctx context.Context, v order, closing dossier.Closing, row store.Row) error {
	act := o.system()
	if v.Account != "" {
		act.Account, act.Name, act.Roles = v.Account, v.Name, []directory.Role{directory.Admin}
	}
	h, begun, err := o.begun(act, closing, row)
	if err != nil {
		return fmt.Errorf("hand over chain %s: %w", row.Chain.Short(), err)
	}
	e, err := dossier.HandOver(h.state, act, closing)
	if err != nil {
		return fmt.Errorf("hand over chain %s: %w", row.Chain.Short(), err)
	}
	signed, next, err := o.sign(h.state, e)
	if err != nil {
		return err
	}
	c := change{
		chain: next.Chain, events: append(begun, signed),
		extra: func(t *store.Tx) error { return count(t, func(v *order) { v.Sent++ }) },
	}
	if len(begun) == 0 {
		c.expect = h.state.Head
	}
	out, err := o.handOverParcel(ctx, next, append(h.chain[:len(h.chain):len(h.chain)], signed))
	if err != nil {
		return err
	}
	c.sends = []outgoing{out}
	if next.IsChild {
		asked, _ := childOf(h.root, next.Chain)
		c.rows = []store.Row{o.childRow(h.root, asked, next, h.plan)}
	} else {
		c.rows, c.tracks = []store.Row{o.rootRow(next, h.plan)}, []directory.Track{o.trackOf(next, h.plan)}
	}
	_, err = o.commit(ctx, c)
	return err
}

// begun is the chain of a row. That of a request which nobody has taken in hand is begun, to be handed over.
func (o *Office) begun(act dossier.Act, closing dossier.Closing, row store.Row) (h held, events []dossier.Signed, err error) {
	if Bucket(row.Bucket) != BucketArrived {
		h, err = o.load("hand over", row.Chain)
		return h, nil, err
	}
	h.row = row
	err = o.Store.View(func(t *store.Tx) (err error) { _, h.root, err = readChain(t, row.Parent); return err })
	if err != nil {
		return h, nil, missing("hand over", err)
	}
	if h.plan, err = o.planOf(h.root); err != nil {
		return h, nil, err
	}
	e, err := dossier.ReceiveForSuccessor(h.root, row.Chain, act, closing)
	if err != nil {
		return h, nil, err
	}
	signed, next, err := o.sign(dossier.State{}, e)
	h.state, h.chain = next, []dossier.Signed{signed}
	return h, h.chain, err
}

// handOverParcel carries a chain that is handed over, with the rest of its dossier, to the office that takes it over.
func (o *Office) handOverParcel(ctx context.Context, s dossier.State, chain []dossier.Signed) (outgoing, error) {
	body, all := handOverContent{Chain: records(chain)}, [][]dossier.Signed{chain}
	err := o.Store.View(func(t *store.Tx) (err error) {
		root := s
		if s.IsChild {
			var copied []dossier.Signed
			if copied, root, err = readChain(t, s.Root); err != nil {
				return err
			}
			body.Root, all = records(copied), append(all, copied)
			body.Looks, err = o.looksHere(t, s.Root, s.Former...)
		} else {
			body.Looks, err = t.Looks(s.Chain, maxCarried)
		}
		kids, errKids := children(t, root)
		for _, c := range root.Children {
			if kid, ok := kids[c.ID]; ok && c.ID != s.Chain {
				body.Chains, all = append(body.Chains, records(kid)), append(all, kid)
			}
		}
		return errors.Join(err, errKids)
	})
	if err != nil {
		return outgoing{}, err
	}
	return o.pack(ctx, s.Successor, s.Chain, kindHandOver, body, attachments(all...))
}

// addressee is whom to write to in the place of an office: itself, or who took it over once its machine is no more.
func (o *Office) addressee(office string) string {
	if !o.isGone(office) {
		return office
	}
	return string(o.standsFor(directory.OfficeCode(office)))
}

// isGone tells whether an office has closed and its machine is no more.
func (o *Office) isGone(office string) bool {
	p, err := o.Directory.Resolve(replication.Name(office))
	return (err != nil || !p.Revoked.IsZero()) && !o.isOpen(directory.OfficeCode(office))
}

// answersNow is whom to report to about a dossier. Where several have taken over from an office whose machine is no more, the
// directory knows which of them has it.
func (o *Office) answersNow(ctx context.Context, root dossier.State) string {
	was := root.Answers()
	to := o.addressee(was)
	if to != was || !o.isGone(was) {
		return to
	}
	var tr directory.Track
	err := o.consult(ctx, func(ctx context.Context) (err error) { tr, err = o.Calls.Lookup(ctx, root.Code); return err })
	if f, _ := o.Directory.Office(directory.OfficeCode(was)); err == nil && o.tookOver(f, tr.Root) {
		return string(tr.Root)
	}
	return to
}

// handOverNow hands over what it can, and keeps what was in the way to be seen.
func (o *Office) handOverNow(ctx context.Context) {
	err := o.handOverAll(ctx)
	switch {
	case err == nil:
		o.hindered.Store(nil)
	case ctx.Err() == nil:
		why := err.Error()
		o.hindered.Store(&why)
		o.Log.Warn("not all is handed over", "err", err)
	}
}

// handsOver hands over at the beginning, when it is ordered and now and then, until ctx ends.
func (o *Office) handsOver(ctx context.Context) {
	for ctx.Err() == nil {
		o.handOverNow(ctx)
		wait := time.NewTimer(staffEvery)
		select {
		case <-ctx.Done():
		case <-o.handing:
		case <-wait.C:
		}
		wait.Stop()
	}
}
