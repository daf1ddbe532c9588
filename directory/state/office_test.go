package state_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
)

const (
	district = directory.OfficeCode("H32.568")
	province = directory.OfficeCode("H32")
	today    = directory.Date("2026-11-18") // of start
	soon     = directory.Date("2027-07-01")
	before   = directory.Date("2027-06-30")
)

// charted is a province with three levels, whose communes are below a district, and a procedure that goes up to it.
func charted(t *testing.T) *tables {
	s := &tables{t: t, memory: memory{}, at: start}
	p := publication()
	p.Levels = append(p.Levels, directory.Level{ID: "district", Name: text("huyện"), Rank: 2}, directory.Level{ID: "province", Name: text("tỉnh"), Rank: 3})
	top, middle := office(province), office(district)
	top.Level, middle.Level, middle.Parent = "province", "district", province
	for i := range p.Offices {
		p.Offices[i].Parent, p.Offices[i].Unit = district, string(p.Offices[i].Code[4:])
	}
	p.Offices = append(p.Offices, top, middle)
	p.Procedures[0].Route = append([]directory.Step{
		{ID: "check", Name: text("Kiểm tra"), Kind: directory.StepCheck}, {ID: "decide", Name: text("Quyết định"), Kind: directory.StepDecide, Level: "district"},
	}, p.Procedures[0].Route...)
	s.fine(&command.Found{Genesis: directorytest.Genesis(3)})
	s.fine(p)
	return s
}

