package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// pace is how a kind of tries is slowed: after free of them each further one must wait twice as long as the one before, from
// first up to max. One is forgotten every ease.
type pace struct {
	free       int
	first, max time.Duration
	ease       time.Duration
}

// The bounds of guessing. A login tried at one place is slowed soon and long, for that harms the guesser alone. All that one
// place tries, and all that every place tries of one login, are bounded loosely: the people of a counter share an address,
// and a stranger's guesses must not keep the owner of a login out. A login is not slowed where it was signed in before.
//
// A second factor is tried by somebody who knows the password, and six digits are few: what all places but the account's own try
// is bounded to some hundred codes a day, of which one in 300,000 is right.
var (
	pairPace  = pace{free: 5, first: 2 * time.Second, max: 15 * time.Minute, ease: 12 * time.Minute}
	placePace = pace{free: 50, first: 2 * time.Second, max: time.Minute, ease: time.Minute}
	loginPace = pace{free: 100, first: time.Second, max: 30 * time.Second, ease: time.Minute}
	codePace  = pace{free: 5, first: 5 * time.Second, max: 15 * time.Minute, ease: 12 * time.Minute}
	codesPace = pace{free: 20, first: 30 * time.Second, max: 15 * time.Minute, ease: time.Hour}
	askPace   = pace{free: 60, first: time.Second, max: time.Minute, ease: 5 * time.Second}
	joinPace  = pace{free: 30, first: 10 * time.Second, max: 5 * time.Minute, ease: 2 * time.Minute}
)

// maxTraced bounds what a limiter remembers of each kind; homeTime is how long a place stays a login's own.
const (
	maxTraced = 10000
	homeTime  = 30 * 24 * time.Hour
)

// Limiter slows down guessing, the making of accounts, and questions that cost the directory an answer. It is safe for concurrent use, and forgets all when the program
// stops.
type Limiter struct {
	now func() time.Time

	mu                                 sync.Mutex
	pairs, places, logins, joins, asks tallies
	codes, codesAll                    tallies              // second factors, by account and place, and by account
	homes                              map[string]time.Time // login (or account) and place that were right together, and when
	failures                           map[string]Failures  // by login, since it was last told
	secret                             [32]byte
}

// Failures are the wrong tries of a login since its owner was last told.
type Failures struct {
	N    int
	Last time.Time
}

// NewLimiter makes a limiter on a clock.
func NewLimiter(now func() time.Time) *Limiter {
	l := &Limiter{
		now: now, pairs: newTallies(pairPace), places: newTallies(placePace), logins: newTallies(loginPace), joins: newTallies(joinPace),
		asks: newTallies(askPace), codes: newTallies(codePace), codesAll: newTallies(codesPace), homes: map[string]time.Time{},
		failures: map[string]Failures{},
	}
	rand.Read(l.secret[:])
	return l
}

// Try asks to try a password of a login from an address, and is asked before the password is checked, so that tries made at
// once are counted like tries made one after the other. It returns how long to wait; 0: this try may go on, and counts as
// wrong until Right or Void says otherwise.
func (l *Limiter) Try(login, address string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait = l.try(l.counted(login, address)); wait == 0 {
		makeRoom(l.failures, func(f Failures) bool { return l.now().Sub(f.Last) > homeTime })
		l.failures[login] = Failures{l.failures[login].N + 1, l.now()}
	}
	return wait
}

func (l *Limiter) try(counted []counting) (wait time.Duration) {
	now := l.now()
	for _, c := range counted {
		wait = max(wait, c.in.wait(c.key, now))
	}
	if wait > 0 {
		return wait
	}
	for _, c := range counted {
		c.in.take(c.key, now)
	}
	return 0
}

// TryReset is Try for a reset code, and VoidReset says that it was right or was not judged. Nobody guesses such a code, so that
// tries slow the place that makes them and no other: strangers do not keep out whoever has the code.
func (l *Limiter) TryReset(login, address string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.try(l.countedReset(login, address))
}

// VoidReset takes a TryReset back.
func (l *Limiter) VoidReset(login, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.undo(l.countedReset(login, address))
}

func (l *Limiter) countedReset(login, address string) []counting {
	return []counting{{&l.pairs, "reset\x00" + pair(login, address)}, {&l.places, place(address)}}
}

// Right says that the password of a try was right.
func (l *Limiter) Right(login, address string) {
	l.Void(login, address)
	l.mu.Lock()
	defer l.mu.Unlock()
	key := pair(login, address)
	delete(l.pairs.of, key)
	l.home(key)
}

func (l *Limiter) home(key string) {
	if _, known := l.homes[key]; !known {
		makeRoom(l.homes, func(at time.Time) bool { return l.now().Sub(at) > homeTime })
	}
	l.homes[key] = l.now()
}

