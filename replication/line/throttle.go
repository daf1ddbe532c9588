package line

import (
	"math"
	"time"
)

// The measures of the throttle.
const (
	firstBurst   = 32.0                  // packets sent at once on a line of which nothing is known, as QUIC does
	firstFlight  = 128                   // and at most so many before the first is acknowledged
	firstRate    = 250_000               // at so many bytes per second
	leastWindow  = 4                     // packets
	keepQueued   = 4                     // packets of ours that wait in the narrowest queue; more on a fast line
	queueShare   = 32                    // namely this part of what is under way
	filledShare  = 0.9                   // of the window: it was of use
	mostJitter   = 50 * time.Millisecond // that is outlasted
	leastSpan    = 20 * time.Millisecond // over which a rate is measured; shorter shows how timers group packets
	noDelay      = 2 * time.Millisecond  // less is no sign of a queue
	rivalDelay   = 5 * time.Millisecond  // less is no sign of others
	givenWay     = 0.75                  // of what the line held at best
	rivalRounds  = 4                     // for so many round trips
	drainEvery   = time.Minute           // in company, look so often whether it has gone
	forgetRTT    = time.Minute           // a least round trip older than this is measured anew
	lossSample   = 100                   // packets over which loss is judged
	excessLoss   = 0.10                  // loss above the least of late that is no accident of the line
	cubicShrink  = 0.8                   // CUBIC has 0.7; stepping once a round and draining, we would get less than a share with it
	cubicGrowth  = 0.4                   // RFC 9438, section 4.2: packets per second cubed
	steadyPacing = 1.2                   // the pace by which what may be under way is reached
)

// mood is how the throttle behaves.
type mood uint8

const (
	starting mood = iota // doubling, until the first sign of a queue
	alone                // a few packets in the queue
	rivals               // somebody else keeps the queue full
	draining             // among rivals, looking whether they have gone
)

// throttle tells how many bytes may be under way, and how fast they go out.
//
// Alone, once per round trip, the window becomes window × least/standing + kept, as FAST TCP has it (Wei, Jin, Low and Hegde, 2006): the
// window shrinks by what waits in the queue beyond what we want to keep there. Standing is the least round trip within the
// round, so that jitter counts for little. An empty queue lets the window grow by an eighth. Loss plays no part.
//
// A queue that stays several times longer than what we keep in it belongs to rivals. Among them the window follows CUBIC, and a loss
// while the queue is long shrinks it. On every full minute of the clock, so that all of our kind do it together, it goes
// back to being alone for two rounds; if the queue has gone, it stays so.
//
// A queue too short to be seen shows in loss that grows with the rate: loss well above the least of late shrinks the window.
type throttle struct {
	mood   mood
	window float64 // bytes
	size   float64 // of a packet

	least    time.Duration // round trip without a queue
	later    time.Duration // the least since leastAt, to take its place
	leastAt  time.Time
	smooth   time.Duration
	vary     time.Duration
	standing time.Duration // least round trip of the round before

	round    round
	fastest  float64 // bytes per second that arrived lately, at best
	best     float64 // that for some minutes
	arrivals [32]arrival
	seen     int // arrivals noted

	lossOf, lossSeen float64 // in the sample under way
	losses           [16]float64
	samples          int

	crowded  int // rounds with a queue that is not ours
	peak     time.Duration
	top      float64 // window at CUBIC's last shrinking
	shrunk   time.Time
	drained  int
	low      time.Duration // of standing, since the last draining
	high     time.Duration
	before   float64 // window before draining
	nextSend time.Time
}

// round is what was seen since a packet was sent until it was acknowledged.
type round struct {
	end     uint64
	least   time.Duration
	began   time.Time
	acked   float64
	filled  bool // the window was full at some time
	shrunk  bool
	congest bool // something was lost while the queue was long
}

type arrival struct {
	at    time.Time
	total float64
}

func newThrottle(c Config) throttle {
	t := throttle{size: smallPacket, least: c.RTT, smooth: c.RTT, vary: c.RTT / 2}
	t.window = firstFlight * largePacket
	t.round.end = firstBurst / 2 // by then the rate of arrival tells something
	if c.Window > 0 {
		t.mood, t.window = alone, float64(c.Window)
	}
	return t
}

// queued is how long packets wait at present.
func (t *throttle) queued() time.Duration {
	if t.standing == 0 {
		return 0
	}
	return t.standing - t.least
}

// keep is how many of our bytes may wait in the queue: enough to outlast the jitter, so that the narrow place does not run dry.
func (t *throttle) keep() float64 {
	jitter := t.best * min(2*t.vary, mostJitter).Seconds()
	return max(keepQueued*t.size, t.window/queueShare, jitter)
}

