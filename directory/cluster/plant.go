package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"motcua/directory"
	"motcua/directory/command"
)

// plantBatch is how many changes are applied at a time.
const plantBatch = 256

// Plant makes the data folder of a server whose tables have come about by the changes that a function gives, and whose
// log begins behind them. The folder must be empty; every server of the genesis may begin with a copy of it. It is for
// measurements, where a million changes through a majority would take long.
func Plant(dir string, g directory.Genesis, now int64, changes func(f func(command.Command) error) error) (err error) {
	logs, rows := filepath.Join(dir, "raft"), filepath.Join(dir, "tables")
	if err := errors.Join(os.MkdirAll(logs, 0o700), os.MkdirAll(rows, 0o700)); err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	db, err := openRows(rows, quiet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := newMachine(db)
	if err != nil {
		return err
	}
	p := &planter{m: m, now: now}
	if err := errors.Join(changes(p.add), p.apply(), m.close()); err != nil {
		return fmt.Errorf("plant a directory: %w", err)
	}
	return plantLog(logs, g, p.index, newRaftLog(quiet))
}

// planter applies changes as if they had come from a log.
type planter struct {
	m     *machine
	now   int64
	index uint64
	logs  []*raft.Log
}

func (p *planter) add(c command.Command) error {
	p.index++
	var id command.RequestID
	for i := range 8 {
		id[i] = byte(p.index >> (8 * i))
	}
	b, err := command.Encode(id, p.now, c)
	if err != nil {
		return err
	}
	p.logs = append(p.logs, &raft.Log{Index: p.index, Term: 1, Type: raft.LogCommand, Data: b})
	if len(p.logs) < plantBatch {
		return nil
	}
	return p.apply()
}

func (p *planter) apply() error {
	for _, out := range p.m.ApplyBatch(p.logs) {
		r, err := resultOf(out)
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			return err
		}
	}
	p.logs = p.logs[:0]
	return nil
}

// plantLog makes a log that begins behind a place, in term 1.
func plantLog(dir string, g directory.Genesis, index uint64, log hclog.Logger) error {
	meta := new(metadb.BoltMetaDB)
	w, err := wal.Open(dir, wal.WithSegmentSize(segmentSize), wal.WithLogger(log), wal.WithMetaStore(meta), wal.WithSegmentFiler(newSegments(dir)))
	if err != nil {
		return err
	}
	err = errors.Join(w.SetUint64([]byte("CurrentTerm"), 1), w.Close(), meta.Close())
	places, openErr := openPlaces(dir, log)
	if err = errors.Join(err, openErr); err != nil {
		return err
	}
	k, err := places.Create(raft.SnapshotVersionMax, index, 1, founders(g), 1, nil)
	if err != nil {
		return err
	}
	k.(*sink).ours(index)
	return k.Close()
}
