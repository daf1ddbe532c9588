package province_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/office"
	"motcua/node/store"
)

// ledger is every "yes" that a person was given. It is kept on paper: no power cut touches it.
type ledger struct {
	handed   []handed
	accepted map[string]string // submission code → dossier code
	appended []appended
}

// handed is a submission that somebody has a code for.
type handed struct {
	alias   string
	digits  string // last four of the applicant's telephone number
	citizen directory.AccountID
	portal  directory.OfficeCode
	office  directory.OfficeCode
}

// appended is an act that an officer was told is done: the chain at their office ended with this event then.
type appended struct {
	office directory.OfficeCode
	chain  digest.Digest
	head   store.Head
}

// codes are all codes that people hold, with the digits to look them up.
func (l *ledger) codes() map[string]string {
	out := map[string]string{}
	for _, h := range l.handed {
		out[h.alias] = h.digits
		if code := l.accepted[h.alias]; code != "" {
			out[code] = h.digits
		}
	}
	return out
}

// answersTo are forms as people fill them in.
var answersTo = map[string]url.Values{
	funeral: {"deceased_name": {"Trần Văn Cũ"}, "deceased_on": {"2026-11-20"}, "deceased_group": {"monthly"}, "relation": {"child"}, "declaration": {"on"}},
	worship: {"martyr_name": {"Trần Văn Dũng"}, "certificate_number": {"TQ-123"}, "home_village": {"Diên An"}, "relation": {"child"}, "declaration": {"on"}},
}

// paperFor is what people attach.
var paperFor = map[string]string{funeral: "death_record", worship: "authority"}

