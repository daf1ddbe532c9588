package guardian

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/node/blob"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/guardian"
	"motcua/replication/link"
)

// The measures of streaming.
const (
	every   = time.Minute      // between two segments
	longest = 10 * time.Minute // between attempts, where the guardian is out of reach
	slack   = time.Hour        // sealed files are looked at again for so long: the clock may have stepped
	reserve = 1 << 30          // bytes of the disk that a segment leaves free
	batch   = guardian.MaxNames / 2
	// A guardian that has not taken anything for so long is left for another, which is given everything.
	patience  = 72 * time.Hour
	compactAt = 20_000    // segments of a stream, after which another begins: each costs a restore some time
	keyEvery  = time.Hour // between exchanges of the province's key with somebody else than the guardian
	firstWait = 2 * time.Second
)

// ErrNoKey is returned while the province has no key for backups: nobody could open them.
var ErrNoKey = errors.New("the province has no key for backups yet: see motcua recovery init")

// Config is what a streamer works with. All fields but Log are required.
type Config struct {
	Dir  string // of its state
	Self replication.Name
	Ring *identity.Ring
	Link *link.Link
	// Guardians returns those who may be this node's guardian, the first choice first.
	Guardians func() []replication.Name
	Key       *guardian.KeyFile
	Store     *store.Store
	Blobs     *blob.Store
	Now       func() time.Time
	Log       *slog.Logger
}

// Streamer streams this node's backup. It is safe for concurrent use.
type Streamer struct {
	cfg Config
	log *slog.Logger

	mu     sync.Mutex
	status Status
	well   time.Time // when the guardian last had everything, or when we began
}

// Status is how a node's backup stands.
type Status struct {
	Guardian replication.Name `json:"guardian,omitempty"`
	Segments uint64           `json:"segments"`
	Until    time.Time        `json:"until,omitzero"`    // the guardian has everything up to then
	Files    time.Time        `json:"files,omitzero"`    // and every attachment up to then
	Key      uint32           `json:"key"`               // number of the province's key for backups; 0: it has none
	Problem  string           `json:"problem,omitempty"` // of the last attempt
}

// New makes a streamer. Nothing is streamed before Run.
func New(cfg Config) (*Streamer, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	st, err := loadState(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Streamer{cfg: cfg, log: cfg.Log, well: cfg.Now()}
	s.note(st, nil)
	return s, nil
}

// Status tells how the backup stands.
func (s *Streamer) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, _, _ := s.cfg.Key.Now()
	s.status.Key = key.Number
	return s.status
}

func (s *Streamer) note(st state, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = Status{Guardian: st.Guardian, Segments: st.Head.Number}
	if st.Head.Number > 0 {
		s.status.Until = time.Unix(st.Head.Made, 0)
	}
	if st.Files > 0 {
		s.status.Files = time.Unix(st.Files, 0)
	}
	if err != nil {
		s.status.Problem = err.Error()
	}
}

// Run streams until the context ends.
func (s *Streamer) Run(ctx context.Context) {
	wait, asked := firstWait+rand.N(firstWait), time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if _, _, known := s.cfg.Key.Now(); !known || time.Since(asked) >= keyEvery {
			asked = time.Now()
			s.askAround(ctx)
		}
		err := s.Round(ctx)
		switch {
		case err == nil:
			wait = every - rand.N(every/4)
		case ctx.Err() == nil:
			s.log.Debug("backup not streamed", "err", err)
			wait = min(longest, 2*wait)
		}
	}
}

// askAround exchanges the province's key with somebody by chance, so that it spreads.
func (s *Streamer) askAround(ctx context.Context) {
	names := s.cfg.Guardians()
	for _, i := range rand.Perm(len(names)) {
		if c, err := guardian.Dial(ctx, s.cfg.Link, names[i]); err == nil {
			_, key, err := c.Heads(s.cfg.Key.Record())
			c.Close()
			if err == nil {
				s.cfg.Key.Exchange(key)
				return
			}
		}
	}
}

// Round brings the guardian up to date: what was cut before, what was written since, and the sealed files.
func (s *Streamer) Round(ctx context.Context) error {
	st, err := loadState(s.cfg.Dir)
	if err == nil {
		err = s.round(ctx, &st)
	}
	s.note(st, err)
	if err == nil {
		s.well = s.cfg.Now()
	}
	return err
}

