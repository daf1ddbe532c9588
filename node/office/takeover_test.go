package office

import (
	"slices"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// TestASuccessorThatClosesToo takes what is still on its way to it, hands it on, and a report finds it though the former office knows
// of the first successor alone.
func TestASuccessorThatClosesToo(t *testing.T) {
	p := newProvince(t)
	_, code, h, asked := p.underWay()
	p.carry()
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	p.handOver(xa, moi)
	p.closed[moi] = []directory.OfficeCode{bien}
	p.carry()
	p.handOver(moi, bien)
	p.cut[huyen] = true
	for p.carry() > 0 {
	}
	p.cut[huyen] = false
	p.decided(asked.ID)
	for p.carry() > 0 {
	}
	if l := p.offices[bien].only(BucketReturn); l.Code != code {
		t.Errorf("at the last successor: %+v", l)
	}
	if who := p.holders(h.state.Chain); !slices.Equal(who, []directory.OfficeCode{bien}) {
		t.Errorf("it is written by %v", who)
	}
}

// TestAReportOutrunsTheEdition: the district hears from the former office that the dossier is another's before it has the edition that
// says so. The report waits for that edition; it is lost to nobody, and goes to nobody whom the directory does not name.
func TestAReportOutrunsTheEdition(t *testing.T) {
	p := newProvince(t)
	_, code, _, asked := p.underWay()
	p.carry()
	p.cut[huyen] = true
	p.decided(asked.ID)
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	p.handOver(xa, moi)
	p.carry()
	closed, district := p.closed, p.offices[huyen]
	report := replicationtest.Waiting(t, district.Outbox(), replication.Name(xa), 9)[0]
	p.closed = nil
	v := report.Answer(replication.HandedOver, string(moi), p.now.Unix())
	signed, err := v.Sign(p.offices[xa].key())
	must(t, err)
	if err := district.Outbox().Settle(t.Context(), report, signed, v); err == nil {
		t.Error("settled by an answer that the directory does not bear out yet")
	}
	if _, bad, err := district.Unsettled(); err != nil || len(bad) > 0 {
		t.Errorf("a person is to see to it: %+v %v", bad, err)
	}
	p.closed, p.cut[huyen] = closed, false
	for p.carry() > 0 {
	}
	if l := p.offices[moi].only(BucketReturn); l.Code != code {
		t.Errorf("at the successor: %+v", l)
	}
}

// TestAReportToADividedOfficeThatIsNoMore goes to the one of its successors that the directory says has the dossier, and to no other.
func TestAReportToADividedOfficeThatIsNoMore(t *testing.T) {
	p := newProvince(t)
	_, code, _, asked := p.underWay()
	p.carry()
	p.cut[huyen] = true
	p.decided(asked.ID)
	p.close(nil)
	p.closed[xa] = []directory.OfficeCode{moi, bien}
	must(t, p.offices[xa].HandOver(t.Context(), p.admin(xa), bien, []string{code}))
	for p.carry() > 0 {
	}
	p.book.Revoke(replication.Name(xa), p.now.Add(time.Hour))
	p.now = p.now.Add(2 * time.Hour)
	p.cut[xa], p.cut[huyen] = true, false
	district := p.offices[huyen]
	district.repack(t.Context())
	if n := len(replicationtest.Waiting(t, district.Outbox(), replication.Name(xa), 9)); n != 1 {
		t.Error("the report is off the outbox though nobody knows yet who has the dossier")
	}
	p.report()
	district.repack(t.Context())
	if n := len(replicationtest.Waiting(t, district.Outbox(), replication.Name(moi), 9)); n != 0 {
		t.Errorf("%d parcels for the successor that has not the dossier", n)
	}
	p.carry()
	if l := p.offices[bien].only(BucketReturn); l.Code != code {
		t.Errorf("at the successor that has it: %+v", l)
	}
}

// TestWhatIsTakenTwiceCountsOnce: the successor lost a dossier and has it sent anew; nothing else may pass for acknowledged by that.
func TestWhatIsTakenTwiceCountsOnce(t *testing.T) {
	p := newProvince(t)
	_, _, h, _ := p.underWay()
	p.carry()
	p.close(map[directory.OfficeCode]directory.OfficeCode{xa: moi})
	p.handOver(xa, moi)
	n := p.offices[xa]
	first := replicationtest.Waiting(t, n.Outbox(), replication.Name(moi), 9)[0]
	p.carry()
	must(t, n.sendAnew(t.Context(), string(moi), []digest.Digest{first.ID()}))
	if len(replicationtest.Waiting(t, n.Outbox(), replication.Name(moi), 9)) != 1 {
		t.Fatal("nothing was sent anew")
	}
	p.carry()
	if v := n.closure(); v.UnderWay != 0 || v.Taken != 1 {
		t.Errorf("one chain %s was handed over: %+v", h.state.Chain.Short(), v)
	}
}
