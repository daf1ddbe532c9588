package office

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

var update = flag.Bool("update", false, "write the golden files anew: only for a new format")

// fixed is a signed record of fixed bytes.
func fixed(t testing.TB, label, body string) record.Record {
	k, err := record.NewKey(bytes.Repeat([]byte{7}, record.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.SignOne(k, label, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Signature = r.Signature[:8] // the golden file of package record holds signatures
	return r
}

// formats are the bodies of every kind of parcel, and the messages between nodes.
func formats(t testing.TB) (out [][2]string) {
	sub, ev := fixed(t, dossier.SubmissionLabel, "submission"), fixed(t, dossier.EventLabel, "event")
	tr := directory.Track{Code: "H32.22327-261125-0001", Alias: "0G30-G2GC-1R8B", Root: xa, Holder: huyen, State: "waiting", Due: 5, AsOf: 6, Applicant: "a1"}
	for _, c := range []struct {
		kind contentKind
		body any
	}{
		{kindSubmission, submissionContent{sub}},
		{kindRequest, requestContent{[]record.Record{ev}, digest.Of([]byte("child")), [][]record.Record{{ev}}}},
		{kindReport, reportContent{Child: []record.Record{ev}}},
		{kindStatus, statusContent{[]record.Record{ev}, tr}},
		{kindHandOver, handOverContent{[]record.Record{ev}, []record.Record{ev}, [][]record.Record{{ev}}, []store.Look{{Chain: digest.Of([]byte("root")), At: 1, Account: "a1", Office: string(xa)}}}},
	} {
		b, err := encodeContent(c.kind, c.body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]string{c.kind.String(), hex.EncodeToString(b)})
	}
	file := SheetFile{digest.Of([]byte("f")), "đơn.pdf", "application/pdf", 9, "form"}
	sheet := Sheet{
		Version: 1, Chain: digest.Of([]byte("root")), Code: tr.Code, Alias: tr.Alias, Status: "waiting", Procedure: "1.001776", ProcVersion: 2,
		Office: string(xa), Holder: string(huyen), Portal: string(bien), Applicant: dossier.Applicant{Name: "Ánh"}, Answers: []byte("{}"),
		Submitted: 1, Accepted: 2, Due: 3, Decided: 4, Returned: 5, Outcome: 1, Reason: "r", Papers: []SheetFile{file}, Results: []SheetFile{file},
		Steps:  []SheetStep{{string(xa), StepDone, 1, "b", "n", ""}},
		Events: []SheetEvent{{1, string(xa), "b", "desk", 4, "check", "n", 1, string(huyen), 2, "desk", true, "", ""}}, AsOf: 7,
	}
	for name, m := range map[string]any{
		"question": Question{Version: 1, Kind: AskFile, Code: tr.Code, LastFour: "4567", Blob: digest.Of([]byte("f")), Behalf: &SignedBehalf{[]byte("b"), []byte("s")}},
		"answer":   Answer{1, directory.Errorf("ask", directory.Denied, "no"), &tr, "1.001776", 2, &sheet, &FileHead{"đơn.pdf", "application/pdf", 9}, nil, nil, nil},
		"lost?": Question{
			Version: 1, Kind: AskHeld, Since: 5, After: "c", Chain: digest.Of([]byte("root")), Seq: 7, Parcels: []digest.Digest{digest.Of([]byte("p"))},
		},
		"held": Answer{
			Version: 1, Chain: []record.Record{ev}, Submission: &sub,
			Holding: &Holding{[]Kept{{digest.Of([]byte("root")), 3, digest.Of([]byte("h"))}}, []digest.Digest{digest.Of([]byte("p"))}, "n"},
		},
		"not-asked": []notAsked{{string(xa), 5}},
		"behalf":    Behalf{1, "a1", tr.Code, replication.Name(xa), bien, 5},
		"order":     order{moi, "a1", "Trần Văn Bình", 3, 2},
		"draft":     draft{1, tr.Alias, "1.001776", 2, string(xa), []byte("{}"), nil},
		"trouble":   trouble{digest.Of([]byte("p")), string(xa), "request", digest.Of([]byte("c")), "unwelcome", "n", 8},
	} {
		b, err := wire.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]string{name, hex.EncodeToString(b)})
	}
	return out
}

