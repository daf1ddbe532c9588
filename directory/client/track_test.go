package client

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
)

// TestPartsFitTheSharedStream: whatever tracks wait, a part travels on the stream that calls share, and nothing is left out.
func TestPartsFitTheSharedStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(most int) string { return strings.Repeat("A", rapid.IntRange(0, most).Draw(t, "length")) }
		var all []directory.Track
		for range rapid.IntRange(1, directory.MaxTrackBatch).Draw(t, "tracks") {
			all = append(all, directory.Track{
				Code: "A" + text(63), Alias: text(64), Root: directory.OfficeCode(text(44)), Holder: directory.OfficeCode(text(44)), State: text(32), Due: 1 << 40,
				AsOf: 1 << 50, Applicant: directory.AccountID(text(64)), Checks: make([]digest.Digest, rapid.IntRange(0, 4).Draw(t, "checks")),
			})
		}
		var again []directory.Track
		for left := all; len(left) > 0; {
			n := fitting(left)
			q, err := request(OpReport, left[:n])
			if err != nil {
				t.Fatal(err)
			}
			q.ID[0], q.AtLeast = 1, 1<<60
			b, err := wire.Marshal(q)
			if err != nil || len(b) > MaxSessionItem || n > directory.MaxTrackBatch || n == 0 {
				t.Fatalf("a part of %d tracks has %d bytes, at most %d: %v", n, len(b), MaxSessionItem, err)
			}
			again, left = append(again, left[:n]...), left[n:]
		}
		if !slices.EqualFunc(again, all, func(a, b directory.Track) bool { return a.Code == b.Code }) {
			t.Fatal("tracks were lost")
		}
	})
}
