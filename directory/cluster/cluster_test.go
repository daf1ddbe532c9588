package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// province is the servers of a directory on one simulated network.
type province struct {
	t       *testing.T
	net     *replicationtest.Network
	book    *replicationtest.Book
	genesis directory.Genesis
	ids     map[string]*identity.Private
	addrs   map[string]string
	dirs    map[string]string
	up      map[string]*server
	every   uint64
}

type server struct {
	*cluster.Cluster
	link *link.Link
}

func newProvince(t *testing.T, n int) *province {
	p := &province{
		t: t, net: replicationtest.NewNetwork(), book: replicationtest.NewBook(),
		ids: map[string]*identity.Private{}, addrs: map[string]string{}, dirs: map[string]string{}, up: map[string]*server{},
	}
	p.genesis = directory.Genesis{
		Version: 1, Province: directory.Text{VI: "Khánh Hòa"}, Prefix: "H32", GossipKey: make([]byte, directory.GossipKeySize), Created: 1,
	}
	for i := range n {
		name := fmt.Sprintf("dir-%d", i+1)
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		p.ids[name], p.addrs[name], p.dirs[name] = id, fmt.Sprintf("10.0.0.%d:7400", i+1), t.TempDir()
		p.genesis.Members = append(p.genesis.Members, directory.Member{Name: name, Identity: id.Public(), Addr: p.addrs[name]})
		p.book.Add(replication.Name(name), p.addrs[name], id.Public())
	}
	t.Cleanup(func() {
		for name := range p.up {
			p.stop(name)
		}
	})
	return p
}

func (p *province) log(name string) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("server", name)
}

func (p *province) start(name string) *server {
	p.t.Helper()
	l, err := link.New(link.Config{Name: replication.Name(name), Identity: p.ids[name], Resolver: p.book, Conn: p.net.Listen(p.addrs[name])})
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := cluster.Open(cluster.Config{Dir: p.dirs[name], Self: name, Genesis: p.genesis, Link: l, Log: p.log(name), SnapshotEvery: p.every})
	if err != nil {
		l.Close()
		p.t.Fatal(err)
	}
	p.up[name] = &server{c, l}
	return p.up[name]
}

func (p *province) startAll() {
	for _, m := range p.genesis.Members {
		p.start(m.Name)
	}
}

func (p *province) stop(name string) {
	p.t.Helper()
	s := p.up[name]
	delete(p.up, name)
	if err := s.Close(); err != nil {
		p.t.Errorf("close %s: %v", name, err)
	}
	s.link.Close()
}

// propose has a change made through one server and fails the test if that is not possible.
func (p *province) propose(name string, c command.Command) state.Result {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	r, err := p.up[name].Propose(ctx, cluster.NewRequest(), c)
	if err != nil {
		p.t.Fatalf("propose through %s: %v", name, err)
	}
	return r
}

func (p *province) leader() string {
	p.t.Helper()
	for range 600 {
		for name, s := range p.up {
			if _, self := s.Leader(); self {
				return name
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.t.Fatal("no leader within a minute")
	return ""
}

func (p *province) other(than string) string {
	for name := range p.up {
		if name != than {
			return name
		}
	}
	p.t.Fatal("no other server")
	return ""
}

func (p *province) found() {
	if r := p.propose("dir-1", &command.Found{Genesis: p.genesis}); r.Err() != nil {
		p.t.Fatal(r.Err())
	}
}

func field(i int) *command.Publish {
	return &command.Publish{Fields: []directory.Field{{ID: fmt.Sprintf("f%d", i), Name: directory.Text{VI: fmt.Sprint("lĩnh vực ", i)}}}}
}

// fields counts the fields that a server has, as fresh as asked.
func (p *province) fields(name string, f cluster.Freshness) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	n := 0
	err := p.up[name].Read(ctx, f, func(r state.Reader, _ uint64) error {
		return r.Scan("field/", func(string, []byte) error { n++; return nil })
	})
	if err != nil {
		p.t.Fatalf("read at %s: %v", name, err)
	}
	return n
}

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		start := time.Now()
		l := p.leader()
		t.Log("leader", l, time.Since(start))
		p.found()
		t.Log("found", time.Since(start))
		for i := range 20 {
			p.propose(p.other(l), field(i))
		}
		t.Log("20", time.Since(start))
		for name := range p.up {
			if n := p.fields(name, cluster.Linearizable); n != 20 {
				t.Errorf("%s has %d", name, n)
			}
		}
		t.Log("read", time.Since(start))
		p.stop(l)
		start = time.Now()
		p.propose(p.other(l), field(100))
		t.Log("failover", time.Since(start))
		p.start(l)
		if n := p.fields(l, cluster.Linearizable); n != 21 {
			t.Errorf("%s has %d", l, n)
		}
		t.Log("reopened", time.Since(start))
	})
}