// pace is how many bytes go out per second.
func (t *throttle) pace() float64 {
	p := steadyPacing * t.window / max(t.smooth, time.Millisecond).Seconds()
	switch {
	case t.mood == starting && t.fastest == 0:
		p = firstRate
	case t.mood == starting:
		p = max(firstRate, min(1.5*p, 2*t.fastest))
	}
	return p
}

// How far behind the pace packets may catch up, so that a late timer does not slow us down: so long, and so many of them.
const (
	leastCatchUp = 4 * time.Millisecond
	mostCatchUp  = 40 * time.Millisecond
	catchUp      = 16
)

// may tells whether a packet may go out now.
func (t *throttle) may(now time.Time, flying int) bool {
	return float64(flying)+t.size <= t.window && !now.Before(t.nextSend)
}

func (t *throttle) sent(now time.Time, number uint64, size, flying int) {
	if float64(flying)+t.size > filledShare*t.window {
		t.round.filled = true
	}
	if t.mood == starting && t.seen == 0 && number < firstBurst {
		return
	}
	each := time.Duration(float64(size) / t.pace() * float64(time.Second))
	if early := now.Add(-max(leastCatchUp, min(catchUp*each, mostCatchUp))); t.nextSend.Before(early) {
		t.nextSend = early
	}
	t.nextSend = t.nextSend.Add(each)
}

// measure takes a round trip.
func (t *throttle) measure(now time.Time, rtt time.Duration) {
	rtt = max(rtt, time.Microsecond)
	if now.Sub(t.leastAt) > forgetRTT {
		if !t.leastAt.IsZero() && t.later > 0 {
			t.least = t.later
		}
		t.leastAt, t.later = now, 0
	}
	if t.least == 0 || rtt < t.least {
		t.least = rtt
	}
	if t.later == 0 || rtt < t.later {
		t.later = rtt
	}
	if t.seen == 0 && t.smooth == 0 {
		t.smooth, t.vary = rtt, rtt/2
	}
	t.vary += ((t.smooth - rtt).Abs() - t.vary) / 4
	t.smooth += (rtt - t.smooth) / 8
	if t.round.least == 0 || rtt < t.round.least {
		t.round.least = rtt
	}
}

// arrived notes bytes that were acknowledged together.
func (t *throttle) arrived(now time.Time, bytes float64) {
	last := t.arrivals[(t.seen+len(t.arrivals)-1)%len(t.arrivals)].total
	t.arrivals[t.seen%len(t.arrivals)] = arrival{now, last + bytes}
	t.seen++
	t.round.acked += bytes
	t.lossOf += bytes
	old := t.arrivals[0]
	n := min(t.seen, len(t.arrivals))
	if t.seen > n {
		old = t.arrivals[t.seen%len(t.arrivals)]
	}
	if d := now.Sub(old.at); n >= 5 && d >= max(leastSpan, t.least/8) {
		t.fastest = max(t.fastest, (last+bytes-old.total)/d.Seconds())
	}
	if t.mood == starting && t.fastest > 0 {
		t.window = max(t.window, min(t.fastest*t.least.Seconds()+t.keep(), 2*firstFlight*largePacket))
	}
}

// lost notes bytes sent at a time that did not arrive. Those sent before the window last shrank say nothing new.
func (t *throttle) lost(bytes float64, at time.Time) {
	t.lossOf += bytes
	t.lossSeen += bytes
	if q := t.queued(); at.After(t.shrunk) && q > rivalDelay && q > t.peak/2 && q > t.expected() {
		t.round.congest = true
	}
}

// found notes that bytes thought lost have arrived.
func (t *throttle) found(bytes float64) {
	t.lossOf = max(t.lossOf-bytes, 0)
	t.lossSeen = max(t.lossSeen-bytes, 0)
}

// expected is how long a queue may be that is of our making.
func (t *throttle) expected() time.Duration {
	if t.best == 0 {
		return 0
	}
	least := max(keepQueued*t.size, t.window/queueShare)
	return time.Duration(3 * least / t.best * float64(time.Second))
}

// turn ends a round.
func (t *throttle) turn(now time.Time, next uint64) {
	r := t.round
	t.round = round{end: next, began: now}
	if r.least == 0 {
		return
	}
	t.standing = r.least
	t.peak = max(t.queued(), t.peak-t.peak/16)
	t.high = max(t.high, t.standing)
	if t.low == 0 || t.standing < t.low {
		t.low = t.standing
	}
	rate := 0.0
	if d := now.Sub(r.began); !r.began.IsZero() && d > 0 {
		rate = r.acked / d.Seconds()
	}
	t.judgeLoss(now)
	switch t.mood {
	case starting:
		t.start(r)
	case alone:
		t.share(now, r)
	case rivals:
		t.compete(now, r)
	case draining:
		t.drain(now, r)
	}
	t.fastest = max(rate, t.fastest*0.95)
	t.best = max(rate, t.best*math.Pow(0.5, now.Sub(r.began).Minutes()/2))
	t.window = max(t.window, leastWindow*t.size)
}

