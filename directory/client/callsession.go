package client

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/link"
)

// Beat is how often a server shows that it is at work on calls.
const Beat = 50 * time.Millisecond

// The times of a session.
const (
	quietAtLeast = 150 * time.Millisecond // without a sign of life, and twice the way there, after which a server is silent
	deadAfter    = 4 * time.Second        // without one, after which the session is given up
	idleAfter    = time.Minute            // without a call, after which it is closed
	aloneFor     = 5 * time.Minute        // for which a server that has no sessions is asked call by call
)

// sessions are those of one client, by server.
type sessions struct {
	mu    sync.Mutex
	open  map[string]*session
	alone map[string]time.Time // servers without sessions, and until when that is believed
}

func newSessions() sessions {
	return sessions{open: map[string]*session{}, alone: map[string]time.Time{}}
}

// session is a long-lived stream to one server. It takes calls from the moment it is made.
type session struct {
	c      *core
	server string
	wake   chan struct{} // there is something to send, or to watch over
	done   chan struct{} // closed with the session

	mu      sync.Mutex
	ended   bool
	queue   []Call
	calls   map[uint64]waiting // without an answer
	size    int                // of their requests
	last    uint64
	heard   time.Time // while calls wait: when a frame last came, or since when one could
	quiet   time.Duration
	started bool // the server has agreed
}

// waiting is a call without an answer.
type waiting struct {
	out  chan<- attempt
	size int
	told bool // that the server is silent
}

// join puts a request on the session with a server. What becomes of it comes through out: at most a silent attempt and then a
// last one. It is false where the request must be put by itself.
func (c *core) join(server string, q Request, out chan<- attempt) bool {
	b, err := wire.Marshal(q)
	if err != nil || len(b) > MaxSessionItem {
		return false
	}
	s := c.sessionWith(server)
	return s != nil && s.put(b, out)
}

// sessionWith returns the session with a server, a new one if there is none; nil if the server has none.
func (c *core) sessionWith(server string) *session {
	all := &c.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	if s := all.open[server]; s != nil {
		return s
	}
	if time.Now().Before(all.alone[server]) {
		return nil
	}
	s := &session{
		c: c, server: server, wake: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint64]waiting{}, quiet: hurry,
	}
	all.open[server] = s
	go s.run()
	return s
}

// put queues a request; it is false if the session is over or has too many.
func (s *session) put(request []byte, out chan<- attempt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || len(s.calls) >= MaxSessionCalls || s.size+len(request) > MaxSessionOpen {
		return false
	}
	now := time.Now()
	if len(s.calls) == 0 {
		s.heard = now
	}
	s.last++
	silent := now.Sub(s.heard) > s.quiet
	if silent {
		out <- attempt{server: s.server, silent: true}
	}
	s.calls[s.last] = waiting{out, len(request), silent}
	s.size += len(request)
	s.queue = append(s.queue, Call{s.last, request})
	s.rouse()
	return true
}

// rouse wakes who sends and watches.
func (s *session) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run carries calls until the session breaks or has none for long.
func (s *session) run() {
	err := s.carry()
	close(s.done)
	all := &s.c.sessions
	all.mu.Lock()
	delete(all.open, s.server)
	without := !s.started && refusesSessions(err)
	if without {
		all.alone[s.server] = time.Now().Add(aloneFor)
	}
	all.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, w := range s.calls {
		// Once the session has begun, the server may have got the call: the same request is put once more, by itself.
		w.out <- attempt{server: s.server, err: err, alone: s.started || without}
	}
	s.calls, s.queue = nil, nil
}

// refusesSessions: the server is of a version that has no sessions, or it wants no more of them from this office.
func refusesSessions(err error) bool {
	r, ok := errors.AsType[*link.Refused](err)
	return ok && (r.Why == link.UnknownProtocol || r.Why == link.Busy) || errors.Is(err, io.EOF)
}

// carry opens the stream and serves it to its end.
func (s *session) carry() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begin := time.Now()
	st, err := s.c.link.Dial(ctx, replication.Name(s.server), SessionProtocol)
	if err != nil {
		return err
	}
	defer st.Cancel()
	st.SetReadDeadline(begin.Add(patience))
	if err := s.receive(st); err != nil {
		return err
	}
	st.SetReadDeadline(time.Time{})
	s.begin(time.Since(begin))
	var work sync.WaitGroup
	defer work.Wait()
	defer st.Cancel()
	over := make(chan struct{})
	defer close(over)
	work.Go(func() { s.send(st, over) })
	for {
		if err := s.receive(st); err != nil {
			return err
		}
	}
}

// begin notes that the server has agreed, and how long that took.
func (s *session) begin(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started, s.heard, s.quiet = true, time.Now(), min(quietAtLeast+2*took, hurry)
	s.rouse()
}

// receive takes one frame in.
func (s *session) receive(st *link.Stream) error {
	var a Answers
	if err := st.Receive(&a, MaxFrame); err != nil {
		return err
	}
	s.c.led(a.Leader)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) > 0 {
		s.heard = time.Now()
	}
	for i := range a.Answers {
		w, ok := s.calls[a.Answers[i].Number]
		if !ok {
			continue
		}
		delete(s.calls, a.Answers[i].Number)
		s.size -= w.size
		w.out <- attempt{server: s.server, raw: &a.Answers[i], alone: a.Answers[i].Alone}
	}
	return nil
}

// send sends what is queued and watches over the session until it is over, and ends it when the server is dead or nothing
// is asked for long.
func (s *session) send(st *link.Stream, over <-chan struct{}) {
	defer st.Cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.wake:
			runtime.Gosched() // who is about to ask joins the frame
		case <-timer.C:
		case <-over:
			return
		}
		for calls := s.take(); len(calls) > 0; calls = s.take() {
			st.SetWriteDeadline(time.Now().Add(patience))
			if st.Send(Calls{calls}) != nil {
				return
			}
		}
		again, ok := s.watch()
		if !ok {
			return
		}
		timer.Reset(again)
	}
}

// take takes one frame's worth of what is queued.
func (s *session) take() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for n < len(s.queue) && FitsFrame(n, size) {
		size += len(s.queue[n].Request)
		n++
	}
	calls := s.queue[:n:n]
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return calls
}

// watch tells the calls when the server has become silent. It is false when the session is to end, else it returns when to
// look again.
func (s *session) watch() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	silence := time.Since(s.heard)
	switch {
	case len(s.calls) == 0:
		s.ended = silence >= idleAfter // whoever comes now has a session of his own
		return idleAfter - silence, !s.ended
	case silence < s.quiet:
		return s.quiet - silence, true
	}
	for n, w := range s.calls {
		if !w.told {
			w.told = true
			s.calls[n] = w
			w.out <- attempt{server: s.server, silent: true}
		}
	}
	return deadAfter - silence, silence < deadAfter
}
