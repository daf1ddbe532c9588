package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/population"
	"motcua/directory/state"
)

// tracksIn is how many tracks the benchmark has: MOTCUA_TRACKS, or a few.
func tracksIn(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("MOTCUA_TRACKS"))
	if err != nil {
		b.Log("20,000 tracks; MOTCUA_TRACKS=2000000 makes it a province's")
		return 20_000
	}
	return n
}

// BenchmarkTracks looks up and reports tracks in tables that have many. Run it with MOTCUA_TRACKS=2000000.
func BenchmarkTracks(b *testing.B) {
	n := tracksIn(b)
	dir, g := b.TempDir(), directorytest.Genesis(1)
	const now = 1_795_000_000_000
	err := Plant(dir, g, now, func(f func(command.Command) error) error {
		return population.Size{Accounts: n / 4, Tracks: n}.Commands(g, directorytest.Identity(100).Public(), now, f)
	})
	if err != nil {
		b.Fatal(err)
	}
	m, err := newMachine(openDB(b, dir+"/tables"))
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	r := rand.New(rand.NewPCG(1, 2))
	each := func(name string, read func(r state.Reader) error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := m.view(func(t state.Reader, _ uint64) error { return read(t) }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(anonymous(b), "anon-MiB")
		})
	}
	each("lookup", func(t state.Reader) error {
		_, ok, err := state.TrackOf(t, population.Code(r.IntN(n)))
		return found(ok, err)
	})
	each("mine", func(t state.Reader) error {
		mine, err := state.TracksOf(t, population.AccountID(r.IntN(n/4)))
		return found(len(mine) == 4, err)
	})
	each("count", func(t state.Reader) error {
		open, err := state.CountOpen(context.Background(), t, nil, "")
		return found(len(open) == 1 && open[0].Count == n, err)
	})
	b.Run("report", func(b *testing.B) { reportTracks(b, m, r, n) })
}

func found(ok bool, err error) error {
	if err == nil && !ok {
		err = fmt.Errorf("a track is missing")
	}
	return err
}

// reportTracks applies reports of 100 known dossiers each, 16 entries at a time.
func reportTracks(b *testing.B, m *machine, r *rand.Rand, n int) {
	applied, _, _ := m.state()
	bytes, tracks := 0, 0
	for b.Loop() {
		var logs []*raft.Log
		for range 16 {
			applied++
			l := entry(b, applied, report(r, n, int64(applied)))
			bytes, tracks = bytes+len(l.Data), tracks+100
			logs = append(logs, l)
		}
		for _, a := range m.ApplyBatch(logs) {
			if v, err := resultOf(a); err != nil || v.Failure != nil {
				b.Fatal(err, v.Failure)
			}
		}
	}
	b.ReportMetric(float64(tracks)/b.Elapsed().Seconds(), "tracks/s")
	b.ReportMetric(float64(bytes)/float64(tracks), "B/track")
	b.ReportMetric(anonymous(b), "anon-MiB")
}

func report(r *rand.Rand, n int, at int64) *command.Report {
	c := &command.Report{From: population.Office}
	for range 100 {
		c.Tracks = append(c.Tracks, directory.Track{
			Code: population.Code(r.IntN(n)), Root: population.Office, Holder: population.Office, State: "waiting",
			Due: 1_796_000_000, AsOf: 1_795_000_000_000 + at,
		})
	}
	return c
}

// anonymous is the memory of this process that is no file's, in MiB.
func anonymous(b *testing.B) float64 {
	runtime.GC()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if kb, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, _ := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			return n / 1024
		}
	}
	return 0
}
