package province_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"motcua/directory"
	"motcua/node/office"
	node "motcua/node/server"
	"motcua/replication/replicationtest"
)

// The measures of a storm. A shift is short and the nights between are long: in a night every machine is off, so days pass
// in no time.
const (
	shiftTime = time.Minute
	lookEvery = 4 * time.Second // how often people look at their lists
	longNight = 60 * time.Hour
)

// communes are the offices in charge of both procedures.
var communes = []directory.OfficeCode{dienAn, suoiHiep, locTho, vinhLuong}

// storm is a province in bad times.
type storm struct {
	w       *world
	chance  *rand.Rand
	mended  map[string]time.Time // when a cut cable is plugged in again
	powered map[string]time.Time // when a machine without power has it again
	sent    int
	did     map[string]int // what happened how often, to see that it did
	sticks  [][]byte       // bundles somebody carries around
}

// TestStorm: dossiers handed in anywhere, worked on as soon as lists show them, while packets are lost, doubled and
// overtaken, cables are cut for minutes to days, and offices and directory servers lose their power in mid-flight. In the
// end every law holds.
func TestStorm(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inProvince(t, func(w *world) {
				s := &storm{
					w: w, chance: rand.New(rand.NewPCG(seed, 2)), mended: map[string]time.Time{}, powered: map[string]time.Time{},
					did: map[string]int{},
				}
				for range shifts {
					s.shift()
					s.night()
				}
				s.clearUp()
				for what, least := range map[string]int{"cut": shifts, "power cut": shifts, "act": 6 * dossiers} {
					if s.did[what] < least {
						w.t.Errorf("%q happened %d times: this was no storm", what, s.did[what])
					}
				}
				w.lawsHold()
				w.t.Log(s.did)
			})
		})
	}
}

// shift is a time in which machines run and people work.
func (s *storm) shift() {
	s.w.net.SetWeather(replicationtest.Weather{
		Loss: 0.05 + 0.15*s.chance.Float64(), Duplicate: 0.1 * s.chance.Float64(),
		Latency: time.Duration(s.chance.IntN(40)) * time.Millisecond, Jitter: 30 * time.Millisecond,
	})
	for end := time.Now().Add(shiftTime); time.Now().Before(end); time.Sleep(lookEvery) {
		s.mend()
		s.handIn()
		s.work()
		time.Sleep(time.Duration(s.chance.Int64N(int64(lookEvery) / 4))) // in the middle of a transfer, as a rule
		s.mishap()
		s.carry()
	}
}

