package line

import (
	"fmt"
	"slices"
	"time"
)

// The bounds of a line.
const (
	// MaxStreams is how many streams each side may have open.
	MaxStreams = 8
	// MaxPacket is the largest packet before it is sealed.
	MaxPacket   = largePacket - Overhead
	smallPacket = 1200 // sealed: what every path takes
	largePacket = 1452 // sealed: what most take; tried first
	maxUnacked  = 20 * time.Millisecond
	reorder     = 3 // packets that may overtake another before it counts as lost
	maxReorder  = 64
	largeTries  = 3
	largeGap    = 64              // packets between two of them
	bigLosses   = 24              // large packets lost in a row: they no longer pass
	probeEvery  = time.Second     // on a dark line
	eagerProbes = 2               // of a line that may yet not be dark; they carry bytes
	quietTime   = 3 * time.Second // with a stream open; then ask whether the peer is there
	// Patience is for how long a line with open streams waits for a sign of life.
	Patience = 15 * time.Minute
)

// Config says what is known of a line when it begins.
type Config struct {
	Dialler bool          // exactly one of the two ends is
	RTT     time.Duration // the least that was seen on the way to the peer; 0: unknown
	Window  int           // bytes under way when a line to the same peer was last busy, see [State]; 0: unknown
}

// State is what a line shows of itself.
type State struct {
	RTT       time.Duration // smoothed; 0: not known yet
	Queue     time.Duration // of it, waiting
	Window    int           // bytes that may be under way
	Rate      int           // bytes per second
	Company   bool          // others use the line
	Dark      bool
	Streams   int
	Sent      uint64 // sealed bytes
	Again     uint64 // of them bytes of streams that were sent before
	Lost      uint64 // packets
	Packets   uint64 // sent
	Received  uint64 // sealed bytes
	Duplicate uint64 // bytes of streams that came again
}

// segment is a part of a stream in a packet; its end may be the stream's.
type segment struct {
	stream *stream
	lo, hi uint64
}

type sent struct {
	at       time.Time
	size     int
	segments []segment
	orders   []*order
	credits  []*stream // whose room the packet tells
	large    bool      // a try whether large packets pass
	flying   bool
	done     bool
}

// Line is one end of a line. It is not safe for concurrent use. Time never goes back.
type Line struct {
	cfg      Config
	bound    int // see Bound
	throttle throttle
	streams  []*stream // in the order of opening; the first is the next to send
	opened   uint64    // streams of ours
	seen     spans     // numbers of the peer's streams that were opened
	accepted []*stream

	packets []sent // from number first on
	first   uint64
	flying  int    // bytes
	largest uint64 // acknowledged, plus one
	reorder uint64
	room    int // sealed bytes of a packet
	tries   int
	bigLost int       // large packets lost since one arrived
	bigAt   time.Time // when that was
	probed  time.Time
	probes  int // without an answer
	tail    int // copies of the last packet that went out

	got     spans // numbers received
	gotAt   time.Time
	owed    int // packets to acknowledge
	hurry   bool
	ackDue  time.Time
	heard   time.Time
	waiting time.Time // since when an answer is due
	began   time.Time
	err     error
	state   State
}

// New begins a line.
func New(c Config, now time.Time) *Line {
	return &Line{cfg: c, throttle: newThrottle(c), room: smallPacket, reorder: reorder, heard: now, waiting: now, began: now}
}

// Err is why the line has ended, nil while it lives.
func (l *Line) Err() error { return l.err }

// Dark tells whether the peer has been silent while something of it was due.
func (l *Line) Dark() bool { return l.probes > eagerProbes }

// Hold has no bytes of streams sent before a time, though the line might carry them.
func (l *Line) Hold(until time.Time) {
	if l.throttle.nextSend.Before(until) {
		l.throttle.nextSend = until
	}
}

// Heard is when something last came from the peer; the beginning, if nothing has.
func (l *Line) Heard() time.Time { return l.heard }

