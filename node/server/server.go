package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/replica"
	"motcua/node/blob"
	"motcua/node/guardian"
	"motcua/node/office"
	"motcua/node/session"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/courier"
	"motcua/replication/gossip"
	keeping "motcua/replication/guardian"
	"motcua/replication/link"
	"motcua/replication/relay"
	"motcua/replication/spool"
)

// Config is how a node is run.
type Config struct {
	Dir  string
	Conn net.PacketConn // for other machines; the server closes it
	// TCP is for those of them for which UDP does not pass, at the port number of Conn; the server closes it. It may be nil.
	TCP net.Listener
	// HTTP is where browsers connect; nil: no pages are served (a simulation).
	HTTP net.Listener
	// Pages makes the handler of the pages. It may be nil where HTTP is.
	Pages func(*office.Office, *Server) (http.Handler, error)
	// Store are the settings of the store; zero is right.
	Store store.Options
	// Addr and Portal are where the node is reached from now on; empty: where it was.
	Addr, Portal string
	// Version of the program, told to peers.
	Version string
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default: nothing
}

// Server is a node.
type Server struct {
	cfg       Config
	log       *slog.Logger
	enrolment enrolment
	genesis   directory.Genesis
	ring      *identity.Ring

	replica *replica.Replica
	store   *store.Store
	blobs   *blob.Store
	spool   *spool.Spool
	link    *link.Link
	calls   *client.Client
	courier *courier.Courier
	relays  *relay.Client
	relay   *relay.Relay

	backupKey *keeping.KeyFile
	guardian  *keeping.Guardian // of others
	backup    *guardian.Streamer
	gossip    *gossip.Gossip
	office    *office.Office

	editions *client.Editions // handed to other nodes
	newer    chan struct{}    // a peer has a newer edition
	sighted  chan struct{}    // a server of the directory may be in reach again
	// installing is held while an edition is taken, so that each is compared with the one before.
	installing sync.Mutex
	rotating   sync.Mutex        // guards the three below
	next       *identity.Private // keys to be taken into use, nil for none
	refusal    error             // of the last that were to be
	rotated    chan struct{}     // closed when a rotation has ended
	rotate     chan struct{}     // a rotation has begun
	ready      chan struct{}
	started    time.Time
	close      []func() error // in the order of opening
}

// checksAtOnce bounds the memory that password checks take: 19 MiB each. One is the desk's alone.
const checksAtOnce = 3

// Open opens the data folder and the link, and serves peers at once; Run does the rest. On an error nothing is left open.
func Open(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	n := &Server{cfg: cfg, log: cfg.Log, newer: make(chan struct{}, 1), sighted: make(chan struct{}, 1), rotated: make(chan struct{}), rotate: make(chan struct{}, 1), ready: make(chan struct{}), started: cfg.Now()}
	n.opened(n.closeSockets)
	for _, step := range []func() error{n.openFolder, n.openStores, n.connect} {
		if err := step(); err != nil {
			return nil, errors.Join(err, n.closeAll())
		}
	}
	return n, nil
}

