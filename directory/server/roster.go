package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/state"
	"motcua/replication"
	"motcua/replication/gossip"
)

// roster is whom a server knows: the directory's servers, and the nodes of the tables.
type roster struct {
	names   atomic.Pointer[names]
	public  uint64                           // place in the log of what names shows
	members uint64                           // the same of the servers
	keys    map[digest.Digest]*identity.Keys // parsed before
}

// names is the roster at one moment. It never changes.
type names struct {
	peers map[replication.Name]replication.Peer
	byTLS map[digest.Digest]replication.Peer
	// bySign has the keys that were replaced too.
	bySign map[digest.Digest]replication.Peer
}

var (
	_ replication.Resolver = (*roster)(nil)
	_ replication.Signers  = (*roster)(nil)
)

func newRoster(servers []directory.Server) (*roster, error) {
	r := &roster{keys: map[digest.Digest]*identity.Keys{}}
	return r, r.update(servers, nil)
}

// update shows servers and nodes. One goroutine at a time.
func (r *roster) update(servers []directory.Server, nodes []directory.Node) error {
	n := &names{peers: map[replication.Name]replication.Peer{}, byTLS: map[digest.Digest]replication.Peer{}, bySign: map[digest.Digest]replication.Peer{}}
	for _, s := range servers {
		// Keys that were replaced are a stranger's: their holder is told so, and no more. The next ones are its own already, as
		// it may be the first to learn that they are in force.
		ids := []identity.Public{s.Member.Identity}
		if s.Next != nil {
			ids = append(ids, *s.Next)
		}
		for _, id := range ids {
			if err := r.add(n, replication.Name(s.Member.Name), id, s.Member.Addr, 0, 0); err != nil {
				return err
			}
		}
	}
	for _, d := range nodes {
		if err := r.add(n, replication.Name(d.Office), d.Identity, d.Addr, d.Revoked, d.Retired); err != nil {
			return err
		}
	}
	r.names.Store(n)
	return nil
}

func (r *roster) add(n *names, name replication.Name, id identity.Public, addr string, revoked, retired int64) error {
	keys := r.keys[id.ID()]
	if keys == nil {
		var err error
		if keys, err = id.Keys(); err != nil {
			return fmt.Errorf("keys of %s: %w", name, err)
		}
		r.keys[id.ID()] = keys
	}
	p := replication.Peer{Name: name, Addr: addr, Keys: keys}
	if revoked != 0 {
		p.Revoked = time.Unix(revoked, 0)
	}
	if retired != 0 {
		p.Retired = time.Unix(retired, 0)
	}
	if _, ok := n.peers[name]; !ok { // the node in use comes before those it replaced
		n.peers[name] = p
	}
	n.byTLS[identity.TLSID(id.TLS)] = p
	n.bySign[keys.Sign.ID()] = p
	return nil
}

// Resolve implements replication.Resolver.
func (r *roster) Resolve(name replication.Name) (replication.Peer, error) {
	p, ok := r.names.Load().peers[name]
	if !ok {
		return p, fmt.Errorf("%s: %w", name, replication.ErrUnknown)
	}
	return p, nil
}

// Identify implements replication.Resolver.
func (r *roster) Identify(tlsID digest.Digest) (replication.Peer, error) {
	p, ok := r.names.Load().byTLS[tlsID]
	if !ok {
		return p, fmt.Errorf("key %s: %w", tlsID.Short(), replication.ErrUnknown)
	}
	return p, nil
}

// Signer implements replication.Signers.
func (r *roster) Signer(key digest.Digest) (replication.Peer, bool) {
	p, ok := r.names.Load().bySign[key]
	return p, ok
}

// follow keeps the roster and what the server says of its editions as the tables are, until ctx ends.
func (s *Server) follow(ctx context.Context) {
	for {
		_, moved := s.cluster.Applied()
		if err := s.refresh(); err != nil && ctx.Err() == nil {
			s.log.Error("the list of nodes could not be read", "error", err)
		}
		if h := s.complete(); s.news.tell(h) {
			s.gossip.SetMeta(gossip.Meta{Edition: h.Number, Version: s.cfg.Version})
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// refresh brings the roster to where the tables are, and has the link look again at who is connected.
func (s *Server) refresh() error {
	var nodes []directory.Node
	var servers []directory.Server
	var public, members uint64
	same := func() bool { return public == s.roster.public && members == s.roster.members }
	err := s.look(func(r state.Reader) (err error) {
		if public, err = state.PublicIndex(r); err != nil {
			return err
		}
		if members, err = state.MembersIndex(r); err != nil || same() {
			return err
		}
		if servers, err = s.servers(r); err != nil {
			return err
		}
		nodes, err = state.Nodes(r)
		return err
	})
	if err != nil || same() {
		return err
	}
	if err := s.roster.update(servers, nodes); err != nil {
		return err
	}
	s.roster.public, s.roster.members = public, members
	s.link.Recheck()
	return nil
}
