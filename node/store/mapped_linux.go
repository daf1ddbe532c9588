package store

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBack has the kernel let go of the pages of the value log of a folder that this process has mapped: Badger maps all of it, and
// each page that was ever written or read counts as memory of ours until somebody else needs it. What is needed again is read
// again. Nothing is lost, whatever is mapped there by now: a page that is not on the disk yet stays. It returns of how many
// mappings it was asked.
func giveBack(db string) (n int, err error) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasSuffix(line, ".vlog") || !strings.Contains(line, " "+db+"/") {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(line, "%x-%x ", &from, &to); err != nil {
			return n, fmt.Errorf("mapped files: %w", err)
		}
		// A kernel before 5.4 does not know the advice: then the pages stay.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_PAGEOUT)
		n++
	}
	return n, lines.Err()
}
