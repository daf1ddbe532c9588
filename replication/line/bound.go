package line

// Least is how many bytes of each stream may wait in each direction whatever bound is set, so that every stream goes on.
const Least = 64 << 10

// Bound bounds the bytes of all streams together that wait from now on, in each direction: written and not acknowledged, or come and not
// read. 0: the windows alone do. [Least] bytes of each stream may wait nevertheless. A packet that brings more counts as lost.
func (l *Line) Bound(bytes int) { l.bound = bytes }

// vacant is how many bytes more may be written to a stream.
func (l *Line) vacant(s *stream) int {
	if l.bound == 0 {
		return Window
	}
	free := l.bound
	for _, o := range l.streams {
		free -= len(o.buf)
	}
	return max(free, Least-len(s.buf), 0)
}

// crowded tells whether a packet brings bytes for which there is no room.
func (l *Line) crowded(packet []byte) (over bool) {
	if l.bound == 0 {
		return false
	}
	free := int64(l.bound)
	for _, s := range l.streams {
		free -= int64(len(s.win))
	}
	frames(packet, func(f frame) error { // an error shows when it is taken
		if more := l.growth(f); more > 0 {
			free -= more
			over = over || free < 0
		}
		return nil
	})
	return over
}

// growth is how many bytes beyond the least a frame would have us hold.
func (l *Line) growth(f frame) int64 {
	if f.kind != frameData && f.kind != frameEnd {
		return 0
	}
	s := l.stream(f.stream)
	switch {
	case s == nil && (l.ours(f.stream) || l.seen.has(f.stream/2)):
		return 0 // it is over
	case s == nil:
		s = &stream{}
	case s.inErr != nil:
		return 0
	}
	need := int64(f.offset) + int64(len(f.data)) - int64(s.read)
	if need <= Least || need > Window { // beyond the window it is an error, which taking it tells
		return 0
	}
	return need - int64(len(s.win))
}
