package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
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
	files   map[string]*badDisk // under the log, where a test wants trouble
	ahead   sync.Map            // by name: how far a server's clock is ahead, time.Duration
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

// provinceAfter is three servers that shorten their logs every so many entries and have made changes, and which of them leads.
func provinceAfter(t *testing.T, every uint64, changes int) (p *province, leader string) {
	p = newProvince(t, 3)
	p.every = every
	p.startAll()
	p.found()
	leader = p.leader()
	for i := range changes {
		p.propose(leader, field(i))
	}
	return p, leader
}

func (p *province) log(name string) *slog.Logger {
	if os.Getenv("MOTCUA_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("server", name)
}

func (p *province) start(name string) *server {
	p.t.Helper()
	s, err := p.open(name)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *province) open(name string) (*server, error) {
	p.t.Helper()
	l, err := link.New(link.Config{Name: replication.Name(name), Identity: p.ids[name], Resolver: p.book, Conn: p.net.Listen(p.addrs[name])})
	if err != nil {
		p.t.Fatal(err)
	}
	now := func() time.Time {
		ahead, _ := p.ahead.LoadOrStore(name, time.Duration(0))
		return time.Now().Add(ahead.(time.Duration))
	}
	cfg := cluster.Config{Dir: p.dirs[name], Self: name, Genesis: p.genesis, Link: l, Log: p.log(name), SnapshotEvery: p.every, Now: now}
	if f := p.files[name]; f != nil {
		cfg = cluster.OnFiles(cfg, f)
	}
	c, err := cluster.Open(cfg)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	p.up[name] = &server{c, l}
	return p.up[name], nil
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

// account is changed once by every request that takes effect: its version counts them.
func (p *province) account() command.Command {
	return &command.PutAccount{Account: directory.Account{ID: "count", Login: "count", Kind: directory.Citizen, Name: "Đếm", Verifier: "v"}}
}

func (p *province) version(name string, f cluster.Freshness) (v uint64) {
	p.t.Helper()
	p.read(name, f, func(r state.Reader, _ uint64) error {
		a, _, err := state.AccountByID(r, "count")
		v = a.Version
		return err
	})
	return v
}

func (p *province) read(name string, f cluster.Freshness, read func(r state.Reader, index uint64) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	if err := p.up[name].Read(ctx, f, read); err != nil {
		p.t.Fatalf("read at %s: %v", name, err)
	}
}

// equal checks that all servers have the same rows once they stand at the same place. Servers see to things by themselves,
// so that may take a while.
func (p *province) equal() {
	p.t.Helper()
	for range 60 {
		var first map[string]string
		var at uint64
		moved, differ := false, ""
		for name := range p.up {
			rows, index := p.rows(name)
			if first == nil {
				first, at = rows, index
			}
			if moved = moved || index != at; !maps.Equal(first, rows) {
				differ = fmt.Sprintf("%s has other tables at %d: %d rows, %d", name, at, len(rows), len(first))
			}
		}
		if !moved {
			if differ != "" {
				p.t.Error(differ)
			}
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	p.t.Error("the servers do not come to stand at one place")
}

// rows are all that a server has, and where that stands.
func (p *province) rows(name string) (map[string]string, uint64) {
	p.t.Helper()
	rows, at := map[string]string{}, uint64(0)
	p.read(name, cluster.Linearizable, func(r state.Reader, index uint64) error {
		at = index
		return r.Scan("", func(k string, v []byte) error { rows[k] = string(v); return nil })
	})
	return rows, at
}

// fields counts the fields that a server has, as fresh as asked.
func (p *province) fields(name string, f cluster.Freshness) int {
	p.t.Helper()
	n := 0
	p.read(name, f, func(r state.Reader, _ uint64) error {
		return r.Scan("field/", func(string, []byte) error { n++; return nil })
	})
	return n
}

func TestServersAgreeWhoeverIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		l := p.leader()
		for i := range 30 {
			p.propose([]string{l, p.other(l)}[i%2], field(i))
		}
		for name := range p.up {
			if n := p.fields(name, cluster.Linearizable); n != 30 {
				t.Errorf("a linearizable read at %s sees %d of 30 changes", name, n)
			}
		}
		r := p.propose(p.other(l), field(30))
		if n := p.fields(p.other(l), cluster.AtLeast(r.Index)); n != 31 {
			t.Errorf("a writer does not see its own change: %d of 31", n)
		}
		p.equal()
	})
}

func TestARequestTakesEffectOnceThroughChangesOfLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.net.SetWeather(replicationtest.Weather{Loss: 0.03, Duplicate: 0.05, Latency: 2 * time.Millisecond, Jitter: 5 * time.Millisecond})
		p.startAll()
		p.found()
		const writers, each = 4, 25
		var all sync.WaitGroup
		for w := range writers {
			s := p.up[fmt.Sprintf("dir-%d", w%3+1)]
			all.Go(func() {
				for range each {
					id := cluster.NewRequest()
					for range 2 { // a repeat, as from a client that missed the answer
						if _, err := s.Propose(t.Context(), id, p.account()); err != nil {
							t.Error(err)
						}
					}
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		for range 4 {
			time.Sleep(700 * time.Millisecond)
			l := p.leader()
			p.net.Cut(p.addrs[l])
			time.Sleep(2 * time.Second)
			p.net.Heal(p.addrs[l])
		}
		all.Wait()
		for name := range p.up {
			if v := p.version(name, cluster.Linearizable); v != writers*each {
				t.Errorf("%s: %d requests took effect %d times", name, writers*each, v)
			}
		}
		p.equal()
	})
}

func TestADeadLeaderIsReplacedAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		l := p.leader()
		p.stop(l)
		start := time.Now()
		p.propose(p.other(l), field(1))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("a change was possible again only %v after the leader died", took)
		}
		p.start(l)
		if n := p.fields(l, cluster.Linearizable); n != 1 {
			t.Errorf("the old leader is back and sees %d of 1 changes", n)
		}
		p.equal()
	})
}

