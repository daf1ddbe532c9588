package server

import (
	"context"
	"runtime"
	"sync"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/state"
	"motcua/replication/link"
)

// sessionsPerOffice is how many sessions a node may have here at once: one, and those that a machine which was switched off
// has left behind.
const sessionsPerOffice = 8

// workerIdle is how long a worker waits for another call.
const workerIdle = 2 * time.Second

// session is one stream of a node's calls.
type session struct {
	s      *Server
	from   link.Caller
	office directory.OfficeCode
	wake   chan struct{} // there is something to send, or calls begin to wait
	work   sync.WaitGroup
	jobs   chan numbered // for a worker that has nothing to do

	mu      sync.Mutex
	open    int // calls without an answer
	size    int // bytes of their requests
	answers []client.Answer
}

// numbered is a call that is being answered.
type numbered struct {
	caller
	number uint64
	size   int
}

// converse serves a session until its stream breaks.
func (s *Server) converse(ctx context.Context, from link.Caller, st *link.Stream) {
	office := directory.OfficeCode(from.Peer.Name)
	if !s.sessions.enter(office) {
		s.log.Warn("office has too many sessions", "office", office)
		return
	}
	defer s.sessions.leave(office)
	ctx, cancel := context.WithCancel(ctx)
	v := &session{s: s, from: from, office: office, wake: make(chan struct{}, 1), jobs: make(chan numbered)}
	defer v.work.Wait()
	defer cancel()
	defer st.Cancel()
	v.work.Go(func() { v.send(ctx, st) })
	for {
		var calls client.Calls
		if err := st.Receive(&calls, client.MaxFrame); err != nil {
			return
		}
		if !v.take(ctx, calls) {
			s.log.Warn("office does not keep to the bounds of a session", "office", office)
			return
		}
	}
}

// take starts to answer the calls of a frame. It is false if they are too many.
func (v *session) take(ctx context.Context, calls client.Calls) bool {
	size := 0
	for _, c := range calls.Calls {
		size += len(c.Request)
	}
	if calls.Validate() != nil || !v.begin(len(calls.Calls), size) {
		return false
	}
	together := map[client.Freshness][]numbered{}
	for _, c := range calls.Calls {
		n := numbered{caller: caller{office: v.office}, number: c.Number, size: len(c.Request)}
		err := wire.Unmarshal(c.Request, &n.q)
		switch {
		case err != nil:
			v.answer(n, client.Response{}, err)
		case n.q.Op == client.OpEdition:
			v.alone(n)
		case n.q.Op == client.OpLookup || n.q.Op == client.OpProve: // which take microseconds each
			together[n.q.Fresh] = append(together[n.q.Fresh], n)
		default:
			v.respond(ctx, n)
		}
	}
	for _, group := range together {
		v.work.Go(func() { v.readTogether(ctx, group) })
	}
	return true
}

// respond has a worker answer a call. Workers stay: the stack of a new goroutine has to grow first, which takes as long as the call.
func (v *session) respond(ctx context.Context, n numbered) {
	select {
	case v.jobs <- n:
		return
	default:
	}
	v.work.Go(func() {
		for {
			r, err := v.s.respond(ctx, n.caller)
			v.answer(n, r, err)
			select {
			case n = <-v.jobs:
			case <-time.After(workerIdle):
				return
			case <-ctx.Done():
				return
			}
		}
	})
}

// begin notes calls that wait from now on, if there is room for them.
func (v *session) begin(n, size int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open+n > client.MaxSessionCalls || v.size+size > client.MaxSessionOpen {
		return false
	}
	v.open, v.size = v.open+n, v.size+size
	v.rouse()
	return true
}

func (v *session) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// readTogether answers questions that want the same freshness from one view of the tables, after one check.
func (v *session) readTogether(ctx context.Context, group []numbered) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	strictest := group[0].caller
	for _, n := range group {
		strictest.q.AtLeast = max(strictest.q.AtLeast, n.q.AtLeast)
	}
	fresh, err := v.s.freshness(ctx, strictest)
	done := 0
	if err == nil {
		err = v.s.cluster.Read(ctx, fresh, func(t state.Reader, _ uint64) error {
			for _, n := range group {
				r, err := v.s.readOne(t, n.caller)
				v.answer(n, r, err)
				done++
			}
			return nil
		})
	}
	for _, n := range group[done:] {
		v.answer(n, client.Response{}, err)
	}
}

// readOne answers one of several questions.
func (s *Server) readOne(t state.Reader, c caller) (client.Response, error) {
	if err := s.allow(c); err != nil {
		return client.Response{}, err
	}
	v, err := s.read(t, c)
	if err != nil {
		return client.Response{}, err
	}
	return respond(v, 0)
}

// answer queues the answer to a call.
func (v *session) answer(n numbered, r client.Response, err error) {
	if err != nil {
		r = client.Response{Failure: v.s.failure(n.q, v.from, err)}
	}
	b, err := wire.Marshal(r)
	if err != nil || len(b) > client.MaxSessionItem {
		v.alone(n)
		return
	}
	v.queue(n, client.Answer{Number: n.number, Response: b})
}

// alone has the node put the request by itself: it has no place in a session.
func (v *session) alone(n numbered) { v.queue(n, client.Answer{Number: n.number, Alone: true}) }

func (v *session) queue(n numbered, a client.Answer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open, v.size = v.open-1, v.size-n.size
	v.answers = append(v.answers, a)
	v.rouse()
}

// send sends the answers as they come, and while calls wait a beat.
func (v *session) send(ctx context.Context, st *link.Stream) {
	defer st.Cancel()
	beat := time.NewTimer(0) // the first tells the node that it is welcome
	defer beat.Stop()
	armed := true
	for {
		silent := false
		select {
		case <-v.wake:
			runtime.Gosched() // answers of one batch of the log go together
		case <-beat.C:
			silent, armed = true, false
		case <-ctx.Done():
			return
		}
		answers, open := v.due()
		for silent || len(answers) > 0 {
			leader, _ := v.s.cluster.Leader()
			st.SetWriteDeadline(time.Now().Add(requestTime))
			if st.Send(client.Answers{Answers: answers, Leader: leader}) != nil {
				return
			}
			silent, armed = false, false
			answers, open = v.due()
		}
		switch {
		case open == 0:
			armed = false
			beat.Stop()
		case !armed: // a call that comes does not put the beat off
			armed = true
			beat.Reset(client.Beat)
		}
	}
}

// due takes one frame's worth of answers, and tells how many calls still wait.
func (v *session) due() ([]client.Answer, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, size := 0, 0
	for n < len(v.answers) && client.FitsFrame(n, size) {
		size += len(v.answers[n].Response)
		n++
	}
	answers := v.answers[:n:n]
	if v.answers = v.answers[n:]; len(v.answers) == 0 {
		v.answers = nil
	}
	return answers, v.open
}

// sessionCount counts the sessions of each office.
type sessionCount struct {
	mu   sync.Mutex
	open map[directory.OfficeCode]int
}

// enter counts one more, if the office may have it.
func (c *sessionCount) enter(o directory.OfficeCode) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[o] >= sessionsPerOffice {
		return false
	}
	c.open[o]++
	return true
}

func (c *sessionCount) leave(o directory.OfficeCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[o]--; c.open[o] == 0 {
		delete(c.open, o)
	}
}
