package cluster

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"motcua/directory"
	"motcua/directory/state"
)

// The bounds of what is not on disk yet.
const (
	// freezeSize is how many bytes of changes go to disk together: well below the 15 % of a memtable that Badger allows
	// in one transaction, with room for what the last batch adds.
	freezeSize = 512 << 10
	// maxWaiting is how many bytes may wait for the disk, over the last batch: then applying waits too.
	maxWaiting = 12 << 20
	// flushAge is how long changes stay off the disk at most.
	flushAge = time.Second
)

// tables is the rows of the directory: on disk as of one place in the log, and above it, in memory, what was applied since.
//
// The log is durable already and the rows follow from it, so applying waits for no disk. What was applied is written
// behind, oldest first, each part in one transaction together with the place in the log that the rows on disk then
// stand at. A crash at any moment leaves the rows of some place in the log; the entries behind it are applied again.
type tables struct {
	db    *badger.DB
	now   atomic.Pointer[view] // nil while all rows are replaced, and after closing
	cache *rowCache

	mu     sync.Mutex // of the rest; held for moments alone
	active *memtable  // takes what is applied
	frozen []*memtable
	onDisk uint64        // place in the log
	moved  chan struct{} // closed and replaced when onDisk has moved, or the tables have failed
	err    error         // why nothing more goes to disk

	after  steps
	kick   chan struct{}
	closed chan struct{}
	writer sync.WaitGroup
	stop   func(error) // told why nothing more goes to disk
}

func newTables(db *badger.DB, stop func(error)) (*tables, error) {
	t := &tables{
		db: db, active: newMemtable(), moved: make(chan struct{}), kick: make(chan struct{}, 1), closed: make(chan struct{}), stop: stop,
	}
	err := db.View(func(txn *badger.Txn) (err error) {
		t.onDisk, err = readApplied(txn)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.cache = newRowCache(t.onDisk)
	t.now.Store(&view{index: t.onDisk, recent: []*memtable{t.active}, base: newBase(db, t.onDisk, t.cache)})
	t.writer.Go(t.write)
	return t, nil
}

// close ends the writing. What is not on disk yet is in the log.
func (t *tables) close() {
	close(t.closed)
	t.writer.Wait()
	if v := t.now.Swap(nil); v != nil {
		v.base.give()
		<-v.base.gone
	}
}

// errReplaced is what a reader gets while all rows are replaced.
var errReplaced = directory.Errorf("read", directory.NoLeader, "this server is fetching its tables anew from another: ask another server, or try again shortly")

// pin returns the tables as they are. Who has it gives its base back.
func (t *tables) pin() (*view, error) {
	for {
		v := t.now.Load()
		if v == nil {
			return nil, errReplaced
		}
		if v.base.take() {
			return v, nil
		}
	}
}

// read calls f with the tables as they are, and with where they stand.
func (t *tables) read(f func(r state.Reader, index uint64) error) error {
	v, err := t.pin()
	if err != nil {
		return err
	}
	defer v.base.give()
	return f(v, v.index)
}

// add puts applied changes into the tables, which then stand at index, and waits where too much is not on disk yet.
func (t *tables) add(o *overlay, index uint64) error {
	t.mu.Lock()
	if t.active.last == 0 {
		t.active.born = time.Now()
		t.wake()
	}
	for key, value := range o.writes {
		t.active.set(index, key, value)
	}
	t.active.last = index
	v := *t.now.Load()
	v.index = index
	t.now.Store(&v)
	// Bulk rows go to disk ahead of what gives them a meaning. A crash then must not cost more than one edition's.
	if t.active.small >= freezeSize || o.bulk {
		t.freeze()
	}
	t.mu.Unlock()
	return t.await(func() bool { return t.waiting() <= maxWaiting })
}

// freeze closes the active part, so that it can go to disk. The lock is held.
func (t *tables) freeze() {
	t.frozen = append(t.frozen, t.active)
	t.active = newMemtable()
	v := *t.now.Load()
	v.recent = append([]*memtable{t.active}, v.recent...)
	t.now.Store(&v)
	t.wake()
}

func (t *tables) wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

func (t *tables) waiting() (size int) {
	for _, m := range t.frozen {
		size += m.size
	}
	return size
}

// await waits until a condition holds, which is asked for under the lock.
func (t *tables) await(holds func() bool) error {
	for {
		t.mu.Lock()
		ok, moved, err := holds(), t.moved, t.err
		t.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-moved:
		case <-t.closed:
			return ErrClosed
		}
	}
}

// flush waits until all that was applied up to a place in the log is on disk.
func (t *tables) flush(index uint64) error {
	t.mu.Lock()
	if t.active.last > 0 && t.onDisk < index {
		t.freeze()
	}
	t.mu.Unlock()
	return t.await(func() bool { return t.onDisk >= index })
}

// write brings to disk what is frozen, and freezes what has waited long.
func (t *tables) write() {
	for {
		m, wait := t.due()
		if m != nil {
			if err := t.place(m); err != nil {
				t.fail(err)
				return
			}
			continue
		}
		var old <-chan time.Time
		if wait > 0 {
			old = time.After(wait)
		}
		select {
		case <-t.kick:
		case <-old:
		case <-t.closed:
			return
		}
	}
}

// due returns what is to be written next, or how long to wait for it; 0: until told.
func (t *tables) due() (*memtable, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.frozen) == 0 && t.active.last > 0 {
		if age := time.Since(t.active.born); age < flushAge {
			return nil, flushAge - age
		}
		t.freeze()
	}
	if len(t.frozen) == 0 {
		return nil, 0
	}
	return t.frozen[0], 0
}

// place writes the oldest frozen part, and lets readers look for its rows on disk.
func (t *tables) place(m *memtable) error {
	if err := writeRows(t.db, m, t.after); err != nil {
		return fmt.Errorf("write the tables up to entry %d: %w", m.last, err)
	}
	t.after.done("rows")
	// A crash from here on loses nothing: these rows are on disk, and those above them in the log.
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frozen, t.onDisk = t.frozen[1:], m.last
	t.cache.move(m)
	old := t.now.Load()
	t.now.Store(&view{index: old.index, recent: slices.Clone(old.recent[:len(old.recent)-1]), base: newBase(t.db, m.last, t.cache)})
	old.base.give()
	t.signal()
	return nil
}

func (t *tables) signal() {
	close(t.moved)
	t.moved = make(chan struct{})
}

func (t *tables) fail(err error) {
	t.mu.Lock()
	t.err = err
	t.signal()
	t.mu.Unlock()
	t.stop(err)
}

// replace has f put other rows into the place of all, and returns where they stand. Readers are told to come again.
func (t *tables) replace(f func(db *badger.DB) (uint64, error)) (uint64, error) {
	v, err := t.pin()
	if err != nil {
		return 0, err // a replacement that failed has left no tables to replace
	}
	v.base.give()
	if err := t.flush(v.index); err != nil {
		return 0, err
	}
	t.mu.Lock() // nothing is applied meanwhile: whoever applies is who replaces
	defer t.mu.Unlock()
	old := t.now.Swap(nil)
	old.base.give()
	<-old.base.gone
	index, err := f(t.db)
	if err != nil {
		t.err = err
		return 0, err
	}
	t.onDisk, t.cache = index, newRowCache(index)
	t.now.Store(&view{index: index, recent: []*memtable{t.active}, base: newBase(t.db, index, t.cache)})
	return index, nil
}

// errBusy: Badger says no more than that.
var errBusy = errors.New("another process has this folder: stop it, or give this server its own folder")
