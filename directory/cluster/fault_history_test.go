package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
	"motcua/replication/replicationtest"
)

// The size of a history.
const (
	historyTime = 25 * time.Second
	historyKeys = 3
	opTime      = 4 * time.Second
	clients     = 4
)

// trial is a province in trouble, and clients that go on.
type trial struct {
	*province
	history
	chance *rand.Rand

	mu      sync.Mutex // of the servers that are up, and of the chance
	crashed int
	where   map[string]bool // servers in trouble
}

// TestNoFaultIsSeenFromOutside checks histories of clients under cuts, crashes, pauses, bad weather and steps of clocks
// with porcupine (Athalye, 2017), and all four kinds of reads against what they promise. MOTCUA_SEEDS makes it try more.
func TestNoFaultIsSeenFromOutside(t *testing.T) {
	seeds := uint64(3)
	if n, err := strconv.ParseUint(os.Getenv("MOTCUA_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &trial{province: newProvince(t, 3+2*int(seed%2)), chance: rand.New(rand.NewPCG(seed, 7)), where: map[string]bool{}}
				r.every = 64
				r.startAll()
				r.found()
				end := make(chan struct{})
				var work sync.WaitGroup
				for i := range clients {
					work.Go(func() { r.client(i, end) })
				}
				for start := time.Now(); time.Since(start) < historyTime; {
					r.trouble()
				}
				close(end)
				work.Wait()
				r.check(t)
				r.calm()
				r.equal()
			})
		})
	}
}

func (r *trial) roll(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chance.IntN(n)
}

// at returns a server that is up, and its name.
func (r *trial) at() (string, *server) {
	n := r.roll(len(r.genesis.Members))
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.genesis.Members {
		name := r.genesis.Members[(n+i)%len(r.genesis.Members)].Name
		if s := r.up[name]; s != nil {
			return name, s
		}
	}
	r.t.Fatal("all servers are down")
	return "", nil
}

// trouble makes one, and lets some time pass. A majority is left out of it.
func (r *trial) trouble() {
	name := r.genesis.Members[r.roll(len(r.genesis.Members))].Name
	if l := r.leading(); l != "" && r.roll(2) == 0 {
		name = l
	}
	if !r.where[name] && len(r.where) < (len(r.genesis.Members)-1)/2 {
		switch r.roll(4) {
		case 0, 1: // a cut line, or a process that stands still: the others cannot tell
			r.where[name] = true
			r.net.Cut(r.addrs[name])
		case 2:
			r.crash(name)
		case 3:
			r.ahead.Store(name, time.Duration(r.roll(3)-1)*24*time.Hour)
		}
	}
	r.net.SetWeather(replicationtest.Weather{
		Loss: 0.1 * float64(r.roll(2)), Duplicate: 0.05, Latency: time.Duration(r.roll(10)) * time.Millisecond, Jitter: time.Duration(1+r.roll(20)) * time.Millisecond,
	})
	if at, s := r.at(); r.roll(2) == 0 {
		if err := s.Snapshot(); err != nil {
			r.t.Logf("%s: %v", at, err) // of a server that has no leader, for one
		}
	}
	time.Sleep(time.Duration(200+r.roll(2500)) * time.Millisecond)
	for name := range r.where {
		if r.roll(2) == 0 {
			r.net.Heal(r.addrs[name])
			delete(r.where, name)
		}
	}
}

func (r *trial) leading() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, s := range r.up {
		if _, self := s.Leader(); self {
			return name
		}
	}
	return ""
}

// crash kills a server: what its folder holds at this moment is all that is left. It starts again after a while.
func (r *trial) crash(name string) {
	r.net.Cut(r.addrs[name])
	synctest.Wait() // no file is being written
	left := r.t.TempDir()
	directorytest.CopyFolder(r.t, left, r.dirs[name])
	r.mu.Lock()
	s := r.up[name]
	delete(r.up, name)
	r.mu.Unlock()
	if err := s.Close(); err != nil {
		r.t.Error(err)
	}
	s.link.Close()
	time.Sleep(time.Duration(r.roll(1500)) * time.Millisecond)
	r.net.Heal(r.addrs[name])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirs[name] = left
	r.start(name)
	r.crashed++
}

func (r *trial) calm() {
	r.net.SetWeather(replicationtest.Weather{})
	for _, m := range r.genesis.Members {
		r.net.Heal(r.addrs[m.Name])
		r.ahead.Store(m.Name, time.Duration(0))
	}
}

