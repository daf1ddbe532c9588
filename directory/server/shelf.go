package server

import (
	"cmp"
	"fmt"
	"sync"

	"motcua/directory/edition"
	"motcua/directory/state"
)

// maxDeltas bounds the deltas kept, each for nodes that hold one edition.
const maxDeltas = 64

// shelf keeps what nodes ask for: the newest complete edition as each of them needs it. Most hold the one before and take a
// delta of a few hundred bytes. What many want at once is made once, and who wants something else does not wait for it.
type shelf struct {
	s   *Server
	mu  sync.Mutex
	now *stock
}

// stock is what there is of one edition.
type stock struct {
	head   state.Head
	whole  func() (whole, error)
	deltas map[edition.Held]delta // by what they are for, see heldAs
	making map[edition.Held]delta // not there yet, or not to be had
}

// whole is an edition as it is: without its body, which lies in packed, for a reader that trusts the members of the genesis.
type whole struct {
	signed edition.Signed
	packed []byte
}

// delta makes a delta, at its first call; nil where there is none, and the whole edition is to be taken.
type delta func() ([]byte, error)

// Changed implements client.Shelf.
func (k *shelf) Changed() <-chan struct{} { return k.s.news.next() }

// Update implements client.Shelf.
func (k *shelf) Update(held edition.Held) ([]byte, error) {
	t, err := k.newest(held.Number)
	if err != nil || t == nil {
		return nil, err
	}
	w, err := t.whole()
	if err != nil {
		k.drop(t)
		return nil, err
	}
	if held.Number == 0 {
		return w.packed, nil
	}
	held = heldAs(held, w.signed.Chain)
	b, err := k.delta(t, held)()
	k.made(t, held, b)
	if err != nil || b == nil {
		return w.packed, err
	}
	return b, nil
}

// newest returns the stock of the newest complete edition, nil if it is not newer than a number.
func (k *shelf) newest(than uint64) (*stock, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var h state.Head
	err := k.s.look(func(r state.Reader) (err error) {
		h, err = state.Complete(r)
		return err
	})
	if err != nil || h.Number <= than {
		return nil, err
	}
	if k.now == nil || k.now.head != h {
		k.now = &stock{
			head: h, whole: sync.OnceValues(func() (whole, error) { return k.s.wholeOf(h.Number) }),
			deltas: map[edition.Held]delta{}, making: map[edition.Held]delta{},
		}
	}
	return k.now, nil
}

// drop has a stock that could not be made be made again for the next who asks.
func (k *shelf) drop(t *stock) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now == t {
		k.now = nil
	}
}

// delta returns the delta for what a reader holds, which is there, or which all who ask for it make together.
func (k *shelf) delta(t *stock, held edition.Held) delta {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, all := range []map[edition.Held]delta{t.deltas, t.making} {
		if d := all[held]; d != nil {
			return d
		}
	}
	d := sync.OnceValues(func() ([]byte, error) { return k.s.deltaFor(t, held) })
	t.making[held] = d
	return d
}

// made keeps a delta that is made. Where there are too many, those for the newest editions stay: most nodes hold one of them, and
// who claims to hold others cannot take their place.
func (k *shelf) made(t *stock, held edition.Held, b []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := t.making[held]
	delete(t.making, held)
	if d == nil || b == nil {
		return
	}
	t.deltas[held] = d
	if len(t.deltas) <= maxDeltas {
		return
	}
	oldest := held
	for h := range t.deltas {
		if cmp.Or(cmp.Compare(h.Number, oldest.Number), cmp.Compare(h.Epoch, oldest.Epoch)) < 0 {
			oldest = h
		}
	}
	delete(t.deltas, oldest)
}

// heldAs is what a reader holds as far as it matters for a delta: of its epoch, up to which successions of the chain it has. So a
// node that names many epochs gets the same few deltas.
func heldAs(held edition.Held, chain []edition.SignedSuccession) edition.Held {
	epoch := uint64(0)
	for _, s := range chain {
		if v, err := edition.ReadSuccession(s.Body); err == nil && v.Epoch <= held.Epoch {
			epoch = max(epoch, v.Epoch)
		}
	}
	held.Epoch = epoch
	return held
}

func (s *Server) wholeOf(number uint64) (w whole, err error) {
	err = s.look(func(r state.Reader) error {
		signed, ok, err := state.SignedEdition(r, number)
		if err == nil && !ok {
			err = fmt.Errorf("edition %d is not kept any more: ask for the newest", number)
		}
		w.signed = signed
		return err
	})
	if err == nil {
		w.packed, err = packed(w.signed)
	}
	w.signed.Body = nil // it would lie here for nobody
	return w, err
}

// deltaFor makes the delta from what a reader holds to an edition, or the whole where that is shorter; nil if it is not known what
// the reader holds.
func (s *Server) deltaFor(t *stock, held edition.Held) ([]byte, error) {
	w, err := t.whole()
	if err != nil {
		return nil, err
	}
	var step edition.Step
	known := false
	err = s.look(func(r state.Reader) (err error) {
		step, known, err = state.StepFrom(r, held, t.head)
		return err
	})
	if err != nil || !known {
		return nil, err
	}
	b, err := packed(lacking(w.signed, held.Epoch).Delta(step))
	if len(b) > len(w.packed) {
		b = w.packed
	}
	return b, err
}

func packed(s interface{ Encode() ([]byte, error) }) ([]byte, error) {
	b, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return edition.Pack(b)
}
