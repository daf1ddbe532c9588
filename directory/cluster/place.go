package cluster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"motcua/crypto/disk"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Names in the folder of the snapshots.
const (
	placeFile    = "place"
	receivedFile = "received"
	partSuffix   = ".part" // of files that nothing refers to
)

// place is a place in the log that the tables have come to, so that the log may begin behind it. It is what Raft calls a
// snapshot. Keys are append-only.
type place struct {
	Version uint8  `cbor:"1,keyasint"`
	Index   uint64 `cbor:"2,keyasint"`
	Term    uint64 `cbor:"3,keyasint"`
	// Servers is Raft's configuration as of the place, in its own encoding, and ServersIndex where that was decided.
	Servers      []byte `cbor:"4,keyasint"`
	ServersIndex uint64 `cbor:"5,keyasint"`
	// Stands is the last command at or before the place: tables that stand before it are not these.
	Stands uint64 `cbor:"6,keyasint"`
	// Received is the bytes of the file in which the tables came from another server, 0 once they are in use.
	Received int64 `cbor:"7,keyasint,omitempty"`
}

// placeVersion is the version of the file that this program writes and reads.
const placeVersion = 1

func (p *place) id() string { return fmt.Sprintf("%d-%d", p.Term, p.Index) }

func (p *place) meta() *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax, ID: p.id(), Index: p.Index, Term: p.Term,
		Configuration: raft.DecodeConfiguration(p.Servers), ConfigurationIndex: p.ServersIndex, Size: p.Received,
	}
}

// bytes is what stands in the file: the wire encoding and its SHA-256.
func (p *place) bytes() ([]byte, error) {
	b, err := wire.Marshal(p)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), err
}

func readPlace(b []byte) (*place, error) {
	n := len(b) - sha256.Size
	if n < 0 || sha256.Sum256(b[:n]) != [sha256.Size]byte(b[n:]) {
		return nil, errors.New("its checksum does not match: it is damaged")
	}
	p := new(place)
	if err := wire.UnmarshalVersioned(b[:n], p, placeVersion); err != nil {
		return nil, directory.Errorf("read snapshot", directory.Newer, "%v: a later version wrote it: upgrade this server", err)
	}
	return p, nil
}

// places keeps the newest place. It costs nothing to take a snapshot: the tables are on disk anyway. Only for a server
// that is so far behind that the log no longer reaches back to it are they written out and sent, as they then are.
type places struct {
	dir    string
	tables *tables // set before Raft begins
	after  steps
	old    *raft.FileSnapshotStore // of an earlier version: whole copies of the tables

	mu     sync.Mutex
	newest *place // nil: none, or one of an earlier version
}

var _ raft.SnapshotStore = (*places)(nil)

func openPlaces(logs string, log hclog.Logger) (*places, error) {
	old, err := raft.NewFileSnapshotStoreWithLogger(logs, 2, log)
	if err != nil {
		return nil, err
	}
	s := &places{dir: filepath.Join(logs, "snapshots"), old: old}
	parts, err := filepath.Glob(filepath.Join(s.dir, "*"+partSuffix))
	for _, p := range parts {
		err = errors.Join(err, os.Remove(p)) // a crash left it
	}
	b, readErr := os.ReadFile(filepath.Join(s.dir, placeFile))
	if err = errors.Join(err, readErr); errors.Is(readErr, os.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return nil, err
	}
	if s.newest, err = readPlace(b); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(s.dir, placeFile), err)
	}
	return s, nil
}

// stands is where the tables must stand at least, and whether they are in a file here should they not.
func (s *places) stands() (index uint64, filed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest != nil {
		return s.newest.Stands, s.newest.Received > 0, nil
	}
	kept, err := s.old.List()
	if err != nil || len(kept) == 0 {
		return 0, false, err
	}
	_, r, err := s.old.Open(kept[0].ID)
	if err != nil {
		return 0, false, fmt.Errorf("newest snapshot: %w", err)
	}
	_, index, err = openSnapshot(r)
	return index, true, errors.Join(err, r.Close())
}

// Create implements raft.SnapshotStore.
func (s *places) Create(v raft.SnapshotVersion, index, term uint64, servers raft.Configuration, serversIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if v != raft.SnapshotVersionMax {
		return nil, directory.Errorf("take snapshot", directory.Newer, "version %d is not known: upgrade this server", v)
	}
	return &sink{s: s, p: &place{
		Version: placeVersion, Index: index, Term: term, Servers: raft.EncodeConfiguration(servers), ServersIndex: serversIndex,
	}}, nil
}

// List implements raft.SnapshotStore.
func (s *places) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil {
		return s.old.List()
	}
	return []*raft.SnapshotMeta{s.newest.meta()}, nil
}

