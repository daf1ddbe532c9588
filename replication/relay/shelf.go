package relay

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/replication"
)

// entry is what is kept of a parcel beside its chunks: a file. It has the parcel until the recipient has answered or a person
// has dropped it, then the receipt until its sender has it.
type entry struct {
	Version uint8            `cbor:"1,keyasint"` // 1
	From    replication.Name `cbor:"2,keyasint"`
	To      replication.Name `cbor:"3,keyasint"`
	Bytes   int64            `cbor:"4,keyasint"` // of the chunks
	Kept    int64            `cbor:"5,keyasint"` // since when: Unix seconds
	Expires int64            `cbor:"6,keyasint"` // by the word of its sender
	Parcel  *record.Record   `cbor:"7,keyasint,omitempty"`
	Receipt *record.Record   `cbor:"8,keyasint,omitempty"`
	Ended   int64            `cbor:"9,keyasint,omitempty"`  // when it was answered or dropped
	Reason  string           `cbor:"10,keyasint,omitempty"` // why it was dropped
}

// item is an entry in memory, without the records.
type item struct {
	id       digest.Digest
	from, to replication.Name
	bytes    int64
	kept     int64
	expires  int64
	state    State
	ended    int64
	reason   string
	attempts int
	why      replication.Reason // of the last
	warned   bool               // that it is overdue
}

// State is where a parcel stands at a relay.
type State string

// The states.
const (
	Waiting  State = "waiting"  // for its recipient
	Answered State = "answered" // its receipt waits for the sender
	Removed  State = "dropped"  // by a person
)

func itemOf(id digest.Digest, e entry) *item {
	i := &item{id: id, from: e.From, to: e.To, bytes: e.Bytes, kept: e.Kept, expires: e.Expires, state: Waiting, ended: e.Ended, reason: e.Reason}
	switch {
	case e.Receipt != nil:
		i.state = Answered
	case e.Parcel == nil:
		i.state = Removed
	}
	return i
}

// Quota bounds what waits at a relay, in parcels and in bytes: of one sender, for one recipient, and in all.
type Quota struct {
	SenderParcels, RecipientParcels, Parcels int
	SenderBytes, RecipientBytes, Bytes       int64
	// Reserve is how many bytes of the disk are left to the machine's own work.
	Reserve uint64
}

// DefaultQuota is that of a directory server.
var DefaultQuota = Quota{
	SenderParcels: 2000, RecipientParcels: 4000, Parcels: 20_000,
	SenderBytes: 4 << 30, RecipientBytes: 8 << 30, Bytes: 40 << 30, Reserve: 2 << 30,
}

// shelf is the folder of entries, and what they take.
type shelf struct {
	dir   string
	quota Quota

	mu      sync.Mutex
	items   map[digest.Digest]*item
	pending map[digest.Digest]*item // being taken in: they count already
}

func openShelf(dir string, q Quota) (*shelf, error) {
	s := &shelf{dir: dir, quota: q, items: map[digest.Digest]*item{}, pending: map[digest.Digest]*item{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") { // a crash has come before its name
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return nil, err
			}
			continue
		}
		id, err := digest.Parse(f.Name())
		if err != nil {
			return nil, fmt.Errorf("%s does not belong here: move it away: %w", filepath.Join(dir, f.Name()), err)
		}
		e, err := s.read(id)
		if err != nil {
			return nil, err
		}
		s.items[id] = itemOf(id, e)
	}
	return s, nil
}

func (s *shelf) path(id digest.Digest) string { return filepath.Join(s.dir, id.String()) }

func (s *shelf) read(id digest.Digest) (e entry, err error) {
	b, err := os.ReadFile(s.path(id))
	if err != nil {
		return e, err
	}
	if err := wire.UnmarshalVersioned(b, &e, 1); err != nil {
		return e, fmt.Errorf("read %s: %w; use the program that wrote it, or a newer one", s.path(id), err)
	}
	return e, nil
}

// write stores an entry, durably, and shows it.
func (s *shelf) write(id digest.Digest, e entry) error {
	e.Version = 1
	b, err := wire.Marshal(e)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(s.path(id), b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := itemOf(id, e)
	if old := s.items[id]; old != nil {
		i.attempts, i.why, i.warned = old.attempts, old.why, old.warned
	}
	s.items[id] = i
	return nil
}

// remove forgets an entry.
func (s *shelf) remove(id digest.Digest) error {
	if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, id)
	return nil
}

func (s *shelf) get(id digest.Digest) (item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.items[id]
	if i == nil {
		return item{}, false
	}
	return *i, true
}

// reserve takes room for a parcel that begins to come in, false if there is none. Release gives it back.
func (s *shelf) reserve(p replication.Parcel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := p.Manifest
	from, to, all := use{1, m.Bytes()}, use{1, m.Bytes()}, use{1, m.Bytes()}
	count := func(i *item) {
		if i.state != Waiting {
			return
		}
		all.add(i.bytes)
		if i.from == m.From {
			from.add(i.bytes)
		}
		if i.to == m.To {
			to.add(i.bytes)
		}
	}
	for _, i := range s.items {
		count(i)
	}
	for _, i := range s.pending {
		count(i)
	}
	q := s.quota
	if from.over(q.SenderParcels, q.SenderBytes) || to.over(q.RecipientParcels, q.RecipientBytes) || all.over(q.Parcels, q.Bytes) {
		return false
	}
	s.pending[p.ID()] = &item{from: m.From, to: m.To, bytes: m.Bytes(), state: Waiting}
	return true
}

func (s *shelf) release(id digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
}

type use struct {
	parcels int
	bytes   int64
}

func (u *use) add(bytes int64)                    { u.parcels, u.bytes = u.parcels+1, u.bytes+bytes }
func (u use) over(maxParcels int, max int64) bool { return u.parcels > maxParcels || u.bytes > max }
func oldest(a, b item) int {
	return cmp.Or(cmp.Compare(a.kept, b.kept), slices.Compare(a.id[:], b.id[:]))
}

// list returns the items that a test wants, oldest first.
func (s *shelf) list(want func(*item) bool) (out []item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.items {
		if want(i) {
			out = append(out, *i)
		}
	}
	slices.SortFunc(out, oldest)
	return out
}

// attempted notes that a parcel was not taken.
func (s *shelf) attempted(id digest.Digest, why replication.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.items[id]; i != nil {
		i.attempts++
		i.why = why
	}
}

// overdue tells whether a parcel has waited longer than its sender gave it, or than parcels may wait here.
func (i item) overdue(now time.Time, longest time.Duration) bool {
	return i.state == Waiting && (now.Unix() > i.expires && i.expires != 0 || now.Sub(time.Unix(i.kept, 0)) > longest)
}

// warn returns the parcels that have become overdue since it was last asked.
func (s *shelf) warn(now time.Time, longest time.Duration) (out []item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.items {
		if !i.warned && i.overdue(now, longest) {
			i.warned = true
			out = append(out, *i)
		}
	}
	return out
}
