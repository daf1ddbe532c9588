package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startTime = 30 * time.Second // for a peer to answer
	pollTime  = 20 * time.Millisecond
)

// process is one of the three of a peer.
type process struct {
	name string
	args []string
	log  string
	cmd  *exec.Cmd
}

// trio is a peer's three processes.
type trio struct {
	exe    string
	dir    string
	procs  []*process
	killed int
}

func (t *trio) add(name string, args ...string) {
	t.procs = append(t.procs, &process{name: name, args: args, log: filepath.Join(t.dir, name+".log")})
}

// start starts process i; it ends with this program.
func (t *trio) start(i int) error {
	p := t.procs[i]
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(t.exe, p.args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p.cmd.Start()
}

// kill ends process i at once.
func (t *trio) kill(i int) error {
	t.killed = i
	p := t.procs[i]
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	p.cmd.Wait()
	return nil
}

// PIDs implements bench.Target.
func (t *trio) PIDs() (out []int) {
	for _, p := range t.procs {
		out = append(out, p.cmd.Process.Pid)
	}
	return out
}

func (t *trio) close() error {
	for _, p := range t.procs {
		if p.cmd != nil && p.cmd.Process != nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	}
	return os.RemoveAll(t.dir)
}

// await tries until it succeeds.
func await(ctx context.Context, what string, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		one, done := context.WithTimeout(ctx, time.Second)
		err := try(one)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(pollTime):
		case <-ctx.Done():
			return fmt.Errorf("%s within %v: %w", what, startTime, err)
		}
	}
}

// freeAddrs finds TCP ports on the loopback address that nobody has now.
func freeAddrs(n int) (out []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so that they differ
		out = append(out, l.Addr().String())
	}
	return out, nil
}

var errNoLeader = errors.New("none of the three leads")
