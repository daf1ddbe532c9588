package office

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// Every act below takes the actor, who must have a role here, and a token of the form it came from: the same token has no
// second effect and gets the same answer. A *dossier.Rule is returned where the law of the dossier forbids the act.

// Upload is a file as it comes from a person.
type Upload struct {
	Name string
	Body io.Reader
}

func once(act, token string) string {
	if token == "" {
		return ""
	}
	return act + "/" + token
}

// given returns the answer to a token that was used before.
func (o *Office) given(token string) (answer string, ok bool, err error) {
	if token == "" {
		return "", false, nil
	}
	err = o.Store.View(func(t *store.Tx) error { answer, ok, err = t.Once(token); return err })
	return answer, ok, err
}

// onlyOnce does an act, unless its token was used before: then the answer is the one given then, also when that happened
// while this act was being decided.
func (o *Office) onlyOnce(token string, act func() (string, error)) (string, error) {
	if old, ok, err := o.given(token); err != nil || ok {
		return old, err
	}
	out, err := act()
	if err == nil {
		return out, nil
	}
	if old, ok, e := o.given(token); e == nil && ok {
		return old, nil
	}
	return "", err
}

// Accept accepts a submission by its code and returns the dossier code. Two durable writes: the code is reserved first,
// and a crash after that leaves it reserved for this submission alone.
func (o *Office) Accept(ctx context.Context, actor directory.Account, code, token string) (string, error) {
	token = once("accept", token)
	return o.onlyOnce(token, func() (string, error) { return o.accept(ctx, actor, code, token) })
}

func (o *Office) accept(ctx context.Context, actor directory.Account, code, token string) (string, error) {
	sub, s, _, err := o.waiting("accept", code)
	if err != nil {
		return "", err
	}
	pl, err := o.plan(s.Procedure, s.ProcVersion, s.Office, o.today())
	if err != nil {
		return "", err
	}
	if err := o.sees("accept", actor, s.Procedure, s.ProcVersion); err != nil {
		return "", err
	}
	work := accepting(pl.Procedure)
	act := o.actOn(actor, work)
	due, x, err := o.due(time.UnixMilli(act.At), pl.Procedure.Limit)
	if err != nil {
		return "", err
	}
	if why := dossier.Allowed(dossier.State{}, pl, act)[0].Why; why != nil && why.Code != dossier.RuleRole {
		return "", why
	} else if why != nil {
		return "", o.missingRole(why, dossier.KindAccepted, []directory.Work{work})
	}
	number, err := o.reserve(ctx, sub.ID())
	if err != nil {
		return "", err
	}
	e, err := dossier.Accept(sub, pl, act, dossier.Acceptance{Code: number, Due: due.Unix(), Calendar: x.Calendar})
	if err != nil {
		return "", err
	}
	return o.begin(ctx, e, pl, token, number)
}

// Refuse refuses a submission by its code, for a reason.
func (o *Office) Refuse(ctx context.Context, actor directory.Account, code, reason, token string) error {
	token = once("refuse", token)
	_, err := o.onlyOnce(token, func() (string, error) { return o.refuse(ctx, actor, code, reason, token) })
	return err
}

func (o *Office) refuse(ctx context.Context, actor directory.Account, code, reason, token string) (string, error) {
	sub, s, _, err := o.waiting("refuse", code)
	if err != nil {
		return "", err
	}
	if err := o.sees("refuse", actor, s.Procedure, s.ProcVersion); err != nil {
		return "", err
	}
	p, _ := o.Directory.Procedure(s.Procedure, s.ProcVersion)
	e, err := dossier.Refuse(sub, o.actOn(actor, accepting(p)), visible(reason))
	if err != nil {
		return "", o.named(err, dossier.KindRefused, accepting(p))
	}
	// No step is left after a refusal: it needs no plan, and a submission that cannot be placed must not stay for ever.
	return o.begin(ctx, e, dossier.Plan{}, token, "refused")
}

// waiting finds a submission that is neither accepted nor refused, and the code that means it and no other.
func (o *Office) waiting(op, code string) (sub record.Record, s dossier.Submission, exact string, err error) {
	err = o.Store.View(func(t *store.Tx) error {
		row, err := deskRow(t, code)
		if err != nil {
			return err
		}
		if row.Kind != store.RowSubmission {
			return directory.Errorf(op, directory.Conflict, "the submission was already accepted or refused")
		}
		exact = lineCode(row)
		sub, err = t.Submission(row.Chain)
		return err
	})
	if err != nil {
		return sub, s, "", missing(op, err)
	}
	s, err = dossier.ReadSubmission(sub)
	return sub, s, exact, err
}

