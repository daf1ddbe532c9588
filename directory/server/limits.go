package server

import (
	"sync"
	"time"

	"motcua/directory"
)

// The pace of a node: far above what a busy office needs, far below what copying the accounts of a province takes.
const (
	pace  = 50  // requests a second
	burst = 500 // at once

	maxGuesses = 10 // wrong numbers for a code in an hour, at one server
	guessTime  = time.Hour
	maxGuessed = 100_000 // codes remembered
)

// limits bounds what nodes and guessers may take. It is kept in memory, by each server for itself.
type limits struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[directory.OfficeCode]*bucket
	guesses map[string]*guess
}

type bucket struct {
	tokens float64
	at     time.Time
}

type guess struct {
	wrong int
	since time.Time
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, buckets: map[directory.OfficeCode]*bucket{}, guesses: map[string]*guess{}}
}

// allow tells whether the office may ask once more now. Its buckets are as many as there are enrolled offices.
func (l *limits) allow(o directory.OfficeCode) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[o]
	if b == nil {
		b = &bucket{tokens: burst, at: now}
		l.buckets[o] = b
	}
	b.tokens = min(burst, b.tokens+pace*max(0, now.Sub(b.at).Seconds()))
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (l *limits) mayGuess(code string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.guesses[code]
	return g == nil || g.wrong < maxGuesses || l.now().Sub(g.since) >= guessTime
}

func (l *limits) wrong(code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	g := l.guesses[code]
	if g == nil || now.Sub(g.since) >= guessTime {
		if len(l.guesses) >= maxGuessed {
			l.forget(now)
		}
		g = &guess{since: now}
		l.guesses[code] = g
	}
	g.wrong++
}

// forget drops what is older than an hour, and everything if that is not enough.
func (l *limits) forget(now time.Time) {
	for code, g := range l.guesses {
		if now.Sub(g.since) >= guessTime {
			delete(l.guesses, code)
		}
	}
	if len(l.guesses) >= maxGuessed {
		clear(l.guesses)
	}
}
