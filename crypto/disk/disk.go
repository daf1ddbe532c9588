// Package disk holds the few things a data folder needs of the operating system: that one process has it, that a
// file is written whole or not at all, and how much room is left.
//
// Locks are advisory and end with the process. What is written durably has been synced, its folder too.
package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// The errors a caller tells apart.
var (
	ErrInUse = errors.New("folder is in use by another process")
	ErrFull  = errors.New("disk is full")
)

// Lock takes a folder for this process until the file is closed. It fails with ErrInUse when another has it.
func Lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	taken, err := lock(f)
	if err == nil && taken {
		err = fmt.Errorf("%s: %w: stop the other one, or give this one its own folder", dir, ErrInUse)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Room fails with ErrFull when fewer than reserve bytes are left on the disk of a folder. Free tells how many are; nil
// asks the operating system.
func Room(dir string, reserve uint64, free func(string) (uint64, error)) error {
	if free == nil {
		free = Free
	}
	n, err := free(dir)
	if err != nil {
		return err
	}
	if n < reserve {
		return fmt.Errorf("%s has %d MiB left, %d MiB are kept in reserve: %w: free some space and try again",
			dir, n>>20, reserve>>20, ErrFull)
	}
	return nil
}

// Full marks the errors of a full disk with ErrFull.
func Full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: free some space and try again: %w", ErrFull, err)
	}
	return err
}

// WriteFile makes a file of mode 0600, or replaces it, durably and whole or not at all.
func WriteFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return Full(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Full(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Full(err)
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
