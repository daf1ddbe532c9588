package office

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
)

// another is a submission like one of a dossier, of its own code and without papers.
func another(h held, b byte) dossier.Submission {
	s := h.state.Submission
	s.Code, s.Attachments = dossier.SubmissionCode([8]byte{b, 9, 9}), []dossier.Attachment{}
	return s
}

// TestLaterFormatsAreNotRefused: whatever part of a parcel a later version has grown, it is an error that comes again after an
// upgrade, and no receipt is given.
func TestLaterFormatsAreNotRefused(t *testing.T) {
	p := newProvince(t)
	_, _, h, asked := p.underWay()
	key := p.offices[bien].key()
	grown := func(v any) []byte {
		b, err := wire.Marshal(v)
		must(t, err)
		return b
	}
	submission := func(v any) submissionContent {
		r, err := record.SignOne(key, dossier.SubmissionLabel, grown(v))
		must(t, err)
		return submissionContent{r}
	}
	sub := another(h, 1)
	newer := sub
	newer.Version = 2
	e := h.chain[len(h.chain)-1].Event
	e.Seq, e.Prev, e.Kind = e.Seq+1, h.state.Head, 77
	next, err := dossier.Sign(p.offices[xa].key(), e)
	must(t, err)
	for name, v := range map[string]struct {
		from, to directory.OfficeCode
		kind     contentKind
		body     any
	}{
		"a submission with a new key": {bien, xa, kindSubmission, submission(struct {
			dossier.Submission
			More string `cbor:"99,keyasint"`
		}{sub, "new"})},
		"a submission of format 2": {bien, xa, kindSubmission, submission(newer)},
		"a body with a new key": {bien, xa, kindSubmission, struct {
			submissionContent
			More string `cbor:"99,keyasint"`
		}{submission(sub), "new"}},
		"an event of a new kind": {xa, huyen, kindRequest, requestContent{Root: append(records(h.chain), next.Record), Child: asked.ID}},
		"a status of a new name": {xa, bien, kindStatus, statusContent{records(h.chain[:1]), directory.Track{
			Code: h.state.Code, Root: xa, Holder: xa, State: "archived", AsOf: h.state.At}}},
	} {
		if r, err := p.send(v.from, v.to, v.kind, v.body); !errors.Is(err, wire.ErrNewer) {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
	if r, err := p.send(bien, xa, kindSubmission, submission(sub)); err != nil || r.Outcome != replication.Delivered {
		t.Errorf("today's format: %+v %v", r, err)
	}
}

// TestStatusIsOfItsDossier: the track beside a status fits the chain it came with.
func TestStatusIsOfItsDossier(t *testing.T) {
	p := newProvince(t)
	_, _, h, _ := p.underWay()
	good := p.offices[xa].trackOf(h.state, h.plan)
	good.Checks = nil
	for name, change := range map[string]func(*directory.Track){
		"another code":     func(tr *directory.Track) { tr.Code = "H32.22327-261125-0009" },
		"another root":     func(tr *directory.Track) { tr.Root = huyen },
		"no holder":        func(tr *directory.Track) { tr.Holder = "" },
		"a date of before": func(tr *directory.Track) { tr.AsOf = 0 },
		"a date before 0":  func(tr *directory.Track) { tr.Due = -1 },
	} {
		tr := good
		change(&tr)
		if r, err := p.send(xa, bien, kindStatus, statusContent{records(h.chain[:1]), tr}); err != nil || r.Refusal != replication.Unwelcome {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
	ahead := good
	ahead.AsOf = p.now.AddDate(1, 0, 0).UnixMilli()
	if r, err := p.send(xa, bien, kindStatus, statusContent{records(h.chain[:1]), ahead}); err == nil {
		t.Errorf("a word that would outlast all others: %+v", r)
	}
	if r, err := p.send(xa, bien, kindStatus, statusContent{records(h.chain[:1]), good}); err != nil || r.Outcome != replication.Delivered {
		t.Errorf("%+v %v", r, err)
	}
}

// TestSecondEndIsKept: an office that ends a chain twice is found out: the second end is refused, and kept, and shown.
func TestSecondEndIsKept(t *testing.T) {
	p := newProvince(t)
	ctx, leader := t.Context(), p.officer(huyen)
	_, _, h, asked := p.underWay()
	p.carry()
	must(t, p.offices[huyen].Receive(ctx, leader, asked.ID, "r"),
		p.offices[huyen].Decide(ctx, leader, asked.ID, dossier.Rejected, "Chưa đủ tuổi", nil, "d"))
	before, err := p.offices[huyen].load("test", asked.ID)
	must(t, err)
	must(t, p.offices[huyen].Report(ctx, leader, asked.ID, "", "e"))
	p.carry()
	e, err := dossier.Report(before.state, before.plan, p.offices[huyen].act(leader), "khác")
	must(t, err)
	other, err := dossier.Sign(p.offices[huyen].key(), e)
	must(t, err)
	r, err := p.send(huyen, xa, kindReport, reportContent{Child: append(records(before.chain), other.Record)})
	if err != nil || r.Refusal != replication.Unwelcome {
		t.Fatalf("%+v %v", r, err)
	}
	must(t, p.offices[xa].Store.View(func(tx *store.Tx) error {
		forks, err := tx.Forks(asked.ID, 10)
		if len(forks) != 1 || forks[0].ID() != other.ID() {
			t.Errorf("kept: %d", len(forks))
		}
		return err
	}))
	v, err := p.offices[xa].Dossier(ctx, p.officer(xa), h.state.Chain)
	if err != nil || v.Forks != 1 {
		t.Errorf("the root's page shows %d forks: %v", v.Forks, err)
	}
}

// TestForksOfTheRootAreShownToTheAskedOffice: the page of a child shows contradictions in the root's chain.
func TestForksOfTheRootAreShownToTheAskedOffice(t *testing.T) {
	p := newProvince(t)
	_, _, h, asked := p.underWay()
	p.carry()
	e := h.chain[1].Event
	e.At++
	other, err := dossier.Sign(p.offices[xa].key(), e)
	must(t, err)
	must(t, p.offices[huyen].Store.Update(t.Context(), func(tx *store.Tx) error {
		return p.offices[huyen].putCopy(tx, []dossier.Signed{h.chain[0], other})
	}))
	v, err := p.offices[huyen].Dossier(t.Context(), p.officer(huyen), asked.ID)
	if err != nil || v.Forks != 1 {
		t.Errorf("%d forks: %v", v.Forks, err)
	}
}

// TestLooksTravel: who looked at the asked office, and who printed a slip, is on the applicant's page.
func TestLooksTravel(t *testing.T) {
	p := newProvince(t)
	ctx, leader := t.Context(), p.officer(huyen)
	c, code, h, asked := p.underWay()
	p.carry()
	_, err := p.offices[huyen].Dossier(ctx, leader, asked.ID)
	must(t, err)
	if _, err := p.offices[huyen].Slip(ctx, leader, code); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("the slip of another office's dossier: %v", err)
	}
	printer := p.staff("may-in", xa, directory.DeskOfficer)
	_, err = p.offices[xa].Slip(ctx, printer, code)
	must(t, err)
	must(t, p.offices[huyen].Receive(ctx, leader, asked.ID, "r"),
		p.offices[huyen].Decide(ctx, leader, asked.ID, dossier.Rejected, "Chưa đủ tuổi", nil, "d"), p.offices[huyen].Report(ctx, leader, asked.ID, "", "e"))
	p.carry()
	v, err := p.offices[bien].MyDossier(ctx, c, h.state.Code)
	must(t, err)
	for _, want := range []string{"H32.568 " + leader.Name, "H32.22327 " + printer.Name} {
		if !slices.ContainsFunc(v.Looks, func(l LookView) bool { return fmt.Sprint(l.Office.Code, " ", l.Name) == want && l.Purpose == lookWork }) {
			t.Errorf("no look of %s in %+v", want, v.Looks)
		}
	}
}

// TestBroughtLooksAreBounded: an office brings its own looks only, and none from the future.
func TestBroughtLooksAreBounded(t *testing.T) {
	p := newProvince(t)
	n := p.offices[xa]
	root := digest.Of([]byte("root"))
	good := store.Look{Chain: root, At: 5, Account: "a", Name: "A", Role: "desk", Office: string(huyen), Purpose: lookWork}
	ahead, other, foreign := good, good, good
	ahead.At, ahead.Account = p.now.AddDate(9, 0, 0).UnixMilli(), "b"
	other.Chain, foreign.Office = digest.Of([]byte("x")), string(xa)
	must(t, n.Store.Update(t.Context(), func(tx *store.Tx) error {
		return n.putLooks(tx, root, []store.Look{good, ahead, other, foreign, good}, string(huyen))
	}))
	must(t, n.Store.View(func(tx *store.Tx) error {
		ls, err := tx.Looks(root, 10)
		if len(ls) != 2 || ls[0].At != p.now.UnixMilli() || ls[1] != good {
			t.Errorf("%+v", ls)
		}
		return err
	}))
	var many []store.Look
	for i := range int64(2 * maxLooks) {
		good.At = 10 + i
		many = append(many, good)
	}
	own := store.Look{Chain: root, At: 4, Account: "o", Office: string(xa), Purpose: lookWork}
	must(t, n.Store.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.PutLook(own), n.putLooks(tx, root, many, string(huyen)))
	}))
	must(t, n.Store.View(func(tx *store.Tx) error {
		ls, err := looksAt(tx, root)
		if len(ls) != maxLooks+1 || !slices.Contains(ls, own) {
			t.Errorf("%d looks; the look here is among them: %v", len(ls), slices.Contains(ls, own))
		}
		return err
	}))
}

