package main

import (
	"strings"
	"testing"

	"motcua/node/server"
)

// TestHandOverIsSaidInWords: how it stands, and what to do next.
func TestHandOverIsSaidInWords(t *testing.T) {
	h := server.HandOver{Closed: "2027-06-30", Decision: "NQ 1667/NQ-UBTVQH15", Successors: []string{"H32.22333"}, Left: 31}
	past := h
	past.Past = true
	ordered := past
	ordered.To, ordered.Left, ordered.UnderWay = "H32.22333", 0, 4
	stuck := ordered
	stuck.Left = 2
	waits := ordered
	waits.Submissions = 1
	done := ordered
	done.UnderWay, done.Taken = 0, 31
	for want, h := range map[string]server.HandOver{
		"closes after": h, "before the office has closed": h, "hand-over --to": past, "until the other office has acknowledged": ordered,
		"tries again every minute": stuck, "Accept or refuse": waits, "All is taken over": done, "NQ 1667/NQ-UBTVQH15": done,
	} {
		var b strings.Builder
		printHandOver(&b, h)
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	if code, _, errs := typed(t, "node", "hand-over", "--data", t.TempDir(), "H32.22327-261125-0001"); code != 2 || !strings.Contains(errs, "--to") {
		t.Errorf("dossiers for nobody: %d %s", code, errs)
	}
}
