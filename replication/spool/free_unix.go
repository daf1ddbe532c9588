//go:build unix

package spool

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeBytes is how much of the disk below dir an ordinary user may still fill.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space below %s: %w", dir, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
