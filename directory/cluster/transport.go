package cluster

import (
	"github.com/hashicorp/raft"
)

// maxAppendBytes bounds the entries of one request to a follower, so that it fits its time on a slow line. One entry is
// always sent.
const maxAppendBytes = 4 << 20

// transport is Raft's own, with a bound in bytes where Raft only counts entries. A server that is not fit to lead sends
// nothing that a leader or a candidate sends, so that another comes to lead: Raft itself waits for its disk for ever.
type transport struct {
	*raft.NetworkTransport
	fit    func() error
	onDisk func(uint64) uint64
}

var (
	_ raft.Transport   = transport{}
	_ raft.WithPreVote = transport{}
)

// AppendEntries implements raft.Transport. Nothing is said to be committed that this server, if it counts itself, might still
// lose. Raft goes on behind the last entry that the request holds when it returns.
func (t transport) AppendEntries(id raft.ServerID, to raft.ServerAddress, a *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) error {
	if err := t.fit(); err != nil {
		return err
	}
	a.LeaderCommitIndex = t.onDisk(a.LeaderCommitIndex)
	size := 0
	for i, e := range a.Entries {
		if size += len(e.Data); size > maxAppendBytes && i > 0 {
			a.Entries = a.Entries[:i]
			break
		}
	}
	return t.NetworkTransport.AppendEntries(id, to, a, r)
}

// RequestVote implements raft.Transport.
func (t transport) RequestVote(id raft.ServerID, to raft.ServerAddress, a *raft.RequestVoteRequest, r *raft.RequestVoteResponse) error {
	if err := t.fit(); err != nil {
		return err
	}
	return t.NetworkTransport.RequestVote(id, to, a, r)
}

// RequestPreVote implements raft.WithPreVote.
func (t transport) RequestPreVote(id raft.ServerID, to raft.ServerAddress, a *raft.RequestPreVoteRequest, r *raft.RequestPreVoteResponse) error {
	if err := t.fit(); err != nil {
		return err
	}
	return t.NetworkTransport.RequestPreVote(id, to, a, r)
}