// TestFastPortal: a portal whose clock is fast does not outdate what the office in charge says next.
func TestFastPortal(t *testing.T) {
	p := newProvince(t)
	_, _, h, _ := p.underWay()
	sub := another(h, 2)
	sub.At = p.now.Add(time.Hour).UnixMilli()
	r, err := dossier.SignSubmission(p.offices[bien].key(), sub)
	must(t, err)
	n := p.offices[xa]
	bring := func() {
		_, err := p.send(bien, xa, kindSubmission, submissionContent{r})
		must(t, err)
	}
	bring()
	p.now = p.now.Add(time.Minute)
	must(t, n.Refuse(t.Context(), p.officer(xa), sub.Code, "không", "q"))
	p.now = p.now.Add(time.Minute)
	bring() // again: it changes nothing
	must(t, n.Store.View(func(tx *store.Tx) error {
		ts, err := tx.PendingTracks("", 10)
		i := slices.IndexFunc(ts, func(tr directory.Track) bool { return tr.Code == sub.Code })
		if i < 0 || ts[i].State != string(dossier.StatusRefused) {
			t.Errorf("the directory will be told %+v", ts)
		}
		return err
	}))
}

// TestUnknownProcedureCanBeRefused: a submission that nobody here can plan does not stand on the desk for ever.
func TestUnknownProcedureCanBeRefused(t *testing.T) {
	p := newProvince(t)
	ctx, officer := t.Context(), p.officer(xa)
	_, _, h, _ := p.underWay()
	sub := another(h, 3)
	sub.ProcVersion = 9
	r, err := dossier.SignSubmission(p.offices[bien].key(), sub)
	must(t, err)
	_, err = p.send(bien, xa, kindSubmission, submissionContent{r})
	must(t, err)
	v, err := p.offices[xa].Submission(ctx, officer, sub.Code)
	if err != nil || v.Allowed[0].Why == nil || v.Allowed[1].Why != nil {
		t.Fatalf("%+v %v", v.Allowed, err)
	}
	if _, err := p.offices[xa].Accept(ctx, officer, sub.Code, "never"); err == nil {
		t.Error("accepted without a plan")
	}
	must(t, p.offices[xa].Refuse(ctx, officer, sub.Code, "Không có thủ tục này", "refusal"))
	if page, err := p.offices[xa].List(ctx, officer, Filter{Bucket: BucketNew}); err != nil || len(page.Lines) > 0 {
		t.Errorf("still on the desk: %+v %v", page, err)
	}
	c := Citizen{directory.Account{ID: sub.Applicant.Account}, xa}
	got, err := p.offices[xa].MyDossier(ctx, c, sub.Code)
	if err != nil || got.Status != dossier.StatusRefused || got.Reason == "" {
		t.Errorf("%+v %v", got, err)
	}
}

