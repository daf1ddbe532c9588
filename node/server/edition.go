package server

import (
	"context"
	"errors"
	"time"

	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/gossip"
	"motcua/replication/link"
)

// editionProtocol is how a node takes a newer edition from any peer: the catalogue spreads from office to office even
// when the directory is out of reach. Who brings an edition does not matter, its signatures do.
const editionProtocol = "edition/1"

// The measures of keeping up.
const (
	editionRetry = 5 * time.Second // after the directory was out of reach
	editionTime  = time.Minute     // for one transfer
	maxQuestion  = 64              // bytes
)

type editionQuestion struct {
	Have uint64 `cbor:"1,keyasint"`
}

type editionAnswer struct {
	Edition []byte `cbor:"1,keyasint"` // empty: none that is newer
}

// serveEdition hands the edition at hand to a peer that has an older one.
func (n *Server) serveEdition(_ context.Context, from link.Caller, s *link.Stream) {
	var q editionQuestion
	s.SetDeadline(time.Now().Add(editionTime))
	if err := s.Receive(&q, maxQuestion); err != nil {
		return
	}
	var a editionAnswer
	if n.replica.Number() > q.Have {
		a.Edition = n.replica.Bytes()
	}
	if err := s.Send(a); err != nil {
		n.log.Debug("edition not sent", "peer", from.Peer.Name, "err", err)
	}
}

// askEdition takes the edition of a peer if it is newer.
func (n *Server) askEdition(ctx context.Context, from replication.Name) error {
	ctx, cancel := context.WithTimeout(ctx, editionTime)
	defer cancel()
	s, err := n.link.Dial(ctx, from, editionProtocol)
	if err != nil {
		return err
	}
	defer s.Cancel()
	defer context.AfterFunc(ctx, s.Cancel)()
	var a editionAnswer
	if err := s.Send(editionQuestion{n.replica.Number()}); err != nil {
		return err
	}
	if err := s.Receive(&a, edition.MaxSigned+1024); err != nil || len(a.Edition) == 0 {
		return err
	}
	return n.install(a.Edition)
}

// install verifies and takes an edition, and has everyone look again who depends on it.
func (n *Server) install(b []byte) error {
	err := n.replica.Install(b)
	if errors.Is(err, edition.ErrOld) {
		return nil
	}
	if err != nil {
		return err
	}
	n.log.Debug("edition taken", "edition", n.replica.Number())
	n.link.Recheck()
	n.gossip.SetMeta(n.meta())
	return n.courier.WakeAll(context.Background())
}

// keepUp has every new edition of the directory within a second while it is in reach.
func (n *Server) keepUp(ctx context.Context) {
	for ctx.Err() == nil {
		err := n.awaitEdition(ctx)
		if err == nil {
			continue
		}
		n.log.Debug("no edition from the directory", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(editionRetry):
		}
	}
}

func (n *Server) awaitEdition(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, editionTime)
	defer cancel()
	if err := n.announce(ctx); err != nil {
		return err
	}
	b, err := n.calls.AwaitEdition(ctx, n.replica.Number())
	if err != nil {
		return err
	}
	n.office.Heard()
	if len(b) == 0 {
		return nil
	}
	return n.install(b)
}

// announce tells the directory where this node is, if it says otherwise.
func (n *Server) announce(ctx context.Context) error {
	me, ok := n.replica.Node(n.enrolment.Office)
	if !ok || me.Addr == n.enrolment.Addr && me.Portal == n.enrolment.Portal {
		return nil
	}
	return n.calls.Announce(ctx, n.enrolment.Addr, n.enrolment.Portal)
}

// takeFromPeers takes newer editions from the peers that gossip names.
func (n *Server) takeFromPeers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-n.newer:
			if err := n.askEdition(ctx, name); err != nil {
				n.log.Debug("no edition from a peer", "peer", name, "err", err)
			}
		}
	}
}

// seen is told by gossip of a peer that is there.
func (n *Server) seen(name replication.Name, m gossip.Meta) {
	n.office.Heard()
	n.courier.Wake(name)
	if m.Edition <= n.replica.Number() {
		return
	}
	select {
	case n.newer <- name:
	default: // one is enough
	}
}
