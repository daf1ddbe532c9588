package cluster

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"

	"motcua/directory"
)

// snapshotMagic begins a snapshot; its number is the version of the format. After it come the place in the log (8
// bytes), then pairs of key and value, each behind its length (4 bytes), then a zero length and the SHA-256 of all
// before it.
const snapshotMagic = "motcua directory tables 1\n"

// Bounds of a pair.
const (
	maxKey   = 1 << 10
	maxValue = 1 << 20
)

// snapshot is the tables as they stand: they are on disk already, or soon will be.
type snapshot struct {
	t       *tables
	applied uint64
}

// Persist implements raft.FSMSnapshot.
func (s *snapshot) Persist(to raft.SnapshotSink) error {
	p, ok := to.(*sink)
	if !ok {
		return fmt.Errorf("snapshot: a %T cannot take it", to)
	}
	if err := s.t.flush(s.applied); err != nil {
		return errors.Join(fmt.Errorf("snapshot: %w", err), to.Cancel())
	}
	p.ours(s.applied)
	return to.Close()
}

// Release implements raft.FSMSnapshot.
func (s *snapshot) Release() {}

// hashed writes to both, and keeps the first error.
type hashed struct {
	w   *bufio.Writer
	h   hash.Hash
	err error
}

func (w *hashed) put(b []byte) {
	if w.err == nil {
		w.h.Write(b)
		_, w.err = w.w.Write(b)
	}
}

func (w *hashed) sized(b []byte) {
	w.put(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	w.put(b)
}

func writeSnapshot(to io.Writer, v *view) error {
	w := &hashed{w: bufio.NewWriterSize(to, 1<<20), h: sha256.New()}
	w.put([]byte(snapshotMagic))
	w.put(binary.BigEndian.AppendUint64(nil, v.index))
	err := v.Scan("", func(key string, value []byte) error {
		w.sized([]byte(tablePrefix + key))
		w.sized(value)
		return w.err
	})
	if err != nil {
		return err
	}
	w.put(make([]byte, 4))
	if w.err != nil {
		return w.err
	}
	if _, err := w.w.Write(w.h.Sum(nil)); err != nil {
		return err
	}
	return w.w.Flush()
}

// openSnapshot reads the beginning of a snapshot, and where its tables stand in the log.
func openSnapshot(r io.Reader) (*snapshotReader, uint64, error) {
	s := &snapshotReader{r: bufio.NewReaderSize(r, 1<<20), h: sha256.New()}
	if magic := s.take(len(snapshotMagic)); s.err == nil && string(magic) != snapshotMagic {
		return nil, 0, directory.Errorf("read snapshot", directory.Newer, "it is of another format than %q: upgrade this server", snapshotMagic[:len(snapshotMagic)-1])
	}
	stands := binary.BigEndian.Uint64(s.take(8))
	if s.err != nil {
		return nil, 0, fmt.Errorf("read snapshot: %w", s.err)
	}
	return s, stands, nil
}

// restore replaces all tables by those of a snapshot and returns where they stand.
func restore(db *badger.DB, r io.Reader, after steps) (uint64, error) {
	s, stands, err := openSnapshot(r)
	if err != nil {
		return 0, err
	}
	if err := clearTables(db); err != nil {
		return 0, fmt.Errorf("restore snapshot: %w", err)
	}
	after.done("cleared")
	// A crash from here on leaves tables that stand at 0, before every snapshot: the next start restores again.
	if err := s.load(db); err != nil {
		return 0, fmt.Errorf("restore snapshot: %w", err)
	}
	after.done("loaded")
	err = setApplied(db, stands)
	after.done("restored")
	return stands, err
}

// clearTables takes the place in the log back to 0 before anything is dropped.
func clearTables(db *badger.DB) error {
	if err := setApplied(db, 0); err != nil {
		return err
	}
	return db.DropAll()
}

type snapshotReader struct {
	r   *bufio.Reader
	h   hash.Hash
	err error
}

func (s *snapshotReader) take(n int) []byte {
	b := make([]byte, n)
	if s.err == nil {
		if _, s.err = io.ReadFull(s.r, b); s.err == nil {
			s.h.Write(b)
		}
	}
	return b
}

func (s *snapshotReader) sized(bound uint32) []byte {
	n := binary.BigEndian.Uint32(s.take(4))
	if s.err == nil && n > bound {
		s.err = fmt.Errorf("a part of %d bytes, at most %d: it is damaged", n, bound)
	}
	if s.err != nil {
		return nil
	}
	return s.take(int(n))
}

// load writes the pairs, and checks at the end that all of them came, unaltered.
func (s *snapshotReader) load(db *badger.DB) error {
	batch := db.NewWriteBatch()
	defer batch.Cancel()
	if err := s.each(batch.Set); err != nil {
		return err
	}
	return batch.Flush()
}

// each calls f with the pairs, and checks at the end that all of them came, unaltered.
func (s *snapshotReader) each(f func(key, value []byte) error) error {
	for {
		key := s.sized(maxKey)
		if s.err != nil {
			return s.err
		}
		if len(key) == 0 {
			break
		}
		value := s.sized(maxValue)
		if s.err == nil && !isTableKey(key) {
			s.err = errors.New("it holds a key that is none of the tables'")
		}
		if s.err != nil {
			return s.err
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	sum := s.h.Sum(nil)
	if got := s.take(len(sum)); s.err == nil && string(got) != string(sum) {
		s.err = errors.New("its checksum does not match: it is damaged")
	}
	return s.err
}
