package office

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// close has offices close in favour of others at the end of the month, and lets the day come.
func (p *province) close(heirs map[directory.OfficeCode]directory.OfficeCode) {
	p.enrol(moi)
	p.closed = map[directory.OfficeCode][]directory.OfficeCode{}
	for old, heir := range heirs {
		p.closed[old] = []directory.OfficeCode{heir}
	}
	p.now = time.Date(2026, 12, 1, 9, 0, 0, 0, directory.Zone)
}

func (p *province) admin(c directory.OfficeCode) directory.Account {
	return p.staff("qt-"+string(c), c, directory.Admin)
}

// handOver orders a hand-over and carries it out, without carrying parcels.
func (p *province) handOver(from, to directory.OfficeCode) {
	p.t.Helper()
	n := p.offices[from]
	must(p.t, n.OrderHandOver(p.t.Context(), p.admin(from), to))
	for range 2 { // the second time there is nothing left
		must(p.t, n.handOverAll(p.t.Context()))
	}
}

func (n *node) closure() Closure {
	n.p.t.Helper()
	c, ok, err := n.Closure()
	if err != nil || !ok {
		n.p.t.Fatal(ok, err)
	}
	return c
}

// holders are the offices that may write a chain.
func (p *province) holders(chain digest.Digest) (out []directory.OfficeCode) {
	for c, n := range p.offices {
		if _, s, err := n.chainHere(chain); err == nil && s.Holds(string(c)) {
			out = append(out, c)
		}
	}
	return out
}

// TestWhatAClosedOfficeHadReachesItsResult: the commune closes while the district has its request; the successor has the dossier as
// soon as it arrives, the report finds it there though it was sent to the commune, and the citizen sees one dossier all along.
func TestWhatAClosedOfficeHadReachesItsResult(t *testing.T) {
	p := newProvince(t)
	ctx, leader := t.Context(), p.officer(huyen)
	c, code, h, asked := p.underWay()
	p.carry()
	p.report()
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	must(t, p.offices[huyen].Receive(ctx, leader, asked.ID, "d1"))
	p.handOver(xa, moi)
	if v := p.offices[xa].closure(); v.Left != 0 || v.UnderWay != 1 || v.Taken != 0 || v.Decision != "NQ 1667/NQ-UBTVQH15" {
		t.Errorf("under way: %+v", v)
	}
	if who := p.holders(h.state.Chain); len(who) != 0 {
		t.Errorf("handed over and not arrived, it is written by %v", who)
	}
	for at, n := range p.offices {
		if v, err := n.MyDossier(ctx, c, code); at != moi && (err != nil || v.Office.Code != xa || !v.Fresh) {
			t.Errorf("under way, seen at %s: %s, fresh %v, %v", at, v.Office.Code, v.Fresh, err)
		}
	}
	if err := p.offices[xa].Return(ctx, p.officer(xa), h.state.Chain, dossier.AtDesk, "x"); !forbidden(err, dossier.RuleHandedOver) {
		t.Errorf("the former office goes on: %v", err)
	}
	result := Upload{"quyết định.pdf", bytes.NewReader(pdf)}
	must(t, p.offices[huyen].Decide(ctx, leader, asked.ID, dossier.Approved, "", &result, "d2"), p.offices[huyen].Report(ctx, leader, asked.ID, "", "d3"))
	p.offices[xa].lost = 1 // the receipt for the hand-over
	for p.carry() > 0 {
	}
	p.report()
	if v := p.offices[xa].closure(); v.UnderWay != 0 || v.Taken != 1 {
		t.Errorf("acknowledged: %+v", v)
	}
	ready := p.offices[moi].only(BucketReturn)
	if ready.Chain != h.state.Chain || ready.Code != code || ready.Root.Code != moi || ready.Due.Unix() != h.state.Due {
		t.Fatalf("at the successor: %+v", ready)
	}
	if page, err := p.offices[moi].List(ctx, p.officer(moi), Filter{Taken: true}); err != nil || len(page.Lines) != 1 {
		t.Errorf("the list of what came: %+v %v", page, err)
	}
	slip, err := p.offices[moi].Slip(ctx, p.officer(moi), code)
	if err != nil || slip.Code != code || slip.Office.Code != moi || slip.Event != h.chain[0].ID() {
		t.Errorf("the slip at the successor: %+v %v", slip, err)
	}
	must(t, p.offices[moi].Return(ctx, p.officer(moi), h.state.Chain, dossier.Electronic, "r"))
	for p.carry() > 0 {
	}
	p.report()
	p.endedAt(c, code, h.state)
}