// Void says that a try was not judged, as when the directory could not be asked.
func (l *Limiter) Void(login, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.undo(l.counted(login, address))
	if f := l.failures[login]; f.N > 1 {
		f.N--
		l.failures[login] = f
	} else {
		delete(l.failures, login)
	}
}

func (l *Limiter) undo(counted []counting) {
	for _, c := range counted {
		c.in.undo(c.key)
	}
}

// Told returns the wrong tries of a login, from anywhere, since this was last asked, for its owner who has just signed in.
func (l *Limiter) Told(login string) Failures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failures[login]
	delete(l.failures, login)
	return f
}

// Source names the place of an address for others who count tries, and tells whether the login was right there before. The name
// says nothing else, and is another one after this program has started anew.
func (l *Limiter) Source(login, address string) (source [16]byte, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mac := hmac.New(sha256.New, l.secret[:])
	mac.Write([]byte(place(address)))
	at, ok := l.homes[pair(login, address)]
	return [16]byte(mac.Sum(nil)), ok && l.now().Sub(at) <= homeTime
}

// TryCode is Try for the second factor of an account, RightCode and VoidCode are Right and Void.
func (l *Limiter) TryCode(account, address string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.try(l.countedCode(account, address))
}

// RightCode says that a second factor was right.
func (l *Limiter) RightCode(account, address string) {
	l.VoidCode(account, address)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.codes.of, pair(account, address))
	l.home(codeHome(account, address))
}

// VoidCode says that a second factor was not judged.
func (l *Limiter) VoidCode(account, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.undo(l.countedCode(account, address))
}

func (l *Limiter) countedCode(account, address string) []counting {
	out := []counting{{&l.codes, pair(account, address)}}
	if at, ok := l.homes[codeHome(account, address)]; !ok || l.now().Sub(at) > homeTime {
		out = append(out, counting{&l.codesAll, account})
	}
	return out
}

func codeHome(account, address string) string { return "code\x00" + pair(account, address) }

// Join asks to make an account from an address, and counts it. It returns how long to wait; 0: go on.
func (l *Limiter) Join(address string) time.Duration { return l.once(&l.joins, address) }

// Ask asks to have a question of somebody unknown answered, and counts it. It returns how long to wait; 0: go on.
func (l *Limiter) Ask(address string) time.Duration { return l.once(&l.asks, address) }

func (l *Limiter) once(in *tallies, address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, at := l.now(), place(address)
	if wait := in.wait(at, now); wait > 0 {
		return wait
	}
	in.take(at, now)
	return 0
}

// counting is a tally that a try is counted in.
type counting struct {
	in  *tallies
	key string
}

func (l *Limiter) counted(login, address string) []counting {
	key := pair(login, address)
	out := []counting{{&l.pairs, key}, {&l.places, place(address)}}
	if at, ok := l.homes[key]; !ok || l.now().Sub(at) > homeTime {
		out = append(out, counting{&l.logins, login})
	}
	return out
}

func pair(login, address string) string { return login + "\x00" + place(address) }

// place is what one person has of the addresses: one of IPv4, but a whole /64 of IPv6.
func place(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// tallies count the tries of one kind.
type tallies struct {
	pace
	of map[string]*tally
}

type tally struct {
	n     int
	last  time.Time // the last try, or when one was last forgotten
	until time.Time // no try before
}

func newTallies(p pace) tallies { return tallies{p, map[string]*tally{}} }

func (t *tallies) wait(key string, now time.Time) time.Duration {
	if x := t.of[key]; x != nil {
		return max(0, x.until.Sub(now))
	}
	return 0
}

func (t *tallies) take(key string, now time.Time) {
	x := t.of[key]
	if x == nil {
		makeRoom(t.of, func(x *tally) bool { return now.Sub(x.last) > time.Duration(x.n)*t.ease })
		x = &tally{last: now}
		t.of[key] = x
	}
	x.n = max(0, x.n-int(now.Sub(x.last)/t.ease)) + 1
	x.last = now
	x.until = x.last.Add(t.after(x.n))
}

// after is the pause after the nth try.
func (p pace) after(n int) time.Duration {
	if n < p.free {
		return 0
	}
	return min(p.max, p.first<<min(n-p.free, 16))
}

func (t *tallies) undo(key string) {
	x := t.of[key]
	if x == nil {
		return
	}
	if x.n--; x.n <= 0 {
		delete(t.of, key)
		return
	}
	x.until = x.last.Add(t.after(x.n))
}

// makeRoom drops what is stale from a full map and, when that is not enough, some of the rest: a flood of made-up logins may
// lift a wait early, it never grows memory.
func makeRoom[T any](m map[string]T, stale func(T) bool) {
	if len(m) < maxTraced {
		return
	}
	for k, v := range m {
		if stale(v) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) < maxTraced*9/10 {
			return
		}
		delete(m, k)
	}
}
