package line

import (
	"fmt"
	"time"
)

// Take takes in a packet that opened under the peer's key. The error wraps ErrMalformed if the peer does not keep to the protocol; the
// line has ended then.
func (l *Line) Take(now time.Time, number uint32, packet []byte) error {
	if l.err != nil {
		return l.err
	}
	n := uint64(number)
	if l.got.has(n) || len(l.got) >= maxRanges && n < l.got[0].lo {
		return nil // a copy, or so old that we no longer know
	}
	wasDark := l.Dark()
	l.alive(now)
	l.state.Received += uint64(len(packet)) + Overhead
	if l.crowded(packet) {
		return nil // not acknowledged, it comes again
	}
	newest := len(l.got) == 0 || n >= l.got[len(l.got)-1].hi
	if newest {
		l.gotAt = now
	}
	gap := newest && len(l.got) > 0 && n > l.got[len(l.got)-1].hi
	asks := false
	err := frames(packet, func(f frame) error {
		asks = asks || f.kind != frameAck && f.kind != framePadding
		return l.frame(now, f)
	})
	if err != nil {
		l.close(err)
		return err
	}
	if wasDark {
		l.dawn(now)
	}
	l.got.add(n, n+1)
	if len(l.got) > maxRanges {
		l.got = l.got[len(l.got)-maxRanges:]
	}
	if asks {
		l.owe(now, gap || !newest || n < firstFlight)
	}
	l.sweep()
	return nil
}

// owe notes that a packet is to be acknowledged: soon if it shows that something is missing, else every fourth.
func (l *Line) owe(now time.Time, soon bool) {
	if l.owed == 0 {
		l.waitAck(now)
	}
	l.owed++
	if soon && l.owed >= 2 || l.owed >= 4 {
		l.hurry = true
	}
}

func (l *Line) waitAck(now time.Time) { l.ackDue = now.Add(maxUnacked) }

// alive notes that the peer is there.
func (l *Line) alive(now time.Time) {
	l.heard, l.probes = now, 0
	if now.After(l.waiting) {
		l.waiting = now
	}
}

// dawn gives up what was under way when the line went dark and has not arrived, for want of a line. The packet that ended the dark has told what
// has.
func (l *Line) dawn(now time.Time) {
	l.throttle.nextSend = now
	for i := range l.packets {
		if p := &l.packets[i]; p.flying && now.Sub(p.at) > l.timeout() {
			l.loseData(p)
		}
	}
}

func (l *Line) frame(now time.Time, f frame) error {
	switch f.kind {
	case framePing, framePadding:
		return nil
	case frameAck:
		return l.ack(now, f)
	}
	s, err := l.meet(f.stream)
	if err != nil || s == nil {
		return err
	}
	switch f.kind {
	case frameData, frameEnd:
		before := s.read
		if f.offset+uint64(len(f.data)) <= before || s.got.covers(f.offset, f.offset+uint64(len(f.data))) {
			l.state.Duplicate += uint64(len(f.data))
		}
		s.moved = now
		if !s.take(f) {
			return fmt.Errorf("stream %d beyond its room or its end: %w", s.id, ErrMalformed)
		}
	case frameCredit:
		s.limit = max(s.limit, f.offset)
	case frameReset:
		if !s.ending || !s.got.covers(s.read, s.end) {
			s.deafen(ErrReset)
		}
	case frameStop:
		s.halt(ErrStopped)
	}
	return nil
}

// meet returns the stream of a number, opening it if it is the peer's and new; nil if it is over.
func (l *Line) meet(id uint64) (*stream, error) {
	if s := l.stream(id); s != nil {
		return s, nil
	}
	n := id / 2
	switch {
	case l.ours(id) && n >= l.opened:
		return nil, fmt.Errorf("stream %d was never opened: %w", id, ErrMalformed)
	case l.ours(id) || l.seen.has(n):
		return nil, nil
	case n >= l.seen.prefix(0)+2*MaxStreams:
		return nil, fmt.Errorf("stream %d is far ahead: %w", id, ErrMalformed)
	}
	theirs := 0
	for _, s := range l.streams {
		if !l.ours(s.id) {
			theirs++
		}
	}
	if theirs >= 2*MaxStreams { // the peer may forget a stream before we do
		return nil, fmt.Errorf("more than %d streams: %w", MaxStreams, ErrMalformed)
	}
	s := newStream(id)
	l.seen.add(n, n+1)
	l.streams = append(l.streams, s)
	l.accepted = append(l.accepted, s)
	return s, nil
}

