package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"motcua/cmd/bench"
)

// buildRsync copies a file to an rsync server, by the kernel's TCP as this machine has it set. Its server writes 256 KiB at a time, so
// that what has arrived at a limit is short by that at most.
func buildRsync() (bench.Carrier, error) {
	if _, err := exec.LookPath("rsync"); err != nil {
		return bench.Carrier{}, err
	}
	set, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	return bench.Carrier{Name: "rsync, TCP " + strings.TrimSpace(string(set)), Send: rsyncSend}, err
}

// rsyncMost is what is sent at most of an endless flow.
const rsyncMost = 256 << 20

func rsyncSend(ctx context.Context, w *bench.Wire, size int, limit time.Duration) (int, time.Duration, error) {
	dir, err := os.MkdirTemp("", "motcua-bench-rsync-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	line, err := newKernelLine(w)
	if err != nil {
		return 0, 0, err
	}
	defer line.Close()
	size = min(size, rsyncMost)
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to", "file")
	if err := rsyncFiles(dir, from, size); err != nil {
		return 0, 0, err
	}
	server := exec.Command("rsync", "--daemon", "--no-detach", "--config", filepath.Join(dir, "conf"))
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the one it starts for each connection
	if err := line.to.do(server.Start); err != nil {
		return 0, 0, err
	}
	defer server.Wait()
	defer syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	client := exec.CommandContext(ctx, "rsync", "--whole-file", "--inplace", "--contimeout=60", from, "rsync://"+toAddr+"/bench/file")
	err = rsyncRun(ctx, line, client)
	took := time.Since(began)
	at, statErr := os.Stat(to)
	if statErr != nil || at.Size() < int64(size) && ctx.Err() == nil {
		return 0, took, fmt.Errorf("rsync: %w", err)
	}
	return int(at.Size()), took, nil
}

// rsyncRun runs the client when the server listens. Only the start is a call of the namespace: others may follow meanwhile.
func rsyncRun(ctx context.Context, line kernelLine, client *exec.Cmd) error {
	for {
		err := line.to.do(func() error {
			c, err := net.Dial("tcp4", toAddr+":873") // within the far end, not over the line
			if err == nil {
				c.Close()
			}
			return err
		})
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := line.from.do(client.Start); err != nil {
		return err
	}
	return client.Wait()
}

// rsyncFiles makes a file that cannot be compressed, the folder it goes to, and what the server is told.
func rsyncFiles(dir, from string, size int) error {
	b := make([]byte, size)
	rand.Read(b)
	conf := fmt.Sprintf("port = 873\nuse chroot = no\nuid = root\ngid = root\nlog file = /dev/null\n[bench]\npath = %s\nread only = no\n", filepath.Join(dir, "to"))
	for name, b := range map[string][]byte{from: b, filepath.Join(dir, "conf"): []byte(conf)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(dir, "to"), 0o700)
}
