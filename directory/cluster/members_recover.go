package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"motcua/directory"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// DrawUp draws up and signs the succession of a recovery from the tables.
type DrawUp func(r state.Reader) (edition.SignedSuccession, error)

// offline is the data of a server that does not run.
type offline struct {
	c     *Cluster // its files, and nothing that runs
	stood uint64   // the last entry of its log
	term  uint64
}

func openOffline(dir string, log *slog.Logger) (o *offline, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{cfg: Config{Dir: dir}, log: log}
	logs, tables := filepath.Join(dir, "raft"), filepath.Join(dir, "tables")
	if err := errors.Join(os.MkdirAll(logs, 0o700), os.MkdirAll(tables, 0o700)); err != nil {
		return nil, err
	}
	o = &offline{c: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	hlog := newRaftLog(log)
	if c.places, err = openPlaces(logs, hlog); err != nil {
		return o, err
	}
	if c.db, err = openRows(tables, log); err != nil {
		return o, err
	}
	if c.m, err = newMachine(c.db); err != nil {
		return o, err
	}
	c.places.tables, c.m.restored = c.m.t, c.places.inUse
	c.meta = new(metadb.BoltMetaDB)
	c.wal, err = wal.Open(logs, wal.WithSegmentSize(segmentSize), wal.WithLogger(hlog), wal.WithMetaStore(c.meta), wal.WithSegmentFiler(newSegments(logs)))
	return o, err
}

func (o *offline) close() (err error) {
	if o.c.m != nil {
		err = o.c.m.close()
	}
	if o.c.wal != nil {
		err = errors.Join(err, o.c.wal.Close())
	}
	if o.c.meta != nil {
		err = errors.Join(err, o.c.meta.Close())
	}
	if o.c.db != nil {
		err = errors.Join(err, o.c.db.Close())
	}
	return err
}

// Recover makes the stopped server of a folder the only member of its directory: everything that its log holds is applied,
// the succession is put into the tables, and Raft begins behind it with this server alone. What a majority had decided and
// this server has not got is lost. Cut off in the middle, it is to be run again.
func Recover(dir, self string, draw DrawUp, log *slog.Logger) error {
	if _, err := os.Stat(filepath.Join(dir, "raft")); err != nil {
		return fmt.Errorf("recover %s: it holds no data of a directory server: name the folder of one that survived: %w", dir, err)
	}
	o, err := openOffline(dir, log)
	if err != nil {
		return fmt.Errorf("recover %s: %w", dir, err)
	}
	if err = o.replay(); err == nil {
		err = o.begin(self, draw)
	}
	if err = errors.Join(err, o.close()); err != nil {
		return fmt.Errorf("recover %s: %w", dir, err)
	}
	return nil
}

// replay applies what the log holds beyond the tables.
func (o *offline) replay() error {
	c := o.c
	kept, err := c.places.List()
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		o.stood, o.term = kept[0].Index, kept[0].Term
	}
	want, filed, err := c.places.stands()
	if err == nil && c.m.applied < want {
		if !filed {
			return errors.New("its tables are lost: choose another server that survived, or restore a backup")
		}
		_, r, err := c.places.Open(kept[0].ID)
		if err != nil {
			return err
		}
		err = c.m.Restore(r)
		if err != nil {
			return err
		}
	}
	last, errLast := c.wal.LastIndex()
	first, errFirst := c.wal.FirstIndex()
	if err := errors.Join(err, errLast, errFirst); err != nil {
		return err
	}
	for i := max(first, 1); i <= last; i++ {
		var l raft.Log
		if err := c.wal.GetLog(i, &l); err != nil {
			return err
		}
		if r, ok := c.m.Apply(&l).(error); ok {
			return r
		}
		o.stood, o.term = max(o.stood, l.Index), max(o.term, l.Term)
	}
	term, err := c.wal.GetUint64([]byte("CurrentTerm"))
	if err != nil {
		return err
	}
	o.term = max(o.term, term, 1)
	return nil
}

// begin puts the recovery into the tables and has Raft begin behind it with one server.
func (o *offline) begin(self string, draw DrawUp) error {
	steps, err := o.steps(self, draw)
	for i := 0; i < len(steps) && err == nil; i++ {
		err = steps[i]()
	}
	return err
}

// steps are the durable steps of a recovery. A crash between any two leaves a folder that can be recovered again.
func (o *offline) steps(self string, draw DrawUp) (steps []func() error, err error) {
	c, index := o.c, max(o.stood, o.c.m.applied)+1
	var first uint64
	if o.stood > 0 {
		if first, err = c.wal.FirstIndex(); err != nil {
			return nil, err
		}
	}
	if first > 0 {
		// An entry of its own keeps the log without a gap. It comes before the tables: recovered again, the log goes on where it
		// ends, which must not be behind them.
		steps = append(steps, func() error {
			return c.wal.StoreLog(&raft.Log{Index: index, Term: o.term, Type: raft.LogNoop, AppendedAt: time.Now()})
		})
	}
	steps = append(steps,
		func() error { return o.recoverTables(index, draw) },
		func() error { return o.keepPlace(self, index) })
	if first > 0 {
		steps = append(steps, func() error { return c.wal.DeleteRange(first, index) })
	}
	return append(steps, func() error { return c.wal.SetUint64([]byte("CurrentTerm"), o.term) }), nil
}

// keepPlace has Raft begin at an index with one server.
func (o *offline) keepPlace(self string, index uint64) error {
	servers := raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: raft.ServerID(self), Address: raft.ServerAddress(self)}}}
	to, err := o.c.places.Create(raft.SnapshotVersionMax, index, o.term, servers, 1, nil)
	if err != nil {
		return err
	}
	to.(*sink).ours(index)
	return to.Close()
}

func (o *offline) recoverTables(index uint64, draw DrawUp) error {
	m := o.c.m
	v, err := m.t.pin()
	if err != nil {
		return err
	}
	defer v.base.give()
	signed, err := draw(v)
	if err != nil {
		return err
	}
	over := newOverlay(v)
	if err := state.Recover(over, index, signed); err != nil {
		return err
	}
	if err := m.t.add(over, index); err != nil {
		return err
	}
	m.advance(index)
	return m.t.flush(index)
}

// Restore makes the folder of a new server, the only member of a directory, from the tables of a backup.
func Restore(dir, self string, b *Backup, draw DrawUp, log *slog.Logger) error {
	for _, name := range []string{"raft", "tables"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return directory.Errorf("restore", directory.Conflict, "%s holds data already: name an empty folder", dir)
		}
	}
	o, err := openOffline(dir, log)
	if err != nil {
		return fmt.Errorf("restore into %s: %w", dir, err)
	}
	if err = o.c.m.Restore(b.tables()); err == nil {
		o.term = 1
		err = o.begin(self, draw)
	}
	if err = errors.Join(err, o.close()); err != nil {
		return fmt.Errorf("restore into %s: %w", dir, err)
	}
	return nil
}
