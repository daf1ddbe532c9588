package guardian

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

// What is on disk, for each office:
//
//	files/ab/NAME       an attachment, whole
//	segments/ab/NAME    the file of a segment, whole
//	parts/NAME          one that is coming in
//	streams/STREAM/N    record N of a stream: 0 is its start
const (
	filesFolder   = "files"
	segmentFolder = "segments"
	partsFolder   = "parts"
	streamsFolder = "streams"
	maxStreams    = 4 // of one office: older ones go
	maxParts      = 8 // files of one office that have broken off
)

// folder is one office's.
type folder struct {
	dir string

	mu    sync.Mutex
	used  int64 // bytes
	heads map[StreamID]Head
}

func folderName(office replication.Name) string { return digest.Of([]byte(office)).String()[:32] }

func openFolder(dir string) (*folder, error) {
	f := &folder{dir: dir, heads: map[StreamID]Head{}}
	for _, d := range []string{filesFolder, segmentFolder, partsFolder, streamsFolder} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			f.used += info.Size()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, f.readHeads()
}

// readHeads finds where each stream stands: its last record is the one with the highest number.
func (f *folder) readHeads() error {
	streams, err := os.ReadDir(filepath.Join(f.dir, streamsFolder))
	if err != nil {
		return err
	}
	for _, e := range streams {
		b, err := hex.DecodeString(e.Name())
		if err != nil || len(b) != len(StreamID{}) {
			return fmt.Errorf("%s does not belong here: move it away", filepath.Join(f.dir, streamsFolder, e.Name()))
		}
		id := StreamID(b)
		last := uint64(0)
		records, err := os.ReadDir(f.streamDir(id))
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue // a crash has come before the start was there
		}
		for _, r := range records {
			var n uint64
			if _, err := fmt.Sscanf(r.Name(), "%d", &n); err == nil {
				last = max(last, n)
			}
		}
		if f.heads[id], err = f.headAt(id, last); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) headAt(id StreamID, n uint64) (Head, error) {
	r, err := f.read(Place{id, n})
	if err != nil {
		return Head{}, err
	}
	if n == 0 {
		s, err := ReadStart(r)
		return s.Head(r.ID()), err
	}
	s, err := ReadSegment(r)
	return s.After(r.ID()), err
}

func (f *folder) streamDir(id StreamID) string {
	return filepath.Join(f.dir, streamsFolder, hex.EncodeToString(id[:]))
}

func (f *folder) recordPath(p Place) string {
	return filepath.Join(f.streamDir(p.Stream), fmt.Sprintf("%012d", p.Number))
}

func (f *folder) filePath(name digest.Digest, segment bool) string {
	shelf := filesFolder
	if segment {
		shelf = segmentFolder
	}
	return filepath.Join(f.dir, shelf, name.String()[:2], name.String())
}

func (f *folder) partPath(name digest.Digest) string {
	return filepath.Join(f.dir, partsFolder, name.String())
}

// list returns where the streams stand, newest first.
func (f *folder) list() (out []Head) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.heads {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Head) int {
		return cmp.Or(cmp.Compare(b.Made, a.Made), slices.Compare(a.Stream[:], b.Stream[:]))
	})
	return out
}

func (f *folder) read(p Place) (r record.Record, err error) {
	b, err := os.ReadFile(f.recordPath(p))
	if errors.Is(err, fs.ErrNotExist) {
		return r, deny(NotHere, nil)
	}
	if err != nil {
		return r, err
	}
	return r, wire.Unmarshal(b, &r)
}

// readFrom returns at most MaxRecords records of a stream from a place on.
func (f *folder) readFrom(p Place) (out []record.Record, err error) {
	for len(out) < MaxRecords {
		r, err := f.read(p)
		if _, end := errors.AsType[*Denied](err); end && len(out) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		p.Number++
	}
	return out, nil
}

// put stores a record as the head of its stream. It is durable when put returns.
func (f *folder) put(p Place, r record.Record, next Head) error {
	b, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.streamDir(p.Stream), 0o700); err != nil {
		return disk.Full(err)
	}
	if err := disk.SyncDir(filepath.Join(f.dir, streamsFolder)); err != nil {
		return err
	}
	if err := disk.WriteFile(f.recordPath(p), b); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heads[p.Stream] = next
	f.used += int64(len(b))
	return nil
}

