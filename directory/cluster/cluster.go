package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/types"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
	"motcua/replication/link"
)

// Config says which server this is. All fields but Log and Now are required.
type Config struct {
	// Dir is the server's data folder; the caller has locked it.
	Dir     string
	Self    string // name among the members of the genesis
	Genesis directory.Genesis
	Link    *link.Link
	// Log defaults to nothing, Now to time.Now. Now stamps the changes this server decides as a leader.
	Log *slog.Logger
	Now func() time.Time
	// SnapshotEvery is after how many entries the log is shortened; 0 means 16,384. Half as many are kept for servers
	// that were away.
	SnapshotEvery uint64
	// Base is the members known before there are tables; none: those of the genesis. A server that joins has it from its
	// welcome.
	Base []directory.Member
	// Join: this server is none of those that begin the province. It waits to be sent the log.
	Join bool
	// Version of the program, told to the other servers.
	Version string
	// Level is the upgrade level that this server is to say it understands; 0: command.Level. With less it passes for a server
	// of an earlier version.
	Level uint32

	files types.VFS // of the log; the disk's but in tests
}

// The times of Raft, tuned so that a killed leader is replaced in about 0.4 s and a loaded machine does not lose its
// leadership for nothing.
const (
	heartbeat   = 250 * time.Millisecond
	lease       = 200 * time.Millisecond
	rpcTimeout  = 2 * time.Second
	maxPool     = 8
	maxAppend   = 256
	segmentSize = 8 << 20
	// maxInFlight is how many requests to a follower may be under way: one, which turns pipelining off. In raft 1.8.0 a
	// pipeline whose follower refuses while further requests are under way blocks for ever: the sender waits for the
	// decoder, the decoder for a consumer that has left, and what would free them is the sender's own return. The
	// follower is then told nothing more, and Shutdown waits for the sender.
	maxInFlight = 1
)

// closePatience is how long Close waits for what it stops.
const closePatience = 15 * time.Second

// Cluster is this server's part in the directory.
type Cluster struct {
	cfg     Config
	log     *slog.Logger
	genesis digest.Digest

	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	db    *badger.DB
	wal   *wal.WAL
	logs  *logStore          // the same, as Raft writes it
	meta  *metadb.BoltMetaDB // of the wal, which opens it and does not close it
	layer *layer
	trans transport
	raft  *raft.Raft
	m     *machine

	places  *places
	restore bool       // at the start: the tables are in a file that came from another server
	sending sync.Mutex // held while the tables are sent to another server

	news      news
	sessions  *sessions
	confirmer *confirmer
	settler   *settler

	once sync.Once
	// clockGood is when this server's clock was last found to agree with a majority's.
	clockGood atomic.Pointer[time.Time]

	members   atomic.Pointer[serverRows]
	levelSeen atomic.Uint32
	witness   *witness
	gate      gate
	peers     peers
	busy      busy
	started   chan struct{} // closed when Raft runs
	work      sync.WaitGroup
}

// Open starts the server's part. The link must already be open; its handlers are set here. Close it before the link.
func Open(cfg Config) (*Cluster, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.files == nil {
		cfg.files = newLogFiles()
	}
	if cfg.Level == 0 {
		cfg.Level = command.Level
	}
	if _, ok := cfg.Genesis.Member(cfg.Self); !ok && !cfg.Join {
		return nil, fmt.Errorf("open cluster: %s is not a member of the genesis", cfg.Self)
	}
	c := &Cluster{cfg: cfg, log: cfg.Log, genesis: cfg.Genesis.Digest(), started: make(chan struct{})}
	c.gate.opened, c.peers.met, c.busy.names = make(chan struct{}), map[string]error{}, map[string]bool{}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.sessions, c.confirmer, c.settler = newSessions(cfg.Link), &confirmer{c: c}, newSettler(c.ctx.Done())
	if err := c.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open cluster: %w", err), c.Close())
	}
	return c, nil
}

