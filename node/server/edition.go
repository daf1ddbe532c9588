package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/edition"
	"motcua/replication"
	"motcua/replication/gossip"
	"motcua/replication/link"
)

// editionProtocol is how nodes of an earlier version hand on editions: whole. See client.EditionProtocol.
const editionProtocol = "edition/1"

// The measures of keeping up. The edition of a whole province takes more than two minutes at 512 kbit/s: a transfer may
// take long, but not stand still.
const (
	editionRetry  = 5 * time.Second // after the directory was out of reach; longer each time
	longestRetry  = time.Minute
	editionTime   = 20 * time.Minute // for one transfer
	editionStall  = 30 * time.Second
	announcePause = time.Minute
	maxQuestion   = 64 // bytes
	handsAtOnce   = 4  // editions handed to other nodes at once
)

// The measures of taking editions from peers. The directory is left time to bring one first, so that it does not come twice.
const (
	peerPause   = time.Second
	lookAtPeers = 30 * time.Second
	peersAsked  = 8 // one after the other, for one edition
)

type editionQuestion struct {
	Have uint64 `cbor:"1,keyasint"`
	// Epoch is that of the members whom the asker trusts: see replica.Replica.BytesFor.
	Epoch uint64 `cbor:"2,keyasint,omitempty"`
}

type editionAnswer struct {
	Edition []byte `cbor:"1,keyasint"` // empty: none that is newer
}

// handOut answers a peer that asks for an edition.
func (n *Server) handOut(ctx context.Context, from link.Caller, s *link.Stream) {
	if err := n.editions.Serve(ctx, from, s); err != nil {
		n.log.Debug("edition not handed out", "peer", from.Peer.Name, "err", err)
	}
}

// serveEdition hands the edition at hand to a peer of an earlier version.
func (n *Server) serveEdition(ctx context.Context, from link.Caller, s *link.Stream) {
	if err := sendEdition(ctx, s, n.replica); err != nil {
		n.log.Debug("edition not sent", "peer", from.Peer.Name, "err", err)
	}
}

// editions is where the edition at hand comes from.
type editions interface {
	Number() uint64
	BytesFor(epoch uint64) []byte
}

// sendEdition answers one question for an edition.
func sendEdition(ctx context.Context, s *link.Stream, at editions) error {
	ctx, cancel := context.WithTimeout(ctx, editionTime)
	defer cancel()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(editionStall)
	var q editionQuestion
	if err := s.Receive(&q, maxQuestion); err != nil {
		return err
	}
	var a editionAnswer
	if at.Number() > q.Have {
		a.Edition = at.BytesFor(q.Epoch)
	}
	return s.Send(a)
}

// askEdition takes the edition of a peer if it is newer. Coming is called once it begins to come.
func (n *Server) askEdition(ctx context.Context, from replication.Name, coming func()) error {
	return n.takeFrom(func(held edition.Held) ([]byte, error) {
		b, err := client.AskEdition(ctx, n.link, from, held, 0, coming)
		if r, ok := errors.AsType[*link.Refused](err); ok && r.Why == link.UnknownProtocol {
			return receiveEdition(ctx, n.link, from, editionQuestion{held.Number, held.Epoch})
		}
		return b, err
	})
}

// takeFrom asks for what is newer than the edition at hand and installs it. A delta that does not fit is asked for again, whole.
func (n *Server) takeFrom(ask func(edition.Held) ([]byte, error)) error {
	held := n.replica.Held()
	b, err := ask(held)
	if err != nil || len(b) == 0 {
		return err
	}
	err = n.install(b)
	if !errors.Is(err, edition.ErrBase) && !errors.Is(err, edition.ErrStep) {
		return err
	}
	if b, err = ask(edition.Held{Number: held.Number, Epoch: held.Epoch}); err != nil || len(b) == 0 {
		return err
	}
	return n.install(b)
}

// receiveEdition asks a peer for an edition newer than the one at hand; nothing: it has none.
func receiveEdition(ctx context.Context, l *link.Link, from replication.Name, q editionQuestion) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, editionTime)
	defer cancel()
	s, err := l.Dial(ctx, from, editionProtocol)
	if err != nil {
		return nil, err
	}
	defer s.Cancel()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(editionStall)
	if err := s.Send(q); err != nil {
		return nil, err
	}
	var a editionAnswer
	err = s.Receive(&a, edition.MaxSigned+1024)
	return a.Edition, err
}

