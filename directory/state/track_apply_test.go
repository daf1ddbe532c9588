package state_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"motcua/crypto/golden"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// randomTrack is a track as a node may report it, or as it may not.
func randomTrack(r *rand.Rand, from directory.OfficeCode) directory.Track {
	n := r.IntN(40)
	t := directory.Track{
		Code: fmt.Sprintf("%s-261124-%04d", from, n), Root: from, Holder: commune, State: []string{"accepted", "waiting", "done", "returned"}[r.IntN(4)],
		Due: int64(r.IntN(3)) * 86400, AsOf: int64(r.IntN(50)), Applicant: directory.AccountID([]string{"", "a", "b", "b/c"}[r.IntN(4)]),
	}
	switch r.IntN(5) {
	case 0:
		t.Code, t.Root, t.State = fmt.Sprintf("AAAA-%04d", n), "", directory.StateSubmitted
	case 1:
		t.Alias = fmt.Sprintf("AAAA-%04d", r.IntN(40))
	case 2:
		t.Code = fmt.Sprintf("%s-261124-%04d", other, n)
	case 3:
		t.Code, t.State = fmt.Sprintf("AAAA-%04d", n), "refused"
	}
	return t
}

// TestReportsMakeTheTablesTheyAlwaysMade: servers of two versions apply one log while a directory is upgraded, so the rows that a
// report leaves must not change. The golden bytes are the digest of the tables after ten thousand tracks.
func TestReportsMakeTheTablesTheyAlwaysMade(t *testing.T) {
	s := enrolled(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		from := []directory.OfficeCode{commune, other}[r.IntN(2)]
		c := &command.Report{From: from}
		for range 50 {
			c.Tracks = append(c.Tracks, randomTrack(r, from))
		}
		s.at++
		s.fine(c)
	}
	h := sha256.New()
	for _, prefix := range []string{"track/", "alias/", "mine/", "places/", "request/"} {
		for _, k := range slices.Sorted(maps.Keys(s.memory)) {
			if len(k) > len(prefix) && k[:len(prefix)] == prefix {
				fmt.Fprintf(h, "%s %x\n", k, s.memory[k])
			}
		}
	}
	golden.Check(t, "reports", h.Sum(nil))
}

// BenchmarkReport applies reports of 100 tracks each of which changes, to tables in memory.
func BenchmarkReport(b *testing.B) {
	s := enrolled(new(testing.T))
	c := &command.Report{From: commune}
	for i := range 100 {
		c.Tracks = append(c.Tracks, directory.Track{
			Code: fmt.Sprintf("H32.22327-261124-%04d", i), Alias: fmt.Sprintf("AAAA-%04d", i), Root: commune, Holder: commune, State: "accepted",
			Due: 1_796_000_000, AsOf: 1, Applicant: directory.AccountID(fmt.Sprintf("a%09d", i)),
		})
	}
	bytes := 0
	for i := range uint64(b.N) {
		for j := range c.Tracks {
			c.Tracks[j].AsOf = int64(i)
		}
		e, err := command.Encode(command.RequestID{1, byte(i), byte(i >> 8), byte(i >> 16)}, start*1000+int64(i), c)
		if err != nil {
			b.Fatal(err)
		}
		bytes += len(e)
		if r, err := state.Apply(s, s.index+1+i, e); err != nil || r.Failure != nil {
			b.Fatal(err, r.Failure)
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N*100), "B/track")
	b.ReportMetric(float64(b.N*100)/b.Elapsed().Seconds(), "tracks/s")
}
