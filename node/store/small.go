package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
)

// The bounds of what callers put in small tables.
const (
	MaxDraft   = 256 << 10 // bytes of a draft's body
	MaxRequest = 8 << 20   // bytes of a request not yet taken in hand
	MaxSetting = 256 << 10
)

// PutSubmission stores the record of a submission under its id, which becomes the id of the root chain. It is written once.
func (t *Tx) PutSubmission(r record.Record) error {
	if _, ok, err := t.get(tSubmission.of(r.ID())); err != nil || ok {
		return err
	}
	return t.put(tSubmission.of(r.ID()), r)
}

// Submission returns the record of a submission, ErrNotFound if there is none.
func (t *Tx) Submission(id digest.Digest) (record.Record, error) {
	return found[record.Record](t, tSubmission.of(id), "submission")
}

// PutRequest stores what came with a request of another office until it is taken in hand, and after.
func (t *Tx) PutRequest(child digest.Digest, body []byte) error {
	return t.putBounded(tRequest.of(child), body, MaxRequest)
}

// Request returns the bytes of a request, ErrNotFound if there is none.
func (t *Tx) Request(child digest.Digest) ([]byte, error) {
	return found[[]byte](t, tRequest.of(child), "request")
}

func (t *Tx) putBounded(k key, b []byte, bound int) error {
	if len(b) > bound {
		return t.fail(fmt.Errorf("store: %d bytes, at most %d fit here: %w", len(b), bound, ErrTooLarge))
	}
	return t.put(k, b)
}

func found[T any](t *Tx, k key, what string) (T, error) {
	v, ok, err := load[T](t, k)
	if err == nil && !ok {
		err = fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return v, err
}

// Look is one look at a dossier by a person: its applicant can see the list.
type Look struct {
	Chain   digest.Digest `cbor:"1,keyasint"`
	At      int64         `cbor:"2,keyasint"` // Unix milliseconds
	Account string        `cbor:"3,keyasint"`
	Name    string        `cbor:"4,keyasint,omitempty"`
	Role    string        `cbor:"5,keyasint,omitempty"`
	Office  string        `cbor:"6,keyasint"`
	Purpose string        `cbor:"7,keyasint"`
	// SignedIn is the office whose node signed the session, of an applicant's look; empty where staff looked.
	SignedIn string `cbor:"8,keyasint,omitempty"`
}

// PutLook records a look. Two of one account in one millisecond are both kept; the same one again changes nothing.
func (t *Tx) PutLook(l Look) error {
	for at := l.At; ; at++ {
		k := tLook.of(l.Chain).late(at).text(l.Account)
		old, taken, err := load[Look](t, k)
		if err != nil {
			return t.fail(err)
		}
		if !taken {
			return t.put(k, l)
		}
		if old == l {
			return nil
		}
	}
}

// Looks returns at most n looks at a dossier, newest first.
func (t *Tx) Looks(chain digest.Digest, n int) ([]Look, error) {
	return collect[Look](t, tLook.of(chain), n)
}

// collect reads at most n values under a prefix.
func collect[T any](t *Tx, prefix key, n int) ([]T, error) {
	var out []T
	err := t.scan(prefix, nil, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		v, ok, err := load[T](t, k)
		if ok {
			out = append(out, v)
		}
		return true, err
	})
	return out, err
}

// trackRow is a track with whether the directory has been told.
type trackRow struct {
	Track directory.Track `cbor:"1,keyasint"`
	Waits bool            `cbor:"2,keyasint,omitempty"`
}

// QueueTrack notes where a dossier is, to be reported. A newer track of the same code replaces one not yet sent; an older
// one is dropped.
func (t *Tx) QueueTrack(tr directory.Track) error {
	old, ok, err := load[trackRow](t, tTrack.named(tr.Code))
	if err != nil {
		return t.fail(err)
	}
	if ok && old.Track.AsOf > tr.AsOf {
		return nil
	}
	if err := t.put(tTrack.named(tr.Code), trackRow{tr, true}); err != nil {
		return err
	}
	return t.set(tTrackWaits.named(tr.Code), mark)
}

// PendingTracks returns at most n tracks the directory has not been told, in the order of their codes, of those after a code; after ""
// are all.
func (t *Tx) PendingTracks(after string, n int) ([]directory.Track, error) {
	var out []directory.Track
	var from key
	if after != "" {
		from = tTrackWaits.named(after)
	}
	err := t.scan(tTrackWaits.key(), from, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		if from != nil && bytes.Equal(k, from) {
			return true, nil
		}
		r, ok, err := load[trackRow](t, append(tTrack.key(), k[1:]...))
		if ok && r.Waits {
			out = append(out, r.Track)
		}
		return true, err
	})
	return out, err
}

// TracksSent notes that the directory has committed these tracks. One that changed meanwhile goes on waiting.
func (t *Tx) TracksSent(sent []directory.Track) error {
	for _, tr := range sent {
		r, ok, err := load[trackRow](t, tTrack.named(tr.Code))
		if err != nil {
			return t.fail(err)
		}
		if !ok || !r.Waits || r.Track.AsOf != tr.AsOf {
			continue
		}
		r.Waits = false
		if err := t.put(tTrack.named(tr.Code), r); err != nil {
			return err
		}
		if err := t.set(tTrackWaits.named(tr.Code), nil); err != nil {
			return err
		}
	}
	return nil
}

