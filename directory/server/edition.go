package server

import (
	"context"
	"sync"
	"time"

	"motcua/crypto/wire"
	"motcua/directory/client"
	"motcua/directory/edition"
	"motcua/directory/state"
	"motcua/replication/link"
)

// editionsAtOnce bounds the editions on their way to nodes at one time: all of a province that wakes together.
const editionsAtOnce = 512

// news is the newest complete edition as it was last told, for those who wait for another: the tables move on with every entry of
// the log, editions seldom.
type news struct {
	mu      sync.Mutex
	head    state.Head
	changed chan struct{} // closed with the next
}

func newNews() *news { return &news{changed: make(chan struct{})} }

// next is closed once another edition is complete than those which the tables held before the call.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// tell says which edition is the newest now, and whether it is another than before.
func (n *news) tell(h state.Head) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h == n.head {
		return false
	}
	n.head = h
	close(n.changed)
	n.changed = make(chan struct{})
	return true
}

// newest reads the newest complete edition; number 0 if there is none.
func (s *Server) newest() (signed edition.Signed, number uint64, err error) {
	err = s.look(func(r state.Reader) error {
		h, err := state.Complete(r)
		if err != nil || h.Number == 0 {
			return err
		}
		number = h.Number
		signed, _, err = state.SignedEdition(r, h.Number)
		return err
	})
	return signed, number, err
}

// newestBytes are those of the newest complete edition, whole, for a reader that trusts the members of an epoch.
func (s *Server) newestBytes(epoch uint64) (b []byte, number uint64, err error) {
	signed, number, err := s.newest()
	if err == nil && number > 0 {
		b, err = lacking(signed, epoch).Encode()
	}
	return b, number, err
}

// lacking spares a reader the successions that it has.
func lacking(s edition.Signed, epoch uint64) edition.Signed {
	s.Chain = edition.After(s.Chain, epoch, s.Epoch)
	return s
}

// handOut serves questions for editions.
func (s *Server) handOut(ctx context.Context, from link.Caller, st *link.Stream) {
	if err := s.editions.Serve(ctx, from, st); err != nil {
		s.log.Debug("edition not handed out", "peer", from.Peer.Name, "error", err)
	}
}

// answerEdition hands out whole editions to nodes of an earlier version.
func (s *Server) answerEdition(ctx context.Context, c caller) (client.Response, error) {
	var wish client.EditionWish
	if err := wire.Unmarshal(c.q.Body, &wish); err != nil {
		return client.Response{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(min(wish.Wait, client.MaxWait))*time.Millisecond)
	defer cancel()
	for {
		changed := s.news.next()
		if s.complete().Number > wish.Have {
			b, _, err := s.newestBytes(wish.Epoch)
			if err != nil {
				return client.Response{}, err
			}
			return respond(b, 0)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return respond([]byte{}, 0)
		}
	}
}
