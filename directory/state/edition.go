package state

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/edition"
)

// The bodies of the last editions are kept in a ring of slots, in pieces.
const (
	slots     = 4
	pieceSize = 16 << 10
)

// Head describes an edition that was cut.
type Head struct {
	Number uint64        `cbor:"1,keyasint"`
	Index  uint64        `cbor:"2,keyasint"`
	Cut    int64         `cbor:"3,keyasint"` // Unix milliseconds
	Digest digest.Digest `cbor:"4,keyasint"`
	Size   uint64        `cbor:"5,keyasint"` // 0: nothing was cut under this number, which is the end of a gap
	Epoch  uint64        `cbor:"6,keyasint,omitempty"`
}

// cosignature is a member's signature; it counts for its number alone, as the slot is used again.
type cosignature struct {
	Number uint64        `cbor:"1,keyasint"`
	Record record.Record `cbor:"2,keyasint"`
}

func headKey(number uint64) string { return fmt.Sprintf("edition/%d/head", number%slots) }

func signKey(number uint64, member string) string {
	return fmt.Sprintf("edition/%d/sign/%s", number%slots, member)
}

func pieceKey(number uint64, i int) string {
	return fmt.Sprintf("%sedition/%d/%05d", BulkPrefix, number%slots, i)
}

func (t *transition) cut(c *command.CutEdition) error {
	g, err := t.genesis()
	if err != nil {
		return err
	}
	held, err := Held(t, t.at)
	if err != nil {
		return err
	}
	if held {
		return t.fail(directory.Conflict, "a publication is under way: its parts come into one edition")
	}
	prev, changed, err := Due(t)
	switch {
	case err != nil:
		return err
	case c.Number != prev.Number+1:
		return t.fail(directory.Conflict, "edition %d is next", prev.Number+1)
	case !changed:
		return t.fail(directory.Conflict, "nothing has changed since edition %d", prev.Number)
	}
	e, err := t.build(g, c.Number, prev.Digest)
	if err != nil {
		return err
	}
	body, err := e.Encode()
	if err != nil {
		return err
	}
	h := Head{Number: c.Number, Index: t.index, Cut: t.at, Digest: digest.Of(body), Size: uint64(len(body)), Epoch: e.Epoch}
	if err := t.keepStep(prev, h, body); err != nil {
		return err
	}
	for i := 0; len(body) > 0; i++ {
		n := min(pieceSize, len(body))
		t.Set(pieceKey(c.Number, i), body[:n])
		body = body[n:]
	}
	return errors.Join(put(t, headKey(c.Number), h), put(t, "meta/cut", h))
}

func (t *transition) build(g directory.Genesis, number uint64, prev digest.Digest) (*edition.Edition, error) {
	at, err := StandingOf(t)
	if err != nil {
		return nil, err
	}
	e := &edition.Edition{
		Version: edition.Version, Number: number, Index: t.index, Cut: t.at, Prev: prev,
		Genesis: g.Digest(), Province: g.Province, Prefix: g.Prefix, Members: at.Members, Epoch: at.Epoch,
	}
	var errs [7]error
	e.Levels, errs[0] = list[directory.Level](t, "level/")
	e.Offices, errs[1] = list[directory.Office](t, "office/")
	e.Nodes, errs[2] = Nodes(t)
	e.Fields, errs[3] = list[directory.Field](t, "field/")
	e.Procedures, errs[4] = list[directory.Procedure](t, "procedure/")
	c, ok, err := get[directory.Calendar](t, "calendar")
	if ok {
		e.Calendar = &c
	}
	errs[5] = err
	e.Withdrawn, errs[6] = Withdrawals(t)
	return e, errors.Join(errs[:]...)
}

