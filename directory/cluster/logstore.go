package cluster

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"motcua/crypto/disk"
)

// diskPatience is how long a write of the log may take before this server is no leader to rely on.
const diskPatience = 2 * time.Second

// maxBehind is how many bytes of a leader's entries may wait for its disk; more wait to be taken.
const maxBehind = 8 << 20

// logStore is the log as Raft writes it. A server that cannot write it stops: the log no longer knows itself what it holds.
// One whose disk hangs stays, but does not keep others from leading.
//
// A leader writes its changes behind, so that its disk and those of the others write at the same time (Ongaro's thesis, section
// 10.2.1): Raft goes on as if they were written, and nothing that follows from it leaves this server or is applied before they are.
// See [Cluster.committed], transport and machine.ApplyBatch. All that is not a leader's change is written at once, behind what waits: a
// follower's answer means that it is on its disk, and so does the first entry of a leader's term, before which it commits nothing.
type logStore struct {
	*wal.WAL
	stop func(error)
	raft atomic.Pointer[raft.Raft] // nil before it runs

	writing sync.Mutex
	begun   atomic.Pointer[time.Time] // of the write under way

	mu      sync.Mutex
	behind  []*raft.Log   // not on disk yet, in order
	size    int           // their bytes
	running bool          // there is a goroutine that writes them
	moved   chan struct{} // closed and replaced when some have come to disk, or none will
	err     error         // why none will
}

var _ raft.MonotonicLogStore = (*logStore)(nil)

func newLogStore(w *wal.WAL, stop func(error)) *logStore {
	return &logStore{WAL: w, stop: stop, moved: make(chan struct{})}
}

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *logStore) StoreLogs(l []*raft.Log) error {
	if r := s.raft.Load(); r != nil && r.State() == raft.Leader && changesOnly(l) {
		return s.storeBehind(l)
	}
	if err := s.settle(); err != nil {
		return err
	}
	return s.write(func() error { return s.WAL.StoreLogs(l) })
}

func changesOnly(l []*raft.Log) bool {
	for _, e := range l {
		if e.Type != raft.LogCommand {
			return false
		}
	}
	return true
}

// DeleteRange implements raft.LogStore.
func (s *logStore) DeleteRange(first, last uint64) error {
	if err := s.awaitDisk(last); err != nil {
		return err
	}
	return s.write(func() error { return s.WAL.DeleteRange(first, last) })
}

// GetLog implements raft.LogStore.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	s.mu.Lock()
	if n := len(s.behind); n > 0 && index >= s.behind[0].Index && index <= s.behind[n-1].Index {
		*l = *s.behind[index-s.behind[0].Index]
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	return s.WAL.GetLog(index, l)
}

// LastIndex implements raft.LogStore.
func (s *logStore) LastIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.behind); n > 0 {
		return s.behind[n-1].Index, nil
	}
	return s.WAL.LastIndex()
}

// storeBehind takes entries that are written soon.
func (s *logStore) storeBehind(l []*raft.Log) error {
	if err := s.await(func() bool { return s.size <= maxBehind }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = append(s.behind, l...)
	for _, e := range l {
		s.size += len(e.Data)
	}
	if !s.running {
		s.running = true
		go s.writeBehind()
	}
	return nil
}

// writeBehind writes what waits until nothing does, all of it with one sync at a time.
func (s *logStore) writeBehind() {
	for {
		s.mu.Lock()
		batch := s.behind
		s.running = len(batch) > 0
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if !s.written(batch, s.write(func() error { return s.WAL.StoreLogs(batch) })) {
			return
		}
	}
}

// written notes that the first entries that waited are on disk, or why they and all others never will be.
func (s *logStore) written(batch []*raft.Log, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.behind = s.behind[len(batch):]
		for _, e := range batch {
			s.size -= len(e.Data)
		}
	}
	close(s.moved)
	s.moved = make(chan struct{})
	return err == nil
}

// await waits until a condition holds, which is asked for under the lock.
func (s *logStore) await(holds func() bool) error {
	for {
		s.mu.Lock()
		ok, moved, err := holds(), s.moved, s.err
		s.mu.Unlock()
		if ok || err != nil {
			return err
		}
		<-moved
	}
}

// settle waits until nothing waits for the disk.
func (s *logStore) settle() error { return s.await(func() bool { return len(s.behind) == 0 }) }

// awaitDisk waits until the log is on disk up to an entry.
func (s *logStore) awaitDisk(index uint64) error {
	return s.await(func() bool { return len(s.behind) == 0 || s.behind[0].Index > index })
}

// onDisk is the part of the log up to an entry, or less, that is on disk.
func (s *logStore) onDisk(index uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.behind) == 0 {
		return index
	}
	return min(index, s.behind[0].Index-1)
}

func (s *logStore) write(f func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	now := time.Now()
	s.begun.Store(&now)
	defer s.begun.Store(nil)
	err := f()
	if err != nil && !errors.Is(err, wal.ErrClosed) {
		s.stop(fmt.Errorf("write the log: %w", disk.Full(err)))
	}
	return err
}

// hangs tells whether a write has been under way for long.
func (s *logStore) hangs() bool {
	begun := s.begun.Load()
	return begun != nil && time.Since(*begun) > diskPatience
}

// errUnfit: this server must not lead.
var errUnfit = errors.New("this server's disk hangs or has failed: it tells others nothing as a leader")

// fit returns nil while this server may lead and stand for election.
func (c *Cluster) fit() error {
	if c.logs.hangs() || c.Err() != nil {
		return errUnfit
	}
	return nil
}

// committed is up to where the log is committed, as far as this server may rely on it: Raft counts a leader's own entries before they
// are on its disk.
func (c *Cluster) committed() uint64 { return c.logs.onDisk(c.raft.CommitIndex()) }