// closeSockets closes the sockets for other machines if the link has not.
func (n *Server) closeSockets() error {
	var errs []error
	for _, c := range []io.Closer{n.cfg.Conn, n.cfg.TCP} {
		if c == nil {
			continue
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (n *Server) opened(close func() error) { n.close = append(n.close, close) }

// closeAll closes in the opposite order of opening.
func (n *Server) closeAll() error {
	var errs []error
	for i := len(n.close) - 1; i >= 0; i-- {
		errs = append(errs, n.close[i]())
	}
	n.close = nil
	return errors.Join(errs...)
}

func (n *Server) path(name string) string { return filepath.Join(n.cfg.Dir, name) }

// openFolder reads who this node is.
func (n *Server) openFolder() (err error) {
	if n.enrolment, n.genesis, err = loadEnrolment(n.cfg.Dir); err != nil {
		return err
	}
	if err := checkRestored(n.cfg.Dir); err != nil {
		return err
	}
	lock, err := disk.Lock(n.cfg.Dir)
	if err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	n.opened(lock.Close)
	if err := n.enrolment.move(n.cfg.Dir, n.cfg.Addr, n.cfg.Portal); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	if err := n.openKeys(); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	if n.replica, err = replica.Open(n.path(replicaFolder), n.genesis); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	return n.adopt() // a crash may have come between the edition and this
}

func (n *Server) openStores() (err error) {
	o := n.cfg.Store
	if o.Log == nil {
		o.Log = n.log
	}
	if n.store, err = store.Open(n.path(storeFolder), o); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	n.opened(n.store.Close)
	if n.blobs, err = blob.Open(n.path(blobFolder)); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	n.opened(n.blobs.Close)
	if n.spool, err = spool.Open(n.path(spoolFolder)); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	return nil
}

// connect joins the rooms over the link.
func (n *Server) connect() (err error) {
	self := replication.Name(n.enrolment.Office)
	n.link, err = link.New(link.Config{Name: self, Identity: n.ring.Now(), Ring: n.ring, Resolver: n.replica, Conn: n.cfg.Conn, Listener: n.cfg.TCP, Log: n.log})
	if err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	n.opened(n.link.Close)
	n.calls = client.New(n.link, n.replica)
	n.office = office.New(office.Config{
		Code: n.enrolment.Office, Identity: n.ring.Now(), Ring: n.ring, Store: n.store, Blobs: n.blobs, Spool: n.spool, Directory: n.replica,
		Calls: n.calls, Accounts: n.calls, Peers: peers{n.link}, Offices: n.offices, Passwords: session.NewPasswords(checksAtOnce),
		Now: n.cfg.Now, Log: n.log, Wake: func(to replication.Name) { n.courier.Wake(to) },
		Progress: func(to replication.Name, q replication.Queued) replication.Progress { return n.courier.Progress(to, q) },
	})
	n.office.Recovered(n.replica.Recovered())
	n.openRelays()
	n.courier = courier.New(courier.Config{
		Self: self, Identity: n.ring.Now(), Ring: n.ring, Link: n.link, Spool: n.spool, Outbox: n.office.Outbox(), Inbox: n.office.Inbox(),
		Resolver: n.replica, Relay: n.relays, Log: n.log,
	})
	if err := errors.Join(n.openRelay(), n.openBackup()); err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	if err := n.loadLimits(); err != nil {
		return fmt.Errorf("open node: limits of the line: %w; set them anew with motcua node limits, or remove %s", err, n.path(limitsFile))
	}
	n.link.OnContact(n.sight)
	n.link.Stay(n.keeps)
	n.link.Splice()
	n.link.Handle(office.Protocol, link.Known, n.answer)
	n.editions = client.NewEditions(n.replica, handsAtOnce)
	n.link.Handle(editionProtocol, link.Known, n.serveEdition)
	n.link.Handle(client.EditionProtocol, link.Known, n.handOut)
	n.gossip, err = gossip.New(gossip.Config{
		Name: self, Link: n.link, Key: n.genesis.GossipKey, Advertise: n.enrolment.Addr, Seeds: n.seeds, OnPeer: n.seen, Log: n.log,
	}, n.meta())
	if err != nil {
		return fmt.Errorf("open node: %w", err)
	}
	n.opened(n.gossip.Close)
	return nil
}

// Prove signs a session anew, in which a second factor was just shown.
func (n *Server) Prove(s session.Session) (string, error) {
	return session.Prove(n.ring.Now(), s, n.cfg.Now())
}

// Issue signs a session of an account that has just proven itself here.
func (n *Server) Issue(a directory.Account) (string, error) {
	return session.Issue(n.ring.Now(), n.enrolment.Office, a, n.cfg.Now())
}

// keys are those of an office whose node is trusted now. A server of the directory is no office: it signs nobody in.
func (n *Server) keys(code directory.OfficeCode) (*identity.Keys, error) {
	if code == n.enrolment.Office {
		return n.ring.Now().Public().Keys()
	}
	if node, ok := n.replica.Node(code); !ok || node.Revoked != 0 {
		return nil, fmt.Errorf("node of %s: %w", code, session.ErrInvalid)
	}
	p, err := n.replica.Resolve(replication.Name(code))
	if err != nil {
		return nil, err
	}
	if !p.Revoked.IsZero() || p.Keys == nil { // by an edition that came between the two
		return nil, fmt.Errorf("node of %s: %w", code, session.ErrInvalid)
	}
	return p.Keys, nil
}

// seeds are the peers that ought to be there: the directory's servers, and the other offices, so that they find each other
// again after a power cut that the directory has not survived.
func (n *Server) seeds() (out []gossip.Seed) {
	for _, m := range n.replica.Members() {
		out = append(out, gossip.Seed{Name: replication.Name(m.Name), Addr: m.Addr})
	}
	for _, p := range n.replica.Nodes() {
		if p.Office != n.enrolment.Office && p.Addr != "" {
			out = append(out, gossip.Seed{Name: replication.Name(p.Office), Addr: p.Addr})
		}
	}
	return out
}

// offices are those with a node that is trusted.
func (n *Server) offices() (out []replication.Name) {
	for _, p := range n.replica.Nodes() {
		if p.Revoked == 0 {
			out = append(out, replication.Name(p.Office))
		}
	}
	return out
}

// Ready is closed when the node answers people and peers.
func (n *Server) Ready() <-chan struct{} { return n.ready }

// Office is the use cases of this node.
func (n *Server) Office() *office.Office { return n.office }

// Replica is the node's copy of the public tables.
func (n *Server) Replica() *replica.Replica { return n.replica }

// Line tells whether the line is up, as far as drills go.
func (n *Server) Line() bool { return n.link.Line() }

// Run serves until ctx ends, then closes everything. Call it once.
func (n *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	errs := make(chan error, 2)
	work.Go(func() { n.office.Background(ctx) })
	work.Go(func() { n.keepUp(ctx) })
	work.Go(func() { n.tell(ctx) })
	work.Go(func() { n.keepPlace(ctx) })
	work.Go(func() { n.takeFromPeers(ctx) })
	work.Go(func() { n.keepKeys(ctx) })
	work.Go(func() { n.relays.Run(ctx) })
	work.Go(func() { n.keepParcels(ctx) })
	work.Go(func() { n.backup.Run(ctx) })
	work.Go(func() { errs <- n.courier.Run(ctx) })
	work.Go(func() { errs <- n.servePages(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	stop()
	work.Wait()
	return errors.Join(err, n.closeAll())
}

// The bounds of a browser's connection.
const (
	headTime  = 10 * time.Second
	bodyTime  = 30 * time.Minute // a scan over a slow line
	idleTime  = 2 * time.Minute
	maxHeader = 16 << 10
	closeTime = 5 * time.Second
)

// servePages serves browsers until ctx ends.
func (n *Server) servePages(ctx context.Context) error {
	if n.cfg.HTTP == nil {
		close(n.ready)
		<-ctx.Done()
		return nil
	}
	h, err := n.cfg.Pages(n.office, n)
	if err != nil {
		return fmt.Errorf("serve pages: %w", err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headTime, ReadTimeout: bodyTime, WriteTimeout: bodyTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(done)
		last, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		if srv.Shutdown(last) != nil {
			srv.Close()
		}
	})
	close(n.ready)
	if err := srv.Serve(n.cfg.HTTP); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve pages: %w", err)
	}
	<-done
	return nil
}