func (t *transition) cosign(c *command.CosignEdition) error {
	at, err := StandingOf(t)
	if err != nil {
		return err
	}
	h, ok, err := HeadOf(t, c.Number)
	if err != nil {
		return err
	}
	m, member := directory.MemberNamed(at.Members, c.Member)
	if !ok || !member || h.Epoch != at.Epoch {
		return t.fail(directory.NotFound, "no edition %d of these members, or no member %s", c.Number, c.Member)
	}
	keys, err := m.Identity.Keys()
	if err != nil {
		return err
	}
	if err := edition.CheckSignature(c.Record, keys.Sign, h.Number, h.Digest); err != nil {
		return t.fail(directory.Invalid, "%v", err)
	}
	if err := put(t, signKey(c.Number, c.Member), cosignature{c.Number, c.Record}); err != nil {
		return err
	}
	return t.complete(h, at.Members)
}

// complete notes that an edition has a majority of signatures.
func (t *transition) complete(h Head, members []directory.Member) error {
	signs, err := signatures(t, h.Number, members)
	if err != nil || len(signs) < edition.Majority(len(members)) {
		return err
	}
	done, err := Complete(t)
	if err != nil || done.Number >= h.Number {
		return err
	}
	return put(t, "meta/complete", h)
}

func signatures(r Reader, number uint64, members []directory.Member) ([]record.Record, error) {
	var out []record.Record
	for _, m := range members {
		c, ok, err := get[cosignature](r, signKey(number, m.Name))
		if err != nil {
			return nil, err
		}
		if ok && c.Number == number {
			out = append(out, c.Record)
		}
	}
	return out, nil
}

// Due returns the newest edition cut (zero if none) and whether the public tables have changed since.
func Due(r Reader) (h Head, changed bool, err error) {
	h, _, err = get[Head](r, "meta/cut")
	if err != nil {
		return h, false, err
	}
	public, err := PublicIndex(r)
	return h, public > h.Index, err
}

// Complete returns the newest edition with a majority of signatures, zero if none.
func Complete(r Reader) (Head, error) {
	h, _, err := get[Head](r, "meta/complete")
	return h, err
}

// HeadOf returns the head of one of the last editions.
func HeadOf(r Reader, number uint64) (Head, bool, error) {
	h, ok, err := get[Head](r, headKey(number))
	return h, ok && h.Number == number, err
}

// Signed returns the member's signature under an edition, if it is there.
func Signed(r Reader, number uint64, member string) (bool, error) {
	c, ok, err := get[cosignature](r, signKey(number, member))
	return ok && c.Number == number, err
}

// SignedEdition returns one of the last editions with as many of its signatures as a reader asks for, and the successions that lead
// to who made them.
func SignedEdition(r Reader, number uint64) (edition.Signed, bool, error) {
	var s edition.Signed
	h, ok, err := HeadOf(r, number)
	if err != nil || !ok {
		return s, false, err
	}
	members, err := membersAt(r, h.Epoch)
	if err != nil {
		return s, false, err
	}
	if s.Cosignatures, err = signatures(r, number, members); err != nil {
		return s, false, err
	}
	s.Cosignatures = s.Cosignatures[:min(len(s.Cosignatures), edition.Majority(len(members)))] // each of them has 3.4 KB
	chain, err := Chain(r)
	if err != nil {
		return s, false, err
	}
	s.Epoch, s.Chain = h.Epoch, edition.After(chain, 0, h.Epoch)
	body, whole, err := bodyOf(r, h)
	if err == nil && !whole {
		err = fmt.Errorf("edition %d: its bytes are damaged: restore this server from another", number)
	}
	s.Body = body
	return s, err == nil, err
}

// bodyOf puts the pieces of a body together; false if one is missing or damaged.
func bodyOf(r Reader, h Head) (body []byte, whole bool, err error) {
	for i := 0; uint64(len(body)) < h.Size; i++ {
		b, err := r.Get(pieceKey(h.Number, i))
		if err != nil || len(b) == 0 {
			return nil, false, err
		}
		body = append(body, b...)
	}
	return body, digest.Of(body) == h.Digest, nil
}
