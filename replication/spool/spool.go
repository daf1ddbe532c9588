package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/replication"
)

// The bounds on what comes in.
const (
	maxPartials     = 256       // parcels begun and not yet taken, in all, beyond which a sender has only its own
	ownPartials     = 4         // of one sender, always: however many others have begun
	maxPerSender    = 64        // of one sender
	bytesPerSender  = 8 << 30   // reserved by one sender
	diskShare       = 4         // of the disk above reserve, one sender's parcels beyond its first take at most 1/diskShare
	reserve         = 256 << 20 // bytes of disk that parcels coming in leave free
	syncEvery       = 16        // chunks
	temporaryPrefix = "tmp-"
)

// ErrNoRoom is returned when a bound is reached or the disk is full: nothing was written, and later there may be room.
var ErrNoRoom = errors.New("no room in the spool")

// ErrOtherKey is returned for a parcel that is sealed to another key than the one at hand. Its sender can pack it anew.
var ErrOtherKey = errors.New("sealed to another key")

// ErrUnreadable is wrapped by errors about content that is malformed inside: it will never open.
var ErrUnreadable = errors.New("parcel cannot be read")

// Spool is a folder of chunks. It is safe for concurrent use, by one process at a time.
type Spool struct {
	dir    string
	free   func(dir string) (uint64, error)
	smalls *smalls

	mu       sync.Mutex
	partials map[digest.Digest]*Partial // in memory
	files    map[digest.Digest]string   // partials on disk, by path below in/
	shares   map[string]share           // by sender folder
}

// share is what a sender's partials on disk take.
type share struct {
	parcels int
	bytes   int64
}

// Open opens the spool in a folder, and makes it if there is none.
func Open(dir string) (*Spool, error) {
	s := &Spool{
		dir: dir, free: disk.Free,
		partials: map[digest.Digest]*Partial{}, files: map[digest.Digest]string{}, shares: map[string]share{},
	}
	for _, d := range []string{s.outDir(), s.inDir()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
	}
	if err := s.scan(); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	var err error
	if s.smalls, err = openSmalls(s.outDir()); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return s, nil
}

func (s *Spool) outDir() string { return filepath.Join(s.dir, "out") }
func (s *Spool) inDir() string  { return filepath.Join(s.dir, "in") }

func (s *Spool) outPath(id digest.Digest) string { return filepath.Join(s.outDir(), id.String()) }

// scan finds the partials that an earlier process has left.
func (s *Spool) scan() error {
	return filepath.WalkDir(s.inDir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		id, err := digest.Parse(e.Name())
		if err != nil {
			return fmt.Errorf("%s does not belong here: move it away: %w", path, err)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s.count(filepath.Base(filepath.Dir(path)), 1, info.Size())
		s.files[id] = path
		return nil
	})
}

func (s *Spool) count(sender string, parcels int, bytes int64) {
	h := s.shares[sender]
	h.parcels += parcels
	h.bytes += bytes
	if h.parcels == 0 {
		delete(s.shares, sender)
		return
	}
	s.shares[sender] = h
}

// Chunk returns chunk i of a parcel that is wholly or partly here, going out or coming in. It is not checked against
// the manifest.
func (s *Spool) Chunk(id digest.Digest, i int) ([]byte, error) {
	s.mu.Lock()
	p, in := s.partials[id], s.files[id]
	s.mu.Unlock()
	if p != nil && p.file == nil {
		return p.chunk(i)
	}
	if b, small, err := s.smalls.chunk(id, i); small {
		if err != nil {
			err = fmt.Errorf("chunk %d of parcel %s: %w", i, id.Short(), err)
		}
		return b, err
	}
	path := s.outPath(id)
	if in != "" {
		path = in
	}
	b, err := readChunk(path, i)
	if err != nil {
		return nil, fmt.Errorf("chunk %d of parcel %s: %w", i, id.Short(), err)
	}
	return b, nil
}

func readChunk(path string, i int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, chunkStride)
	n, err := f.ReadAt(b, replication.Offset(i))
	if n == 0 {
		return nil, err
	}
	return b[:n], nil
}

const chunkStride = replication.ChunkSize + 16

// Drop removes the chunks of a parcel, if there are any.
func (s *Spool) Drop(id digest.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.dropIn(id), s.smalls.drop(id)); err != nil {
		return err
	}
	return ignoreMissing(os.Remove(s.outPath(id)))
}

func (s *Spool) dropIn(id digest.Digest) error {
	if p := s.partials[id]; p != nil {
		delete(s.partials, id)
		if p.file != nil {
			p.file.Close()
		}
	}
	path := s.files[id]
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil {
		s.count(filepath.Base(filepath.Dir(path)), -1, -info.Size())
	}
	delete(s.files, id)
	return ignoreMissing(os.Remove(path))
}

// Release lets go of a parcel coming in that is not complete: what is here stays for the next attempt, until Prune. A
// small parcel, held in memory, is forgotten.
func (s *Spool) Release(id digest.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.partials[id]
	delete(s.partials, id)
	if p == nil || p.file == nil {
		return nil
	}
	if err := errors.Join(p.file.Sync(), p.file.Close()); err != nil {
		return fmt.Errorf("release parcel %s: %w", id.Short(), err)
	}
	return nil
}

// Sweep removes the chunks of outgoing parcels that keep does not know, and what crashes have left behind. Call it
// before the first Pack: a parcel that is packed and not yet committed looks like an orphan.
func (s *Spool) Sweep(keep func(id digest.Digest) bool) (removed int, err error) {
	if removed, err = s.smalls.sweep(keep); err != nil {
		return removed, fmt.Errorf("sweep spool: %w", err)
	}
	entries, err := os.ReadDir(s.outDir())
	if err != nil {
		return removed, fmt.Errorf("sweep spool: %w", err)
	}
	for _, e := range entries {
		id, bad := digest.Parse(e.Name())
		temporary := strings.HasPrefix(e.Name(), temporaryPrefix)
		if bad != nil && !temporary || bad == nil && keep(id) {
			continue
		}
		if err := os.Remove(filepath.Join(s.outDir(), e.Name())); err != nil {
			return removed, fmt.Errorf("sweep spool: %w", err)
		}
		removed++
	}
	return removed, nil
}

// Prune removes parcels coming in that have not grown since a time. Their senders will send them whole.
func (s *Spool) Prune(before time.Time) (removed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, path := range s.files {
		info, err := os.Stat(path)
		if err != nil || s.partials[id] != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := s.dropIn(id); err != nil {
			return removed, fmt.Errorf("prune spool: %w", err)
		}
		removed++
	}
	return removed, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
