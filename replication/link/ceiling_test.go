package link_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// TestCeilingsHold: bulk by lane, what is sent again included, and by plain streams keeps to the ceiling of all and to that of one peer,
// and uses it; without one it goes as fast as the line lets it.
func TestCeilingsHold(t *testing.T) {
	const size, rate = 1 << 20, 64 << 10
	far := replicationtest.Weather{Latency: 100 * time.Millisecond, Loss: 0.1}
	near := replicationtest.Weather{Latency: time.Millisecond}
	for name, c := range map[string]struct {
		weather  replicationtest.Weather
		ceilings link.Ceilings
	}{
		"all by lane":        {far, link.Ceilings{All: rate, To: map[replication.Name]int64{"b": 4 * rate, "c": 1}}},
		"one peer by lane":   {far, link.Ceilings{All: 4 * rate, To: map[replication.Name]int64{"b": rate}}},
		"all by streams":     {near, link.Ceilings{All: rate}},
		"one peer by stream": {near, link.Ceilings{To: map[replication.Name]int64{"b": rate}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, a, _ := lanePair(t, c.weather)
				a.SetCeilings(c.ceilings)
				began := time.Now()
				if err := ship(t.Context(), a, noise(size)); err != nil {
					t.Fatal(err)
				}
				d := time.Since(began)
				sent := w.net.Sent("10.0.0.1:1")
				if most := int64(rate*d.Seconds()*1.06) + 32<<10; sent > most { // QUIC's own and the handshake
					t.Errorf("%d bytes in %v, at most %d", sent, d, most)
				}
				if most := time.Duration(float64(sent)/rate*1.1*1e9) + 5*time.Second; d > most {
					t.Errorf("%d bytes took %v, at most %v", sent, d, most)
				}
				a.SetCeilings(link.Ceilings{})
				began = time.Now()
				if err := ship(t.Context(), a, noise(size)); err != nil || time.Since(began) > 8*time.Second {
					t.Errorf("without a ceiling: %v, %v", time.Since(began), err)
				}
			})
		})
	}
}

// TestPeersShareACeiling: by lane or by stream, each gets about the same of it.
func TestPeersShareACeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := lanePair(t, replicationtest.Weather{Latency: 100 * time.Millisecond})
		c := w.join("c", "10.0.0.3:1")
		c.Handle("digest/1", link.Known, digestOf)
		a.SetCeilings(link.Ceilings{All: 128 << 10})
		var took [2]time.Duration
		var work sync.WaitGroup
		began := time.Now()
		for i, peer := range []replication.Name{"b", "c"} {
			work.Go(func() {
				if err := shipTo(t.Context(), a, peer, noise(1<<20)); err != nil {
					t.Error(err)
				}
				took[i] = time.Since(began)
			})
		}
		work.Wait()
		if took[0] < 13*time.Second || took[1] < 13*time.Second || took[0] > 22*time.Second || took[1] > 22*time.Second {
			t.Errorf("1 MiB each at 128 KiB/s together took %v", took)
		}
	})
}
