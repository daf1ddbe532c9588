package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"motcua/crypto/digest"
)

// dumpHead begins every dump: what the rows are of.
const dumpHead = "motcua rows 1\n" + version

// The marks of a row in a dump.
const (
	rowDeleted = 0
	rowValue   = 1
	dumpEnd    = 2 // a dump without it was cut off
)

// Dump writes every row that was written or deleted after a version of the database, as of one snapshot, and returns the snapshot's
// version and the number of rows. Version 0 is before all. Together, dumps from 0 on are the database: see [Fill].
func (s *Store) Dump(ctx context.Context, w io.Writer, since uint64) (until uint64, rows int, err error) {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.db.IsClosed() {
		return 0, 0, ErrClosed
	}
	out := bufio.NewWriter(w)
	out.WriteString(dumpHead)
	err = s.db.View(func(txn *badger.Txn) error {
		until = txn.ReadTs()
		it := txn.NewIterator(badger.IteratorOptions{AllVersions: true, SinceTs: since})
		defer it.Close()
		var last []byte
		for it.Rewind(); it.Valid(); it.Next() {
			item := it.Item()
			if last != nil && string(item.Key()) == string(last) {
				continue // an older version of the row
			}
			last = item.KeyCopy(last)
			if err := errors.Join(ctx.Err(), dumpRow(out, item)); err != nil {
				return err
			}
			rows++
		}
		return nil
	})
	if err == nil {
		out.Write(binary.AppendUvarint(nil, 0))
		out.WriteByte(dumpEnd)
		err = out.Flush()
	}
	if err != nil {
		return 0, 0, fmt.Errorf("dump store: %w", err)
	}
	return until, rows, nil
}

func dumpRow(w *bufio.Writer, item *badger.Item) error {
	w.Write(binary.AppendUvarint(nil, uint64(len(item.Key()))))
	w.Write(item.Key())
	if item.IsDeletedOrExpired() {
		return w.WriteByte(rowDeleted)
	}
	w.WriteByte(rowValue)
	return item.Value(func(v []byte) error {
		w.Write(binary.AppendUvarint(nil, uint64(len(v))))
		_, err := w.Write(v)
		return err
	})
}

// ErrDump is wrapped by errors about bytes that are no dump, or only the beginning of one.
var ErrDump = errors.New("malformed dump of a store")

// Fill makes a store in a folder from dumps, in their order, of which next returns each until io.EOF. Interrupted, it is begun
// again in an empty folder.
func Fill(ctx context.Context, dir string, o Options, next func() (io.Reader, error)) (err error) {
	s, err := Open(dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for {
		r, err := next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = s.fill(ctx, bufio.NewReader(r))
		}
		if err != nil {
			return fmt.Errorf("fill store: %w", err)
		}
	}
}

func (s *Store) fill(ctx context.Context, r *bufio.Reader) error {
	head := make([]byte, len(dumpHead))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != dumpHead {
		return fmt.Errorf("%w: it begins with %q, this program reads %q: install the version that wrote it or a later one", ErrDump, head, dumpHead)
	}
	for more := true; more; {
		l := newLayer()
		for more && len(l.writes) < maxCount/2 && l.bytes < maxBytes/2 && l.long < maxLong/4 {
			k, v, end, err := readRow(r)
			if err != nil {
				return err
			}
			if more = !end; more {
				l.set(string(k), v)
			}
		}
		b := &batch{s: s, txn: s.db.NewTransaction(false), all: l}
		if err := errors.Join(ctx.Err(), b.commit()); err != nil {
			return err
		}
	}
	return nil
}

// readRow reads a row; a nil value is a deletion.
func readRow(r *bufio.Reader) (k, v []byte, end bool, err error) {
	if k, err = readBytes(r, maxKey); err != nil {
		return nil, nil, false, err
	}
	mark, err := r.ReadByte()
	switch {
	case err == nil && mark == dumpEnd && len(k) == 0:
		return nil, nil, true, nil
	case err == nil && mark == rowDeleted && len(k) > 0:
		return k, nil, false, nil
	case err != nil || mark != rowValue || len(k) == 0:
		return nil, nil, false, fmt.Errorf("%w: %w", ErrDump, errors.Join(err, io.ErrUnexpectedEOF))
	}
	v, err = readBytes(r, maxValue)
	return k, v, false, err
}

func readBytes(r *bufio.Reader, bound uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > bound {
		return nil, fmt.Errorf("%w: a length of %d bytes: %w", ErrDump, n, errors.Join(err, io.ErrUnexpectedEOF))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDump, err)
	}
	return b, nil
}

// Blobs calls f with the names of all sealed files that something needs, once each.
func (s *Store) Blobs(f func(digest.Digest) error) error {
	return s.View(func(t *Tx) error {
		last := digest.Digest{}
		return t.scan(tBlob.key(), nil, func(k key) (bool, error) {
			name := digest.Digest(k[1 : 1+digest.Size])
			if name == last {
				return true, nil
			}
			last = name
			return true, f(name)
		})
	})
}

// Exists tells whether a folder holds a store.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "VERSION"))
	return err == nil
}
