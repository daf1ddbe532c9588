package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/cluster"
	"motcua/directory/folder"
	"motcua/replication"
	"motcua/replication/gossip"
	"motcua/replication/guardian"
	"motcua/replication/link"
	"motcua/replication/relay"
)

// Config says which server this is. All fields but TCP, Version, Log, Now, OfficeRate and Free are required.
type Config struct {
	Dir  string
	Conn net.PacketConn // the one socket for other machines; the server closes it
	// TCP is for those of them for which UDP does not pass, at the port number of Conn; the server closes it. It may be nil.
	TCP net.Listener
	// Genesis of the province; Identity is that of one of its members, or of one whom Welcome lets join.
	Genesis  directory.Genesis
	Identity *identity.Private
	// Welcome is what a server that joins was given, nil for those of the genesis. It is kept in the folder.
	Welcome *Welcome
	// Level is that of cluster.Config; 0 for that of this version.
	Level   uint32
	Version string           // of the program, told to peers
	Log     *slog.Logger     // default: nothing
	Now     func() time.Time // default time.Now
	// OfficeRate is how many requests a second an office may make of this server, ten seconds' worth of them at once; 0 means 50.
	OfficeRate int
	// Free tells how many bytes are left on the disk of a folder; by default the operating system is asked.
	Free func(dir string) (uint64, error)
}

// format marks the data folder.
const format = "motcua directory server 1"

// GenesisFile is the name in the data folder under which a server keeps its genesis.
const GenesisFile = "genesis.kept"

// Server is a directory server. Make it with New, then Run it.
type Server struct {
	cfg       Config
	log       *slog.Logger
	self      directory.Member
	roster    *roster
	link      *link.Link
	cluster   *cluster.Cluster
	relay     *relay.Relay
	backupKey *guardian.KeyFile
	guardian  *guardian.Guardian
	gossip    *gossip.Gossip
	limits    *limits
	sessions  sessionCount
	editions  *client.Editions
	news      *news
	started   time.Time

	ready     chan struct{}
	readyOnce sync.Once

	founded     atomic.Bool // the tables have a genesis, which does not change any more
	full        time.Time   // when an edition was found too large to be cut
	tended      uint64      // state.MembersIndex up to which nothing about the members is to be done
	next        nextKeys
	keptEpoch   uint64        // of the successions kept in the folder
	rotated     chan struct{} // closed when the keys were replaced
	rotatedOnce sync.Once
}

// New opens the data folder and starts to take part; peers are answered at once. Run does the rest and must follow. On
// an error nothing is left open.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, log: cfg.Log, limits: newLimits(cfg.Now, cfg.OfficeRate), news: newNews(), sessions: sessionCount{open: map[directory.OfficeCode]int{}}, ready: make(chan struct{}), rotated: make(chan struct{}), started: cfg.Now()}
	err := s.open()
	if err == nil {
		return s, nil
	}
	if s.link == nil { // which else closes the sockets
		err = errors.Join(err, cfg.Conn.Close())
		if cfg.TCP != nil {
			err = errors.Join(err, cfg.TCP.Close())
		}
	}
	return nil, errors.Join(fmt.Errorf("open directory server: %w", err), s.close())
}

