package state

import (
	"fmt"

	"motcua/crypto/digest"
	"motcua/directory/edition"
)

// stepSlots is how many steps from one edition to the next are kept, in a ring.
const stepSlots = 1024

// stepHead describes a step that is kept. The step lies beside it in pieces.
type stepHead struct {
	Number uint64        `cbor:"1,keyasint"`
	Base   uint64        `cbor:"2,keyasint"`
	Size   uint64        `cbor:"3,keyasint"` // of its bytes
	Digest digest.Digest `cbor:"4,keyasint"` // of its bytes
}

func stepKey(number uint64) string { return fmt.Sprintf("delta/%d", number%stepSlots) }

func stepPieceKey(number uint64, i int) string {
	return fmt.Sprintf("%sdelta/%d/%05d", BulkPrefix, number%stepSlots, i)
}

// keepStep keeps what the edition cut now has changed. Where that cannot be told, or is too much, nothing is kept: readers of
// earlier editions then take the whole.
func (t *transition) keepStep(prev, now Head, body []byte) error {
	if prev.Number == 0 {
		return nil
	}
	base, whole, err := bodyOf(t, prev)
	if err != nil || !whole {
		return err
	}
	b, fits, err := edition.NewStep(prev.Number, base, now.Number, body).Encode()
	if err != nil || !fits {
		return err
	}
	h := stepHead{Number: now.Number, Base: prev.Number, Size: uint64(len(b)), Digest: digest.Of(b)}
	for i := 0; len(b) > 0; i++ {
		n := min(pieceSize, len(b))
		t.Set(stepPieceKey(now.Number, i), b[:n])
		b = b[n:]
	}
	return put(t, stepKey(now.Number), h)
}

// StepFrom returns what has changed from the edition that a reader holds to a later one, false if that is not known any more or
// would be more than edition.MaxStep bytes.
func StepFrom(r Reader, held edition.Held, to Head) (s edition.Step, known bool, err error) {
	var heads []stepHead // newest first
	size := uint64(0)
	for number := to.Number; number > held.Number; number = heads[len(heads)-1].Base {
		h, ok, err := get[stepHead](r, stepKey(number))
		if size += h.Size; err != nil || !ok || h.Number != number || size > edition.MaxStep || len(heads) >= stepSlots {
			return s, false, err
		}
		heads = append(heads, h)
	}
	for i := len(heads) - 1; i >= 0; i-- {
		next, ok, err := stepOf(r, heads[i])
		if err != nil || !ok {
			return s, false, err
		}
		if i == len(heads)-1 {
			s, ok = next, next.Base == held.Number && next.BaseBody == held.Body
		} else {
			s, ok = s.Then(next)
		}
		if !ok {
			return s, false, nil
		}
	}
	return s, len(heads) > 0 && s.Body == to.Digest, nil
}

// stepOf reads a step; false if it is missing or damaged.
func stepOf(r Reader, h stepHead) (s edition.Step, ok bool, err error) {
	var b []byte
	for i := 0; uint64(len(b)) < h.Size; i++ {
		piece, err := r.Get(stepPieceKey(h.Number, i))
		if err != nil || len(piece) == 0 {
			return s, false, err
		}
		b = append(b, piece...)
	}
	if digest.Of(b) != h.Digest {
		return s, false, nil
	}
	s, err = edition.ReadStep(b)
	return s, err == nil, nil // one that a later version wrote is of no use here
}
