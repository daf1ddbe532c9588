package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/line"
)

// Config says who a link is and whom it knows. All fields but Log, Ring, Listener and DialTCP are required.
type Config struct {
	Name     replication.Name
	Identity *identity.Private
	// Ring holds Identity and is where another takes its place; by default there is none. Connections that are open go on.
	Ring     *identity.Ring
	Resolver replication.Resolver
	// Conn is the socket, real or simulated; the link owns it and closes it.
	Conn net.PacketConn
	// Listener takes the connections of those for whom UDP does not pass, by TCP at the port number of Conn; the link owns
	// it and closes it. nil: nobody comes by TCP.
	Listener net.Listener
	// DialTCP goes out by TCP to an address where UDP does not pass. By default it is that of a net.Dialer where Conn is a
	// UDP socket, and none where it is simulated.
	DialTCP func(ctx context.Context, addr string) (net.Conn, error)
	// Log defaults to nothing.
	Log *slog.Logger
}

// Access says who may use a protocol.
type Access uint8

// The accesses.
const (
	Known  Access = iota // peers that the resolver knows and whose key is not revoked
	Anyone               // strangers too: the protocol itself finds out whom it serves
)

// Caller is who opened a stream.
type Caller struct {
	Peer     replication.Peer // zero for a stranger
	TLSPoint []byte           // the key the handshake proved, as in identity.Public.TLS
	Addr     string           // host:port it comes from
}

// Handler serves one stream. The stream is closed when it returns; a handler that gives the stream away waits for
// [Stream.Done]. The context ends with the connection or the link.
type Handler func(ctx context.Context, from Caller, s *Stream)

// The bounds. A stranger's are those of someone who has yet to show a reason to be here.
const (
	dialTimeout     = 5 * time.Second
	livelyTime      = 5 * time.Second
	handshakeTime   = 10 * time.Second
	openingTimeout  = 10 * time.Second
	strangerTime    = 2 * time.Minute
	strangerStreams = 4
	maxStreams      = 256
	maxConns        = 8    // of one peer
	maxIncoming     = 1024 // connections, handshakes included
	calmIncoming    = 512  // above it, callers first prove their address
	maxProtocol     = 64   // bytes of a protocol's name
)

// Link is one socket's worth of peers. Make it with New; it is safe for concurrent use.
type Link struct {
	cfg   Config
	log   *slog.Logger
	gate  *gate
	quic  *quic.Transport
	certs *certificates

	ctx       context.Context
	stop      context.CancelFunc
	work      sync.WaitGroup
	incoming  atomic.Int64
	porch     porch // handshakes under way
	strangers porch // strangers who are served
	packets   chan Packet
	gones     sparing // belongs to the reader of packets

	mu       sync.Mutex
	closed   bool
	handlers map[string]handler
	conns    map[digest.Digest][]*conn // by TLS id, newest last
	dials    map[digest.Digest]*dialling
	byTCP    map[digest.Digest]bool // keys that were reached by TCP last
	stays    map[digest.Digest]bool // keys to which a connection is kept
	hints    map[replication.Name]string
	lanes    map[line.Tag]*lane
	windows  map[digest.Digest]int // of the last lane to a key
	share    share
	roof     roof
	contacts []func(replication.Name)
}

type handler struct {
	access Access
	serve  Handler
}

// New listens on the socket at once.
func New(cfg Config) (*Link, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Ring == nil {
		cfg.Ring = identity.NewRing(cfg.Identity)
	}
	if _, real := cfg.Conn.(*net.UDPConn); real && cfg.DialTCP == nil {
		d := &net.Dialer{}
		cfg.DialTCP = func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
	}
	key, err := resetKey(cfg.Identity)
	if err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	l := &Link{
		cfg: cfg, log: cfg.Log,
		gate:    &gate{PacketConn: cfg.Conn},
		certs:   &certificates{ring: cfg.Ring, now: time.Now},
		packets: make(chan Packet, packetQueue),
		porch:   porch{most: maxHandshakes, mostFrom: maxHandshakesFrom}, strangers: porch{most: maxStrangers, mostFrom: maxStrangersFrom},
		handlers: map[string]handler{},
		conns:    map[digest.Digest][]*conn{},
		dials:    map[digest.Digest]*dialling{},
		byTCP:    map[digest.Digest]bool{},
		hints:    map[replication.Name]string{},
		lanes:    map[line.Tag]*lane{},
		windows:  map[digest.Digest]int{},
	}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.quic = &quic.Transport{
		Conn:                l.gate.conn(),
		StatelessResetKey:   key,
		VerifySourceAddress: l.doubt,
		ConnContext:         l.admit,
	}
	listener, err := l.quic.Listen(listenTLS(l.certs), quicConfig())
	if err != nil {
		l.stop()
		return nil, fmt.Errorf("open link on %s: %w", cfg.Conn.LocalAddr(), err)
	}
	l.Handle(packetProtocol, Known, l.takePackets)
	l.Handle(jointProtocol, Known, l.takeJoint)
	l.work.Go(func() { l.accept(listener) })
	l.work.Go(l.readPackets)
	if cfg.Listener != nil {
		l.work.Go(l.acceptTCP)
	}
	return l, nil
}

