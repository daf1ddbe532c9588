package cluster

import (
	"context"

	"github.com/hashicorp/raft"

	"motcua/directory"
	"motcua/directory/state"
)

// Read calls f with tables that are as fresh as asked; index is where they stand in the log. The error has the code
// NoLeader when the wait for freshness ended with ctx.
func (c *Cluster) Read(ctx context.Context, f Freshness, read func(r state.Reader, index uint64) error) error {
	index := f.index
	if f.level == leader || f.level == linearizable {
		r, err := c.ask(ctx, "read", ask{Read: f.level})
		if err != nil {
			return err
		}
		index = r.Index
	}
	if err := c.wait(ctx, index); err != nil {
		return err
	}
	return c.local(read)
}

// wait waits until the tables stand at index or beyond.
func (c *Cluster) wait(ctx context.Context, index uint64) error {
	for {
		applied, moved, err := c.m.state()
		if err != nil || applied >= index {
			return err
		}
		select {
		case <-moved:
		case <-c.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return directory.Errorf("read", directory.NoLeader, "this server is behind and has not caught up in time: try again, or ask another")
		}
	}
}

// readIndex returns the index that a reader must wait for, as leader.
func (c *Cluster) readIndex(ctx context.Context, l level) (uint64, error) {
	if c.raft.State() != raft.Leader {
		return 0, errNotLeader
	}
	if l != linearizable {
		applied, _ := c.Applied()
		return applied, nil
	}
	return c.confirmer.index(ctx)
}

// lastCommand returns the index of the last command at or before commit. The tables move with commands alone, so a
// reader must not wait for the entries that Raft keeps for itself.
func (c *Cluster) lastCommand(commit uint64) (uint64, error) {
	for i := commit; ; i-- {
		if applied, _ := c.Applied(); applied >= i {
			return i, nil
		}
		var l raft.Log
		if err := c.logs.GetLog(i, &l); err != nil {
			return 0, errNotLeader // shortened meanwhile: the tables have moved on, ask again
		}
		if l.Type == raft.LogCommand {
			return i, nil
		}
	}
}
