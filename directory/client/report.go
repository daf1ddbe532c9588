package client

import (
	"context"
	"sync"

	"motcua/directory"
	"motcua/directory/state"
)

// reportsAtOnce is how many reports may be under way: two, so that few callers wait for nobody and many fill what goes next.
const reportsAtOnce = 2

// reports gathers the reports that callers make side by side: while some are under way, those that come wait and then go together, as
// one change with one answer.
type reports struct {
	mu       sync.Mutex
	underWay int
	waiting  []*joint
}

// joint is one or more callers' reports that go together.
type joint struct {
	tracks  []directory.Track
	size    int
	callers int
	done    chan struct{}
	err     error
}

// Report brings tracks to the directory, at most directory.MaxTrackBatch. A track that this office may not report, or that is older
// than the one there, changes nothing and is no error: it would not get better by being sent again.
//
// Reports that are made at the same time go together. Each is answered once it is decided and durable, and fails for its own
// reasons alone. When ctx ends first, it may still be made.
func (c *Client) Report(ctx context.Context, tracks []directory.Track) error {
	if fitting(tracks) < len(tracks) || len(tracks) > directory.MaxTrackBatch {
		return c.reportAlone(ctx, tracks)
	}
	j, mine := c.reports.join(tracks)
	if mine {
		go c.reportJoint(context.WithoutCancel(ctx))
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if j.err != nil && j.callers > 1 && directory.CodeOf(j.err) != directory.NoLeader {
		return c.reportAlone(ctx, tracks) // another's may be what was refused
	}
	return j.err
}

// join puts tracks among those that wait. Mine: there is room for one more under way, and the caller sends it.
func (r *reports) join(tracks []directory.Track) (j *joint, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := 0
	for _, t := range tracks {
		size += trackBytes(t)
	}
	if n := len(r.waiting); n > 0 && r.waiting[n-1].size+size <= partBytes && len(r.waiting[n-1].tracks)+len(tracks) <= directory.MaxTrackBatch {
		j = r.waiting[n-1]
	} else {
		j = &joint{done: make(chan struct{})}
		r.waiting = append(r.waiting, j)
	}
	j.tracks = append(j.tracks, tracks...)
	j.size += size
	j.callers++
	if mine = r.underWay < reportsAtOnce; mine {
		r.underWay++
	}
	return j, mine
}

// next takes what goes next, nil if nothing waits.
func (r *reports) next() *joint {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		r.underWay--
		return nil
	}
	j := r.waiting[0]
	r.waiting = r.waiting[1:]
	return j
}

// reportJoint sends what waits until nothing does.
func (c *Client) reportJoint(ctx context.Context) {
	for j := c.reports.next(); j != nil; j = c.reports.next() {
		call, cancel := context.WithTimeout(ctx, partTime)
		j.err = c.reportAlone(call, j.tracks)
		cancel()
		close(j.done)
	}
}

// reportAlone brings tracks to the directory as one change.
func (c *Client) reportAlone(ctx context.Context, tracks []directory.Track) error {
	q, err := request(OpReport, tracks)
	if err != nil {
		return err
	}
	q.ID = c.idOf(q.Body)
	var out state.Reported
	if err := c.call(ctx, "report", q, 0, &out); err != nil {
		if directory.CodeOf(err) != directory.NoLeader {
			c.resalt() // the refusal is remembered with the id: it must not be the answer when the reason is gone
		}
		return err
	}
	if len(out.Refused) > 0 {
		c.log.Warn("the directory refused tracks of dossiers that another office answers for", "codes", out.Refused)
	}
	return nil
}
