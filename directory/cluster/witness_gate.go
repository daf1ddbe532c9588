package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"motcua/directory"
	"motcua/directory/edition"
)

// gate is closed until the other servers have said that this one has all that they remember of it. Until then it neither
// votes nor leads nor takes entries.
type gate struct{ opened chan struct{} }

func (g *gate) open() bool {
	select {
	case <-g.opened:
		return true
	default:
		return false
	}
}

// askPause is how long to wait before the others are asked again.
const askPause = 200 * time.Millisecond

// complainEvery is how often a server says what it waits for.
const complainEvery = 30 * time.Second

// passGate asks the others until enough have answered that some majority, this server included, knows of nothing that it
// lacks. It ends with the server stopped if it lacks anything.
func (c *Cluster) passGate(mine stands) {
	answered := map[string]bool{}
	said := time.Now()
	for {
		enough, err := c.askRound(mine, answered)
		if err != nil {
			c.m.stop(err)
			return
		}
		if enough {
			close(c.gate.opened)
			return
		}
		if time.Since(said) > complainEvery {
			said = time.Now()
			c.log.Warn("this server waits for others: they must say that it is no old copy before it takes part; start them, and look at the network", "answered", len(answered))
		}
		select {
		case <-time.After(askPause):
		case <-c.ctx.Done():
			return
		}
	}
}

// reply is what one server said to a starting one.
type gateReply struct {
	name   string
	answer told
	err    error
}

// askRound asks those that have not answered yet, and tells whether enough have.
func (c *Cluster) askRound(mine stands, answered map[string]bool) (bool, error) {
	ctx, cancel := context.WithTimeout(c.ctx, tellTime)
	defer cancel()
	members := c.electors()
	if enough(c.cfg.Self, members, answered) {
		return true, nil
	}
	replies := make(chan gateReply, len(members))
	asked := 0
	for _, m := range members {
		if m.Name == c.cfg.Self || answered[m.Name] {
			continue
		}
		asked++
		c.work.Go(func() {
			answer, err := c.exchange(ctx, m.Name, c.starting(mine))
			replies <- gateReply{m.Name, answer, err}
		})
	}
	strange := 0
	for range asked {
		r := <-replies
		switch known := c.peers.known(r.name); {
		case errors.Is(r.err, errOlder):
			answered[r.name] = true
		case r.err != nil && known != nil:
			strange++
		case r.err == nil:
			if err := c.judge(r.name, r.answer, mine); err != nil {
				return false, err
			}
			answered[r.name] = true
			c.remember(r.name, r.answer.Self)
		}
		if enough(c.cfg.Self, members, answered) {
			return true, nil
		}
	}
	if strange >= edition.Majority(len(members)) {
		return false, errors.New("most of the other servers are of another founding of this province, and this one's data must not mix with theirs: it must join them anew, with a new identity and an empty data folder")
	}
	return false, nil
}

// starting is how a server presents itself that takes no part yet.
func (c *Cluster) starting(mine stands) tell {
	t := c.report()
	t.Term, t.Index, t.Starting = mine.term, mine.index, true
	return t
}

// enough tells whether a majority has been heard, this server included where it is one of the electors.
func enough(self string, members []directory.Member, answered map[string]bool) bool {
	n := 0
	for _, m := range members {
		if m.Name == self || answered[m.Name] {
			n++
		}
	}
	return 2*n > len(members)
}

// judge compares what a server remembers of this one with what this one has.
func (c *Cluster) judge(name string, t told, mine stands) error {
	switch {
	case t.Left > 0:
		return t.leave()
	case t.Known && (t.Term > mine.term || t.Index > mine.index):
		return fmt.Errorf("this server's data is an old copy or was lost: %s remembers it at entry %d of term %d, it has entry %d of term %d. "+
			"What it once acknowledged is gone, so it may not vote again: dismiss it with motcua directory leave at another server, "+
			"and let it join anew with a new identity and an empty data folder", name, t.Index, t.Term, mine.index, mine.term)
	}
	return nil
}

// known returns what was found wrong with a peer, nil if nothing was or it was not met.
func (p *peers) known(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.met[name]
}

// errNotMet keeps Raft from a server until both know that they are of one directory.
var errNotMet = errors.New("this server or the other takes no part yet")

// mayStream tells whether Raft may talk to a server: this one has all that the others remember of it, and the other is of
// the same founding.
func (c *Cluster) mayStream(name string) bool { return c.gate.open() && c.peers.good(name) }
