package state_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// fill lays procedures into the tables until the next edition has about so many bytes.
func (s *tables) fill(size int) {
	s.t.Helper()
	for i := 0; ; i++ {
		have, err := state.EditionSize(s)
		if err != nil {
			s.t.Fatal(err)
		}
		if size-have < 1000 {
			return
		}
		p := procedure()
		p.Code, p.Form = fmt.Sprintf("9.%06d", i), []byte(`{"title":"`+strings.Repeat("x", min(1<<20, size-have-600))+`"}`)
		b, err := wire.Marshal(p)
		if err != nil {
			s.t.Fatal(err)
		}
		s.Set(fmt.Sprintf("procedure/%s/%010d", p.Code, p.Version), b)
	}
}

// TestEditionSizeIsNoLessThanTheBody: it is what refuses, so it must never say too little.
func TestEditionSizeIsNoLessThanTheBody(t *testing.T) {
	s := enrolled(t)
	s.fine(&command.Revoke{Office: other, Key: directorytest.Identity(110).Public().ID(), Reason: "stolen"})
	size, err := state.EditionSize(s)
	if err != nil {
		t.Fatal(err)
	}
	s.fine(&command.CutEdition{Number: 1})
	h, _, err := state.Due(s)
	if err != nil || size < int(h.Size) || size > int(h.Size)+8<<10 {
		t.Errorf("size %d, the body has %d, %v", size, h.Size, err)
	}
}

// TestNothingIsTakenThatAnEditionCannotHold: what is public grows no further than leaves room for revocations, and an edition can
// be cut at every moment.
func TestNothingIsTakenThatAnEditionCannotHold(t *testing.T) {
	s := enrolled(t)
	s.fine(&command.SetLevel{Level: 2})
	s.fill(edition.MaxBody - 1<<20 - 2000)
	large := procedure()
	large.Code, large.Form = "1.000099", []byte(`{"title":"`+strings.Repeat("x", 4000)+`"}`)
	calendar := directory.Calendar{Version: 2, Sessions: []directory.Session{{From: 420, To: 690}}}
	year := directory.CalendarYear{Year: 2028, Decision: "TB"}
	for i := range 366 {
		d := directory.Date("2028-01-01").AddDays(i)
		if day := d.Time().Weekday(); day != time.Saturday && day != time.Sunday {
			year.Off = append(year.Off, directory.DayOff{Date: d, Name: text("nghỉ")})
		}
	}
	calendar.Years = append(calendar.Years, year)
	offices := &command.ChangeOffices{On: "2027-07-01", Decision: "NQ"}
	for i := range 40 {
		o := office(directory.OfficeCode(fmt.Sprintf("H32.4%04d", i)))
		offices.Offices = append(offices.Offices, command.OfficeChange{Kind: directory.ActOpen, Office: o.Code, Opened: &o})
	}
	for _, c := range []command.Command{&command.Publish{Procedures: []directory.Procedure{large}}, &command.PublishCalendar{Calendar: calendar}, offices} {
		s.fails(directory.Exhausted, c)
	}
	if err := state.FitsEdition(s, &command.Publish{Procedures: []directory.Procedure{large}}); directory.CodeOf(err) != directory.Exhausted {
		t.Errorf("told before it is published: %v", err)
	}
	s.fine(&command.Publish{Fields: []directory.Field{{ID: "civil", Name: text("HT")}}}) // shorter than it was
	s.fine(rotation(t, commune, 100, 130))
	s.fill(edition.MaxBody - 256<<10 - 1000)
	s.fails(directory.Exhausted, rotation(t, commune, 130, 140))
	s.fine(&command.Revoke{Office: commune, Key: directorytest.Identity(130).Public().ID(), Reason: strings.Repeat("s", 500)})
	s.fine(&command.CutEdition{Number: 1})
}

// TestTheFirstUpgradeLevelRefusesNothingForItsSize, as servers of that level do not.
func TestTheFirstUpgradeLevelRefusesNothingForItsSize(t *testing.T) {
	s := enrolled(t)
	s.fill(edition.MaxBody - 1000)
	s.fine(&command.Publish{Fields: []directory.Field{{ID: "more", Name: text(strings.Repeat("x", 200))}}})
}