// ack settles the packets that arrived and looks which did not.
func (l *Line) ack(now time.Time, f frame) error {
	top := f.acked[0].hi
	if top > l.first+uint64(len(l.packets)) {
		return fmt.Errorf("packet %d acknowledged and never sent: %w", top-1, ErrMalformed)
	}
	arrived := 0
	for _, v := range f.acked {
		for n := max(v.lo, l.first); n < v.hi; n++ {
			p := &l.packets[n-l.first]
			if p.done {
				continue
			}
			if n == top-1 && f.delay < maxAckDelay {
				l.throttle.measure(now, max(now.Sub(p.at)-f.delay, time.Microsecond))
			}
			if !p.flying { // thought lost, but only late
				l.reorder = min(2*l.reorder, maxReorder)
				l.throttle.found(float64(p.size))
			}
			arrived += p.size
			l.arrive(now, p)
		}
	}
	l.largest = max(l.largest, top)
	if arrived > 0 {
		l.throttle.arrived(now, float64(arrived))
		l.tail = 0
	}
	l.findLost(now)
	if l.largest > l.throttle.round.end {
		l.throttle.turn(now, l.first+uint64(len(l.packets)))
	}
	l.prune(now)
	return nil
}

func (l *Line) arrive(now time.Time, p *sent) {
	p.done = true
	if p.flying {
		p.flying = false
		l.flying -= p.size
	}
	for _, g := range p.segments {
		g.stream.moved = now
		g.stream.settle(g.lo, g.hi)
	}
	for _, o := range p.orders {
		o.done = true
	}
	if p.size > smallPacket {
		l.bigAt, l.bigLost = now, 0
	}
	if p.large {
		l.resize(largePacket)
	}
}

// findLost gives up packets that were overtaken by several others or long ago.
func (l *Line) findLost(now time.Time) {
	late := l.lateness()
	for i := range l.packets {
		n := l.first + uint64(i)
		if n >= l.largest {
			break
		}
		p := &l.packets[i]
		if p.flying && (n+l.reorder < l.largest || !now.Before(p.at.Add(late))) {
			l.loseData(p)
			if !p.large {
				l.state.Lost++
				l.throttle.lost(float64(p.size), p.at)
				l.shrink(p)
			}
		}
	}
}

func (l *Line) resize(room int) {
	l.room = room
	l.throttle.size = float64(room)
}

// shrink goes back to small packets where large ones have ceased to pass, as on another uplink.
func (l *Line) shrink(lost *sent) {
	if lost.size <= smallPacket || l.room == smallPacket {
		return
	}
	if l.bigLost++; l.bigLost >= bigLosses && lost.at.Sub(l.bigAt) > 2*l.timeout() {
		l.bigLost, l.tries = 0, largeTries
		l.resize(smallPacket)
	}
}

// lateness is after what time a packet is lost that later ones overtook.
func (l *Line) lateness() time.Duration {
	t := &l.throttle
	return t.smooth + max(t.smooth/8, 2*t.vary, 2*time.Millisecond)
}

func (l *Line) loseData(p *sent) {
	p.flying = false
	l.flying -= p.size
	for _, g := range p.segments {
		g.stream.lose(g.lo, g.hi)
	}
	for _, o := range p.orders {
		o.due = true
	}
	for _, s := range p.credits {
		s.credit = s.inErr == nil && !s.ending
	}
}

// prune forgets packets that have arrived, or that will not.
func (l *Line) prune(now time.Time) {
	i := 0
	for i < len(l.packets) {
		if p := &l.packets[i]; !p.done && (p.flying || now.Sub(p.at) < 2*l.timeout()) {
			break
		}
		i++
	}
	l.packets = l.packets[i:]
	l.first += uint64(i)
}
