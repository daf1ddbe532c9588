package bench

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// TestALineStays: programs read it.
func TestALineStays(t *testing.T) {
	var b strings.Builder
	emit := JSON(&b)
	alone := Measure{Name: "fail-over, median", Unit: "ms", Value: 380}.atMost(400)
	beside := Measure{Name: "writes/16", Unit: "1/s", Value: 1800}.against("etcd", 1000).times(2)
	if err := errors.Join(emit(alone), emit(beside), emit(Measure{Name: "memory", Unit: "MiB", Value: 9.5})); err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"fail-over, median","unit":"ms","value":380,"goal":"<= 400","met":true}
{"name":"writes/16","unit":"1/s","value":1800,"peer":"etcd","peer_value":1000,"ratio":1.8,"goal":"ratio >= 2","met":false}
{"name":"memory","unit":"MiB","value":9.5}
`
	if b.String() != want {
		t.Errorf("lines\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTheTableShowsWhatWasMissed(t *testing.T) {
	var b strings.Builder
	m := Measure{Name: "writes/16", Unit: "1/s", Value: 1800}.against("etcd", 1000).times(2)
	if err := Table(&b, []Measure{m, m.times(1)}); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Count(s, "NOT MET") != 1 || strings.Count(s, " met") != 1 || !strings.Contains(s, "etcd") {
		t.Errorf("table:\n%s", s)
	}
}

func TestMedianAndRounding(t *testing.T) {
	if m := median([]float64{9, 1, 5}); m != 5 {
		t.Errorf("median %v", m)
	}
	if m := median[int](nil); m != 0 {
		t.Errorf("median of nothing %v", m)
	}
	for in, want := range map[float64]float64{0.12345: 0.123, 2.345: 2.35, 12.34: 12.3, 1234.5: 1234, 0: 0} {
		if got := round(in); got != want {
			t.Errorf("round(%v) = %v, want %v", in, got, want)
		}
	}
}

// TestARateCountsWhatIsDone: eight clients whose calls take 10 ms make 800 a second.
func TestARateCountsWhatIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most, now atomic.Int32
		op := func(context.Context, int, uint64) error {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(10 * time.Millisecond)
			now.Add(-1)
			return nil
		}
		got, err := rate(t.Context(), 8, time.Second, 2*time.Second, op)
		if err != nil || got < 790 || got > 810 || most.Load() != 8 {
			t.Errorf("%v calls a second, %d at once, %v", got, most.Load(), err)
		}
	})
}

// TestALoadThatFailsGivesNoFigure: not one call may be lost.
func TestALoadThatFailsGivesNoFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		op := func(_ context.Context, client int, n uint64) error {
			time.Sleep(time.Millisecond)
			if client == 3 && n == 700 {
				return broken
			}
			return nil
		}
		if got, err := rate(t.Context(), 8, time.Second, 2*time.Second, op); !errors.Is(err, broken) || got != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestEachStopsAtAnError(t *testing.T) {
	var done atomic.Int32
	if err := each(100, 4, func(int) error { done.Add(1); return nil }); err != nil || done.Load() != 100 {
		t.Errorf("%d done, %v", done.Load(), err)
	}
	broken := errors.New("broken")
	if err := each(100, 4, func(int) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestAWriteHasItsSize: all that are compared write as much.
func TestAWriteHasItsSize(t *testing.T) {
	n := &node{office: communes(1)[0]}
	b, err := command.Body(&command.Report{From: n.office, Tracks: []directory.Track{n.track(Key(3, 9), 9)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < ValueSize*9/10 || len(b) > ValueSize*11/10 {
		t.Errorf("a write has %d bytes, want about %d", len(b), ValueSize)
	}
	if err := command.ValidTrack(n.track(1, 1)); err != nil { // the directory would refuse it and say so to nobody
		t.Error(err)
	}
}

func TestKeysAreSpread(t *testing.T) {
	seen := map[int]int{}
	for client := range 16 {
		for n := range uint64(1000) {
			k := Key(client, n)
			if k < 0 || k >= Keys {
				t.Fatalf("key %d", k)
			}
			seen[k]++
		}
	}
	if len(seen) < Keys*9/10 {
		t.Errorf("16,000 calls are about %d of %d records", len(seen), Keys)
	}
}
