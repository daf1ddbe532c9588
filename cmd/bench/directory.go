package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"motcua/directory/population"
)

// Target is a replicated store of three processes under measurement. Client numbers share connections: client c uses the
// one of number c modulo Connections.
type Target interface {
	Name() string
	// Write stores a record of about ValueSize bytes under a key of its connection and returns once it is on the disks of a majority.
	Write(ctx context.Context, client int, n uint64) error
	// Single is Write where each has an entry of the log for itself: what comes side by side is not gathered into one.
	Single(ctx context.Context, client int, n uint64) error
	// WriteSoon is Write for when the leader may be dead: it may give up and is then called again.
	WriteSoon(ctx context.Context, client int, n uint64) error
	// Read reads a record and sees every write that was acknowledged to anybody before it began.
	Read(ctx context.Context, client int, n uint64) error
	// KillLeader ends the leading process at once and returns when it did; Revive starts it again and returns once it
	// has caught up.
	KillLeader(ctx context.Context) (time.Time, error)
	Revive(ctx context.Context) error
	// PIDs are the numbers of the running processes.
	PIDs() []int
	// Close ends the processes and removes their data.
	Close() error
}

// The size of what every target is given.
const (
	// ValueSize is about how many bytes a write brings.
	ValueSize = 300
	// Keys is how many records a connection has.
	Keys = 2000
	// Connections is how many connections the clients share.
	Connections = connections
	connections = 8
)

// Key is the record that a client's call number n is about, from 0 to Keys-1.
func Key(client int, n uint64) int {
	x := (uint64(client)<<32 + n) * 0x9E3779B97F4A7C15
	return int((x >> 33) % Keys)
}

// Opener opens a target whose files are under dir, an existing folder.
type Opener func(ctx context.Context, dir string) (Target, error)

// Config says what is measured.
type Config struct {
	Exe   string   // the program under measurement
	Dir   string   // on whose disk the data are kept for the time of the run; "" for the folder of temporary files
	Peers []Opener // measured beside it
	Short bool     // a quick look: few, short rounds
	// Progress is told what is being done.
	Progress func(step string)
}

// plan is how long a run takes.
type plan struct {
	clients    []int
	rounds     int
	warm, load time.Duration
	kills      int           // of each leader
	rest       time.Duration // before memory at rest is read
	size       population.Size
}

func (c Config) plan() plan {
	if c.Short {
		return plan{[]int{1, 16}, 1, 100 * time.Millisecond, 400 * time.Millisecond, 1, 500 * time.Millisecond, population.Size{Accounts: 10_000, Tracks: 20_000}}
	}
	return plan{[]int{1, 16, 256}, 3, 300 * time.Millisecond, 1500 * time.Millisecond, 20, 3 * time.Second, population.Size{Accounts: 1_000_000, Tracks: 2_000_000}}
}

// run is one run of the measurements.
type run struct {
	Config
	plan
	dir     string
	targets []Target // ours first
	emit    func(Measure) error
}

// Directory measures the directory and gives emit each figure as it is taken.
func Directory(ctx context.Context, c Config, emit func(Measure) error) (err error) {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	r := &run{Config: c, plan: c.plan(), emit: emit}
	if r.dir, err = os.MkdirTemp(c.Dir, "motcua-bench-"); err != nil {
		return fmt.Errorf("bench directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	for _, part := range []func(context.Context) error{r.compare, r.alone} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("bench directory: %w", err)
		}
	}
	return nil
}

// compare measures what peers are measured at too.
func (r *run) compare(ctx context.Context) (err error) {
	defer func() {
		for _, t := range r.targets {
			err = errors.Join(err, t.Close())
		}
	}()
	if err := r.openTargets(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.memory, r.throughput, r.failOver} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) openTargets(ctx context.Context) error {
	ours := func(ctx context.Context, dir string) (Target, error) {
		return openFleet(ctx, r.Exe, dir)
	}
	for i, open := range append([]Opener{ours}, r.Peers...) {
		r.Progress(fmt.Sprintf("start %d of %d", i+1, len(r.Peers)+1))
		dir := fmt.Sprintf("%s/%d", r.dir, i)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		t, err := open(ctx, dir)
		if err != nil {
			return err
		}
		r.targets = append(r.targets, t)
	}
	return nil
}

// report gives the figure of the first target, once beside each peer's, or alone. Goal says what is aimed at, nil for nothing.
func (r *run) report(name, unit string, values []float64, goal func(Measure) Measure) error {
	m := Measure{Name: name, Unit: unit, Value: round(values[0])}
	if len(values) == 1 {
		if goal != nil {
			m = goal(m)
		}
		return r.emit(m)
	}
	for i, v := range values[1:] {
		beside := m.against(r.targets[i+1].Name(), v)
		if goal != nil {
			beside = goal(beside)
		}
		if err := r.emit(beside); err != nil {
			return err
		}
	}
	return nil
}

// twice is the goal against the peer that the project measures itself by.
func twice(m Measure) Measure {
	if m.Peer == "etcd" {
		return m.times(2)
	}
	return m
}

// throughput measures writes and linearizable reads a second.
func (r *run) throughput(ctx context.Context) error {
	kinds := []struct {
		name string
		op   func(Target) Op
	}{
		{"writes", func(t Target) Op { return t.Write }},
		{"single writes", func(t Target) Op { return t.Single }},
		{"linearizable reads", func(t Target) Op { return t.Read }},
	}
	for _, kind := range kinds {
		for _, clients := range r.clients {
			values := make([][]float64, len(r.targets))
			for round := range r.rounds {
				r.Progress(fmt.Sprintf("%s, %d clients, round %d of %d", kind.name, clients, round+1, r.rounds))
				for i, t := range r.targets {
					v, err := rate(ctx, clients, r.warm, r.load, kind.op(t))
					if err != nil {
						return fmt.Errorf("%s at %s: %w", kind.name, t.Name(), err)
					}
					values[i] = append(values[i], v)
				}
			}
			if err := r.report(fmt.Sprintf("%s/%d", kind.name, clients), "1/s", medians(values), twice); err != nil {
				return err
			}
		}
	}
	return nil
}

func medians(values [][]float64) (out []float64) {
	for _, v := range values {
		out = append(out, median(v))
	}
	return out
}