func (s *Streamer) round(ctx context.Context, st *state) error {
	c, err := s.dial(ctx, st)
	if err != nil {
		return err
	}
	defer c.Close()
	heads, key, err := c.Heads(s.cfg.Key.Record())
	if err != nil {
		return err
	}
	s.cfg.Key.Exchange(key)
	if err := s.agree(c, st, heads); err != nil {
		return err
	}
	if err := s.push(c, st); err != nil {
		return err
	}
	more, err := s.cut(ctx, st)
	if err == nil && more {
		err = s.push(c, st)
	}
	if err != nil {
		return err
	}
	return s.files(ctx, c, st)
}

// dial finds the guardian: the one we have, or the first that answers.
func (s *Streamer) dial(ctx context.Context, st *state) (*guardian.Session, error) {
	names := s.cfg.Guardians()
	if i := slices.Index(names, st.Guardian); i >= 0 && st.Start != nil {
		if s.cfg.Now().Sub(s.well) < patience {
			names = names[i : i+1]
		} else {
			names = slices.Delete(names, i, i+1)
		}
	}
	errs := []error{errors.New("no guardian is known")}
	for _, n := range names {
		c, err := guardian.Dial(ctx, s.cfg.Link, n)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n, err))
			continue
		}
		if n != st.Guardian && st.Start != nil {
			*st = state{Version: 1}
		}
		st.Guardian = n
		return c, nil
	}
	return nil, errors.Join(errs...)
}

// agree makes sure that the guardian's stream is ours, as far as we know it; otherwise another begins.
func (s *Streamer) agree(c *guardian.Session, st *state, heads []guardian.Head) error {
	_, sealing, ok := s.cfg.Key.Now()
	if !ok {
		return ErrNoKey
	}
	if st.Start != nil && st.Head.Number < compactAt && st.Recovery == sealing.ID() && st.Signer == s.cfg.Ring.Now().Sign.Public().ID() {
		i := slices.IndexFunc(heads, func(h guardian.Head) bool { return h.Stream == st.Head.Stream })
		switch {
		case i >= 0 && heads[i].ID == st.Head.ID:
			return nil
		case i >= 0 && st.Next != nil && heads[i].ID == st.Next.ID():
			return s.advance(st)
		case i < 0 && st.Head.Number == 0: // it was made, and not handed over yet
			return c.Start(*st.Start)
		}
		s.log.Warn("the guardian has another backup than this folder remembers: a new one begins", "guardian", st.Guardian)
	}
	if err := s.begin(st); err != nil {
		return err
	}
	return c.Start(*st.Start)
}

// push hands over the segment that was cut, if there is one.
func (s *Streamer) push(c *guardian.Session, st *state) error {
	if st.Next == nil {
		return nil
	}
	f, err := os.Open(filepath.Join(s.cfg.Dir, segmentFile))
	if err != nil {
		return err
	}
	if err := c.Put(st.NextFile, f); err != nil {
		return err
	}
	if err := c.Append(*st.Next); err != nil {
		return err
	}
	// A crash here: the guardian's head is the segment that we remember as the next.
	return s.advance(st)
}

func (s *Streamer) advance(st *state) error {
	v, err := guardian.ReadSegment(*st.Next)
	if err != nil {
		return err
	}
	st.Head, st.Until, st.Next = v.After(st.Next.ID()), st.NextTo, nil
	if err := st.save(s.cfg.Dir); err != nil {
		return err
	}
	return os.Truncate(filepath.Join(s.cfg.Dir, segmentFile), 0)
}

// files hands over the sealed files that were written since they were last, the small ones first.
func (s *Streamer) files(ctx context.Context, c *guardian.Session, st *state) error {
	begun := s.cfg.Now()
	var fresh []guardian.File
	err := s.cfg.Blobs.Each(ctx, func(e blob.Entry) error {
		if e.Modified.Unix() >= st.Files-int64(slack/time.Second) {
			fresh = append(fresh, guardian.File{Name: e.Name, Size: e.Size})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(fresh, func(a, b guardian.File) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	for part := range slices.Chunk(fresh, batch) {
		if err := s.some(ctx, c, part); err != nil {
			return err
		}
	}
	st.Files = begun.Unix()
	return st.save(s.cfg.Dir)
}

func (s *Streamer) some(ctx context.Context, c *guardian.Session, part []guardian.File) error {
	var names []digest.Digest
	for _, f := range part {
		names = append(names, f.Name)
	}
	missing, err := c.Missing(names)
	if err != nil {
		return err
	}
	for _, f := range part {
		if !slices.Contains(missing, f.Name) {
			continue
		}
		r, err := s.cfg.Blobs.Raw(ctx, f.Name)
		if errors.Is(err, blob.ErrNotFound) { // swept meanwhile
			continue
		}
		if err == nil {
			err = c.Put(f, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