// RequeueTracks has at most n tracks after a code told to the directory again, those after "" first. It returns the code to go on
// after, "" at the end.
func (t *Tx) RequeueTracks(after string, n int) (next string, err error) {
	var all []trackRow
	start := tTrack.key()
	if after != "" {
		start = append(tTrack.named(after), 0)
	}
	err = t.scan(tTrack.key(), start, func(k key) (bool, error) {
		r, ok, err := load[trackRow](t, k)
		if ok {
			all = append(all, r)
		}
		return len(all) < n, err
	})
	for _, r := range all {
		if err == nil {
			err = t.QueueTrack(r.Track)
		}
		next = r.Track.Code
	}
	if len(all) < n {
		next = ""
	}
	return next, t.fail(err)
}

// Once returns the answer given to the bearer of a token before, false if there was none.
func (t *Tx) Once(token string) (answer string, given bool, err error) {
	return load[string](t, tOnce.named(token))
}

// SetOnce keeps the answer given for a token, in the update of the act. A token answered before fails with ErrTaken.
func (t *Tx) SetOnce(token, answer string) error {
	if _, given, err := t.Once(token); err != nil || given {
		if given {
			err = fmt.Errorf("token: %w", ErrTaken)
		}
		return t.fail(err)
	}
	return t.put(tOnce.named(token), answer)
}

// NextNumber gives the next number of an office's day, from 1 on. A number is given once, and with the update alone: one
// that fails leaves no hole.
func (t *Tx) NextNumber(office, day string) (uint32, error) {
	k := tCounter.named(office).text(day)
	n, _, err := load[uint32](t, k)
	if err != nil {
		return 0, t.fail(err)
	}
	return n + 1, t.put(k, n+1)
}

// HoldBlob notes that an owner (a draft, a chain) needs a sealed file.
func (t *Tx) HoldBlob(blob digest.Digest, owner string) error {
	return t.set(tBlob.of(blob).text(owner), mark)
}

// ReleaseBlob takes the note back. The file goes when nobody holds it any more.
func (t *Tx) ReleaseBlob(blob digest.Digest, owner string) error {
	return t.set(tBlob.of(blob).text(owner), nil)
}

// BlobHeld tells whether anybody needs a sealed file. A note that was taken back and reappeared only keeps the
// file longer.
func (t *Tx) BlobHeld(blob digest.Digest) (held bool, err error) {
	err = t.scan(tBlob.of(blob), nil, func(key) (bool, error) { held = true; return false, nil })
	return held, err
}

// Set stores a small value under a name.
func (t *Tx) Set(name string, value []byte) error {
	return t.putBounded(tSetting.named(name), value, MaxSetting)
}

// Get returns the value of a name, false if it was never set.
func (t *Tx) Get(name string) ([]byte, bool, error) { return load[[]byte](t, tSetting.named(name)) }

// Draft is a submission not yet handed in. Body is the caller's own.
type Draft struct {
	ID      string `cbor:"1,keyasint"`
	Account string `cbor:"2,keyasint"`
	Updated int64  `cbor:"3,keyasint"` // Unix milliseconds
	Body    []byte `cbor:"4,keyasint"`
}

// PutDraft stores a draft.
func (t *Tx) PutDraft(d Draft) error {
	if err := t.dropDraftEntry(d.ID); err != nil {
		return t.fail(err)
	}
	if len(d.Body) > MaxDraft {
		return t.fail(fmt.Errorf("draft of %d KiB, at most %d: %w", len(d.Body)>>10, MaxDraft>>10, ErrTooLarge))
	}
	if err := t.set(draftKey(d), mark); err != nil {
		return err
	}
	return t.put(tDraft.named(d.ID), d)
}

func draftKey(d Draft) key { return tDraftOwner.named(d.Account).late(d.Updated).text(d.ID) }

func (t *Tx) dropDraftEntry(id string) error {
	old, ok, err := load[Draft](t, tDraft.named(id))
	if err != nil || !ok {
		return err
	}
	return t.set(draftKey(old), nil)
}

// Draft returns a draft, ErrNotFound if there is none.
func (t *Tx) Draft(id string) (Draft, error) { return found[Draft](t, tDraft.named(id), "draft") }

// Drafts returns at most n drafts of an account, newest first.
func (t *Tx) Drafts(account string, n int) ([]Draft, error) {
	prefix := tDraftOwner.named(account)
	var out []Draft
	err := t.scan(prefix, nil, func(k key) (bool, error) {
		if len(out) >= n {
			return false, nil
		}
		id := string(k[len(prefix)+8 : len(k)-1])
		d, ok, err := load[Draft](t, tDraft.named(id))
		if ok && string(draftKey(d)) == string(k) {
			out = append(out, d)
		}
		return true, err
	})
	return out, err
}

// OldDrafts returns the ids and accounts of at most n drafts that were not changed since a time, Unix milliseconds. It reads
// the index alone.
func (t *Tx) OldDrafts(before int64, n int) ([]Draft, error) {
	var out []Draft
	err := t.scan(tDraftOwner.key(), nil, func(k key) (bool, error) {
		d, ok := draftOf(k)
		if ok && d.Updated < before {
			out = append(out, d)
		}
		return len(out) < n, nil
	})
	return out, err
}

// draftOf reads a key of the index by owner.
func draftOf(k key) (d Draft, ok bool) {
	account, rest, found := bytes.Cut(k[1:], []byte{0})
	if !found || len(rest) < 10 {
		return d, false
	}
	late := math.MaxUint64 - binary.BigEndian.Uint64(rest)
	return Draft{ID: string(rest[8 : len(rest)-1]), Account: string(account), Updated: int64(late ^ 1<<63)}, true
}

// DeleteDraft removes a draft; one that is not there is no error.
func (t *Tx) DeleteDraft(id string) error {
	if err := t.dropDraftEntry(id); err != nil {
		return t.fail(err)
	}
	return t.set(tDraft.named(id), nil)
}
