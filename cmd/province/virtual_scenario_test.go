package province_test

import (
	"testing"
	"time"

	"motcua/node/dossier"
)

// The acts by short names, as the stories use them.
const (
	accepts  = dossier.KindAccepted
	finishes = dossier.KindStepDone
	forwards = dossier.KindRequested
	receives = dossier.KindReceived
	decides  = dossier.KindDecided
	reports  = dossier.KindReported
	returns  = dossier.KindReturned
)

// TestMainJob is the main job across three offices. What is left of it also shows that the checks are not blind.
func TestMainJob(t *testing.T) {
	inProvince(t, func(w *world) {
		w.tell(funeral).
			submits(locTho, dienAn).
			does(dienAn, accepts, finishes, forwards).
			does(dienKhanh, receives, decides, reports).
			does(dienAn, returns).
			sees(centre, dossier.StatusReturned, true).
			downloads(centre).
			end()
		w.lawsHold().see(w.t, faults)
	})
}

// lawsHold waits for the province to come to rest and asserts every law.
func (w *world) lawsHold() *census {
	w.t.Helper()
	w.fatal(w.rest(time.Hour))
	c := w.census()
	c.check(w.t)
	return c
}

// TestCutBetween: the commune loses every peer between accept and forward. Both sides work on, the request waits in the
// outbox, and arrives once when the line is back.
func TestCutBetween(t *testing.T) {
	inProvince(t, func(w *world) {
		s := w.tell(funeral).
			submits(locTho, dienAn).
			does(dienAn, accepts).
			passes(time.Minute).
			cut(dienAn).
			does(dienAn, finishes, forwards).
			waiting(dienAn, 1).
			passes(time.Minute).
			notYet(dienKhanh).
			sees(centre, dossier.StatusAccepted, false)
		w.tell(funeral).
			submits(suoiHiep, suoiHiep).
			does(suoiHiep, accepts, finishes, forwards).
			does(dienKhanh, receives, decides, reports).
			does(suoiHiep, returns).
			end()
		w.tell(funeral).
			submits(dienAn, dienAn).
			does(dienAn, accepts, finishes, forwards).
			waiting(dienAn, 2).
			heal(dienAn).
			does(dienKhanh, receives, decides, reports).
			end()
		s.waiting(dienAn, 0).
			does(dienKhanh, receives, decides, reports).
			does(dienAn, returns).
			sees(centre, dossier.StatusReturned, true).
			downloads(centre).
			end()
		w.finish()
		w.lawsHold()
	})
}

// TestStick: with the commune cut off, a stick carries the request there and the report back; what it brought arrives once,
// also when the same stick is read twice and when the line brings it again.
func TestStick(t *testing.T) {
	inProvince(t, func(w *world) {
		w.tell(funeral).
			submits(locTho, dienAn).
			does(dienAn, accepts).
			waiting(dienAn, 0).
			cut(dienAn).
			does(dienAn, finishes, forwards).
			writesStick(dienAn, dienKhanh).
			readsStick(dienKhanh, 1).
			readsStick(dienKhanh, 0).
			does(dienKhanh, receives, decides, reports).
			waiting(dienKhanh, 1).
			writesStick(dienKhanh, dienAn).
			readsStick(dienAn, 1).
			waiting(dienAn, 1). // what the portal is told; the stick had the receipt of the request
			readsStick(dienAn, 0).
			does(dienAn, returns).
			heal(dienAn).
			waiting(dienKhanh, 0).
			sees(centre, dossier.StatusReturned, true).
			downloads(centre).
			end()
		w.lawsHold()
	})
}

// finish has everybody work until nothing is left to do.
func (w *world) finish() {
	w.t.Helper()
	w.fatal(eventually(time.Hour, "work is finished", func() error {
		for _, code := range w.running() {
			if _, err := w.work(w.t.Context(), code); err != nil {
				return err
			}
		}
		return w.rest(0)
	}))
}
