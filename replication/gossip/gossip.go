package gossip

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"motcua/crypto/wire"
	"motcua/replication"
	"motcua/replication/link"
)

// Linger is how long after Close a last goroutine may wait for an answer to its probe.
const Linger = probeInterval * maxAwareness

// maxAwareness is how much slower a member probes whose own line seems to be bad.
const maxAwareness = 4

// KeySize is the length of the province's gossip key in bytes.
const KeySize = 32

// The measures of gossip. They suit offices on slow lines: a dead peer is noticed in about half a minute.
const (
	probeInterval  = 5 * time.Second
	probeTimeout   = 3 * time.Second
	gossipInterval = 500 * time.Millisecond
	pushPull       = 60 * time.Second
	rejoinInterval = 20 * time.Second
	settleInterval = 8 * time.Second // while the members that are seen become more
	settleRounds   = 4               // after they have
	rejoinAtOnce   = 3               // missing seeds tried per round at most; and how often all together try each
	streamInterval = time.Minute
	answeredTime   = 5 * time.Minute
	reclaimTime    = 10 * time.Second // after which a dead peer may come back elsewhere
	leaveTime      = time.Second
	updateTime     = 5 * time.Second
	packetSize     = link.MaxPacket - 64
)

// Meta is what a member says of itself.
type Meta struct {
	Edition uint64 `cbor:"1,keyasint"`           // of the directory, that it holds
	Oldest  uint32 `cbor:"2,keyasint"`           // age of its oldest unsettled parcel in seconds, 0: none
	Version string `cbor:"3,keyasint"`           // of the program, at most 64 bytes
	Log     uint64 `cbor:"4,keyasint,omitempty"` // size of its log, in events, roughly
}

// maxVersion keeps a Meta far below the 512 bytes that memberlist has room for.
const maxVersion = 64

// Seed is a peer that should be there.
type Seed struct {
	Name replication.Name
	Addr string // host:port
}

// Member is a peer that is there, as far as gossip knows.
type Member struct {
	Name replication.Name
	Addr string
	Meta Meta
}

// Config is what gossip works with. All fields but OnPeer, Advertise and Log are required.
type Config struct {
	Name replication.Name
	Link *link.Link
	// Key is the province's gossip key, KeySize bytes.
	Key []byte
	// Advertise is where others reach us, host:port; "" is the address of the link's socket.
	Advertise string
	// Seeds returns the peers that ought to be there: those of the edition at hand.
	Seeds func() []Seed
	// OnPeer is called when a peer appears or says something new. It must neither block nor call gossip.
	OnPeer func(name replication.Name, meta Meta)
	Log    *slog.Logger
}

// Gossip is a running member.
type Gossip struct {
	cfg  Config
	log  *slog.Logger
	list *memberlist.Memberlist

	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup
	changed chan struct{}

	mu       sync.Mutex
	meta     Meta
	streamed time.Time                   // when a member was last asked by stream without a reason to
	there    map[replication.Name]Member // peers that are up: memberlist changes its own while we would read it
	answered map[replication.Name]time.Time
}

// New joins in at once, with the Meta given.
func New(cfg Config, meta Meta) (*Gossip, error) {
	if len(cfg.Key) != KeySize {
		return nil, fmt.Errorf("gossip: key of %d bytes, want %d", len(cfg.Key), KeySize)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gossip{cfg: cfg, log: cfg.Log, changed: make(chan struct{}, 1), meta: meta, there: map[replication.Name]Member{}, answered: map[replication.Name]time.Time{}}
	g.ctx, g.stop = context.WithCancel(context.Background())
	carrier := newCarrier(g.ctx, cfg)
	list, err := memberlist.Create(g.config(carrier))
	if err != nil {
		g.stop()
		return nil, fmt.Errorf("gossip: %w", err)
	}
	g.list = list
	g.work.Go(g.run)
	return g, nil
}

func (g *Gossip) config(t memberlist.NodeAwareTransport) *memberlist.Config {
	c := memberlist.DefaultWANConfig()
	c.Name = string(g.cfg.Name)
	c.Label = "motcua"
	c.Transport = t
	c.SecretKey = slices.Clone(g.cfg.Key)
	c.RequireNodeNames = true
	c.ProbeInterval, c.ProbeTimeout = probeInterval, probeTimeout
	c.GossipInterval, c.PushPullInterval = gossipInterval, pushPull
	c.AwarenessMaxMultiplier = maxAwareness
	c.DeadNodeReclaimTime = reclaimTime
	c.UDPBufferSize = packetSize
	c.DisableTcpPingsForNode = func(name string) bool { return !g.mayStream(replication.Name(name)) }
	c.Delegate = (*delegate)(g)
	c.Events = (*events)(g)
	c.Ping = (*pings)(g)
	c.Logger = log.New(logWriter{g.log}, "", 0)
	c.DNSConfigPath = "" // addresses are looked up by the link
	return c
}

// mayStream tells whether a member that has not answered a packet is asked by stream too. That is what finds out where UDP does not
// pass; but a connection costs a hundred times the packet, and on a bad line one in ten packets is not answered.
func (g *Gossip) mayStream(name replication.Name) bool {
	if g.cfg.Link.ByTCP(name) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.streamed) < streamInterval {
		return false
	}
	g.streamed = time.Now()
	return true
}

