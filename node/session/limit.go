package session

import (
	"sync"
	"time"
)

// The bounds of guessing: after freeTries wrong passwords from one address for one login, each further try must wait
// twice as long as the one before, up to maxWait. The same login from another address is not slowed.
const (
	freeTries = 5
	firstWait = 2 * time.Second
	maxWait   = 15 * time.Minute
	forget    = time.Hour
	maxTraced = 10000
)

// Limiter slows down guessing.
type Limiter struct {
	now   func() time.Time
	mu    sync.Mutex
	tries map[string]*tries
}

type tries struct {
	wrong int
	until time.Time // no try before
	last  time.Time
}

// NewLimiter makes a limiter on a clock.
func NewLimiter(now func() time.Time) *Limiter {
	return &Limiter{now: now, tries: map[string]*tries{}}
}

// Wait is how long this address must wait before it tries this login again; 0: it may try now.
func (l *Limiter) Wait(login, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tries[login+"\x00"+address]
	if t == nil {
		return 0
	}
	return max(0, t.until.Sub(l.now()))
}

// Wrong notes a wrong password.
func (l *Limiter) Wrong(login, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := login + "\x00" + address
	t := l.tries[key]
	if t == nil {
		l.makeRoom()
		t = &tries{}
		l.tries[key] = t
	}
	t.last = l.now()
	if t.wrong++; t.wrong >= freeTries {
		t.until = t.last.Add(min(maxWait, firstWait<<min(t.wrong-freeTries, 16)))
	}
}

// Right forgets the wrong tries of a login from an address.
func (l *Limiter) Right(login, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tries, login+"\x00"+address)
}

// makeRoom drops what is old and, when that is not enough, anything: a flood of made-up logins may lift a wait early,
// it never grows memory.
func (l *Limiter) makeRoom() {
	if len(l.tries) < maxTraced {
		return
	}
	for k, t := range l.tries {
		if l.now().Sub(t.last) > forget {
			delete(l.tries, k)
		}
	}
	for k := range l.tries {
		if len(l.tries) < maxTraced {
			return
		}
		delete(l.tries, k)
	}
}
