package server

import (
	"hash/maphash"
	"sync"
	"time"

	"motcua/directory"
	"motcua/directory/client"
)

// delays is how tries of one kind are slowed: after free of them each must wait twice as long as the one before, from first up
// to most. One is forgotten every ease.
type delays struct {
	free              int
	first, most, ease time.Duration
}

// The bounds of guessing at a login. What a device tries slows that device. What strangers try at one office slows strangers
// there, and only past a few tries counts among what strangers try everywhere: to keep the owner from signing in on a new
// device, somebody would have to guess at every office without end. Devices that the login was signed in to from before are
// counted apart, so that strangers never slow them; an office that says so of too many is bounded itself.
var (
	deviceDelays   = delays{free: 5, first: 2 * time.Second, most: 5 * time.Minute, ease: 6 * time.Minute}
	knownDelays    = delays{free: 30, first: 2 * time.Second, most: 2 * time.Minute, ease: 2 * time.Minute}
	strangerDelays = delays{free: 10, first: 4 * time.Second, most: 5 * time.Minute, ease: time.Hour}
	anywhereDelays = delays{free: 40, first: 2 * time.Second, most: 30 * time.Second, ease: time.Minute}
)

// ownTries is how many strangers' tries at a login an office has that count at this office alone.
const ownTries = 3

// homeFor is how long an office where a login was right counts as its own: strangers' tries elsewhere do not count there.
const homeFor = 30 * 24 * time.Hour

// guesses counts tries at logins, in this server's memory. It is not replicated: a try would become an entry of the log, and
// strangers could write there. What is lost with a server, or is tried at each of five, lets a guesser have a few dozen more.
type guesses struct {
	now func() time.Time

	mu                                  sync.Mutex
	devices, known, strangers, anywhere []guess
	homes                               []home
	seed                                maphash.Seed
}

type guess struct {
	n           int
	last, until int64 // Unix nanoseconds
}

// home is a login that was right at an office; sum tells it from others of its slot.
type home struct {
	sum uint64
	at  int64
}

func newGuesses(now func() time.Time) *guesses {
	slots := func() []guess { return make([]guess, sharedSlots) }
	return &guesses{
		now: now, devices: slots(), known: slots(), strangers: slots(), anywhere: slots(),
		homes: make([]home, sharedSlots), seed: maphash.MakeSeed(),
	}
}

// counted is a tally that a try is counted in.
type counted struct {
	*guess
	delays
}

func (g *guesses) in(slots []guess, name string, d delays) counted {
	return counted{&slots[maphash.String(g.seed, name)%sharedSlots], d}
}

// tallies are those of a try. A try from a device without a name, as an older office says, is a stranger's.
func (g *guesses) tallies(o directory.OfficeCode, login string, from client.Device, now int64) []counted {
	at := string(o) + "\n" + login
	var out []counted
	if from.Source != [16]byte{} {
		out = append(out, g.in(g.devices, at+"\n"+string(from.Source[:]), deviceDelays))
		if from.Known {
			return append(out, g.in(g.known, at, knownDelays))
		}
	}
	here := g.in(g.strangers, at, strangerDelays)
	out = append(out, here)
	if here.count(now) >= ownTries && !g.home(at, now) {
		out = append(out, g.in(g.anywhere, login, anywhereDelays))
	}
	return out
}

func (g *guesses) home(at string, now int64) bool {
	sum := maphash.String(g.seed, at)
	h := g.homes[sum%sharedSlots]
	return h.sum == sum && now-h.at < int64(homeFor)
}

// try asks to try a password, before it is known whether it is right: tries that run side by side count. It returns how long
// to wait; 0: this one may go on.
func (g *guesses) try(o directory.OfficeCode, login string, from client.Device) (wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now().UnixNano()
	all := g.tallies(o, login, from, now)
	for _, c := range all {
		wait = max(wait, time.Duration(c.until-now))
	}
	if wait > 0 {
		return min(wait, time.Hour).Round(time.Second) + time.Second
	}
	for _, c := range all {
		c.take(now)
	}
	return 0
}

// right says that the try was right: it does not count, and the office is the login's own.
func (g *guesses) right(o directory.OfficeCode, login string, from client.Device) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now().UnixNano()
	for _, c := range g.tallies(o, login, from, now) {
		if c.n = max(0, c.n-1); c.n < c.free {
			c.until = 0
		}
	}
	sum := maphash.String(g.seed, string(o)+"\n"+login)
	g.homes[sum%sharedSlots] = home{sum, now}
}

// count is how many tries are not forgotten yet.
func (c counted) count(now int64) int { return max(0, c.n-int((now-c.last)/int64(c.ease))) }

func (c counted) take(now int64) {
	c.n, c.last = c.count(now)+1, now
	if c.n >= c.free {
		c.until = now + int64(min(c.most, c.first<<min(c.n-c.free, 16)))
	}
}