func forbidden(err error, code dossier.RuleCode) bool {
	r, ok := errors.AsType[*dossier.Rule](err)
	return ok && r.Code == code
}

// endedAt checks what everyone sees of a dossier that the successor has returned.
func (p *province) endedAt(c Citizen, code string, was dossier.State) {
	t, ctx := p.t, p.t.Context()
	for at, n := range p.offices {
		v, err := n.MyDossier(ctx, c, code)
		if err != nil || !v.Fresh || v.Status != dossier.StatusReturned || v.Office.Code != moi || len(v.Results) != 1 || v.Due.Unix() != was.Due {
			t.Errorf("seen at %s: %+v %v", at, v, err)
		}
		kinds := map[dossier.Kind]directory.OfficeCode{}
		for _, e := range v.History {
			kinds[e.Kind] = e.Office.Code
		}
		if kinds[dossier.KindAccepted] != xa || kinds[dossier.KindHandedOver] != xa || kinds[dossier.KindTaken] != moi || kinds[dossier.KindReturned] != moi {
			t.Errorf("the history at %s: %+v", at, v.History)
		}
		if tr, err := n.Track(ctx, code, "4567"); err != nil || tr.Status != dossier.StatusReturned || tr.Office.Code != moi {
			t.Errorf("tracked at %s: %+v %v", at, tr, err)
		}
	}
	if who := p.holders(was.Chain); !slices.Equal(who, []directory.OfficeCode{moi}) {
		t.Errorf("it is written by %v", who)
	}
	p.sameEverywhere(was.Chain)
}

// TestBothChainsOfADossierComeToOneOffice: the commune and the district that it has asked close in favour of one office; nobody had
// taken the request in hand. The successor does both and takes note of the one in the other by itself.
func TestBothChainsOfADossierComeToOneOffice(t *testing.T) {
	for _, order := range [][]directory.OfficeCode{{xa, huyen}, {huyen, xa}} {
		p := newProvince(t)
		ctx := t.Context()
		_, code, h, asked := p.underWay()
		p.carry()
		p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi, huyen: moi})
		for _, c := range order {
			p.handOver(c, moi)
			p.carry()
		}
		both := p.officer(moi)
		n := p.offices[moi]
		if l := n.only(BucketWork); l.Chain != asked.ID || l.Code != code {
			t.Fatalf("the child at the successor: %+v", l)
		}
		v, err := n.Dossier(ctx, both, asked.ID)
		if err != nil || v.Next == nil || v.Next.Office.Code != moi || reasonAgainst(v.Allowed, dossier.KindDecided) != nil {
			t.Errorf("the child on the successor's desk: %+v %+v %v", v.Next, v.Allowed, err)
		}
		result := Upload{"quyết định.pdf", bytes.NewReader(pdf)}
		must(t, n.Decide(ctx, both, asked.ID, dossier.Approved, "", &result, "d"), n.Report(ctx, both, asked.ID, "", "e"))
		if n := p.carry(); n > 1 { // what the portal is told
			t.Errorf("%d parcels, as if the office wrote to itself", n)
		}
		must(t, n.Return(ctx, both, n.only(BucketReturn).Chain, dossier.AtDesk, "f"))
		p.sameEverywhere(h.state.Chain)
		p.sameEverywhere(asked.ID)
	}
}

