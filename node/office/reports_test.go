package office

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory"
	"motcua/node/store"
)

// counting counts the reports and the tracks in them.
type counting struct {
	Calls
	exchanges, tracks *atomic.Int64
}

func (c counting) ReportAll(_ context.Context, pending func(string, int) ([]directory.Track, error), sent func([]directory.Track) error) error {
	c.exchanges.Add(1)
	page, err := pending("", directory.MaxTrackBatch)
	c.tracks.Add(int64(len(page)))
	if err == nil {
		err = sent(page)
	}
	return err
}

// TestReportsAreCoalesced: five dossiers that change ten times a second for a minute.
func TestReportsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, err := store.Open(t.TempDir(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		var exchanges, tracks atomic.Int64
		o := &Office{Config: Config{Code: xa, Store: st, Calls: counting{exchanges: &exchanges, tracks: &tracks}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, report: make(chan struct{}, 1)}
		ctx, stop := context.WithCancel(t.Context())
		go o.reports(ctx)
		for i := range 600 {
			tr := directory.Track{Code: fmt.Sprintf("%s-261124-%04d", xa, i%5), Root: xa, Holder: xa, State: fmt.Sprint(i), AsOf: int64(i + 1)}
			if err := st.Update(ctx, func(t *store.Tx) error { return t.QueueTrack(tr) }); err != nil {
				t.Fatal(err)
			}
			o.poke()
			time.Sleep(100 * time.Millisecond)
			if i == 2 && exchanges.Load() == 0 {
				t.Error("the first change waits for longer than it must")
			}
		}
		time.Sleep(2 * reportEvery)
		if n := exchanges.Load(); n > 33 || n < 25 || tracks.Load() > 5*n {
			t.Errorf("%d exchanges with %d tracks in a minute", n, tracks.Load())
		}
		err = st.View(func(t *store.Tx) error {
			left, err := t.PendingTracks("", 1)
			if len(left) > 0 {
				err = fmt.Errorf("%s waits", left[0].Code)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		stop()
		synctest.Wait()
	})
}
