package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/link"
)

// membersProtocol is how servers tell each other how they are. It is open to strangers: one that has left is told so, and so is one
// whose keys were replaced.
const membersProtocol = "members/1"

// tell is how a server is, and what it wants to know.
type tell struct {
	Version  uint8         `cbor:"1,keyasint"` // 1
	Genesis  digest.Digest `cbor:"2,keyasint"`
	Founding digest.Digest `cbor:"3,keyasint"` // zero: not known yet
	Term     uint64        `cbor:"4,keyasint"`
	Index    uint64        `cbor:"5,keyasint"` // committed
	Level    uint32        `cbor:"6,keyasint"` // command.Level
	Program  string        `cbor:"7,keyasint"` // version of the program
	// Starting: the teller takes no part yet, and what it says of itself is not to be remembered.
	Starting bool `cbor:"8,keyasint,omitempty"`
	// Transfer asks the leader to have another lead; Anyone leaves the choice to it.
	Transfer string `cbor:"9,keyasint,omitempty"`
	Anyone   bool   `cbor:"10,keyasint,omitempty"`
}

// told is the answer: how the one that was asked is, and what it remembers of the asker's key.
type told struct {
	Self    tell             `cbor:"1,keyasint"`
	Known   bool             `cbor:"2,keyasint,omitempty"`
	Term    uint64           `cbor:"3,keyasint,omitempty"`
	Index   uint64           `cbor:"4,keyasint,omitempty"`
	Left    uint64           `cbor:"5,keyasint,omitempty"` // epoch since which the key is none of the members'
	Reason  string           `cbor:"6,keyasint,omitempty"`
	Failure *directory.Error `cbor:"7,keyasint,omitempty"`
	// Now is the identity by which the asker's server is known since Left, nil if it has left.
	Now *digest.Digest `cbor:"8,keyasint,omitempty"`
	// Recovery is the last one of the directory that tells of leaving. It proves to a server from before that it is bound by that.
	Recovery *edition.SignedSuccession `cbor:"9,keyasint,omitempty"`
}

// Replaced is why a server stops that runs with keys which were replaced: it is to go on with the others.
type Replaced struct {
	By    digest.Digest // identity.Public.ID of its server's present keys
	Epoch uint64        // since when
}

func (r *Replaced) Error() string {
	return fmt.Sprintf("this server's keys were replaced with epoch %d, and the new ones are not here: it takes no part any more; "+
		"start it with the identity that it was given then (%s), or dismiss it and let it join anew", r.Epoch, r.By.Short())
}

// Bounds of the two in bytes. A recovery carries the keys and signatures of the members that went on.
const (
	maxTell = 2048
	maxTold = maxTell + directory.MaxMembers*(16<<10)
)

// tellTime bounds one exchange.
const tellTime = 3 * time.Second

// report is how this server is.
func (c *Cluster) report() tell {
	return tell{
		Version: 1, Genesis: c.genesis, Founding: c.founding(), Term: c.raft.CurrentTerm(), Index: c.committed(),
		Level: c.cfg.Level, Program: c.cfg.Version, Starting: !c.gate.open(),
	}
}

// tellAll tells every other server, each in its own time: one that is away does not hold up the rest.
func (c *Cluster) tellAll() {
	mine := c.report()
	for _, s := range c.servers() {
		name := s.Member.Name
		if name == c.cfg.Self || !c.busy.take(name) {
			continue
		}
		c.work.Go(func() {
			defer c.busy.done(name)
			ctx, cancel := context.WithTimeout(c.ctx, tellTime)
			defer cancel()
			if answer, err := c.exchange(ctx, name, mine); err == nil {
				c.hear(name, answer)
			}
		})
	}
}

// busy is the names that an exchange is under way with.
type busy struct {
	mu    sync.Mutex
	names map[string]bool
}

func (b *busy) take(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.names[name] {
		return false
	}
	b.names[name] = true
	return true
}

func (b *busy) done(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.names, name)
}

