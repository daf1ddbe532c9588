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

// batchSize is how many bytes of changes are gathered before they are seen.
const batchSize = 256 << 10

// machine applies the log to the tables. Raft calls it from one goroutine.
type machine struct {
	t *tables
	// restored is told when the tables were replaced; a place that waited for it is reached.
	restored func() error
	// durable waits until the log is on disk up to an entry.
	durable func(index uint64) error

	mu      sync.Mutex
	applied uint64
	changed chan struct{} // closed and replaced when applied grows or the machine stops
	err     error         // why it stopped
	stopped chan struct{} // closed when err is set
}

var _ raft.BatchingFSM = (*machine)(nil)

func newMachine(db *badger.DB) (*machine, error) {
	m := &machine{restored: func() error { return nil }, durable: func(uint64) error { return nil }, changed: make(chan struct{}), stopped: make(chan struct{})}
	var err error
	if m.t, err = newTables(db, m.stop); err != nil {
		return nil, err
	}
	m.applied = m.t.onDisk
	return m, nil
}

// close brings to disk what was applied. Nothing is applied any more.
func (m *machine) close() error {
	applied, _, err := m.state()
	if err == nil {
		err = m.t.flush(applied)
	} else {
		err = nil // told by Err
	}
	m.t.close()
	return err
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
	if err := m.durable(logs[len(logs)-1].Index); err != nil {
		for i := range out {
			out[i] = err
		}
		return out
	}
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

// applySome applies a first part of the logs, lets it be seen, and tells how many that were.
func (m *machine) applySome(logs []*raft.Log, out []any) (n int, err error) {
	v, err := m.t.pin()
	if err != nil {
		return 0, err
	}
	defer v.base.give()
	o := newOverlay(v)
	last := v.index
	for n < len(logs) && o.size < batchSize && !o.bulk {
		l := logs[n]
		n++
		if l.Type != raft.LogCommand || l.Index <= v.index {
			continue // not ours, or already in the tables: Raft replays what it cannot know we kept
		}
		r, err := state.Apply(o, l.Index, l.Data)
		if err != nil {
			return n, err
		}
		out[n-1], last = r, l.Index
	}
	if last == v.index {
		return n, nil
	}
	if err := m.t.add(o, last); err != nil {
		return n, err
	}
	m.advance(last)
	return n, nil
}

// Snapshot implements raft.FSM. The tables are their own snapshot once they are on disk.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	applied, _, err := m.state()
	if err != nil {
		return nil, err
	}
	return &snapshot{m.t, applied}, nil
}

// Restore implements raft.FSM.
func (m *machine) Restore(r io.ReadCloser) error {
	applied, err := m.t.replace(func(db *badger.DB) (uint64, error) { return restore(db, r, m.t.after) })
	if err = errors.Join(err, r.Close()); err == nil {
		err = m.restored()
	}
	if err != nil {
		m.stop(err)
		return err
	}
	m.advance(applied)
	return nil
}

// view reads the tables as they are now.
func (m *machine) view(f func(r state.Reader, index uint64) error) error {
	select {
	case <-m.stopped:
		_, _, err := m.state()
		return err
	default:
		return m.t.read(f)
	}
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
