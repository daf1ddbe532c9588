package client

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// stage is a client and some servers that do as a test says, under virtual time.
type stage struct {
	t       *testing.T
	client  *Client
	servers []*actor
}

// actor is a server.
type actor struct {
	t        *testing.T
	name     string
	link     *link.Link
	sessions atomic.Int32 // streams of the protocol that were opened
	mute     atomic.Bool  // no beats

	mu sync.Mutex
	// answer is what it does with a call of a session.
	answer func(a *actor, s *script, c Call, q Request)
	alone  []Request // put by themselves; each is answered with its own body
	asked  []Request // on sessions
}

// script is a session at a server.
type script struct {
	*link.Stream
	mu sync.Mutex
}

func (s *script) say(a Answers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Send(a)
}

// reply answers a call with its own body.
func (s *script) reply(t *testing.T, c Call, q Request) {
	s.say(Answers{Answers: []Answer{{Number: c.Number, Response: marshal(t, Response{Body: q.Body})}}})
}

// echo answers every call at once.
func echo(a *actor, s *script, c Call, q Request) { s.reply(a.t, c, q) }

// play runs f with n servers.
func play(t *testing.T, n int, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net, book := replicationtest.NewNetwork(), replicationtest.NewBook()
		open := func(name, addr string, key byte) *link.Link {
			id := directorytest.Identity(key)
			book.Add(replication.Name(name), addr, id.Public())
			l, err := link.New(link.Config{Name: replication.Name(name), Identity: id, Resolver: book, Conn: net.Listen(addr)})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		s, m := &stage{t: t}, members{}
		for i := byte(1); i <= byte(n); i++ {
			a := &actor{t: t, name: directorytest.Member(i).Name, answer: echo}
			a.link = open(a.name, fmt.Sprintf("10.0.0.%d:7400", i), 10*i)
			defer a.link.Close()
			a.link.Handle(Protocol, link.Known, a.serveAlone)
			s.servers, m = append(s.servers, a), append(m, directorytest.Member(i))
		}
		l := open("H32.1", "10.0.1.1:7400", 100)
		defer l.Close()
		s.client = New(l, m)
		f(s)
	})
}

// withSessions has every server speak the session protocol.
func (s *stage) withSessions() *stage {
	for _, a := range s.servers {
		a.link.Handle(SessionProtocol, link.Known, a.serveSession)
	}
	return s
}

func (a *actor) serveAlone(_ context.Context, _ link.Caller, st *link.Stream) {
	var q Request
	if st.Receive(&q, MaxRequest) != nil {
		return
	}
	a.mu.Lock()
	a.alone = append(a.alone, q)
	a.mu.Unlock()
	st.Send(Response{Body: q.Body})
}

