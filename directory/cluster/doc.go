// Package cluster keeps the directory's servers equal with Raft (Ongaro and Ousterhout, 2014) and stores the tables. It
// alone imports hashicorp/raft.
//
// # What it promises
//
//   - A [Cluster.Propose] that returns a result was decided by a majority and stored durably on it. Which server was
//     asked does not matter: the leader decides. It is repeated under its request id until it is answered, through any
//     change of leader, and takes effect once.
//   - A [Cluster.Read] is at least as fresh as it asks for: see [Freshness].
//   - The time of an entry is the leader's, and no clock that is wrong moves it far: a step of more than ten minutes needs
//     a majority of the servers' clocks.
//   - A server that loses power at any moment comes back with what it had acknowledged.
//
// # What it does not
//
// It does not answer changes without a majority of servers; local reads go on. It does not encrypt its files: the disk of
// a server is encrypted as a whole by its keeper.
//
// # On disk
//
//	raft/            the log (raft-wal) and Raft's own few values
//	raft/snapshots/  the place in the log where it may begin, and tables that another server has just sent
//	tables/          the tables (Badger) and the place in the log they stand at, moved in one transaction
//
// The log is the truth and the tables are made from it. The leader's disk and the others' take an entry at the same time; it is
// committed, for all that is told or applied, when the leader's has it and so many others that they are a majority. What is applied is in memory at first and goes to disk behind, so
// tables on disk are as of a place that was passed about a second ago; a restart goes on from there. The log is shortened
// up to a place that the tables on disk have reached.
//
// # Tables that were lost
//
// Tables that do not open, or that stand before the beginning of the log, are fetched whole from another server, which
// need not be the leader; until then this one takes no part. What does not open is set aside in tables.damaged. Where the
// log still reaches back to its beginning, the tables are made from it. A province whose servers have all lost their
// tables is restored from a backup.
//
// # A log that was damaged
//
// The log is read through at the start. An end that was being written when the power went is dropped: nobody was told of
// it. Damage with a whole batch of entries behind it means that the disk has lost what this server had acknowledged, and
// on which majorities may rest: it does not start again, and joins anew. A server that cannot write its log stops; one
// whose disk hangs no longer speaks as a leader.
//
// # Members
//
// Who the servers are is a table ([state.Servers]); the leader brings Raft's list to it one step at a time, those who come
// before those who go. A server that joins is sent the log without a vote; it votes once it is alive, has caught up, and a
// succession that names it is signed. One that leaves is let go after the succession without it.
//
// Servers tell each other twice a second how far they are, and remember it of each other (file witness). A server that
// starts asks the others first, until a majority, itself included, knows of nothing that it lacks; before that Raft reaches
// nobody. So a server restored from an old copy ends instead of voting against what it once acknowledged. What it told
// nobody in its last second, or only servers that do not answer now, is not known: do not restore servers from copies.
// Servers of another genesis, founding or recovery are turned away in the same exchange. That it has left, a server believes those of
// its own founding, and others where a recovery signed with the province's recovery key proves that they go on for it.
// A server notes its founding beside its tables (file witness), and takes no others' in their place that are of another.
package cluster

import "errors"

// Level is how fresh a read is.
type level uint8

const (
	local level = iota
	atLeast
	leader
	linearizable
	clock       // no read: what the clock of the server shows that is asked
	wholeTables // no read: all tables of the server that is asked
)

// Freshness says how fresh the tables must be that a read sees.
type Freshness struct {
	level level
	index uint64
}

// The four kinds of reads, from cheap to dear.
var (
	// Local reads what this server has. It may be behind by any time, and never waits.
	Local = Freshness{level: local}
	// Leader reads at least what the leader had applied when it was asked. A leader that was just deposed and does
	// not know it yet may answer.
	Leader = Freshness{level: leader}
	// Linearizable sees every change that was acknowledged to anybody before the read began.
	Linearizable = Freshness{level: linearizable}
)

// AtLeast reads a state that includes the change decided at the index: a writer sees its own writes with it.
func AtLeast(index uint64) Freshness { return Freshness{level: atLeast, index: index} }

// ErrClosed is returned once the cluster is closed.
var ErrClosed = errors.New("directory server is closed")