func (c *Cluster) open() (err error) {
	logs, tables := filepath.Join(c.cfg.Dir, "raft"), filepath.Join(c.cfg.Dir, "tables")
	for _, d := range []string{logs, tables} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	hlog := newRaftLog(c.log)
	if c.places, err = openPlaces(logs, hlog); err != nil {
		return err
	}
	if c.witness, err = openWitness(c.cfg.Dir); err != nil {
		return err
	}
	if err := c.openTables(tables); err != nil {
		return err
	}
	c.witness.know(c.founding())
	if l := c.level(); l > c.cfg.Level {
		return directory.Errorf("open tables", directory.Newer, "the directory is at upgrade level %d, this version understands %d: upgrade this server", l, c.cfg.Level)
	}
	if err := c.openLog(logs, hlog); err != nil {
		return err
	}
	cache, err := raft.NewLogCache(2*maxAppend, c.logs)
	if err != nil {
		return err
	}
	c.layer = newLayer(c)
	c.trans = transport{fit: c.fit, onDisk: c.logs.onDisk, NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: c.layer, MaxPool: maxPool, MaxRPCsInFlight: maxInFlight, Timeout: rpcTimeout, Logger: hlog,
	})}
	conf := c.raftConfig()
	conf.Logger = hlog
	if err := c.bootstrap(conf, cache, c.places); err != nil {
		return err
	}
	mine, err := c.standing(cache, c.wal, c.places)
	if err != nil {
		return err
	}
	c.cfg.Link.Handle(membersProtocol, link.Anyone, c.answerTell)
	c.cfg.Link.Handle(raftProtocol, link.Known, c.layer.serve)
	if c.raft, err = raft.NewRaft(conf, c.m, cache, c.wal, c.places, c.trans); err != nil {
		return err
	}
	c.logs.raft.Store(c.raft)
	c.cfg.Link.Handle(askProtocol, link.Known, c.answer)
	c.cfg.Link.Handle(sessionProtocol, link.Known, c.serveSession)
	go c.watchLeader()
	go c.settler.run()
	go c.watchSilence()
	close(c.started)
	c.work.Go(func() { c.passGate(mine) })
	c.work.Go(c.tend)
	return nil
}

// openLog opens the log in a folder.
func (c *Cluster) openLog(dir string, log hclog.Logger) (err error) {
	c.meta = new(metadb.BoltMetaDB)
	c.wal, err = wal.Open(dir, wal.WithSegmentSize(segmentSize), wal.WithLogger(log), wal.WithMetaStore(c.meta),
		wal.WithSegmentFiler(newSegmentsOn(dir, c.cfg.files)))
	if err != nil {
		return fmt.Errorf("log in %s: %w", dir, err)
	}
	c.logs = newLogStore(c.wal, c.m.stop)
	c.m.durable = c.logs.awaitDisk
	return nil
}

func (c *Cluster) raftConfig() *raft.Config {
	every := c.cfg.SnapshotEvery
	if every == 0 {
		every = 16 << 10
	}
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(c.cfg.Self)
	conf.HeartbeatTimeout, conf.ElectionTimeout, conf.LeaderLeaseTimeout = heartbeat, heartbeat+1, lease // see lookNow
	conf.MaxAppendEntries, conf.BatchApplyCh = maxAppend, true
	conf.SnapshotThreshold, conf.TrailingLogs, conf.SnapshotInterval = every, every/2, time.Minute
	conf.NoLegacyTelemetry = true
	// The tables persist, so a snapshot is not loaded at every start, but only when one came from another server and is
	// not in the tables yet.
	conf.NoSnapshotRestoreOnStart = !c.restore
	return conf
}

// bootstrap gives a new log its first entry, the members of the genesis: the same on every server, so that any may do it.
func (c *Cluster) bootstrap(conf *raft.Config, logs raft.LogStore, snaps raft.SnapshotStore) error {
	known, err := raft.HasExistingState(logs, c.wal, snaps)
	if err != nil || known || c.cfg.Join {
		return err
	}
	return raft.BootstrapCluster(conf, logs, c.wal, snaps, c.trans, founders(c.cfg.Genesis))
}

// founders is the configuration that a province begins with.
func founders(g directory.Genesis) (servers raft.Configuration) {
	for _, m := range g.Members {
		servers.Servers = append(servers.Servers, raft.Server{
			Suffrage: raft.Voter, ID: raft.ServerID(m.Name), Address: raft.ServerAddress(m.Name),
		})
	}
	return servers
}

