package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"motcua/directory"
	"motcua/directory/client"
)

// The size of a history.
const (
	pauseRounds  = 6
	pauseClients = 6
	pauseKeys    = 3
	pauseOpTime  = 5 * time.Second
)

// pauseTrial is clients at work, and what they were answered. A track keeps the latest AsOf that was reported, whatever the order: it
// is a register that only grows.
type pauseTrial struct {
	t *testing.T
	*fleet

	mu    sync.Mutex
	clock int64
	asOf  int64
	ops   []porcupine.Operation
}

// look is the operation of who reads, any other number is an AsOf that is reported.
const look int64 = 0

// TestAPausedServerIsSeenByNobody: servers that are processes are stopped for a moment (SIGSTOP), as a machine that is moved or swaps, the
// leader more often than the others, and one is killed. What clients see of it in between could be one machine's.
func TestAPausedServerIsSeenByNobody(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "motcua")
	if out, err := exec.Command("go", "build", "-o", exe, "motcua/cmd/motcua").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	f, err := openFleet(t.Context(), exe, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := &pauseTrial{t: t, fleet: f}
	end := make(chan struct{})
	var work sync.WaitGroup
	for n := range pauseClients {
		work.Go(func() { p.work(n, end) })
	}
	for i := range pauseRounds {
		p.pause(i%3 > 0)
		if i == pauseRounds/2 {
			p.kill()
		}
	}
	close(end)
	work.Wait()
	p.check()
}

// pause stops the leader or any server for up to two seconds.
func (p *pauseTrial) pause(leader bool) {
	m := p.servers[rand.IntN(len(p.servers))]
	if l, _, err := p.leader(p.t.Context()); leader && err == nil {
		m = l
	}
	if err := syscall.Kill(m.PID(), syscall.SIGSTOP); err != nil {
		p.t.Error(err)
	}
	pause(p.t.Context(), time.Duration(200+rand.IntN(1800))*time.Millisecond)
	if err := syscall.Kill(m.PID(), syscall.SIGCONT); err != nil {
		p.t.Error(err)
	}
	pause(p.t.Context(), time.Duration(rand.IntN(300))*time.Millisecond)
}

func (p *pauseTrial) kill() {
	if _, err := p.KillLeader(p.t.Context()); err != nil {
		p.t.Error(err)
	}
	if err := p.Revive(p.t.Context()); err != nil {
		p.t.Error(err)
	}
}

// work reports and looks up, each client from an office of its own.
func (p *pauseTrial) work(n int, end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case <-time.After(time.Duration(rand.IntN(30)) * time.Millisecond):
		}
		key := rand.IntN(pauseKeys)
		if rand.IntN(2) == 0 {
			p.report(n, key)
		} else {
			p.look(n, key)
		}
	}
}

// All tracks are of one office, which several clients report for.
func (p *pauseTrial) report(n, key int) {
	ctx, cancel := context.WithTimeout(p.t.Context(), pauseOpTime)
	defer cancel()
	called, asOf := p.begin(true)
	track := p.nodes[0].track(Keys+key, 0)
	track.AsOf = asOf
	err := p.nodes[0].client.Report(ctx, []directory.Track{track})
	p.ended(n, key, called, asOf, 0, err)
}

func (p *pauseTrial) look(n, key int) {
	ctx, cancel := context.WithTimeout(p.t.Context(), pauseOpTime)
	defer cancel()
	at := p.at(n)
	called, _ := p.begin(false)
	track, err := at.client.With(client.Linearizable).Lookup(ctx, p.nodes[0].code(Keys+key))
	if directory.CodeOf(err) == directory.NotFound {
		err = nil
	}
	p.ended(n, key, called, look, track.AsOf, err)
}

func (p *pauseTrial) begin(report bool) (called, asOf int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	if report {
		p.asOf++
	}
	return p.clock, p.asOf
}

// ended notes an operation. A report without an answer may still be made; a look without one says nothing.
func (p *pauseTrial) ended(n, key int, called, in, out int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	o := porcupine.Operation{ClientId: n, Input: [2]int64{int64(key), in}, Call: called, Output: out, Return: p.clock}
	switch {
	case err != nil && in == look:
		return
	case err != nil:
		o.Return = math.MaxInt64
	}
	p.ops = append(p.ops, o)
}

// grows is a register that keeps the largest number.
func grows() porcupine.Model {
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			parts := make([][]porcupine.Operation, pauseKeys)
			for _, o := range all {
				key := o.Input.([2]int64)[0]
				parts[key] = append(parts[key], o)
			}
			return parts
		},
		Init: func() any { return int64(0) },
		Step: func(state, in, out any) (bool, any) {
			s, asOf := state.(int64), in.([2]int64)[1]
			if asOf == look {
				return out.(int64) == s, s
			}
			return true, max(s, asOf)
		},
	}
}

func (p *pauseTrial) check() {
	answered, looks := 0, 0
	for _, o := range p.ops {
		if o.Return != math.MaxInt64 {
			answered++
		}
		if o.Input.([2]int64)[1] == look {
			looks++
		}
	}
	p.t.Logf("%d operations, %d answered, %d of them looks", len(p.ops), answered, looks)
	if answered < 200 || looks < 100 {
		p.t.Error("too little was answered to tell anything")
	}
	if porcupine.CheckOperationsTimeout(grows(), p.ops, 30*time.Second) == porcupine.Illegal {
		p.t.Error("no single machine could have answered so")
	}
	stale := append(p.ops, porcupine.Operation{Input: [2]int64{0, look}, Call: p.clock + 1, Output: int64(-1), Return: p.clock + 2})
	if porcupine.CheckOperationsTimeout(grows(), stale, 30*time.Second) == porcupine.Ok {
		p.t.Error("the check lets a stale look pass")
	}
}
