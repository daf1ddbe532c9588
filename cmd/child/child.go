// Package child runs servers as processes of this same program, so that they can be killed as a power cut would. It
// promises that none outlives its parent: the standard input of each is a pipe that closes when the parent is gone,
// however it went, and the server then stops by itself.
package child

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// readyWord begins the line a server prints on its standard output when it answers.
const readyWord = "ready"

// Process is one server. It can be started again once it has ended.
type Process struct {
	Name string   // for errors
	Exe  string   // the program
	Args []string // it prints "ready" when it answers, and ends when its standard input closes
	Dir  string   // data folder; its output goes to the file "log" beside what it keeps

	mu     sync.Mutex
	cmd    *exec.Cmd
	stdin  io.Closer
	said   *tail         // the last it wrote on standard error
	ready  chan struct{} // closed when the running process answers
	exited chan struct{} // closed when the running process is gone
}

// Start runs the server and waits until it says it is ready. The error tells the last line it wrote; ErrNotReady means that
// it runs and has not answered in time.
func (p *Process) Start(timeout time.Duration) error {
	if err := p.Launch(); err != nil {
		return err
	}
	p.mu.Lock()
	ready, exited, said := p.ready, p.exited, p.said
	p.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-exited:
		return fmt.Errorf("start %s: %s", p.Name, said.line())
	case <-time.After(timeout):
		return fmt.Errorf("start %s: %w after %v; its log is %s", p.Name, ErrNotReady, timeout, filepath.Join(p.Dir, "log"))
	}
}

// ErrNotReady: the process runs and has not said in time that it answers.
var ErrNotReady = errors.New("it runs, but does not answer yet")

// Launch starts the process and does not wait for it.
func (p *Process) Launch() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	cmd := exec.Command(p.Exe, p.Args...)
	detach(cmd)
	said := &tail{}
	log, err := os.OpenFile(filepath.Join(p.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		said.log = log
	}
	cmd.Stderr = said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.stdin, p.said, p.ready, p.exited = cmd, stdin, said, make(chan struct{}), make(chan struct{})
	go watch(cmd, stdout, said, p.ready, p.exited)
	return nil
}

// watch reads the ready line, drains the rest and reaps the process.
func watch(cmd *exec.Cmd, stdout io.Reader, said *tail, ready, exited chan<- struct{}) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), readyWord) {
			close(ready)
			break
		}
	}
	io.Copy(io.Discard, stdout)
	said.end(cmd.Wait())
	close(exited)
}

func (p *Process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Up tells whether the process runs.
func (p *Process) Up() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

// PID is the number of the running process, 0 if none runs.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return 0
	}
	return p.cmd.Process.Pid
}

// Kill ends the process at once, as a power cut would.
func (p *Process) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("%s does not run", p.Name)
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	<-p.exited
	return nil
}

// Stop asks the process to end, and kills it if it has not after the grace period.
func (p *Process) Stop(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return
	}
	p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.cmd.Process.Kill()
		<-p.exited
	}
}

// tailSize is how much of what a process wrote last is kept in memory.
const tailSize = 4096

// tail keeps the end of what a process writes, and passes all of it to a log file, as long as the disk has room.
type tail struct {
	mu   sync.Mutex
	last []byte
	log  io.WriteCloser // nil where there is none
	err  error          // how the process ended
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	t.last = t.last[max(0, len(t.last)-tailSize):]
	if t.log != nil {
		t.log.Write(b) // a full disk must not stop the process from saying so
	}
	return len(b), nil
}

func (t *tail) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	if t.log != nil {
		t.log.Close()
	}
}

// line is the last line, which is where a server that could not start says why.
func (t *tail) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.last)), "\n")
	if last := strings.TrimPrefix(lines[len(lines)-1], "motcua: "); last != "" {
		return last
	}
	return fmt.Sprint(t.err)
}
