package province

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"motcua/cmd/admin"
	"motcua/cmd/child"
)

// Status is what `motcua demo status --json` prints.
type Status struct {
	Dir     string         `json:"dir"`
	Servers []ServerStatus `json:"servers"`
	Offices []OfficeStatus `json:"offices"`
}

// ServerStatus is a directory server. What it says of itself is absent while it is stopped.
type ServerStatus struct {
	Name    string `json:"name"`
	Addr    string `json:"addr"`
	Up      bool   `json:"up"`
	Line    bool   `json:"line"`
	Leader  string `json:"leader,omitempty"` // whom it follows
	Edition uint64 `json:"edition,omitempty"`
}

// OfficeStatus is an office's node. What it says of itself is absent while it is stopped.
type OfficeStatus struct {
	Code    string `json:"code"`
	Slug    string `json:"slug"`
	Name    string `json:"name"`
	Portal  string `json:"portal"`
	Up      bool   `json:"up"`
	Line    bool   `json:"line"`
	Edition uint64 `json:"edition,omitempty"`
	Waiting int    `json:"waiting"` // parcels without a receipt
}

// Find resolves what a person typed to the code of an office of the demo.
func (s Status) Find(typed string) (string, error) {
	var all []planName
	for _, o := range s.Offices {
		all = append(all, planName{o.Code, o.Slug, o.Name})
	}
	return find(all, typed)
}

// statusTimeout bounds how long one server may take to say how it is.
const statusTimeout = 2 * time.Second

// Status asks every running server.
func (d *Demo) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	out := Status{Dir: d.dir, Servers: make([]ServerStatus, len(d.Plan.Servers)), Offices: make([]OfficeStatus, len(d.Plan.Offices))}
	for i, s := range d.Plan.Servers {
		out.Servers[i] = ServerStatus{Name: s.Name, Addr: s.Addr}
	}
	for i, o := range d.Plan.Offices {
		out.Offices[i] = OfficeStatus{Code: string(o.Code), Slug: o.Slug, Name: o.Name, Portal: o.Portal()}
	}
	var tasks []func()
	for i := range out.Servers {
		tasks = append(tasks, func() { d.fill(ctx, out.Servers[i].Name, &out.Servers[i], &out.Servers[i].Up) })
	}
	for i := range out.Offices {
		tasks = append(tasks, func() { d.fill(ctx, out.Offices[i].Code, &out.Offices[i], &out.Offices[i].Up) })
	}
	each(tasks, func(f func()) error { f(); return nil })
	return out
}

// fill decodes what the server says of itself over what the plan knows of it.
func (d *Demo) fill(ctx context.Context, name string, into any, up *bool) {
	if !d.procs[name].Up() {
		return
	}
	c, err := admin.NewClient(d.folder(name))
	if err != nil || c.Get(ctx, "/status", into) != nil {
		return
	}
	*up = true
}

// order is what another terminal asks of a running demo.
type order struct {
	Verb string `json:"verb"` // cut, heal, stop, start
	Name string `json:"name"`
}

func (d *Demo) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(d.Status(r.Context()))
	})
	mux.HandleFunc("POST /order", func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&o); err != nil {
			http.Error(w, "malformed order", http.StatusBadRequest)
			return
		}
		said, err := d.obey(r.Context(), o)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		json.NewEncoder(w).Encode(said)
	})
	return mux
}

func (d *Demo) obey(ctx context.Context, o order) (string, error) {
	name, err := d.Plan.Find(o.Name)
	if err != nil {
		return "", err
	}
	p, who := d.procs[name], d.Plan.title(name)
	switch o.Verb {
	case "stop":
		return who + ": killed; its data is kept", p.Kill()
	case "start":
		return d.startAgain(ctx, p, who)
	case "cut":
		return who + ": cut off from every other machine; what needs nobody else goes on", d.setLine(ctx, p, who, false)
	case "heal":
		return who + ": the line is back", d.setLine(ctx, p, who, true)
	}
	return "", fmt.Errorf("unknown order %q", o.Verb)
}

// startAgain starts what was stopped. A line that was cut stays cut. A directory server alone does not answer until a majority
// runs: that is no failure.
func (d *Demo) startAgain(ctx context.Context, p *process, who string) (string, error) {
	err := p.Start(againTimeout)
	if errors.Is(err, child.ErrNotReady) {
		return who + ": runs, but does not answer yet (a directory server waits for a majority of the servers)", nil
	}
	if err == nil && p.cut {
		err = d.setLine(ctx, p, who, false)
	}
	return who + ": runs again", err
}

// Order does what another terminal may ask: cut, heal, stop or start one office or server. It returns what became of it.
func (d *Demo) Order(ctx context.Context, verb, name string) (string, error) {
	return d.obey(ctx, order{verb, name})
}

// Folder is the data folder of an office or server, named as a person would.
func (d *Demo) Folder(name string) string {
	found, err := d.Plan.Find(name)
	if err != nil {
		return ""
	}
	return d.folder(found)
}

func (d *Demo) setLine(ctx context.Context, p *process, who string, up bool) error {
	if !p.Up() {
		return fmt.Errorf("%s is stopped; start it first: motcua demo start %s", who, p.Name)
	}
	c, err := admin.NewClient(p.Dir)
	if err != nil {
		return err
	}
	if err := c.Post(ctx, "/line", map[string]bool{"up": up}, nil); err != nil {
		return err
	}
	p.cut = !up
	return nil
}

// Order asks the running demo of dir for cut, heal, stop or start of one office or server, and returns what became
// of it in words.
func Order(ctx context.Context, dir, verb, name string) (string, error) {
	c, err := Ask(dir)
	if err != nil {
		return "", err
	}
	var said string
	return said, c.Post(ctx, "/order", order{verb, name}, &said)
}

// GetStatus asks the running demo of dir how it is.
func GetStatus(ctx context.Context, dir string) (Status, error) {
	c, err := Ask(dir)
	if err != nil {
		return Status{}, err
	}
	var s Status
	return s, c.Get(ctx, "/status", &s)
}

// Ask returns a client of the demo running in dir, or, with no dir, of the one this user started last.
func Ask(dir string) (*admin.Client, error) {
	if dir != "" {
		return answering(dir)
	}
	notices, err := filepath.Glob(filepath.Join(noticeFolder(), "*"))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(notices, func(a, b string) int { return cmp.Compare(noticeTime(b), noticeTime(a)) })
	for _, n := range notices {
		b, err := os.ReadFile(n)
		if err != nil {
			continue
		}
		if c, err := answering(strings.TrimSpace(string(b))); err == nil {
			return c, nil
		}
		os.Remove(n) // left by a demo that was killed
	}
	return nil, errors.New("no demo is running; start one with: motcua demo")
}

func answering(dir string) (*admin.Client, error) {
	c, err := admin.NewClient(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	return c, c.Get(ctx, "/ping", nil)
}

// noticeFolder is where demos leave word of their folders for other terminals of the same user.
func noticeFolder() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("motcua-demo-notices-%d", os.Getuid()))
}

func noticeTime(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}

// announce leaves the notice and returns what takes it away again.
func announce(dir string) (func(), error) {
	path := filepath.Join(noticeFolder(), fmt.Sprint(os.Getpid()))
	if err := os.MkdirAll(noticeFolder(), 0o700); err != nil {
		return nil, fmt.Errorf("tell other terminals where the demo is: %w", err)
	}
	if err := os.WriteFile(path, []byte(dir+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("tell other terminals where the demo is: %w", err)
	}
	return func() {
		os.Remove(path)
		os.Remove(noticeFolder()) // stays while another demo has word in it
	}, nil
}
