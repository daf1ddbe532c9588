package state_test

import (
	"fmt"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// report reports tracks and returns what became of them.
func (s *tables) report(from directory.OfficeCode, tracks ...directory.Track) state.Reported {
	s.t.Helper()
	return value[state.Reported](s.t, s.fine(&command.Report{From: from, Tracks: tracks}))
}

func (s *tables) stateOf(code string) string {
	s.t.Helper()
	n, _, err := state.TrackOf(s, code)
	if err != nil {
		s.t.Fatal(err)
	}
	return n.State
}

const submissionCode = "N4K7-Q2MX-8RTD"

func submitted() directory.Track {
	return directory.Track{Code: submissionCode, Holder: commune, State: directory.StateSubmitted, AsOf: 10, Applicant: "a"}
}

func accepted() directory.Track {
	return directory.Track{Code: "H32.22327-261124-0001", Alias: submissionCode, Root: commune, Holder: commune, State: "accepted", AsOf: 20}
}

func TestOneBadTrackDoesNotSpoilItsBatch(t *testing.T) {
	s := enrolled(t)
	for what, spoil := range map[string]func(*directory.Track){
		"a strange applicant": func(n *directory.Track) { n.Applicant = "a/b c" },
		"a code with a slash": func(n *directory.Track) { n.Code = "a/b" },
		"a very long code":    func(n *directory.Track) { n.Code = strings.Repeat("ộ", 90) },
		"a long state":        func(n *directory.Track) { n.State = strings.Repeat("x", 33) },
		"no time":             func(n *directory.Track) { n.AsOf = 0 },
	} {
		bad := submitted()
		spoil(&bad)
		r := s.report(commune, bad, accepted())
		if r.Kept != 1 || len(r.Refused) != 1 || len(r.Refused[0]) > 64 || s.stateOf(submissionCode) != "accepted" {
			t.Errorf("%s beside a good track: %+v", what, r)
		}
	}
}

func TestOnlyTheOfficeItWasMadeToTakesASubmission(t *testing.T) {
	s := enrolled(t)
	s.report(commune, submitted())
	stolen := submitted()
	stolen.Root, stolen.Holder, stolen.State, stolen.AsOf = other, other, "refused", 11
	if r := s.report(other, stolen); r.Kept != 0 {
		t.Errorf("another office takes a submission: %+v", r)
	}
	stolen = accepted()
	stolen.Code, stolen.Root, stolen.Holder = "H32.22330-261124-0001", other, other
	if r := s.report(other, stolen); r.Kept != 0 {
		t.Errorf("another office makes it its dossier: %+v", r)
	}
	if r := s.report(commune, accepted()); r.Kept != 1 {
		t.Errorf("the office it was made to: %+v", r)
	}
}

func TestWhatAnOfficeDecidedIsNotUndoneByAFastClock(t *testing.T) {
	s := enrolled(t)
	fast := submitted()
	fast.AsOf = s.at*1000 + 3_600_000 // the portal's clock is an hour ahead
	s.report(other, fast)
	refused := submitted()
	refused.Root, refused.State, refused.AsOf = commune, "refused", s.at*1000
	s.report(commune, refused)
	if got := s.stateOf(submissionCode); got != "refused" {
		t.Errorf("after the refusal the submission is %s", got)
	}
	again := submitted() // the office's own report of its arrival comes late
	again.Root, again.AsOf = commune, s.at*1000+1
	s.report(commune, again)
	again.Root = ""
	s.report(commune, again)
	if got := s.stateOf(submissionCode); got != "refused" {
		t.Errorf("after late reports of the arrival the submission is %s", got)
	}
	ahead := accepted()
	ahead.Alias, ahead.AsOf = "", (s.at+30*86400)*1000
	s.report(commune, ahead)
	s.at += 60 // its clock was put right
	done := ahead
	done.State, done.AsOf = "returned", s.at*1000
	s.report(commune, done)
	if got := s.stateOf(ahead.Code); got != "returned" {
		t.Errorf("a report from the future holds for a month: %s", got)
	}
}

func TestNoOfficeCrowdsAnApplicantsListOut(t *testing.T) {
	s := enrolled(t)
	real := accepted()
	real.Applicant = "a"
	for i := range 3 {
		real.Code, real.Alias, real.AsOf = fmt.Sprintf("H32.22327-261124-%04d", i), "", int64(100+i)
		s.report(commune, real)
	}
	for i := range 5 {
		var batch []directory.Track
		for j := range 300 {
			batch = append(batch, directory.Track{
				Code: fmt.Sprintf("AAAA-%04d", i*300+j), Root: other, Holder: other, State: "x", AsOf: int64(1000 + i), Applicant: "a",
			})
		}
		s.report(other, batch...)
	}
	mine, err := state.TracksOf(s, "a")
	if err != nil || len(mine) != state.MaxMine {
		t.Fatalf("%d tracks, %v", len(mine), err)
	}
	var own []string
	for i, n := range mine {
		if n.Root == commune {
			own = append(own, n.Code)
		}
		if i > 0 && mine[i-1].AsOf < n.AsOf {
			t.Fatal("they are not newest first")
		}
	}
	if len(own) != 3 || own[0] != "H32.22327-261124-0002" {
		t.Errorf("of the three real ones there are %v", own)
	}
}

func TestAnApplicantsListIsBoundedByOffice(t *testing.T) {
	s := enrolled(t)
	real := accepted()
	real.Applicant = "a"
	early := submitted() // the other office was its portal, and put it on the list first
	s.report(other, early)
	s.report(commune, real)
	shared := directory.Track{Code: "BBBB-0001", Holder: commune, State: directory.StateSubmitted, AsOf: 1, Applicant: "a"}
	s.report(other, shared)
	shared.Root, shared.State = commune, "refused"
	s.report(commune, shared)
	for i := range 8 {
		var batch []directory.Track
		for j := range 300 {
			batch = append(batch, directory.Track{
				Code: fmt.Sprintf("AAAA-%04d", i*300+j), Root: other, Holder: other, State: "x", AsOf: int64(1000 + i), Applicant: "a",
			})
		}
		s.report(other, batch...)
		s.report(other, batch...) // again takes no second place
	}
	rows, newest := 0, false
	for k := range s.memory {
		if strings.HasPrefix(k, "mine/a/") {
			rows++
		}
		newest = newest || k == "mine/a/AAAA-2399"
	}
	if rows > state.MaxMine+3 || !newest {
		t.Errorf("one office has put %d dossiers on a list, the newest among them: %v", rows, newest)
	}
	for _, code := range []string{real.Code, shared.Code} {
		if s.memory["mine/a/"+code] == nil {
			t.Errorf("the other's %s has given way", code)
		}
	}
}

// TestWhoTookOverReportsWhatTheClosedOfficeHad: only from the day on which the office is closed, only the office that took over, and the
// former one no more once it has.
func TestWhoTookOverReportsWhatTheClosedOfficeHad(t *testing.T) {
	for level, want := range map[uint32]uint32{2: 0, command.LevelHandOver: 1} {
		s := charted(t)
		s.enrol(commune, 100)
		s.enrol(other, 110)
		s.enrol(district, 120)
		s.fine(&command.SetLevel{Level: level})
		s.fine(decision(soon, closed(commune, other)))
		s.report(commune, accepted())
		taken := accepted()
		taken.Root, taken.Holder, taken.AsOf = other, other, 30
		if r := s.report(other, taken); r.Kept != 0 {
			t.Errorf("level %d: reported before the office has closed: %+v", level, r)
		}
		s.at = soon.Time().Unix() + 3600
		stolen := taken
		stolen.Root, stolen.Holder = district, district
		if r := s.report(district, stolen); r.Kept != 0 {
			t.Errorf("level %d: reported by an office that took nothing over: %+v", level, r)
		}
		if r := s.report(other, taken); r.Kept != want {
			t.Errorf("level %d: the successor's report: %+v, want %d kept", level, r, want)
		}
		late := accepted()
		late.AsOf = 40
		if r := s.report(commune, late); r.Kept == want {
			t.Errorf("level %d: the closed office's report after that: %+v", level, r)
		}
		n, _, err := state.TrackOf(s, submissionCode)
		if holder := map[uint32]directory.OfficeCode{0: commune, 1: other}[want]; err != nil || n.Root != holder || n.Code != accepted().Code {
			t.Errorf("level %d: it is %+v at the directory, %v", level, n, err)
		}
	}
}