// TestAReportThatWaitsGoesToTheSuccessor, which may be the office itself, or one whose predecessor's machine is no more.
func TestAReportThatWaitsGoesToTheSuccessor(t *testing.T) {
	for what, c := range map[string]struct {
		heirs map[directory.OfficeCode]directory.OfficeCode
		off   bool // the commune's machine is no more when the report is sent
	}{
		"refused by the former office":   {map[directory.OfficeCode]directory.OfficeCode{xa: moi}, false},
		"whose machine is no more":       {map[directory.OfficeCode]directory.OfficeCode{xa: moi}, true},
		"the district itself":            {map[directory.OfficeCode]directory.OfficeCode{xa: huyen}, false},
		"the district, with no machine ": {map[directory.OfficeCode]directory.OfficeCode{xa: huyen}, true},
	} {
		p := newProvince(t)
		ctx, leader, district := t.Context(), p.officer(huyen), p.offices[huyen]
		_, _, h, asked := p.underWay()
		p.carry()
		result := Upload{"quyết định.pdf", bytes.NewReader(pdf)}
		p.cut[huyen] = true
		must(t, district.Receive(ctx, leader, asked.ID, "a"), district.Decide(ctx, leader, asked.ID, dossier.Approved, "", &result, "b"), district.Report(ctx, leader, asked.ID, "", "c"))
		p.close(c.heirs)
		heir := c.heirs[xa]
		p.handOver(xa, heir)
		p.cut[huyen], p.cut[xa] = false, c.off
		if c.off { // the hand-over itself comes on a stick, after the report
			p.book.Revoke(replication.Name(xa), p.now.Add(time.Hour))
			p.now = p.now.Add(2 * time.Hour)
			district.repack(ctx)
			for _, early := range replicationtest.Waiting(t, district.Outbox(), replication.Name(moi), 9) {
				if r, err := p.take(huyen, moi, early); err == nil {
					t.Errorf("%s: a report before its dossier gets the answer %+v", what, r)
				}
			}
			ps := replicationtest.Waiting(t, p.offices[xa].Outbox(), replication.Name(heir), 9)
			p.deliver(p.offices[xa], p.offices[heir], ps[0])
		}
		for range 4 {
			p.carry()
			district.repack(ctx)
		}
		for _, n := range p.offices {
			if _, bad, err := n.Unsettled(); err != nil || len(bad) > 0 {
				t.Errorf("%s: %s has troubles: %+v %v", what, n.Code, bad, err)
			}
		}
		if l := p.offices[heir].only(BucketReturn); l.Chain != h.state.Chain {
			t.Errorf("%s: at the successor: %+v", what, l)
		}
	}
}

// TestHandOverRules: who may order it, when, and what nobody takes.
func TestHandOverRules(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	_, _, h, _ := p.underWay()
	p.carry()
	n := p.offices[xa]
	if _, closes, err := n.Closure(); closes || err != nil {
		t.Errorf("an office that does not close: %v %v", closes, err)
	}
	day := p.now
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	for what, c := range map[string]struct {
		who  directory.Account
		to   directory.OfficeCode
		at   time.Time
		want directory.Code
	}{
		"by an officer":        {p.officer(xa), moi, p.now, directory.Denied},
		"to somebody else":     {p.admin(xa), huyen, p.now, directory.Conflict},
		"before it has closed": {p.admin(xa), moi, day, directory.Conflict},
	} {
		p.now = c.at
		if err := n.OrderHandOver(ctx, c.who, c.to); directory.CodeOf(err) != c.want {
			t.Errorf("ordered %s: %v", what, err)
		}
		must(t, n.handOverAll(ctx))
		if v := n.closure(); v.Left != 1 || len(v.To) != 1 || v.To[0].Code != moi || v.Past != (c.at != day) {
			t.Errorf("%s: %+v", what, v)
		}
		p.now = time.Date(2026, 12, 1, 9, 0, 0, 0, directory.Zone)
	}
	p.handOver(xa, moi)
	closed := p.closed
	p.closed = nil
	ps := replicationtest.Waiting(t, n.Outbox(), replication.Name(moi), 1)
	if _, err := p.take(xa, moi, ps[0]); err == nil {
		t.Error("taken over though the directory says nothing of it")
	}
	p.closed = closed
	body := handOverContent{Chain: records(h.chain)}
	if r, err := p.send(xa, moi, kindHandOver, body, h.state.Submission.Attachments...); err != nil || r.Refusal != replication.Unwelcome {
		t.Errorf("a chain that is not handed over: %+v %v", r, err)
	}
	if chain, _, err := n.chainHere(h.state.Chain); err != nil {
		t.Error(err)
	} else if r, err := p.send(huyen, moi, kindHandOver, handOverContent{Chain: records(chain)}, h.state.Submission.Attachments...); err != nil || r.Refusal != replication.Unwelcome {
		t.Errorf("sent on by another office: %+v %v", r, err)
	}
	if r, err := p.take(xa, moi, ps[0]); err != nil || r.Outcome != replication.TakenOver || r.Log == nil {
		t.Errorf("the receipt of a chain that was taken over: %+v %v", r, err)
	}
	anew, err := n.packAnew(ctx, store.Waiting{ID: ps[0].ID(), Outgoing: store.Outgoing{To: "H32.22333", About: h.state.Chain, Kind: kindHandOver.String()}})
	must(t, err)
	if r, err := p.take(xa, moi, anew.parcel); err != nil || r.Outcome != replication.TakenOver {
		t.Errorf("packed anew: %+v %v", r, err)
	}
	if chain, s, err := p.offices[moi].chainHere(h.state.Chain); err != nil || len(chain) != len(h.chain)+2 || s.Office != string(moi) {
		t.Errorf("after both: %d events, %v", len(chain), err)
	}
}