func TestGoldenFormats(t *testing.T) {
	lines := map[string]bool{}
	var b strings.Builder
	for _, f := range formats(t) {
		fmt.Fprintf(&b, "%s %s\n", f[0], f[1])
		lines[f[0]+" "+f[1]] = true
	}
	if *update {
		if err := os.WriteFile("testdata/formats.golden", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/formats.golden")
	if err != nil {
		t.Fatal(err)
	}
	held := strings.Split(strings.TrimSpace(string(want)), "\n")
	for _, l := range held {
		if !lines[l] {
			t.Errorf("the bytes of %q have changed: parcels under way and files kept could not be read", strings.Fields(l)[0])
		}
	}
	if len(held) != len(lines) {
		t.Errorf("%d formats, %d golden", len(lines), len(held))
	}
}

// FuzzContent: whatever a peer puts in a parcel, judging it refuses or fails, and neither panics nor stores.
func FuzzContent(f *testing.F) {
	for _, g := range formats(f) {
		b, _ := hex.DecodeString(g[1])
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeContent(b)
		if err != nil {
			return
		}
		know := func(string, int64, digest.Digest) (*record.PublicKey, error) { return nil, replication.ErrUnknown }
		if v, err := bodyOf[requestContent](c); err == nil {
			if chain, err := dossier.ReadChain(v.Root); err == nil && dossier.Verify(chain, know) == nil {
				t.Fatal("a chain without keys verified")
			}
		}
		bodyOf[submissionContent](c)
		bodyOf[reportContent](c)
		bodyOf[statusContent](c)
		bodyOf[handOverContent](c)
	})
}

// fuzzIdentity is made once: it takes long.
var fuzzIdentity = sync.OnceValue(func() *identity.Private {
	id, err := identity.Generate()
	if err != nil {
		panic(err)
	}
	return id
})

func FuzzQuestion(f *testing.F) {
	for _, g := range formats(f) {
		b, _ := hex.DecodeString(g[1])
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var q Question
		var a Answer
		wire.Unmarshal(b, &q)
		wire.Unmarshal(b, &Behalf{})
		if wire.Unmarshal(b, &a) != nil {
			return
		}
		p := &province{version: 1, book: replicationtest.NewBook()}
		o := &Office{Config: Config{Code: xa, Directory: tables{p.book, p}, Now: time.Now, Ring: identity.NewRing(fuzzIdentity())}}
		if a.Sheet != nil {
			o.view(*a.Sheet) // a peer's sheet never breaks a page
		}
		if _, err := o.regainChain(a.Chain); err == nil {
			t.Fatal("a chain without keys was taken back")
		}
		if _, err := o.regainSubmission(a); err == nil {
			t.Fatal("a submission without keys was taken back")
		}
	})
}

// send packs a content at one office for another and has it taken.
func (p *province) send(from, to directory.OfficeCode, k contentKind, body any, files ...dossier.Attachment) (replication.Receipt, error) {
	p.t.Helper()
	out, err := p.offices[from].pack(p.t.Context(), string(to), digest.Digest{}, k, body, files)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.take(from, to, out.parcel)
}

func (p *province) take(from, to directory.OfficeCode, parcel replication.Parcel) (replication.Receipt, error) {
	p.t.Helper()
	n, m := p.offices[to], p.offices[from]
	in, err := n.sp.Receive(parcel)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range parcel.Manifest.Chunks {
		b, err := m.sp.Chunk(parcel.ID(), i)
		must(p.t, err, in.Put(i, b))
	}
	key, err := spool.OpenKey(parcel, n.id.Seal)
	must(p.t, err)
	c, err := n.sp.Unpack(parcel, key)
	must(p.t, err)
	r, err := n.Inbox().Take(p.t.Context(), parcel, c)
	if err != nil {
		return replication.Receipt{}, err
	}
	return replication.ReadReceipt(r)
}

// underWay is a dossier whose request to the district waits in the root's outbox.
func (p *province) underWay() (c Citizen, code string, h held, asked dossier.Child) {
	p.t.Helper()
	ctx, n, officer := p.t.Context(), p.offices[xa], p.officer(xa)
	c = p.citizen("anh")
	alias := p.submit(bien, c)
	p.carry()
	code, err := n.Accept(ctx, officer, alias, "a")
	must(p.t, err)
	chain := n.chainOf(code)
	must(p.t, n.FinishStep(ctx, officer, chain, "", "b"), n.Forward(ctx, officer, chain, "", "c"))
	h, err = n.load("test", chain)
	must(p.t, err)
	asked, _ = h.state.Open()
	return c, code, h, asked
}

