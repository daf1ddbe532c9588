package state_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"motcua/crypto/golden"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/edition"
	"motcua/directory/state"
)

func terms() directory.Terms {
	return directory.Terms{Author: "Trần Thị Bình", Decision: "Quyết định 1234/QĐ-UBND", From: "2026-11-20"}
}

// part is a part of publication id with one procedure.
func part(id byte, n, of uint32) *command.Publish {
	p := procedure()
	p.Code = fmt.Sprintf("1.%06d", n)
	return &command.Publish{
		Procedures:  []directory.Procedure{p},
		Publication: &command.Part{ID: command.RequestID{id, 1}, Part: n, Parts: of, Terms: terms()},
	}
}

func (s *tables) publications() []directory.Publication {
	s.t.Helper()
	all, err := state.Publications(s)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// cut tries to cut the next edition.
func (s *tables) cut() state.Result {
	h, _, err := state.Due(s)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.apply(&command.CutEdition{Number: h.Number + 1})
}

// TestNoEditionIsCutBetweenTheParts: a reader sees all of a publication or none.
func TestNoEditionIsCutBetweenTheParts(t *testing.T) {
	s := founded(t)
	for n := uint32(1); n <= 3; n++ {
		v := value[state.Published](t, s.fine(part(7, n, 3)))
		if v.Publication != 1 || v.Changed != 1 {
			t.Errorf("part %d: %+v", n, v)
		}
		if err := s.cut().Err(); (directory.CodeOf(err) == directory.Conflict) != (n < 3) {
			t.Errorf("an edition after part %d of 3: %v", n, err)
		}
	}
	if p := s.publications(); len(p) != 1 || p[0].Done != 3 || p[0].Parts != 3 || p[0].Changed != 3 || p[0].Terms != terms() {
		t.Errorf("the record: %+v", p)
	}
	rows, err := state.PublishedRows(s, 1)
	if want := []string{"procedure/1.000001/0000000001", "procedure/1.000002/0000000001", "procedure/1.000003/0000000001"}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("rows %v, %v", rows, err)
	}
}

// TestAPublisherThatGoesAwayHoldsNothingUp: what came stands by itself after a moment, and the record says what is missing.
func TestAPublisherThatGoesAwayHoldsNothingUp(t *testing.T) {
	s := founded(t)
	s.fine(part(7, 1, 2))
	if err := s.cut().Err(); err == nil {
		t.Fatal("an edition is cut at once")
	}
	s.at += 5
	if err := s.cut().Err(); err != nil {
		t.Errorf("five seconds later: %v", err)
	}
	if p := s.publications(); p[0].Done != 1 || p[0].Parts != 2 {
		t.Errorf("the record: %+v", p)
	}
	s.fine(part(7, 2, 2)) // it comes back after all
	if p := s.publications(); p[0].Done != 2 {
		t.Errorf("the record: %+v", p)
	}
	if err := s.cut().Err(); err != nil {
		t.Errorf("after the last part: %v", err)
	}
}

func TestAPartThatComesAgainChangesNothing(t *testing.T) {
	s := founded(t)
	s.fine(part(7, 1, 2))
	before := s.content()
	again := part(7, 1, 2)
	again.Procedures[0].Code = "1.999999"
	if v := value[state.Published](t, s.fine(again)); v.Changed != 0 || v.Publication != 1 {
		t.Errorf("the same part with other rows: %+v", v)
	}
	if after := s.content(); !maps.Equal(before, after) {
		t.Error("it has changed the tables")
	}
	other := part(7, 2, 2)
	other.Publication.Terms.Author = "ai đó"
	s.fails(directory.Conflict, other)
	if v := value[state.Published](t, s.fine(part(8, 3, 3))); v.Publication != 2 {
		t.Errorf("another publication is number %d", v.Publication)
	}
}

func withdrawal(from directory.Date) *command.Withdraw {
	return &command.Withdraw{
		Withdrawals: []directory.Withdrawal{{Code: "1.004873", Version: 1, From: from, Decision: "QĐ 9"}},
		Publication: command.Part{ID: command.RequestID{byte(len(from)), from[9]}, Part: 1, Parts: 1, Terms: terms()},
	}
}

func TestAWithdrawalIsMendedWhileItIsToCome(t *testing.T) {
	s := founded(t) // on 2026-11-18
	unknown := withdrawal("2027-01-01")
	unknown.Withdrawals[0].Version = 4
	s.fails(directory.NotFound, unknown)
	s.fine(withdrawal("2027-01-01"))
	s.fine(withdrawal("2026-11-19"))
	s.at += 3 * 86400
	s.fails(directory.Conflict, withdrawal("2026-12-25"))
	w, err := state.Withdrawals(s)
	if err != nil || len(w) != 1 || w[0].From != "2026-11-19" {
		t.Errorf("%+v, %v", w, err)
	}
	if s.cut().Err() != nil {
		t.Fatal("no edition")
	}
	h, _, _ := state.Due(s)
	e, _, err := state.SignedEdition(s, h.Number)
	if err != nil || !bytes.Contains(e.Body, []byte("QĐ 9")) {
		t.Errorf("the edition does not tell of it: %v", err)
	}
}

func TestOpenDossiersAreReplacedWhole(t *testing.T) {
	s := enrolled(t)
	report := func(o directory.OfficeCode, open ...uint32) *command.ReportOpen {
		c := &command.ReportOpen{Office: o}
		for i, n := range open {
			c.Counts = append(c.Counts, directory.OpenCount{Procedure: "1.004873", Version: uint32(i + 1), Open: n})
		}
		return c
	}
	public, err := state.PublicIndex(s)
	if err != nil {
		t.Fatal(err)
	}
	s.fine(report(commune, 3, 4))
	s.fine(report(other, 1))
	s.fine(report(commune, 5))
	s.fails(directory.Denied, report("H32.22333", 1))
	all, err := state.OpenDossiers(s)
	if err != nil || len(all) != 2 || len(all[0].Counts) != 1 || all[0].Counts[0].Open != 5 || all[0].At != s.at*1000 {
		t.Errorf("%+v, %v", all, err)
	}
	if now, _ := state.PublicIndex(s); now != public {
		t.Error("a count makes an edition")
	}
}

// TestTheRowsOfTheCatalogueStay holds the bytes of what is stored.
func TestTheRowsOfTheCatalogueStay(t *testing.T) {
	s := enrolled(t)
	s.fine(part(7, 1, 2))
	s.fine(withdrawal("2027-01-01"))
	s.fine(&command.ReportOpen{Office: commune, Counts: []directory.OpenCount{{Procedure: "1.004873", Version: 1, Open: 3}}})
	var b bytes.Buffer
	for _, prefix := range []string{"publication", "part/", "publishing", "withdrawn/", "open/", "meta/publication"} {
		s.Scan(prefix, func(k string, v []byte) error {
			fmt.Fprintf(&b, "%s %x\n", k, v)
			return nil
		})
	}
	golden.Check(t, "catalogue-rows", b.Bytes())
}

func TestAnEditionWithoutWithdrawalsIsReadByEarlierNodes(t *testing.T) {
	e := &edition.Edition{Version: edition.Version, Number: 1}
	plain, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	e.Withdrawn = []directory.Withdrawal{{Code: "1.004873", Version: 1, From: "2027-01-01", Decision: "QĐ 9"}}
	with, err := e.Encode()
	if err != nil || plain[0]+1 != with[0] {
		t.Errorf("an edition of %x members became one of %x: %v", plain[0], with[0], err)
	}
}
