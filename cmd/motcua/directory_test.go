package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"motcua/directory/server"
)

// provinceIT runs the directory of a province by the commands of the manual, each server a process of its own.
type provinceIT struct {
	t    *testing.T
	dir  string
	base int
	up   map[string]*exec.Cmd
}

func newProvinceIT(t *testing.T) *provinceIT {
	p := &provinceIT{t: t, dir: shortTemp(t), base: freePorts(t), up: map[string]*exec.Cmd{}}
	t.Cleanup(func() {
		for name := range p.up {
			p.kill(name)
		}
	})
	return p
}

func (p *provinceIT) data(name string) string { return filepath.Join(p.dir, name) }
func (p *provinceIT) addr(name string) string {
	return "127.0.0.1:" + itoa(p.base+int(name[len(name)-1]-'0'))
}

// must runs a command line that has to end well.
func (p *provinceIT) must(line ...string) string {
	p.t.Helper()
	code, out := ran(p.t, line...)
	if code != 0 {
		p.t.Fatalf("motcua %s: exit %d\n%s", strings.Join(line, " "), code, out)
	}
	return out
}

// refused runs a command line that has to fail and say why.
func (p *provinceIT) refused(why string, line ...string) {
	p.t.Helper()
	if code, out := ran(p.t, line...); code == 0 || !strings.Contains(out, why) {
		p.t.Errorf("motcua %s: exit %d, %s; want %q", strings.Join(line, " "), code, out, why)
	}
}

func (p *provinceIT) init(name string) (card string) {
	p.t.Helper()
	p.must("directory", "init", "--data", p.data(name), "--name", name, "--addr", p.addr(name))
	return filepath.Join(p.data(name), name+".card")
}