// quicConfig keeps every peer's share of memory small: at most 4 MiB each.
func quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           handshakeTime,
		MaxIdleTimeout:                 60 * time.Second,
		KeepAlivePeriod:                15 * time.Second,
		InitialStreamReceiveWindow:     512 << 10, // a small parcel's offer goes without waiting for credit
		MaxStreamReceiveWindow:         1 << 20,
		InitialConnectionReceiveWindow: 1 << 20,
		MaxConnectionReceiveWindow:     4 << 20,
		MaxIncomingStreams:             maxStreams,
		MaxIncomingUniStreams:          -1,
	}
}

// doubt tells whether a caller has to show that it can be reached at the address that it comes from.
func (l *Link) doubt(from net.Addr) bool {
	return l.incoming.Load() > calmIncoming || l.porch.crowded(from)
}

// admit counts incoming connections from their first packet on, and turns away what is over the bounds.
func (l *Link) admit(ctx context.Context, who *quic.ClientInfo) (context.Context, error) {
	if l.incoming.Add(1) > maxIncoming {
		l.incoming.Add(-1)
		return nil, errors.New("too many connections")
	}
	leave, ok := l.porch.enter(who.RemoteAddr)
	if !ok {
		l.incoming.Add(-1)
		return nil, errors.New("too many handshakes")
	}
	context.AfterFunc(ctx, func() {
		leave()
		l.incoming.Add(-1)
	})
	return context.WithValue(ctx, leaveKey{}, leave), nil
}

// Handle serves a protocol, named with its version as in "parcel/1". Call it before peers are expected to ask for it;
// handling a name again replaces its handler, and none takes the protocol away.
func (l *Link) Handle(proto string, a Access, h Handler) {
	if proto == "" || len(proto) > maxProtocol {
		panic("link: protocol name " + proto)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h == nil {
		delete(l.handlers, proto)
		return
	}
	l.handlers[proto] = handler{a, h}
}

// OnContact has f called with the name of every known peer that connects to us. It must not block.
func (l *Link) OnContact(f func(replication.Name)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.contacts = append(l.contacts, f)
}

// Hint notes an address at which a name was seen, to be tried beside the resolver's. A wrong hint costs time, not trust.
func (l *Link) Hint(name replication.Name, addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.hints[name]; ok || len(l.hints) < maxIncoming {
		l.hints[name] = addr
	}
}

// Addr is the local address of the socket.
func (l *Link) Addr() net.Addr { return l.cfg.Conn.LocalAddr() }

// SetLine pulls the cable (false) or plugs it in again (true): while it is out, every packet in and out is dropped.
// It is a drill, for demonstrations and tests.
func (l *Link) SetLine(up bool) {
	l.gate.down.Store(!up)
	l.log.Info("line switched", "up", up)
}

// Line tells whether the line is up, as far as SetLine goes.
func (l *Link) Line() bool { return !l.gate.down.Load() }

// background runs something that Close waits for. It tells whether the link is still open: otherwise nothing is run.
func (l *Link) background(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.work.Go(f)
	}
	return !l.closed
}

// all lists the open connections.
func (l *Link) all() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*conn
	for _, cs := range l.conns {
		all = append(all, cs...)
	}
	return all
}

// Recheck closes the connections of keys that the resolver no longer knows or says are revoked. Call it when an
// edition has come.
func (l *Link) Recheck() {
	for _, c := range append(l.all(), l.laneConns()...) {
		p, err := l.cfg.Resolver.Identify(c.id)
		switch {
		case err == nil && !p.Trusted(time.Now()):
			c.refuse(Revoked)
		case err != nil && c.known.Load():
			c.refuse(NotAllowed)
		}
	}
}

// Connected lists the known peers with an open connection, in order.
func (l *Link) Connected() []replication.Name {
	l.mu.Lock()
	ids := make([]digest.Digest, 0, len(l.conns))
	for id := range l.conns {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	var names []replication.Name
	for _, id := range ids {
		if p, err := l.cfg.Resolver.Identify(id); err == nil {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names) // a peer that has taken new keys may be connected under both
}

// Close tells every peer goodbye, closes the socket and waits for the handlers to return.
func (l *Link) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	for _, c := range l.all() {
		c.s.Close(codeClosed, "")
	}
	l.stop()
	err := errors.Join(l.quic.Close(), l.cfg.Conn.Close())
	if l.cfg.Listener != nil {
		err = errors.Join(err, l.cfg.Listener.Close())
	}
	l.work.Wait()
	close(l.packets)
	return err
}