// mend ends the mishaps whose time is over.
func (s *storm) mend() {
	for _, name := range slices.Sorted(maps.Keys(s.mended)) {
		if !time.Now().Before(s.mended[name]) {
			s.w.heal(name)
			delete(s.mended, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.powered)) {
		if !time.Now().Before(s.powered[name]) {
			s.w.start(s.w.machines[name])
			delete(s.powered, name)
		}
	}
}

// lasting is how long a mishap lasts: mostly less than a shift, sometimes days.
func (s *storm) lasting() time.Time {
	d := time.Duration(5+s.chance.IntN(40)) * time.Second
	if s.chance.IntN(5) == 0 {
		d = time.Duration(s.chance.Int64N(int64(2 * longNight)))
	}
	return time.Now().Add(d)
}

// mishap lets something go wrong, perhaps.
func (s *storm) mishap() {
	names := slices.Sorted(maps.Keys(s.w.machines))
	name := names[s.chance.IntN(len(names))]
	m := s.w.machines[name]
	_, dark := s.powered[name]
	_, alone := s.mended[name]
	switch {
	case dark || alone || !m.on():
	case s.chance.IntN(2) == 0:
		s.w.cut(name)
		s.mended[name] = s.lasting()
		s.did["cut"]++
	default:
		s.w.powerCut(name)
		s.powered[name] = s.lasting()
		s.did["power cut"]++
		if m.server != nil {
			s.did["server down"]++
		}
	}
}

// handIn has a few citizens hand in at the portals that run.
func (s *storm) handIn() {
	portals := s.w.running()
	for range 1 + s.chance.IntN(2) {
		if s.sent == dossiers || len(portals) == 0 {
			return
		}
		procedure := funeral
		if s.chance.IntN(3) == 0 {
			procedure = worship
		}
		portal, to := portals[s.chance.IntN(len(portals))], communes[s.chance.IntN(len(communes))]
		if _, err := s.w.submit(s.w.t.Context(), s.chance.IntN(len(s.w.citizens)), portal, to, procedure); err != nil {
			s.w.t.Fatalf("hand in at %s for %s: %v", portal, to, err)
		}
		s.sent++
	}
}

// carry writes a stick where parcels wait, perhaps, and reads one everywhere: the right office takes what is on it, once,
// whatever the line brings; others refuse it.
func (s *storm) carry() {
	on := s.w.running()
	for _, code := range on {
		strip, err := s.w.node(code).Strip()
		s.w.fatal(err)
		if strip.Waiting > 0 && s.chance.IntN(3) == 0 {
			b, err := s.w.ask(string(code), http.MethodGet, "/bundle", nil)
			s.w.fatal(err)
			s.sticks = append(s.sticks, b)
		}
	}
	if len(s.sticks) == 0 {
		return
	}
	stick := s.sticks[s.chance.IntN(len(s.sticks))]
	for _, code := range on {
		b, err := s.w.ask(string(code), http.MethodPost, "/bundle", stick)
		s.w.fatal(err)
		var r node.BundleReport
		s.w.fatal(json.Unmarshal(b, &r))
		s.did["carried"] += r.Parcels
		for _, f := range r.Faults {
			s.w.t.Errorf("a stick from %s has the fault %q", r.From, f)
		}
	}
}

// work has everybody work whose machine runs.
func (s *storm) work() {
	for _, code := range s.w.running() {
		n, err := s.w.work(s.w.t.Context(), code)
		if err != nil {
			s.w.t.Fatal(err)
		}
		s.did["act"] += n
	}
}

// night switches every machine off, by the switch or by the fuse, and on again after hours or days. What is broken stays so
// for its time.
func (s *storm) night() {
	names := slices.Sorted(maps.Keys(s.w.machines))
	for _, name := range names {
		if _, alone := s.mended[name]; s.w.machines[name].on() && !alone && s.chance.IntN(3) == 0 {
			s.w.powerCut(name)
		}
	}
	for _, name := range names {
		s.w.off(s.w.machines[name])
		if _, dark := s.powered[name]; !dark {
			s.powered[name] = time.Time{}
		}
	}
	time.Sleep(time.Duration(s.chance.Int64N(int64(longNight))))
	s.mend()
}

// clearUp mends everything and lets people finish.
func (s *storm) clearUp() {
	s.w.net.SetWeather(replicationtest.Weather{Loss: 0.02, Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond})
	for name := range s.mended {
		s.mended[name] = time.Time{}
	}
	for name := range s.powered {
		s.powered[name] = time.Time{}
	}
	s.mend()
	for range 200 {
		s.handIn()
		s.work()
		if s.sent == dossiers && s.w.rest(0) == nil && s.allReturned() {
			return
		}
		time.Sleep(lookEvery)
	}
	s.w.t.Fatalf("the province does not come to rest: %d of %d handed in, all returned: %v, %v", s.sent, dossiers, s.allReturned(), s.w.rest(0))
}

// allReturned tells whether every applicant has the result.
func (s *storm) allReturned() bool {
	n := 0
	for _, code := range communes {
		p, err := s.w.node(code).List(s.w.t.Context(), s.w.staff[code], office.Filter{N: 200})
		if err != nil {
			s.w.t.Fatal(err)
		}
		for _, l := range p.Lines {
			if l.Root.Code == code && !l.Due.IsZero() && l.Status == "returned" {
				n++
			}
		}
	}
	return n == dossiers
}
