package khanhhoa

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"motcua/directory"
)

// today is a date under the three-level organisation these tables describe.
const today = directory.Date("2026-11-24")

func offices() map[directory.OfficeCode]directory.Office {
	out := map[directory.OfficeCode]directory.Office{}
	for _, o := range Offices() {
		out[o.Code] = o
	}
	return out
}

func TestOfficesAreThoseOfTheProvince(t *testing.T) {
	byLevel := map[directory.LevelID]int{}
	units := map[string]bool{}
	seen := map[directory.OfficeCode]directory.Office{}
	for _, o := range Offices() {
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
		if _, ok := seen[o.Code]; ok || o.Unit != "" && units[o.Unit] {
			t.Errorf("%s or its unit %s is listed twice", o.Code, o.Unit)
		}
		if _, ok := seen[o.Parent]; o.Parent != "" && !ok {
			t.Errorf("%s: parent %s does not come before it", o.Code, o.Parent)
		}
		if o.Unit != "" && o.Parent != "" && string(o.Code) != "H32."+o.Unit {
			t.Errorf("%s has the unit %s", o.Code, o.Unit)
		}
		if !o.Valid.Contains(today) || o.NameOn(today).EN == "" || (o.Unit != "") != (o.Place.VI != "" && o.Place.EN != "") {
			t.Errorf("%s: not valid today, no English name, or a unit without its place", o.Code)
		}
		seen[o.Code], units[o.Unit] = o, true
		byLevel[o.Level]++
	}
	if byLevel["commune"] != 140 || byLevel["district"] != 9 || byLevel["department"] != 21 || byLevel["province"] != 2 {
		t.Errorf("offices by level: %v", byLevel)
	}
	checkParents(t, seen)
}

// checkParents: a unit lies in a unit of the next level, a department belongs to the province.
func checkParents(t *testing.T, all map[directory.OfficeCode]directory.Office) {
	t.Helper()
	want := map[directory.LevelID]directory.LevelID{"commune": "district", "district": "province", "department": "province"}
	communes := map[directory.OfficeCode]int{}
	for _, o := range all {
		if w, ok := want[o.Level]; ok && all[o.Parent].Level != w {
			t.Errorf("%s (%s) has the parent %s (%s)", o.Code, o.Level, o.Parent, all[o.Parent].Level)
		}
		communes[o.Parent]++
	}
	for code, n := range map[directory.OfficeCode]int{
		"H32.568": 27, "H32.569": 15, "H32.570": 14, "H32.571": 13, "H32.572": 27, "H32.573": 14, "H32.574": 19, "H32.575": 8, "H32.576": 3,
	} {
		if communes[code] != n {
			t.Errorf("%s has %d communes, want %d", code, communes[code], n)
		}
	}
	if o := all["H32.22384"]; o.NameOn(today).VI != "Ủy ban nhân dân xã Vĩnh Lương" || o.Parent != "H32.568" || o.Place.EN != "Vĩnh Lương Commune" {
		t.Errorf("H32.22384 is %+v", o)
	}
}

func TestLevelsAndFields(t *testing.T) {
	last := uint8(0)
	for _, l := range Levels() {
		if l.Rank <= last || l.Name.VI == "" || l.Name.EN == "" || !l.Valid.Contains(today) {
			t.Errorf("level %+v: out of order, without a name, or not valid today", l)
		}
		last = l.Rank
	}
	used := map[string]bool{}
	for _, p := range Procedures() {
		used[p.Field] = true
	}
	for _, f := range Fields() {
		if f.Name.VI == "" || f.Name.EN == "" || !used[f.ID] {
			t.Errorf("field %+v: without a name or without a procedure", f)
		}
	}
}

func TestCalendar(t *testing.T) {
	c := Calendar()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	var years []uint16
	for _, y := range c.Years {
		years = append(years, y.Year)
		if y.Final != (y.Year != 2027) {
			t.Errorf("%d: final %v", y.Year, y.Final)
		}
		for _, d := range y.Off {
			if w := d.Date.Time().Weekday(); w == 0 || w == 6 || d.Name.VI == "" || d.Name.EN == "" {
				t.Errorf("%s is a weekend or has no name", d.Date)
			}
		}
		for _, d := range y.Worked {
			if w := d.Time().Weekday(); w != 0 && w != 6 {
				t.Errorf("%s is worked anyway", d)
			}
		}
	}
	if !slices.Equal(years, []uint16{2024, 2025, 2026, 2027}) {
		t.Errorf("years %v", years)
	}
	if s := c.Sessions; len(s) != 2 || s[0] != (directory.Session{From: 420, To: 690}) || s[1] != (directory.Session{From: 810, To: 1020}) {
		t.Errorf("sessions %v", s)
	}
}