// Open implements raft.SnapshotStore: tables that stand at the place or beyond.
func (s *places) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	p := s.newest
	s.mu.Unlock()
	switch {
	case p == nil || p.id() != id:
		return s.old.Open(id)
	case p.Received > 0:
		f, err := os.Open(filepath.Join(s.dir, receivedFile))
		return p.meta(), f, err
	}
	f, size, _, err := s.writeOut()
	if err != nil {
		return nil, nil, err
	}
	meta := p.meta()
	meta.Size = size
	return meta, f, nil
}

// written is a file that goes with its last reader.
type written struct{ *os.File }

// Close removes the file.
func (f *written) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }

// writeOut writes the tables as they are into a file, and tells its size in bytes and where they stand.
func (s *places) writeOut() (f *written, size int64, stands uint64, err error) {
	v, err := s.tables.pin()
	if err != nil {
		return nil, 0, 0, err
	}
	defer v.base.give()
	file, err := os.CreateTemp(s.dir, "sending-*"+partSuffix)
	if err != nil {
		return nil, 0, 0, disk.Full(err)
	}
	f = &written{file}
	if err = writeSnapshot(f, v); err == nil {
		if size, err = f.Seek(0, io.SeekCurrent); err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
	}
	if err != nil {
		return nil, 0, 0, errors.Join(fmt.Errorf("write out the tables: %w", disk.Full(err)), f.Close())
	}
	return f, size, v.index, nil
}

// keep makes a place the newest, and removes what it replaces.
func (s *places) keep(p *place) error {
	b, err := p.bytes()
	if err != nil {
		return err
	}
	if err := disk.WriteFile(filepath.Join(s.dir, placeFile), b); err != nil {
		return err
	}
	s.after.done("place")
	// A crash from here on leaves files that the next place removes.
	s.mu.Lock()
	s.newest = p
	s.mu.Unlock()
	if p.Received == 0 {
		err = os.Remove(filepath.Join(s.dir, receivedFile))
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	return errors.Join(err, s.removeOld())
}

// removeOld removes the whole copies of an earlier version.
func (s *places) removeOld() error {
	all, err := os.ReadDir(s.dir)
	for _, e := range all {
		if e.IsDir() && strings.Count(e.Name(), "-") == 2 {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, e.Name())))
		}
	}
	return err
}

// inUse notes that tables which came in a file are in the place of the old ones.
func (s *places) inUse() error {
	s.mu.Lock()
	p := s.newest
	s.mu.Unlock()
	if p == nil || p.Received == 0 {
		return nil
	}
	used := *p
	used.Received = 0
	return s.keep(&used)
}

// sink takes a place, and the file of tables that comes with it if it is another server's.
type sink struct {
	s    *places
	p    *place
	file *os.File
	own  bool // the tables are this server's
	done bool
}

// ours says that the tables of this server have come to the place, on disk.
func (k *sink) ours(stands uint64) { k.own, k.p.Stands = true, stands }

// ID implements raft.SnapshotSink.
func (k *sink) ID() string { return k.p.id() }

// Write implements raft.SnapshotSink.
func (k *sink) Write(b []byte) (n int, err error) {
	if k.file == nil {
		if k.file, err = os.Create(filepath.Join(k.s.dir, receivedFile+partSuffix)); err != nil {
			return 0, disk.Full(err)
		}
	}
	n, err = k.file.Write(b)
	k.p.Received += int64(n)
	return n, disk.Full(err)
}

// Close implements raft.SnapshotSink: the place is kept.
func (k *sink) Close() error {
	if k.done {
		return nil
	}
	k.done = true
	if k.file != nil {
		if err := k.keepFile(); err != nil {
			return fmt.Errorf("keep a snapshot: %w", disk.Full(err))
		}
	} else if !k.own {
		return errors.New("keep a snapshot: it holds no tables")
	}
	return k.s.keep(k.p)
}

func (k *sink) keepFile() (err error) {
	if _, err = k.file.Seek(0, io.SeekStart); err == nil {
		_, k.p.Stands, err = openSnapshot(k.file)
	}
	if err := errors.Join(err, k.file.Sync(), k.file.Close()); err != nil {
		return errors.Join(err, os.Remove(k.file.Name()))
	}
	if err := os.Rename(k.file.Name(), filepath.Join(k.s.dir, receivedFile)); err != nil {
		return err
	}
	// A crash here leaves the file without its place: it is written again, or stands further on than a place wants.
	err = disk.SyncDir(k.s.dir)
	k.s.after.done("received")
	return err
}

// Cancel implements raft.SnapshotSink.
func (k *sink) Cancel() error {
	if k.done || k.file == nil {
		k.done = true
		return nil
	}
	k.done = true
	return errors.Join(k.file.Close(), os.Remove(k.file.Name()))
}
