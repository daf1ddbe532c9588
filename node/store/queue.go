package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"motcua/crypto/digest"
	"motcua/replication"
)

// queue is what waits in the outbox, in memory: the courier asks for it after every parcel, and in the database thousands of
// settled entries would stand before the first that waits. It is read from there at the start, and again when a commit leaves
// doubt.
type queue struct {
	mu    sync.Mutex
	peers map[replication.Name][]queued // in the order of replication.Outbox.Queue
	stale bool
}

// queued is a parcel that waits.
type queued struct {
	large   bool
	created int64
	id      digest.Digest
}

func (q queued) compare(o queued) int {
	if q.large != o.large {
		if o.large {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(q.created, o.created), bytes.Compare(q.id[:], o.id[:]))
}

func (q *queue) put(to replication.Name, e queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.peers == nil {
		return // not read yet
	}
	if i, found := slices.BinarySearchFunc(q.peers[to], e, queued.compare); !found {
		q.peers[to] = slices.Insert(q.peers[to], i, e)
	}
}

func (q *queue) remove(to replication.Name, created int64, id digest.Digest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, large := range []bool{false, true} {
		if i, found := slices.BinarySearchFunc(q.peers[to], queued{large, created, id}, queued.compare); found {
			q.peers[to] = slices.Delete(q.peers[to], i, i+1)
		}
	}
	if len(q.peers[to]) == 0 {
		delete(q.peers, to)
	}
}

// doubt has the queue read anew.
func (q *queue) doubt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stale = true
}

// waits calls fn with the queue, up to date.
func (s *Store) waits(fn func(map[replication.Name][]queued)) error {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.peers == nil || q.stale {
		// No commit can slip in between: it takes the lock before it tells anybody.
		peers, err := s.readQueue()
		if err != nil {
			return err
		}
		q.peers, q.stale = peers, false
	}
	fn(q.peers)
	return nil
}

func (s *Store) readQueue() (map[replication.Name][]queued, error) {
	out := map[replication.Name][]queued{}
	err := s.View(func(t *Tx) error {
		return t.scan(tWaiting.key(), nil, func(k key) (bool, error) {
			id := tail(k)
			o, ok, err := load[Outgoing](t, tOutgoing.of(id))
			if err != nil || !ok || !o.Waits() {
				return err == nil, err
			}
			p, err := t.Parcel(id)
			if err != nil {
				return false, err
			}
			out[o.To] = append(out[o.To], queued{!p.Manifest.Small(), o.Created, id})
			return true, nil
		})
	})
	for _, list := range out {
		slices.SortFunc(list, queued.compare)
	}
	return out, err
}

// Waiting is how many parcels have no receipt yet.
func (s *Store) Waiting() (n int, err error) {
	err = s.waits(func(peers map[replication.Name][]queued) {
		for _, list := range peers {
			n += len(list)
		}
	})
	return n, err
}

// Peers returns the names with unsettled parcels.
func (o *Outbox) Peers(context.Context) (names []replication.Name, err error) {
	err = o.s.waits(func(peers map[replication.Name][]queued) {
		for name := range peers {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return names, err
}

// Queue tells of at most n unsettled parcels for a peer, the small ones first, then by age.
func (o *Outbox) Queue(_ context.Context, to replication.Name, n int) (out []replication.Queued, err error) {
	err = o.s.waits(func(peers map[replication.Name][]queued) {
		for _, e := range peers[to][:min(n, len(peers[to]))] {
			out = append(out, replication.Queued{ID: e.id, Small: !e.large})
		}
	})
	return out, err
}

// Parcel returns an unsettled parcel.
func (o *Outbox) Parcel(_ context.Context, id digest.Digest) (p replication.Parcel, err error) {
	err = o.s.View(func(t *Tx) error {
		out, err := t.Outgoing(id)
		if errors.Is(err, ErrNotFound) || err == nil && !out.Waits() {
			return replication.ErrSettled
		}
		if err == nil {
			p, err = t.Parcel(id)
		}
		return err
	})
	return p, err
}
