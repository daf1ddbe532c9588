package relay_test

import (
	"testing"
	"time"

	"motcua/replication/relay"
	"motcua/replication/replicationtest"
)

// TestLargeParcelsGoByLane: on a long line that loses, a large parcel reaches its relay beside QUIC, and its recipient too.
func TestLargeParcelsGoByLane(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		r := p.relay("r1", relay.Quota{})
		a, b := p.office("A"), p.office("B")
		b.stop()
		p.net.SetWeather(replicationtest.Weather{Latency: 300 * time.Millisecond, Loss: 0.05})
		q := a.send(b, "a plan", noise(8<<20))
		began := time.Now()
		p.until("it is kept", 4*time.Minute, r.keeps(1))
		t.Logf("kept after %v", time.Since(began))
		lanes := a.link.Lanes()
		if len(lanes) != 1 || lanes[0].Peer != "r1" || lanes[0].State.Sent < 8<<20 {
			t.Errorf("lanes %+v", lanes)
		}
		b.start()
		p.until("the recipient has it", 4*time.Minute, func() bool { return b.inbox.Effects(q.ID()) == 1 })
		b.took(q, "a plan")
	})
}
