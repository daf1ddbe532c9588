package relay

import (
	"context"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/replication"
)

// tell has the receipts for a sender brought to it. It does not block.
func (r *Relay) tell(name replication.Name) {
	r.mu.Lock()
	r.due[name] = struct{}{}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// tellAll brings receipts to the senders that were seen, and to all from time to time, until the context ends.
func (r *Relay) tellAll(ctx context.Context) {
	room := make(chan struct{}, tellersOnce)
	var work sync.WaitGroup
	defer work.Wait()
	tick := time.NewTicker(lookAround)
	defer tick.Stop()
	r.look()
	for {
		for _, to := range r.duty() {
			select {
			case room <- struct{}{}:
			case <-ctx.Done():
				return
			}
			work.Go(func() {
				defer func() { <-room }()
				defer r.done(to)
				if err := r.bring(ctx, to); err != nil && ctx.Err() == nil {
					r.log.Debug("receipts not brought", "peer", to, "err", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
			r.look()
		}
	}
}

// duty returns the senders to be told now, for whom there are receipts and whom nobody is telling.
func (r *Relay) duty() (names []replication.Name) {
	owed := map[replication.Name]bool{}
	for _, i := range r.shelf.list(func(i *item) bool { return i.state == Answered }) {
		owed[i.from] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := range r.due {
		if r.told[n] {
			continue // once more after that
		}
		delete(r.due, n)
		if owed[n] {
			r.told[n] = true
			names = append(names, n)
		}
	}
	return names
}

func (r *Relay) done(name replication.Name) {
	r.mu.Lock()
	delete(r.told, name)
	_, again := r.due[name]
	r.mu.Unlock()
	if again {
		r.tell(name)
	}
}

// look has everybody told for whom there are receipts, forgets what ended long ago, and says what has become overdue.
func (r *Relay) look() {
	now := r.cfg.Now()
	for _, i := range r.shelf.list(func(i *item) bool { return i.state != Waiting }) {
		if now.Sub(time.Unix(i.ended, 0)) < endedKept {
			r.tell(i.from)
			continue
		}
		if err := r.shelf.remove(i.id); err != nil {
			r.log.Error("old entry of the relay could not be removed", "parcel", i.id.Short(), "err", err)
		}
	}
	for _, i := range r.shelf.warn(now, longestWait) {
		r.log.Warn("parcel is overdue at this relay: see motcua relay list", "parcel", i.id.Short(), "from", i.from, "to", i.to)
	}
}

// bring brings the receipts for one sender, a few at a time.
func (r *Relay) bring(ctx context.Context, to replication.Name) error {
	passed := map[digest.Digest]bool{}
	for {
		d, ids := r.next(to, passed)
		if len(ids) == 0 {
			return nil
		}
		t, err := r.hand(ctx, to, d)
		if err != nil {
			return err
		}
		for _, id := range ids {
			passed[id] = true
		}
		for _, id := range t.Parcels {
			if !passed[id] {
				continue
			}
			if err := r.shelf.remove(id); err != nil {
				return err
			}
		}
	}
}

// next gathers receipts for a sender, without those passed.
func (r *Relay) next(to replication.Name, passed map[digest.Digest]bool) (d delivery, ids []digest.Digest) {
	for _, i := range r.shelf.list(func(i *item) bool { return i.state == Answered && i.from == to && !passed[i.id] }) {
		if len(ids) == receiptsOnce {
			break
		}
		if e, err := r.shelf.read(i.id); err == nil && e.Receipt != nil {
			d.Receipts, ids = append(d.Receipts, *e.Receipt), append(ids, i.id)
		}
	}
	return d, ids
}

func (r *Relay) hand(ctx context.Context, to replication.Name, d delivery) (t thanks, err error) {
	s, err := r.cfg.Link.Dial(ctx, to, ReceiptProtocol)
	if err != nil {
		return t, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	s.SetStall(stallTime)
	if err := s.Send(d); err != nil {
		return t, err
	}
	s.SetStall(commitTime)
	return t, s.Receive(&t, maxThanks)
}
