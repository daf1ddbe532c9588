package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
)

// Shelf holds files that are written once, named by a digest it does not check. It is safe for concurrent use.
type Shelf interface {
	// Create begins a file that has no name yet.
	Create(context.Context) (Pending, error)
	// Open returns a file, ErrNotFound if there is none. Close it.
	Open(context.Context, digest.Digest) (io.ReadSeekCloser, error)
	// Remove removes a file; one that is not there is no error.
	Remove(context.Context, digest.Digest) error
	// Each calls fn for every file, in no order, until it fails.
	Each(ctx context.Context, fn func(Entry) error) error
}

// Pending is a file being written. End it with Keep or Drop; Drop after Keep does nothing.
type Pending interface {
	io.Writer
	// Keep gives the file its name, durably. A file of that name stays as it is.
	Keep(name digest.Digest) error
	Drop()
}

// Entry is a file on a shelf.
type Entry struct {
	Name     digest.Digest
	Size     int64
	Modified time.Time
}

// The errors a caller tells apart.
var (
	ErrNotFound = errors.New("file not found")
	ErrTooLarge = errors.New("file is too large")
	ErrKind     = errors.New("file is of a kind that is not accepted")
	ErrMismatch = errors.New("file is not the one that was announced")
	ErrInUse    = disk.ErrInUse
	ErrFull     = disk.ErrFull
)

// reserve is how many bytes of the disk attachments leave free. It is the largest reserve of a node: what strangers upload
// stops first, the parcels of other offices later, the database last.
const reserve = 512 << 20

// Folder is a Shelf on the local disk: two levels of folders by the first digits of the name, one of temporary files, and one of
// packs, which hold many small files each. Only one process may have it open.
type Folder struct {
	dir   string
	lock  *os.File
	packs *packs
	free  func(string) (uint64, error) // nil asks the operating system
	now   func() time.Time
}

var _ Shelf = (*Folder)(nil)

// OpenFolder opens a folder of files, making it when it is missing. Close it.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open attachments: %w", err)
	}
	lock, err := disk.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("open attachments: %w", err)
	}
	f := &Folder{dir: dir, lock: lock, now: time.Now}
	// What a crash left half-written is here, and nobody was told yes about it.
	err = errors.Join(os.RemoveAll(f.temp()), os.Mkdir(f.temp(), 0o700))
	if err == nil {
		f.packs, err = openPacks(filepath.Join(dir, "packs"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open attachments: %w", err), lock.Close())
	}
	return f, nil
}

// Close gives the folder free for another process.
func (f *Folder) Close() error {
	f.packs.close()
	return f.lock.Close()
}

func (f *Folder) temp() string { return filepath.Join(f.dir, "temp") }

func (f *Folder) path(name digest.Digest) string {
	s := name.String()
	return filepath.Join(f.dir, s[:2], s[2:4], s)
}

// Create begins a file.
func (f *Folder) Create(context.Context) (Pending, error) {
	if err := disk.Room(f.dir, reserve, f.free); err != nil {
		return nil, err
	}
	return &pendingFile{folder: f}, nil
}

// pendingFile is in memory as long as it is small.
type pendingFile struct {
	folder  *Folder
	small   []byte
	file    *os.File // nil while small
	written int
}

// Write writes to memory or to the temporary file, and asks now and then whether the disk still has room for the database.
func (p *pendingFile) Write(b []byte) (n int, err error) {
	if p.file == nil && len(p.small)+len(b) <= packable {
		p.small = append(p.small, b...)
		return len(b), nil
	}
	if p.file == nil {
		if err := p.spill(); err != nil {
			return 0, disk.Full(err)
		}
	}
	n, err = p.file.Write(b)
	if before := p.written; before>>22 != (before+n)>>22 && err == nil {
		err = disk.Room(p.folder.dir, reserve, p.folder.free)
	}
	p.written += n
	return n, disk.Full(err)
}

// spill goes on in a temporary file.
func (p *pendingFile) spill() (err error) {
	if p.file, err = os.CreateTemp(p.folder.temp(), "*"); err != nil {
		return err
	}
	p.written, err = p.file.Write(p.small)
	p.small = nil
	return err
}

// Keep packs a small file. Another is named as a file of its own.
func (p *pendingFile) Keep(name digest.Digest) error {
	if p.file == nil {
		if _, err := os.Stat(p.folder.path(name)); err != nil { // an earlier version may have kept it so
			if err := p.folder.packs.put(name, p.small, p.folder.now()); !errors.Is(err, errOtherName) {
				return err
			}
		}
		if err := p.spill(); err != nil {
			return disk.Full(err)
		}
	}
	return p.keep(name)
}

// keep syncs the file, then names it, then syncs the name. A crash before the last step leaves a temporary or an
// unannounced file; the first is removed by the next Open, the second by Sweep.
func (p *pendingFile) keep(name digest.Digest) error {
	path := p.folder.path(name)
	if err := errors.Join(p.file.Sync(), p.file.Close()); err != nil {
		return disk.Full(err)
	}
	if _, err := os.Stat(path); err == nil {
		// Perhaps named by a call whose sync was cut off: the name must be durable before this one says yes.
		return disk.SyncDir(filepath.Dir(path))
	}
	if err := p.folder.makeDirs(filepath.Dir(path)); err != nil {
		return disk.Full(err)
	}
	if err := os.Rename(p.file.Name(), path); err != nil {
		return disk.Full(err)
	}
	return disk.SyncDir(filepath.Dir(path))
}

// makeDirs makes both levels durably.
func (f *Folder) makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(disk.SyncDir(filepath.Dir(dir)), disk.SyncDir(f.dir))
}

// Drop removes what was not kept.
func (p *pendingFile) Drop() {
	if p.file == nil {
		return
	}
	_ = p.file.Close()
	_ = os.Remove(p.file.Name()) // after Keep there is none; after a failure the next Open removes it
}

// Open returns a file.
func (f *Folder) Open(_ context.Context, name digest.Digest) (io.ReadSeekCloser, error) {
	if file, err := f.packs.find(name); err == nil {
		return file, nil
	} else if !errors.Is(err, ErrNotFound) && !errors.Is(err, errOtherName) {
		return nil, fmt.Errorf("attachment %s: %w", name.Short(), err)
	}
	file, err := os.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("attachment %s: %w", name.Short(), ErrNotFound)
	}
	if err != nil {
		return nil, err // not file: a nil *os.File in an interface is not nil
	}
	return file, nil
}

// Remove removes a file.
func (f *Folder) Remove(_ context.Context, name digest.Digest) error {
	return errors.Join(f.packs.remove(name), removeFile(f.path(name)))
}

// Each calls fn for every file.
func (f *Folder) Each(ctx context.Context, fn func(Entry) error) error {
	if err := f.packs.each(func(e Entry) error { return errors.Join(ctx.Err(), fn(e)) }); err != nil {
		return err
	}
	return filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return ctx.Err()
		}
		name, err := digest.Parse(d.Name())
		if err != nil {
			return nil // LOCK, temporary files
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(Entry{name, info.Size(), info.ModTime()})
	})
}
