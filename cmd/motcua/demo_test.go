package main

import (
	"context"
	"encoding/json"
	"io"

	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"motcua/cmd/province"
	node "motcua/node/server"
)

// program runs a command line as a process of this program.
func program(t *testing.T, line ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, line...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// ran runs a command line to its end and returns its exit code and what it wrote.
func ran(t *testing.T, line ...string) (int, string) {
	t.Helper()
	cmd := program(t, line...)
	out, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestDemoKeepsItsDataAndSurvivesKills(t *testing.T) {
	dir := shortTemp(t)
	d := startProvince(t, dir)
	before := d.Plan

	status := demoStatus(t, dir, d)
	if len(status.Servers) != 3 || len(status.Offices) < 10 {
		t.Fatalf("%d servers and %d offices, want 3 and at least 10", len(status.Servers), len(status.Offices))
	}
	for _, name := range []string{"dir-1", "dien-khanh"} {
		if _, err := d.Order(t.Context(), "stop", name); err != nil {
			t.Fatal(err)
		}
	}
	status = demoStatus(t, dir, d)
	for _, o := range status.Offices {
		if want := o.Slug != "dien-khanh"; o.Up != want {
			t.Errorf("%s up: %v, want %v", o.Slug, o.Up, want)
		}
	}
	if _, err := d.Order(t.Context(), "stop", "dien-khanh"); err == nil {
		t.Error("what is stopped was stopped again")
	}
	if _, err := d.Order(t.Context(), "cut", "nowhere"); err == nil || !strings.Contains(err.Error(), "dien-an") {
		t.Errorf("an unknown office: %v; want the names there are", err)
	}
	for _, name := range []string{"dir-1", "dien-khanh"} {
		if _, err := d.Order(t.Context(), "start", name); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()

	again := startProvince(t, dir)
	if len(again.Accounts) != 0 || again.Plan.Offices[0] != before.Offices[0] {
		t.Errorf("the demo did not resume: %d accounts made, %v", len(again.Accounts), again.Plan.Offices[0])
	}
	demoBackedUp(t, again)
}

// demoBackedUp asserts that an office streams its backup, and that the shares in the demo's folder open it.
func demoBackedUp(t *testing.T, d *province.Demo) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; <-time.After(100 * time.Millisecond) {
		var s node.Status
		if err := json.Unmarshal([]byte(fine(t, "node", "status", "--data", d.Folder("dien-tho"), "--json")), &s); err != nil {
			t.Fatal(err)
		}
		if s.Backup.Segments > 0 && !s.Backup.Until.IsZero() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no backup: %+v", s.Backup)
		}
	}
	share := func(n int) string { return filepath.Join(d.RecoveryFolder(), "share-"+itoa(n)+".txt") }
	if out := fine(t, "recovery", "check", share(1), share(3)); !strings.Contains(out, "These shares open backups") {
		t.Error(out)
	}
	if text, err := os.ReadFile(share(2)); err != nil || !strings.Contains(string(text), "DEMO ONLY") {
		t.Errorf("%s, %v", text, err)
	}
}

// demoStatus asks as a program does, over the demo's socket.
func demoStatus(t *testing.T, dir string, d *province.Demo) (s province.Status) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	deadline := time.Now().Add(10 * time.Second)
	for {
		code, out, errs := typed(t, "demo", "status", "--json", "--data", dir)
		if code == 0 {
			if err := json.Unmarshal([]byte(out), &s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("demo status: exit %d, %s", code, errs)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestDemoStopsOnInterrupt(t *testing.T) {
	dir := shortTemp(t)
	t.Setenv("TMPDIR", dir)
	cmd := program(t, "demo", "--port", itoa(freePorts(t)))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(readUntil(t, out, "Ctrl-C"), "Stop everything with Ctrl-C") {
		t.Fatal("the demo never said that it is ready")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("a demo without --data leaves %v (%v)", left, err)
	}
}

func readUntil(t *testing.T, r io.Reader, phrase string) string {
	t.Helper()
	var got strings.Builder
	b := make([]byte, 4096)
	for !strings.Contains(got.String(), phrase) {
		n, err := r.Read(b)
		got.Write(b[:n])
		if err != nil {
			break
		}
	}
	return got.String()
}

// TestServersRefuseWhatIsTaken starts real servers over ports and folders that others hold.
func TestServersRefuseWhatIsTaken(t *testing.T) {
	dir := shortTemp(t)
	d := startProvince(t, dir)
	node, office := d.Folder("dien-an"), d.Plan.Offices[6]
	free := "127.0.0.1:" + itoa(freePorts(t))
	for _, c := range []struct {
		want string
		line []string
	}{
		{"another program has this port", []string{"node", "serve", "--data", node, "--listen", office.Addr, "--http", free}},
		{"another program has this port", []string{"node", "serve", "--data", node, "--listen", free, "--http", office.Addr}},
		{"in use", []string{"node", "serve", "--data", node, "--listen", free, "--http", free}},
		{"another process has this folder", []string{"directory", "serve", "--data", d.Folder("dir-1"), "--listen", free}},
		{"in use", []string{"demo", "--port", strings.Split(d.Plan.Servers[0].Addr, ":")[1]}},
		{"enrolled already", []string{"node", "enrol", "--data", node, "--addr", free, token(t, d)}},
		{"no enrolment token", []string{"node", "enrol", "--data", filepath.Join(dir, "new"), "--addr", free, "motcua1.broken"}},
	} {
		if code, out := ran(t, c.line...); code != 1 || !strings.Contains(out, c.want) {
			t.Errorf("motcua %s: exit %d, %q; want exit 1 and %q", strings.Join(c.line, " "), code, out, c.want)
		}
	}
}

// TestARevokedNodeIsShutOut revokes an office's key with the tool of province IT and sees that it is connected no longer.
func TestARevokedNodeIsShutOut(t *testing.T) {
	d := startProvince(t, shortTemp(t))
	if code, _, errs := typed(t, "key", "revoke", "--data", d.Folder("dir-2"), "--reason", "máy bị mất", "H32.22693"); code != 0 {
		t.Fatalf("key revoke: %s", errs)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, out, _ := typed(t, "directory", "status", "--data", d.Folder("dir-2"))
		if strings.Contains(out, "revoked: máy bị mất") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("directory status never says that the key is revoked:\n%s", out)
		}
	}
	if code, out, errs := typed(t, "office", "token", "--data", d.Folder("dir-2"), "H32.22693"); code != 0 || !strings.HasPrefix(out, "motcua1.") {
		t.Errorf("a token for its new machine: exit %d, %s%s", code, out, errs)
	}
}

func token(t *testing.T, d *province.Demo) string {
	t.Helper()
	code, out, errs := typed(t, "office", "token", "--data", d.Folder("dir-1"), "H32.22693")
	if code != 0 {
		t.Fatalf("office token: %s", errs)
	}
	return strings.TrimSpace(out)
}

// TestAProvinceFromTheManual follows deploy/README.md: init, found, serve, publish, token, enrol, serve, account.
func TestAProvinceFromTheManual(t *testing.T) {
	dir := shortTemp(t)
	base := freePorts(t)
	at := func(i int) string { return "127.0.0.1:" + itoa(base+i) }
	data := filepath.Join(dir, "directory")
	must := func(line ...string) string {
		t.Helper()
		code, out := ran(t, line...)
		if code != 0 {
			t.Fatalf("motcua %s: exit %d\n%s", strings.Join(line, " "), code, out)
		}
		return out
	}
	must("directory", "init", "--data", data, "--name", "dir-1", "--addr", at(0))
	genesis := filepath.Join(dir, "genesis")
	must("directory", "found", "--out", genesis, "--province", "Khánh Hòa", "--prefix", "H32", filepath.Join(data, "dir-1.card"))
	background(t, "directory", "serve", "--data", data, "--listen", at(0), "--genesis", genesis)
	if out := must("catalogue", "publish", "--data", data); !strings.Contains(out, "published") {
		t.Error(out)
	}
	text, _, _ := strings.Cut(must("office", "token", "--data", data, "H32.22736"), "\n")
	node := filepath.Join(dir, "node")
	must("node", "enrol", "--data", node, "--addr", at(1), "--portal", "http://"+at(1), text)
	background(t, "node", "serve", "--data", node, "--listen", at(2), "--http", at(2), "--addr", at(2), "--portal", "http://"+at(2)) // it has moved
	must("account", "add", "--data", data, "--office", "H32.22736", "--role", "desk,admin", "--name", "Nguyễn Thị Hoa", "hoa.truongsa")
	if out := must("node", "status", "--data", node); !strings.Contains(out, "H32.22736") || !strings.Contains(out, "dir-1") {
		t.Errorf("node status:\n%s", out)
	}
	deadline := time.Now().Add(10 * time.Second)
	for out := ""; !strings.Contains(out, at(2)); {
		if out = must("directory", "status", "--data", data); time.Now().After(deadline) {
			t.Fatalf("the directory never hears that the node has moved to %s:\n%s", at(2), out)
		}
	}
}

// background runs a server until the test ends and waits until it says that it is ready.
func background(t *testing.T, line ...string) {
	t.Helper()
	cmd := program(t, append(line, "--until-eof")...)
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("motcua %s stopped with: %v\n%s", strings.Join(line, " "), err, errs.String())
		}
	})
	if !strings.Contains(readUntil(t, out, "ready"), "ready") {
		t.Fatalf("motcua %s never got ready", strings.Join(line, " "))
	}
}
