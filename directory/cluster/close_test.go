package cluster

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"motcua/directory"
	"motcua/directory/directorytest"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// pair is a server, dir-1, and a stand-in for the only other one, dir-2, that answers as a test has it.
type pair struct {
	t       *testing.T
	net     *replicationtest.Network
	genesis directory.Genesis
	book    *replicationtest.Book
	server  *Cluster
	other   *Cluster // no more than its streams
}

func newPair(t *testing.T, before ...func(*pair)) *pair {
	p := &pair{t: t, net: replicationtest.NewNetwork(), genesis: directorytest.Genesis(2), book: replicationtest.NewBook()}
	t.Cleanup(func() { time.Sleep(time.Second) }) // the last: answers under way end
	p.net.SetWeather(replicationtest.Weather{Latency: time.Millisecond})
	for _, m := range p.genesis.Members {
		p.book.Add(replication.Name(m.Name), m.Addr, m.Identity)
	}
	p.other = &Cluster{cfg: Config{Self: "dir-2", Genesis: p.genesis, Link: p.link(2)}, log: slog.New(slog.DiscardHandler), genesis: p.genesis.Digest()}
	p.other.ctx, p.other.stop = t.Context(), func() {}
	p.other.m = &machine{err: ErrClosed, stopped: make(chan struct{})}
	close(p.other.m.stopped)
	p.other.gate.opened, p.other.peers.met = make(chan struct{}), map[string]error{"dir-1": nil}
	close(p.other.gate.opened)
	p.other.layer = newLayer(p.other)
	p.other.trans = transport{fit: func() error { return nil }, NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{Stream: p.other.layer, Logger: newRaftLog(p.other.log)})}
	p.other.cfg.Link.Handle(raftProtocol, link.Known, p.other.layer.serve)
	p.other.cfg.Link.Handle(askProtocol, link.Known, func(context.Context, link.Caller, *link.Stream) {}) // as before members/1
	t.Cleanup(func() { p.other.trans.Close() })
	for _, f := range before {
		f(p)
	}
	var err error
	now := func() time.Time { return time.UnixMilli(0) } // no step from empty tables, so nobody's clock is asked for
	p.server, err = Open(Config{Dir: t.TempDir(), Self: "dir-1", Genesis: p.genesis, Link: p.link(1), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pair) link(n byte) *link.Link {
	p.t.Helper()
	m := directorytest.Member(n)
	l, err := link.New(link.Config{Name: replication.Name(m.Name), Identity: directorytest.Identity(10 * n), Resolver: p.book, Conn: p.net.Listen(m.Addr)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.Close() })
	return l
}

// follow answers as a follower that votes for whoever asks. What it says to entries is decided by accept; it takes its
// time for it, so that several requests are under way.
func (p *pair) follow(accept func(a *raft.AppendEntriesRequest) bool) {
	var mu sync.Mutex // of last, and of what accept counts
	var last uint64
	answer := func(rpc raft.RPC) {
		switch c := rpc.Command.(type) {
		case *raft.RequestPreVoteRequest:
			rpc.Respond(&raft.RequestPreVoteResponse{Term: c.Term, Granted: true}, nil)
		case *raft.RequestVoteRequest:
			rpc.Respond(&raft.RequestVoteResponse{Term: c.Term, Granted: true}, nil)
		case *raft.AppendEntriesRequest:
			r := &raft.AppendEntriesResponse{Term: c.Term, Success: true, NoRetryBackoff: true}
			if c.PrevLogEntry > 0 || len(c.Entries) > 0 {
				time.Sleep(20 * time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			if c.PrevLogEntry > 0 || len(c.Entries) > 0 {
				r.Success = accept(c)
			}
			if n := len(c.Entries); n > 0 && r.Success {
				last = c.Entries[n-1].Index
			}
			r.LastLog = last
			rpc.Respond(r, nil)
		}
	}
	go func() {
		for {
			select {
			case rpc := <-p.other.trans.Consumer():
				go answer(rpc)
			case <-p.t.Context().Done():
				return
			}
		}
	}()
}

// lead waits until the server leads.
func (p *pair) lead() {
	p.t.Helper()
	for range 100 {
		if _, self := p.server.Leader(); self {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.t.Fatal("the server does not lead")
}

// TestAFollowerThatRefusesIsToldTheRest: a refusal while further entries are under way ends neither the replication
// to that server nor the end of this one.
func TestAFollowerThatRefusesIsToldTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		asked, told := 0, new(atomic.Uint64)
		p.follow(func(a *raft.AppendEntriesRequest) bool {
			asked++
			if asked%4 == 0 {
				return false
			}
			if n := len(a.Entries); n > 0 {
				told.Store(a.Entries[n-1].Index)
			}
			return true
		})
		p.lead()
		for i := range 300 {
			go p.server.Propose(t.Context(), NewRequest(), publish(i))
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		if last := p.server.Status().LastLog; told.Load() != last || last < 300 {
			t.Errorf("the follower was told entries up to %d of %d", told.Load(), last)
		}
		if err := p.server.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAServerEndsInTheMiddleOfASnapshot that is sent by a peer whose line was cut: nobody will send the rest.
func TestAServerEndsInTheMiddleOfASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.follow(func(*raft.AppendEntriesRequest) bool { return true })
		p.lead()
		rest, part := io.Pipe()
		defer part.Close()
		go part.Write(make([]byte, 600<<10)) // beyond what Raft gathers before it sends
		servers := raft.Configuration{Servers: []raft.Server{{ID: "dir-1", Address: "dir-1"}, {ID: "dir-2", Address: "dir-2"}}}
		sent := make(chan error, 1)
		go func() {
			sent <- p.other.trans.InstallSnapshot("dir-1", "dir-1", &raft.InstallSnapshotRequest{
				RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("dir-2"), Addr: []byte("dir-2")}, SnapshotVersion: raft.SnapshotVersionMax,
				Term: 99, LastLogIndex: 99, LastLogTerm: 99, Size: 1 << 20, Configuration: raft.EncodeConfiguration(servers),
			}, new(raft.InstallSnapshotResponse), rest)
		}()
		time.Sleep(time.Second)
		if s := p.server.Status(); s.Term != 99 || s.Leader != "dir-2" {
			t.Errorf("it takes no snapshot: %+v", s)
		}
		p.net.Cut(p.genesis.Members[1].Addr)
		start := time.Now()
		if err := p.server.Close(); err != nil || time.Since(start) > time.Second {
			t.Errorf("closed after %v: %v", time.Since(start), err)
		}
		part.Close()
		p.other.cfg.Link.Close()
		<-sent
	})
}
