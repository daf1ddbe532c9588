package server

import (
	"context"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory/client"
	"motcua/directory/edition"
	"motcua/directory/state"
	"motcua/replication/link"
)

// editionsAtOnce bounds the editions on their way to nodes at one time: all of a province that wakes together.
const editionsAtOnce = 512

// shelf keeps what nodes ask for: the newest complete edition as each of them needs it. Most hold the one before and take a
// delta of a few hundred bytes.
type shelf struct {
	s      *Server
	mu     sync.Mutex
	digest digest.Digest // of the body of the edition that the others are of
	signed edition.Signed
	packed []byte // whole, for a reader that trusts the members of the genesis
	deltas map[edition.Held][]byte
}

// maxDeltas bounds the deltas kept, each for nodes that hold one edition.
const maxDeltas = 64

// newest reads the newest complete edition; number 0 if there is none.
func (s *Server) newest() (signed edition.Signed, number uint64, err error) {
	err = s.look(func(r state.Reader) error {
		h, err := state.Complete(r)
		if err != nil || h.Number == 0 {
			return err
		}
		number = h.Number
		signed, _, err = state.SignedEdition(r, h.Number)
		return err
	})
	return signed, number, err
}

// newestBytes are those of the newest complete edition, whole, for a reader that trusts the members of an epoch.
func (s *Server) newestBytes(epoch uint64) (b []byte, number uint64, err error) {
	signed, number, err := s.newest()
	if err == nil && number > 0 {
		b, err = lacking(signed, epoch).Encode()
	}
	return b, number, err
}

// lacking spares a reader the successions that it has.
func lacking(s edition.Signed, epoch uint64) edition.Signed {
	s.Chain = edition.After(s.Chain, epoch, s.Epoch)
	return s
}

// Update implements client.Shelf.
func (k *shelf) Update(held edition.Held) (b []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.s.look(func(r state.Reader) error {
		h, err := state.Complete(r)
		if err != nil || h.Number <= held.Number {
			return err
		}
		if err := k.fill(r, h); err != nil {
			return err
		}
		b, err = k.update(r, h, held)
		return err
	})
	return b, err
}

// Changed implements client.Shelf.
func (k *shelf) Changed() <-chan struct{} {
	_, moved := k.s.cluster.Applied()
	return moved
}

func (k *shelf) fill(r state.Reader, h state.Head) error {
	if h.Digest == k.digest {
		return nil
	}
	signed, _, err := state.SignedEdition(r, h.Number)
	if err != nil {
		return err
	}
	if k.packed, err = packed(signed); err != nil {
		return err
	}
	signed.Body = nil // it would lie here for nobody
	k.signed, k.digest, k.deltas = signed, h.Digest, map[edition.Held][]byte{}
	return nil
}

func packed(s interface{ Encode() ([]byte, error) }) ([]byte, error) {
	b, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return edition.Pack(b)
}

// update is what a reader takes: a delta where one is known and shorter.
func (k *shelf) update(r state.Reader, h state.Head, held edition.Held) ([]byte, error) {
	if b, ok := k.deltas[held]; ok {
		return b, nil
	}
	step, known, err := state.StepFrom(r, held, h)
	if err != nil || !known {
		return k.packed, err
	}
	b, err := packed(lacking(k.signed, held.Epoch).Delta(step))
	if err != nil {
		return nil, err
	}
	if len(b) > len(k.packed) {
		b = k.packed
	}
	if len(k.deltas) < maxDeltas {
		k.deltas[held] = b
	}
	return b, nil
}

// handOut serves questions for editions.
func (s *Server) handOut(ctx context.Context, from link.Caller, st *link.Stream) {
	if err := s.editions.Serve(ctx, from, st); err != nil {
		s.log.Debug("edition not handed out", "peer", from.Peer.Name, "error", err)
	}
}

// answerEdition hands out whole editions to nodes of an earlier version.
func (s *Server) answerEdition(ctx context.Context, c caller) (client.Response, error) {
	var wish client.EditionWish
	if err := wire.Unmarshal(c.q.Body, &wish); err != nil {
		return client.Response{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(min(wish.Wait, client.MaxWait))*time.Millisecond)
	defer cancel()
	for {
		_, moved := s.cluster.Applied()
		if s.complete().Number > wish.Have {
			b, _, err := s.newestBytes(wish.Epoch)
			if err != nil {
				return client.Response{}, err
			}
			return respond(b, 0)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return respond([]byte{}, 0)
		}
	}
}
