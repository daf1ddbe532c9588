package guardian_test

import (
	"testing"
	"time"

	"motcua/replication/replicationtest"
)

// TestBackupsGoByLane: on a long line that loses, attachments reach the guardian, and come back from it, beside QUIC.
func TestBackupsGoByLane(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		g := w.keeper("G", 0)
		o := w.office("O")
		w.net.SetWeather(replicationtest.Weather{Latency: 300 * time.Millisecond, Loss: 0.05})
		o.set("a", "first")
		const size = 6 << 20
		o.attach(noise(size))
		began := time.Now()
		w.fatal(o.round(5 * time.Minute))
		t.Logf("streamed after %v", time.Since(began))
		if lanes := o.link.Lanes(); len(lanes) != 1 || lanes[0].State.Sent < size {
			t.Errorf("lanes of the office %+v", lanes)
		}
		rows := w.rows(o.store)
		again, f := o.burn().restore()
		if got := w.rows(again.store); got != rows || f.Files != 1 {
			t.Errorf("%d files, rows %q, want %q", f.Files, got, rows)
		}
		sent := uint64(0)
		for _, l := range g.link.Lanes() {
			sent += l.State.Sent
		}
		if sent < size {
			t.Errorf("the guardian sent %d bytes by lane", sent)
		}
	})
}
