package server

import (
	"context"
	"crypto/rand"
	"time"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// The times of tending.
const (
	tendEvery   = 250 * time.Millisecond // a change of leader shows in no table
	tendRest    = 10 * time.Millisecond  // between looks, however fast the tables change
	calmFor     = 200 * time.Millisecond // without a change to the public tables before an edition is cut
	calmAtMost  = time.Second            // but no longer after the first change
	proposeTime = 10 * time.Second
	fullPause   = time.Minute      // between attempts to cut an edition that is too large
	signTime    = 10 * time.Second // after which a next edition no longer waits for the signatures of the last
)

// duty is what the tables say is to be done.
type duty struct {
	founded  bool
	secret   bool // the servers have one
	cut      state.Head
	complete state.Head
	public   uint64
	changed  bool // since cut
	signed   bool // this server has signed cut
	indexed  bool // every account is entered by its identity number
	retired  bool // cut will get no more signatures: the members who would give them have been succeeded
	held     bool // a publication is under way: no edition is cut between its parts
}

// look reads the tables as this server has them.
func (s *Server) look(f func(r state.Reader) error) error {
	return s.cluster.Read(context.Background(), cluster.Local, func(r state.Reader, _ uint64) error { return f(r) })
}

func (s *Server) duty() (d duty, err error) {
	err = s.look(func(r state.Reader) (err error) {
		if d.founded = s.founded.Load(); !d.founded {
			if _, d.founded, err = state.Genesis(r); err != nil {
				return err
			}
			s.founded.Store(d.founded)
		}
		secret, err := state.Secret(r)
		if err != nil {
			return err
		}
		d.secret = len(secret) > 0
		if d.cut, d.changed, err = state.Due(r); err != nil {
			return err
		}
		if d.complete, err = state.Complete(r); err != nil {
			return err
		}
		if d.public, err = state.PublicIndex(r); err != nil {
			return err
		}
		if d.held, err = state.Held(r, s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
		if d.indexed, err = state.Indexed(r); err != nil {
			return err
		}
		if d.signed, err = state.Signed(r, d.cut.Number, s.self.Name); err != nil || d.signed && d.complete.Number >= d.cut.Number {
			return err
		}
		return s.judgeCut(r, &d)
	})
	return d, err
}

// judgeCut finds out whether this server's signature under the edition cut last is wanted.
func (s *Server) judgeCut(r state.Reader, d *duty) error {
	at, err := state.StandingOf(r)
	if err != nil {
		return err
	}
	me, mine := directory.MemberNamed(at.Members, s.self.Name)
	d.retired = d.cut.Size == 0 || d.cut.Epoch != at.Epoch
	d.signed = d.signed || d.retired || !mine || me.Identity.ID() != s.cfg.Identity.Public().ID()
	return nil
}

// complete is the newest edition that may be handed out, zero if there is none.
func (s *Server) complete() (h state.Head) {
	s.look(func(r state.Reader) (err error) {
		h, err = state.Complete(r)
		return err
	})
	return h
}

// calm watches the public tables come to rest.
type calm struct {
	public      uint64
	since, last time.Time
}

// reached notes where the tables are and tells whether an edition is due now, and if not, when to look again.
func (c *calm) reached(public uint64, now time.Time) (bool, time.Duration) {
	if c.since.IsZero() {
		c.since = now
	}
	if public != c.public {
		c.public, c.last = public, now
	}
	wait := min(calmFor-now.Sub(c.last), calmAtMost-now.Sub(c.since))
	return wait <= 0, wait
}

// tend does what no request asks for: founds the province, signs editions, and as leader has them cut.
func (s *Server) tend(ctx context.Context) {
	var c calm
	for ctx.Err() == nil {
		_, moved := s.cluster.Applied()
		wait, err := s.tendOnce(ctx, &c)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("directory duty not done; tried again", "error", err)
		}
		pause(ctx, nil, tendRest)
		pause(ctx, moved, wait-tendRest)
	}
}

// pause waits for d, or until moved is closed or ctx ends.
func pause(ctx context.Context, moved <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-moved:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// tendOnce does what is to be done now and returns after how long to look again at the latest.
func (s *Server) tendOnce(ctx context.Context, c *calm) (time.Duration, error) {
	d, err := s.duty()
	if err != nil {
		return tendEvery, err
	}
	leader, self := s.cluster.Leader()
	if d.founded && leader != "" {
		s.readyOnce.Do(func() { close(s.ready) })
		if err := s.tendMembers(ctx); err != nil {
			return tendEvery, err
		}
	}
	switch {
	case !d.founded || !d.secret:
		if self {
			err = s.found(ctx)
		}
	case d.cut.Number > 0 && !d.signed && leader != "":
		err = s.cosign(ctx, d.cut)
	case d.changed && self && !d.held && time.Since(s.full) >= fullPause:
		return s.cut(ctx, c, d)
	case !d.indexed && self && s.cluster.Level() >= accountLevel():
		err = s.propose(ctx, &command.AccountRules{Index: command.MaxIndex})
	}
	if !d.changed {
		*c = calm{}
	}
	return tendEvery, err
}

func (s *Server) found(ctx context.Context) error {
	secret := make([]byte, command.SecretSize)
	rand.Read(secret)
	return s.propose(ctx, &command.Found{Genesis: s.cfg.Genesis, Secret: secret})
}

func (s *Server) cosign(ctx context.Context, h state.Head) error {
	r, err := edition.Sign(s.cfg.Identity.Sign, h.Number, h.Digest)
	if err != nil {
		return err
	}
	return s.propose(ctx, &command.CosignEdition{Number: h.Number, Member: s.self.Name, Record: r})
}

// cut has an edition cut once the tables are calm and the last one is complete.
func (s *Server) cut(ctx context.Context, c *calm, d duty) (time.Duration, error) {
	now := time.Now()
	due, wait := c.reached(d.public, now)
	if !due {
		return wait, nil
	}
	if old := s.cfg.Now().UnixMilli()-d.cut.Cut > signTime.Milliseconds(); d.complete.Number < d.cut.Number && !d.retired && !old {
		return tendEvery, nil
	}
	err := s.propose(ctx, &command.CutEdition{Number: d.cut.Number + 1})
	if directory.CodeOf(err) == directory.Exhausted {
		s.full = time.Now()
		s.log.Error("no edition is cut: nodes learn of no change, not of revocations either; see motcua directory status", "error", err)
		return tendEvery, nil
	}
	return tendEvery, err
}

// propose makes a change of the server's own. That another did it first is no error; that there is no room is.
func (s *Server) propose(ctx context.Context, c command.Command) error {
	ctx, cancel := context.WithTimeout(ctx, proposeTime)
	defer cancel()
	r, err := s.cluster.Propose(ctx, cluster.NewRequest(), c)
	switch {
	case err != nil:
		return err
	case r.Failure != nil && r.Failure.Code == directory.Exhausted:
		return r.Failure
	case r.Failure != nil:
		s.log.Debug("duty was done already", "op", c.Kind().String(), "error", r.Failure)
	}
	return s.await(ctx, r.Index)
}

// await waits until this server's tables include a change.
func (s *Server) await(ctx context.Context, index uint64) error {
	return s.cluster.Read(ctx, cluster.AtLeast(index), func(state.Reader, uint64) error { return nil })
}
