package cluster

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"

	"motcua/directory"
	"motcua/directory/state"
)

// commitSize is how many bytes of changes are gathered before they are committed: well below the 15 % of a memtable that
// Badger allows in one transaction, with room for what the last entry adds.
const commitSize = 256 << 10

// machine applies the log to the tables. Raft calls it from one goroutine.
type machine struct {
	db *badger.DB

	mu      sync.Mutex
	applied uint64
	changed chan struct{} // closed and replaced when applied grows or the machine stops
	err     error         // why it stopped
	stopped chan struct{} // closed when err is set
}

var _ raft.BatchingFSM = (*machine)(nil)

func newMachine(db *badger.DB) (*machine, error) {
	m := &machine{db: db, changed: make(chan struct{}), stopped: make(chan struct{})}
	err := db.View(func(txn *badger.Txn) (err error) {
		m.applied, err = readApplied(txn)
		return err
	})
	return m, err
}

// state returns where the tables stand, a channel that is closed when that changes, and why the machine stopped.
func (m *machine) state() (applied uint64, changed <-chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied, m.changed, m.err
}

func (m *machine) advance(applied uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied = applied
	close(m.changed)
	m.changed = make(chan struct{})
}

// stop ends applying for good: this server can read the log no further. Its tables stay where they were.
func (m *machine) stop(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return
	}
	m.err = fmt.Errorf("the directory server stops: %w", err)
	close(m.stopped)
	close(m.changed)
	m.changed = make(chan struct{})
}

// Apply implements raft.FSM.
func (m *machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM. The answer to a command is a state.Result, or an error once stopped.
func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	for next := 0; next < len(logs); {
		_, _, err := m.state()
		if err == nil {
			var n int
			if n, err = m.applySome(logs[next:], out[next:]); err == nil {
				next += n
				continue
			}
			m.stop(err)
		}
		for ; next < len(logs); next++ {
			out[next] = err
		}
	}
	return out
}

// applySome applies and commits a first part of the logs, and tells how many that were.
func (m *machine) applySome(logs []*raft.Log, out []any) (n int, err error) {
	txn := m.db.NewTransaction(false)
	defer txn.Discard()
	o := newOverlay(reader{txn})
	applied, _, _ := m.state()
	last := applied
	for n < len(logs) && o.size < commitSize {
		l := logs[n]
		n++
		if l.Type != raft.LogCommand || l.Index <= applied {
			continue // not ours, or already in the tables: Raft replays what it cannot know we kept
		}
		r, err := state.Apply(o, l.Index, l.Data)
		if err != nil {
			return n, err
		}
		out[n-1], last = r, l.Index
	}
	if last == applied {
		return n, nil
	}
	if err := o.commit(m.db, last); err != nil {
		return n, fmt.Errorf("commit entry %d: %w", last, err)
	}
	m.advance(last)
	return n, nil
}

// Snapshot implements raft.FSM: the tables as they are now, written out later.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	applied, _, err := m.state()
	if err != nil {
		return nil, err
	}
	return &snapshot{txn: m.db.NewTransaction(false), applied: applied}, nil
}

// Restore implements raft.FSM.
func (m *machine) Restore(r io.ReadCloser) error {
	applied, err := restore(m.db, r)
	if err = errors.Join(err, r.Close()); err != nil {
		m.stop(err)
		return err
	}
	m.advance(applied)
	return nil
}

// view reads the tables as they are now.
func (m *machine) view(f func(r state.Reader, index uint64) error) error {
	if _, _, err := m.state(); err != nil {
		return err
	}
	return m.db.View(func(txn *badger.Txn) error {
		index, err := readApplied(txn)
		if err != nil {
			return err
		}
		return f(reader{txn}, index)
	})
}

// resultOf reads the answer that ApplyBatch left with a future.
func resultOf(response any) (state.Result, error) {
	switch r := response.(type) {
	case state.Result:
		return r, nil
	case error:
		return state.Result{}, r
	}
	return state.Result{}, directory.Errorf("propose", directory.Internal, "the log gave no answer (%T)", response)
}
