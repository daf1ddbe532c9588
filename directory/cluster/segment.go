package cluster

import (
	"path/filepath"

	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// segments opens the files of Raft's log, after reading them through.
//
// When a new leader has a server drop the end of its log, raft-wal 0.4.0 marks the file as sealed without writing the
// index that sealed files are read by (its issue 31, mended after that release): the server runs on, and cannot start
// again. Such a file is whole, so it is read as one that was never sealed, from its beginning; what was dropped lies
// behind its last entry, where nobody looks.
type segments struct {
	*segment.Filer
	dir   string
	files types.VFS
}

func newSegments(dir string) segments { return newSegmentsOn(dir, fs.New()) }

func newSegmentsOn(dir string, files types.VFS) segments {
	return segments{segment.NewFiler(dir, files), filepath.Clean(dir), files}
}

// Open implements types.SegmentFiler.
func (s segments) Open(info types.SegmentInfo) (types.SegmentReader, error) {
	if info.IndexStart == 0 {
		return s.RecoverTail(info)
	}
	if err := checkSegment(s.files, s.dir, segment.FileName(info), true); err != nil {
		return nil, err
	}
	return s.Filer.Open(info)
}

// RecoverTail implements types.SegmentFiler.
func (s segments) RecoverTail(info types.SegmentInfo) (types.SegmentWriter, error) {
	if err := checkSegment(s.files, s.dir, segment.FileName(info), false); err != nil {
		return nil, err
	}
	return s.Filer.RecoverTail(info)
}
