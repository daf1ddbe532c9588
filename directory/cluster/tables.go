package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"motcua/directory/state"
)

// Keys in Badger: the tables' own behind one letter, and where they stand in the log.
const (
	tablePrefix = "s/"
	appliedKey  = "c/applied"
)

// openTables opens the database of the tables.
//
// SyncWrites is on although the log could replay what is lost. Badger without it may, after a power cut, keep a later
// memtable and lose the tail of an earlier one: tables with a hole in them that stand, by their own account, at the end.
// One sync covers a whole batch of entries, so it costs the leader one more wait per batch.
func openTables(dir string, log *slog.Logger) (*badger.DB, error) {
	b := badger.DefaultOptions(dir).WithSyncWrites(true).WithDetectConflicts(false).WithMetricsEnabled(false)
	b = b.WithLogger(&badgerLog{log}).WithMemTableSize(8 << 20).WithNumMemtables(2).WithNumCompactors(2)
	// Pieces of editions are overwritten again and again: kept out of the value log, compaction takes the old ones.
	b = b.WithValueThreshold(32 << 10).WithValueLogFileSize(64 << 20)
	b = b.WithBlockCacheSize(8 << 20).WithIndexCacheSize(8 << 20).WithCompression(options.None)
	db, err := badger.Open(b)
	if err != nil && strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return nil, fmt.Errorf("open tables in %s: another process has this folder: stop it, or give this server its own folder", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open tables in %s: %w: set the folder aside and start again, it is made anew from the log or another server", dir, err)
	}
	return db, nil
}

// reader is the tables as of one moment.
type reader struct{ txn *badger.Txn }

// Get implements state.Reader.
func (r reader) Get(key string) ([]byte, error) {
	item, err := r.txn.Get([]byte(tablePrefix + key))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return item.ValueCopy([]byte{})
}

// Scan implements state.Reader.
func (r reader) Scan(prefix string, f func(key string, value []byte) error) error {
	o := badger.DefaultIteratorOptions
	o.Prefix = []byte(tablePrefix + prefix)
	it := r.txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		v, err := it.Item().ValueCopy([]byte{})
		if err != nil {
			return fmt.Errorf("read %s: %w", it.Item().Key(), err)
		}
		if err := f(strings.TrimPrefix(string(it.Item().Key()), tablePrefix), v); err != nil {
			return err
		}
	}
	return nil
}

// overlay is the tables with changes that are not committed yet.
type overlay struct {
	under  state.Reader
	writes map[string][]byte // nil: deleted
	size   int               // bytes of the writes that go into the transaction
}

func newOverlay(under state.Reader) *overlay {
	return &overlay{under: under, writes: map[string][]byte{}}
}

// Get implements state.Reader.
func (o *overlay) Get(key string) ([]byte, error) {
	if v, ok := o.writes[key]; ok {
		return v, nil
	}
	return o.under.Get(key)
}

// Set implements state.Store.
func (o *overlay) Set(key string, value []byte) {
	if value == nil {
		value = []byte{}
	}
	o.writes[key] = value
	if !strings.HasPrefix(key, state.BulkPrefix) {
		o.size += len(key) + len(value)
	}
}

// Delete implements state.Store.
func (o *overlay) Delete(key string) {
	o.writes[key] = nil
	o.size += len(key)
}

// Scan implements state.Reader: the rows below with those above laid over them.
func (o *overlay) Scan(prefix string, f func(key string, value []byte) error) error {
	above := o.keys(prefix)
	emit := func(key string) error {
		if v := o.writes[key]; v != nil {
			return f(key, v)
		}
		return nil
	}
	err := o.under.Scan(prefix, func(key string, value []byte) error {
		for len(above) > 0 && above[0] < key {
			if err := emit(above[0]); err != nil {
				return err
			}
			above = above[1:]
		}
		if len(above) > 0 && above[0] == key {
			above = above[1:]
			return emit(key)
		}
		return f(key, value)
	})
	for _, key := range above {
		if err != nil {
			return err
		}
		err = emit(key)
	}
	return err
}

func (o *overlay) keys(prefix string) []string {
	var out []string
	for k := range o.writes {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// commit makes the changes durable, and the tables stand at applied.
func (o *overlay) commit(db *badger.DB, applied uint64) error {
	ahead := db.NewWriteBatch()
	defer ahead.Cancel()
	bulk := false
	for _, k := range o.keys(state.BulkPrefix) {
		bulk = true
		if err := ahead.Set([]byte(tablePrefix+k), o.writes[k]); err != nil {
			return err
		}
	}
	if bulk {
		if err := ahead.Flush(); err != nil {
			return err
		}
	}
	// A crash here leaves bulk rows without their head; the entry is applied again and writes the same.
	return db.Update(func(txn *badger.Txn) error {
		for _, k := range o.keys("") {
			if err := o.place(txn, k); err != nil {
				return err
			}
		}
		return txn.Set([]byte(appliedKey), binary.BigEndian.AppendUint64(nil, applied))
	})
}

func (o *overlay) place(txn *badger.Txn, key string) error {
	switch v := o.writes[key]; {
	case strings.HasPrefix(key, state.BulkPrefix):
		return nil
	case v == nil:
		return txn.Delete([]byte(tablePrefix + key))
	default:
		return txn.Set([]byte(tablePrefix+key), v)
	}
}

// readApplied returns where the tables stand in the log, 0 if they are new or a restore was cut off.
func readApplied(txn *badger.Txn) (uint64, error) {
	item, err := txn.Get([]byte(appliedKey))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	b, err := item.ValueCopy(nil)
	if err == nil && len(b) != 8 {
		err = fmt.Errorf("row %s has %d bytes", appliedKey, len(b))
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

// isTableKey tells the tables' rows from the cluster's own.
func isTableKey(key []byte) bool { return bytes.HasPrefix(key, []byte(tablePrefix)) }