// client asks one thing after another of servers at random.
func (r *trial) client(n int, end <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-end:
			return
		case <-time.After(time.Duration(r.roll(120)) * time.Millisecond):
		}
		key := fmt.Sprint("k", r.roll(historyKeys))
		switch r.roll(7) {
		case 0, 1:
			r.put(n, key, fmt.Sprintf("%d.%d", n, i))
		case 2, 3:
			r.get(n, key)
		case 4:
			r.cut(n)
		case 5:
			r.look(key, cluster.Leader)
		case 6:
			r.look(key, cluster.Local)
		}
	}
}

// put changes a register, now and then twice by the same request, and sees its own change.
func (r *trial) put(client int, key, value string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), opTime)
	defer cancel()
	_, s := r.at()
	id, called := cluster.NewRequest(), r.tick()
	c := &command.PutAccount{Account: directory.Account{ID: directory.AccountID(key), Login: "login-" + key, Kind: directory.Citizen, Name: value, Verifier: "v"}}
	first, err := s.Propose(ctx, id, c)
	var out output
	var a directory.Account
	if err == nil {
		out.known = true
		if err := errors.Join(first.Err(), wire.Unmarshal(first.Value, &a)); err != nil {
			r.t.Errorf("put: %v", err)
		}
		out.version = a.Version
	}
	r.record(client, called, input{kind: put, key: key, value: value}, out)
	if err != nil {
		return
	}
	other, s := r.at()
	if r.roll(2) == 0 {
		again, err := s.Propose(ctx, id, c)
		if err == nil && (again.Index != first.Index || string(again.Value) != string(first.Value)) {
			r.t.Errorf("the repeat of a request at %s was answered %+v, not %+v", other, again, first)
		}
		return
	}
	err = s.Read(ctx, cluster.AtLeast(first.Index), func(t state.Reader, _ uint64) error {
		a, _, err := state.AccountByID(t, directory.AccountID(key))
		if a.Version < out.version {
			r.t.Errorf("a read at %s that waits for its own change sees version %d, not %d", other, a.Version, out.version)
		}
		return err
	})
	r.mayFail(err)
}

func (r *trial) mayFail(err error) {
	if err != nil && directory.CodeOf(err) != directory.NoLeader && !errors.Is(err, cluster.ErrClosed) {
		r.t.Errorf("read: %v", err)
	}
}

// get reads a register as it is now.
func (r *trial) get(client int, key string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), opTime)
	defer cancel()
	_, s := r.at()
	called, out := r.tick(), output{}
	err := s.Read(ctx, cluster.Linearizable, func(t state.Reader, _ uint64) error {
		a, _, err := state.AccountByID(t, directory.AccountID(key))
		out = output{known: true, value: a.Name, version: a.Version}
		return err
	})
	if err != nil {
		r.mayFail(err)
		out = output{}
	}
	r.record(client, called, input{kind: get, key: key}, out)
}

// cut makes the next edition, as far as it can tell which that is.
func (r *trial) cut(client int) {
	ctx, cancel := context.WithTimeout(r.t.Context(), opTime)
	defer cancel()
	_, s := r.at()
	if _, err := s.Propose(ctx, cluster.NewRequest(), field(r.roll(1000))); err != nil {
		return
	}
	var last uint64
	_, s = r.at()
	err := s.Read(ctx, cluster.Local, func(t state.Reader, _ uint64) error {
		h, _, err := state.Due(t)
		last = h.Number
		return err
	})
	if err != nil {
		r.mayFail(err)
		return
	}
	called, out := r.tick(), output{}
	res, err := s.Propose(ctx, cluster.NewRequest(), &command.CutEdition{Number: last + 1})
	if err == nil {
		out = output{known: true, refused: res.Failure != nil}
	}
	r.record(client, called, input{kind: cut, key: "edition", number: last + 1}, out)
}

// deposed is how long a leader may not know that it is none: its lease, and what is on its way.
const deposed = time.Second

// look reads with less than full freshness, and checks what is promised.
func (r *trial) look(key string, f cluster.Freshness) {
	ctx, cancel := context.WithTimeout(r.t.Context(), opTime)
	defer cancel()
	name, s := r.at()
	least := uint64(0)
	if f == cluster.Leader {
		least = r.ackedBefore(key, time.Now().Add(-deposed))
	}
	before, _ := s.Applied()
	err := s.Read(ctx, f, func(t state.Reader, index uint64) error {
		a, _, err := state.AccountByID(t, directory.AccountID(key))
		if a.Version < least {
			r.t.Errorf("a read at %s sees version %d of %s, %d was acknowledged a second before", name, a.Version, key, least)
		}
		if index < before {
			r.t.Errorf("the tables of %s go back from %d to %d", name, before, index)
		}
		return err
	})
	r.mayFail(err)
}
