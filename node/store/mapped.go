package store

import (
	"path/filepath"
	"sync"
)

// mappedMost is how much of the value log is written before what is mapped of it is given back.
const mappedMost = 16 << 20

// mapped counts what was written to the value log since it was last given back. Its fields but work are the committer's.
type mapped struct {
	db      string // the folder as the kernel names it
	written int
	work    sync.WaitGroup
	busy    sync.Mutex
}

func newMapped(db string) (*mapped, error) {
	real, err := filepath.EvalSymlinks(db)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	return &mapped{db: real}, err
}

// add counts bytes that were written, and gives back when they are many. It does not wait.
func (m *mapped) add(bytes int) {
	if m.written += bytes; m.written < mappedMost || !m.busy.TryLock() {
		return
	}
	m.written = 0
	m.work.Go(func() {
		defer m.busy.Unlock()
		_, _ = giveBack(m.db) // memory is all that is at stake
	})
}
