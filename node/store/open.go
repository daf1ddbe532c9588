package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
)

// Options of a store. The zero value is right for a node.
type Options struct {
	// Log receives Badger's warnings and errors; nil means slog.Default().
	Log *slog.Logger
	// Reserve is how many bytes of the disk must stay free for a commit to be tried; 0 means 64 MiB, enough for
	// the tables Badger still has to write of what it has acknowledged.
	Reserve uint64
	// NoMerging leaves tables as they are written. It is for tests in virtual time: the merging goroutines wake
	// every 50 ms, and over days that is all a test would do. Never for a node: after some 100 MB writes stop.
	NoMerging bool

	// Free tells how many bytes are free on the disk of a folder; nil asks the operating system. It is for tests.
	Free     func(dir string) (uint64, error)
	memtable int64 // for tests: bytes of a memtable
}

// The errors a caller tells apart.
var (
	ErrInUse     = disk.ErrInUse
	ErrNewer     = errors.New("written by a newer version")
	ErrFull      = disk.ErrFull
	ErrClosed    = errors.New("store is closed")
	ErrTooLarge  = errors.New("too large for one update")
	ErrNotFound  = errors.New("not found")
	ErrHeadMoved = errors.New("chain has grown meanwhile")
	ErrFork      = errors.New("chain is forked")
	ErrGap       = errors.New("events are missing in between")
	ErrTaken     = errors.New("already taken by another")
	// ErrUnsure means that the disk failed during a commit: it may or may not have been stored. Repeat with the
	// same token and expected head; both make a second effect impossible.
	ErrUnsure = errors.New("commit failed part-way, outcome unknown")
)

// version is what VERSION says of the folder's format.
const version = "motcua store 1\n"

// Store is an open database. It is safe for concurrent use. Only one process may have a folder open.
type Store struct {
	dir     string
	db      *badger.DB
	lock    *os.File
	options Options

	jobs    chan *job
	closing chan struct{}
	stopped chan struct{} // closed when the committer has ended
	once    sync.Once
	open    sync.RWMutex // held for reading during a View, for writing by Close

	queue  queue
	mapped *mapped

	attemptsBusy sync.Mutex // one at a time writes the file
	mu           sync.Mutex
	attempts     map[digest.Digest]Attempt // of parcels
	attemptsKept time.Time                 // when they were last written
}

// Open opens the store in a folder, making both when they are missing. Close it.
func Open(dir string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Reserve == 0 {
		o.Reserve = 64 << 20
	}
	if o.memtable == 0 {
		o.memtable = 8 << 20
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := disk.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s, err := openLocked(dir, o)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.lock = lock
	s.loadAttempts()
	go s.commit()
	return s, nil
}

func openLocked(dir string, o Options) (*Store, error) {
	if err := checkSpace(dir, o); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	fresh, err := checkVersion(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	secret, err := loadKey(dir, fresh)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	// A crash here leaves a folder with a key and no VERSION: the next Open takes the key and goes on.
	if fresh {
		if err := disk.WriteFile(filepath.Join(dir, "VERSION"), []byte(version)); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	db, err := badger.Open(settings(dir, secret, o))
	if err != nil {
		return nil, fmt.Errorf("open store: %s: %w: if store.key is another folder's, put the right one back; else restore from the backup", dir, err)
	}
	m, err := newMapped(filepath.Join(dir, "db"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), db.Close())
	}
	return &Store{
		dir: dir, db: db, options: o, mapped: m,
		jobs: make(chan *job), closing: make(chan struct{}), stopped: make(chan struct{}),
		attempts: make(map[digest.Digest]Attempt),
	}, nil
}

// settings keep memory small: measured at 80–190 MB with these, 669 MB and more with Badger's own.
func settings(dir string, secret []byte, o Options) badger.Options {
	b := badger.DefaultOptions(filepath.Join(dir, "db"))
	b = b.WithSyncWrites(true).WithDetectConflicts(false).WithMetricsEnabled(false).WithLogger(&logger{o.Log})
	b = b.WithMemTableSize(o.memtable).WithNumMemtables(2).WithNumCompactors(2)
	b = b.WithValueThreshold(threshold).WithValueLogFileSize(64 << 20)
	b = b.WithBlockCacheSize(8 << 20).WithIndexCacheSize(16 << 20).WithCompression(options.None)
	if o.NoMerging {
		b = b.WithNumCompactors(0)
	}
	return b.WithEncryptionKey(secret).WithEncryptionKeyRotationDuration(90 * 24 * time.Hour)
}

// Close ends the updates under way and closes the database. Later calls answer ErrClosed.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closing)
		<-s.stopped
		s.keepAttempts()
		s.open.Lock()
		defer s.open.Unlock()
		s.mapped.work.Wait()
		err = errors.Join(s.db.Close(), s.lock.Close())
	})
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.dir }

// checkVersion tells whether the folder is new, and refuses one it cannot read.
func checkVersion(dir string) (fresh bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "db")); err == nil {
			return false, fmt.Errorf("%s holds a database but no VERSION: restore the folder whole from the backup", dir)
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if string(b) != version {
		return false, fmt.Errorf("%s is of format %q, this program reads %q: %w: install the version that wrote it or a later one",
			dir, strings.TrimSpace(string(b[:min(len(b), 64)])), strings.TrimSpace(version), ErrNewer)
	}
	return false, nil
}

const keySize = 32

// loadKey reads the encryption key, or makes it in a new folder.
func loadKey(dir string, fresh bool) ([]byte, error) {
	path := filepath.Join(dir, "store.key")
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) && fresh {
		secret := make([]byte, keySize)
		rand.Read(secret)
		return secret, disk.WriteFile(path, secret)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the store: %w: put store.key back from the backup", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %o): chmod 600 it", path, info.Mode().Perm())
	}
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) != keySize {
		err = fmt.Errorf("%s holds %d bytes, want %d: put it back from the backup", path, len(secret), keySize)
	}
	return secret, err
}

// checkSpace refuses to write when little of the disk is left. Badger writes through memory maps, where a full disk
// kills the process instead of failing the write, so the question must be asked before.
func checkSpace(dir string, o Options) error { return disk.Room(dir, o.Reserve, o.Free) }

// logger passes on Badger's warnings and errors, and drops its chatter.
type logger struct{ log *slog.Logger }

func (l *logger) Errorf(f string, a ...any) {
	l.log.Error("database", "message", strings.TrimSpace(fmt.Sprintf(f, a...)))
}

func (l *logger) Warningf(f string, a ...any) {
	l.log.Warn("database", "message", strings.TrimSpace(fmt.Sprintf(f, a...)))
}
func (l *logger) Infof(string, ...any)  {}
func (l *logger) Debugf(string, ...any) {}
