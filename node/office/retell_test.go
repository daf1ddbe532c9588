package office

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/store"
)

// hearing is a directory that takes all tracks that wait.
type hearing struct {
	Calls
	tracks *int
}

func (h hearing) ReportAll(_ context.Context, pending func(string, int) ([]directory.Track, error), sent func([]directory.Track) error) error {
	all, err := pending("", 1<<20)
	*h.tracks += len(all)
	return errors.Join(err, sent(all))
}

// TestARecoveredDirectoryIsToldAgain: all tracks, once, also where the node stops on the way.
func TestARecoveredDirectoryIsToldAgain(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	const count = retellPage + 7
	heard := 0
	office := func() *Office {
		return &Office{Config: Config{Code: xa, Store: st, Calls: hearing{tracks: &heard}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, report: make(chan struct{}, 1)}
	}
	o := office()
	waiting := func() (all []directory.Track) {
		if err := st.View(func(t *store.Tx) (err error) { all, err = t.PendingTracks("", 2*count); return err }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	again := func(want int) {
		t.Helper()
		heard = 0
		o.again(t.Context(), time.NewTimer(time.Hour))
		if heard != want {
			t.Errorf("%d tracks are told, want %d", heard, want)
		}
	}
	for i := range count {
		tr := directory.Track{Code: fmt.Sprintf("%s-261124-%04d", xa, i), Root: xa, Holder: xa, State: "accepted", AsOf: 1}
		if err := st.Update(context.Background(), func(t *store.Tx) error { return t.QueueTrack(tr) }); err != nil {
			t.Fatal(err)
		}
	}
	again(count)
	again(0)
	o.Recovered(1000)
	again(count)
	again(0)
	o = office() // the node starts anew
	o.Recovered(1000)
	again(0)
	o.Recovered(2000)
	if err := st.Update(t.Context(), func(t *store.Tx) error { _, err := retellPart(t, 2000); return err }); err != nil {
		t.Fatal(err)
	}
	if n := len(waiting()); n != retellPage {
		t.Errorf("a part has %d", n)
	}
	o = office() // it stopped on the way
	o.Recovered(2000)
	again(count)
	again(0)
	b, err := wire.Marshal(retold{Recovery: 2000, After: "H32.1-261124-0001", Done: true})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "retold", b)
}