func (a *actor) serveSession(ctx context.Context, _ link.Caller, st *link.Stream) {
	a.sessions.Add(1)
	s := &script{Stream: st}
	s.say(Answers{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go a.beat(ctx, s)
	for {
		var calls Calls
		if st.Receive(&calls, MaxFrame) != nil {
			return
		}
		for _, c := range calls.Calls {
			var q Request
			if err := wire.Unmarshal(c.Request, &q); err != nil {
				a.t.Error(err)
			}
			a.mu.Lock()
			a.asked = append(a.asked, q)
			answer := a.answer
			a.mu.Unlock()
			answer(a, s, c, q)
		}
	}
}

// does has the server answer so from now on.
func (a *actor) does(answer func(a *actor, s *script, c Call, q Request)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func (a *actor) beat(ctx context.Context, s *script) {
	for ctx.Err() == nil {
		select {
		case <-time.After(Beat):
		case <-ctx.Done():
		}
		if !a.mute.Load() {
			s.say(Answers{})
		}
	}
}

// requests are those a server got on sessions and by themselves.
func (a *actor) requests() (asked, alone []Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked, a.alone
}

// ask puts a question that is answered with itself.
func (s *stage) ask(text string) error {
	s.t.Helper()
	var got string
	if err := s.client.ask(s.t.Context(), "lookup", OpLookup, text, &got); err != nil {
		return err
	}
	if got != text {
		s.t.Errorf("asked %.20q and was answered %.20q", text, got)
	}
	return nil
}

// must is ask that has to succeed within a time.
func (s *stage) must(text string, within time.Duration) {
	s.t.Helper()
	start := time.Now()
	if err := s.ask(text); err != nil {
		s.t.Error(err)
	}
	if took := time.Since(start); took > within {
		s.t.Errorf("%.20q was answered after %v, want at most %v", text, took, within)
	}
}

func TestCallsShareAStreamAndEachGetsItsAnswer(t *testing.T) {
	play(t, 1, func(s *stage) {
		s.withSessions()
		var work sync.WaitGroup
		for i := range 2000 { // more than a session takes
			work.Go(func() { s.must(fmt.Sprint("question ", i), 5*time.Second) })
		}
		work.Wait()
		asked, alone := s.servers[0].requests()
		if n := s.servers[0].sessions.Load(); n != 1 || len(asked) < MaxSessionCalls/2 || len(asked)+len(alone) != 2000 {
			t.Errorf("%d sessions for %d calls, %d by themselves", n, len(asked), len(alone))
		}
	})
}

func TestASlowCallDoesNotHoldUpTheOthers(t *testing.T) {
	play(t, 1, func(s *stage) {
		a := s.withSessions().servers[0]
		a.does(func(a *actor, sc *script, c Call, q Request) {
			var text string
			wire.Unmarshal(q.Body, &text)
			if text == "slow" {
				time.AfterFunc(5*time.Second, func() { sc.reply(t, c, q) })
				return
			}
			sc.reply(t, c, q)
		})
		slow := make(chan error, 1)
		go func() { slow <- s.ask("slow") }()
		synctest.Wait()
		for i := range 20 {
			s.must(fmt.Sprint("quick ", i), 300*time.Millisecond)
		}
		select {
		case err := <-slow:
			t.Errorf("the slow call ended first: %v", err)
		default:
		}
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
}

func TestAServerWithoutSessionsIsAskedCallByCall(t *testing.T) {
	play(t, 1, func(s *stage) {
		for i := range 3 {
			s.must(fmt.Sprint(i), time.Second)
		}
		if _, alone := s.servers[0].requests(); len(alone) != 3 {
			t.Errorf("%d calls arrived, want 3", len(alone))
		}
		s.withSessions()
		time.Sleep(aloneFor)
		s.must("after the upgrade", time.Second)
		if s.servers[0].sessions.Load() != 1 {
			t.Error("the server was upgraded and is still asked call by call")
		}
	})
}

// TestASilentServerIsPassedOver: it is told from one that is at work on a slow question.
func TestASilentServerIsPassedOver(t *testing.T) {
	play(t, 2, func(s *stage) {
		first, second := s.withSessions().servers[0], s.servers[1]
		s.must("warm", time.Second)
		first.does(func(a *actor, sc *script, c Call, q Request) {
			time.AfterFunc(500*time.Millisecond, func() { sc.reply(t, c, q) })
		})
		s.must("busy", 550*time.Millisecond)
		if asked, alone := second.requests(); len(asked)+len(alone) > 0 {
			t.Error("another server was asked beside one that is at work")
		}
		first.does(func(*actor, *script, Call, Request) {})
		first.mute.Store(true)
		s.must("silent", quietAtLeast+200*time.Millisecond)
		s.must("next", 50*time.Millisecond) // it is not asked first again
		time.Sleep(deadAfter)
		first.does(echo)
		first.mute.Store(false)
	})
}

// TestACallOutlivesItsSession: it is put again under its own id, and gets the answer.
func TestACallOutlivesItsSession(t *testing.T) {
	play(t, 1, func(s *stage) {
		a := s.withSessions().servers[0]
		a.does(func(_ *actor, sc *script, _ Call, _ Request) { sc.Cancel() })
		for i := range 3 {
			s.must(fmt.Sprint("broken ", i), time.Second)
		}
		asked, alone := a.requests()
		ids := map[command.RequestID]bool{}
		for _, q := range asked {
			ids[q.ID] = true
		}
		for _, q := range alone {
			if !ids[q.ID] {
				t.Error("a request was put again under another id: it could take effect twice")
			}
		}
		if len(asked) != 3 || len(alone) != 3 {
			t.Errorf("%d calls on sessions, %d by themselves, want 3 each", len(asked), len(alone))
		}
	})
}

func TestWhatIsLargeIsPutByItself(t *testing.T) {
	play(t, 1, func(s *stage) {
		a := s.withSessions().servers[0]
		a.does(func(a *actor, sc *script, c Call, q Request) {
			sc.say(Answers{Answers: []Answer{{Number: c.Number, Alone: true}}})
		})
		s.must("its answer is large", time.Second)
		s.must(strings.Repeat("large", MaxSessionItem/5), time.Second)
		if asked, alone := a.requests(); len(asked) != 1 || len(alone) != 2 {
			t.Errorf("%d calls on sessions, %d by themselves, want 1 and 2", len(asked), len(alone))
		}
	})
}

func TestASessionWithoutCallsIsClosed(t *testing.T) {
	play(t, 1, func(s *stage) {
		a := s.withSessions().servers[0]
		s.must("one", time.Second)
		time.Sleep(idleAfter + time.Second)
		s.client.sessions.mu.Lock()
		open := len(s.client.sessions.open)
		s.client.sessions.mu.Unlock()
		if open != 0 {
			t.Error("a session is kept open without a call for more than a minute")
		}
		s.must("two", time.Second)
		if n := a.sessions.Load(); n != 2 {
			t.Errorf("%d sessions, want 2", n)
		}
	})
}

// TestChangesGoToWhoLeads: as the servers tell.
func TestChangesGoToWhoLeads(t *testing.T) {
	play(t, 3, func(s *stage) {
		for _, a := range s.withSessions().servers {
			a.does(func(a *actor, sc *script, c Call, q Request) {
				sc.say(Answers{Leader: "dir-3", Answers: []Answer{{Number: c.Number, Response: marshal(t, Response{Body: q.Body})}}})
			})
		}
		first, third := s.servers[0], s.servers[2]
		s.must("who leads", time.Second)
		if err := s.client.With(Linearizable).ask(s.t.Context(), "lookup", OpLookup, "x", nil); err != nil {
			t.Error(err)
		}
		if err := s.client.ask(s.t.Context(), "announce", OpAnnounce, "x", nil); err != nil {
			t.Error(err)
		}
		one, _ := first.requests()
		three, _ := third.requests()
		if len(one) != 1 || len(three) != 2 {
			t.Errorf("the first server got %d calls and the leader %d, want 1 and 2", len(one), len(three))
		}
	})
}

// TestNobodyAnswers: the call fails within its time, and says that the directory is out of reach.
func TestNobodyAnswers(t *testing.T) {
	play(t, 3, func(s *stage) {
		for _, a := range s.withSessions().servers {
			a.link.SetLine(false)
		}
		start := time.Now()
		if err := s.ask("anybody"); directory.CodeOf(err) != directory.NoLeader || time.Since(start) > 15*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
