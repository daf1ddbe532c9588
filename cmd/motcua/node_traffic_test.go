package main

import (
	"strings"
	"testing"

	"motcua/node/server"
	"motcua/replication"
	"motcua/replication/courier"
)

// TestLimitsAreSaidInWords: what is not said stays as it is, 0 and "any" take limits away, and nonsense changes nothing.
func TestLimitsAreSaidInWords(t *testing.T) {
	l, err := newLimits(courier.Limits{}, 2000, "H32.1=256,H32.2=64", "20:00-06:30")
	if err != nil || l.Rate != 250_000 || l.To["H32.1"] != 32_000 || l.From != 1200 || l.Until != 390 {
		t.Fatalf("%+v, %v", l, err)
	}
	same, err := newLimits(l, -1, "", "")
	if err != nil || same.Rate != l.Rate || same.From != l.From || len(same.To) != 2 {
		t.Errorf("%+v, %v", same, err)
	}
	if w := limitWords(l); !strings.Contains(w, "2000 kbit/s to all") || !strings.Contains(w, "from 20:00 until 06:30") {
		t.Error(w)
	}
	none, err := newLimits(l, 0, "H32.1=0,H32.2=0", "any")
	if err != nil || none.Rate != 0 || len(none.To) != 0 || none.From != none.Until {
		t.Errorf("%+v, %v", none, err)
	}
	for _, bad := range [][2]string{{"H32.1", ""}, {"H32.1=x", ""}, {"H32.1=-5", ""}, {"H32.1=1", ""}, {"", "20:00"}, {"", "25:00-06:00"}, {"", "now-then"}} {
		if _, err := newLimits(courier.Limits{To: map[replication.Name]int64{}}, -1, bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestStatusShowsWhatWaits: every item says what a person asks for.
func TestStatusShowsWhatWaits(t *testing.T) {
	var b strings.Builder
	printNodeStatus(&b, server.Status{
		Unsent: []server.Unsent{
			{Parcel: "9f27bb6d8c76", To: "H32.1", Kind: "request", Since: 1, Attempts: 3, Reason: "unreachable", Carrier: "relay", Done: 1 << 20, Bytes: 5 << 20, Next: 99, Raised: true},
			{Parcel: "aaaabbbbcccc", To: "H32.2", Kind: "report", Sending: true, Overdue: true},
		},
		Refused: []server.Refused{{Parcel: "ddddeeeeffff", To: "H32.3", Kind: "status", Refusal: "unwelcome", Note: "no such dossier"}},
	})
	for _, want := range []string{"9f27bb6d8c76", "1024 of 5120 KiB", "unreachable", "relay", "LATE", "being sent", "PAST ITS LIFETIME", "no such dossier", "Of the line: no limit"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}
