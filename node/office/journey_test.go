package office

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
)

// TestJourney is the main job: handed in at one commune, accepted at another, decided at the district, returned, with the
// root commune cut off between forward and report, a lost receipt and every parcel coming twice.
func TestJourney(t *testing.T) {
	p := newProvince(t)
	c := p.citizen("anh")
	alias := p.handedIn(c)
	code := p.accepted(alias)
	chain := p.offices[xa].chainOf(code)
	p.forwardedWhileCutOff(c, code, chain)
	kid := p.decidedAtTheDistrict(code)
	ready := p.offices[xa].only(BucketReturn)
	if ready.Chain != chain || ready.Status != dossier.StatusDone {
		t.Fatalf("ready: %+v", ready)
	}
	must(t, p.offices[xa].Return(t.Context(), p.officer(xa), chain, dossier.Electronic, "t5"))
	p.carry()
	p.report()
	p.seenByCitizen(c, code, alias)
	p.sameEverywhere(chain)
	p.sameEverywhere(kid)
}

// handedIn submits at another commune's portal; the receipt of its parcel is lost once.
func (p *province) handedIn(c Citizen) (alias string) {
	t, portal := p.t, p.offices[bien]
	alias = p.submit(bien, c)
	portal.lost = 1
	if got := []int{p.carry(), p.carry(), p.carry()}; !slices.Equal(got, []int{1, 1, 0}) {
		t.Fatalf("the submission arrived %v times: it is sent again after its receipt was lost, and then no more", got)
	}
	r, err := portal.Receipt(t.Context(), c, alias)
	if err != nil || !r.Delivered || r.Status != dossier.StatusSubmitted || len(r.Papers) != 1 || r.Papers[0].Name != "tờ khai.pdf" {
		t.Fatalf("receipt: %+v %v", r, err)
	}
	return alias
}

// accepted accepts once, however often it is asked.
func (p *province) accepted(alias string) (code string) {
	t, ctx, root, officer := p.t, p.t.Context(), p.offices[xa], p.officer(xa)
	v, err := root.Submission(ctx, officer, alias)
	if err != nil || v.Allowed[0].Why != nil || !v.Papers[0].Here || v.Due.IsZero() {
		t.Fatalf("submission at the desk: %+v %v", v, err)
	}
	code, err = root.Accept(ctx, officer, alias, "t1")
	if err != nil || code != "H32.22327-261125-0001" {
		t.Fatalf("accepted as %q: %v", code, err)
	}
	if again, err := root.Accept(ctx, officer, alias, "t1"); err != nil || again != code {
		t.Fatalf("accepted again as %q: %v", again, err)
	}
	if _, err := root.Accept(ctx, officer, alias, "t2"); directory.CodeOf(err) != directory.Conflict {
		t.Fatalf("accepted twice: %v", err)
	}
	slip, err := root.Slip(ctx, officer, code)
	want := time.Date(2026, 12, 9, 9, 0, 0, 0, directory.Zone)
	if err != nil || !slip.Due.Equal(want) || slip.Explanation.Weekends != 4 || slip.Officer != officer.Name {
		t.Fatalf("slip: %+v %v", slip, err)
	}
	p.carry()
	p.report()
	return code
}

// forwardedWhileCutOff forwards with the root's line cut, and heals it.
func (p *province) forwardedWhileCutOff(c Citizen, code string, chain digest.Digest) {
	t, ctx, root, officer := p.t, p.t.Context(), p.offices[xa], p.officer(xa)
	must(t, root.FinishStep(ctx, officer, chain, "Đủ giấy tờ", "t3"))
	p.cut[xa] = true
	must(t, root.Forward(ctx, officer, chain, "Kính chuyển", "t4"), root.Forward(ctx, officer, chain, "Kính chuyển", "t4"))
	if p.carry() != 0 {
		t.Fatal("a parcel crossed a cut line")
	}
	desk, err := root.Dossier(ctx, officer, chain)
	if err != nil || desk.Status != dossier.StatusWaiting || len(desk.Sending) != 1 || len(desk.Children) != 1 || !desk.Children[0].Acked.IsZero() {
		t.Fatalf("waiting for the line: %+v %v", desk, err)
	}
	if desk.Holder.Code != huyen || desk.Steps[1].State != StepSent {
		t.Errorf("holder %s, steps %+v", desk.Holder.Code, desk.Steps)
	}
	mine, err := p.offices[huyen].MyDossier(ctx, c, code)
	if err != nil || mine.Fresh || mine.Source != FromDirectory || mine.Code != code {
		t.Errorf("with the root cut off, seen from the district: %+v %v", mine, err)
	}
	p.cut[xa] = false
	if p.carry() != 1 {
		t.Fatal("the request did not arrive once the line was back")
	}
	if desk, err = root.Dossier(ctx, officer, chain); err != nil || len(desk.Sending) != 0 || desk.Children[0].Acked.IsZero() {
		t.Errorf("after it arrived: %+v %v", desk, err)
	}
}

