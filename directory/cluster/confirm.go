package cluster

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// confirmer finds out whether this server still leads, once for all readers that wait for it.
//
// hashicorp/raft has no ReadIndex, so its steps are taken here (Ongaro's thesis, section 6.4). Its VerifyLeader is not
// one of them: it counts answers to requests that were sent before it was called. A leader that was paused finds such
// answers when it wakes, while another has long been elected.
type confirmer struct {
	c *Cluster

	mu      sync.Mutex
	next    *round // takes readers: it has not begun
	running bool

	term  atomic.Uint64 // in which this server, as leader, has committed an entry
	under sync.Map      // raft.ServerID: *atomic.Int32, heartbeats under way
}

// round is one question to a majority.
type round struct {
	done  chan struct{}
	index uint64
	err   error
}

// maxHeartbeats is how many may be under way to one server: a dead one holds up the others but for these.
const maxHeartbeats = 4

// index returns the place in the log that a linearizable read must see. The error is errNotLeader when this server does
// not lead, or cannot tell.
func (f *confirmer) index(ctx context.Context) (uint64, error) {
	f.mu.Lock()
	r := f.next
	if r == nil {
		r = &round{done: make(chan struct{})}
		f.next = r
	}
	if !f.running {
		f.running = true
		go f.run()
	}
	f.mu.Unlock()
	select {
	case <-r.done:
		return r.index, r.err
	case <-ctx.Done():
		return 0, errNotLeader
	}
}

// run makes rounds while there are readers. Those that come during a round wait for the next: what it asks may have been
// answered before they came.
func (f *confirmer) run() {
	for {
		f.mu.Lock()
		r := f.next
		f.next, f.running = nil, r != nil
		f.mu.Unlock()
		if r == nil {
			return
		}
		r.index, r.err = f.confirm()
		close(r.done)
	}
}

func (f *confirmer) confirm() (uint64, error) {
	ctx, cancel := context.WithTimeout(f.c.ctx, rpcTimeout)
	defer cancel()
	term, ok := f.c.ledTerm()
	if !ok {
		return 0, errNotLeader
	}
	if f.term.Load() != term {
		// A new leader knows how far its predecessors committed only once it has committed an entry of its own term.
		if err := f.c.settler.await(ctx, f.c.raft.Barrier(rpcTimeout)); err != nil {
			return 0, err
		}
	}
	commit := f.c.raft.CommitIndex()
	if !f.heard(ctx, term) || f.c.raft.CurrentTerm() != term {
		return 0, errNotLeader
	}
	f.term.Store(term)
	return f.c.lastCommand(commit)
}

// ledTerm returns the term that this server leads in. Terms only rise, so it did lead in a term that was the same before
// and after it was seen to lead.
func (c *Cluster) ledTerm() (uint64, bool) {
	term := c.raft.CurrentTerm()
	return term, c.raft.State() == raft.Leader && c.raft.CurrentTerm() == term
}

// heard sends heartbeats and tells whether a majority of the voters answers that it knows no later term.
func (f *confirmer) heard(ctx context.Context, term uint64) bool {
	voters, votes := 0, 0
	answers := make(chan bool, 16)
	for _, s := range f.c.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage != raft.Voter {
			continue
		}
		voters++
		if s.ID == raft.ServerID(f.c.cfg.Self) {
			votes++
			continue
		}
		go func() {
			select {
			case answers <- f.heartbeat(s, term):
			case <-ctx.Done():
			}
		}()
	}
	for asked := voters - votes; 2*votes <= voters; asked-- {
		if asked == 0 {
			return false
		}
		select {
		case yes := <-answers:
			if yes {
				votes++
			}
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// heartbeat tells one server that this one leads in a term, and whether it agrees.
func (f *confirmer) heartbeat(to raft.Server, term uint64) bool {
	n, _ := f.under.LoadOrStore(to.ID, new(atomic.Int32))
	under := n.(*atomic.Int32)
	if under.Add(1) > maxHeartbeats {
		under.Add(-1)
		return false
	}
	defer under.Add(-1)
	self := []byte(f.c.cfg.Self)
	req := &raft.AppendEntriesRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: self, Addr: self}, Term: term,
	}
	var r raft.AppendEntriesResponse
	err := f.c.trans.AppendEntries(to.ID, to.Address, req, &r)
	return err == nil && r.Success && r.Term == term
}