// install verifies and takes an edition, and has everyone look again who depends on it.
func (n *Server) install(b []byte) error {
	if newer, err := n.take(b); err != nil || !newer {
		return err
	}
	n.log.Debug("edition taken", "edition", n.replica.Number())
	n.office.Recovered(n.replica.Recovered())
	if err := n.adopt(); err != nil {
		n.log.Error("new keys not taken into use; tried again with the next edition and at the next start", "err", err)
	}
	n.link.Recheck()
	n.gossip.SetMeta(n.meta())
	return n.courier.WakeAll(context.Background())
}

// take puts an edition in the place of an older one. Where the two contradict each other both are kept as evidence.
func (n *Server) take(b []byte) (newer bool, err error) {
	n.installing.Lock()
	defer n.installing.Unlock()
	held, before := n.replica.Held(), n.replica.Bytes()
	err = n.replica.Install(b)
	switch {
	case errors.Is(err, edition.ErrFork):
		n.keepFork(before, wholeOf(b))
	case errors.Is(err, edition.ErrOld):
		return false, nil
	case err == nil && !n.follows(held):
		n.keepFork(before, n.replica.Bytes())
	}
	return err == nil, err
}

// adminWriteEdition gives the edition at hand, for a file.
func (n *Server) adminWriteEdition(w http.ResponseWriter, _ *http.Request) {
	b := n.replica.Bytes()
	if len(b) == 0 {
		http.Error(w, "write edition: this node has none yet; connect it to the directory", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(b)
}

// EditionReport says which edition a node goes by after it was given one, and whether that is the one it was given.
type EditionReport struct {
	Edition uint64 `json:"edition"`
	Newer   bool   `json:"newer"`
}

// adminInstallEdition takes an edition from a file, in any form that edition.Receive reads.
func (n *Server) adminInstallEdition(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, edition.MaxSigned))
	before := n.replica.Number()
	if err == nil {
		err = n.install(b)
	}
	answer(w, EditionReport{n.replica.Number(), n.replica.Number() > before}, err)
}

// keepUp has every new edition of the directory within a second while it is in reach.
func (n *Server) keepUp(ctx context.Context) { keepTrying(ctx, n.awaitEdition, n.sighted, n.log) }

// keepTrying awaits something again and again. What fails is tried again after a while, longer each time and not at the same
// moment everywhere, but at once where something sighted gives hope.
func keepTrying(ctx context.Context, await func(context.Context) error, sighted <-chan struct{}, log *slog.Logger) {
	retry := editionRetry
	for ctx.Err() == nil {
		err := await(ctx)
		if err == nil {
			retry = editionRetry
			continue
		}
		log.Debug("no edition from the directory", "err", err)
		select {
		case <-ctx.Done():
		case <-sighted:
		case <-time.After(retry - rand.N(retry/4)):
			retry = min(2*retry, longestRetry)
		}
	}
}

// sight has keepUp try at once where the peer that is there is a server of the directory.
func (n *Server) sight(name replication.Name) {
	if n.isMember(name) {
		n.hope()
	}
}

func (n *Server) hope() {
	select {
	case n.sighted <- struct{}{}:
	default: // one is enough
	}
}

func (n *Server) isMember(name replication.Name) bool {
	return slices.ContainsFunc(n.replica.Members(), func(m directory.Member) bool { return replication.Name(m.Name) == name })
}

func (n *Server) awaitEdition(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, editionTime)
	defer cancel()
	return n.takeFrom(func(held edition.Held) ([]byte, error) {
		b, err := n.calls.AwaitEdition(ctx, held)
		if err == nil {
			n.office.Heard()
		}
		return b, err
	})
}

// keepPlace has the directory say where this node is, apart from the taking of editions, which must not wait for it.
func (n *Server) keepPlace(ctx context.Context) {
	keepTold(ctx, n.misplaced, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, questionTime)
		defer cancel()
		return n.calls.Announce(ctx, n.enrolment.Addr, n.enrolment.Portal)
	}, n.log)
}

// misplaced tells whether the edition at hand says otherwise than the enrolment, and when to look again.
func (n *Server) misplaced() (wrong bool, again <-chan struct{}) {
	again = n.replica.Watch()
	me, ok := n.replica.Node(n.enrolment.Office)
	return ok && me.Revoked == 0 && (me.Addr != n.enrolment.Addr || me.Portal != n.enrolment.Portal), again
}

