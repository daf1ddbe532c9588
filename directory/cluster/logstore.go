package cluster

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"motcua/crypto/disk"
)

// diskPatience is how long a write of the log may take before this server is no leader to rely on.
const diskPatience = 2 * time.Second

// logStore is the log as Raft writes it. A server that cannot write it stops: the log no longer knows itself what it holds.
// One whose disk hangs stays, but does not keep others from leading.
type logStore struct {
	*wal.WAL
	stop  func(error)
	begun atomic.Pointer[time.Time] // of the write under way
}

var _ raft.MonotonicLogStore = (*logStore)(nil)

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *logStore) StoreLogs(l []*raft.Log) error {
	return s.write(func() error { return s.WAL.StoreLogs(l) })
}

// DeleteRange implements raft.LogStore.
func (s *logStore) DeleteRange(first, last uint64) error {
	return s.write(func() error { return s.WAL.DeleteRange(first, last) })
}

func (s *logStore) write(f func() error) error {
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