// TestSquattedCode: an office's node that sends on the code of somebody else's submission hides it from nobody, neither from
// its applicant nor from the desk, which cannot take the one for the other.
func TestSquattedCode(t *testing.T) {
	p := newProvince(t)
	ctx, officer, n := t.Context(), p.officer(xa), p.offices[xa]
	c := p.citizen("anh")
	p.cut[bien] = true // the genuine one is late
	alias := p.submit(bien, c)
	p.cut[bien] = false
	sub := dossier.Submission{
		Version: 1, Code: alias, Procedure: "1.001776", ProcVersion: 1, Office: string(xa), Portal: string(huyen), At: 1,
		Answers: []byte("{}"), Attachments: []dossier.Attachment{}, Applicant: dossier.Applicant{Account: "kẻ", Name: "Kẻ Gian", Identity: "056199000009", Phone: "0909999999"},
	}
	sub.Applicant.Account = "h1"
	r, err := dossier.SignSubmission(p.offices[huyen].key(), sub)
	must(t, err)
	if got, err := p.send(huyen, xa, kindSubmission, submissionContent{r}); err != nil || got.Outcome != replication.Delivered {
		t.Fatal(got, err)
	}
	if p.carry() != 1 {
		t.Fatal("the genuine submission does not arrive")
	}
	page, err := n.List(ctx, officer, Filter{Bucket: BucketNew})
	if err != nil || len(page.Lines) != 2 || page.Lines[0].Code == page.Lines[1].Code {
		t.Fatalf("%+v %v", page.Lines, err)
	}
	for _, l := range page.Lines {
		v, err := n.Submission(ctx, officer, l.Code)
		if err != nil || v.Chain != l.Chain || v.Alias != l.Code {
			t.Errorf("%s opens %s: %v", l.Code, v.Applicant.Name, err)
		}
		if l.Applicant == c.Name {
			_, err := n.Accept(ctx, officer, l.Code, "genuine")
			must(t, err)
		}
	}
	if _, err := n.Accept(ctx, officer, alias+"~0000000000000000", "none"); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("a code that means neither: %v", err)
	}
	for _, at := range []directory.OfficeCode{xa, bien} {
		if v, err := p.offices[at].MyDossier(ctx, c, alias); err != nil || v.Status != dossier.StatusAccepted {
			t.Errorf("at %s: %+v %v", at, v.Status, err)
		}
		if v, err := p.offices[at].Track(ctx, alias, "4567"); err != nil || v.Status != dossier.StatusAccepted {
			t.Errorf("track at %s: %+v %v", at, v.Status, err)
		}
	}
}
