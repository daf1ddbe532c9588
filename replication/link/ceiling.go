package link

import (
	"sync"
	"time"

	"motcua/replication"
)

// Ceilings bound the bytes per second that a link sends as bulk: by lanes, every packet counted, those that are sent again too, and by
// plain streams that [Link.BeginBulk] opened, without what QUIC or TCP adds. 0: no bound.
type Ceilings struct {
	All int64                      // to all peers together
	To  map[replication.Name]int64 // to single peers
}

// The grain of ceilings.
const (
	ceilingStep  = 4 << 10               // bytes that are let through at a time, so that all who wait get the same
	ceilingSlack = 50 * time.Millisecond // worth of bytes that may be made up for, so that late timers do not slow us down
)

// SetCeilings puts other bounds in force, also for what is under way.
func (l *Link) SetCeilings(c Ceilings) {
	l.roof.mu.Lock()
	defer l.roof.mu.Unlock()
	l.roof.all = bucket{rate: c.All}
	l.roof.to = map[replication.Name]*bucket{}
	for name, rate := range c.To {
		l.roof.to[name] = &bucket{rate: rate}
	}
}

// roof keeps bulk under the ceilings.
type roof struct {
	mu  sync.Mutex
	all bucket
	to  map[replication.Name]*bucket
}

// take counts bytes for a peer and returns when the next may go; the past: now.
func (r *roof) take(now time.Time, to replication.Name, bytes int) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.all.take(now, bytes)
	if b := r.to[to]; b != nil {
		if at := b.take(now, bytes); at.After(next) {
			next = at
		}
	}
	return next
}

// pace lets bytes of a plain stream to a peer through step by step.
func (r *roof) pace(s *Stream, to replication.Name, bytes int) error {
	for ; bytes > 0; bytes -= ceilingStep {
		wait := time.Until(r.take(time.Now(), to, min(bytes, ceilingStep)))
		if wait <= 0 {
			continue
		}
		select {
		case <-time.After(wait):
		case <-s.Done():
			return ErrClosed
		}
	}
	return nil
}

// bucket counts what is sent against a rate in bytes per second; 0 is no bound.
type bucket struct {
	rate int64
	free time.Time // when everything counted so far will have been allowed
}

func (b *bucket) take(now time.Time, bytes int) time.Time {
	if b.rate == 0 {
		return time.Time{}
	}
	if early := now.Add(-ceilingSlack); b.free.Before(early) {
		b.free = early
	}
	b.free = b.free.Add(time.Duration(float64(bytes) / float64(b.rate) * float64(time.Second)))
	return b.free
}
