package replica_test

import (
	"testing"

	"motcua/directory"
	"motcua/directory/edition"
)

// TestVersionsAndWithdrawalsTakeEffectByTheirDates: nothing has to happen on the day.
func TestVersionsAndWithdrawalsTakeEffectByTheirDates(t *testing.T) {
	r := open(t, t.TempDir())
	version := func(code string, v uint32, from, to directory.Date) directory.Procedure {
		return directory.Procedure{Code: code, Version: v, Valid: directory.Period{From: from, To: to}}
	}
	err := r.Install(signedEdition(t, 1, func(e *edition.Edition) {
		e.Procedures = []directory.Procedure{
			version("1.000001", 1, "2024-01-01", ""), version("1.000001", 2, "2027-01-01", ""),
			version("1.000002", 1, "2024-01-01", ""), version("1.000002", 2, "2027-03-01", ""),
			version("1.000003", 1, "2024-01-01", ""),
		}
		e.Withdrawn = []directory.Withdrawal{{Code: "1.000002", Version: 1, From: "2027-01-01", Decision: "QĐ 9"}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		on         directory.Date
		one, two   uint32 // version in force, 0 for none
		readable   bool
		procedures int
	}{
		{"2026-12-31", 1, 1, false, 3},
		{"2027-01-01", 2, 0, true, 2},
		{"2027-02-28", 2, 0, true, 2},
		{"2027-03-01", 2, 2, false, 3}, // a later version revives it
	} {
		one, _ := r.Current("1.000001", c.on)
		two, ok := r.Current("1.000002", c.on)
		if !ok {
			two.Version = 0
		}
		p, w, readable := r.Last("1.000002", c.on)
		if one.Version != c.one || two.Version != c.two || readable != c.readable || len(r.Procedures(c.on)) != c.procedures {
			t.Errorf("%s: versions %d and %d, readable %v, %d procedures", c.on, one.Version, two.Version, readable, len(r.Procedures(c.on)))
		}
		if readable && (p.Version != 1 || w.Decision != "QĐ 9") {
			t.Errorf("%s: read as version %d under %q", c.on, p.Version, w.Decision)
		}
	}
	if p, ok := r.Procedure("1.000002", 1); !ok || p.Version != 1 {
		t.Error("a dossier in progress does not find its version")
	}
	if _, ok := r.Withdrawal("1.000002"); ok {
		t.Error("a procedure that goes on in a later version is said to end")
	}
	if _, ok := r.Withdrawal("1.000003"); ok {
		t.Error("a procedure that goes on is said to end")
	}
}
