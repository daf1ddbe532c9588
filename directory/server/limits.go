package server

import (
	"hash/maphash"
	"sync"
	"time"

	"motcua/directory"
)

// The pace of a node: far above what a busy office needs, far below what copying the accounts of a province takes.
var (
	asking   = rate{burst: 500, every: time.Second / 50} // requests of an office
	signing  = rate{burst: 300, every: time.Second / 2}  // people who sign in at an office: two questions each
	reading  = rate{burst: 300, every: time.Second}      // accounts that an office reads without a password
	moving   = rate{burst: 5, every: time.Minute}        // new addresses of an office: each makes an edition
	changing = rate{burst: 120, every: time.Second}      // changes of accounts that an office asks for
	resets   = rate{burst: 10, every: 6 * time.Minute}   // reset codes tried for a login from one device of an office
	tryCode  = rate{burst: 10, every: 6 * time.Minute}   // wrong numbers for a code
)

// rate is how many at once, and after how long one more.
type rate struct {
	burst int
	every time.Duration
}

// limits bounds what nodes and guessers may take. It is kept in memory, by each server for itself.
type limits struct {
	now                       func() time.Time
	asks, signs, reads, moves *meter
	changes, codes, resets    *meter
	guesses                   *guesses
}

// pace is the rate of an office's requests when it may make so many a second, at the usual pace when that is 0: ten
// seconds' worth at once.
func pace(perSecond int) rate {
	if perSecond <= 0 {
		return asking
	}
	return rate{burst: 10 * perSecond, every: time.Second / time.Duration(perSecond)}
}

func newLimits(now func() time.Time, perSecond int) *limits {
	return &limits{
		now: now, asks: byOffice(pace(perSecond)), signs: byOffice(signing), reads: byOffice(reading), moves: byOffice(moving),
		changes: byOffice(changing), codes: byGuess(tryCode), resets: byGuess(resets), guesses: newGuesses(now),
	}
}

// allow tells whether the office may ask once more now.
func (l *limits) allow(o directory.OfficeCode) bool { return l.asks.take(string(o), l.now()) }

// meter allows each of many names a rate.
type meter struct {
	rate rate

	mu     sync.Mutex
	named  map[string]*slot // nil: they share
	shared []slot
	seed   maphash.Seed
}

// slot is what a name has taken, as of a time in Unix nanoseconds.
type slot struct {
	taken float64
	at    int64
}

// byOffice is a meter of offices, which are as many as are enrolled.
func byOffice(r rate) *meter { return &meter{rate: r, named: map[string]*slot{}} }

// sharedSlots is how many names that strangers choose a meter tells apart.
const sharedSlots = 1 << 14

// byGuess is a meter of names that strangers choose. Its memory does not grow: names share slots by a hash that nobody
// outside can foresee, so that a name may be allowed less than its rate, and never more.
func byGuess(r rate) *meter {
	return &meter{rate: r, shared: make([]slot, sharedSlots), seed: maphash.MakeSeed()}
}

func (m *meter) slot(name string) *slot {
	if m.named == nil {
		return &m.shared[maphash.String(m.seed, name)%sharedSlots]
	}
	s := m.named[name]
	if s == nil {
		s = &slot{}
		m.named[name] = s
	}
	return s
}

// take takes one if there is one left.
func (m *meter) take(name string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, at := m.slot(name), now.UnixNano()
	s.taken = max(0, s.taken-max(0, float64(at-s.at)/float64(m.rate.every)))
	s.at = at
	if s.taken+1 > float64(m.rate.burst) {
		return false
	}
	s.taken++
	return true
}

// giveBack undoes a take.
func (m *meter) giveBack(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slot(name)
	s.taken = max(0, s.taken-1)
}
