package gossip

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"motcua/replication"
	"motcua/replication/link"
)

// run joins those who are missing and passes on changes of our Meta.
func (g *Gossip) run() {
	next := time.NewTimer(0)
	defer next.Stop()
	settling, seen := settleRounds, 0
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-next.C:
			there := g.Members()
			if len(there) > seen+seen/10 { // many are back, and what one of them is told may be lost
				settling = settleRounds
			}
			seen = len(there)
			g.rejoin(there)
			wait := rejoinInterval
			if settling > 0 {
				settling--
				wait = settleInterval
				g.compare(there)
			}
			next.Reset(wait*3/4 + rand.N(wait/2))
		case <-g.changed:
			if err := g.list.UpdateNode(updateTime); err != nil {
				g.log.Debug("news of ourselves did not go out", "err", err)
			}
		}
	}
}

// rejoin tries a few of the seeds that are not there: fewer if many others do so too, because dialling what does not answer costs
// a line more than all else.
func (g *Gossip) rejoin(there []Member) {
	known := map[replication.Name]bool{g.cfg.Name: true}
	for _, m := range there {
		known[m.Name] = true
	}
	missing := slices.DeleteFunc(slices.Clone(g.cfg.Seeds()), func(s Seed) bool { return known[s.Name] || s.Addr == "" })
	tries := min(rejoinAtOnce, float64(rejoinAtOnce*len(missing))/float64(len(known)))
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	var all sync.WaitGroup
	for _, s := range missing[:min(len(missing), int(tries+rand.Float64()))] {
		all.Go(func() { g.join(s) })
	}
	all.Wait()
}

// compare tells one of those that are there all that we know, and hears all that it knows.
func (g *Gossip) compare(there []Member) {
	if len(there) > 0 {
		m := there[rand.IntN(len(there))]
		g.join(Seed{m.Name, m.Addr})
	}
}

func (g *Gossip) join(s Seed) {
	at, err := link.Lookup(g.ctx, s.Addr)
	if err == nil {
		_, err = g.list.Join([]string{string(s.Name) + "/" + at.String()})
	}
	if err != nil {
		g.log.Debug("peer does not join", "peer", s.Name, "err", err)
	}
}
