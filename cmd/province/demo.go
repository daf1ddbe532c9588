package province

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/child"
	"motcua/directory"
)

// DefaultPort is where the ports of a demo begin: directory servers from it, offices from ten above it.
const DefaultPort = 8600

// Bounds on how long a server may take. A first start founds the province, a later one replays what it holds.
const (
	startTimeout = 30 * time.Second
	againTimeout = 5 * time.Second
	stopGrace    = 10 * time.Second
)

// planFile in a demo's folder marks a province that was founded to the end.
const planFile = "demo.json"

// Options of a demo.
type Options struct {
	// Dir keeps the province's data; empty: a temporary folder that Close removes.
	Dir string
	// Port is where the ports begin; a resumed demo keeps the ports it was founded with.
	Port int
	// Exe is the program the servers run: this one, as a rule.
	Exe string
}

// Demo is a running province.
type Demo struct {
	Plan Plan
	// Accounts are those made at the founding, with their passwords; empty when the demo resumes.
	Accounts []Login

	dir       string
	temporary bool
	founding  bool // the folder was empty when this demo began
	procs     map[string]*process
	released  func()
}

// process is a server of the demo.
type process struct {
	child.Process
	cut bool // its line is pulled, and stays so when it is started again
}

// Start founds or resumes a province and returns when every office answers. On an error nothing keeps running.
func Start(ctx context.Context, o Options) (*Demo, error) {
	d := &Demo{dir: o.Dir, procs: map[string]*process{}}
	if err := d.start(ctx, o); err != nil {
		d.Close()
		if d.founding {
			d.empty()
		}
		if ctx.Err() != nil {
			err = errors.New("the demo was interrupted before it was ready")
		}
		return nil, err
	}
	return d, nil
}

// empty removes what an unfinished founding left in the folder, which was empty before.
func (d *Demo) empty() {
	entries, _ := os.ReadDir(d.dir)
	for _, e := range entries {
		os.RemoveAll(filepath.Join(d.dir, e.Name()))
	}
}

func (d *Demo) start(ctx context.Context, o Options) error {
	fresh, err := d.openFolder(o)
	if err != nil {
		return err
	}
	if err := d.portsFree(); err != nil {
		return err
	}
	if err := d.pathsFit(); err != nil {
		return err
	}
	d.addProcesses(o.Exe)
	d.founding = fresh
	f := founder{demo: d}
	if fresh {
		if err := f.directory(); err != nil {
			return err
		}
	}
	if err := d.startAll(d.serverNames()); err != nil {
		return err
	}
	if fresh {
		if err := f.province(ctx); err != nil {
			return err
		}
	}
	if err := d.startAll(d.officeNames()); err != nil {
		return err
	}
	if !fresh {
		return nil
	}
	d.Accounts = f.logins
	return writeJSON(filepath.Join(d.dir, planFile), d.Plan) // last: a folder with a plan is a whole province
}

// openFolder makes or finds the data folder and the plan in it.
func (d *Demo) openFolder(o Options) (fresh bool, err error) {
	if d.dir == "" {
		d.temporary = true
		if d.dir, err = os.MkdirTemp("", "motcua-demo-"); err != nil {
			return false, fmt.Errorf("demo folder: %w", err)
		}
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return false, fmt.Errorf("demo folder: %w", err)
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return false, fmt.Errorf("demo folder: %w", err)
	}
	if _, err := Ask(d.dir); err == nil {
		return false, fmt.Errorf("demo folder %s: a demo is running in it; stop that one first, or choose another --data", d.dir)
	}
	b, err := os.ReadFile(filepath.Join(d.dir, planFile))
	if errors.Is(err, fs.ErrNotExist) {
		d.Plan, err = NewPlan(o.Port, directory.DateOf(time.Now()))
		return true, errors.Join(err, mustBeEmpty(d.dir))
	}
	if err != nil {
		return false, fmt.Errorf("demo folder: %w", err)
	}
	if err := json.Unmarshal(b, &d.Plan); err != nil || d.Plan.Version != planVersion {
		return false, fmt.Errorf("demo folder %s: %s is of format %d, this program reads format %d; use the program that made it, or another --data",
			d.dir, planFile, d.Plan.Version, planVersion)
	}
	if o.Port != 0 && o.Port != DefaultPort && d.Plan.Servers[0].Addr != address(o.Port) {
		return false, fmt.Errorf("demo folder %s: this province was founded on the ports from %s on, which its directory knows; leave --port out, or choose another --data",
			d.dir, d.Plan.Servers[0].Addr)
	}
	return false, nil
}

