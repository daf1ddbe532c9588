package office

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// backup keeps a copy of an office's folder as it is now.
func (n *node) backup() string {
	n.p.t.Helper()
	kept := filepath.Join(n.p.t.TempDir(), "kept")
	n.close()
	must(n.p.t, replicationtest.Freeze(n.dir, kept))
	n.open(n.Code)
	return kept
}

// restore puts an office's disk back to a copy.
func (n *node) restore(kept string) {
	n.p.t.Helper()
	n.close()
	n.dir = kept
	n.open(n.Code)
	n.Offices = func() []replication.Name {
		return []replication.Name{replication.Name(xa), replication.Name(huyen), replication.Name(bien), "H32.never"}
	}
	must(n.p.t, n.beginRegain(n.p.t.Context()))
}

// asksAround has an office ask those in reach what they keep of it.
func (n *node) asksAround() (silent int) {
	n.p.t.Helper()
	for name := range n.regain.remaining() {
		if err := n.regainFrom(n.p.t.Context(), name); err != nil && !errors.Is(err, errLine) {
			n.p.t.Fatal(err)
		}
	}
	return len(n.regain.remaining())
}

// decided has the district take a child in hand, decide and report, with a result.
func (p *province) decided(kid digest.Digest) {
	p.t.Helper()
	ctx, leader, n := p.t.Context(), p.officer(huyen), p.offices[huyen]
	must(p.t, n.Receive(ctx, leader, kid, "r"),
		n.Decide(ctx, leader, kid, dossier.Approved, "", &Upload{"kết quả.pdf", bytes.NewReader(pdf)}, "d"),
		n.Report(ctx, leader, kid, "", "e"))
}

// lengthAt is how many events of a chain an office has, and that of them contradict it.
func (n *node) lengthAt(chain digest.Digest) (length uint64, forks int) {
	must(n.p.t, n.Store.View(func(t *store.Tx) error {
		h, err := t.Head(chain)
		list, ferr := t.Forks(chain, 9)
		length, forks = h.Length, len(list)
		return errors.Join(err, ferr)
	}))
	return length, forks
}

// TestRestoredRootGoesOn: the root's disk is put back to before it had the dossier at all. What the others keep of it comes back, with
// what they had sent, and the dossier goes on to its end without a fork; its code is not given again.
func TestRestoredRootGoesOn(t *testing.T) {
	p := newProvince(t)
	n := p.offices[xa]
	kept := n.backup()
	_, code, h, asked := p.underWay()
	p.carry()
	p.decided(asked.ID)
	p.carry()
	n.restore(kept)
	if _, err := n.load("test", h.state.Chain); err == nil {
		t.Fatal("the backup has the dossier already")
	}
	if left := n.asksAround(); left > 0 {
		t.Errorf("%d were not asked", left)
	}
	if length, forks := n.lengthAt(h.state.Chain); length != h.state.Length || forks > 0 {
		t.Errorf("%d events of %d, %d forks", length, h.state.Length, forks)
	}
	p.carry() // the submission and the report, sent anew
	if line := n.only(BucketReturn); line.Code != code {
		t.Errorf("to be returned: %+v", line)
	}
	back, err := n.load("test", h.state.Chain)
	must(t, err)
	for _, f := range attachments(back.chain) {
		if held, err := n.Blobs.Has(t.Context(), f.Blob); err != nil || !held {
			t.Errorf("file %s is not here: %v", f.Name, err)
		}
	}
	p.sameEverywhere(h.state.Chain)
	p.sameEverywhere(asked.ID)
	again := p.submit(xa, p.citizen("binh"))
	if next, err := n.Accept(t.Context(), p.officer(xa), again, "z"); err != nil || next == code {
		t.Errorf("code %s, again %s: %v", code, next, err)
	}
	if sent := p.carry(); sent > 2 { // statuses to the portal
		t.Errorf("%d parcels more", sent)
	}
}

