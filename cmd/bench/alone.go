package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/population"
	"motcua/directory/server"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
)

// The goals of a restart: seconds, and MiB that belong to no file.
const (
	restartGoal = 5
	memoryGoal  = 256
)

// hotTracks is how many dossiers the local reads are about: those that a province has in progress.
const hotTracks = 16_000

// alone measures what no peer is measured at: three servers that hold a whole province.
func (r *run) alone(ctx context.Context) error {
	f := &fleet{dir: filepath.Join(r.dir, "province")}
	defer func() { r.Progress("remove the data") }()
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		return err
	}
	err := r.province(ctx, f)
	return errors.Join(err, f.Close())
}

func (r *run) province(ctx context.Context, f *fleet) error {
	if err := f.found(r.Exe); err != nil {
		return err
	}
	r.Progress(fmt.Sprintf("make a province of %d accounts and %d tracks", r.size.Accounts, r.size.Tracks))
	if err := f.plant(r.size); err != nil {
		return err
	}
	if err := f.launch(ctx); err != nil {
		return err
	}
	if err := r.restarts(ctx, f); err != nil {
		return err
	}
	for _, m := range f.servers {
		m.Stop(stopTime)
	}
	return r.localReads(ctx, f)
}

// plant gives each server the same tables.
func (f *fleet) plant(size population.Size) error {
	id, err := identity.Generate()
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	first := f.servers[0].Dir
	err = cluster.Plant(first, f.genesis, now, func(add func(command.Command) error) error {
		return size.Commands(f.genesis, id.Public(), now, add)
	})
	for _, m := range f.servers[1:] {
		for _, part := range []string{"raft", "tables"} {
			if err == nil {
				err = os.CopyFS(filepath.Join(m.Dir, part), os.DirFS(filepath.Join(first, part)))
			}
		}
	}
	return err
}

// restarts kills each server once and measures until it answers again, and the memory that it then takes.
func (r *run) restarts(ctx context.Context, f *fleet) error {
	var took, anonymous []float64
	for _, m := range f.servers {
		r.Progress("kill and start " + m.Name)
		if err := m.Kill(); err != nil {
			return err
		}
		_, s, err := f.leader(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := m.Start(startTime); err != nil {
			return err
		}
		if err := m.await(ctx, func(now server.Status) bool { return now.Leader != "" && now.Applied >= s.Applied }); err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds())
		pause(ctx, r.rest)
		use, err := memoryOf(m.PID())
		if err != nil {
			return err
		}
		anonymous = append(anonymous, use.anonymous)
	}
	what := fmt.Sprintf("%d accounts, %d tracks", r.size.Accounts, r.size.Tracks)
	ready := Measure{Name: "restart with " + what + ", worst of 3", Unit: "s", Value: round(slices.Max(took))}
	if err := r.emit(ready.atMost(restartGoal)); err != nil {
		return err
	}
	memory := Measure{Name: "memory after it, anonymous", Unit: "MiB", Value: round(slices.Max(anonymous))}
	return r.emit(memory.atMost(memoryGoal))
}

// localReads opens a server's tables in this process and looks dossiers up in them. No other server runs: a local read asks
// nobody.
func (r *run) localReads(ctx context.Context, f *fleet) error {
	r.Progress("local reads in process")
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	id, err := identity.Load(filepath.Join(f.servers[0].Dir, "identity.pem"))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	l, err := link.New(link.Config{Name: replication.Name(f.servers[0].Name), Identity: id, Resolver: nobody{}, Conn: conn})
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer l.Close()
	c, err := cluster.Open(cluster.Config{Dir: f.servers[0].Dir, Self: f.servers[0].Name, Genesis: f.genesis, Link: l})
	if err != nil {
		return err
	}
	perSecond, err := rate(ctx, runtime.GOMAXPROCS(0), r.warm, r.load, func(ctx context.Context, _ int, _ uint64) error {
		return readTrack(ctx, c, rand.IntN(min(hotTracks, r.size.Tracks)))
	})
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	return r.emit(Measure{Name: "local reads in process", Unit: "1/s", Value: round(perSecond)}.atLeast(200_000))
}

// readTrack reads one dossier's track.
func readTrack(ctx context.Context, c *cluster.Cluster, i int) error {
	return c.Read(ctx, cluster.Local, func(t state.Reader, _ uint64) error {
		v, ok, err := state.TrackOf(t, population.Code(i))
		if err == nil && (!ok || v.Root != population.Office) {
			err = directory.Errorf("read", directory.NotFound, "the track of %s is not there", population.Code(i))
		}
		return err
	})
}
