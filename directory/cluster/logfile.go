package cluster

import (
	"os"

	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"

	"motcua/crypto/disk"
)

// writtenAhead is how many bytes of a file of the log are written with zeros at a time, before their turn comes.
const writtenAhead = 256 << 10

// logFiles is the files of Raft's log. raft-wal reserves the room for a file, but a file system notes of room that is only reserved
// when it is first written, in its journal, and so of each sync; here that is done for many entries at once. What is read is
// the same: zeros.
type logFiles struct{ types.VFS }

func newLogFiles() types.VFS { return logFiles{fs.New()} }

// Create implements types.VFS.
func (v logFiles) Create(dir, name string, size uint64) (types.WritableFile, error) {
	return ahead(v.VFS.Create(dir, name, size))
}

// OpenWriter implements types.VFS.
func (v logFiles) OpenWriter(dir, name string) (types.WritableFile, error) {
	return ahead(v.VFS.OpenWriter(dir, name))
}

// logFile is a file of the log. It is written from its beginning to its end, by one goroutine.
type logFile struct {
	types.WritableFile
	os     *os.File
	size   int64 // beyond which nothing is written ahead
	zeroed int64 // up to where it is
	synced bool  // with its size, and its name in the folder
}

func ahead(w types.WritableFile, err error) (types.WritableFile, error) {
	if err != nil {
		return nil, err
	}
	f := &logFile{WritableFile: w}
	switch w := w.(type) {
	case *fs.File:
		f.os = &w.File
	case *os.File:
		f.os = w
	default:
		return w, nil
	}
	info, err := f.os.Stat()
	if err != nil {
		return nil, err
	}
	f.size = info.Size()
	return f, nil
}

// WriteAt implements io.WriterAt. Behind what is written lies nothing that counts: a crash between the two writes leaves what one
// before them does, or a batch and no zeros.
func (f *logFile) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.WritableFile.WriteAt(b, at)
	end := at + int64(n)
	if err != nil || end <= f.zeroed {
		return n, err
	}
	f.zeroed = end
	if more := min(writtenAhead, f.size-end); more > 0 {
		if _, err := f.WritableFile.WriteAt(make([]byte, more), end); err != nil {
			return n, err
		}
		f.zeroed += more
	}
	return n, nil
}

// Sync brings to disk what was written: the first time the size of the file and its name, too.
func (f *logFile) Sync() error {
	if f.synced && f.zeroed <= f.size {
		return disk.SyncData(f.os)
	}
	err := f.WritableFile.Sync()
	f.synced = err == nil
	return err
}