// TestRestoredChildGoesOn: the asked office's disk is put back to before it was asked; its child chain and its result come back.
func TestRestoredChildGoesOn(t *testing.T) {
	p := newProvince(t)
	n := p.offices[huyen]
	kept := n.backup()
	_, _, h, asked := p.underWay()
	p.carry()
	p.decided(asked.ID)
	p.carry()
	n.restore(kept)
	n.asksAround()
	p.carry()
	kid, err := n.load("test", asked.ID)
	if err != nil || !kid.state.Ended() {
		t.Fatalf("%v %v", kid.state.Status, err)
	}
	if held, err := n.Blobs.Has(t.Context(), kid.state.Results[0].Blob); err != nil || !held {
		t.Errorf("the result is not here: %v", err)
	}
	p.empty(huyen)
	p.sameEverywhere(h.state.Chain)
	p.sameEverywhere(asked.ID)
}

// TestRestoredPortalGoesOn: what was handed in at a portal comes back from the office in charge, and so does what became of it.
func TestRestoredPortalGoesOn(t *testing.T) {
	p := newProvince(t)
	n := p.offices[bien]
	c := p.citizen("anh")
	kept := n.backup()
	alias := p.submit(bien, c)
	p.carry()
	n.restore(kept)
	must(t, n.Store.Update(t.Context(), func(tx *store.Tx) error { return MarkRestored(tx, p.now) }), n.beginRegain(t.Context())) // else strangers are not asked
	if n.asksAround(); n.chainOf(alias) == (digest.Digest{}) {
		t.Error("it is not here")
	}
	p.accepted(alias)
	p.carry()
	v, err := n.MyDossier(t.Context(), c, alias)
	if err != nil || v.Status != dossier.StatusProcessing && v.Status != dossier.StatusAccepted {
		t.Errorf("%s %v", v.Status, err)
	}
}

// TestRestoredOutOfReach: with nobody in reach the office works on. What it did once more is a fork, which is kept and shown when they
// meet, and nothing is undone.
func TestRestoredOutOfReach(t *testing.T) {
	p := newProvince(t)
	n, ctx, officer := p.offices[xa], t.Context(), p.officer(xa)
	alias := p.submit(bien, p.citizen("anh"))
	p.carry()
	kept := n.backup()
	code := p.accepted(alias)
	chain := n.chainOf(code)
	must(t, n.FinishStep(ctx, officer, chain, "", "a"), n.Forward(ctx, officer, chain, "", "b"))
	p.carry()
	n.restore(kept)
	p.cut[xa] = true
	if left := n.asksAround(); left != 2 {
		t.Fatalf("%d are left to ask, want the district and the portal", left)
	}
	p.now = p.now.Add(time.Hour)
	_, err := n.Accept(ctx, officer, alias, "again")
	must(t, err)
	must(t, n.FinishStep(ctx, officer, chain, "", "again"))
	before, _ := n.lengthAt(chain)
	n.close() // what was not asked yet is remembered
	n.open(xa)
	n.Offices = func() []replication.Name { return nil }
	must(t, n.beginRegain(ctx))
	p.cut[xa] = false
	for range 2 {
		if left := n.asksAround(); left > 0 {
			t.Fatal("not asked")
		}
		if length, forks := n.lengthAt(chain); length != before || forks != 1 {
			t.Errorf("%d events of %d, %d forks", length, before, forks)
		}
	}
	if v, err := n.Dossier(ctx, officer, chain); err != nil || v.Forks != 1 {
		t.Errorf("the page shows %d forks: %v", v.Forks, err)
	}
}

