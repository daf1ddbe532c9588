package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// ErrRotated ends a server whose keys were replaced: its new identity is in the data folder, and it is to be started again
// with it.
var ErrRotated = errors.New("this server's keys were replaced: it starts again with the new ones")

// nextKeys is the identity that will replace a server's own.
type nextKeys struct {
	sync.Mutex
	id *identity.Private
}

// memberDuty is what the tables say is to be done about the members.
type memberDuty struct {
	pending state.Pending
	waits   bool // for a signature of this server
	epoch   uint64
	chain   []edition.SignedSuccession
	self    directory.Server // this server's row; zero if it has none
	renewed bool             // the tables have this server's next keys as its own
	at      uint64           // state.MembersIndex
}

func (s *Server) memberDuty() (d memberDuty, err error) {
	err = s.look(func(r state.Reader) (err error) {
		if d.at, err = state.MembersIndex(r); err != nil || d.at == s.tended {
			return err
		}
		all, err := state.Servers(r)
		if err != nil {
			return err
		}
		for _, row := range all {
			if row.Member.Name == s.self.Name {
				d.self = row
			}
		}
		at, err := state.StandingOf(r)
		if err != nil {
			return err
		}
		if d.epoch = at.Epoch; d.epoch != s.keptEpoch {
			if d.chain, err = state.Chain(r); err != nil {
				return err
			}
		}
		d.pending, d.waits, err = state.PendingSuccession(r)
		return err
	})
	for _, k := range s.keys()[1:] {
		d.renewed = d.self.Member.Identity.ID() == k.Public().ID()
	}
	return d, err
}

// tendMembers signs the succession that waits, keeps the chain for the next start, and takes new keys into use.
func (s *Server) tendMembers(ctx context.Context) error {
	d, err := s.memberDuty()
	if err != nil || d.at == s.tended {
		return err
	}
	if d.epoch != s.keptEpoch && d.self.Member.Name != "" {
		if err := s.keepChain(d); err != nil {
			return err
		}
	}
	if d.renewed {
		return s.takeNext()
	}
	if d.waits {
		err = s.cosignPending(ctx, d)
	}
	if err == nil {
		s.tended = d.at
	}
	return err
}

// cosignPending signs the succession that waits with every key of this server whose signature counts.
func (s *Server) cosignPending(ctx context.Context, d memberDuty) error {
	body, err := edition.ReadSuccession(d.pending.Signed.Body)
	if err != nil {
		return err
	}
	for _, k := range s.keys() {
		id := k.Public().ID()
		_, old := directory.MemberOf(s.members(), id)
		_, new := directory.MemberOf(body.Members, id)
		if !old && !new || d.pending.Signature(k.Sign.Public().ID()) {
			continue
		}
		if err := s.cosignSuccession(ctx, k.Sign, d.pending); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) cosignSuccession(ctx context.Context, k *record.Key, p state.Pending) error {
	r, err := edition.SignSuccession(k, p.Epoch, p.Signed.Digest())
	if err != nil {
		return err
	}
	return s.propose(ctx, &command.CosignSuccession{Epoch: p.Epoch, Record: r})
}

// keepChain keeps what the next start needs to know of the members before it has opened its tables.
func (s *Server) keepChain(d memberDuty) error {
	g, err := s.cfg.Genesis.Bytes()
	if err != nil {
		return err
	}
	self := d.self.Member
	if err := s.keepWelcome(Welcome{Version: 1, Genesis: g, Chain: d.chain, Self: self}); err != nil {
		return fmt.Errorf("keep the successions: %w", err)
	}
	s.keptEpoch = d.epoch
	return nil
}

// takeNext puts the next identity in the place of the present one and has the server end.
func (s *Server) takeNext() error {
	if err := TakeNextIdentity(s.cfg.Dir); err != nil {
		return err
	}
	s.rotatedOnce.Do(func() { close(s.rotated) })
	return nil
}

// takeReplacement takes the next identity into use if it is the one that this server was told it is known by. The tables here do
// not say so yet: the welcome does until they have caught up.
func (s *Server) takeReplacement(r *cluster.Replaced) error {
	select {
	case <-s.rotated: // the tables had it, too
		return ErrRotated
	default:
	}
	for _, k := range s.keys()[1:] {
		if k.Public().ID() != r.By {
			continue
		}
		// A crash between the two leaves the present identity, which is told once more.
		if err := s.keepSelf(k.Public()); err != nil {
			return err
		}
		if err := s.takeNext(); err != nil {
			return err
		}
		return ErrRotated
	}
	return r
}

// keepSelf keeps under which identity the next start finds this server.
func (s *Server) keepSelf(id identity.Public) error {
	if err := s.readWelcome(); err != nil {
		return err
	}
	w := Welcome{Version: 1}
	if s.cfg.Welcome != nil {
		w = *s.cfg.Welcome
	}
	var err error
	if w.Genesis, err = s.cfg.Genesis.Bytes(); err != nil {
		return err
	}
	w.Self = s.self
	w.Self.Identity = id
	return s.keepWelcome(w)
}

// TakeNextIdentity puts the next identity of a data folder in the place of the present one, if there is a next one.
func TakeNextIdentity(dir string) error {
	next := filepath.Join(dir, NextIdentityFile)
	if _, err := os.Stat(next); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// A crash before the rename leaves both, and the next start ends up here again.
	if err := os.Rename(next, filepath.Join(dir, IdentityFile)); err != nil {
		return fmt.Errorf("take the new identity: %w", err)
	}
	return disk.SyncDir(dir)
}

// Rotate gives this server new keys under its own name. They are used once a majority has signed the succession; the server
// then ends with ErrRotated.
func (s *Server) Rotate(ctx context.Context) error {
	next, err := s.nextIdentity()
	if err != nil {
		return err
	}
	_, err = s.change(ctx, &command.Rotate{Name: s.self.Name, Next: next.Public()})
	return err
}

func (s *Server) nextIdentity() (id *identity.Private, err error) {
	s.next.Lock()
	defer s.next.Unlock()
	if s.next.id == nil {
		s.next.id, err = s.makeNext()
	}
	return s.next.id, err
}

// loadNext loads the next identity if one was made before this start: the others may have taken it into use meanwhile.
func (s *Server) loadNext() error {
	s.next.Lock()
	defer s.next.Unlock()
	id, err := identity.Load(filepath.Join(s.cfg.Dir, NextIdentityFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.next.id = id
	return err
}

// makeNext makes the next identity, or takes one that was made before a crash.
func (s *Server) makeNext() (*identity.Private, error) {
	path := filepath.Join(s.cfg.Dir, NextIdentityFile)
	id, err := identity.Load(path)
	if !errors.Is(err, os.ErrNotExist) {
		return id, err
	}
	if id, err = identity.Generate(); err != nil {
		return nil, err
	}
	return id, id.Save(path)
}
