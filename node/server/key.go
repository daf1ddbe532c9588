package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/node/session"
)

// The names in the data folder: keys to come, and keys once in use.
const (
	nextFile     = "identity-next.pem"
	formerFolder = "identity-former"
)

// formerLife is how long after it was retired a key may still be needed to open something: a parcel packed under an old edition
// is under way for some weeks at most.
const formerLife = 90 * 24 * time.Hour

// The times of taking new keys.
const (
	takeTime   = 45 * time.Second // that a tool waits for it
	pruneEvery = 24 * time.Hour
)

// openKeys reads the keys of the data folder.
func (n *Server) openKeys() error {
	id, err := identity.Load(n.path(identityFile))
	if err != nil {
		return err
	}
	former, err := n.loadFormer()
	if err != nil {
		return err
	}
	n.ring = identity.NewRing(id, former...)
	next, err := identity.Load(n.path(nextFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		n.next = next
		n.ring.Add(next)
	}
	return err
}

func (n *Server) loadFormer() (out []*identity.Private, err error) {
	files, err := filepath.Glob(filepath.Join(n.path(formerFolder), "*.pem"))
	for _, f := range files {
		id, bad := identity.Load(f)
		if bad != nil {
			return nil, fmt.Errorf("%w; move the file away if nothing is sealed to that key any more", bad)
		}
		out = append(out, id)
	}
	return out, err
}

// adopt takes the next keys into use if the edition at hand names them.
func (n *Server) adopt() error {
	n.rotating.Lock()
	defer n.rotating.Unlock()
	if n.next == nil || !n.named(n.next) {
		return nil
	}
	if err := n.keepFormer(n.ring.Now()); err != nil {
		return fmt.Errorf("take new keys: %w", err)
	}
	// A crash here leaves the old keys in both places, and the next ones beside them: the next start adopts again.
	if err := os.Rename(n.path(nextFile), n.path(identityFile)); err != nil {
		return fmt.Errorf("take new keys: %w", err)
	}
	n.ring.Replace(n.next)
	n.log.Info("this node acts under new keys", "key", n.next.Public().ID().Short())
	n.next = nil
	close(n.rotated)
	n.rotated = make(chan struct{})
	return disk.SyncDir(n.cfg.Dir)
}

// named tells whether the edition at hand has these keys as this office's.
func (n *Server) named(id *identity.Private) bool {
	node, ok := n.replica.Node(n.enrolment.Office)
	return ok && node.Identity.ID() == id.Public().ID()
}

// keepFormer puts keys where the next start finds them among the former ones.
func (n *Server) keepFormer(id *identity.Private) error {
	dir := n.path(formerFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	err := id.Save(filepath.Join(dir, id.Public().ID().String()+".pem"))
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, disk.SyncDir(n.cfg.Dir))
}

// begin makes the next keys, unless a rotation is under way.
func (n *Server) begin() (done <-chan struct{}, err error) {
	n.rotating.Lock()
	defer n.rotating.Unlock()
	if n.next == nil {
		next, err := identity.Generate()
		if err != nil {
			return nil, err
		}
		if err := next.Save(n.path(nextFile)); err != nil {
			return nil, err
		}
		n.next, n.refusal = next, nil
		n.ring.Add(next)
	}
	select {
	case n.rotate <- struct{}{}:
	default:
	}
	return n.rotated, nil
}

// pending returns the next keys, nil if none are to be taken.
func (n *Server) pending() *identity.Private {
	n.rotating.Lock()
	defer n.rotating.Unlock()
	return n.next
}

// keepKeys has the directory put the next keys in the place of the present ones, whenever there are some, and forgets former keys
// that nothing needs any more.
func (n *Server) keepKeys(ctx context.Context) {
	retry := editionRetry
	for ctx.Err() == nil {
		n.prune()
		var pause <-chan time.Time = time.After(pruneEvery)
		if next := n.pending(); next != nil {
			if err := n.askForKeys(ctx, next); err != nil {
				n.log.Warn("the directory has not put new keys in the place of the old ones yet", "err", err)
				pause, retry = time.After(retry), min(2*retry, longestRetry)
			} else {
				pause, retry = time.After(longestRetry), editionRetry
			}
		}
		select {
		case <-ctx.Done():
		case <-n.rotate:
		case <-pause:
		}
	}
}

// askForKeys asks the directory once. A refusal that will not change ends the rotation; an error means that it is to be tried again.
func (n *Server) askForKeys(ctx context.Context, next *identity.Private) error {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	s, err := directory.SignRotation(n.genesis.Digest(), n.enrolment.Office, n.ring.Now(), next)
	if err != nil {
		return err
	}
	_, err = n.calls.Rotate(ctx, s)
	switch directory.CodeOf(err) {
	case directory.Denied, directory.Conflict, directory.Exhausted, directory.Invalid:
		return n.giveUp(next, err)
	}
	return err
}

// giveUp ends a rotation that the directory has refused. The keys are kept: should it be wrong, something may be sealed to them.
func (n *Server) giveUp(next *identity.Private, why error) error {
	n.rotating.Lock()
	defer n.rotating.Unlock()
	if n.next != next {
		return nil // taken meanwhile
	}
	if err := n.keepFormer(next); err != nil {
		return err
	}
	if err := os.Remove(n.path(nextFile)); err != nil {
		return err
	}
	n.log.Error("the directory refuses the new keys; the old ones stay in use", "err", why)
	n.next, n.refusal = nil, why
	close(n.rotated)
	n.rotated = make(chan struct{})
	return nil
}

// prune forgets former keys to which nothing under way can be sealed any more.
func (n *Server) prune() {
	for _, p := range n.replica.Retired(n.enrolment.Office) {
		if p.Retired.IsZero() || n.cfg.Now().Before(p.Retired.Add(formerLife)) {
			continue
		}
		name := filepath.Join(n.path(formerFolder), p.Keys.ID.String()+".pem")
		if err := os.Remove(name); err == nil {
			n.log.Info("former keys forgotten", "key", p.Keys.ID.Short())
		} else if !errors.Is(err, fs.ErrNotExist) {
			n.log.Error("former keys not removed", "err", err)
		}
		n.ring.Forget(p.Keys.ID)
	}
}

// KeyStatus is what a node says of its keys.
type KeyStatus struct {
	Key    string `json:"key"` // first digits
	Former int    `json:"former"`
	// Next is the key to come while the directory has not named it yet.
	Next string `json:"next,omitempty"`
	// Refusal is why the directory has refused the last change of keys.
	Refusal string `json:"refusal,omitempty"`
}

func (n *Server) keyStatus() KeyStatus {
	n.rotating.Lock()
	defer n.rotating.Unlock()
	s := KeyStatus{Key: n.ring.Now().Public().ID().Short(), Former: len(n.ring.All()) - 1}
	if n.next != nil {
		s.Next = n.next.Public().ID().Short()
		s.Former--
	}
	if n.refusal != nil {
		s.Refusal = n.refusal.Error()
	}
	return s
}

// adminRotate takes new keys and waits a while for it. Where the directory is out of reach it goes on by itself afterwards.
func (n *Server) adminRotate(w http.ResponseWriter, r *http.Request) {
	done, err := n.begin()
	if err != nil {
		answer(w, nil, err)
		return
	}
	select {
	case <-done:
	case <-r.Context().Done():
	case <-time.After(takeTime):
	}
	s := n.keyStatus()
	if s.Refusal != "" {
		err = errors.New(s.Refusal)
	}
	answer(w, s, err)
}

// Session verifies a session signed by any node of the province, under the keys that it has or had before: people stay signed in
// when a node takes new keys. What a key signed after it was replaced is no session, but for the time in which its node learns that
// it was: somebody else may have a copy of it.
func (n *Server) Session(token string) (s session.Session, err error) {
	s, err = session.Verify(token, n.keys, n.cfg.Now())
	for i := 0; errors.Is(err, session.ErrInvalid); i++ {
		more, former := false, time.Time{}
		before := func(code directory.OfficeCode) (*identity.Keys, error) {
			all := n.replica.Retired(code)
			if more = i < len(all); !more {
				return nil, session.ErrInvalid
			}
			former = all[i].Retired
			return all[i].Keys, nil
		}
		if s, err = session.Verify(token, before, n.cfg.Now()); !more {
			break
		}
		if err == nil && time.Unix(s.Issued, 0).After(former.Add(learning)) {
			return session.Session{}, session.ErrInvalid
		}
	}
	return s, err
}

// learning is how long a node may go on to sign sessions under keys that it has replaced.
const learning = time.Hour