// TestHandOverOutlivesPowerCuts: at every step both machines lose their power, and what was ordered goes on where it was.
func TestHandOverOutlivesPowerCuts(t *testing.T) {
	p := newProvince(t)
	_, code, h, _ := p.underWay()
	p.carry()
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	cut := func() {
		for _, c := range []directory.OfficeCode{xa, moi} {
			p.offices[c].close()
			p.offices[c].open(c)
		}
	}
	must(t, p.offices[xa].OrderHandOver(t.Context(), p.admin(xa), moi))
	cut()
	must(t, p.offices[xa].handOverAll(t.Context()))
	cut()
	if n := len(replicationtest.Waiting(t, p.offices[xa].Outbox(), replication.Name(moi), 9)); n != 1 {
		t.Fatalf("%d parcels for the successor after a power cut", n)
	}
	must(t, p.offices[xa].handOverAll(t.Context()))
	p.offices[xa].lost = 1
	p.carry()
	cut()
	if v := p.offices[xa].closure(); v.UnderWay != 1 || v.Left != 0 {
		t.Errorf("its receipt was lost: %+v", v)
	}
	p.carry()
	cut()
	if v := p.offices[xa].closure(); v.Taken != 1 || v.UnderWay != 0 {
		t.Errorf("acknowledged: %+v", v)
	}
	if l := p.offices[moi].only(BucketWait); l.Code != code {
		t.Errorf("at the successor: %+v", l)
	}
	if who := p.holders(h.state.Chain); !slices.Equal(who, []directory.OfficeCode{moi}) {
		t.Errorf("it is written by %v", who)
	}
	p.sameEverywhere(h.state.Chain)
}

// TestNotTooMuchIsUnderWay: the next chain goes when a receipt has come.
func TestNotTooMuchIsUnderWay(t *testing.T) {
	p := newProvince(t)
	n, c := p.offices[xa], p.citizen("anh")
	for range 3 {
		alias := p.submit(bien, c)
		p.carry()
		_, err := n.Accept(t.Context(), p.officer(xa), alias, alias)
		must(t, err)
	}
	p.carry()
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	n.window = 2
	p.handOver(xa, moi)
	if v := n.closure(); v.Left != 1 || v.UnderWay != 2 {
		t.Errorf("with the window full: %+v", v)
	}
	p.carry()
	must(t, n.handOverAll(t.Context()))
	if v := n.closure(); v.Left != 0 || v.UnderWay != 1 || v.Taken != 2 {
		t.Errorf("after two receipts: %+v", v)
	}
	if len(n.handing) != 1 {
		t.Error("the receipts woke nobody")
	}
}

// TestADecisionPublishedLate: what was accepted on a day on which the office turns out to have been closed goes over too, and its
// further steps are done above the office as it last was.
func TestADecisionPublishedLate(t *testing.T) {
	p := newProvince(t)
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	late := p.closed
	p.closed = nil
	p.underWay()
	p.closed = late
	p.handOver(xa, moi)
	if v := p.offices[xa].closure(); v.Left != 0 || v.UnderWay != 1 {
		t.Errorf("%+v", v)
	}
}

