package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"motcua/replication"
	"motcua/replication/link"
)

// sessionProtocol carries what a server asks of the leader: one stream for all of it, with many questions under way,
// as many in one message as there are.
const sessionProtocol = "cluster/2"

// numbered is a question and its number, chosen by who asks.
type numbered struct {
	ID  uint64 `cbor:"1,keyasint"`
	Ask ask    `cbor:"2,keyasint"`
}

// answered is the answer to a question.
type answered struct {
	ID    uint64 `cbor:"1,keyasint"`
	Reply reply  `cbor:"2,keyasint"`
}

// questions and answers are the messages of a session, one kind in each direction.
type questions struct {
	All []numbered `cbor:"1,keyasint"`
}

type answers struct {
	All []answered `cbor:"1,keyasint"`
}

// The bounds of a session.
const (
	maxUnderWay = 1024      // questions; those beyond wait
	batchBytes  = 256 << 10 // after which a message is full
	batchCount  = 256       // likewise
	maxMessage  = batchBytes + maxAsk + maxReply + batchCount*64
)

// session is a stream to the leader. Make it with sessions.to.
type session struct {
	stream *link.Stream
	out    chan *question
	gone   chan struct{} // closed when the stream has ended: what is not answered will not be
	once   sync.Once

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]*question
}

type question struct {
	n    numbered
	done chan reply // takes one
}

// sessions is the streams to other servers, one each at most.
type sessions struct {
	link *link.Link

	mu  sync.Mutex
	all map[string]*session
	old map[string]bool // servers of an earlier version: each question is a stream of its own
}

func newSessions(l *link.Link) *sessions {
	return &sessions{link: l, all: map[string]*session{}, old: map[string]bool{}}
}

// open returns the session with a server if there is one, or if it is known that there can be none.
func (ss *sessions) open(name string) (s *session, known bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s = ss.all[name]
	return s, s != nil || ss.old[name]
}

// to opens the session with a server, nil if the server knows no sessions.
func (ss *sessions) to(ctx context.Context, name string) (*session, error) {
	stream, err := ss.link.Dial(ctx, replication.Name(name), sessionProtocol)
	if refused, ok := errors.AsType[*link.Refused](err); ok && refused.Why == link.UnknownProtocol {
		ss.askAlone(name)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &session{stream: stream, out: make(chan *question, batchCount), gone: make(chan struct{}), waiting: map[uint64]*question{}}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if first := ss.all[name]; first != nil {
		stream.Cancel()
		return first, nil
	}
	ss.all[name] = s
	go s.send()
	go func() {
		s.receive()
		ss.forget(name, s)
	}()
	return s, nil
}

// askAlone notes that a server knows no sessions, until the leader changes.
func (ss *sessions) askAlone(name string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.old[name] = true
}

func (ss *sessions) forget(name string, s *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.all[name] == s {
		delete(ss.all, name)
	}
}

// leave ends the sessions with all but the leader.
func (ss *sessions) leave(leader string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	clear(ss.old)
	for name, s := range ss.all {
		if name != leader {
			s.end()
		}
	}
}

func (s *session) end() {
	s.once.Do(func() {
		s.stream.Cancel()
		close(s.gone)
	})
}

// ask puts a question and waits for the answer, as long as the leader stays. The error is errNotLeader when there will be
// none.
func (s *session) ask(ctx context.Context, a ask, moved <-chan struct{}) (reply, error) {
	q := &question{n: numbered{Ask: a}, done: make(chan reply, 1)}
	s.mu.Lock()
	s.last++
	q.n.ID = s.last
	s.waiting[q.n.ID] = q
	s.mu.Unlock()
	defer s.drop(q.n.ID)
	out := s.out
	for {
		select {
		case out <- q:
			out = nil
		case r := <-q.done:
			return r, nil
		case <-s.gone:
			return reply{}, errNotLeader
		case <-moved:
			return reply{}, errNotLeader
		case <-ctx.Done():
			return reply{}, errNotLeader
		}
	}
}

func (s *session) drop(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// send puts as many questions into a message as there are.
func (s *session) send() {
	defer s.end()
	for {
		var m questions
		select {
		case q := <-s.out:
			m.All = append(m.All, q.n)
		case <-s.gone:
			return
		}
		for size := len(m.All[0].Ask.Body); size < batchBytes && len(m.All) < batchCount; {
			q, ok := more(s.out)
			if !ok {
				break
			}
			m.All = append(m.All, q.n)
			size += len(q.n.Ask.Body)
		}
		s.stream.SetWriteDeadline(time.Now().Add(dialPatience))
		if s.stream.Send(m) != nil {
			return
		}
	}
}

// more takes what is there already.
func more[T any](from <-chan T) (v T, ok bool) {
	select {
	case v = <-from:
		return v, true
	default:
		return v, false
	}
}

func (s *session) receive() {
	defer s.end()
	for {
		var m answers
		if s.stream.Receive(&m, maxMessage) != nil {
			return
		}
		for _, a := range m.All {
			s.mu.Lock()
			q := s.waiting[a.ID]
			delete(s.waiting, a.ID)
			s.mu.Unlock()
			if q != nil {
				q.done <- a.Reply
			}
		}
	}
}

// serveSession answers the questions of another server as they are decided, in any order.
func (c *Cluster) serveSession(ctx context.Context, from link.Caller, s *link.Stream) {
	if !c.isServer(string(from.Peer.Name)) {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, s.Cancel)()
	out, under := make(chan answered, batchCount), make(chan struct{}, maxUnderWay)
	go c.sendAnswers(ctx, s, out)
	for {
		var m questions
		if s.Receive(&m, maxMessage) != nil {
			return
		}
		for _, q := range m.All {
			select {
			case under <- struct{}{}:
			case <-ctx.Done():
				return
			}
			go func() {
				defer func() { <-under }()
				select {
				case out <- answered{ID: q.ID, Reply: c.leadOrNot(ctx, q.Ask)}:
				case <-ctx.Done():
				}
			}()
		}
	}
}

// leadOrNot does as leader what was asked; every error says that another is to be asked, or this one again.
func (c *Cluster) leadOrNot(ctx context.Context, a ask) reply {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	r, err := c.lead(ctx, a)
	if err != nil {
		return reply{NotLeader: true}
	}
	return r
}

func (c *Cluster) sendAnswers(ctx context.Context, s *link.Stream, out <-chan answered) {
	for {
		var m answers
		select {
		case a := <-out:
			m.All = append(m.All, a)
		case <-ctx.Done():
			return
		}
		for size := len(m.All[0].Reply.Result.Value); size < batchBytes && len(m.All) < batchCount; {
			a, ok := more(out)
			if !ok {
				break
			}
			m.All = append(m.All, a)
			size += len(a.Reply.Result.Value)
		}
		s.SetWriteDeadline(time.Now().Add(dialPatience))
		if s.Send(m) != nil {
			s.Cancel()
			return
		}
	}
}
