// Package replica is a node's own copy of the public tables: the newest edition it has verified, on disk and in memory.
// All questions are answered from memory, so that an office works with the line cut; [Replica.Number] says by which
// edition.
//
// # What it promises
//
// Nothing is installed that a majority of the directory's members has not signed, and nothing older than what is
// installed, whoever brings it: a server, another node, or a stick. What is installed survives a crash. A reader sees
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

	"motcua/crypto/digest"
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
	keys    *keyring
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
	b, err := os.ReadFile(filepath.Join(dir, editionFile))
	if errors.Is(err, os.ErrNotExist) {
		v, err := newView(&edition.Edition{Members: g.Members}, nil, digest.Digest{}, r.keys)
		if err != nil {
			return nil, fmt.Errorf("open replica: %w", err)
		}
		r.now.Store(v)
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open replica: %w", err)
	}
	v, err := r.verify(b, edition.Trust{Genesis: g.Digest(), Members: g.Members})
	if err != nil {
		return nil, fmt.Errorf("open replica: %s: %w; remove the file, and the node fetches the edition anew", filepath.Join(dir, editionFile), err)
	}
	r.now.Store(v)
	return r, nil
}

func (r *Replica) verify(b []byte, t edition.Trust) (*view, error) {
	s, err := edition.Read(b)
	if err != nil {
		return nil, err
	}
	e, err := s.Verify(t)
	if err != nil {
		return nil, err
	}
	return newView(e, b, s.Digest(), r.keys)
}

// Install verifies an edition's bytes and takes it into use. An edition that is not newer is refused with
// edition.ErrOld; see there for the other refusals. Once it returns nil the edition is on disk.
func (r *Replica) Install(b []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.now.Load()
	t := edition.Trust{Genesis: r.genesis.Digest(), Members: v.e.Members, Number: v.e.Number, Digest: v.digest}
	next, err := r.verify(slices.Clone(b), t)
	if err != nil {
		return fmt.Errorf("install edition: %w", err)
	}
	if err := disk.WriteFile(filepath.Join(r.dir, editionFile), b); err != nil {
		return fmt.Errorf("install edition: %w", err)
	}
	// A crash here leaves the new edition on disk, which the next Open takes into use.
	r.now.Store(next)
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
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

// Bytes are those of the edition in use, to be handed on as they are; nil for none.
func (r *Replica) Bytes() []byte { return r.now.Load().bytes }

// Genesis is what trust starts from.
func (r *Replica) Genesis() directory.Genesis { return r.genesis }
