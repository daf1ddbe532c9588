package server_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory"
	"motcua/directory/server"
	"motcua/directory/state"
	"motcua/replication/replicationtest"
)

// backlog is what a node has not reported, as its store keeps it.
type backlog struct {
	mu    sync.Mutex        // what waits is read while parts are told
	waits []directory.Track // in the order of their codes
	told  map[string]int
	parts int
	after func(parts int) // called when a part is told
}

func weeks(n int) *backlog {
	b := &backlog{told: map[string]int{}, after: func(int) {}}
	for i := range n {
		b.waits = append(b.waits, directory.Track{
			Code: fmt.Sprintf("%s-261124-%05d", commune, i), Alias: fmt.Sprintf("AAAA-%05d", i), Root: commune, Holder: commune, State: "accepted",
			Due: 1_796_000_000, AsOf: 1_795_000_000_000 + int64(i), Applicant: "a1",
		})
	}
	return b
}

func (b *backlog) pending(after string, n int) ([]directory.Track, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := slices.BinarySearchFunc(b.waits, after, func(t directory.Track, c string) int { return cmp.Compare(t.Code, c) })
	var page []directory.Track
	for ; i < len(b.waits) && len(page) < n; i++ {
		if t := b.waits[i]; t.Code != after && b.told[t.Code] == 0 {
			page = append(page, t)
		}
	}
	return page, nil
}

func (b *backlog) sent(part []directory.Track) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range part {
		b.told[t.Code]++
	}
	b.parts++
	b.after(b.parts)
	return nil
}

// TestAWeekIsReportedInOneExchange: 20,000 changes over a poor line, while a server is lost in the middle.
func TestAWeekIsReportedInOneExchange(t *testing.T) {
	const week = 20_000
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.net.SetWeather(replicationtest.Weather{Loss: 0.01, Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		n := w.join(commune, 1)
		b := weeks(week)
		b.after = func(parts int) {
			if parts == 20 {
				go w.stop("dir-2")
			}
		}
		began := time.Now()
		if err := n.ReportAll(t.Context(), b.pending, b.sent); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d tracks in %d parts in %v of virtual time", week, b.parts, time.Since(began).Round(time.Millisecond))
		if len(b.told) != week || b.parts > week/100 {
			t.Errorf("%d of %d told in %d parts", len(b.told), week, b.parts)
		}
		for _, code := range []string{b.waits[0].Code, b.waits[week-1].Alias} {
			if v, err := n.Lookup(t.Context(), code); err != nil || v.State != "accepted" {
				t.Errorf("%s at any server: %+v, %v", code, v, err)
			}
		}
		open := must[[]state.OpenTracks](w, "dir-1", http.MethodPost, "/tracks/open", server.TracksRequest{Ended: []string{"returned"}})
		if none := must[[]state.OpenTracks](w, "dir-1", http.MethodPost, "/tracks/open", server.TracksRequest{Root: other}); len(none) != 0 {
			t.Errorf("another office has %+v", none)
		}
		if len(open) != 1 || open[0].Count != week || open[0].Root != commune {
			t.Errorf("of %d open dossiers %+v are counted", week, open)
		}
	})
}

// TestAnExchangeThatBreaksOffGoesOn: what was told is not told again.
func TestAnExchangeThatBreaksOffGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		n := w.join(commune, 1)
		b, full := weeks(3000), errors.New("disk full")
		stored := b.sent
		failing := func(part []directory.Track) error {
			if b.parts == 5 {
				return full
			}
			return stored(part)
		}
		if err := n.ReportAll(t.Context(), b.pending, failing); !errors.Is(err, full) {
			t.Fatalf("the error of the store is lost: %v", err)
		}
		before := len(b.told)
		if before == 0 || before == 3000 {
			t.Fatalf("%d told before it broke off", before)
		}
		if err := n.ReportAll(t.Context(), b.pending, stored); err != nil || len(b.told) != 3000 {
			t.Fatalf("%d told in the end: %v", len(b.told), err)
		}
		for code, times := range b.told {
			if times != 1 {
				t.Fatalf("%s was told %d times", code, times)
			}
		}
	})
}

// TestReportsMadeSideBySideGoTogether: they are fewer changes than reports, and each is answered for itself.
func TestReportsMadeSideBySideGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		n := w.join(commune, 1)
		time.Sleep(5 * time.Second)
		before := must[server.Status](w, "dir-1", http.MethodGet, "/status", nil).Applied
		var work sync.WaitGroup
		waits := weeks(64).waits
		for i, track := range waits {
			work.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i == 7 {
					time.AfterFunc(5*time.Millisecond, cancel) // one that does not wait takes nobody along
				}
				if err := n.Report(ctx, []directory.Track{track}); err != nil && i != 7 {
					t.Errorf("report %d: %v", i, err)
				}
			})
		}
		work.Wait()
		time.Sleep(5 * time.Second)
		for _, track := range waits {
			if got, err := n.Lookup(t.Context(), track.Code); err != nil || got.State != track.State {
				t.Errorf("%s: %+v, %v", track.Code, got, err)
			}
		}
		if changes := must[server.Status](w, "dir-1", http.MethodGet, "/status", nil).Applied - before; changes == 0 || changes > 8 {
			t.Errorf("64 reports made %d changes", changes)
		}
		w.stopAll()
	})
}