// fullSpool has no room left.
type fullSpool struct{ Spool }

func (fullSpool) Pack(spool.Draft, *record.Key, *seal.PublicKey, []byte, []replication.File) (replication.Parcel, error) {
	return replication.Parcel{}, syscall.ENOSPC
}

// TestWhatIsInTheWayOfAHandOverIsSeen: with a full disk the dossier stays, and whoever looks learns why, until there is room.
func TestWhatIsInTheWayOfAHandOverIsSeen(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	p.underWay()
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	must(t, n.OrderHandOver(ctx, p.admin(xa), moi))
	room := n.Spool
	n.Spool = fullSpool{room}
	n.handOverNow(ctx)
	if v := n.closure(); v.Left != 1 || !strings.Contains(v.Hindrance, "no space left") {
		t.Errorf("on a full disk: %+v", v)
	}
	n.Spool = room
	n.handOverNow(ctx)
	if v := n.closure(); v.UnderWay != 1 || v.Hindrance != "" {
		t.Errorf("with room again: %+v", v)
	}
}

// TestADividedOffice: where several take over, the admin says which dossier goes to whom, and a wrong code hands over none.
func TestADividedOffice(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c := p.citizen("anh")
	var codes []string
	for range 2 {
		alias := p.submit(bien, c)
		p.carry()
		code, err := n.Accept(ctx, p.officer(xa), alias, alias)
		must(t, err)
		codes = append(codes, code)
	}
	p.close(nil)
	p.closed[xa] = []directory.OfficeCode{moi, bien}
	for what, wrong := range map[string][]string{
		"one unknown here": {codes[0], "H32.22327-261125-0099"}, "no code": {codes[0], "hồ sơ"}, "too many": slices.Repeat(codes, MaxHandedOver),
	} {
		if err := n.HandOver(ctx, p.admin(xa), moi, wrong); directory.CodeOf(err) != directory.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := n.HandOver(ctx, p.officer(xa), moi, codes); directory.CodeOf(err) != directory.Denied {
		t.Errorf("by an officer: %v", err)
	}
	if err := n.HandOverHere(ctx, huyen, codes); directory.CodeOf(err) != directory.Conflict {
		t.Errorf("to somebody else: %v", err)
	}
	if v := n.closure(); v.Left != 2 || v.UnderWay != 0 || len(v.To) != 2 {
		t.Fatalf("before: %+v", v)
	}
	must(t, n.HandOver(ctx, p.admin(xa), moi, codes[:1]), n.HandOverHere(ctx, bien, codes[1:]), n.handOverAll(ctx))
	for p.carry() > 0 {
	}
	for i, heir := range []directory.OfficeCode{moi, bien} {
		if l := p.offices[heir].only(BucketWork); l.Code != codes[i] {
			t.Errorf("at %s: %+v", heir, l)
		}
	}
	if v := n.closure(); v.Left != 0 || v.Taken != 2 || v.Ordered.Code != "" {
		t.Errorf("after: %+v", v)
	}
}

// TestNobodyTakesOverWhatWasNotOffered: a peer that says it has taken over what was only asked of it gets nothing by that.
func TestNobodyTakesOverWhatWasNotOffered(t *testing.T) {
	p := newProvince(t)
	_, code, _, _ := p.underWay()
	n := p.offices[xa]
	ps := replicationtest.Waiting(t, n.Outbox(), replication.Name(huyen), 1)
	v := ps[0].Answer("", "", p.now.Unix())
	v.Outcome = replication.TakenOver
	signed, err := v.Sign(p.offices[huyen].key())
	must(t, err, n.Outbox().Settle(t.Context(), ps[0], signed, v))
	if l := n.only(BucketWait); l.Code != code || l.Root.Code != xa {
		t.Errorf("it has become the dossier of %s", l.Root.Code)
	}
	if v, err := n.ordered(); v != (order{}) || err != nil {
		t.Errorf("something was handed over: %+v, %v", v, err)
	}
}
