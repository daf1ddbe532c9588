package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
	"motcua/crypto/wire"
)

// witnessFile is where a server keeps what it remembers of the others.
const witnessFile = "witness"

// maxRemembered bounds the keys remembered: the members there can be, several times over.
const maxRemembered = 64

// memory is how far a key was, as its holder told.
type memory struct {
	Key   digest.Digest `cbor:"1,keyasint"` // identity.TLSID
	Name  string        `cbor:"2,keyasint"`
	Term  uint64        `cbor:"3,keyasint"`
	Index uint64        `cbor:"4,keyasint"` // committed
}

type memories struct {
	Version uint8    `cbor:"1,keyasint"` // 1
	All     []memory `cbor:"2,keyasint"`
	// Founding is that of this server's own tables, for when they are lost; zero while it was not known.
	Founding digest.Digest `cbor:"3,keyasint,omitzero"`
}

// sighting is what was last heard of a server, in this process.
type sighting struct {
	At      time.Time
	Index   uint64 // committed there
	Level   uint32
	Version string
}

// commitAt is where this server stood at a moment.
type commitAt struct {
	at    time.Time
	index uint64
}

// witness remembers how far the other servers were. A server that was restored from an old copy has less than the others
// remember of it: it would vote against what it once acknowledged, and is told so before it takes any part.
type witness struct {
	path string

	mu      sync.Mutex
	all     map[digest.Digest]memory
	own     digest.Digest // founding of this server's tables
	dirty   bool
	sighted map[string]sighting
	history []commitAt // this server's own, of the last seconds
}

func openWitness(dir string) (*witness, error) {
	w := &witness{path: filepath.Join(dir, witnessFile), all: map[digest.Digest]memory{}, sighted: map[string]sighting{}}
	b, err := os.ReadFile(w.path)
	if errors.Is(err, os.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	var m memories
	if err := wire.UnmarshalVersioned(b, &m, 1); err != nil {
		return nil, fmt.Errorf("%s: %w; remove the file: the other servers remember, too", w.path, err)
	}
	w.own = m.Founding
	for _, r := range m.All {
		w.all[r.Key] = r
	}
	return w, nil
}

// know notes the founding of this server's tables, outside them. Zero says nothing.
func (w *witness) know(founding digest.Digest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if founding != (digest.Digest{}) && founding != w.own {
		w.own, w.dirty = founding, true
	}
}

// known returns what know noted.
func (w *witness) known() digest.Digest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.own
}

// remember keeps the most that the holder of a key has told. It becomes durable within a second: see save.
func (w *witness) remember(m memory, s sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sighted[m.Name] = s
	old, known := w.all[m.Key]
	if !known && len(w.all) >= maxRemembered {
		return
	}
	m.Term, m.Index = max(m.Term, old.Term), max(m.Index, old.Index)
	if m != old {
		w.all[m.Key], w.dirty = m, true
	}
}

// recall returns what is remembered of a key.
func (w *witness) recall(key digest.Digest) (memory, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, ok := w.all[key]
	return m, ok
}

// save makes what was remembered durable, if there is anything new.
func (w *witness) save() error {
	w.mu.Lock()
	if !w.dirty {
		w.mu.Unlock()
		return nil
	}
	w.dirty = false
	m := memories{Version: 1, Founding: w.own}
	for _, r := range w.all {
		m.All = append(m.All, r)
	}
	w.mu.Unlock()
	slices.SortFunc(m.All, func(a, b memory) int { return slices.Compare(a.Key[:], b.Key[:]) })
	b, err := wire.Marshal(m)
	if err == nil {
		err = disk.WriteFile(w.path, b)
	}
	if err != nil {
		w.mu.Lock()
		w.dirty = true
		w.mu.Unlock()
	}
	return err
}

// seen returns what was last heard of a server.
func (w *witness) seen(name string) sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sighted[name]
}

// note keeps where this server stands now, for the last seconds.
func (w *witness) note(index uint64, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.history = append(w.history, commitAt{now, index})
	if n := len(w.history) - 16; n > 0 {
		w.history = slices.Delete(w.history, 0, n)
	}
}

// committed is where this server stood at a moment not long ago: the newest note that is not after it, or the oldest there is.
func (w *witness) committed(then time.Time) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range slices.Backward(w.history) {
		if !h.at.After(then) {
			return h.index
		}
	}
	if len(w.history) == 0 {
		return 0
	}
	return w.history[0].index
}
