package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"motcua/crypto/wire"
)

// Tx is one update or view. It is valid within its function only, on that goroutine.
type Tx struct {
	txn    *badger.Txn
	below  *layer // what earlier updates of the batch wrote; nil in a view
	own    *layer // what this update wrote; nil in a view
	failed error  // the first write that failed, so that an update whose function drops an error is not stored
}

// layer is a set of writes not yet in Badger. A nil value is a deletion.
type layer struct {
	writes map[string][]byte
	then   []func(*Store) // done once the writes are committed
	bytes  int            // of keys, and of values in the tables
	long   int            // of values in the value log
}

func newLayer() *layer { return &layer{writes: make(map[string][]byte)} }

func (l *layer) set(k string, v []byte) {
	if old, ok := l.writes[k]; ok {
		l.weigh(k, old, -1)
	}
	l.writes[k] = v
	l.weigh(k, v, 1)
}

func (l *layer) weigh(k string, v []byte, sign int) {
	l.bytes += sign * (len(k) + perKeyCost)
	if len(v) >= threshold {
		l.long += sign * len(v)
	} else {
		l.bytes += sign * len(v)
	}
}

// fits tells whether other can join l without passing the bounds of a commit. An empty layer takes everything an
// update may hold.
func (l *layer) fits(other *layer) bool {
	return len(l.writes)+len(other.writes) <= maxCount && l.bytes+other.bytes <= maxBytes && l.long+other.long <= maxLong
}

func (l *layer) merge(other *layer) {
	for k, v := range other.writes {
		l.set(k, v)
	}
	l.then = append(l.then, other.then...)
}

// then has f done once the update is committed, before anybody is told.
func (t *Tx) then(f func(*Store)) {
	if t.own != nil {
		t.own.then = append(t.own.then, f)
	}
}

// errReadOnly is returned for a write in a View.
var errReadOnly = errors.New("store: write in a view")

// set writes a value; nil deletes.
func (t *Tx) set(k key, v []byte) error {
	err := t.admit(k, v)
	if err == nil {
		t.own.set(string(k), v)
		if !newLayer().fits(t.own) {
			err = fmt.Errorf("store: update of %d keys and %d KiB: %w", len(t.own.writes), (t.own.bytes+t.own.long)>>10, ErrTooLarge)
		}
	}
	if err != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *Tx) admit(k key, v []byte) error {
	switch {
	case t.own == nil:
		return errReadOnly
	case len(k) > maxKey:
		return fmt.Errorf("store: key of %d bytes: %w", len(k), ErrTooLarge)
	case len(v) > maxValue:
		return fmt.Errorf("store: value of %d bytes: %w", len(v), ErrTooLarge)
	}
	return nil
}

// get returns the bytes of a key, false when there is none. Do not modify them.
func (t *Tx) get(k key) ([]byte, bool, error) {
	for _, l := range []*layer{t.own, t.below} {
		if l == nil {
			continue
		}
		if v, ok := l.writes[string(k)]; ok {
			return v, v != nil, nil
		}
	}
	item, err := t.txn.Get(k)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("store: %w", err)
	}
	v, err := item.ValueCopy(nil)
	if err != nil {
		return nil, false, fmt.Errorf("store: %w", err)
	}
	return v, true, nil
}

// format is the first byte of every value.
const format = 1

// put writes a value under the current format.
func (t *Tx) put(k key, v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return t.fail(fmt.Errorf("store: %w", err))
	}
	return t.set(k, append([]byte{format}, b...))
}

// fail marks the update as failed, so that it is not stored even if its function drops the error.
func (t *Tx) fail(err error) error {
	if t.failed == nil && t.own != nil {
		t.failed = err
	}
	return err
}

// load reads a value that put wrote, false when there is none.
func load[T any](t *Tx, k key) (T, bool, error) {
	b, ok, err := t.get(k)
	if err != nil || !ok {
		var none T
		return none, false, err
	}
	v, err := decode[T](b)
	return v, err == nil, err
}

func decode[T any](b []byte) (T, error) {
	var v T
	if len(b) == 0 || b[0] != format {
		return v, fmt.Errorf("store: value of format %v, this program reads format %d: %w: install that version or a later one",
			b[:min(1, len(b))], format, ErrNewer)
	}
	if err := wire.Unmarshal(b[1:], &v); err != nil {
		return v, fmt.Errorf("store: %w", err)
	}
	return v, nil
}

// scan calls fn with the keys under prefix from start on, in order, until it returns false. A nil start is the first.
func (t *Tx) scan(prefix, start key, fn func(k key) (more bool, err error)) error {
	if bytes.Compare(start, prefix) < 0 {
		start = prefix
	}
	it := t.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	it.Seek(start)
	pending := t.pending(prefix, start)
	for {
		k := nextKey(it, prefix, &pending)
		if k == nil {
			return nil
		}
		if t.deleted(k) {
			continue
		}
		if more, err := fn(k); err != nil || !more {
			return err
		}
	}
}

// nextKey takes the smaller of the next stored and the next pending key, and steps past it in both.
func nextKey(it *badger.Iterator, prefix key, pending *[]string) key {
	var stored key
	if it.ValidForPrefix(prefix) {
		stored = it.Item().KeyCopy(nil)
	}
	c := -1
	if len(*pending) > 0 {
		c = 1
		if stored != nil {
			c = strings.Compare(string(stored), (*pending)[0])
		}
	}
	k := stored
	if c > 0 {
		k = key((*pending)[0])
	}
	if c >= 0 {
		*pending = (*pending)[1:]
	}
	if c <= 0 && stored != nil {
		it.Next()
	}
	return k
}

// pending are the keys of both layers under prefix from start on, sorted, each once.
func (t *Tx) pending(prefix, start key) []string {
	var out []string
	for _, l := range []*layer{t.below, t.own} {
		if l == nil {
			continue
		}
		for k := range l.writes {
			if strings.HasPrefix(k, string(prefix)) && k >= string(start) {
				out = append(out, k)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// deleted tells whether the topmost layer that knows the key deletes it.
func (t *Tx) deleted(k key) bool {
	for _, l := range []*layer{t.own, t.below} {
		if l == nil {
			continue
		}
		if v, ok := l.writes[string(k)]; ok {
			return v == nil
		}
	}
	return false
}
