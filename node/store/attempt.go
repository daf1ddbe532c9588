package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/replication"
)

// Failed attempts are of interest to people alone. So they are kept in a file beside the database, written now and then and not synced:
// after a crash the last of them may be missing.

// Attempt is the last failed attempt to deliver a parcel.
type Attempt struct {
	At     time.Time
	Reason replication.Reason
	Count  int
}

const (
	attemptsFile  = "attempts"
	attemptsEvery = 30 * time.Second
	maxAttempts   = 1000 // parcels, those tried last
)

// attemptRow is an Attempt as it is kept.
type attemptRow struct {
	Parcel digest.Digest      `cbor:"1,keyasint"`
	At     int64              `cbor:"2,keyasint"` // Unix seconds
	Reason replication.Reason `cbor:"3,keyasint"`
	Count  int                `cbor:"4,keyasint"`
}

// Attempted notes a failed attempt.
func (o *Outbox) Attempted(_ context.Context, id digest.Digest, at time.Time, reason replication.Reason) {
	s := o.s
	s.mu.Lock()
	s.attempts[id] = Attempt{At: at, Reason: reason, Count: s.attempts[id].Count + 1}
	due := at.Sub(s.attemptsKept).Abs() >= attemptsEvery
	if due {
		s.attemptsKept = at
	}
	s.mu.Unlock()
	if due {
		s.keepAttempts()
	}
}

// Attempt returns the last failed attempt of a parcel, false if none is known.
func (s *Store) Attempt(id digest.Digest) (Attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.attempts[id]
	return a, ok
}

func (s *Store) forget(id digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attempts, id)
}

// attemptRows are the attempts to be kept.
func (s *Store) attemptRows() (rows []attemptRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, a := range s.attempts {
		rows = append(rows, attemptRow{id, a.At.Unix(), a.Reason, a.Count})
	}
	slices.SortFunc(rows, func(a, b attemptRow) int {
		return cmp.Or(cmp.Compare(b.At, a.At), slices.Compare(a.Parcel[:], b.Parcel[:]))
	})
	return rows[:min(len(rows), maxAttempts)]
}

// keepAttempts writes the file. What fails costs nobody more than a number on a page.
func (s *Store) keepAttempts() {
	s.attemptsBusy.Lock()
	defer s.attemptsBusy.Unlock()
	b, err := wire.Marshal(s.attemptRows())
	path := filepath.Join(s.dir, attemptsFile)
	if err == nil {
		err = os.WriteFile(path+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		s.options.Log.Warn("failed attempts not kept", "err", err)
	}
}

// loadAttempts reads what an earlier process kept. A file that a crash has spoilt is passed over.
func (s *Store) loadAttempts() {
	b, err := os.ReadFile(filepath.Join(s.dir, attemptsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var rows []attemptRow
	if err == nil {
		err = wire.Unmarshal(b, &rows)
	}
	if err != nil {
		s.options.Log.Warn("failed attempts of before not read", "err", err)
		return
	}
	for _, r := range rows {
		s.attempts[r.Parcel] = Attempt{At: time.Unix(r.At, 0), Reason: r.Reason, Count: r.Count}
	}
}
