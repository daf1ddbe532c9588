package cluster_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"motcua/replication/replicationtest"
)

// calmTime is how long a leader must stay for: MOTCUA_CALM makes it longer, as in 1h.
func calmTime(t *testing.T) time.Duration {
	text := os.Getenv("MOTCUA_CALM")
	if text == "" {
		return 3 * time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNoElectionWithoutNeed: on a line of 20 ms there and back, 20 ms of jitter and one packet in a hundred lost, the
// leader stays.
func TestNoElectionWithoutNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.net.SetWeather(replicationtest.Weather{Loss: 0.01, Latency: 10 * time.Millisecond, Jitter: 20 * time.Millisecond})
		p.startAll()
		p.found()
		time.Sleep(10 * time.Second)
		l := p.leader()
		term := p.up[l].Status().Term
		end, start := calmTime(t), time.Now()
		for i := 0; time.Since(start) < end; i++ {
			time.Sleep(5 * time.Second)
			p.propose(p.other(l), field(i%50))
			if s := p.up[l].Status(); s.Term != term || s.Leader != l {
				t.Fatalf("after %v the term goes from %d to %d, the leader from %s to %s", time.Since(start), term, s.Term, l, s.Leader)
			}
		}
	})
}
