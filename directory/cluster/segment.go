package cluster

import (
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// segments opens the files of Raft's log.
//
// When a new leader has a server drop the end of its log, raft-wal 0.4.0 marks the file as sealed without writing the
// index that sealed files are read by (its issue 31, mended after that release): the server runs on, and cannot start
// again. Such a file is whole, so it is read as one that was never sealed, from its beginning; what was dropped lies
// behind its last entry, where nobody looks.
type segments struct{ *segment.Filer }

func newSegments(dir string) segments { return segments{segment.NewFiler(dir, fs.New())} }

// Open implements types.SegmentFiler.
func (s segments) Open(info types.SegmentInfo) (types.SegmentReader, error) {
	if info.IndexStart == 0 {
		return s.RecoverTail(info)
	}
	return s.Filer.Open(info)
}