// twin marks the row of a submission whose code another had used before. Its code at the desk is followed by the beginning of
// its chain's id, so that nobody acts on the one when looking at the other.
var twin = []byte("twin")

const twinSign = "~"

func twinCode(r store.Row) string { return r.Alias + twinSign + r.Chain.String()[:16] }

// deskRow finds a row by its code at the desk.
func deskRow(t *store.Tx, code string) (store.Row, error) {
	alias, _, isTwin := strings.Cut(code, twinSign)
	if !isTwin {
		return t.RowByCode(code)
	}
	rows, err := t.RowsByCode(alias, maxShared)
	if err != nil {
		return store.Row{}, err
	}
	for _, r := range rows {
		if twinCode(r) == code {
			return r, nil
		}
	}
	return store.Row{}, store.ErrNotFound
}

// reserve gives a submission its dossier code of today, the same one however often it is asked.
func (o *Office) reserve(ctx context.Context, id digest.Digest) (code string, err error) {
	day, name := o.today(), "code/"+id.String()
	err = o.Store.Update(ctx, func(t *store.Tx) error {
		old, ok, err := t.Get(name)
		if err != nil {
			return err
		}
		if c, err := dossier.ParseCode(string(old)); ok && err == nil && c.Day == day {
			code = string(old)
			return nil
		}
		if code, err = o.freshCode(t, day); err != nil {
			return err
		}
		return t.Set(name, []byte(code))
	})
	return code, err
}

// freshCode is the next code of a day. One that the counter has forgotten with the rest of what was lost may be there again already.
func (o *Office) freshCode(t *store.Tx, day directory.Date) (string, error) {
	for {
		n, err := t.NextNumber(string(o.Code), string(day))
		if err != nil {
			return "", err
		}
		code := dossier.NewCode(o.Code, day, n+uint32(o.Directory.Predecessors(o.Code, day))*numbersOfMachine)
		if _, err = t.RowByCode(code); errors.Is(err, store.ErrNotFound) {
			return code, nil
		} else if err != nil {
			return "", err
		}
	}
}

// numbersOfMachine are set apart for each machine of an office on one day: a machine that was enrolled today in the place of a
// lost one does not know which numbers that one gave, and a code is never given twice.
const numbersOfMachine = 5000

// begin signs and stores the first event of a root chain.
func (o *Office) begin(ctx context.Context, e dossier.Event, pl dossier.Plan, token, answer string) (string, error) {
	signed, next, err := o.sign(dossier.State{}, e)
	if err != nil {
		return "", err
	}
	sends, err := o.statusParcel(ctx, next, pl, []dossier.Signed{signed})
	if err != nil {
		return "", err
	}
	return o.commit(ctx, change{
		token: token, answer: answer, chain: next.Chain, events: []dossier.Signed{signed},
		rows: []store.Row{o.rootRow(next, pl)}, sends: sends, tracks: []directory.Track{o.trackOf(next, pl)},
		files: next.Submission.Attachments,
	})
}

// sign signs a decided event and folds it.
func (o *Office) sign(s dossier.State, e dossier.Event) (dossier.Signed, dossier.State, error) {
	signed, err := dossier.Sign(o.key(), e)
	if err != nil {
		return signed, s, err
	}
	next, err := dossier.Apply(s, signed)
	return signed, next, err
}

// perform is the shape of every act on a chain of this office.
func (o *Office) perform(ctx context.Context, actor directory.Account, op string, chain digest.Digest, token string,
	decide func(held, dossier.Act) (dossier.Event, []dossier.Attachment, error)) error {
	token = once(op, token)
	_, err := o.onlyOnce(token, func() (string, error) {
		if err := o.staff(op, actor); err != nil {
			return "", err
		}
		h, err := o.load(op, chain)
		if err != nil {
			return "", err
		}
		if err := o.sees(op, actor, h.state.Procedure, h.state.ProcVersion); err != nil {
			return "", err
		}
		work := workAt(h.plan, h.state)
		e, files, err := decide(h, o.actOn(actor, work))
		if err != nil {
			return "", o.named(err, actKinds[op], work)
		}
		return "", o.append(ctx, h, e, files, token)
	})
	return err
}