// exchange tells one server and hears it. A server of an older version does not speak the protocol: the error is then
// errOlder.
func (c *Cluster) exchange(ctx context.Context, name string, mine tell) (told, error) {
	answer, err := c.exchangeOnce(ctx, name, mine)
	if !unspoken(err) {
		return answer, err
	}
	// A server that has only just been started speaks nothing yet. This protocol comes before that of questions: one that
	// speaks those by now, and still not this, never will.
	s, err := c.cfg.Link.Dial(ctx, replication.Name(name), askProtocol)
	if err != nil {
		return answer, err
	}
	s.Cancel()
	if answer, err = c.exchangeOnce(ctx, name, mine); unspoken(err) {
		c.peers.meet(name, nil)
		return answer, errOlder
	}
	return answer, err
}

func unspoken(err error) bool {
	refused, ok := errors.AsType[*link.Refused](err)
	return ok && refused.Why == link.UnknownProtocol
}

func (c *Cluster) exchangeOnce(ctx context.Context, name string, mine tell) (told, error) {
	var answer told
	s, err := c.cfg.Link.Dial(ctx, replication.Name(name), membersProtocol)
	if err != nil {
		return answer, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	if err := s.Send(mine); err != nil {
		return answer, err
	}
	if err := s.Receive(&answer, maxTold); err != nil {
		return answer, err
	}
	if answer.Left > 0 && c.binds(answer) {
		return answer, nil
	}
	if err := c.greet(name, answer.Self); err != nil {
		return answer, err
	}
	if answer.Left > 0 {
		return answer, errNotBound
	}
	return answer, nil
}

// errNotBound: a server says that this one has left, and does not say of which founding it speaks.
var errNotBound = errors.New("the server speaks of leaving a directory that is not shown to be this one's")

// binds tells whether an answer about leaving is of this server's own directory: of its founding, or of a recovery of it that the
// recovery key has signed and that this server does not know yet. A server that has no tables has nothing to lose by it.
func (c *Cluster) binds(t told) bool {
	if t.Self.Genesis != c.genesis {
		return false
	}
	mine := c.founding()
	return mine == (digest.Digest{}) || mine == t.Self.Founding || t.Recovery != nil && c.recovers(*t.Recovery)
}

// recovers tells whether a succession is a recovery that follows what this server's tables stand at.
func (c *Cluster) recovers(signed edition.SignedSuccession) bool {
	s, err := edition.ReadSuccession(signed.Body)
	if err != nil || !s.Recovery {
		return false
	}
	follows := false
	err = c.local(func(r state.Reader, _ uint64) error {
		before, err := state.TrustOf(r)
		if err != nil {
			return err
		}
		after, err := before.Follow([]edition.SignedSuccession{signed})
		follows = after.Epoch > before.Epoch
		return err
	})
	return err == nil && follows
}

// errOlder: the peer runs a version that has no memory of others.
var errOlder = errors.New("the server runs an older version")

// greet judges whether a server is of this directory, and says loudly where it is not.
func (c *Cluster) greet(name string, t tell) error {
	var err error
	switch mine := c.founding(); {
	case t.Genesis != c.genesis:
		err = errors.New("it has another genesis: give every server the same genesis file")
	case mine != (digest.Digest{}) && t.Founding != (digest.Digest{}) && mine != t.Founding:
		err = errors.New("it is of another founding or recovery of the same province, whose data must not mix with this one's: stop the one that is wrong")
	}
	if c.peers.meet(name, err) {
		c.log.Error("a server is not of this directory and is turned away", "peer", name, "error", err)
	}
	return err
}

// hear takes in what a server has answered.
func (c *Cluster) hear(name string, t told) {
	if t.Left > 0 {
		c.m.stop(t.leave())
		return
	}
	c.remember(name, t.Self)
}

// leave is why a server stops that was told it is none of the members.
func (t told) leave() error {
	if t.Now != nil {
		return &Replaced{By: *t.Now, Epoch: t.Left}
	}
	return fmt.Errorf("this server has left the directory since epoch %d (%s): it takes no part any more; its data folder may be removed, and to come back it must join with a new identity and an empty data folder", t.Left, t.Reason)
}

// remember keeps what a server has said of itself.
func (c *Cluster) remember(name string, t tell) {
	for _, row := range c.servers() {
		if row.Member.Name == name {
			c.rememberKey(row.Member.TLSID(), name, t)
		}
	}
}

func (c *Cluster) rememberKey(key digest.Digest, name string, t tell) {
	m := memory{Key: key, Name: name, Term: t.Term, Index: t.Index}
	if t.Starting {
		m.Term, m.Index = 0, 0
	}
	c.witness.remember(m, sighting{At: time.Now(), Index: t.Index, Level: t.Level, Version: t.Program})
}

// answerTell serves what other servers tell. Whom the link does not know is told no more than that it has left.
func (c *Cluster) answerTell(_ context.Context, from link.Caller, s *link.Stream) {
	select {
	case <-c.started:
	case <-c.ctx.Done():
		return
	}
	var t tell
	s.SetDeadline(time.Now().Add(tellTime))
	if s.Receive(&t, maxTell) != nil || t.Version != 1 {
		return
	}
	key := identity.TLSID(from.TLSPoint)
	name := string(from.Peer.Name)
	if name == "" || !c.isServer(name) {
		if d, ok := c.departed(key); ok {
			s.Send(c.farewell(d))
		}
		return
	}
	answer := told{Self: c.report()}
	if m, ok := c.witness.recall(key); ok {
		answer.Known, answer.Term, answer.Index = true, m.Term, m.Index
	}
	if c.greet(name, t) == nil {
		c.rememberKey(key, name, t)
		if t.Transfer != "" || t.Anyone {
			s.SetDeadline(time.Now().Add(dialPatience))
			answer.Failure = failureOf(c.transfer(t.Transfer))
		}
	}
	s.Send(answer)
}

// farewell is what the holder of keys is told that are none of the members' any more.
func (c *Cluster) farewell(d directory.Departed) told {
	t := told{Self: tell{Version: 1, Genesis: c.genesis, Founding: c.founding()}, Left: d.Epoch, Reason: d.Reason}
	c.local(func(r state.Reader, _ uint64) error {
		s, ok, err := state.LastRecovery(r)
		if ok {
			t.Recovery = &s
		}
		return err
	})
	for _, row := range c.servers() {
		if row.Member.Name == d.Name && row.State != directory.Left {
			now := row.Member.Identity.ID()
			t.Now = &now
		}
	}
	return t
}

func failureOf(err error) *directory.Error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*directory.Error](err); ok {
		return f
	}
	return directory.Errorf("transfer leadership", directory.Internal, "%v", err)
}

