package office

import (
	"slices"
	"testing"
	"time"

	"motcua/directory"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// TestATransferRaisesItself: after the hours that the catalogue sets for the recipient's step, and where it sets none, after a quarter of
// the step's time: of two working days, four hours.
func TestATransferRaisesItself(t *testing.T) {
	for hours, within := range map[uint16]time.Duration{0: 4 * time.Hour, 1: time.Hour, 30: 30 * time.Hour} {
		p := newProvince(t)
		p.acknowledge = hours
		p.underWay()
		n := p.offices[xa]
		for after, raised := range map[time.Duration]bool{within - time.Minute: false, within + time.Minute: true} {
			n.Office.Now = func() time.Time { return p.now.Add(after) }
			if s, ok := n.request(); !ok || s.Raised != raised || s.Within != within {
				t.Errorf("%d hours, after %v: %+v", hours, after, s)
			}
		}
	}
}

// request is the one that waits for the district.
func (n *node) request() (Sending, bool) {
	list, _, err := n.Sendings(n.p.officer(n.Code))
	must(n.p.t, err)
	i := slices.IndexFunc(list, func(s Sending) bool { return s.To.Code == huyen })
	if i < 0 {
		return Sending{}, false
	}
	return list[i], true
}

// TestAPersonSendsOn: a parcel past its lifetime goes to a person, who gives it thirty days more; then it is no longer shown as past it. One
// that arrived meanwhile is left alone.
func TestAPersonSendsOn(t *testing.T) {
	p := newProvince(t)
	p.underWay()
	n, officer := p.offices[xa], p.officer(xa)
	parcel := replicationtest.Waiting(t, n.Outbox(), replication.Name(huyen), 1)[0].ID()
	overdue := func() bool {
		s, ok := n.request()
		if !ok {
			t.Fatal("it does not wait")
		}
		return s.Overdue
	}
	p.now = p.now.Add(31 * 24 * time.Hour)
	if !overdue() {
		t.Error("it is not past its lifetime")
	}
	if err := n.KeepSending(t.Context(), directory.Account{ID: "anh", Kind: directory.Citizen}, parcel); directory.CodeOf(err) != directory.Denied {
		t.Errorf("a citizen decides: %v", err)
	}
	must(t, n.KeepSending(t.Context(), officer, parcel))
	if overdue() {
		t.Error("a person has decided, and is asked again")
	}
	p.now = p.now.Add(29 * 24 * time.Hour)
	if overdue() {
		t.Error("it was given fewer than thirty days")
	}
	p.now = p.now.Add(2 * 24 * time.Hour)
	if !overdue() {
		t.Error("it is sent on for ever")
	}
	if p.carry() == 0 {
		t.Error("it does not arrive any more")
	}
	must(t, n.KeepSending(t.Context(), officer, parcel))
	if s, ok := n.request(); ok {
		t.Errorf("%+v", s)
	}
}
