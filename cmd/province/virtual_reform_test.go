package province_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/server"
	"motcua/node/dossier"
	node "motcua/node/server"
)

// TestReform: a commune merges into another, and their district is no more: an office of the province does its part. Dossiers are
// under way in every stage; the two closed offices hand them over, one of them through a power cut, and each reaches its result.
func TestReform(t *testing.T) {
	inProvince(t, func(w *world) {
		asked := w.tell(funeral).
			submits(locTho, suoiHiep).
			does(suoiHiep, accepts, finishes, forwards)
		inHand := w.tell(funeral).
			submits(dienAn, dienAn).
			does(dienAn, accepts, finishes, forwards).
			does(dienKhanh, receives)
		begun := w.tell(funeral).
			submits(suoiHiep, suoiHiep).
			does(suoiHiep, accepts).
			waiting(suoiHiep, 0)
		for _, s := range []*story{asked, inHand, begun} {
			s.end()
		}
		w.reform()
		w.night(24 * time.Hour)
		w.handsOver(suoiHiep, dienAn)
		w.handsOver(dienKhanh, centre)
		w.powerCut(string(dienKhanh))
		w.start(w.machines[string(dienKhanh)])
		inHand.does(centre, decides, reports).
			does(dienAn, returns).
			end()
		asked.does(centre, decides, reports).
			does(dienAn, returns).
			sees(locTho, dossier.StatusReturned, true).
			downloads(nhaTrang).
			end()
		begun.does(dienAn, finishes, forwards).
			does(centre, receives, decides, reports).
			does(dienAn, returns).
			sees(suoiHiep, dossier.StatusReturned, true).
			downloads(suoiHiep).
			end()
		w.fatal(w.rest(time.Hour))
		w.handedOver(suoiHiep, 2)
		w.handedOver(dienKhanh, 2)
		w.lawsHold()
	})
}

// reform publishes the decision, as of tomorrow, and waits until every office knows it.
func (w *world) reform() {
	w.t.Helper()
	change := command.ChangeOffices{
		On: directory.DateOf(time.Now()).AddDays(1), Decision: "NQ 1667/NQ-UBTVQH15", Offices: []command.OfficeChange{
			{Kind: directory.ActMove, Office: dienAn, Parent: "H32"},
			{Kind: directory.ActClose, Office: suoiHiep, Others: []directory.OfficeCode{dienAn}},
			{Kind: directory.ActClose, Office: dienKhanh, Others: []directory.OfficeCode{centre}},
		},
	}
	admin[server.OfficeAnswer](w, "dir-1", "/offices", server.OfficeRequest{ChangeOffices: change, Anyway: true})
	w.fatal(eventually(time.Hour, "the reform is known", func() error {
		for _, code := range w.running() {
			if o, _ := w.machines[string(code)].node.Replica().Office(suoiHiep); o.Valid.To == "" {
				return fmt.Errorf("not at %s", code)
			}
		}
		return nil
	}))
}

// handsOver orders it by the tool of the office's machine.
func (w *world) handsOver(from, to directory.OfficeCode) {
	w.t.Helper()
	admin[node.HandOver](w, string(from), "/hand-over", map[string]directory.OfficeCode{"To": to})
}

// handedOver checks that so many chains were taken over, and nothing is left.
func (w *world) handedOver(from directory.OfficeCode, n int) {
	w.t.Helper()
	b, err := w.ask(string(from), http.MethodGet, "/hand-over", nil)
	w.fatal(err)
	var h node.HandOver
	w.fatal(json.Unmarshal(b, &h))
	if !h.Done() || h.Taken != n || h.Submissions != 0 {
		w.t.Errorf("%s has handed over %+v, want %d", from, h, n)
	}
}
