package relay

import (
	"sync"

	"motcua/replication"
)

// atOnce is how many requests of one peer are served at once: what each may take in memory is bounded, and so is what all may.
const atOnce = 3

// places counts the requests under way, by peer. The zero value is ready.
type places struct {
	mu sync.Mutex
	by map[replication.Name]int
}

// enter takes a place for a peer, false if it has none left.
func (p *places) enter(n replication.Name) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[n] >= atOnce {
		return false
	}
	if p.by == nil {
		p.by = map[replication.Name]int{}
	}
	p.by[n]++
	return true
}

func (p *places) leave(n replication.Name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[n]--; p.by[n] == 0 {
		delete(p.by, n)
	}
}
