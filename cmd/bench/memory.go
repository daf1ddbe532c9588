package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memory reads how much memory a server takes at rest: of the three the most, as the kernel counts it (VmRSS), and the part
// that is no file's and cannot be given up (RssAnon).
func (r *run) memory(ctx context.Context) error {
	r.Progress("memory at rest")
	pause(ctx, r.rest)
	resident, anonymous := make([]float64, len(r.targets)), make([]float64, len(r.targets))
	for i, t := range r.targets {
		for _, pid := range t.PIDs() {
			m, err := memoryOf(pid)
			if err != nil {
				return err
			}
			resident[i], anonymous[i] = max(resident[i], m.resident), max(anonymous[i], m.anonymous)
		}
	}
	if err := r.report("memory at rest, resident", "MiB", resident, nil); err != nil {
		return err
	}
	return r.report("memory at rest, anonymous", "MiB", anonymous, nil)
}

// use is memory in MiB.
type use struct{ resident, anonymous float64 }

// memoryOf reads the memory of a process from Linux' /proc.
func memoryOf(pid int) (u use, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, fmt.Errorf("memory of a server: %w; this measure needs Linux and a server that runs", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		switch name {
		case "VmRSS":
			u.resident = kib / 1024
		case "RssAnon":
			u.anonymous = kib / 1024
		}
	}
	return u, nil
}

// tick is the unit of the times in /proc (USER_HZ).
const tick = 10 * time.Millisecond

// processorOf reads how much processor time a process has used, its own and the kernel's for it, from Linux' /proc.
func processorOf(pid int) (total time.Duration, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("processor time of a server: %w; this measure needs Linux and a server that runs", err)
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // from the third of proc_pid_stat(5) on
	for _, at := range []int{11, 12} {
		ticks, err := strconv.Atoi(string(fields[at]))
		if err != nil {
			return 0, fmt.Errorf("processor time of a server: %w", err)
		}
		total += time.Duration(ticks) * tick
	}
	return total, nil
}
