package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"motcua/crypto/digest"
	"motcua/replication"
)

// Partial is a parcel that is coming in. A small parcel is held in memory: it is as quickly sent again as read from disk.
type Partial struct {
	manifest replication.Manifest
	file     *os.File // nil: in memory

	mu       sync.Mutex
	have     replication.Bitmap
	memory   [][]byte // the chunks of a small parcel
	unsynced int
}

// Receive makes room for a parcel and finds which of its chunks are here already. The error wraps ErrNoRoom when there
// is none. Receiving it again returns the same Partial, until Drop.
func (s *Spool) Receive(p replication.Parcel) (*Partial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := p.ID()
	if have := s.partials[id]; have != nil {
		return have, nil
	}
	if own := s.comingFrom(p.Manifest.From); !fair(own, len(s.partials)) {
		return nil, fmt.Errorf("%d parcels are coming in already, %d from this sender: %w", len(s.partials), own, ErrNoRoom)
	}
	t := &Partial{manifest: p.Manifest, have: replication.NewBitmap(len(p.Manifest.Chunks))}
	if p.Manifest.Small() {
		t.memory = make([][]byte, len(p.Manifest.Chunks))
	} else {
		if err := s.stage(t, id); err != nil {
			return nil, fmt.Errorf("receive parcel %s: %w", id.Short(), err)
		}
	}
	s.partials[id] = t
	return t, nil
}

// fair tells whether a sender with own parcels of all may begin another. Its first are admitted whatever others have begun, so
// that nobody can use up what another needs.
func fair(own, all int) bool {
	return own < ownPartials || own < maxPerSender && all < maxPartials
}

// comingFrom is how many parcels of a sender are in memory.
func (s *Spool) comingFrom(sender replication.Name) (n int) {
	for _, t := range s.partials {
		if t.manifest.From == sender {
			n++
		}
	}
	return n
}

// stage opens the file of a partial, or makes it at its full size.
func (s *Spool) stage(t *Partial, id digest.Digest) (err error) {
	if path := s.files[id]; path != "" {
		if t.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			return err
		}
		return t.recount()
	}
	sender := senderFolder(t.manifest.From)
	size := t.manifest.Bytes()
	if err := s.admit(sender, size); err != nil {
		return err
	}
	dir := filepath.Join(s.inDir(), sender)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return noRoom(err)
	}
	path := filepath.Join(dir, id.String())
	if t.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return noRoom(err)
	}
	if err := t.file.Truncate(size); err != nil {
		t.file.Close()
		os.Remove(path)
		return noRoom(err)
	}
	s.files[id] = path
	s.count(sender, 1, size)
	return nil
}

func senderFolder(n replication.Name) string { return digest.Of([]byte(n)).String()[:32] }

// admit checks the bounds for one more parcel of a size.
func (s *Spool) admit(sender string, size int64) error {
	h := s.shares[sender]
	if !fair(h.parcels, len(s.files)) || h.bytes+size > bytesPerSender {
		return fmt.Errorf("%d parcels of %d bytes from this sender are coming in already: %w", h.parcels, h.bytes, ErrNoRoom)
	}
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	// Twice the size: the content will be stored beside its chunks before they go.
	if need := uint64(2*size) + reserve; free < need {
		return fmt.Errorf("%d bytes of disk are free, %d needed: %w", free, need, ErrNoRoom)
	}
	if taken := uint64(h.bytes + size); h.parcels > 0 && taken > (free-reserve)/diskShare {
		return fmt.Errorf("%d bytes of disk are free, parcels from this sender would take %d: %w", free, taken, ErrNoRoom)
	}
	return nil
}

// recount finds the chunks that the file holds. After a crash it may hold any of them, or parts.
func (t *Partial) recount() error {
	buf := make([]byte, chunkStride)
	for i, c := range t.manifest.Chunks {
		n, err := t.file.ReadAt(buf[:c.Size], replication.Offset(i))
		if err != nil && n == 0 {
			continue // shorter than it was made: what is missing is sent again
		}
		if t.manifest.Fits(i, buf[:n]) {
			t.have.Set(i)
		}
	}
	return nil
}

// Have returns the chunks that are here.
func (t *Partial) Have() replication.Bitmap {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(replication.Bitmap(nil), t.have...)
}

// Complete tells whether all chunks are here.
func (t *Partial) Complete() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.have.Count() == len(t.manifest.Chunks)
}

// Put stores chunk i. It fails, and stores nothing, if the bytes are not what the manifest says. Putting a chunk again
// changes nothing.
func (t *Partial) Put(i int, b []byte) error {
	if !t.manifest.Fits(i, b) {
		return fmt.Errorf("chunk %d of %d bytes is not the one that was signed: %w", i, len(b), replication.ErrMalformed)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.have.Has(i) {
		return nil
	}
	if t.file == nil {
		t.memory[i] = bytes.Clone(b)
		t.have.Set(i)
		return nil
	}
	if _, err := t.file.WriteAt(b, replication.Offset(i)); err != nil {
		return noRoom(err)
	}
	t.have.Set(i)
	// A crash loses at most what was not synced: it is found missing by its hash, and sent again.
	if t.unsynced++; t.unsynced >= syncEvery {
		t.unsynced = 0
		return noRoom(t.file.Sync())
	}
	return nil
}

func (t *Partial) chunk(i int) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.have.Has(i) {
		return nil, fmt.Errorf("chunk %d has not come yet", i)
	}
	return t.memory[i], nil
}

// noRoom marks the errors of a full disk.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: the disk is full; free some space: %w", ErrNoRoom, err)
	}
	return err
}
