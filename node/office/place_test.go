package office

import (
	"slices"
	"testing"
	"time"

	"motcua/directory"
	"motcua/node/dossier"
)

// reformed are tables of a province that is reformed on 1 July 2027.
type reformed struct {
	tables
	offices map[directory.OfficeCode]directory.Office
	route   []directory.Step
}

func (r reformed) Office(c directory.OfficeCode) (directory.Office, bool) {
	o, ok := r.offices[c]
	return o, ok
}

func (r reformed) Procedure(code string, version uint32) (directory.Procedure, bool) {
	return directory.Procedure{Code: code, Version: version, Level: "commune", Route: r.route}, true
}

const (
	reformDay = directory.Date("2027-07-01")
	lastDay   = directory.Date("2027-06-30")
	old       = directory.Date("2026-11-25") // when the dossier was accepted
	tinh      = directory.OfficeCode("H32")
	otherH    = directory.OfficeCode("H32.9")
	so        = directory.OfficeCode("H32.02")
)

// afterReform: the commune leaves its district, which closes, for an office above.
func afterReform(above directory.OfficeCode, heirs ...directory.OfficeCode) reformed {
	until, from := directory.Period{To: lastDay}, directory.Period{From: reformDay}
	return reformed{
		offices: map[directory.OfficeCode]directory.Office{
			tinh:   {Code: tinh, Level: "province"},
			huyen:  {Code: huyen, Level: "district", Parent: tinh, Valid: until, Successors: heirs},
			otherH: {Code: otherH, Level: "district", Parent: tinh, Valid: from},
			so:     {Code: so, Level: "department", Parent: tinh, Valid: until, Successors: []directory.OfficeCode{tinh}},
			xa: {Code: xa, Level: "commune", Parent: above, Parents: []directory.Under{
				{Parent: huyen, Valid: until}, {Parent: above, Valid: from}}},
		},
		route: []directory.Step{
			{ID: "check", Kind: directory.StepCheck}, {ID: "appraise", Kind: directory.StepCheck, Level: "district"},
			{ID: "opinion", Kind: directory.StepCheck, Office: so}, {ID: "return", Kind: directory.StepReturn},
		},
	}
}

// planned places the steps of a dossier of the commune that was accepted on a day, as seen on another.
func planned(r reformed, accepted, now directory.Date) (dossier.Plan, error) {
	o := &Office{Config: Config{Code: xa, Directory: r, Now: func() time.Time { return now.Time().Add(9 * time.Hour) }}}
	return o.planOf(dossier.State{Office: string(xa), Procedure: "1.001776", ProcVersion: 1, Begun: accepted.Time().UnixMilli()})
}

func TestStepsAreDoneWhereTheDayOfAcceptanceSays(t *testing.T) {
	district := afterReform(otherH, tinh)
	straight := afterReform(tinh, tinh)
	divided := afterReform(tinh, tinh, so)
	divided.offices[so] = directory.Office{Code: so, Level: "department", Parent: tinh}
	for what, c := range map[string]struct {
		r             reformed
		accepted, now directory.Date
		appraise      directory.OfficeCode
		opinion       directory.OfficeCode
	}{
		"before the reform":                                      {straight, old, lastDay, huyen, so},
		"accepted before, done after, with one heir":             {straight, old, reformDay, tinh, tinh},
		"accepted before, done after, with a new district above": {district, old, reformDay, otherH, tinh},
		"accepted after, with a new district above":              {district, reformDay, reformDay, otherH, tinh},
		"accepted before, done after, with two heirs":            {divided, old, reformDay, huyen, so},
	} {
		pl, err := planned(c.r, c.accepted, c.now)
		if want := []string{string(xa), string(c.appraise), string(c.opinion), string(xa)}; err != nil || !slices.Equal(pl.Places, want) {
			t.Errorf("%s: %v, want %v; %v", what, pl.Places, want, err)
		}
	}
	if _, err := planned(straight, reformDay, reformDay); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("a dossier accepted after the reform finds a district: %v", err)
	}
}

func TestWhatWasAskedForStaysWhereItWas(t *testing.T) {
	pl, err := planned(afterReform(tinh, tinh), old, reformDay)
	if err != nil {
		t.Fatal(err)
	}
	root := dossier.State{Children: []dossier.Child{{To: string(huyen), First: "appraise", Last: "appraise"}}}
	if got := pl.Asked(root).Places[1]; got != string(huyen) {
		t.Errorf("the root sees its request at %s", got)
	}
	child := dossier.State{IsChild: true, Office: string(huyen), First: "appraise", Last: "appraise"}
	if got := pl.Asked(child).Places[1]; got != string(huyen) {
		t.Errorf("the office that was asked sees its step at %s", got)
	}
	if pl.Places[1] != string(tinh) {
		t.Error("the plan itself was changed")
	}
}

func TestWhoTookOverIsInCharge(t *testing.T) {
	o := &Office{Config: Config{Code: xa, Directory: afterReform(tinh, tinh), Now: func() time.Time { return reformDay.Time() }}}
	p := directory.Procedure{Level: "department", Office: so}
	if !o.InCharge(p, tinh) || o.InCharge(p, so) {
		t.Error("the procedure of a department that has closed is not its heir's")
	}
}