// actKinds are the events of the acts on a chain.
var actKinds = map[string]dossier.Kind{
	"step": dossier.KindStepDone, "forward": dossier.KindRequested, "decide": dossier.KindDecided, "report": dossier.KindReported, "return": dossier.KindReturned,
}

// append signs an event and stores it with everything that follows from it.
func (o *Office) append(ctx context.Context, h held, e dossier.Event, files []dossier.Attachment, token string) error {
	signed, next, err := o.sign(h.state, e)
	if err != nil {
		return err
	}
	c := change{token: token, answer: "done", chain: next.Chain, expect: h.state.Head, events: []dossier.Signed{signed}, files: files}
	chain := append(h.chain[:len(h.chain):len(h.chain)], signed)
	if next.IsChild {
		err = o.followChild(ctx, &c, next, h.plan, chain)
	} else {
		err = o.followRoot(ctx, &c, h.state, next, h.plan, chain)
	}
	if err != nil {
		return err
	}
	_, err = o.commit(ctx, c)
	return err
}

// followRoot adds row, track and parcels of a root chain that has grown.
func (o *Office) followRoot(ctx context.Context, c *change, before, next dossier.State, pl dossier.Plan, chain []dossier.Signed) error {
	c.rows = append(c.rows, o.rootRow(next, pl))
	c.tracks = append(c.tracks, o.trackOf(next, pl))
	if asked, open := next.Open(); open && len(next.Children) > len(before.Children) {
		out, err := o.requestParcel(ctx, next, asked, chain)
		if err != nil {
			return err
		}
		c.sends = append(c.sends, out)
	}
	out, err := o.statusChange(ctx, before, next, pl, chain)
	c.sends = append(c.sends, out...)
	return err
}

// followChild adds row and report of a child chain that has grown.
func (o *Office) followChild(ctx context.Context, c *change, next dossier.State, pl dossier.Plan, chain []dossier.Signed) error {
	var root dossier.State
	err := o.Store.View(func(t *store.Tx) (err error) { _, root, err = readChain(t, next.Root); return err })
	if err != nil {
		return err
	}
	asked, _ := childOf(root, next.Chain)
	c.rows = append(c.rows, o.childRow(root, asked, next, pl))
	switch {
	case next.Status != dossier.StatusReported:
		return nil
	case root.Holds(string(o.Code)): // both were handed over to this office
		return o.noteHere(ctx, c, next)
	}
	out, err := o.reportParcel(ctx, next, chain)
	c.sends = append(c.sends, out)
	return err
}

func childOf(root dossier.State, id digest.Digest) (dossier.Child, bool) {
	for _, c := range root.Children {
		if c.ID == id {
			return c, true
		}
	}
	return dossier.Child{}, false
}

func records(chain []dossier.Signed) []record.Record {
	out := make([]record.Record, len(chain))
	for i, e := range chain {
		out[i] = e.Record
	}
	return out
}

// FinishStep ends the check step at hand, on a root or child chain.
func (o *Office) FinishStep(ctx context.Context, actor directory.Account, chain digest.Digest, note, token string) error {
	return o.perform(ctx, actor, "step", chain, token, func(h held, a dossier.Act) (dossier.Event, []dossier.Attachment, error) {
		e, err := dossier.FinishStep(h.state, h.plan, a, visible(note))
		return e, nil, err
	})
}

// Forward asks the office of the step at hand for it; the request is in the outbox when it returns.
func (o *Office) Forward(ctx context.Context, actor directory.Account, chain digest.Digest, note, token string) error {
	return o.perform(ctx, actor, "forward", chain, token, func(h held, a dossier.Act) (dossier.Event, []dossier.Attachment, error) {
		due, err := o.childDue(h, a.At)
		if err != nil {
			return dossier.Event{}, nil, err
		}
		e, err := dossier.Forward(h.state, h.plan, a, visible(note), due)
		return e, nil, err
	})
}

// childDue is when the answer to a request is expected: its steps' budget from now on, within the root's due date.
func (o *Office) childDue(h held, at int64) (int64, error) {
	i, ok := h.plan.Next(h.state)
	if !ok {
		return h.state.Due, nil
	}
	budget := h.plan.Budget(i, h.plan.Stretch(i))
	if budget == 0 {
		return h.state.Due, nil
	}
	days, err := o.days()
	if err != nil {
		return 0, err
	}
	return min(h.state.Due, days.Add(time.UnixMilli(at), budget).Unix()), nil
}