// departed finds the keys of a server that has left.
func (c *Cluster) departed(key digest.Digest) (d directory.Departed, ok bool) {
	c.local(func(r state.Reader, _ uint64) error {
		all, err := state.DepartedServers(r)
		for _, one := range all {
			if identity.TLSID(one.Identity.TLS) == key {
				d, ok = one, true
			}
		}
		return err
	})
	return d, ok
}

// askTransfer asks the leader to have another lead.
func (c *Cluster) askTransfer(leader, to string) error {
	ctx, cancel := context.WithTimeout(c.ctx, dialPatience)
	defer cancel()
	t := c.report()
	t.Transfer, t.Anyone = to, to == ""
	answer, err := c.exchange(ctx, leader, t)
	if err != nil {
		return directory.Errorf("transfer leadership", directory.NoLeader, "the leader %s does not answer: %v", leader, err)
	}
	if answer.Failure != nil {
		return answer.Failure
	}
	return nil
}

// peers is whom this server has met since it started, and of what directory they are.
type peers struct {
	mu  sync.Mutex
	met map[string]error
}

// meet notes what was found of a peer and tells whether that is news, and bad.
func (p *peers) meet(name string, err error) (bad bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.met[name]
	p.met[name] = err
	return err != nil && (!known || old == nil)
}

// good tells whether a peer was met and is of this directory.
func (p *peers) good(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	err, known := p.met[name]
	return known && err == nil
}

// stands is how far this server's own disk is.
type stands struct {
	term, index uint64
}

// standing reads how far this server's disk is, before Raft starts. Its log counts, and the place that the log begins behind. The
// tables do not: they may be another server's, fetched because the own ones were lost, and say nothing of what this one kept.
func (c *Cluster) standing(logs raft.LogStore, stable raft.StableStore, snaps raft.SnapshotStore) (s stands, err error) {
	term, errTerm := stable.GetUint64([]byte("CurrentTerm"))
	if errTerm != nil && errTerm.Error() != "not found" {
		return s, errTerm
	}
	last, err := logs.LastIndex()
	if err != nil {
		return s, err
	}
	kept, err := snaps.List()
	if len(kept) > 0 {
		last, term = max(last, kept[0].Index), max(term, kept[0].Term)
	}
	return stands{term, last}, err
}