// SetMeta changes what we say of ourselves; others hear of it within seconds.
func (g *Gossip) SetMeta(m Meta) {
	g.mu.Lock()
	same := g.meta == m
	g.meta = m
	g.mu.Unlock()
	if same {
		return
	}
	select {
	case g.changed <- struct{}{}:
	default: // the change before it has not gone out yet; this one goes with it
	}
}

// Members lists the peers that are up, ourselves left out, in order of name.
func (g *Gossip) Members() []Member {
	g.mu.Lock()
	out := slices.Collect(maps.Values(g.there))
	g.mu.Unlock()
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out
}

// Answering lists the peers that have answered us themselves in the last minutes. A member may be there for others alone, and only
// through others for us.
func (g *Gossip) Answering() (out []replication.Name) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, at := range g.answered {
		if _, ok := g.there[name]; ok && time.Since(at) < answeredTime {
			out = append(out, name)
		}
	}
	return out
}

// Close says goodbye, if anybody hears it, and stops. Close it before the link. A probe under way ends by itself up to
// [Linger] later and does no harm; a test in virtual time sleeps for so long, because it must end with no goroutine left.
func (g *Gossip) Close() error {
	g.stop()
	g.work.Wait()
	if err := g.list.Leave(leaveTime); err != nil {
		g.log.Debug("gossip left without a goodbye", "err", err)
	}
	if err := g.list.Shutdown(); err != nil {
		return fmt.Errorf("close gossip: %w", err)
	}
	return nil
}

func decodeMeta(b []byte) (Meta, error) {
	var m Meta
	err := wire.Unmarshal(b, &m)
	if errors.Is(err, wire.ErrNewer) {
		return Meta{}, nil // it is there, whatever else it says
	}
	if err != nil {
		return m, fmt.Errorf("gossip: %w", err)
	}
	if len(m.Version) > maxVersion {
		return m, fmt.Errorf("gossip: version of %d bytes: %w", len(m.Version), wire.ErrMalformed)
	}
	return m, nil
}

// delegate answers what memberlist asks about us.
type delegate Gossip

func (d *delegate) NodeMeta(limit int) []byte {
	d.mu.Lock()
	m := d.meta
	d.mu.Unlock()
	m.Version = m.Version[:min(len(m.Version), maxVersion)]
	b, err := wire.Marshal(m)
	if err != nil || len(b) > limit {
		return nil
	}
	return b
}

func (d *delegate) NotifyMsg([]byte)                {}
func (d *delegate) GetBroadcasts(_, _ int) [][]byte { return nil }
func (d *delegate) LocalState(bool) []byte          { return nil }
func (d *delegate) MergeRemoteState([]byte, bool)   {}

// pings notes who has answered.
type pings Gossip

func (p *pings) AckPayload() []byte { return nil }

func (p *pings) NotifyPingComplete(n *memberlist.Node, _ time.Duration, _ []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered[replication.Name(n.Name)] = time.Now()
}

// events passes on what memberlist has noticed. It holds its lock while it calls.
type events Gossip

func (e *events) NotifyJoin(n *memberlist.Node)   { e.seen(n) }
func (e *events) NotifyUpdate(n *memberlist.Node) { e.seen(n) }

func (e *events) NotifyLeave(n *memberlist.Node) {
	e.mu.Lock()
	delete(e.there, replication.Name(n.Name))
	delete(e.answered, replication.Name(n.Name))
	e.mu.Unlock()
	e.log.Debug("peer is gone", "peer", n.Name)
}

func (e *events) seen(n *memberlist.Node) {
	name := replication.Name(n.Name)
	m, err := decodeMeta(n.Meta)
	if err != nil || name == e.cfg.Name {
		return
	}
	e.mu.Lock()
	e.there[name] = Member{name, n.Address(), m}
	e.mu.Unlock()
	e.cfg.Link.Hint(name, n.Address())
	if e.cfg.OnPeer != nil {
		e.cfg.OnPeer(name, m)
	}
}

// logWriter turns memberlist's log into debug lines of ours.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(b []byte) (int, error) {
	w.log.Debug("memberlist", "msg", strings.TrimSpace(string(b)))
	return len(b), nil
}
