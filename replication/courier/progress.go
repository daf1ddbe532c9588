package courier

import (
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/replication"
)

// board is what people may see of parcels under way. It is in memory: after a restart they begin anew.
type board struct {
	mu      sync.Mutex
	parcels map[digest.Digest]replication.Progress
	peers   map[replication.Name]time.Time // no attempt before
}

func newBoard() *board {
	return &board{parcels: map[digest.Digest]replication.Progress{}, peers: map[replication.Name]time.Time{}}
}

// change changes what is known of a parcel.
func (b *board) change(id digest.Digest, f func(*replication.Progress)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.parcels[id]
	f(&p)
	b.parcels[id] = p
}

func (b *board) forget(id digest.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.parcels, id)
}

// plan notes when a worker tries again, in all and with the parcels it holds back.
func (b *board) plan(to replication.Name, until time.Time, held map[digest.Digest]*hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peers[to] = until
	for id, h := range held {
		if p, known := b.parcels[id]; known {
			p.Next = h.until
			b.parcels[id] = p
		}
	}
}

// Progress tells how a parcel that waits for a peer is coming along.
func (c *Courier) Progress(to replication.Name, q replication.Queued) replication.Progress {
	now := time.Now()
	opens := c.traffic.opens(now)
	c.board.mu.Lock()
	defer c.board.mu.Unlock()
	p := c.board.parcels[q.ID]
	if until := c.board.peers[to]; until.After(p.Next) {
		p.Next = until
	}
	if !q.Small && opens.After(now) && !p.Sending {
		p.Closed = true
		p.Next = opens
	}
	if p.Sending || !p.Next.After(now) {
		p.Next = time.Time{}
	}
	p.Carrier = replication.ByLine
	if c.aside.gift(q.ID).kept {
		p.Carrier = replication.ByRelay
	}
	return p
}
