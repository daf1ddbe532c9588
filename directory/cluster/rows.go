package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
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

// openRows opens the database of the tables.
//
// SyncWrites is on although the log could replay what is lost. Badger without it may, after a power cut, keep a later
// memtable and lose the tail of an earlier one: tables with a hole in them that stand, by their own account, at the end.
func openRows(dir string, log *slog.Logger) (*badger.DB, error) {
	b := badger.DefaultOptions(dir).WithSyncWrites(true).WithDetectConflicts(false).WithMetricsEnabled(false)
	b = b.WithLogger(&badgerLog{log}).WithMemTableSize(8 << 20).WithNumMemtables(2).WithNumCompactors(2)
	// Pieces of editions are overwritten again and again: kept out of the value log, compaction takes the old ones.
	b = b.WithValueThreshold(32 << 10).WithValueLogFileSize(64 << 20)
	b = b.WithBlockCacheSize(8 << 20).WithIndexCacheSize(8 << 20).WithCompression(options.None)
	db, err := badger.Open(b)
	if err != nil && strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return nil, fmt.Errorf("open tables in %s: %w", dir, errBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("open tables in %s: %w", dir, err)
	}
	return db, nil
}

// steps is told of every durable write: tests look at what a crash behind it leaves.
type steps func(step string)

func (s steps) done(step string) {
	if s != nil {
		s(step)
	}
}

// writeRows makes the newest versions of a memtable durable, and the rows on disk stand at its end.
func writeRows(db *badger.DB, m *memtable, after steps) error {
	if err := writeBulk(db, m); err != nil {
		return err
	}
	// A crash here leaves bulk rows without their head; the entry is applied again and writes the same.
	after.done("bulk")
	return db.Update(func(txn *badger.Txn) error {
		for r := m.head[0].Load(); r != nil; r = r.next[0].Load() {
			if err := writeRow(txn, r); err != nil {
				return err
			}
		}
		return txn.Set([]byte(appliedKey), binary.BigEndian.AppendUint64(nil, m.last))
	})
}

func writeRow(txn *badger.Txn, r *row) error {
	if strings.HasPrefix(r.key, state.BulkPrefix) {
		return nil
	}
	if v := r.newest.Load().value; v != nil {
		return txn.Set([]byte(tablePrefix+r.key), v)
	}
	return txn.Delete([]byte(tablePrefix + r.key))
}

// writeBulk writes what means nothing by itself, in as many transactions as it takes.
func writeBulk(db *badger.DB, m *memtable) error {
	r := m.seek(state.BulkPrefix, nil)
	if r == nil || !strings.HasPrefix(r.key, state.BulkPrefix) {
		return nil
	}
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	for ; r != nil && strings.HasPrefix(r.key, state.BulkPrefix); r = r.next[0].Load() {
		if v := r.newest.Load().value; v == nil {
			if err := batch.Delete([]byte(tablePrefix + r.key)); err != nil {
				return err
			}
		} else if err := batch.Set([]byte(tablePrefix+r.key), v); err != nil {
			return err
		}
	}
	return batch.Flush()
}

// readApplied returns where the rows stand in the log, 0 if they are new or a restore was cut off.
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

func setApplied(db *badger.DB, index uint64) error {
	return db.Update(func(txn *badger.Txn) error {
		return txn.Set([]byte(appliedKey), binary.BigEndian.AppendUint64(nil, index))
	})
}

// isTableKey tells the tables' rows from the cluster's own.
func isTableKey(key []byte) bool { return bytes.HasPrefix(key, []byte(tablePrefix)) }