// paper is a scan of some 90 KB, so that a parcel has more than one chunk.
func paper(words string) []byte {
	return append([]byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"), bytes.Repeat([]byte(words+"\n"), 90_000/len(words))...)
}

func (w *world) node(code directory.OfficeCode) *office.Office {
	return w.machines[string(code)].node.Office()
}

// citizen is an account signed in at a portal.
func (w *world) citizen(i int, portal directory.OfficeCode) (office.Citizen, error) {
	return office.Citizen{Account: w.citizens[i], SignedInAt: portal}, nil
}

// submit hands in at a portal, as a citizen does page by page, and twice at the end, as impatient people do.
func (w *world) submit(ctx context.Context, i int, portal, to directory.OfficeCode, procedure string) (alias string, err error) {
	o := w.node(portal)
	c, err := w.citizen(i, portal)
	if err != nil {
		return "", err
	}
	id, err := o.StartDraft(ctx, c, procedure, to)
	if err != nil {
		return "", err
	}
	problems, err := o.SaveAnswers(ctx, c, id, answersTo[procedure])
	if err != nil || len(problems) > 0 {
		return "", fmt.Errorf("answers: %v %w", problems, err)
	}
	u := office.Upload{Name: "giấy tờ.pdf", Body: bytes.NewReader(paper("giấy tờ " + id))}
	if err := o.Attach(ctx, c, id, paperFor[procedure], u); err != nil {
		return "", err
	}
	alias, err = o.Submit(ctx, c, id, "vi")
	if err != nil {
		return "", err
	}
	w.said.handed = append(w.said.handed, handed{alias, c.Phone[len(c.Phone)-4:], c.ID, portal, to})
	if again, err := o.Submit(ctx, c, id, "vi"); err != nil || again != alias {
		return "", fmt.Errorf("handed in again: %q, the first time %q: %w", again, alias, err)
	}
	return alias, nil
}

// did notes that an officer was told that an act on a chain is done.
func (w *world) did(code directory.OfficeCode, chain digest.Digest) error {
	var h store.Head
	err := w.node(code).Store.View(func(t *store.Tx) (err error) { h, err = t.Head(chain); return err })
	w.said.appended = append(w.said.appended, appended{code, chain, h})
	return err
}

// accept accepts a submission, with a double click.
func (w *world) accept(ctx context.Context, code directory.OfficeCode, line office.Line) error {
	o, actor := w.node(code), w.staff[code]
	given, err := o.Accept(ctx, actor, line.Code, "a/"+line.Code)
	if err != nil {
		return err
	}
	if w.said.accepted == nil {
		w.said.accepted = map[string]string{}
	}
	if old := w.said.accepted[line.Code]; old != "" && old != given {
		return fmt.Errorf("%s was accepted as %s and as %s", line.Code, old, given)
	}
	w.said.accepted[line.Code] = given
	if again, err := o.Accept(ctx, actor, line.Code, "a/"+line.Code); err != nil || again != given {
		return fmt.Errorf("accepted again as %q, the first time as %q: %w", again, given, err)
	}
	return w.did(code, line.Chain)
}

// act does an act on a chain, with a double click.
func (w *world) act(code directory.OfficeCode, chain digest.Digest, do func(o *office.Office, actor directory.Account) error) error {
	for range 2 {
		if err := do(w.node(code), w.staff[code]); err != nil {
			return err
		}
	}
	return w.did(code, chain)
}

// deeds are what an officer can do with a dossier on the desk, by the kind of the event it makes.
func deeds(ctx context.Context, v office.DossierView) map[dossier.Kind]func(*office.Office, directory.Account) error {
	chain, token := v.Chain, fmt.Sprintf("%s/%d", v.Chain, len(v.History))
	return map[dossier.Kind]func(*office.Office, directory.Account) error{
		dossier.KindReceived: func(o *office.Office, a directory.Account) error { return o.Receive(ctx, a, chain, token) },
		dossier.KindStepDone: func(o *office.Office, a directory.Account) error {
			return o.FinishStep(ctx, a, chain, "đủ giấy tờ", token)
		},
		dossier.KindRequested: func(o *office.Office, a directory.Account) error {
			return o.Forward(ctx, a, chain, "kính chuyển", token)
		},
		dossier.KindDecided: func(o *office.Office, a directory.Account) error {
			u := office.Upload{Name: "quyết định.pdf", Body: bytes.NewReader(paper("quyết định"))}
			return o.Decide(ctx, a, chain, dossier.Approved, "", &u, token)
		},
		dossier.KindReported: func(o *office.Office, a directory.Account) error { return o.Report(ctx, a, chain, "", token) },
		dossier.KindReturned: func(o *office.Office, a directory.Account) error {
			return o.Return(ctx, a, chain, dossier.AtDesk, token)
		},
	}
}

// handle does the one thing that a line of the desk's lists asks for, and tells what it was: 0 for nothing.
func (w *world) handle(ctx context.Context, code directory.OfficeCode, line office.Line) (dossier.Kind, error) {
	if line.Kind == store.RowSubmission {
		return dossier.KindAccepted, w.accept(ctx, code, line)
	}
	v, err := w.node(code).Dossier(ctx, w.staff[code], line.Chain)
	if err != nil {
		return 0, err
	}
	can := deeds(ctx, v)
	for _, a := range v.Allowed {
		if do := can[a.Kind]; do != nil && a.Why == nil {
			return a.Kind, w.act(code, line.Chain, do)
		}
	}
	return 0, nil
}

// toDo are the lines of an office's lists that somebody there can do something about.
func (w *world) toDo(ctx context.Context, code directory.OfficeCode) (out []office.Line, err error) {
	for _, b := range []office.Bucket{office.BucketNew, office.BucketArrived, office.BucketWork, office.BucketReturn} {
		p, err := w.node(code).List(ctx, w.staff[code], office.Filter{Bucket: b, N: 200})
		if err != nil {
			return nil, err
		}
		out = append(out, p.Lines...)
	}
	return out, nil
}

// work does everything an office's lists show. Somebody else's act in between is no mistake: the line is there again, or
// done.
func (w *world) work(ctx context.Context, code directory.OfficeCode) (done int, err error) {
	lines, err := w.toDo(ctx, code)
	for _, line := range lines {
		kind, doErr := w.handle(ctx, code, line)
		if directory.CodeOf(doErr) == directory.Conflict {
			continue
		}
		if doErr != nil {
			err = errors.Join(err, fmt.Errorf("%s, kind %d, dossier %s: %w", code, kind, line.Code, doErr))
		}
		if kind != 0 {
			done++
		}
	}
	return done, err
}

// running are the offices whose machine is on, in a fixed order.
func (w *world) running() (out []directory.OfficeCode) {
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		if m := w.machines[name]; m.node != nil && m.on() {
			out = append(out, directory.OfficeCode(name))
		}
	}
	return out
}