func (s *Server) open() (err error) {
	if err := s.prepareFolder(); err != nil {
		return err
	}
	if s.self, err = s.whoAmI(); err != nil {
		return err
	}
	if err := s.room(); err != nil {
		return err
	}
	if s.roster, err = newRoster(s.firstServers()); err != nil {
		return err
	}
	name := replication.Name(s.self.Name)
	s.link, err = link.New(link.Config{Name: name, Identity: s.cfg.Identity, Resolver: s.roster, Conn: s.cfg.Conn, Listener: s.cfg.TCP, Log: s.log})
	if err != nil {
		return err
	}
	s.cluster, err = cluster.Open(cluster.Config{
		Dir: s.cfg.Dir, Self: s.self.Name, Genesis: s.cfg.Genesis, Link: s.link, Log: s.log, Now: s.cfg.Now,
		Base: s.base(), Join: s.cfg.Welcome != nil, Version: s.cfg.Version, Level: s.cfg.Level,
	})
	if err != nil {
		return err
	}
	// The roster must know the nodes before they knock: one that knocks too early is sent away as a stranger.
	if err := s.refresh(); err != nil {
		return err
	}
	s.editions = client.NewEditions(&shelf{s: s}, editionsAtOnce)
	s.link.Handle(client.Protocol, link.Known, s.serve)
	s.link.Handle(client.SessionProtocol, link.Known, s.converse)
	s.link.Handle(client.EnrolProtocol, link.Anyone, s.enrol)
	s.link.Handle(client.EditionProtocol, link.Known, s.handOut)
	s.link.Splice()
	s.relay, err = relay.Open(relay.Config{
		Dir: filepath.Join(s.cfg.Dir, relayFolder), Self: name, Identity: s.cfg.Identity, Link: s.link, Resolver: s.roster,
		Serves: s.keepsFor, Now: s.cfg.Now, Free: s.cfg.Free, Log: s.log,
	})
	if err != nil {
		return err
	}
	if err := s.openGuardian(); err != nil {
		return err
	}
	s.gossip, err = gossip.New(gossip.Config{
		Name: name, Link: s.link, Key: s.cfg.Genesis.GossipKey, Advertise: s.self.Addr, Seeds: s.seeds, Log: s.log,
		OnPeer: func(name replication.Name, _ gossip.Meta) { s.relay.Seen(name) },
	}, gossip.Meta{Version: s.cfg.Version})
	return err
}

// prepareFolder checks that the folder is a server's, and of this province.
func (s *Server) prepareFolder() error {
	if err := folder.Prepare(s.cfg.Dir, format); err != nil {
		return err
	}
	want, err := s.cfg.Genesis.Bytes()
	if err != nil {
		return err
	}
	path := filepath.Join(s.cfg.Dir, GenesisFile)
	have, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return disk.WriteFile(path, want)
	case err != nil:
		return err
	case !bytes.Equal(have, want):
		return fmt.Errorf("data folder %s belongs to another genesis: give this server the genesis it began with, or an empty folder", s.cfg.Dir)
	}
	return nil
}

// goodbye is how long the gossip may take to say that this server leaves.
const goodbye = 1500 * time.Millisecond

func (s *Server) close() error {
	var errs []error
	left := make(chan error, 1)
	if s.gossip != nil {
		go func() { left <- s.gossip.Close() }()
		select {
		case err := <-left:
			left <- err
		case <-time.After(goodbye): // it waits for a peer that is away; closing the link ends that
		}
	} else {
		left <- nil
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Close())
	}
	if s.link != nil {
		errs = append(errs, s.link.Close())
	}
	return errors.Join(append(errs, <-left)...)
}

// seeds are the peers that ought to be there: the other servers.
func (s *Server) seeds() (out []gossip.Seed) {
	for _, m := range s.members() {
		if m.Name != s.self.Name {
			out = append(out, gossip.Seed{Name: replication.Name(m.Name), Addr: m.Addr})
		}
	}
	return out
}

// Ready is closed when the province is founded and this server knows a leader.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Name is the server's name on the network.
func (s *Server) Name() string { return s.self.Name }

// Run serves until ctx ends, or until this server can go on no longer, then closes everything. Call it once.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { s.follow(ctx) })
	work.Go(func() { s.tend(ctx) })
	work.Go(func() { s.keepParcels(ctx) })
	full := make(chan error, 1)
	work.Go(func() { full <- s.watchRoom(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case <-s.cluster.Failed():
		err = s.cluster.Err()
	case err = <-full:
	case <-s.rotated:
		err = ErrRotated
	}
	stop()
	work.Wait()
	if r, ok := errors.AsType[*cluster.Replaced](err); ok {
		err = s.takeReplacement(r)
	}
	return errors.Join(err, s.close())
}

// SetLine pulls this server's cable or plugs it in again, as a drill.
func (s *Server) SetLine(up bool) { s.link.SetLine(up) }
