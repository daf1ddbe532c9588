// Package folder holds what the directory's data folders have in common: files written whole or not at all, and a mark
// of the format that stops a program that is too old.
package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"motcua/directory"
)

// WriteFile makes a file of mode 0600, or replaces it, durably and whole or not at all.
func WriteFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// A crash up to here leaves a temporary file, which nobody reads.
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// versionFile marks the format of a folder.
const versionFile = "VERSION"

// Prepare makes a folder of a kind and format ("motcua directory server 1") or checks that it is one. A folder of
// another format is an error with the code Newer.
func Prepare(dir, format string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	path := filepath.Join(dir, versionFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := WriteFile(path, []byte(format+"\n")); err != nil {
			return fmt.Errorf("data folder %s: %w", dir, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("data folder %s: %w", dir, err)
	}
	if have := strings.TrimSpace(string(b[:min(len(b), 64)])); have != format {
		return directory.Errorf("open data folder", directory.Newer,
			"%s is of format %q, this program reads %q: install the version that wrote it or a later one, or name another folder", dir, have, format)
	}
	return nil
}
