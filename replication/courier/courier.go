package courier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/link"
	"motcua/replication/spool"
)

// The measures of retrying and of what is served at once.
const (
	atOnce        = 4                // small parcels under way to one peer, until it has shown that it takes more
	mostAtOnce    = 32               // then
	largeAtOnce   = 2                // large parcels under way to one peer
	fetch         = 64               // parcels looked at per peer, beside those held back and under way
	firstWait     = time.Second      // after a failure
	longestWait   = 2 * time.Minute  // between attempts
	wakeFloor     = time.Second / 4  // a wake-up does not repeat a failure sooner than this
	stallTime     = 20 * time.Second // a transfer that does not move for so long is broken off, to go on over a fresh connection
	commitTime    = 2 * time.Minute  // for the recipient to commit
	stalePartials = 30 * 24 * time.Hour
	lookAgain     = 10 * time.Minute // between looks at the outbox for names that nobody woke
)

// Config is what a courier works with. All fields but Log, Ring, Relay and Inbox are required.
type Config struct {
	Self     replication.Name
	Identity *identity.Private
	// Ring holds Identity and is where another takes its place; by default there is none. What is sealed to a former one opens.
	Ring   *identity.Ring
	Link   *link.Link
	Spool  *spool.Spool
	Outbox replication.Outbox
	// Inbox is where parcels take effect. A courier without one only sends.
	Inbox    replication.Inbox
	Resolver replication.Resolver
	// Relay takes parcels whose recipient is out of reach; nil: they wait.
	Relay Carrier
	Log   *slog.Logger
}

// Courier carries the parcels of one name. It is safe for concurrent use.
type Courier struct {
	cfg   Config
	log   *slog.Logger
	room  slots
	aside aside

	traffic *traffic
	board   *board

	mu      sync.Mutex
	running context.Context // nil unless Run is running
	workers map[replication.Name]*worker
	former  map[replication.Name]bool // peers that did not know TransferProtocol
	work    sync.WaitGroup
	busy    map[digest.Digest]chan struct{} // parcels being delivered, closed when done
}

// New makes a courier and has the link bring it what others send. Nothing is sent before Run.
func New(cfg Config) *Courier {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Ring == nil {
		cfg.Ring = identity.NewRing(cfg.Identity)
	}
	c := &Courier{
		cfg: cfg, log: cfg.Log,
		workers: map[replication.Name]*worker{}, former: map[replication.Name]bool{}, traffic: newTraffic(), board: newBoard(), busy: map[digest.Digest]chan struct{}{},
		aside: aside{dark: map[replication.Name]time.Time{}, given: map[digest.Digest]gift{}},
	}
	if cfg.Inbox != nil {
		cfg.Link.Handle(replication.TransferProtocol, link.Known, c.answer)
		cfg.Link.Handle(replication.FormerProtocol, link.Known, c.answerFormer)
	}
	cfg.Link.OnContact(c.Wake)
	return c
}

// Run sends what is in the outbox until the context ends. Call it once. The error is the outbox's, if it cannot be read
// at the start.
func (c *Courier) Run(ctx context.Context) error {
	peers, err := c.cfg.Outbox.Peers(ctx)
	if err != nil {
		return fmt.Errorf("courier: read outbox: %w", err)
	}
	c.mu.Lock()
	c.running = ctx
	c.mu.Unlock()
	c.wakeAll(peers)
	if c.cfg.Relay != nil {
		c.work.Go(func() { c.giveAside(ctx, false) })
		c.work.Go(func() { c.giveAside(ctx, true) })
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.mu.Lock()
			c.running = nil
			c.mu.Unlock()
			c.work.Wait()
			return nil
		case <-tick.C:
			c.prune()
			if peers, err := c.cfg.Outbox.Peers(ctx); err == nil {
				c.start(peers)
			} else if ctx.Err() == nil {
				c.log.Error("outbox cannot be read", "err", err)
			}
		}
	}
}

// prune removes parcels that began to come in and that nobody sends any more.
func (c *Courier) prune() {
	n, err := c.cfg.Spool.Prune(time.Now().Add(-stalePartials))
	switch {
	case err != nil:
		c.log.Error("stale parcels could not be removed", "err", err)
	case n > 0:
		c.log.Info("stale parcels removed", "count", n)
	}
}

func (c *Courier) wakeAll(names []replication.Name) {
	for _, n := range names {
		c.Wake(n)
	}
}

// WakeAll tries every peer with unsettled parcels now: the line is back, or a new edition has come.
func (c *Courier) WakeAll(ctx context.Context) error {
	peers, err := c.cfg.Outbox.Peers(ctx)
	if err != nil {
		return fmt.Errorf("courier: read outbox: %w", err)
	}
	c.wakeAll(peers)
	return nil
}

// SetLimits puts other limits in force, also for what is under way. The error is that of Limits.Validate.
func (c *Courier) SetLimits(l Limits) error {
	if err := l.Validate(); err != nil {
		return err
	}
	c.traffic.set(l)
	c.cfg.Link.SetCeilings(link.Ceilings{All: l.Rate, To: l.To})
	return c.WakeAll(context.Background())
}

// Limits are those in force.
func (c *Courier) Limits() Limits {
	c.traffic.mu.Lock()
	defer c.traffic.mu.Unlock()
	return c.traffic.limits
}

// Wake has the courier look at once for parcels to a name: one was put in the outbox, or the peer was seen. It does not
// block, and does nothing before Run.
func (c *Courier) Wake(to replication.Name) {
	if w := c.worker(to); w != nil {
		select {
		case w.wake <- struct{}{}:
		default: // it is awake already
		}
	}
}

// start makes sure that names have a worker, without cutting waits short.
func (c *Courier) start(names []replication.Name) {
	for _, n := range names {
		c.worker(n)
	}
}

func (c *Courier) worker(to replication.Name) *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || c.running.Err() != nil {
		return nil
	}
	w := c.workers[to]
	if w == nil {
		w = newWorker(c, to)
		c.workers[to] = w
		ctx := c.running
		c.work.Go(func() { w.run(ctx) })
	}
	return w
}

// retire ends a worker with nothing to do, unless it was woken meanwhile.
func (c *Courier) retire(w *worker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(w.wake) > 0 {
		return false
	}
	delete(c.workers, w.to)
	c.board.plan(w.to, time.Time{}, nil)
	return true
}

// reason tells an attempt's error as a code for the outbox page.
func reason(err error) replication.Reason {
	var refused *link.Refused
	var notNow *replication.NotNow
	switch {
	case errors.As(err, &refused) && refused.Why == link.Revoked:
		return replication.Reason(replication.SenderRevoked)
	case errors.As(err, &refused):
		return replication.NotAllowed
	case errors.As(err, &notNow):
		return replication.Reason(notNow.Obstacle)
	case errors.Is(err, link.ErrImpostor):
		return replication.Impostor
	case errors.Is(err, link.ErrRevoked):
		return replication.RecipientRevoked
	case errors.Is(err, replication.ErrUnknown):
		return replication.RecipientUnknown
	case errors.Is(err, replication.ErrTooNew):
		return replication.ReplyTooNew
	case errors.Is(err, replication.ErrReceipt):
		return replication.BadReceipt
	case errors.Is(err, link.ErrUnreachable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return replication.Unreachable
	}
	return replication.Fault
}