// pathsFit fails where the sockets in the servers' folders would have too long a path.
func (d *Demo) pathsFit() error {
	for _, name := range append(d.serverNames(), d.officeNames()...) {
		if _, err := admin.NewClient(d.folder(name)); err != nil {
			return err
		}
	}
	return nil
}

func mustBeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("demo folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("demo folder %s: it holds other files, or a demo that was interrupted while it was founded; empty it or choose another --data", dir)
	}
	return nil
}

// portsFree fails with every address of the plan that is taken, before anything is started.
func (d *Demo) portsFree() error {
	var taken []string
	for _, s := range d.Plan.Servers {
		taken = appendTaken(taken, s.Addr)
	}
	for _, o := range d.Plan.Offices {
		taken = appendTaken(taken, o.Addr)
	}
	if len(taken) == 0 {
		return nil
	}
	return fmt.Errorf("start the demo: addresses in use: %s; is another demo running (motcua demo status)? Stop it, or, for a new province, choose other ports with --port",
		strings.Join(taken, ", "))
}

func appendTaken(taken []string, addr string) []string {
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return append(taken, addr)
	}
	u.Close()
	t, err := net.Listen("tcp", addr)
	if err != nil {
		return append(taken, addr)
	}
	t.Close()
	return taken
}

func (d *Demo) addProcesses(exe string) {
	for _, s := range d.Plan.Servers {
		dir := d.folder(s.Name)
		d.procs[s.Name] = &process{Process: child.Process{Name: s.Name, Exe: exe, Dir: dir,
			Args: []string{"directory", "serve", "--until-eof", "--data", dir, "--listen", s.Addr, "--genesis", d.genesisPath()}}}
	}
	for _, o := range d.Plan.Offices {
		dir := d.folder(string(o.Code))
		d.procs[string(o.Code)] = &process{Process: child.Process{Name: string(o.Code), Exe: exe, Dir: dir,
			Args: []string{"node", "serve", "--until-eof", "--data", dir, "--listen", o.Addr, "--http", o.Addr}}}
	}
}

func (d *Demo) folder(name string) string { return filepath.Join(d.dir, name) }

// RecoveryFolder is where the demo's recovery key and the shares of its key for backups are.
func (d *Demo) RecoveryFolder() string { return d.folder("recovery-demo") }

func (d *Demo) genesisPath() string { return filepath.Join(d.dir, "genesis") }

func (d *Demo) serverNames() []string {
	var out []string
	for _, s := range d.Plan.Servers {
		out = append(out, s.Name)
	}
	return out
}

func (d *Demo) officeNames() []string {
	var out []string
	for _, o := range d.Plan.Offices {
		out = append(out, string(o.Code))
	}
	return out
}

// startAll starts processes at the same time and joins their errors.
func (d *Demo) startAll(names []string) error {
	return each(names, func(n string) error { return d.procs[n].Start(startTimeout) })
}

// each runs f for every name at once and joins the errors.
func each[T any](items []T, f func(T) error) error {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, n := range items {
		wg.Go(func() { errs[i] = f(n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Serve answers `motcua demo …` from other terminals until ctx ends.
func (d *Demo) Serve(ctx context.Context) error {
	released, err := announce(d.dir)
	if err != nil {
		return err
	}
	d.released = released
	return admin.Serve(ctx, d.dir, d.handler())
}

// Close stops every server in order, offices first, and removes a temporary folder.
func (d *Demo) Close() {
	if d.released != nil {
		d.released()
	}
	for _, names := range [][]string{d.officeNames(), d.serverNames()} {
		each(names, func(n string) error {
			if p := d.procs[n]; p != nil {
				p.Stop(stopGrace)
			}
			return nil
		})
	}
	if d.temporary {
		os.RemoveAll(d.dir)
	}
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}
