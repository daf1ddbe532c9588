package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"

	"motcua/crypto/digest"
	"motcua/replication"
	"motcua/replication/link"
)

// The bounds of fetching all tables.
const (
	healPatience = 2 * time.Minute // for a server that has them
	healPause    = time.Second     // between two rounds of asking
	healStall    = 10 * time.Second
	maxTables    = int64(64) << 30 // bytes
)

// openTables opens the tables, or those of another server if they are damaged or lost.
func (c *Cluster) openTables(dir string) (err error) {
	if c.db, err = openRows(dir, c.log); err != nil {
		if err = c.setAside(dir, err); err != nil {
			return err
		}
	}
	if err := c.catchUp(); err != nil {
		return err
	}
	if c.m, err = newMachine(c.db); err != nil {
		return err
	}
	c.places.tables, c.m.restored = c.m.t, c.places.inUse
	if c.restore {
		return nil
	}
	return c.places.inUse()
}

// setAside begins with new tables if the old ones are damaged.
func (c *Cluster) setAside(dir string, why error) (err error) {
	for _, e := range []error{errBusy, fs.ErrPermission, syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(why, e) {
			return why
		}
	}
	aside := dir + ".damaged"
	if err := errors.Join(os.RemoveAll(aside), os.Rename(dir, aside), os.Mkdir(dir, 0o700)); err != nil {
		return errors.Join(why, err)
	}
	c.log.Error("the tables are damaged: they are set aside and made anew from the log or from another server", "folder", aside, "error", why)
	c.db, err = openRows(dir, c.log)
	return err
}

// catchUp makes sure that the tables stand where the log can go on from.
func (c *Cluster) catchUp() error {
	want, filed, err := c.places.stands()
	if err != nil {
		return err
	}
	var have uint64
	if err := c.db.View(func(txn *badger.Txn) (err error) { have, err = readApplied(txn); return err }); err != nil {
		return err
	}
	switch {
	case have >= want:
		return nil
	case filed:
		c.log.Warn("tables stand before the newest snapshot and are made anew from it", "tables", have, "snapshot", want)
		c.restore = true
		return nil
	}
	c.log.Error("the tables were lost: they are fetched from another server, and this one takes no part until then", "tables", have, "log_begins", want)
	return c.heal(want)
}

// heal fetches tables that stand at a place or beyond from whichever server has them.
func (c *Cluster) heal(want uint64) error {
	patience := time.After(healPatience)
	for {
		var all []error
		for _, m := range c.base() {
			if m.Name == c.cfg.Self {
				continue
			}
			index, err := c.fetchTables(c.ctx, m.Name, want)
			if err == nil {
				c.log.Warn("the tables were fetched from another server", "peer", m.Name, "tables", index)
				return nil
			}
			all = append(all, err)
		}
		select {
		case <-time.After(healPause):
		case <-patience:
			return fmt.Errorf("the tables of this server are lost and no other server could give them: start the others first, or restore a backup: %w", errors.Join(all...))
		}
	}
}

// fetchTables takes the tables of one server into the place of this server's.
func (c *Cluster) fetchTables(ctx context.Context, name string, want uint64) (uint64, error) {
	s, err := c.cfg.Link.Dial(ctx, replication.Name(name), askProtocol)
	if err != nil {
		return 0, err
	}
	defer s.Cancel()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(healStall)
	if err := s.Send(ask{Read: wholeTables}); err != nil {
		return 0, err
	}
	var r reply
	if err := s.Receive(&r, maxReply); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if r.Size <= 0 || r.Size > maxTables || r.Index < want {
		return 0, fmt.Errorf("%s has no tables to give that stand at %d", name, want)
	}
	if err := c.mayTake(r.Origin); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	c.log.Warn("fetching the tables", "peer", name, "bytes", r.Size, "tables", r.Index)
	index, err := restore(c.db, io.LimitReader(s, r.Size), nil)
	if err == nil && index < want {
		err = fmt.Errorf("they stand at %d, before %d", index, want)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return index, nil
}

// mayTake judges whose tables another server offers. This server's own are lost: what it knows of its founding, it noted beside them.
func (c *Cluster) mayTake(o *origin) error {
	known := c.witness.known()
	switch {
	case o == nil:
		return errors.New("it does not say whose its tables are: upgrade it")
	case o.Genesis != c.genesis:
		return errors.New("its tables are of another genesis: give every server the same genesis file")
	case known != (digest.Digest{}) && o.Founding != known:
		return errors.New("its tables are of another founding or recovery of the same province, whose data must not mix with this server's")
	}
	return nil
}

// sendTables answers who has lost the tables, one at a time.
func (c *Cluster) sendTables(s *link.Stream, from link.Caller) {
	if !c.sending.TryLock() {
		s.Send(reply{})
		return
	}
	defer c.sending.Unlock()
	f, size, index, err := c.places.writeOut()
	if err != nil {
		c.log.Error("the tables cannot be sent to a server that has lost its own", "peer", from.Peer.Name, "error", err)
		s.Send(reply{})
		return
	}
	defer f.Close()
	s.SetStall(healStall)
	if err = s.Send(reply{Index: index, Size: size, Origin: &origin{c.genesis, c.founding()}}); err == nil {
		_, err = io.Copy(s, f)
	}
	c.log.Warn("tables sent to a server that has lost its own", "peer", from.Peer.Name, "bytes", size, "error", err)
}
