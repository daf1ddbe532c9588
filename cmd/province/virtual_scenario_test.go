package province_test

import (
	"testing"

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

// TestMainJob is the main job across three offices.
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
	})
}
