package cluster

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"motcua/directory/state"
)

// view is the tables as of one place in the log. It does not change, whatever is applied or written to disk meanwhile.
// Who reads it holds its base.
type view struct {
	index  uint64
	recent []*memtable // newest first
	base   *base
}

var _ state.Reader = (*view)(nil)

// base is the tables on disk as of one moment, shared by all that read them.
type base struct {
	txn   *badger.Txn
	index uint64 // where it stands
	cache *rowCache
	users atomic.Int64
	gone  chan struct{} // closed when nobody uses it any more
}

func newBase(db *badger.DB, index uint64, cache *rowCache) *base {
	b := &base{txn: db.NewTransaction(false), index: index, cache: cache, gone: make(chan struct{})}
	b.users.Store(1)
	return b
}

// take tells whether the base is still there, and if so keeps it until give.
func (b *base) take() bool {
	for {
		n := b.users.Load()
		if n == 0 {
			return false
		}
		if b.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (b *base) give() {
	if b.users.Add(-1) == 0 {
		b.txn.Discard()
		close(b.gone)
	}
}

// Get implements state.Reader. The value is not to be changed.
func (v *view) Get(key string) ([]byte, error) {
	for _, m := range v.recent {
		if value, found := m.get(v.index, key); found {
			return value, nil
		}
	}
	return v.base.get(key)
}

// get returns a row on disk, nil if there is none.
func (b *base) get(key string) (value []byte, err error) {
	if value, known := b.cache.get(b.index, key); known {
		return value, nil
	}
	item, err := b.txn.Get([]byte(tablePrefix + key))
	if err == nil {
		value, err = item.ValueCopy([]byte{})
	} else if errors.Is(err, badger.ErrKeyNotFound) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	b.cache.keep(b.index, key, value)
	return value, nil
}

// Scan implements state.Reader. The values are not to be changed.
func (v *view) Scan(prefix string, f func(key string, value []byte) error) error {
	above := v.above(prefix)
	o := badger.DefaultIteratorOptions
	o.Prefix = []byte(tablePrefix + prefix)
	it := v.base.txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		key := strings.TrimPrefix(string(it.Item().Key()), tablePrefix)
		if err := above.before(key, f); err != nil {
			return err
		}
		if above.key() == key {
			continue // the next turn, or the end, gives the row above
		}
		value, err := it.Item().ValueCopy([]byte{})
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return above.before("", f)
}

// rising goes through the rows of a prefix in several memtables, in order; of a key's rows the newest table's counts.
type rising struct {
	index  uint64
	prefix string
	at     []*row // in each table, newest table first; nil: at its end
	values [][]byte
	least  int // which of them has the least key, -1 at the end
}

func (v *view) above(prefix string) *rising {
	r := &rising{index: v.index, prefix: prefix, at: make([]*row, len(v.recent)), values: make([][]byte, len(v.recent))}
	for i, m := range v.recent {
		r.place(i, m.seek(prefix, nil))
	}
	r.settle()
	return r
}

// place puts one table's place at the first row from at on that has a value to give.
func (r *rising) place(i int, at *row) {
	r.at[i], r.values[i] = from(at, r.index)
	if r.at[i] != nil && !strings.HasPrefix(r.at[i].key, r.prefix) {
		r.at[i] = nil
	}
}

func (r *rising) settle() {
	r.least = -1
	for i, at := range r.at {
		if at != nil && (r.least < 0 || at.key < r.at[r.least].key) {
			r.least = i
		}
	}
}

// key is that of the next row, "" at the end. No row has an empty key.
func (r *rising) key() string {
	if r.least < 0 {
		return ""
	}
	return r.at[r.least].key
}

// before gives the rows whose keys come before a key, all that are left if the key is empty.
func (r *rising) before(key string, f func(key string, value []byte) error) error {
	for r.least >= 0 && (key == "" || r.key() < key) {
		k, value := r.key(), r.values[r.least]
		for i, at := range r.at {
			if at != nil && at.key == k {
				r.place(i, at.next[0].Load())
			}
		}
		r.settle()
		if value == nil {
			continue
		}
		if err := f(k, value); err != nil {
			return err
		}
	}
	return nil
}
