package courier_test

import (
	"testing"
	"time"

	"motcua/replication/replicationtest"
)

// What befalls the way between two machines in the middle of a transfer: it goes on, and what has arrived is not sent again.
func TestATransferGoesOnAnotherWay(t *testing.T) {
	for name, befall := range map[string]func(p *province, a, b *office){
		"UDP is blocked": func(p *province, a, _ *office) { p.net.BlockUDP(a.addr, true) },
		"the sender is at another address": func(p *province, a, _ *office) {
			p.net.Move(a.addr, "10.9.9.9:1024")
		},
		"the recipient is at another address": func(p *province, a, b *office) {
			p.net.Move(b.addr, "10.9.9.9:1024")
			a.link.Hint(b.name, "10.9.9.9:1024") // as gossip does
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, p *province) {
				p.tcp = true
				a, b := p.office("A"), p.office("B")
				p.net.SetWeather(replicationtest.Weather{Latency: 300 * time.Millisecond})
				q := a.send(b, "a plan", noise(16<<20))
				for len(b.held(q)) < 4 {
					time.Sleep(100 * time.Millisecond)
				}
				befall(p, a, b)
				begin, before := time.Now(), p.net.Sent(a.addr)
				for had := len(b.held(q)); len(b.held(q)) <= had+2; time.Sleep(100 * time.Millisecond) {
					if time.Since(begin) > time.Minute {
						t.Fatal("it stands still")
					}
				}
				t.Logf("it went on after %s", time.Since(begin))
				a.delivered(q, b, "a plan", 10*time.Minute)
				if n := p.net.Sent(a.addr) - before; n > 20<<20 {
					t.Errorf("%d bytes were sent for the rest", n)
				}
			})
		})
	}
}