// serve starts a server; it need not be ready yet.
func (p *provinceIT) serve(name string, more ...string) {
	p.t.Helper()
	cmd := program(p.t, append([]string{"directory", "serve", "--data", p.data(name), "--listen", p.addr(name)}, more...)...)
	log, err := os.OpenFile(filepath.Join(p.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = io.Discard, log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.up[name] = cmd
}

// kill ends a server as a power cut does.
func (p *provinceIT) kill(name string) {
	p.up[name].Process.Kill()
	p.up[name].Wait()
	delete(p.up, name)
}

// ends waits for a server that stops by itself, and returns what it said.
func (p *provinceIT) ends(name string) string {
	p.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.up[name].Wait()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("%s does not end", name)
	}
	delete(p.up, name)
	said, err := os.ReadFile(filepath.Join(p.dir, name+".log"))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(said)
}

// until waits for a server's status to be as wished.
func (p *provinceIT) until(at, what string, holds func(server.Status) bool) (s server.Status) {
	p.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for {
		code, out, errs := typed(p.t, "directory", "status", "--json", "--data", p.data(at))
		if code == 0 {
			s = server.Status{}
			if err := json.Unmarshal([]byte(out), &s); err != nil {
				p.t.Fatal(err)
			}
			if holds(s) {
				return s
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: never %s:\n%s%s", at, what, out, errs)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func votes(n int) func(server.Status) bool {
	return func(s server.Status) bool {
		voting := 0
		for _, v := range s.Servers {
			if v.Role == "leader" || v.Role == "voter" {
				voting++
			}
		}
		return voting == n && len(s.Servers) == n && s.Leader != "" && s.Edition > 0 && !s.Pending
	}
}

// TestTheLifeOfADirectoryFromTheManual goes through the runbooks of deploy/README.md with real processes.
func TestTheLifeOfADirectoryFromTheManual(t *testing.T) {
	if testing.Short() {
		t.Skip("starts eight servers")
	}
	p := newProvinceIT(t)
	key := p.installThree()
	p.replaceADeadOne()
	p.changeOneByOne()
	saved := filepath.Join(p.dir, "directory.backup")
	p.must("directory", "backup", "--data", p.data("dir-1"), saved)
	p.refused("there already", "directory", "backup", "--data", p.data("dir-1"), saved)
	p.recoverFromASurvivor(key)
	p.restoreFromNothing(saved, key)
}

// installThree returns the file of the recovery key.
func (p *provinceIT) installThree() string {
	p.t.Helper()
	genesis := filepath.Join(p.dir, "genesis")
	found := []string{"directory", "found", "--out", genesis, "--province", "Khánh Hòa", "--prefix", "H32"}
	for _, name := range []string{"dir-1", "dir-2", "dir-3"} {
		found = append(found, p.init(name))
	}
	if out := p.must(found...); !strings.Contains(out, "recovery key") {
		p.t.Error(out)
	}
	for _, name := range []string{"dir-1", "dir-2", "dir-3"} {
		p.serve(name, "--genesis", genesis)
	}
	p.until("dir-1", "three that vote", votes(3))
	p.must("catalogue", "publish", "--data", p.data("dir-1"))
	return genesis + ".recovery"
}

func (p *provinceIT) replaceADeadOne() {
	p.t.Helper()
	p.kill("dir-3")
	p.must("directory", "leave", "--data", p.data("dir-1"), "--reason", "máy hỏng", "dir-3")
	welcome := filepath.Join(p.dir, "dir-4.welcome")
	p.must("directory", "join", "--data", p.data("dir-2"), "--out", welcome, p.init("dir-4"))
	p.serve("dir-4", "--genesis", welcome)
	p.until("dir-4", "three that vote", votes(3))
	p.serve("dir-3")
	if said := p.ends("dir-3"); !strings.Contains(said, "has left the directory") {
		p.t.Errorf("a server that has left: %s", said)
	}
}

// changeOneByOne hands over leadership, changes keys, and restarts all.
func (p *provinceIT) changeOneByOne() {
	p.t.Helper()
	p.must("directory", "transfer", "--data", p.data("dir-1"), "dir-4")
	p.until("dir-1", "led by dir-4", func(s server.Status) bool { return s.Leader == "dir-4" })
	before := p.until("dir-1", "at rest", votes(3)).Epoch
	p.must("directory", "rotate", "--data", p.data("dir-2"))
	p.until("dir-2", "with new keys", func(s server.Status) bool { return s.Epoch > before && votes(3)(s) })
	for _, name := range []string{"dir-1", "dir-2", "dir-4"} {
		p.kill(name)
		p.serve(name)
		p.until(name, "three that vote", votes(3))
	}
}

func (p *provinceIT) recoverFromASurvivor(key string) {
	p.t.Helper()
	edition := p.until("dir-1", "at rest", votes(3)).Edition
	for _, name := range []string{"dir-1", "dir-2", "dir-4"} {
		p.kill(name)
	}
	recover := []string{"directory", "recover", "--data", p.data("dir-2"), "--recovery-key", key}
	p.refused("if you mean it", recover...)
	p.must(append(recover, "--yes-i-lost-the-majority")...)
	p.serve("dir-2")
	if s := p.until("dir-2", "alone", votes(1)); s.Edition < edition+1_000_000 {
		p.t.Errorf("edition %d follows %d", s.Edition, edition)
	}
	p.serve("dir-4")
	if said := p.ends("dir-4"); !strings.Contains(said, "recovered without it") {
		p.t.Errorf("a server that was given up: %s", said)
	}
	p.kill("dir-2")
}

func (p *provinceIT) restoreFromNothing(saved, key string) {
	p.t.Helper()
	restore := []string{"directory", "restore", "--from", saved, "--recovery-key", key, "--name", "dir-7", "--addr", p.addr("dir-7"), "--data"}
	p.refused("not empty", append(restore, p.data("dir-2"))...)
	p.must(append(restore, p.data("dir-7"))...)
	p.serve("dir-7")
	p.until("dir-7", "alone", votes(1))
	if out := p.must("directory", "status", "--data", p.data("dir-7")); !strings.Contains(out, "leader") || !strings.Contains(out, "dir-7") {
		p.t.Errorf("status:\n%s", out)
	}
}
