package web

import (
	"slices"
	"testing"

	"motcua/directory"
)

// heirs are tables in which one office has taken over another.
type heirs struct{ Tables }

func (heirs) Formerly(code directory.OfficeCode) []directory.Office {
	if code != "H32.22333" {
		return nil
	}
	return []directory.Office{{Code: "H32.22327", Names: []directory.Named{{Text: directory.Text{VI: "UBND phường Vĩnh Hòa"}}}}}
}

func TestOldNamesAndThoseOfPredecessorsFindAnOffice(t *testing.T) {
	o := directory.Office{Code: "H32.22333", Names: []directory.Named{
		{Text: directory.Text{VI: "UBND phường Vĩnh Phước"}, Valid: directory.Period{To: "2025-06-30"}},
		{Text: directory.Text{VI: "UBND phường Bắc Nha Trang"}, Valid: directory.Period{From: "2025-07-01"}, Place: directory.Text{VI: "phường Bắc Nha Trang"}},
	}}
	c := &call{site: &site{tables: heirs{}}}
	all := []directory.Office{o, {Code: "H32.1", Names: []directory.Named{{Text: directory.Text{VI: "UBND xã Diên An"}}}}}
	for _, query := range []string{"vinh phuoc", "Bắc Nha Trang", "vĩnh hoà", "vinh hoa"} {
		found := c.narrow(all, query, "")
		if !slices.EqualFunc(found, []directory.Office{o}, func(a, b directory.Office) bool { return a.Code == b.Code }) {
			t.Errorf("%q finds %d offices", query, len(found))
		}
	}
}
