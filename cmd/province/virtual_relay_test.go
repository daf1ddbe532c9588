package province_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"motcua/directory"
	"motcua/node/dossier"
	"motcua/replication/relay"
)

// kept is what a machine keeps for offices that are away.
func (w *world) kept(name string) (l relay.List, err error) {
	b, err := w.ask(name, "GET", "/relay", nil)
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	return l, err
}

// relayed checks how many parcels the directory's servers keep, once it has come to that.
func (s *story) relayed(n int) *story {
	return s.line(fmt.Sprintf("%d parcels are kept by relays", n), func() error {
		return eventually(patientFor, "the relays", func() error {
			have := 0
			for _, name := range servers {
				l, err := s.w.kept(name)
				if err != nil {
					return err
				}
				have += l.Parcels
			}
			if have != n {
				return fmt.Errorf("they keep %d", have)
			}
			return nil
		})
	})
}

func (s *story) off(name directory.OfficeCode) *story {
	return s.line(string(name)+" is switched off", func() error { s.w.off(s.w.machines[string(name)]); return nil })
}

func (s *story) on(name directory.OfficeCode) *story {
	return s.line(string(name)+" is switched on", func() error { s.w.start(s.w.machines[string(name)]); return nil })
}

// TestNeverUpTogether: commune and district are never on at the same time, and the dossier goes there and back all the same.
func TestNeverUpTogether(t *testing.T) {
	inProvince(t, func(w *world) {
		w.tell(funeral).
			passes(10*time.Second).
			submits(dienAn, dienAn).
			does(dienAn, accepts, finishes).
			off(dienKhanh).
			does(dienAn, forwards).
			relayed(1).
			off(dienAn).
			on(dienKhanh).
			does(dienKhanh, receives, decides, reports).
			relayed(1).
			off(dienKhanh).
			on(dienAn).
			waiting(dienAn, 0).
			does(dienAn, returns).
			on(dienKhanh).
			sees(centre, dossier.StatusReturned, true).
			downloads(centre).
			end()
		w.lawsHold()
	})
}