// TestNothingIsToldToOthers: an office gets its own chains, submissions and their files, and those of nobody else.
func TestNothingIsToldToOthers(t *testing.T) {
	p := newProvince(t)
	_, _, h, _ := p.underWay()
	p.carry()
	ask := func(from, to directory.OfficeCode, q Question) Answer {
		a, r, err := peers{p, from}.Ask(t.Context(), replication.Name(to), q)
		must(t, err)
		if r != nil {
			r.Close()
		}
		return a
	}
	paper := h.state.Submission.Attachments[0].Blob
	for _, q := range []Question{
		{Version: 1, Kind: AskHeld}, {Version: 1, Kind: AskChain, Chain: h.state.Chain}, {Version: 1, Kind: AskSealed, Chain: h.state.Chain, Blob: paper},
	} {
		if a := ask(xa, huyen, q); a.Error != nil || len(a.Chain) == 0 && a.Holding == nil && a.File == nil {
			t.Errorf("question %d: the root is not told: %+v", q.Kind, a)
		}
		if a := ask(bien, huyen, q); len(a.Chain) > 0 || a.Submission != nil || a.File != nil || a.Holding != nil && len(a.Holding.Chains)+len(a.Holding.Parcels) > 0 {
			t.Errorf("question %d: another is told: %+v", q.Kind, a)
		}
	}
	if a := ask(huyen, xa, Question{Version: 1, Kind: AskAnew, Parcels: make([]digest.Digest, maxAnew+1)}); directory.CodeOf(a.Error) != directory.Invalid {
		t.Errorf("%+v", a)
	}
}

// TestAFormerOfficeGetsItsOwnPartBack: the district has handed a child chain over, and its disk is put back to before. It learns that it
// has, and nothing of what its successor did with the dossier; a start after which nothing was lost takes nothing for lost.
func TestAFormerOfficeGetsItsOwnPartBack(t *testing.T) {
	p := newProvince(t)
	_, _, _, asked := p.underWay()
	p.carry()
	n, heir := p.offices[huyen], p.officer(moi)
	must(t, n.Receive(t.Context(), p.officer(huyen), asked.ID, "a"))
	kept := n.backup()
	p.close(map[directory.OfficeCode]directory.OfficeCode{huyen: moi})
	p.handOver(huyen, moi)
	p.carry()
	result := Upload{"quyết định.pdf", bytes.NewReader(pdf)}
	must(t, p.offices[moi].Decide(t.Context(), heir, asked.ID, dossier.Approved, "", &result, "b"))
	for _, was := range []string{n.backup(), kept} {
		n.restore(was)
		n.regain.left = map[replication.Name]int64{replication.Name(moi): 0}
		n.asksAround()
		chain, s, err := n.chainHere(asked.ID)
		must(t, err)
		if len(chain) != 3 || s.Office != string(moi) || s.Status != dossier.StatusProcessing || len(attachments(chain)) > 0 {
			t.Errorf("the former office has %d events, at %s, %s", len(chain), s.Office, s.Status)
		}
		if v := n.closure(); v.Left != 0 {
			t.Errorf("it lists what is another's by now: %+v", v)
		}
		lately := false
		must(t, n.Store.View(func(t *store.Tx) (err error) { lately, err = n.restoredLately(t); return err }))
		if lately != (was == kept) {
			t.Errorf("something was lost: %v, though it was %v", lately, was == kept)
		}
	}
}

// endless is a peer whose list of what it keeps never ends.
type endless struct{ asked int }

func (e *endless) Ask(context.Context, replication.Name, Question) (Answer, io.ReadCloser, error) {
	e.asked++
	if e.asked > 2*maxHeldPages {
		return Answer{}, nil, errLine
	}
	return Answer{Version: 1, Holding: &Holding{Next: strconv.Itoa(e.asked)}}, nil, nil
}

// TestAListThatNeverEnds is given up, and its peer is not struck off.
func TestAListThatNeverEnds(t *testing.T) {
	p := newProvince(t)
	n, e := p.offices[xa], new(endless)
	n.restore(n.backup())
	n.Peers = e
	if err := n.regainFrom(t.Context(), replication.Name(huyen)); err == nil || errors.Is(err, errLine) {
		t.Errorf("after %d pages: %v", e.asked, err)
	}
	if _, left := n.regain.remaining()[replication.Name(huyen)]; !left {
		t.Error("it passes for asked")
	}
}

// TestActsWaitForTheFirstRound: an act waits for those that are asked after a start, and not longer than regainWait.
func TestActsWaitForTheFirstRound(t *testing.T) {
	p := newProvince(t)
	n := p.offices[xa]
	n.regain.first = make(chan struct{})
	alias := p.submit(xa, p.citizen("anh"))
	done := make(chan error)
	go func() { _, err := n.Accept(context.Background(), p.officer(xa), alias, "a"); done <- err }()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	n.regain.open()
	must(t, <-done)
}