// keepTold tells whenever something is wrong, at most once in announcePause where telling succeeds: the directory cuts an
// edition for each, and another machine may be telling it the contrary.
func keepTold(ctx context.Context, wrong func() (bool, <-chan struct{}), tell func(context.Context) error, log *slog.Logger) {
	retry := editionRetry
	for ctx.Err() == nil {
		bad, again := wrong()
		var pause <-chan time.Time
		if bad {
			again = nil
			if err := tell(ctx); err != nil {
				log.Debug("directory not told where this node is", "err", err)
				pause, retry = time.After(retry), min(2*retry, announcePause)
			} else {
				pause, retry = time.After(announcePause), editionRetry
			}
		}
		select {
		case <-ctx.Done():
		case <-again:
		case <-pause:
		}
	}
}

// takeFromPeers takes newer editions from the peers that gossip names, and now and then from any that is ahead: those that were
// asked may have been busy.
func (n *Server) takeFromPeers(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-n.newer:
			wait(ctx, peerPause/2+rand.N(peerPause))
		case <-time.After(lookAtPeers/2 + rand.N(lookAtPeers)):
			n.askWhoAnswers(ctx)
		}
		n.takeFromAny(ctx)
	}
}

// askWhoAnswers asks one of the peers that can be reached, whatever gossip says of its edition, where no server of the directory can:
// the others may think that this office is gone, and tell it nothing.
func (n *Server) askWhoAnswers(ctx context.Context) {
	if slices.ContainsFunc(n.link.Connected(), n.isMember) {
		return
	}
	if answering := n.gossip.Answering(); len(answering) > 0 {
		n.takeFromPeer(ctx, answering[rand.N(len(answering))], make(chan struct{}, 1))
	}
}

// takeFromAny asks peers that are ahead, the next whenever none has begun to answer within a moment, until one has brought an
// edition.
func (n *Server) takeFromAny(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done, coming := make(chan bool, peersAsked), make(chan struct{}, 1)
	asked, left, slow := map[replication.Name]bool{}, 0, false
	for ctx.Err() == nil {
		var moment <-chan time.Time
		if name, ok := n.ahead(asked); ok && !slow && len(asked) < peersAsked {
			asked[name], left = true, left+1
			running.Go(func() { done <- n.takeFromPeer(ctx, name, coming) })
			moment = time.After(peerPause)
		} else if left == 0 {
			return
		}
		select {
		case <-moment:
		case <-n.newer: // another has it
		case <-coming:
			slow = true // or it would come twice over a slow line
		case good := <-done:
			if left--; good {
				return
			}
		case <-ctx.Done():
		}
	}
}

func (n *Server) takeFromPeer(ctx context.Context, name replication.Name, coming chan<- struct{}) bool {
	before := n.replica.Number()
	err := n.askEdition(ctx, name, func() {
		select {
		case coming <- struct{}{}:
		default:
		}
	})
	if err != nil && ctx.Err() == nil {
		n.log.Debug("no edition from a peer", "peer", name, "err", err)
	}
	return err == nil && n.replica.Number() > before
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// ahead returns a peer with a newer edition, as far as gossip knows, that was not asked yet; one of the directory's servers, which
// keepUp asks, only where there is no other.
func (n *Server) ahead(asked map[replication.Name]bool) (replication.Name, bool) {
	var nodes, servers []replication.Name
	for _, m := range n.gossip.Members() {
		switch {
		case m.Meta.Edition <= n.replica.Number() || asked[m.Name]:
		case n.isMember(m.Name):
			servers = append(servers, m.Name)
		default:
			nodes = append(nodes, m.Name)
		}
	}
	if len(nodes) == 0 {
		nodes = servers
	}
	if len(nodes) == 0 {
		return "", false
	}
	return nodes[rand.N(len(nodes))], true
}

// seen is told by gossip of a peer that is there.
func (n *Server) seen(name replication.Name, m gossip.Meta) {
	n.office.Heard()
	n.courier.Wake(name)
	n.relay.Seen(name)
	n.sight(name)
	if m.Edition <= n.replica.Number() {
		return
	}
	select {
	case n.newer <- struct{}{}:
	default: // one is enough
	}
}
