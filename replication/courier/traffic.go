package courier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"motcua/replication"
)

// Limits say how much of the line may be taken, and when large parcels go. The zero value sets no limit.
type Limits struct {
	// Rate bounds the bytes a second of all parcels, and of whatever else goes as bulk by the same link, to all peers together; To the
	// same to single peers: see link.Ceilings. 0: no limit.
	Rate int64                      `json:"rate,omitempty"`
	To   map[replication.Name]int64 `json:"to,omitempty"`
	// Large parcels begin and go on only from From to Until: minutes since midnight in Zone, over midnight where Until is the
	// smaller. Equal: at any time.
	From  int `json:"from,omitempty"`
	Until int `json:"until,omitempty"`
	// Zone is that of From and Until; nil is UTC.
	Zone *time.Location `json:"-"`
}

// MinRate is the least limit that still lets a parcel move: bytes a second.
const MinRate = 2 << 10

const dayMinutes = 24 * 60

// Validate checks the bounds.
func (l Limits) Validate() error {
	if l.From < 0 || l.From >= dayMinutes || l.Until < 0 || l.Until >= dayMinutes {
		return fmt.Errorf("limits: hours from minute %d until %d: want 0 to %d", l.From, l.Until, dayMinutes-1)
	}
	rates := []int64{l.Rate}
	for _, r := range l.To {
		rates = append(rates, r)
	}
	for _, r := range rates {
		if r != 0 && r < MinRate {
			return fmt.Errorf("limits: %d bytes a second: want at least %d, or 0 for no limit", r, MinRate)
		}
	}
	return nil
}

// Opens returns when large parcels may next be sent: now, or when the hours for them begin.
func (l Limits) Opens(now time.Time) time.Time {
	if l.From == l.Until {
		return now
	}
	zone := l.Zone
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	minute := local.Hour()*60 + local.Minute()
	if since := mod(minute-l.From, dayMinutes); since < mod(l.Until-l.From, dayMinutes) {
		return now
	}
	return time.Date(local.Year(), local.Month(), local.Day(), 0, mod(l.From-minute, dayMinutes)+minute, 0, 0, zone)
}

func mod(a, n int) int { return ((a % n) + n) % n }

// errClosed ends a large transfer when the hours for it are over. What has arrived stays there.
var errClosed = errors.New("the hours for large parcels are over")

// yieldTime bounds how long a large parcel waits for small ones before each piece, so that it moves on under any load.
const yieldTime = 5 * time.Second

// traffic shares the line between small and large parcels.
type traffic struct {
	mu     sync.Mutex
	limits Limits
	small  map[replication.Name]*crowd
}

// crowd are the small parcels under way to a peer. gone is closed when the last has arrived.
type crowd struct {
	n    int
	gone chan struct{}
}

func newTraffic() *traffic {
	return &traffic{small: map[replication.Name]*crowd{}}
}

// set puts other limits in force.
func (t *traffic) set(l Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = l
}

// opens is Limits.Opens of those in force.
func (t *traffic) opens(now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limits.Opens(now)
}

func (t *traffic) open(now time.Time) bool { return !t.opens(now).After(now) }

// begin notes that a small parcel is under way; call end when it is not any more.
func (t *traffic) begin(to replication.Name) (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.small[to]
	if c == nil {
		c = &crowd{gone: make(chan struct{})}
		t.small[to] = c
	}
	c.n++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if c.n--; c.n == 0 {
			close(c.gone)
			delete(t.small, to)
		}
	}
}

// pace waits until a piece of a large parcel may go.
func (t *traffic) pace(ctx context.Context, to replication.Name) error {
	if !t.open(time.Now()) {
		return errClosed
	}
	t.mu.Lock()
	c := t.small[to]
	t.mu.Unlock()
	if c != nil {
		rest(ctx, c.gone, yieldTime)
	}
	return ctx.Err()
}

// rest waits until until is closed, at most d.
func rest(ctx context.Context, until <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-until:
	case <-timer.C:
	case <-ctx.Done():
	}
}