// Close stops this server's part. It is safe to call more than once. It returns after 15 seconds at the latest; the error
// then says that something still runs. The files are left open under it, as in a power cut, and the process must end.
func (c *Cluster) Close() error {
	var err error
	c.once.Do(func() {
		c.stop()
		closed := make(chan error, 1)
		go func() { closed <- c.closeAll() }()
		timer := time.NewTimer(closePatience)
		defer timer.Stop()
		select {
		case err = <-closed:
		case <-timer.C:
			err = fmt.Errorf("it does not stop within %s: end the process; nothing acknowledged is lost", closePatience)
		}
	})
	if err != nil {
		return fmt.Errorf("close cluster: %w", err)
	}
	return nil
}

// closeAll closes what is open, from Raft down to the files that it writes.
func (c *Cluster) closeAll() (err error) {
	if c.raft != nil {
		c.finish()
		stopped := c.raft.Shutdown()
		err = c.trans.Close() // first: Raft may be in the middle of reading a snapshot from a peer that is away
		c.work.Wait()
		err = errors.Join(err, stopped.Error(), c.witness.save())
	} else if c.trans.NetworkTransport != nil {
		err = c.trans.Close()
	}
	if c.wal != nil {
		err = errors.Join(err, c.wal.Close())
	}
	if c.meta != nil {
		err = errors.Join(err, c.meta.Close())
	}
	if c.m != nil {
		err = errors.Join(err, c.m.close())
	}
	if c.db != nil {
		err = errors.Join(err, c.db.Close())
	}
	return err
}

// finish lets what is committed be applied: Raft, once it is told to stop, gives no more answers to those who wait for them.
func (c *Cluster) finish() {
	if c.logs.settle() != nil {
		return // told where it arose
	}
	index, err := c.lastCommand(c.raft.CommitIndex())
	patience := time.After(time.Second)
	for err == nil {
		var applied uint64
		var moved <-chan struct{}
		if applied, moved, err = c.m.state(); applied >= index {
			return
		}
		select {
		case <-moved:
		case <-patience:
			return
		}
	}
}

// Failed is closed when this server can apply the log no further: [Cluster.Err] says why. It must then be stopped.
func (c *Cluster) Failed() <-chan struct{} { return c.m.stopped }

// Err is why the server failed, nil while it has not.
func (c *Cluster) Err() error {
	_, _, err := c.m.state()
	return err
}

// Applied is where this server's tables stand in the log, and a channel that is closed when they move on.
func (c *Cluster) Applied() (index uint64, moved <-chan struct{}) {
	index, moved, _ = c.m.state()
	return index, moved
}

// Leader returns the name of the leader, "" if none is known, and whether it is this server.
func (c *Cluster) Leader() (name string, self bool) {
	_, id := c.raft.LeaderWithID()
	return string(id), string(id) == c.cfg.Self && c.raft.State() == raft.Leader
}

// Status is what a person who looks after the server wants to see.
type Status struct {
	Name      string `json:"name"`
	Leader    string `json:"leader"`
	State     string `json:"state"`
	Term      uint64 `json:"term"`
	LastLog   uint64 `json:"last_log"`
	Committed uint64 `json:"committed"`
	Applied   uint64 `json:"applied"` // of the tables
	Failure   string `json:"failure,omitempty"`
}

// Status returns the state of this server.
func (c *Cluster) Status() Status {
	leader, _ := c.Leader()
	applied, _, err := c.m.state()
	s := Status{
		Name: c.cfg.Self, Leader: leader, State: c.raft.State().String(), Term: c.raft.CurrentTerm(),
		LastLog: c.raft.LastIndex(), Committed: c.committed(), Applied: applied,
	}
	if err != nil {
		s.Failure = err.Error()
	}
	return s
}

// Snapshot shortens the log now, as happens by itself from time to time.
func (c *Cluster) Snapshot() error {
	if err := c.raft.Snapshot().Error(); err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// Local reads this server's tables as they are, whatever their age.
func (c *Cluster) local(f func(r state.Reader, index uint64) error) error {
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	return c.m.view(f)
}
