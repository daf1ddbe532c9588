package link

import (
	"errors"
	"sync"
	"time"

	"motcua/replication"
)

// The bounds of what a machine passes on between others, in each direction.
const (
	spliceRate     = 16 << 20 // bytes per second of all pairs
	spliceRatePair = 2 << 20  // of one
	spliceBytes    = 4 << 30  // of one join, which ends then; they may ask for another
)

var errSpliceFull = errors.New("as many bytes have passed as may in one go")

// crowd are the pairs that a machine joins just now. Each has the same share of the rate, however many joins it has.
type crowd struct {
	mu    sync.Mutex
	joins map[[2]replication.Name]int
}

func (c *crowd) enter(pair [2]replication.Name, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.joins == nil {
		c.joins = map[[2]replication.Name]int{}
	}
	if c.joins[pair] += n; c.joins[pair] == 0 {
		delete(c.joins, pair)
	}
}

// rate is how many bytes per second may pass in one join.
func (c *crowd) rate(pair [2]replication.Name) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(spliceRatePair, spliceRate/int64(max(len(c.joins), 1))) / int64(max(c.joins[pair], 1))
}

// pace holds up what is written to one of the two streams of a join. After a pause, a second's worth goes at once.
func (c *crowd) pace(pair [2]replication.Name, to *Stream) func(bytes int) error {
	var next time.Time
	left := int64(spliceBytes)
	return func(bytes int) error {
		if left -= int64(bytes); left < 0 {
			return errSpliceFull
		}
		now := time.Now()
		if idle := now.Add(-time.Second); next.Before(idle) {
			next = idle
		}
		next = next.Add(time.Duration(int64(bytes) * int64(time.Second) / c.rate(pair)))
		if !next.After(now) {
			return nil
		}
		select {
		case <-time.After(next.Sub(now)):
			return nil
		case <-to.Done():
			return ErrClosed
		}
	}
}