func TestAServerThatWasAwayDoesNotDisturb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		l := p.leader()
		away := p.other(l)
		before := p.up[l].Status().Term
		p.net.Cut(p.addrs[away])
		time.Sleep(time.Minute)
		p.propose(l, field(1))
		p.net.Heal(p.addrs[away])
		if n := p.fields(away, cluster.Linearizable); n != 1 {
			t.Errorf("healed, it sees %d of 1 changes", n)
		}
		if after := p.up[l].Status().Term; after != before || p.leader() != l {
			t.Errorf("term %d → %d, leader %s → %s: it unseated the leader", before, after, l, p.leader())
		}
	})
}

func TestACutOffLeaderAnswersOnlyLocalReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		l := p.leader()
		p.propose(l, field(1))
		old := p.up[l]
		none := func(state.Reader, uint64) error { return nil }
		p.net.Cut(p.addrs[l])
		short, stop := context.WithTimeout(t.Context(), 100*time.Millisecond) // it still believes that it leads
		defer stop()
		if err := old.Read(short, cluster.Linearizable, none); directory.CodeOf(err) != directory.NoLeader {
			t.Errorf("a linearizable read in the moment of the cut: %v, want no leader", err)
		}
		delete(p.up, l)
		p.propose(p.leader(), field(2))
		p.up[l] = old
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := old.Read(ctx, cluster.Linearizable, none); directory.CodeOf(err) != directory.NoLeader {
			t.Errorf("a linearizable read without a majority: %v, want no leader", err)
		}
		if _, err := old.Propose(ctx, cluster.NewRequest(), field(3)); directory.CodeOf(err) != directory.NoLeader {
			t.Errorf("a change without a majority: %v, want no leader", err)
		}
		if n := p.fields(l, cluster.Local); n != 1 {
			t.Errorf("a local read sees %d of 1 changes", n)
		}
		p.net.Heal(p.addrs[l])
		p.equal()
	})
}

func TestNothingAcknowledgedIsLostWhenAllServersAreKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.every = 32
		p.startAll()
		p.found()
		l := p.leader()
		for i := range 100 {
			p.propose(l, field(i))
			if i == 60 {
				if err := p.up[l].Snapshot(); err != nil {
					t.Fatal(err)
				}
			}
		}
		// What a killed process leaves behind is what is in its files while it still runs.
		killed := map[string]string{}
		for name, dir := range p.dirs {
			killed[name] = t.TempDir()
			if err := os.CopyFS(killed[name], os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
		}
		for name := range p.dirs {
			p.stop(name)
		}
		p.dirs = killed
		p.startAll()
		for name := range p.up {
			if n := p.fields(name, cluster.Linearizable); n != 100 {
				t.Errorf("%s has %d of 100 acknowledged changes", name, n)
			}
		}
		p.equal()
	})
}

func TestTablesAreMadeAnewFromSnapshotAndLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.every = 40
		p.startAll()
		p.found()
		l := p.leader()
		away, lost := p.other(l), ""
		for name := range p.up {
			if name != l && name != away {
				lost = name
			}
		}
		p.stop(away)
		for i := range 120 {
			p.propose(l, field(i))
		}
		for _, name := range []string{l, lost} {
			if err := p.up[name].Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			p.propose(l, field(200+i))
		}
		p.start(away) // the log no longer reaches back to where it left: it is sent a snapshot
		p.stop(lost)
		if err := os.RemoveAll(p.dirs[lost] + "/tables"); err != nil {
			t.Fatal(err)
		}
		p.start(lost) // its own snapshot and log
		for name := range p.up {
			if n := p.fields(name, cluster.Linearizable); n != 125 {
				t.Errorf("%s has %d of 125 changes", name, n)
			}
		}
		p.equal()
	})
}

func TestServersOfDifferentBeginningsDoNotMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.start("dir-1")
		p.start("dir-2")
		p.found()
		right := p.genesis
		p.genesis.Created++
		p.start("dir-3")
		p.genesis = right
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := p.up["dir-3"].Propose(ctx, cluster.NewRequest(), field(1)); err == nil {
			t.Error("a server of another genesis takes part")
		}
		if err := p.up["dir-3"].Err(); err == nil || !strings.Contains(err.Error(), "another founding") {
			t.Errorf("it does not say why it stops: %v", err)
		}
		if s := p.up["dir-3"].Status(); s.Applied != 0 {
			t.Errorf("it has taken entries of the others: %+v", s)
		}
		p.propose("dir-1", field(1))
	})
}