func TestProcedures(t *testing.T) {
	codes := map[string]bool{}
	interlinked := 0
	all := Procedures()
	for _, p := range all {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		if codes[p.Code] || !p.Valid.Contains(today) {
			t.Errorf("%s: listed twice or not valid today", p.Code)
		}
		codes[p.Code] = true
		if p.Interlinked() {
			interlinked++
		}
		checkPlaces(t, p)
		checkBudget(t, p)
		checkTexts(t, p)
	}
	if len(all) < 48 || interlinked < 8 {
		t.Errorf("%d procedures, %d of them interlinked", len(all), interlinked)
	}
}

// checkPlaces: field, level and offices exist, and every step can be reached from every office that may be in charge.
func checkPlaces(t *testing.T, p directory.Procedure) {
	t.Helper()
	all := offices()
	if !slices.ContainsFunc(Fields(), func(f directory.Field) bool { return f.ID == p.Field }) {
		t.Errorf("%s: no field %q", p.Code, p.Field)
	}
	if o, ok := all[p.Office]; p.Office != "" && (!ok || o.Level != p.Level) {
		t.Errorf("%s: office %q does not exist or is not of the level %q", p.Code, p.Office, p.Level)
	}
	roots := 0
	for _, root := range all {
		if root.Level != p.Level || p.Office != "" && p.Office != root.Code {
			continue
		}
		roots++
		for _, s := range p.Route {
			if _, ok := all[s.Office]; s.Office != "" && !ok || s.Level != "" && !reaches(all, root, s.Level) {
				t.Errorf("%s: step %s cannot be reached from %s", p.Code, s.ID, root.Code)
			}
		}
	}
	if roots == 0 {
		t.Errorf("%s: nobody of the level %q is in charge", p.Code, p.Level)
	}
}

func reaches(all map[directory.OfficeCode]directory.Office, from directory.Office, level directory.LevelID) bool {
	for o, ok := all[from.Parent]; ok; o, ok = all[o.Parent] {
		if o.Level == level {
			return true
		}
	}
	return false
}

// checkBudget: the time of the steps, all given, is within the limit. Calendar days count as 5 of 7.
func checkBudget(t *testing.T, p directory.Procedure) {
	t.Helper()
	limit := 4 * int(p.Limit.Amount)
	switch {
	case p.Limit.Amount == 0:
		limit = 4
	case p.Limit.Unit == directory.Day:
		limit = limit * 5 / 7
	}
	sum, decides := 0, 0
	for _, s := range p.Route {
		if s.Budget == 0 {
			t.Errorf("%s: step %s has no budget", p.Code, s.ID)
		}
		if s.Kind == directory.StepDecide {
			decides++
		}
		sum += int(s.Budget)
	}
	if sum > limit || decides == 0 {
		t.Errorf("%s: the steps take %d quarters of a day of %d, and %d decide", p.Code, sum, limit, decides)
	}
}

func checkTexts(t *testing.T, p directory.Procedure) {
	t.Helper()
	if n := len(p.Requirements); n < 1 || n > 12 {
		t.Errorf("%s: %d requirements", p.Code, n)
	}
	texts := []directory.Text{p.Name, p.Result}
	for _, r := range p.Requirements {
		texts = append(texts, r.Name)
		if r.Originals+r.Copies == 0 {
			t.Errorf("%s: requirement %s asks for no paper", p.Code, r.ID)
		}
	}
	for _, s := range p.Route {
		texts = append(texts, s.Name)
	}
	for _, f := range p.Fees {
		texts = append(texts, f.Name)
		if f.ByRule != (f.Amount == 0) || f.ByRule && f.Note.VI == "" {
			t.Errorf("%s: fee %q is neither an amount nor a rule with its name", p.Code, f.Name.VI)
		}
	}
	for _, s := range texts {
		if s.VI == "" || s.EN == "" {
			t.Errorf("%s: a text lacks a language: %+v", p.Code, s)
		}
	}
	for _, s := range p.Subjects {
		if !slices.Contains([]string{"citizen", "business", "organisation"}, s) {
			t.Errorf("%s: unknown subject %q", p.Code, s)
		}
	}
}

// The whole of the tables travels in every edition, so its size is a promise.
func TestFilesAreSmallAndNormal(t *testing.T) {
	total := 0
	for _, dir := range []string{".", "procedures"} {
		entries, err := files.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			b, err := files.ReadFile(strings.TrimPrefix(dir+"/"+e.Name(), "./"))
			if err != nil {
				t.Fatal(err)
			}
			total += len(b)
			if !norm.NFC.IsNormal(b) {
				t.Errorf("%s/%s is not in NFC", dir, e.Name())
			}
		}
	}
	if total > 600<<10 {
		t.Errorf("%d bytes embedded, want at most 600 KiB", total)
	}
}
