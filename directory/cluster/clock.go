package cluster

import (
	"context"
	"sync"
	"time"

	"motcua/directory/state"
)

// The bounds of a leader's clock.
const (
	// clockStep is how far the time in the log may move at once on the word of one clock.
	clockStep = 10 * time.Minute
	// clockSkew is how far the clocks of two servers that agree may be apart.
	clockSkew = 5 * time.Minute
	// clockTrust is for how long clocks that agreed are not compared again.
	clockTrust = time.Minute
	clockTime  = 3 * time.Second // to compare them
)

// entryTime is the leader's time for a new entry, in Unix milliseconds. The time in the log moves by small steps on the leader's
// word. A larger step, after a long silence as with a clock that is wrong, needs a majority of clocks: it cannot be undone,
// and what hangs on it is when keys were revoked and until when tokens are good. Without it the error is errNotLeader.
func (c *Cluster) entryTime(ctx context.Context) (int64, error) {
	now := c.cfg.Now()
	last, err := c.lastTime()
	if err != nil {
		return 0, err
	}
	if step := now.Sub(time.UnixMilli(last)); step.Abs() <= clockStep {
		return now.UnixMilli(), nil
	}
	if trusted := c.clockGood.Load(); trusted != nil && now.Sub(*trusted).Abs() <= clockTrust {
		return now.UnixMilli(), nil
	}
	agree, differ := c.compareClocks(ctx)
	switch {
	case 2*agree > len(c.electors()):
		c.clockGood.Store(&now)
		return now.UnixMilli(), nil
	case 2*differ > len(c.electors()):
		c.log.Error("this server's clock differs from those of the others, and it cannot lead with it: set it right")
		c.raft.LeadershipTransfer() // to another; should it fail, this server is asked again
	}
	return 0, errNotLeader
}

// lastTime is the time in the log, as far as the tables have come.
func (c *Cluster) lastTime() (last int64, err error) {
	err = c.local(func(r state.Reader, _ uint64) (err error) {
		last, err = state.Time(r)
		return err
	})
	return last, err
}

// compareClocks counts the members, this one included, whose clocks agree with this server's, and those that do not.
func (c *Cluster) compareClocks(ctx context.Context) (agree, differ int) {
	ctx, cancel := context.WithTimeout(ctx, clockTime)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	agree = 1
	members := c.electors()
	for _, m := range members {
		if m.Name == c.cfg.Self {
			continue
		}
		all.Go(func() {
			r, err := c.askMember(ctx, m.Name, ask{Read: clock})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if c.cfg.Now().Sub(time.UnixMilli(r.Clock)).Abs() <= clockSkew {
				agree++
			} else {
				differ++
			}
			if n := len(members); 2*agree > n || 2*differ > n {
				cancel()
			}
		})
	}
	all.Wait()
	return agree, differ
}
