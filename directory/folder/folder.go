// Package folder holds what the directory's data folders have in common: a mark of the format, which stops a program
// that is too old.
package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"motcua/crypto/disk"
	"motcua/directory"
)

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
		if err := disk.WriteFile(path, []byte(format+"\n")); err != nil {
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
