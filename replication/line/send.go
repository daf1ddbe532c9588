package line

import "time"

// timeout is after what time an answer is overdue.
func (l *Line) timeout() time.Duration {
	if l.throttle.smooth == 0 {
		return probeEvery
	}
	return l.throttle.smooth + max(4*l.throttle.vary, 10*time.Millisecond) + maxUnacked
}

// Next returns the next packet to send now, to be sealed under its number; false: none before [Line.Wake]. Call it again until there
// is none.
func (l *Line) Next(now time.Time) (number uint32, packet []byte, ok bool) {
	if l.err == nil && now.Sub(l.heard) > Patience && l.expecting() {
		l.close(ErrSilent)
	}
	n := l.first + uint64(len(l.packets))
	if l.err != nil {
		return 0, nil, false
	}
	if n >= maxPackets {
		l.close(ErrSilent)
		return 0, nil, false
	}
	if l.flying > 0 {
		l.findLost(now)
	}
	b := l.assemble(now, n)
	if b == nil {
		return 0, nil, false
	}
	return uint32(n), b, true
}

// assemble makes the most urgent packet.
func (l *Line) assemble(now time.Time, n uint64) []byte {
	var s sent
	b := make([]byte, 0, l.room)
	overdue := l.overdue(now)
	if l.ackWanted(now) || overdue && len(l.got) > 0 { // a probe that is the first to pass tells what need not be sent again
		b = appendAck(b, l.got, now.Sub(l.gotAt))
	}
	bare := len(b)
	switch {
	case overdue:
		l.probe(now)
		if l.probes <= eagerProbes {
			b = l.copyOldest(b, &s)
		}
		if len(b) == bare {
			b = append(b, framePing)
		}
	case l.Dark():
	case l.largeDue():
		l.tries++
		s.large = true
		b = append(b, framePing)
		b = append(b, make([]byte, MaxPacket-len(b))...)
	default:
		b = l.orders(b, &s)
		if l.throttle.may(now, l.flying) {
			b = l.fill(b, &s)
			if len(b) == bare && l.tailDue() {
				b = l.copyTail(b, &s)
			}
		}
	}
	if len(b) == 0 {
		return nil
	}
	l.note(now, n, len(b), bare == len(b), s)
	return b
}

// note keeps the record of a packet.
func (l *Line) note(now time.Time, n uint64, size int, bare bool, s sent) {
	l.owed, l.hurry = 0, false
	s.at, s.size, s.flying, s.done = now, size+Overhead, !bare, bare
	if len(l.packets) == 0 && bare {
		l.first = n + 1
	} else {
		l.packets = append(l.packets, s)
	}
	l.state.Packets++
	l.state.Sent += uint64(s.size)
	if bare {
		return
	}
	if l.flying == 0 {
		l.waiting = now
	}
	l.flying += s.size
	l.throttle.sent(now, n, s.size, l.flying)
}

func (l *Line) ackWanted(now time.Time) bool {
	return l.owed > 0 && (l.hurry || !now.Before(l.ackDue) || l.sendable() && !l.Dark() && l.throttle.may(now, l.flying))
}

// orders adds what is to be said about streams.
func (l *Line) orders(b []byte, p *sent) []byte {
	for _, s := range l.streams {
		if !l.fits(b) {
			break
		}
		if s.reset.wanted() {
			b = appendNumbers(b, frameReset, s.id)
			p.orders = append(p.orders, s.reset.taken())
		}
		if s.stop.wanted() {
			b = appendNumbers(b, frameStop, s.id)
			p.orders = append(p.orders, s.stop.taken())
		}
		if s.credit {
			s.credit, s.credited = false, s.read+Window
			b = appendNumbers(b, frameCredit, s.id, s.credited)
			p.credits = append(p.credits, s)
		}
	}
	return b
}

func (l *Line) ordersDue() bool {
	for _, s := range l.streams {
		if s.reset.wanted() || s.stop.wanted() || s.credit {
			return true
		}
	}
	return false
}

// fill adds bytes of streams: first what was lost, then what is new, the streams taking turns.
func (l *Line) fill(b []byte, p *sent) []byte {
	for _, s := range l.streams {
		for len(s.lost) > 0 && l.fits(b) {
			v := s.lost[0]
			b = l.data(b, p, s, v.lo, v.hi, &s.lost)
			if g := p.segments[len(p.segments)-1]; !s.fresh() && s.ended {
				s.twice.add(g.lo, g.hi)
			}
		}
	}
	for range len(l.streams) {
		if !l.fits(b) {
			break // the next packet begins with the next stream
		}
		s := l.streams[0]
		l.streams = append(l.streams[1:], s)
		if s.fresh() {
			b = l.data(b, p, s, s.next, s.written(), nil)
		}
	}
	for _, s := range l.streams {
		for len(s.twice) > 0 && l.fits(b) {
			v := s.twice[0]
			b = l.data(b, p, s, v.lo, v.hi, &s.twice)
		}
	}
	return b
}

