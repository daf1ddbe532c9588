package cluster

import (
	"strings"
	"sync/atomic"
	"time"

	"motcua/directory/state"
)

// memtable is rows that are newer than those on disk, in the order of their keys: a skip list (Pugh, 1990) whose rows
// keep all their versions. One goroutine writes, any number read without a lock: a reader looks at the versions up to
// the place in the log it reads at, and what is written meanwhile lies beyond it.
type memtable struct {
	head  []atomic.Pointer[row]
	dice  uint64
	size  int       // bytes, with what a row costs; the writer's
	small int       // of those, what must fit one transaction
	last  uint64    // place in the log up to which it goes, 0 if nothing was applied; the writer's
	born  time.Time // of the first version; the writer's
}

// maxHeight is enough for a few million rows.
const maxHeight = 11

// rowCost is what a row costs beside its key and value, in memory and in a transaction of Badger.
const rowCost = 96

type row struct {
	key    string
	newest atomic.Pointer[version]
	next   []atomic.Pointer[row]
}

// version is the value of a row from a place in the log on.
type version struct {
	index uint64
	value []byte // nil: deleted
	older *version
}

func newMemtable() *memtable {
	return &memtable{head: make([]atomic.Pointer[row], maxHeight), dice: 0x9e3779b97f4a7c15}
}

// set gives a row a new value, nil to delete it. Places in the log never go back.
func (m *memtable) set(index uint64, key string, value []byte) {
	var before [maxHeight][]atomic.Pointer[row]
	r := m.seek(key, &before)
	if r == nil || r.key != key {
		r = &row{key: key, next: make([]atomic.Pointer[row], m.height())}
		r.newest.Store(&version{index: index, value: value})
		for h := range r.next {
			r.next[h].Store(before[h][h].Load())
		}
		for h := range r.next { // from the bottom: a row is there once it is in the lowest list
			before[h][h].Store(r)
		}
	} else {
		r.newest.Store(&version{index: index, value: value, older: r.newest.Load()})
	}
	cost := len(key) + len(value) + rowCost
	if m.size += cost; !strings.HasPrefix(key, state.BulkPrefix) {
		m.small += cost
	}
	m.last = index
}

// height is 1 for three rows in four, 2 for three in four of the rest, and so on.
func (m *memtable) height() int {
	m.dice ^= m.dice << 13
	m.dice ^= m.dice >> 7
	m.dice ^= m.dice << 17
	h := 1
	for d := m.dice; h < maxHeight && d&3 == 0; d >>= 2 {
		h++
	}
	return h
}

// seek returns the first row at or after a key, nil if there is none, and the links that lead past it at each height.
func (m *memtable) seek(key string, before *[maxHeight][]atomic.Pointer[row]) *row {
	links, at := m.head, (*row)(nil)
	for h := maxHeight - 1; h >= 0; h-- {
		for at = links[h].Load(); at != nil && at.key < key; at = links[h].Load() {
			links = at.next
		}
		if before != nil {
			before[h] = links
		}
	}
	return at
}

// get returns the value of a row as of a place in the log; found tells whether this table has a word in it.
func (m *memtable) get(index uint64, key string) (value []byte, found bool) {
	r := m.seek(key, nil)
	if r == nil || r.key != key {
		return nil, false
	}
	return r.asOf(index)
}

func (r *row) asOf(index uint64) (value []byte, found bool) {
	v := r.newest.Load()
	for v != nil && v.index > index {
		v = v.older
	}
	if v == nil {
		return nil, false
	}
	return v.value, true
}

// from returns the first row at or after r that had a version at a place in the log, and its value.
func from(r *row, index uint64) (*row, []byte) {
	for ; r != nil; r = r.next[0].Load() {
		if v, found := r.asOf(index); found {
			return r, v
		}
	}
	return nil, nil
}
