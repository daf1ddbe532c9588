package courier

import (
	"sync"

	"motcua/replication"
)

// The shares of what is taken in at once. A peer's own deliveries are open to it however many others have begun, so that no
// number of slow or hostile peers keeps out another; the memory this can take is bounded by the number of enrolled peers.
const (
	deliveries        = 64             // under way in all, beyond which a peer has only its own
	ownDeliveries     = 2              // of one peer, always
	deliveriesPerPeer = mostAtOnce + 8 // a peer whose connection broke begins anew while old transfers still stall
)

// slots counts the deliveries under way. The zero value is ready.
type slots struct {
	mu  sync.Mutex
	all int
	by  map[replication.Name]int
}

// enter takes a slot for a peer, false if there is none for it now.
func (s *slots) enter(n replication.Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.by[n]
	if mine >= deliveriesPerPeer || mine >= ownDeliveries && s.all >= deliveries {
		return false
	}
	if s.by == nil {
		s.by = map[replication.Name]int{}
	}
	s.by[n]++
	s.all++
	return true
}

func (s *slots) leave(n replication.Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.by[n]--; s.by[n] == 0 {
		delete(s.by, n)
	}
}