// decidedAtTheDistrict receives, decides with a result and reports.
func (p *province) decidedAtTheDistrict(code string) (kid digest.Digest) {
	t, ctx, district, leader := p.t, p.t.Context(), p.offices[huyen], p.officer(huyen)
	arrived := district.only(BucketArrived)
	if arrived.Code != code || arrived.Root.Code != xa {
		t.Errorf("arrived: %+v", arrived)
	}
	v, err := district.Dossier(ctx, leader, arrived.Chain)
	if err != nil || v.Allowed[0].Why != nil || v.Allowed[0].Kind != dossier.KindReceived || !v.Papers[0].Here {
		t.Fatalf("arrived: %+v %v", v, err)
	}
	must(t, district.Receive(ctx, leader, arrived.Chain, "d1"), district.Receive(ctx, leader, arrived.Chain, "d1"))
	result := Upload{"quyết định.pdf", bytes.NewReader(pdf)}
	must(t, district.Decide(ctx, leader, arrived.Chain, dossier.Approved, "", &result, "d2"))
	if v, err = district.Dossier(ctx, leader, arrived.Chain); err != nil || len(v.Results) != 1 || !v.Results[0].Here || v.Status != dossier.StatusDecided {
		t.Errorf("decided: %+v %v", v, err)
	}
	must(t, district.Report(ctx, leader, arrived.Chain, "", "d3"))
	if got := []int{p.carry(), p.carry()}; !slices.Equal(got, []int{2, 0}) {
		t.Fatalf("%v parcels arrived: the report, and then what the portal is told", got)
	}
	return arrived.Chain
}

// seenByCitizen checks what the applicant sees at every node, signed in and not, after the end.
func (p *province) seenByCitizen(c Citizen, code, alias string) {
	ctx, t := p.t.Context(), p.t
	for at, n := range p.offices {
		v, err := n.MyDossier(ctx, c, code)
		if err != nil || !v.Fresh || v.Status != dossier.StatusReturned || len(v.Results) != 1 || len(v.History) < 7 {
			t.Fatalf("at %s: %+v %v", at, v, err)
		}
		info, body, err := n.File(ctx, c, code, v.Results[0].Blob)
		if err != nil {
			t.Fatalf("at %s: %v", at, err)
		}
		got, err := io.ReadAll(body)
		body.Close()
		if err != nil || !bytes.Equal(got, pdf) || info.Name != "quyết định.pdf" || info.MediaType != "application/pdf" {
			t.Errorf("at %s, the result: %q %+v %v", at, got, info, err)
		}
		for _, s := range v.Steps {
			if s.State != StepDone {
				t.Errorf("at %s, step %s is %s", at, s.Step.ID, s.State)
			}
		}
		for _, typed := range []string{code, alias} {
			tr, err := n.Track(ctx, typed, "4567")
			if err != nil || tr.Status != dossier.StatusReturned || !tr.Fresh || tr.Code != code {
				t.Errorf("at %s, track %s: %+v %v", at, typed, tr, err)
			}
			if _, err := n.Track(ctx, typed, "0000"); directory.CodeOf(err) != directory.Denied {
				t.Errorf("at %s, track %s with wrong digits: %v", at, typed, err)
			}
		}
		list, complete, err := n.MyDossiers(ctx, c)
		if err != nil || !complete || len(list) != 1 || list[0].Status != dossier.StatusReturned || !list[0].Fresh || list[0].Procedure.VI == "" {
			t.Errorf("at %s, my dossiers: %+v %v", at, list, err)
		}
		stranger := Citizen{directory.Account{ID: "stranger"}, at}
		if _, err := n.MyDossier(ctx, stranger, code); directory.CodeOf(err) != directory.NotFound {
			t.Errorf("at %s, a stranger sees it: %v", at, err)
		}
		if _, _, err := n.File(ctx, stranger, code, v.Results[0].Blob); directory.CodeOf(err) != directory.NotFound {
			t.Errorf("at %s, a stranger reads it: %v", at, err)
		}
	}
	v, err := p.offices[xa].MyDossier(ctx, c, code)
	if err != nil || len(v.Looks) < 2 {
		t.Errorf("looks: %+v %v", v.Looks, err)
	}
}

// TestPowerCuts: with every folder closed and opened again between any two acts, the same life ends the same way.
func TestPowerCuts(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	officer, leader := p.officer(xa), p.officer(huyen)
	c := p.citizen("anh")
	restart := func() {
		for code, n := range p.offices {
			n.close()
			n.open(code)
		}
	}
	alias := p.submit(xa, c)
	restart()
	code, err := p.offices[xa].Accept(ctx, officer, alias, "a")
	must(t, err)
	restart()
	chain := p.offices[xa].chainOf(code)
	must(t, p.offices[xa].FinishStep(ctx, officer, chain, "", "b"))
	restart()
	must(t, p.offices[xa].Forward(ctx, officer, chain, "", "c"))
	restart()
	p.carry()
	restart()
	kid := p.offices[huyen].only(BucketArrived).Chain
	must(t, p.offices[huyen].Receive(ctx, leader, kid, "d"))
	restart()
	must(t, p.offices[huyen].Decide(ctx, leader, kid, dossier.Rejected, "Chưa đủ tuổi", nil, "e"))
	must(t, p.offices[huyen].Report(ctx, leader, kid, "", "f"))
	restart()
	p.carry()
	restart()
	must(t, p.offices[xa].Return(ctx, officer, chain, dossier.AtDesk, "g"))
	p.report()
	v, err := p.offices[bien].MyDossier(ctx, c, code)
	if err != nil || v.Outcome != dossier.Rejected || v.Status != dossier.StatusReturned {
		t.Errorf("%+v %v", v, err)
	}
	p.sameEverywhere(chain)
}