// trim removes the oldest streams beyond those that are kept, with the files that only they name.
func (f *folder) trim() error {
	heads := f.list()
	for _, h := range heads[min(len(heads), maxStreams):] {
		for n := uint64(1); n <= h.Number; n++ {
			r, err := f.read(Place{h.Stream, n})
			if err != nil {
				return err
			}
			s, err := ReadSegment(r)
			if err != nil {
				return err
			}
			f.removed(f.filePath(s.File, true))
		}
		if err := os.RemoveAll(f.streamDir(h.Stream)); err != nil {
			return err
		}
		f.mu.Lock()
		delete(f.heads, h.Stream)
		f.mu.Unlock()
	}
	return nil
}

func (f *folder) removed(path string) {
	info, err := os.Stat(path)
	if err == nil && os.Remove(path) == nil {
		f.mu.Lock()
		f.used -= info.Size()
		f.mu.Unlock()
	}
}

func (f *folder) has(name digest.Digest, segment bool) (int64, bool) {
	info, err := os.Stat(f.filePath(name, segment))
	if err != nil {
		return 0, false
	}
	return info.Size(), true
}

// begun returns how much of a file is here.
func (f *folder) begun(name digest.Digest) int64 {
	info, err := os.Stat(f.partPath(name))
	if err != nil {
		return 0
	}
	return info.Size()
}

// room tells whether a file may come in: within the share of the office, and not as one of too many that have broken off, of
// which the oldest gives way.
func (f *folder) room(v File, quota int64) error {
	f.mu.Lock()
	used := f.used
	f.mu.Unlock()
	if v.Size <= 0 || v.Size > MaxFile || used+v.Size-f.begun(v.Name) > quota {
		return deny(Full, nil)
	}
	parts, err := os.ReadDir(filepath.Join(f.dir, partsFolder))
	if err != nil {
		return err
	}
	if len(parts) >= maxParts && f.begun(v.Name) == 0 {
		for _, p := range parts {
			f.removed(filepath.Join(f.dir, partsFolder, p.Name()))
		}
	}
	return nil
}

// fill takes the bytes of a file from where it broke off, and gives it its name once it is whole and the one that was announced.
func (f *folder) fill(v File, from int64, r io.Reader) error {
	w, err := os.OpenFile(f.partPath(v.Name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return disk.Full(err)
	}
	defer w.Close()
	if _, err := w.Seek(from, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, v.Size-from))
	f.mu.Lock()
	f.used += n
	f.mu.Unlock()
	if err := errors.Join(err, w.Sync()); err != nil {
		return disk.Full(err)
	}
	if from+n < v.Size {
		return io.ErrUnexpectedEOF
	}
	return f.keep(v, w)
}

func (f *folder) keep(v File, w *os.File) error {
	sum := sha256.New()
	if _, err := w.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if n, err := io.Copy(sum, w); err != nil || n != v.Size || digest.Digest(sum.Sum(nil)) != v.Name {
		f.removed(f.partPath(v.Name))
		return deny(NotGenuine, err)
	}
	path := f.filePath(v.Name, v.Segment)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return disk.Full(err)
	}
	// A crash before the rename leaves a part, which is found whole at the next attempt.
	if err := os.Rename(f.partPath(v.Name), path); err != nil {
		return disk.Full(err)
	}
	return errors.Join(disk.SyncDir(filepath.Dir(path)), disk.SyncDir(filepath.Dir(filepath.Dir(path))))
}

// files lists at most MaxNames files after a name.
func (f *folder) files(after digest.Digest) (out []File, err error) {
	shelves, err := os.ReadDir(filepath.Join(f.dir, filesFolder))
	if err != nil {
		return nil, err
	}
	last := after.String()
	for _, s := range shelves {
		if s.Name() < last[:2] {
			continue
		}
		names, err := os.ReadDir(filepath.Join(f.dir, filesFolder, s.Name()))
		if err != nil {
			return nil, err
		}
		for _, e := range names {
			name, bad := digest.Parse(e.Name())
			info, err := e.Info()
			if bad != nil || err != nil || after != (digest.Digest{}) && strings.Compare(e.Name(), last) <= 0 {
				continue
			}
			if out = append(out, File{Name: name, Size: info.Size()}); len(out) == MaxNames {
				return out, nil
			}
		}
	}
	return out, nil
}
