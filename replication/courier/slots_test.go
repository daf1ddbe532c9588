package courier_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"motcua/replication"
)

// TestSlowPeersKeepNobodyOut: peers that begin transfer after transfer and never send a chunk take up their own share only.
func TestSlowPeersKeepNobodyOut(t *testing.T) {
	in(t, func(t *testing.T, p *province) {
		a, b := p.office("A"), p.office("B")
		ctx, cancel := context.WithCancel(t.Context())
		var slow sync.WaitGroup
		var mu sync.Mutex
		said := map[replication.Obstacle]int{}
		for i := range 4 { // all slots there are
			x := p.office(replication.Name(fmt.Sprint("X", i)))
			for n := range 20 {
				q := x.pack(b, fmt.Sprint("never comes ", n), noise(400<<10))
				slow.Go(func() {
					for ctx.Err() == nil {
						r := x.dawdle(ctx, b.name, q)
						mu.Lock()
						said[r.NotNow]++
						mu.Unlock()
					}
				})
			}
		}
		time.Sleep(10 * time.Second)
		for range 5 {
			a.delivered(a.send(b, "honest", noise(300<<10)), b, "honest", 10*time.Second)
		}
		cancel()
		slow.Wait()
		if said[replication.TooBusy] == 0 {
			t.Errorf("the slow peers were told: %v", said)
		}
		a.delivered(a.send(b, "after"), b, "after", time.Minute)
	})
}

// dawdle offers a parcel and sends nothing of it for as long as the recipient waits. It returns the first reply.
func (o *office) dawdle(ctx context.Context, to replication.Name, q replication.Parcel) (r replication.Reply) {
	pause := time.NewTimer(19 * time.Second)
	defer pause.Stop()
	if s, err := o.link.Begin(ctx, to, replication.TransferProtocol); err == nil {
		defer s.Cancel()
		if s.Send(replication.Offer{Record: q.Record}) == nil && s.Receive(&r, replication.MaxReply) == nil && r.NotNow != "" {
			pause.Reset(time.Second / 10)
		}
	}
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
	return r
}