func (l *Line) fits(b []byte) bool { return len(b) < l.room-Overhead-64 }

// data adds bytes of one stream, as many of lo to hi-1 as there is room for, and takes them out of a set.
func (l *Line) data(b []byte, p *sent, s *stream, lo, hi uint64, from *spans) []byte {
	room := uint64(l.room - Overhead - len(b) - dataRoom(s.id, lo))
	data, end := s.cut(lo, hi)
	if s.next == lo && uint64(len(data)) > s.limit-lo {
		data, end = data[:s.limit-lo], false
	}
	if uint64(len(data)) > room {
		data, end = data[:room], false
	}
	kind, to := byte(frameData), lo+uint64(len(data))
	if end {
		kind, to = frameEnd, to+1
	}
	b = appendNumbers(b, kind, s.id, min(lo, s.base+uint64(len(s.buf))), uint64(len(data)))
	b = append(b, data...)
	if lo < s.next {
		l.state.Again += uint64(len(data))
	}
	s.next = max(s.next, to)
	if from != nil {
		from.remove(lo, to)
	}
	p.segments = append(p.segments, segment{s, lo, to})
	return b
}

// sendable tells whether a stream has bytes to send.
func (l *Line) sendable() bool {
	for _, s := range l.streams {
		if len(s.lost) > 0 || len(s.twice) > 0 || s.fresh() {
			return true
		}
	}
	return false
}

// tailDue: on a line that loses, the last packet of all goes out twice, for nothing behind it would show that it is missing.
func (l *Line) tailDue() bool {
	return l.tail < 1 && l.state.Lost*200 > l.state.Packets && l.last() != nil
}

// last is the last packet under way with bytes of a stream.
func (l *Line) last() *sent {
	for i := len(l.packets) - 1; i >= 0; i-- {
		if p := &l.packets[i]; len(p.segments) > 0 {
			if p.flying {
				return p
			}
			return nil
		}
	}
	return nil
}

func (l *Line) copyTail(b []byte, p *sent) []byte {
	l.tail++
	return l.copy(b, p, l.last())
}

// copyOldest sends the oldest packet under way again, with no word that it is lost.
func (l *Line) copyOldest(b []byte, p *sent) []byte {
	for i := range l.packets {
		if o := &l.packets[i]; o.flying && len(o.segments) > 0 {
			return l.copy(b, p, o)
		}
	}
	return b
}

func (l *Line) copy(b []byte, p *sent, of *sent) []byte {
	for _, g := range of.segments {
		if l.fits(b) && g.stream.outErr == nil && !g.stream.acked.covers(g.lo, g.hi) && g.lo >= g.stream.base {
			b = l.data(b, p, g.stream, g.lo, g.hi, nil)
		}
	}
	return b
}

// largeDue tells whether to try whether large packets pass, once the line is known to work.
func (l *Line) largeDue() bool {
	return l.room < largePacket && l.tries < largeTries && l.largest > 0 && l.sendable() && l.largest >= uint64(l.tries)*largeGap
}

// expecting tells whether the peer owes us anything.
func (l *Line) expecting() bool { return l.flying > 0 || len(l.streams) > 0 }

// silence is since when an answer is overdue, and when the next probe is.
func (l *Line) nextProbe() (time.Time, bool) {
	switch {
	case l.probes > 0:
		return l.probed.Add(probeEvery), l.expecting()
	case l.flying > 0:
		return l.waiting.Add(l.timeout()), true
	case len(l.streams) > 0:
		return l.heard.Add(quietTime + 2*l.throttle.smooth), true
	}
	return time.Time{}, false
}

func (l *Line) overdue(now time.Time) bool {
	at, ok := l.nextProbe()
	return ok && !now.Before(at)
}

func (l *Line) probe(now time.Time) {
	l.probes++
	l.probed = now
}

// Wake is when [Line.Next] is to be asked again if nothing happens before; the zero time: never.
func (l *Line) Wake(now time.Time) time.Time {
	var w time.Time
	sooner := func(t time.Time) {
		if w.IsZero() || t.Before(w) {
			w = t
		}
	}
	if l.err != nil {
		return w
	}
	if l.owed > 0 {
		sooner(l.ackDue)
	}
	if at, ok := l.nextProbe(); ok {
		sooner(at)
	}
	if l.Dark() {
		return w
	}
	if l.ordersDue() {
		sooner(now)
	}
	if (l.sendable() || l.tailDue()) && float64(l.flying)+l.throttle.size <= l.throttle.window {
		sooner(l.throttle.nextSend)
	}
	l.wakeLost(sooner)
	return w
}

// wakeLost: the first packet that others overtook is lost by then.
func (l *Line) wakeLost(sooner func(time.Time)) {
	for i := range l.packets {
		if l.first+uint64(i) >= l.largest {
			return
		}
		if p := &l.packets[i]; p.flying {
			sooner(p.at.Add(l.lateness()))
			return
		}
	}
}
