package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
)

// ask is what one server asks of the leader: a change, or, where Kind is 0, the index that a read must wait for.
type ask struct {
	Kind    command.Kind      `cbor:"1,keyasint,omitempty"`
	Request command.RequestID `cbor:"2,keyasint"`
	Body    []byte            `cbor:"3,keyasint,omitempty"`
	Read    level             `cbor:"4,keyasint,omitempty"`

	cmd command.Command // that Body is of, where it was asked for on this server
}

// reply is the leader's answer. NotLeader: ask another.
type reply struct {
	NotLeader bool         `cbor:"1,keyasint,omitempty"`
	Result    state.Result `cbor:"2,keyasint"`
	Index     uint64       `cbor:"3,keyasint,omitempty"`
	Clock     int64        `cbor:"4,keyasint,omitempty"` // Unix milliseconds
	Size      int64        `cbor:"5,keyasint,omitempty"` // of the tables that follow, bytes
	Origin    *origin      `cbor:"6,keyasint,omitempty"` // of the tables that follow
}

// origin is whose tables are.
type origin struct {
	Genesis  digest.Digest `cbor:"1,keyasint"`
	Founding digest.Digest `cbor:"2,keyasint"`
}

// Bounds of the two in bytes.
const (
	maxAsk   = command.MaxBytes + 1024
	maxReply = 64 << 10
)

// retryPause is how long to wait before the leader is looked for again.
const retryPause = 50 * time.Millisecond

// errNotLeader: whoever was asked is not the leader, or ceased to be before it could tell.
var errNotLeader = errors.New("not the leader")

// NewRequest makes a request id at random.
func NewRequest() command.RequestID {
	var id command.RequestID
	rand.Read(id[:])
	return id
}

// Propose has a change decided and returns what was decided. It goes on asking until it has the answer or ctx ends: then
// the error has the code NoLeader and the change may or may not be made later; repeat it with the same id to find out.
// A change that may not be made is a Result with a Failure, not an error.
func (c *Cluster) Propose(ctx context.Context, id command.RequestID, cmd command.Command) (state.Result, error) {
	body, err := command.Body(cmd)
	if err != nil {
		return state.Result{}, err
	}
	a := ask{Kind: cmd.Kind(), Request: id, Body: body, cmd: cmd}
	r, err := c.ask(ctx, cmd.Kind().String(), a)
	return r.Result, err
}

// ask finds the leader and asks it, again and again.
func (c *Cluster) ask(ctx context.Context, op string, a ask) (reply, error) {
	for {
		if err := c.Err(); err != nil {
			return reply{}, directory.Errorf(op, directory.Internal, "%v", err)
		}
		moved := c.news.next()
		r, err := c.askOnce(ctx, a, moved)
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, errNotLeader) {
			return reply{}, err
		}
		select {
		case <-moved:
		case <-time.After(retryPause):
		case <-c.ctx.Done():
			return reply{}, ErrClosed
		case <-ctx.Done():
			return reply{}, directory.Errorf(op, directory.NoLeader, "no majority of the directory's servers can be reached just now: try again later")
		}
	}
}

func (c *Cluster) askOnce(ctx context.Context, a ask, moved <-chan struct{}) (reply, error) {
	name, self := c.Leader()
	switch {
	case self:
		return c.lead(ctx, a)
	case name == "" || name == c.cfg.Self:
		return reply{}, errNotLeader
	}
	r, err := c.askPeer(ctx, name, a, moved)
	if err != nil || r.NotLeader {
		return reply{}, errNotLeader
	}
	return r, nil
}

// askPeer asks the leader. It waits no longer than that one leads: the dead do not say that they are.
func (c *Cluster) askPeer(ctx context.Context, name string, a ask, moved <-chan struct{}) (r reply, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	s, err := c.sessionTo(ctx, name, moved)
	if err != nil {
		return r, err
	}
	if s == nil {
		return c.askMember(ctx, name, a)
	}
	return s.ask(ctx, a, moved)
}

