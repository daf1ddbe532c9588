// Package replica is a node's own copy of the public tables: the newest edition it has verified, on disk and in memory.
// All questions are answered from memory, so that an office works with the line cut; [Replica.Number] says by which
// edition.
//
// # What it promises
//
// Nothing is installed that a majority of the directory's members has not signed, and nothing older than what is
// installed, whoever brings it: a server, another node, or a stick. A replica that slept through changes of members follows
// their successions from those it trusts. What is installed survives a crash. A reader sees
// one whole edition or the next, never a mixture of both.
//
// # What it does not do
//
// It does not fetch: see package client. It does not know whether there is a newer edition.
package replica

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"motcua/crypto/disk"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/directory/folder"
	"motcua/replication"
)

// format marks the folder of a replica.
const format = "motcua directory replica 1"

const editionFile = "edition"

// Replica is one verified copy. It is safe for concurrent use.
type Replica struct {
	dir     string
	genesis directory.Genesis
	now     atomic.Pointer[view]

	mu      sync.Mutex // held while installing
	changed chan struct{}
	chain   []edition.SignedSuccession // that lead from the genesis to the members trusted now
	trust   edition.Trust
	keys    *keyring
	steps   []edition.Step // that lead to the edition in use, oldest first
}

var _ replication.Resolver = (*Replica)(nil)

// Open opens the copy in a folder, making both when they are missing; there is then no edition and only the members of
// the genesis are known. What is on disk is verified again, from the members of the genesis.
func Open(dir string, g directory.Genesis) (*Replica, error) {
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("open replica: %w", err)
	}
	if err := folder.Prepare(dir, format); err != nil {
		return nil, fmt.Errorf("open replica: %w", err)
	}
	r := &Replica{dir: dir, genesis: g, changed: make(chan struct{}), keys: newKeyring()}
	var err error
	if r.chain, r.trust, err = readChain(dir, g); err != nil {
		return nil, fmt.Errorf("open replica: %w; remove the file and the edition beside it, and the node fetches both anew", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, editionFile))
	if errors.Is(err, os.ErrNotExist) {
		v, err := newView(&edition.Edition{Members: r.trust.Members}, r.keys)
		if err != nil {
			return nil, fmt.Errorf("open replica: %w", err)
		}
		r.now.Store(v)
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open replica: %w", err)
	}
	v, err := r.reopen(b)
	if err != nil {
		return nil, fmt.Errorf("open replica: %s: %w; remove the file, and the node fetches the edition anew", filepath.Join(dir, editionFile), err)
	}
	r.now.Store(v)
	r.steps = readSteps(dir, v.held())
	return r, nil
}

// reopen verifies the edition on disk again, from the members of its own epoch: the chain may have gone on.
func (r *Replica) reopen(b []byte) (*view, error) {
	s, err := edition.Read(b)
	if err != nil {
		return nil, err
	}
	s.Chain = edition.After(r.chain, 0, s.Epoch)
	e, t, err := s.Follow(edition.TrustOf(r.genesis))
	if err != nil {
		return nil, err
	}
	r.trust.Number, r.trust.Digest = t.Number, t.Digest
	return r.view(e, s)
}

func (r *Replica) view(e *edition.Edition, s edition.Signed) (*view, error) {
	v, err := newView(e, r.keys)
	if err == nil {
		v.digest, v.signed = s.Digest(), s
		v.signed.Body = nil
	}
	return v, err
}

// Install verifies an edition's bytes, in any form that edition.Receive reads, and takes it into use. An edition that is not
// newer is refused with edition.ErrOld; see there for the other refusals. After edition.ErrBase and edition.ErrStep the whole
// edition is to be asked for. Once it returns nil the edition is on disk, and the successions of the members that it brought.
func (r *Replica) Install(b []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.install(b); err != nil {
		return fmt.Errorf("install edition: %w", err)
	}
	return nil
}

func (r *Replica) install(b []byte) error {
	v := r.now.Load()
	before := sync.OnceValues(func() ([]byte, error) { return r.body(v) })
	s, err := edition.Receive(b, v.held(), before)
	if err != nil {
		return err
	}
	e, t, err := s.Follow(r.trust)
	if err != nil {
		return err
	}
	all := extend(r.chain, s.Chain, r.trust.Epoch, t.Epoch)
	next, err := r.view(e, edition.Signed{Body: s.Body, Cosignatures: s.Cosignatures, Chain: all, Epoch: s.Epoch})
	if err != nil {
		return err
	}
	steps := nextSteps(r.steps, v.held(), before, next.held(), s.Body)
	if err := r.keep(s, t, all); err != nil {
		return err
	}
	// A crash here leaves the new edition on disk, which the next Open takes into use.
	r.chain, r.trust, r.steps = all, t, steps
	r.now.Store(next)
	close(r.changed)
	r.changed = make(chan struct{})
	writeSteps(r.dir, r.steps)
	return nil
}

// keep writes an edition that was verified, and the chain that leads to its members.
func (r *Replica) keep(s edition.Signed, t edition.Trust, all []edition.SignedSuccession) error {
	if t.Epoch != r.trust.Epoch {
		if err := writeChain(r.dir, all); err != nil {
			return err
		}
		// A crash here leaves a chain that is ahead of the edition: the next Open reads the edition by its own epoch.
	}
	s.Chain = nil
	kept, err := s.Encode()
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(r.dir, editionFile), kept)
}

// Watch returns a channel that is closed when the next edition is installed.
func (r *Replica) Watch() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Number is the number of the edition in use, 0 for none.
func (r *Replica) Number() uint64 { return r.now.Load().e.Number }

// Cut is when the edition in use was cut, Unix milliseconds, 0 for none.
func (r *Replica) Cut() int64 { return r.now.Load().e.Cut }

// Epoch is that of the members who signed the edition in use.
func (r *Replica) Epoch() uint64 { return r.now.Load().e.Epoch }

// Recovered is the epoch in which the directory was last recovered, 0 for never: what it knew beside the editions may be older than
// what others know.
func (r *Replica) Recovered() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.chain) {
		if v, err := edition.ReadSuccession(s.Body); err == nil && v.Recovery {
			return v.Epoch
		}
	}
	return 0
}

// Bytes are those of the edition in use, with all the successions that lead from the genesis to the members who signed it,
// to be handed on as they are; nil for none.
func (r *Replica) Bytes() []byte { return r.BytesFor(0) }

// BytesFor is Bytes for a reader that trusts the members of an epoch: it is spared the successions that it has.
func (r *Replica) BytesFor(epoch uint64) []byte {
	b, err := r.whole(epoch)
	if err != nil {
		return nil // the file is gone or damaged: the next edition replaces it
	}
	return b
}

// Genesis is what trust starts from.
func (r *Replica) Genesis() directory.Genesis { return r.genesis }
