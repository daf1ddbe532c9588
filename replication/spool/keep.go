package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"motcua/crypto/digest"
	"motcua/crypto/disk"
)

// Keep makes a parcel that has come in whole one that goes out, for whoever keeps it on behalf of its recipient. Its chunks are
// durable when Keep returns, and stay until Drop; a crash before the caller has noted it leaves an orphan that Sweep removes.
func (s *Spool) Keep(id digest.Digest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.partials[id]
	if t == nil || !t.Complete() {
		return fmt.Errorf("keep parcel %s: it has not come whole", id.Short())
	}
	from := s.files[id]
	if t.file == nil {
		if err := s.smalls.put(id, bytes.Join(t.memory, nil)); err != nil {
			return fmt.Errorf("keep parcel %s: %w", id.Short(), noRoom(err))
		}
		delete(s.partials, id)
		return nil
	}
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("keep parcel %s: %w", id.Short(), noRoom(err))
	}
	if err := os.Link(from, s.outPath(id)); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("keep parcel %s: %w", id.Short(), noRoom(err))
	}
	// A crash here leaves the chunks under both names: the parcel is not noted as kept, and Sweep removes one of them.
	if err := disk.SyncDir(s.outDir()); err != nil {
		return fmt.Errorf("keep parcel %s: %w", id.Short(), noRoom(err))
	}
	return s.dropIn(id)
}
