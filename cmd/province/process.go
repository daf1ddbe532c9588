package province

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

// process is one server, run as a process of this same program. Its standard input is a pipe that nobody writes to:
// when this process is gone, however it went, the pipe closes and the server stops by itself.
type process struct {
	name string
	exe  string
	args []string
	dir  string // data folder; its output goes to the file "log" beside what it keeps

	mu     sync.Mutex
	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan struct{} // closed when the running process is gone
	err    error         // how it ended
}

// start runs the server and waits until it says it is ready, or fails with the last line it wrote.
func (p *process) start(timeout time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return fmt.Errorf("%s runs already", p.name)
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.exe, p.args...)
	cmd.Stderr = log
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.stdin, p.exited = cmd, stdin, make(chan struct{})
	ready := make(chan bool, 1)
	go p.watch(cmd, stdout, ready, p.exited)
	select {
	case ok := <-ready:
		if ok {
			return nil
		}
		<-p.exited
		return fmt.Errorf("start %s: %s", p.name, lastLine(log.Name(), p.err))
	case <-time.After(timeout):
		return fmt.Errorf("start %s: not ready after %v; see %s", p.name, timeout, log.Name())
	}
}

// watch reads the ready line, drains the rest and reaps the process.
func (p *process) watch(cmd *exec.Cmd, stdout io.Reader, ready chan<- bool, exited chan<- struct{}) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), readyWord) {
			ready <- true
			break
		}
	}
	io.Copy(io.Discard, stdout)
	p.err = cmd.Wait()
	close(exited)
	select {
	case ready <- false:
	default:
	}
}

func (p *process) running() bool {
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

func (p *process) up() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

// kill ends the process at once, as a power cut would.
func (p *process) kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("%s does not run", p.name)
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// stop asks the process to end, and kills it if it has not after the grace period.
func (p *process) stop(grace time.Duration) {
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

// lastLine returns the last line of a log file, which is where a server that could not start says why.
func lastLine(path string, otherwise error) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprint(otherwise)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if last := strings.TrimPrefix(lines[len(lines)-1], "motcua: "); last != "" {
		return last
	}
	return fmt.Sprint(otherwise)
}
