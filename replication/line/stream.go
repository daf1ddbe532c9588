package line

import (
	"errors"
	"slices"
	"time"
)

// Window bounds the bytes of one stream that wait at either end of a line: written and not acknowledged, or come and not read.
const Window = 2 << 20

// maxPieces bounds the pieces, with gaps between them, in which a stream may come.
const maxPieces = 4096

// Errors of streams.
var (
	// ErrReset: the peer has broken off what it was writing.
	ErrReset = errors.New("stream was broken off by the peer")
	// ErrStopped: the peer does not want more of what is being written.
	ErrStopped = errors.New("stream is no longer wanted by the peer")
	// ErrSilent: nothing came from the peer for the patience of the line.
	ErrSilent = errors.New("line was silent for too long")
)

// order is a frame that must arrive, though it carries no data.
type order struct{ due, done, begun bool }

// give has the frame sent until it arrives.
func (o *order) give() { o.due, o.begun = true, true }

func (o *order) wanted() bool { return o.due && !o.done }

func (o *order) taken() *order {
	o.due = false
	return o
}

// settled tells that nothing of it is left to do.
func (o *order) settled() bool { return !o.begun || o.done }

// stream is one stream at one end. In both directions its end counts as one more byte, so that it is lost and repaired as bytes are.
type stream struct {
	id uint64

	// What we write. buf[0] is byte base.
	buf    []byte
	base   uint64
	next   uint64 // the first never sent
	limit  uint64 // where the peer's room ends
	ended  bool
	acked  spans
	lost   spans // to be sent again
	twice  spans // to be sent again though perhaps not lost: the last of them cost most to wait for
	outErr error
	reset  order
	moved  time.Time // when bytes last arrived, at either end

	// What comes. win[0] is byte read.
	win      []byte
	read     uint64
	got      spans
	end      uint64 // offset of the end, once ending is set
	ending   bool
	credited uint64 // the room the peer knows of
	credit   bool   // to be told
	inErr    error
	stop     order
}

func newStream(id uint64) *stream { return &stream{id: id, limit: Window, credited: Window} }

// written is the end of what was written, its end included.
func (s *stream) written() uint64 {
	n := s.base + uint64(len(s.buf))
	if s.ended {
		n++
	}
	return n
}

// write takes as much as there is room for.
func (s *stream) write(p []byte) int {
	n := min(len(p), Window-len(s.buf))
	s.buf = append(s.buf, p[:n]...)
	return n
}

// fresh tells whether there are bytes that were never sent and that the peer has room for. The end needs no room.
func (s *stream) fresh() bool {
	return s.outErr == nil && s.next < s.written() && s.next <= s.limit && (s.next < s.limit || s.next == s.written()-1 && s.ended)
}

// cut returns the bytes of lo to hi-1 that are data, and whether the end is among them.
func (s *stream) cut(lo, hi uint64) (data []byte, end bool) {
	size := s.base + uint64(len(s.buf))
	end = s.ended && hi > size
	return s.buf[min(lo, size)-s.base : min(hi, size)-s.base], end
}

// settle notes that the peer has lo to hi-1.
func (s *stream) settle(lo, hi uint64) {
	s.acked.add(lo, hi)
	s.lost.remove(lo, hi)
	s.twice.remove(lo, hi)
	to := min(s.acked.prefix(0), s.base+uint64(len(s.buf)))
	s.buf = s.buf[to-s.base:]
	s.base = to
}

// lose notes that a packet with lo to hi-1 did not arrive.
func (s *stream) lose(lo, hi uint64) {
	if s.outErr != nil {
		return
	}
	s.lost.add(lo, hi)
	for _, v := range s.acked[s.acked.find(lo+1):] {
		if v.lo >= hi {
			break
		}
		s.lost.remove(v.lo, v.hi)
	}
}

// take stores what came. It tells whether the peer kept to its room.
func (s *stream) take(f frame) bool {
	hi := f.offset + uint64(len(f.data))
	if hi > s.read+Window || len(s.got) > maxPieces || s.ending && (hi > s.end || f.kind == frameEnd && hi != s.end) {
		return false
	}
	if f.kind == frameEnd {
		if n := len(s.got); n > 0 && s.got[n-1].hi > hi+1 {
			return false
		}
		s.ending, s.end = true, hi
		s.got.add(hi, hi+1)
	}
	if s.inErr != nil || hi <= s.read {
		return true
	}
	data := f.data[max(s.read, f.offset)-f.offset:]
	at := int(max(s.read, f.offset) - s.read)
	if need := at + len(data); need > len(s.win) {
		s.win = slices.Grow(s.win, need-len(s.win))[:need]
	}
	copy(s.win[at:], data)
	s.got.add(f.offset, hi)
	return true
}

// ready is how many bytes can be read now.
func (s *stream) ready() int {
	to := s.got.prefix(s.read)
	if s.ending {
		to = min(to, s.end)
	}
	return int(to - s.read)
}

// over tells whether all that will ever come was read.
func (s *stream) over() bool { return s.ending && s.read == s.end }

func (s *stream) consume(p []byte) int {
	n := min(len(p), s.ready())
	copy(p, s.win[:n])
	s.win = s.win[n:]
	s.read += uint64(n)
	if !s.ending && s.read+Window >= s.credited+Window/4 {
		s.credit = true
	}
	return n
}

// halt drops what is to be written.
func (s *stream) halt(err error) {
	if s.outErr == nil {
		s.outErr = err
	}
	s.buf, s.lost, s.twice = nil, nil, nil
}

// deafen drops what comes.
func (s *stream) deafen(err error) {
	if s.inErr == nil {
		s.inErr = err
	}
	s.win, s.credit = nil, false
}

// finished tells whether neither side expects anything more of the stream.
func (s *stream) finished() bool {
	out := s.ended && s.acked.covers(0, s.written()) || s.outErr != nil
	in := s.over() || s.inErr != nil
	return out && in && s.reset.settled() && s.stop.settled()
}