// Moved is when bytes of a stream last arrived, at either end; the zero time: never, or the stream is over.
func (l *Line) Moved(id uint64) time.Time {
	if s := l.stream(id); s != nil {
		return s.moved
	}
	return time.Time{}
}

// State tells how the line fares.
func (l *Line) State() State {
	s, t := l.state, &l.throttle
	s.RTT, s.Queue, s.Window, s.Rate = t.smooth, t.queued(), int(t.window), int(t.fastest)
	s.Company, s.Dark, s.Streams = t.mood == rivals || t.mood == draining, l.Dark(), len(l.streams)
	return s
}

// Open opens a stream. False: as many as may be are open.
func (l *Line) Open() (id uint64, ok bool) {
	mine := 0
	for _, s := range l.streams {
		if l.ours(s.id) {
			mine++
		}
	}
	if mine >= MaxStreams || l.err != nil {
		return 0, false
	}
	id = l.opened * 2
	if !l.cfg.Dialler {
		id++
	}
	l.opened++
	l.streams = append(l.streams, newStream(id))
	return id, true
}

// Accept returns a stream that the peer has opened, each once.
func (l *Line) Accept() (id uint64, ok bool) {
	if len(l.accepted) == 0 {
		return 0, false
	}
	id = l.accepted[0].id
	l.accepted = l.accepted[1:]
	return id, true
}

func (l *Line) ours(id uint64) bool { return id%2 == 0 == l.cfg.Dialler }

func (l *Line) stream(id uint64) *stream {
	i := slices.IndexFunc(l.streams, func(s *stream) bool { return s.id == id })
	if i < 0 {
		return nil
	}
	return l.streams[i]
}

// Write takes bytes of a stream to send, as many as there is room for: none when the window is full, which reading at the other end
// changes. The error is ErrStopped, ErrSilent, or that of a stream which is over.
func (l *Line) Write(id uint64, p []byte) (n int, err error) {
	s := l.stream(id)
	switch {
	case l.err != nil:
		return 0, l.err
	case s == nil:
		return 0, ErrStopped
	case s.outErr != nil:
		return 0, s.outErr
	case s.ended:
		return 0, fmt.Errorf("write behind the end of a stream: %w", ErrStopped)
	}
	return s.write(p[:min(len(p), l.vacant(s))]), nil
}

// Read takes bytes of a stream that have come. None and no error: not yet. At the end of the stream, end is set.
func (l *Line) Read(id uint64, p []byte) (n int, end bool, err error) {
	s := l.stream(id)
	switch {
	case s == nil && l.err != nil:
		return 0, false, l.err
	case s == nil:
		return 0, true, nil
	case s.ready() > 0 && s.inErr == nil:
		n = s.consume(p)
	case s.inErr != nil:
		err = s.inErr
	case !s.over():
		err = l.err
	}
	end = s.over()
	l.sweep()
	return n, end, err
}

// End ends what we write to a stream: the peer reads to the end of it.
func (l *Line) End(id uint64) {
	if s := l.stream(id); s != nil {
		s.ended = true
	}
}

// Reset breaks off what we write to a stream.
func (l *Line) Reset(id uint64) {
	if s := l.stream(id); s != nil && s.outErr == nil && !(s.ended && s.acked.covers(0, s.written())) {
		s.halt(ErrReset)
		s.reset.give()
	}
}

// Stop tells the peer that no more of a stream is wanted.
func (l *Line) Stop(id uint64) {
	s := l.stream(id)
	if s == nil || s.inErr != nil {
		return
	}
	if !s.over() && !(s.ending && s.got.covers(0, s.end)) {
		s.stop.give()
	}
	s.deafen(ErrStopped)
	l.sweep()
}

// sweep forgets the streams that are over.
func (l *Line) sweep() {
	l.streams = slices.DeleteFunc(l.streams, func(s *stream) bool { return s.finished() })
}

// close ends the line.
func (l *Line) close(err error) {
	if l.err == nil {
		l.err = err
	}
}
