package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Punch gives n bytes of a file from at on back to the disk; they read as zeros then. Where the file system cannot, nothing happens.
func Punch(f *os.File, at, n int64) error {
	if n == 0 {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}
