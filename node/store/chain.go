package store

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/node/dossier"
)

// Head is where a chain ends. The zero Head is that of a chain that has not begun.
type Head struct {
	ID     digest.Digest `cbor:"1,keyasint"` // of the last event
	Length uint64        `cbor:"2,keyasint"` // number of events
}

// Head returns the head of a chain, the zero Head if this node has none of it.
func (t *Tx) Head(chain digest.Digest) (Head, error) {
	h, _, err := load[Head](t, tHead.of(chain))
	return h, err
}

// Append adds events to a chain whose head is still expected, zero for a chain that begins. It fails with ErrHeadMoved
// when the chain has grown since the act was decided: decide again on what is there now.
func (t *Tx) Append(chain, expected digest.Digest, events []dossier.Signed) error {
	h, err := t.Head(chain)
	if err != nil {
		return t.fail(err)
	}
	if h.ID != expected {
		return t.fail(fmt.Errorf("append to chain %s: head is %s, not %s: %w", chain.Short(), h.ID.Short(), expected.Short(), ErrHeadMoved))
	}
	for _, e := range events {
		if h, err = t.link(chain, h, e); err != nil {
			return t.fail(err)
		}
		if err := t.addToLog(e.ID()); err != nil {
			return err
		}
	}
	return t.put(tHead.of(chain), h)
}

// link writes one event behind a head and returns the new head.
func (t *Tx) link(chain digest.Digest, h Head, e dossier.Signed) (Head, error) {
	v := e.Event
	switch {
	case v.Chain != chain:
		return h, fmt.Errorf("event of chain %s in chain %s: %w", v.Chain.Short(), chain.Short(), dossier.ErrMalformed)
	case v.Seq > h.Length:
		return h, fmt.Errorf("chain %s has %d events, event %d comes too early: %w", chain.Short(), h.Length, v.Seq, ErrGap)
	case v.Seq != h.Length || v.Prev != h.ID:
		return h, fmt.Errorf("event %d of chain %s does not follow its head: %w", v.Seq, chain.Short(), ErrFork)
	}
	if err := t.put(tEvent.of(chain).number(v.Seq), e.Record); err != nil {
		return h, err
	}
	return Head{e.ID(), h.Length + 1}, nil
}

// Copied is what PutCopy did.
type Copied struct {
	Added int
	// Forked tells that the copy contradicts what is stored. Nothing was added; the evidence was kept, see Forks.
	Forked bool
}

// PutCopy brings the copy of a chain that another office writes up to date from consecutive events, which the caller
// has verified. Events already held are passed over, so a shorter or older copy changes nothing. An event that differs from
// the one at its place makes a fork: it is stored as evidence, and no error, so that the evidence is committed.
// ErrGap means that events are missing before the first.
func (t *Tx) PutCopy(chain digest.Digest, events []dossier.Signed) (Copied, error) {
	h, err := t.Head(chain)
	if err != nil {
		return Copied{}, t.fail(err)
	}
	if odd, err := t.contradiction(chain, h, events); err != nil {
		return Copied{}, t.fail(err)
	} else if odd != nil {
		k := tFork.of(chain).number(odd.Event.Seq).id(odd.ID())
		return Copied{Forked: true}, t.put(k, odd.Record)
	}
	before := h.Length
	for _, e := range events {
		if e.Event.Seq < before {
			continue
		}
		if h, err = t.link(chain, h, e); err != nil {
			return Copied{}, t.fail(err)
		}
	}
	if h.Length == before {
		return Copied{}, nil
	}
	return Copied{Added: int(h.Length - before)}, t.put(tHead.of(chain), h)
}

// Regain is PutCopy of a chain that this node writes, from what others have kept of it: events that it had signed and lost. They
// are entered in its log again.
func (t *Tx) Regain(chain digest.Digest, events []dossier.Signed) (Copied, error) {
	h, err := t.Head(chain)
	if err != nil {
		return Copied{}, t.fail(err)
	}
	done, err := t.PutCopy(chain, events)
	for _, e := range events {
		if err == nil && done.Added > 0 && e.Event.Seq >= h.Length {
			err = t.addToLog(e.ID())
		}
	}
	return done, err
}

// contradiction finds the first event that cannot stand with what is stored, nil if there is none.
func (t *Tx) contradiction(chain digest.Digest, h Head, events []dossier.Signed) (*dossier.Signed, error) {
	for i, e := range events {
		if e.Event.Seq == h.Length && e.Event.Prev != h.ID {
			return &events[i], nil
		}
		if e.Event.Seq >= h.Length {
			return nil, nil
		}
		held, ok, err := load[record.Record](t, tEvent.of(chain).number(e.Event.Seq))
		if err != nil {
			return nil, err
		}
		if ok && held.ID() != e.ID() {
			return &events[i], nil
		}
	}
	return nil, nil
}

// Chain returns the records of a chain from the first on; ErrNotFound if this node has none of it.
func (t *Tx) Chain(chain digest.Digest) ([]record.Record, error) { return t.ChainFrom(chain, 0) }

// ChainFrom returns the records of a chain from event seq on, none when it is no longer than that. It fails with
// ErrNotFound if this node has none of the chain.
func (t *Tx) ChainFrom(chain digest.Digest, seq uint64) ([]record.Record, error) {
	h, err := t.Head(chain)
	if err != nil {
		return nil, err
	}
	if h.Length == 0 {
		return nil, fmt.Errorf("chain %s: %w", chain.Short(), ErrNotFound)
	}
	var out []record.Record
	for ; seq < h.Length; seq++ {
		r, ok, err := load[record.Record](t, tEvent.of(chain).number(seq))
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("chain %s: event %d of %d is missing from the database: restore it from the backup", chain.Short(), seq, h.Length)
		}
		out = append(out, r)
	}
	return out, nil
}

// Forks returns the events that contradict a chain, at most n; none when all is well.
func (t *Tx) Forks(chain digest.Digest, n int) ([]record.Record, error) {
	var out []record.Record
	err := t.scan(tFork.of(chain), nil, func(k key) (bool, error) {
		r, ok, err := load[record.Record](t, k)
		if ok {
			out = append(out, r)
		}
		return len(out) < n, err
	})
	return out, err
}