// start doubles the window until a queue shows, or until it is clear that more does not arrive faster.
func (t *throttle) start(r round) {
	holds := t.fastest * t.least.Seconds()
	switch {
	case !r.filled && r.acked < firstBurst/2*t.size: // too little was sent to tell anything
	case t.queued() > noDelay && t.queued() > t.least/16, holds > 0 && holds < 0.8*t.window:
		t.mood = alone
		if holds > 0 {
			t.window = holds + t.keep()
		}
	case r.filled && holds > 0:
		t.window = max(t.window, min(2*t.window, 1.25*holds+t.keep()))
	case r.filled:
		t.window *= 2
	}
}

// share is the rule for being alone.
func (t *throttle) share(now time.Time, r round) {
	if t.queued() > t.expected() && t.queued() > rivalDelay {
		t.crowded++
	} else {
		t.crowded = max(t.crowded-1, 0)
	}
	if t.crowded >= rivalRounds {
		t.mood = rivals
		t.top = max(t.window, t.fastest*t.least.Seconds())
		t.window = max(t.window, cubicShrink*t.top)
		t.shrunk = now
		return
	}
	t.steer(r)
}

// steer moves the window to where what we keep in the queue is what we want there.
func (t *throttle) steer(r round) {
	backlog := t.window * float64(t.queued()) / float64(t.standing)
	switch {
	case backlog < t.keep()/2 || t.queued() < noDelay/2:
		if r.filled {
			t.window *= 1.125
		}
	default:
		goal := t.window - backlog + t.keep()
		if goal < t.window {
			t.window = max(t.window/2, goal)
		} else if r.filled {
			t.window = (t.window + goal) / 2
		}
	}
}

// compete is CUBIC.
func (t *throttle) compete(now time.Time, r round) {
	if t.drainDue(now) {
		if t.high-t.low < t.queued()/4 { // no queue is so steady: the line has become longer
			t.least, t.later = t.low, t.low
		}
		t.low, t.high = 0, 0
		t.mood, t.before, t.drained = draining, t.window, 0
		t.window = max(t.window*float64(t.least)/float64(t.standing)+t.keep(), t.window/4)
		return
	}
	if r.congest {
		if was := t.top; t.window < was { // make room for newcomers (RFC 9438, section 4.7)
			t.top = t.window * (1 + cubicShrink) / 2
		} else {
			t.top = t.window
		}
		t.window *= cubicShrink
		t.shrunk = now
		return
	}
	if !r.filled {
		return
	}
	top := t.top / t.size
	k := math.Cbrt(top * (1 - cubicShrink) / cubicGrowth)
	since := (now.Sub(t.shrunk) + t.smooth).Seconds() // the window is that of the round to come
	goal := (cubicGrowth*math.Pow(since-k, 3) + top) * t.size
	reno := (top*cubicShrink + 0.53*since/t.smooth.Seconds()) * t.size
	t.window = max(t.window, min(max(goal, reno), 1.5*t.window))
}

// drainDue tells whether the clock has passed a full minute since the window last shrank or this round began.
func (t *throttle) drainDue(now time.Time) bool {
	return now.Truncate(drainEvery).After(now.Add(-max(t.smooth, time.Millisecond))) && now.Sub(t.shrunk) > t.smooth
}

func (t *throttle) drain(now time.Time, r round) {
	t.drained++
	switch {
	case t.drained < 3: // the first round still shows the queue of before
	case t.queued() <= max(t.expected(), rivalDelay):
		t.mood, t.crowded = alone, 0
	default:
		t.mood, t.window, t.shrunk = rivals, t.before, t.shrunk.Add(now.Sub(r.began)*3)
	}
}

// judgeLoss looks once per sample whether more is lost than the line loses by itself.
func (t *throttle) judgeLoss(now time.Time) {
	if t.lossOf < lossSample*t.size {
		return
	}
	share := t.lossSeen / t.lossOf
	t.lossOf, t.lossSeen = 0, 0
	least := 1.0
	for _, v := range t.losses[:min(t.samples, len(t.losses))] {
		least = min(least, v)
	}
	t.losses[t.samples%len(t.losses)] = share
	t.samples++
	if t.samples > 1 && share > least+excessLoss && t.mood != starting {
		t.window *= 1 - share + least
		t.round.shrunk = true
	}
}