func (s *tables) chart() state.Chart {
	s.t.Helper()
	c, err := state.ChartOf(s)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func decision(on directory.Date, offices ...command.OfficeChange) *command.ChangeOffices {
	return &command.ChangeOffices{On: on, Decision: "NQ 1", Offices: offices}
}

func renamed(code directory.OfficeCode, name string) command.OfficeChange {
	return command.OfficeChange{Kind: directory.ActRename, Office: code, Name: text(name)}
}

func moved(code, parent directory.OfficeCode) command.OfficeChange {
	return command.OfficeChange{Kind: directory.ActMove, Office: code, Parent: parent}
}

func closed(code directory.OfficeCode, heirs ...directory.OfficeCode) command.OfficeChange {
	return command.OfficeChange{Kind: directory.ActClose, Office: code, Others: heirs}
}

func cancelled(code directory.OfficeCode) command.OfficeChange {
	return command.OfficeChange{Kind: directory.ActCancel, Office: code}
}

func opened(code, parent directory.OfficeCode, unit string) command.OfficeChange {
	o := office(code)
	o.Parent, o.Unit = parent, unit
	return command.OfficeChange{Kind: directory.ActOpen, Office: code, Opened: &o}
}

func TestAnOfficeIsWhatItWasOnEveryDay(t *testing.T) {
	s := charted(t)
	s.fine(decision(soon, renamed(commune, "UBND phường Bắc Nha Trang"), moved(commune, province), closed(other, commune)))
	s.fine(decision("2028-01-01", moved(commune, district)))
	c := s.chart()
	o := c.Offices[commune]
	for day, want := range map[directory.Date][3]string{
		"2020-01-01": {"UBND H32.22327", string(district), "H32.568"}, before: {"UBND H32.22327", string(district), "H32.568"},
		soon: {"UBND phường Bắc Nha Trang", "H32", ""}, "2027-12-31": {"UBND phường Bắc Nha Trang", "H32", ""},
		"2028-01-01": {"UBND phường Bắc Nha Trang", string(district), "H32.568"},
	} {
		up, _ := directory.Ancestor(commune, "district", day, c.Find)
		if have := [3]string{o.NameOn(day).VI, string(o.ParentOn(day)), string(up)}; have != want {
			t.Errorf("on %s it is %v, want %v", day, have, want)
		}
	}
	if now := directory.Standing(other, soon, c.Find); !slices.Equal(now, []directory.OfficeCode{commune}) {
		t.Errorf("%v stands for what has closed", now)
	}
	if then := directory.Standing(other, before, c.Find); !slices.Equal(then, []directory.OfficeCode{other}) {
		t.Errorf("%v stands for what is open", then)
	}
	last := c.Offices[commune].Acts
	if n := len(last); n != 4 || last[2].Kind != directory.ActAbsorb || last[2].Decision != "NQ 1" || last[2].Others[0] != other {
		t.Errorf("the decisions are %+v", last)
	}
}

func TestWhatIsToComeIsTakenBackAndWhatHasComeIsNot(t *testing.T) {
	s := charted(t)
	was := s.chart().Offices[commune]
	s.fine(decision(soon, renamed(commune, "UBND x"), renamed(commune, "UBND y"), moved(commune, province)))
	if name := s.chart().Offices[commune].NameOn(soon).VI; name != "UBND y" || len(s.chart().Offices[commune].Names) != 2 {
		t.Errorf("a name put right before its day is %q", name)
	}
	s.fails(directory.Conflict, decision("2027-01-01", renamed(commune, "UBND z"))) // a later name stands
	s.fine(decision(soon, cancelled(commune)))
	now := s.chart().Offices[commune]
	if len(now.Acts) != 3 {
		t.Errorf("the decisions taken back are not on record: %+v", now.Acts)
	}
	now.Acts, now.Parents = nil, nil
	if !reflect.DeepEqual(now, was) {
		t.Errorf("after all was taken back it is %+v, was %+v", now, was)
	}
	s.fails(directory.NotFound, decision(soon, cancelled(commune)))
	s.fine(decision(soon, closed(other, commune)))
	s.fine(decision(soon, cancelled(other)))
	if o := s.chart().Offices[other]; o.Valid.To != "" || len(o.Successors) > 0 {
		t.Errorf("the closing was not taken back: %+v", o)
	}
	s.fine(decision(today, renamed(commune, "UBND hôm nay")))
	s.fails(directory.Conflict, decision(today, renamed(commune, "UBND khác")))
	s.fails(directory.Conflict, decision(today, cancelled(commune)))
}

func TestAChartThatMakesNoSenseIsRefused(t *testing.T) {
	s := charted(t)
	for why, c := range map[string]*command.ChangeOffices{
		"is under H32.568, which is not open on 2027-07-01":             decision(soon, closed(district, province)),
		"is under H32.99, which is not open":                            decision(soon, moved(commune, "H32.99")),
		"is above itself":                                               decision(soon, moved(district, commune)),
		"would both have the unit 22330":                                decision(soon, opened("H32.7", province, "22330")),
		"is never given again":                                          decision(soon, opened(other, province, "1")),
		"is not of this province":                                       decision(soon, opened("H33.7", province, "1")),
		"cannot take over from H32.22330: it is not open on 2027-07-01": decision(soon, closed(other, "H32.55")),
		"there is no office H32.55":                                     decision(soon, moved("H32.55", province)),
		"is under H32.568 already":                                      decision(soon, moved(commune, district)),
		"which is not there on 2027-07-01": {On: soon, Decision: "NQ", Levels: []command.LevelChange{
			{Kind: directory.ActClose, Level: directory.Level{ID: "district"}}}},
		"level commune is or was there": {On: soon, Decision: "NQ", Levels: []command.LevelChange{
			{Kind: directory.ActOpen, Level: directory.Level{ID: "commune", Name: text("x"), Rank: 1}}}},
	} {
		was := s.content()
		if r := s.apply(c); r.Failure == nil || !strings.Contains(r.Failure.Message, why) {
			t.Errorf("want a refusal that says %q: %v", why, r.Failure)
		}
		if !reflect.DeepEqual(s.content(), was) {
			t.Errorf("%s: something was changed", why)
		}
	}
	s.fine(decision(soon, closed(other, commune)))
	s.fine(decision(soon, opened("H32.7", district, "22330"))) // the unit is free from that day on
}

func TestAnOfficeIsDividedByMoreThanOneDecision(t *testing.T) {
	s := charted(t)
	s.fine(decision(soon, opened("H32.7", province, "7")))
	s.fine(decision(soon, closed(other, commune)))
	s.fine(decision(soon, closed(other, "H32.7", commune)))
	if heirs := directory.Standing(other, soon, s.chart().Find); !slices.Equal(heirs, []directory.OfficeCode{commune, "H32.7"}) {
		t.Errorf("heirs: %v", heirs)
	}
	s.fails(directory.Conflict, decision("2028-01-01", closed(other, commune))) // it closes before
}

func TestAPublicationKeepsWhatDecisionsMade(t *testing.T) {
	s := charted(t)
	s.fine(decision(soon, moved(commune, province)))
	s.fails(directory.Conflict, &command.Publish{Offices: []directory.Office{func() directory.Office {
		o := office(commune)
		o.Parent = district
		return o
	}()}})
}

func TestAPreviewTellsWhomItConcerns(t *testing.T) {
	s := charted(t)
	s.enrol(other, 110)
	a := directory.Account{ID: "s1", Login: "hoa", Kind: directory.Staff, Name: "Hoa", Verifier: "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA",
		Grants: []directory.Grant{{Office: other, Role: directory.DeskOfficer}}}
	s.fine(&command.PutAccount{Account: a})
	preview := func(c *command.ChangeOffices) state.OfficePreview {
		t.Helper()
		p, err := state.PreviewOffices(s, c, s.at*1000)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := preview(decision(soon, closed(other, commune), renamed(commune, "UBND x")))
	if p.Blocked() || p.Staff[other] != 1 || len(p.Nodes) != 1 || len(p.After) != 2 || len(p.Routes) != 0 {
		t.Errorf("a merger: %+v", p)
	}
	p = preview(decision(soon, moved(commune, province)))
	if !p.Blocked() || len(p.Routes) != 1 || p.Routes[0].Lost != 1 || p.Routes[0].Example != commune || p.Routes[0].Was != district {
		t.Errorf("a commune without a district: %+v", p.Routes)
	}
	second := opened("H32.9", province, "9")
	second.Opened.Level = "district"
	p = preview(decision(soon, second, moved(commune, "H32.9")))
	if p.Blocked() || len(p.Routes) != 1 || p.Routes[0].Moved != 1 || p.Routes[0].Will != "H32.9" {
		t.Errorf("a commune under another district: %+v", p.Routes)
	}
	if p = preview(decision(today, renamed(commune, "UBND x"))); !p.Past || !p.Blocked() {
		t.Error("a day that has come goes unremarked")
	}
	if n := len(s.chart().Offices[commune].Acts); n != 0 {
		t.Error("a preview has changed something")
	}
}

func TestCalendarsAreKept(t *testing.T) {
	s := charted(t)
	cal := directory.Calendar{
		Version: 2, Decision: "TB 1", Sessions: []directory.Session{{From: 420, To: 690}},
		Years: []directory.CalendarYear{{Year: 2027, Decision: "TB 1", Final: true, Off: []directory.DayOff{{Date: "2027-01-01", Name: text("Tết Dương lịch")}}}},
	}
	s.fine(&command.PublishCalendar{Calendar: cal})
	s.fails(directory.Conflict, &command.PublishCalendar{Calendar: cal})
	for version, want := range map[uint32]uint32{0: 2, 1: 1, 2: 2} {
		if c, ok, err := state.Calendar(s, version); err != nil || !ok || c.Version != want {
			t.Errorf("version %d: %d %v %v", version, c.Version, ok, err)
		}
	}
	cal.Version = 3
	for what, spoil := range map[string]func(y *directory.CalendarYear){
		"a holiday on a Sunday":  func(y *directory.CalendarYear) { y.Off[0].Date = "2027-01-03" },
		"a worked weekday":       func(y *directory.CalendarYear) { y.Worked = []directory.Date{"2027-01-04"} },
		"a day twice":            func(y *directory.CalendarYear) { y.Off = append(y.Off, y.Off[0]) },
		"a day of another year":  func(y *directory.CalendarYear) { y.Off[0].Date = "2028-01-03" },
		"a holiday without name": func(y *directory.CalendarYear) { y.Off[0].Name.VI = "" },
	} {
		bad := cal
		bad.Years = []directory.CalendarYear{{Year: 2027, Decision: "TB 1", Off: slices.Clone(cal.Years[0].Off)}}
		spoil(&bad.Years[0])
		if err := (&command.PublishCalendar{Calendar: bad}).Validate(); err == nil {
			t.Errorf("%s goes unnoticed", what)
		}
	}
}

func TestOfficeFormatsStay(t *testing.T) {
	s := charted(t)
	s.fine(decision(soon, renamed(commune, "UBND x"), moved(commune, province), closed(other, commune)))
	for name, v := range map[string]any{
		"office": s.chart().Offices[commune], "office-closed": s.chart().Offices[other],
		"change-offices": &command.ChangeOffices{On: soon, Decision: "NQ 1", Offices: []command.OfficeChange{
			opened("H32.7", province, "7"), {Kind: directory.ActRename, Office: commune, Name: text("a"), Place: text("b")}, moved(commune, province), closed(other, commune),
		}, Levels: []command.LevelChange{{Kind: directory.ActOpen, Level: directory.Level{ID: "x", Name: text("x"), Rank: 1}}}},
		"publish-calendar": &command.PublishCalendar{Calendar: directory.Calendar{Version: 2, Decision: "TB", Sessions: []directory.Session{{From: 1, To: 2}}}},
	} {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
}

func TestAPublicationKeepsTheCalendarItReplaces(t *testing.T) {
	for level, kept := range map[uint32]bool{1: false, 2: true} {
		s := charted(t)
		if level > 1 {
			s.fine(&command.SetLevel{Level: level})
		}
		s.fine(&command.Publish{Calendar: &directory.Calendar{Version: 2, Sessions: []directory.Session{{From: 420, To: 690}}}})
		if c, ok, err := state.Calendar(s, 1); err != nil || ok != kept || ok && c.Version != 1 {
			t.Errorf("at upgrade level %d the first version is kept: %v (%+v, %v)", level, ok, c, err)
		}
	}
}