// sessionTo returns the session with the leader, nil if that one knows none.
func (c *Cluster) sessionTo(ctx context.Context, name string, moved <-chan struct{}) (*session, error) {
	if s, known := c.sessions.open(name); known {
		return s, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-moved:
			cancel()
		case <-ctx.Done():
		}
	}()
	return c.sessions.to(ctx, name)
}

// askMember asks another server once.
func (c *Cluster) askMember(ctx context.Context, name string, a ask) (r reply, err error) {
	s, err := c.cfg.Link.Dial(ctx, replication.Name(name), askProtocol)
	if err != nil {
		return r, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	if err := s.Send(a); err != nil {
		return r, err
	}
	err = s.Receive(&r, maxReply)
	return r, err
}

// answer serves what other servers ask.
func (c *Cluster) answer(ctx context.Context, from link.Caller, s *link.Stream) {
	if !c.isServer(string(from.Peer.Name)) {
		return
	}
	var a ask
	s.SetDeadline(time.Now().Add(dialPatience))
	if s.Receive(&a, maxAsk) != nil {
		return
	}
	if a.Kind == 0 && a.Read == clock {
		s.Send(reply{Clock: c.cfg.Now().UnixMilli()})
		return
	}
	defer context.AfterFunc(c.ctx, s.Cancel)()
	if a.Kind == 0 && a.Read == wholeTables {
		c.sendTables(s, from)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	r, err := c.lead(ctx, a)
	if errors.Is(err, errNotLeader) {
		r.NotLeader = true
	} else if err != nil {
		return // the asker comes again
	}
	s.Send(r)
}

// lead does as leader what was asked. The error is errNotLeader when this server is not, or may no longer be.
func (c *Cluster) lead(ctx context.Context, a ask) (reply, error) {
	if c.ctx.Err() != nil || c.fit() != nil {
		return reply{}, errNotLeader
	}
	if a.Kind == 0 {
		index, err := c.readIndex(ctx, a.Read)
		return reply{Index: index}, err
	}
	at, err := c.entryTime(ctx)
	if err != nil {
		return reply{}, err
	}
	if err := c.mayEnter(a); err != nil {
		f, ok := errors.AsType[*directory.Error](err)
		if !ok {
			f = directory.Errorf("propose", directory.Invalid, "%v", err)
		}
		return reply{Result: state.Result{Failure: f}}, nil
	}
	entry, err := command.Seal(a.Request, at, a.Kind, a.Body)
	if err != nil {
		return reply{}, err
	}
	f := c.raft.Apply(entry, rpcTimeout)
	if err := c.settler.await(ctx, f); err != nil {
		return reply{}, err
	}
	r, err := resultOf(f.Response())
	return reply{Result: r}, err
}

// mayEnter keeps out of the log what this server cannot read: it would stop every server.
func (c *Cluster) mayEnter(a ask) (err error) {
	if a.cmd == nil {
		if a.cmd, err = command.Open(a.Kind, a.Body); err != nil {
			return err
		}
	}
	return c.mayPropose(a.cmd)
}

// settler waits for Raft's futures, which do not know of contexts. They are settled in the order of the log, so that one goroutine
// waits for all.
type settler struct {
	waiting chan unsettled
	closed  <-chan struct{}
}

type unsettled struct {
	f    raft.Future
	done chan error // takes one
}

// maxUnsettled is how many futures may wait; beyond that their callers do.
const maxUnsettled = 4096

func newSettler(closed <-chan struct{}) *settler {
	return &settler{make(chan unsettled, maxUnsettled), closed}
}

func (s *settler) run() {
	for {
		select {
		case u := <-s.waiting:
			u.done <- u.f.Error()
		case <-s.closed:
			return
		}
	}
}

// await waits for a future. It tells the loss of leadership apart; whether the entry was committed is then unknown, and the same
// request is put again.
func (s *settler) await(ctx context.Context, f raft.Future) error {
	done := make(chan error, 1)
	select {
	case s.waiting <- unsettled{f, done}:
	case <-s.closed:
		return errNotLeader
	case <-ctx.Done():
		return errNotLeader
	}
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
		return errNotLeader // every error of a future says so, or that the leader is too busy: come again
	case <-s.closed:
		return errNotLeader
	case <-ctx.Done():
		return errNotLeader
	}
}
