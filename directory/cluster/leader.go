package cluster

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// news says when there is another leader, or none.
type news struct {
	mu    sync.Mutex
	moved chan struct{}
}

func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.moved == nil {
		n.moved = make(chan struct{})
	}
	return n.moved
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.moved != nil {
		close(n.moved)
		n.moved = nil
	}
}

// watchLeader tells whoever waits when the leader changes, and leaves the sessions with those that lead no more.
func (c *Cluster) watchLeader() {
	seen := make(chan raft.Observation, 1) // more than one at a time says no more
	o := raft.NewObserver(seen, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	c.raft.RegisterObserver(o)
	defer c.raft.DeregisterObserver(o)
	for {
		select {
		case <-seen:
			c.news.tell()
			name, _ := c.Leader()
			c.sessions.leave(name)
		case <-c.ctx.Done():
			c.news.tell()
			c.sessions.leave("")
			return
		}
	}
}

// silenceSpread keeps the followers from noticing a silent leader in the same moment: each would vote for itself.
const silenceSpread = 80 * time.Millisecond

// watchSilence has Raft look at the silence of the leader when it has lasted for the time of a heartbeat. By itself it
// looks at intervals of one to two such times, and finds a dead leader only after up to three.
func (c *Cluster) watchSilence() {
	patience := heartbeat + rand.N(silenceSpread)
	for {
		wait := patience
		if name, self := c.Leader(); name != "" && !self && c.raft.State() == raft.Follower {
			silence := time.Since(c.raft.LastContact())
			if wait -= silence; wait <= 0 {
				c.lookNow()
				patience = heartbeat + rand.N(silenceSpread)
				wait = patience
			}
		}
		select {
		case <-time.After(wait):
		case <-c.ctx.Done():
			return
		}
	}
}

// lookNow wakes Raft: it looks again whenever the time of a heartbeat is made shorter.
func (c *Cluster) lookNow() {
	r := c.raft.ReloadableConfig()
	for _, t := range []time.Duration{heartbeat + 1, heartbeat} {
		r.HeartbeatTimeout = t
		if err := c.raft.ReloadConfig(r); err != nil {
			c.log.Error("raft took no other heartbeat", "error", err)
			return
		}
	}
}