// Receive takes a request of another office in hand: the first event of its child chain.
func (o *Office) Receive(ctx context.Context, actor directory.Account, child digest.Digest, token string) error {
	token = once("receive", token)
	_, err := o.onlyOnce(token, func() (string, error) { return "", o.receive(ctx, actor, child, token) })
	return err
}

func (o *Office) receive(ctx context.Context, actor directory.Account, child digest.Digest, token string) error {
	if err := o.staff("receive", actor); err != nil {
		return err
	}
	var root dossier.State
	err := o.Store.View(func(t *store.Tx) error {
		row, err := t.Row(child)
		if err != nil {
			return err
		}
		_, root, err = readChain(t, row.Parent)
		return err
	})
	if err != nil {
		return missing("receive", err)
	}
	pl, err := o.planOf(root)
	if err != nil {
		return err
	}
	if err := o.sees("receive", actor, root.Procedure, root.ProcVersion); err != nil {
		return err
	}
	asked, _ := childOf(root, child)
	works := receiving(pl.Procedure, asked.First)
	e, err := dossier.Receive(root, child, o.actOn(actor, works...))
	if err != nil {
		return o.named(err, dossier.KindReceived, works...)
	}
	return o.append(ctx, held{plan: pl}, e, nil, token)
}

// MaxResult bounds the file of a result, in bytes.
const MaxResult = 50 << 20

// Decide ends the decide step at hand. The result (nil for none) is sealed and kept before the event is signed; a crash in
// between leaves a file that a sweep removes.
func (o *Office) Decide(ctx context.Context, actor directory.Account, chain digest.Digest, outcome dossier.Outcome, reason string, result *Upload, token string) error {
	return o.perform(ctx, actor, "decide", chain, token, func(h held, a dossier.Act) (dossier.Event, []dossier.Attachment, error) {
		d := dossier.Decision{Outcome: outcome, Reason: visible(reason)}
		if result != nil {
			// Whatever forbids the act for want of a role or step does so before a file is stored.
			if why := reasonAgainst(dossier.Allowed(h.state, h.plan, a), dossier.KindDecided); why != nil {
				return dossier.Event{}, nil, why
			}
			f, err := o.seal(ctx, *result, "", MaxResult)
			if err != nil {
				return dossier.Event{}, nil, err
			}
			d.Results = []dossier.Attachment{f}
		}
		e, err := dossier.Decide(h.state, h.plan, a, d)
		return e, d.Results, err
	})
}

func reasonAgainst(as []dossier.Action, k dossier.Kind) error {
	for _, a := range as {
		if a.Kind == k && a.Why != nil {
			return a.Why
		}
	}
	return nil
}

// seal stores a file from a person as a sealed one.
func (o *Office) seal(ctx context.Context, u Upload, requirement string, limit int64) (dossier.Attachment, error) {
	f, err := o.Blobs.PutPaper(ctx, u.Body, limit)
	if err != nil {
		return dossier.Attachment{}, err
	}
	return dossier.Attachment{
		Blob: f.Blob, Plain: f.Plain, Size: f.Size, Sealed: f.Sealed, Key: f.Key,
		Name: fileName(u.Name, f.MediaType), MediaType: f.MediaType, Requirement: requirement,
	}, nil
}

// Report sends a child chain whose steps are done back to its root office.
func (o *Office) Report(ctx context.Context, actor directory.Account, chain digest.Digest, note, token string) error {
	return o.perform(ctx, actor, "report", chain, token, func(h held, a dossier.Act) (dossier.Event, []dossier.Attachment, error) {
		e, err := dossier.Report(h.state, h.plan, a, visible(note))
		return e, nil, err
	})
}

// Return hands the result to the applicant, by "desk", "post" or "electronic".
func (o *Office) Return(ctx context.Context, actor directory.Account, chain digest.Digest, method, token string) error {
	return o.perform(ctx, actor, "return", chain, token, func(h held, a dossier.Act) (dossier.Event, []dossier.Attachment, error) {
		e, err := dossier.Return(h.state, h.plan, a, method, "")
		return e, nil, err
	})
}
