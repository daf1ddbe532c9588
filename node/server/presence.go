package server

import (
	"context"
	"math/bits"
	"math/rand/v2"
	"time"

	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/gossip"
)

// tellInterval is how often others are told of what changes by itself.
const tellInterval = 5 * time.Minute

// mostWaiting bounds the parcels that are looked through for the oldest.
const mostWaiting = 5000

// keeps are the names to which this node keeps a connection, so that it is reached where it cannot be dialled: the servers of the
// directory, and the office above, which is where its guardian is.
func (n *Server) keeps() (names []replication.Name) {
	for _, m := range n.replica.Members() {
		names = append(names, replication.Name(m.Name))
	}
	if above := n.above(n.enrolment.Office); above != "" && above != n.enrolment.Office {
		names = append(names, replication.Name(above))
	}
	return names
}

// tell keeps what this node says of itself up to date until ctx ends.
func (n *Server) tell(ctx context.Context) {
	for {
		select {
		case <-time.After(tellInterval - rand.N(tellInterval/4)):
			n.gossip.SetMeta(n.meta())
		case <-ctx.Done():
			return
		}
	}
}

// meta is what this node says of itself. What grows all the time is rounded, because all others hear of every change.
func (n *Server) meta() gossip.Meta {
	m := gossip.Meta{Edition: n.replica.Number(), Version: n.cfg.Version}
	err := n.store.View(func(t *store.Tx) error {
		head, err := t.LogHead()
		if err != nil {
			return err
		}
		m.Log = coarse(head.Size)
		ws, err := t.WaitingFor("", mostWaiting)
		for _, w := range ws {
			age := n.cfg.Now().Unix() - w.Created
			m.Oldest = max(m.Oldest, uint32(coarse(uint64(min(max(age, 0), 1<<31)))))
		}
		return err
	})
	if err != nil {
		n.log.Error("the log and the outbox could not be looked through", "err", err)
	}
	return m
}

// coarse rounds down to three binary digits.
func coarse(v uint64) uint64 {
	drop := max(bits.Len64(v)-3, 0)
	return v >> drop << drop
}