// TestUnwelcomeContents: what can never be taken is refused by a receipt that says why, and leaves nothing behind.
func TestUnwelcomeContents(t *testing.T) {
	p := newProvince(t)
	_, code, h, asked := p.underWay()
	papers := h.state.Submission.Attachments
	honest := requestContent{Root: records(h.chain), Child: asked.ID}
	mutate := func(f func(*requestContent)) requestContent {
		v := honest
		v.Root = append([]record.Record(nil), honest.Root...)
		f(&v)
		return v
	}
	first, err := dossier.BodyOf[dossier.Accepted](h.chain[0].Event)
	must(t, err)
	sub := h.state.Submission
	sub.Portal = string(huyen)
	stolen, err := dossier.SignSubmission(p.offices[bien].key(), sub)
	must(t, err)
	for name, v := range map[string]struct {
		from, to directory.OfficeCode
		kind     contentKind
		body     any
		files    []dossier.Attachment
		want     replication.Refusal
	}{
		"a request sent on by another":    {bien, huyen, kindRequest, honest, papers, replication.Unwelcome},
		"a request for another office":    {xa, bien, kindRequest, honest, papers, replication.Unwelcome},
		"a request without its papers":    {xa, huyen, kindRequest, honest, nil, replication.Unwelcome},
		"a shortened chain":               {xa, huyen, kindRequest, mutate(func(v *requestContent) { v.Root = v.Root[:2] }), papers, replication.Unwelcome},
		"a chain without its start":       {xa, huyen, kindRequest, mutate(func(v *requestContent) { v.Root = v.Root[1:] }), papers, replication.Unwelcome},
		"a changed event":                 {xa, huyen, kindRequest, mutate(func(v *requestContent) { v.Root[1].Body = v.Root[2].Body }), papers, replication.Unwelcome},
		"a signature of another event":    {xa, huyen, kindRequest, mutate(func(v *requestContent) { v.Root[2].Signature = v.Root[1].Signature }), papers, replication.Unwelcome},
		"an empty chain":                  {xa, huyen, kindRequest, mutate(func(v *requestContent) { v.Root = nil }), papers, replication.Unwelcome},
		"another's chain beside it":       {xa, huyen, kindRequest, mutate(func(v *requestContent) { v.Chains = [][]record.Record{v.Root} }), papers, replication.Unwelcome},
		"a report on nothing":             {huyen, xa, kindReport, reportContent{Child: honest.Root}, nil, replication.Unwelcome},
		"a status of another office":      {huyen, bien, kindStatus, statusContent{honest.Root[:1], directory.Track{}}, nil, replication.Unwelcome},
		"a status with too much":          {xa, bien, kindStatus, statusContent{honest.Root, directory.Track{}}, nil, replication.Unwelcome},
		"a submission of another portal":  {huyen, xa, kindSubmission, submissionContent{stolen}, nil, replication.Unwelcome},
		"a submission to the wrong place": {bien, huyen, kindSubmission, submissionContent{first.Submission}, papers, replication.Unwelcome},
		"another kind's body":             {bien, huyen, kindReport, submissionContent{stolen}, nil, replication.Unreadable},
	} {
		r, err := p.send(v.from, v.to, v.kind, v.body, v.files...)
		if err != nil || r.Outcome != replication.Refused || r.Refusal != v.want || r.Note == "" {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
	p.empty(huyen, bien)
	if p.carry() == 0 || p.offices[huyen].only(BucketArrived).Code != code {
		t.Error("the honest request no longer arrives")
	}
	if r, err := p.send(huyen, xa, kindSubmission, submissionContent{first.Submission}, papers...); err != nil || r.Refusal != replication.Unwelcome {
		t.Errorf("a submission sent on by another office: %+v %v", r, err)
	}
}

// empty checks that nothing stands in any list of the offices.
func (p *province) empty(codes ...directory.OfficeCode) {
	p.t.Helper()
	for _, b := range Buckets() {
		for _, at := range codes {
			if page, err := p.offices[at].List(p.t.Context(), p.officer(at), Filter{Bucket: b}); err != nil || len(page.Lines) > 0 {
				p.t.Errorf("%s has a dossier in %q after all: %v", at, b, err)
			}
		}
	}
}

// TestLateAndRepeatedContents: an old parcel made anew sets nothing back, and a report counts only from its own office, once.
func TestLateAndRepeatedContents(t *testing.T) {
	p := newProvince(t)
	ctx, leader := t.Context(), p.officer(huyen)
	_, code, h, asked := p.underWay()
	p.carry()
	must(t, p.offices[huyen].Receive(ctx, leader, asked.ID, "d"), p.offices[huyen].Decide(ctx, leader, asked.ID, dossier.Rejected, "Chưa đủ tuổi", nil, "e"))
	early, err := p.offices[huyen].load("test", asked.ID)
	must(t, err)
	must(t, p.offices[huyen].Report(ctx, leader, asked.ID, "", "f"))
	kid, err := p.offices[huyen].load("test", asked.ID)
	must(t, err)
	first, err := dossier.BodyOf[dossier.Accepted](h.chain[0].Event)
	must(t, err)
	tell := func(from, to directory.OfficeCode, k contentKind, body any) replication.Outcome {
		r, err := p.send(from, to, k, body, h.state.Submission.Attachments...)
		must(t, err)
		return r.Outcome
	}
	for name, got := range map[string]replication.Outcome{
		"a report by another office":         tell(bien, xa, kindReport, reportContent{Child: records(kid.chain)}),
		"a report before its end":            tell(huyen, xa, kindReport, reportContent{Child: records(early.chain)}),
		"a report to an office not the root": tell(huyen, bien, kindReport, reportContent{Child: records(kid.chain)}),
	} {
		if got != replication.Refused {
			t.Errorf("%s: outcome %d", name, got)
		}
	}
	if tell(bien, xa, kindSubmission, submissionContent{first.Submission}) != replication.Delivered || p.offices[xa].only(BucketWait).Code != code {
		t.Error("the submission, come again, set its dossier back")
	}
	for name, got := range map[string]replication.Outcome{
		"the request again":    tell(xa, huyen, kindRequest, requestContent{Root: records(h.chain), Child: asked.ID}),
		"the report":           tell(huyen, xa, kindReport, reportContent{Child: records(kid.chain)}),
		"the report once more": tell(huyen, xa, kindReport, reportContent{Child: records(kid.chain)}),
	} {
		if got != replication.Delivered {
			t.Errorf("%s: outcome %d", name, got)
		}
	}
	p.carry()
	ready := p.offices[xa].only(BucketReturn)
	after, err := p.offices[xa].load("test", ready.Chain)
	if err != nil || ready.Code != code || after.state.Length != h.state.Length+1 {
		t.Errorf("%+v, %d events, want one more than %d: %v", ready, after.state.Length, h.state.Length, err)
	}
	p.empty(huyen)
	p.sameEverywhere(asked.ID)
}

// TestNotNow: what a newer edition or program could take is not refused: it is an error, and comes again.
func TestNotNow(t *testing.T) {
	p := newProvince(t)
	c := p.citizen("anh")
	p.submit(bien, c)
	ps := replicationtest.Waiting(t, p.offices[bien].Outbox(), replication.Name(xa), 1)
	p.book.Remove(replication.Name(bien))
	if _, err := p.take(bien, xa, ps[0]); !errors.Is(err, replication.ErrUnknown) {
		t.Errorf("from an office not known yet: %v", err)
	}
	p.book.Add(replication.Name(bien), "", p.offices[bien].id.Public())
	b, err := wire.Marshal(content{Version: 1, Kind: kindHandOver + 1, Body: wire.Raw{0xa0}})
	must(t, err)
	later, err := p.offices[bien].Spool.Pack(draftFor(p, bien, xa), p.offices[bien].key(), p.offices[xa].id.Seal.Public(), b, nil)
	must(t, err)
	if _, err := p.take(bien, xa, later); !errors.Is(err, wire.ErrNewer) {
		t.Errorf("of a kind of a later version: %v", err)
	}
	if p.carry() != 1 {
		t.Error("the submission no longer arrives")
	}
	p.offices[xa].only(BucketNew)
}

// TestRevokedOffice: what an office signs after its key was revoked is refused; what it signed before still verifies.
func TestRevokedOffice(t *testing.T) {
	p := newProvince(t)
	c := p.citizen("anh")
	p.submit(bien, c)
	p.book.Revoke(replication.Name(bien), p.now.Add(time.Minute))
	if p.carry() != 1 {
		t.Fatal("signed before the revocation, and not taken")
	}
	p.offices[xa].only(BucketNew)
	p.now = p.now.Add(time.Hour)
	p.submit(bien, c)
	p.carry()
	p.offices[xa].only(BucketNew) // still one
	_, bad, err := p.offices[bien].Sendings(p.officer(bien))
	if err != nil || len(bad) != 1 || bad[0].Kind != "submission" || bad[0].Code == "" || bad[0].To.Code != xa {
		t.Errorf("the desk is not told of the refusal: %+v %v", bad, err)
	}
}

// TestForkIsKept: a second version of a chain is evidence, and what was held stays.
func TestForkIsKept(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	c, officer := p.citizen("anh"), p.officer(xa)
	code, err := p.offices[xa].Accept(ctx, officer, p.submit(xa, c), "a")
	must(t, err)
	chain := p.offices[xa].chainOf(code)
	must(t, p.offices[xa].FinishStep(ctx, officer, chain, "", "b"))
	before, err := p.offices[xa].load("test", chain)
	must(t, err)
	must(t, p.offices[xa].Forward(ctx, officer, chain, "", "c"))
	p.carry()
	e, err := dossier.Forward(before.state, before.plan, p.offices[xa].act(officer), "khác", 1_796_000_000)
	must(t, err)
	other, err := dossier.Sign(p.offices[xa].key(), e)
	must(t, err)
	forked := append(records(before.chain), other.Record)
	asked, _ := dossier.BodyOf[dossier.Requested](e)
	r, err := p.send(xa, huyen, kindRequest, requestContent{Root: forked, Child: asked.Child}, before.state.Submission.Attachments...)
	if err != nil || r.Outcome != replication.Delivered {
		t.Fatalf("%+v %v", r, err)
	}
	must(t, p.offices[huyen].Store.View(func(tx *store.Tx) error {
		held, _, err := readChain(tx, chain)
		forks, ferr := tx.Forks(chain, 10)
		if len(held) != 3 || held[2].ID() == other.ID() || len(forks) != 1 || forks[0].ID() != other.ID() {
			t.Errorf("held %d events, %d forks", len(held), len(forks))
		}
		return errors.Join(err, ferr)
	}))
}

func draftFor(p *province, from, to directory.OfficeCode) (d spool.Draft) {
	return spool.Draft{From: replication.Name(from), To: replication.Name(to), Created: p.now, Expires: p.now.Add(time.Hour)}
}

// TestPortalHearsOfADecisionElsewhere: when the district has decided, the portal knows that the result is ready, with the root
// out of reach too.
func TestPortalHearsOfADecisionElsewhere(t *testing.T) {
	p := newProvince(t)
	ctx, leader := t.Context(), p.officer(huyen)
	c := p.citizen("anh")
	alias := p.submit(bien, c)
	p.carry()
	code := p.accepted(alias)
	chain := p.offices[xa].chainOf(code)
	must(t, p.offices[xa].FinishStep(ctx, p.officer(xa), chain, "", "a"), p.offices[xa].Forward(ctx, p.officer(xa), chain, "", "b"))
	p.carry()
	p.now = p.now.Add(time.Hour)
	kid := p.offices[huyen].only(BucketArrived).Chain
	must(t, p.offices[huyen].Receive(ctx, leader, kid, "c"))
	must(t, p.offices[huyen].Decide(ctx, leader, kid, dossier.Approved, "", &Upload{"kết quả.pdf", bytes.NewReader(pdf)}, "d"))
	must(t, p.offices[huyen].Report(ctx, leader, kid, "", "e"))
	p.carry()
	p.carry()
	p.cut[xa], p.cut[bien] = true, true
	if v, err := p.offices[bien].MyDossier(ctx, c, code); err != nil || v.Status != dossier.StatusDone || v.Fresh {
		t.Errorf("at the portal: %s, fresh %v, %v", v.Status, v.Fresh, err)
	}
}

// TestReceiptsAreBoundToTheLog: each bears the head of all that the office had signed before, which grows with every act.
func TestReceiptsAreBoundToTheLog(t *testing.T) {
	p := newProvince(t)
	c := p.citizen("anh")
	var sizes []uint64
	for range 2 {
		p.submit(bien, c)
		for _, parcel := range replicationtest.Waiting(t, p.offices[bien].Outbox(), replication.Name(xa), 9) {
			v, err := p.take(bien, xa, parcel)
			must(t, err)
			if v.Log == nil {
				t.Fatal("a receipt is bound to no log")
			}
			sizes = append(sizes, v.Log.Size)
		}
	}
	if slices.Max(sizes) <= sizes[0] { // the first parcel may come again, and gets its receipt again
		t.Errorf("the log had %v entries", sizes)
	}
}
