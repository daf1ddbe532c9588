package province_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"motcua/cmd/province"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/server"
	node "motcua/node/server"
	"motcua/node/store"
	"motcua/replication/gossip"
	"motcua/replication/replicationtest"
)

// The offices of the virtual province.
const (
	centre     directory.OfficeCode = "H32.01"    // the province's one-stop centre: a portal
	labour     directory.OfficeCode = "H32.03"    // a department
	dienKhanh  directory.OfficeCode = "H32.574"   // a district
	nhaTrang   directory.OfficeCode = "H32.568"   // another
	dienAn     directory.OfficeCode = "H32.22693" // communes of the first district
	suoiHiep   directory.OfficeCode = "H32.22702"
	locTho     directory.OfficeCode = "H32.22363" // communes of the second
	vinhLuong  directory.OfficeCode = "H32.22384"
	funeral                         = "1.001731" // commune, district, commune
	worship                         = "1.010803" // commune, district, department, commune
	firstHour                       = 8          // the story begins at eight in the morning
	patientFor                      = 2 * time.Hour
)

var (
	servers = []string{"dir-1", "dir-2", "dir-3"}
	offices = []directory.OfficeCode{centre, labour, dienKhanh, nhaTrang, dienAn, suoiHiep, locTho, vinhLuong}
)

// machine is a computer with its data folder; it may be switched off.
type machine struct {
	name string
	addr string
	dir  string
	stop context.CancelFunc // nil while it is off
	done chan error

	node   *node.Server   // of an office
	server *server.Server // of the directory
}

func (m *machine) on() bool { return m.stop != nil }

// world is the province: the machines that production runs, on one simulated network and in virtual time.
type world struct {
	t        *testing.T
	net      *replicationtest.Network
	genesis  directory.Genesis
	recovery *record.Key                  // of the province
	ids      map[string]*identity.Private // of directory servers
	machines map[string]*machine
	copies   int
	staff    map[directory.OfficeCode]directory.Account
	citizens []directory.Account
	said     ledger
}

// The bounds of a test. Virtual time ends no test that hangs: it waits, or runs on with whatever still ticks.
const (
	endsWithin = 2 * time.Minute // of virtual time: a machine that is switched off
	realTime   = 8 * time.Minute // by the clock on the wall: a province, on a busy machine with the race detector
)

// hang ends the tests and shows where every goroutine stands: a bubble with one that never ends cannot fail.
func hang(what string) {
	stacks := make([]byte, 16<<20)
	fmt.Fprintf(os.Stderr, "%s\n\n%s\n", what, stacks[:runtime.Stack(stacks, true)])
	os.Exit(2)
}

// inProvince runs a test in a founded province where every office is enrolled and served.
func inProvince(t *testing.T, f func(w *world)) {
	watch := time.AfterFunc(realTime, func() { hang(fmt.Sprintf("%s still runs after %v", t.Name(), realTime)) })
	defer watch.Stop()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 24, firstHour, 0, 0, 0, directory.Zone)))
		w := &world{
			t: t, net: replicationtest.NewNetwork(), ids: map[string]*identity.Private{}, machines: map[string]*machine{},
			staff: map[directory.OfficeCode]directory.Account{},
		}
		defer w.end()
		w.net.SetWeather(replicationtest.Weather{Latency: 2 * time.Millisecond, Jitter: 3 * time.Millisecond})
		w.found()
		f(w)
	})
}

func (w *world) fatal(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// end switches everything off; a bubble ends only with its last goroutine.
func (w *world) end() {
	for _, m := range w.machines {
		w.net.Cut(m.addr) // nobody waits for goodbyes
	}
	for _, m := range w.machines {
		if m.on() {
			m.stop()
		}
	}
	for _, m := range w.machines {
		w.off(m)
	}
	time.Sleep(gossip.Linger)
}

// found founds the directory, publishes, makes accounts and enrols the offices, by the steps of province IT.
func (w *world) found() {
	w.t.Helper()
	var members []directory.Member
	for i, name := range servers {
		id, err := identity.Generate()
		w.fatal(err)
		m := &machine{name: name, addr: fmt.Sprintf("10.0.0.%d:7400", i+1), dir: w.t.TempDir()}
		w.ids[name], w.machines[name] = id, m
		members = append(members, directory.Member{Name: name, Identity: id.Public(), Addr: m.addr})
	}
	var err error
	w.genesis, err = server.Found(directory.Text{VI: "tỉnh Khánh Hòa", EN: "Khánh Hòa Province"}, "H32", members, time.Now())
	w.fatal(err)
	w.recovery, _, err = server.NewRecoveryKey()
	w.fatal(err)
	w.genesis.Recovery = w.recovery.Public().Bytes()
	for _, name := range servers {
		w.start(w.machines[name])
	}
	for _, name := range servers {
		w.ready(name)
	}
	admin[server.Published](w, "dir-1", "/publish", tables())
	w.people()
	for i, code := range offices {
		w.machines[string(code)] = &machine{name: string(code), addr: fmt.Sprintf("10.0.1.%d:7400", i+1), dir: filepath.Join(w.t.TempDir(), "node")}
		w.enrol(code)
		w.start(w.machines[string(code)])
	}
	w.everybodyKnowsEverybody()
}

// tables are the public tables as far as the virtual province needs them.
func tables() server.Publication {
	p := province.Tables()
	p.Offices = slices.DeleteFunc(p.Offices, func(o directory.Office) bool {
		return o.Code != "H32" && !slices.Contains(offices, o.Code)
	})
	p.Procedures = slices.DeleteFunc(p.Procedures, func(q directory.Procedure) bool { return q.Code != funeral && q.Code != worship })
	return p
}

// people makes the accounts: one member of staff with every role in each office, and some citizens. Nobody types these
// passwords, so the verifiers are none.
func (w *world) people() {
	for _, code := range offices {
		a := directory.Account{ID: directory.AccountID("staff-" + string(code)), Kind: directory.Staff, Name: "Cán bộ " + string(code)}
		a.Login = directory.NormalLogin("cb." + string(code))
		for _, r := range []directory.Role{directory.DeskOfficer, directory.Specialist, directory.Signatory} {
			a.Grants = append(a.Grants, directory.Grant{Office: code, Role: r})
		}
		w.staff[code] = admin[directory.Account](w, "dir-2", "/account", server.AccountRequest{Account: a, Verifier: "none"})
	}
	for i := range 3 {
		a := directory.Account{
			ID: directory.AccountID(fmt.Sprintf("citizen-%d", i)), Login: fmt.Sprintf("congdan%d", i), Kind: directory.Citizen,
			Name: "Trần Thị Bích Ngọc", Identity: fmt.Sprintf("05619000012%d", i), Phone: fmt.Sprintf("090500123%d", i),
		}
		w.citizens = append(w.citizens, admin[directory.Account](w, "dir-3", "/account", server.AccountRequest{Account: a, Verifier: "none"}))
	}
}

// enrol makes the data folder of an office's machine with a token.
func (w *world) enrol(code directory.OfficeCode) {
	w.t.Helper()
	m := w.machines[string(code)]
	answer := admin[server.TokenAnswer](w, "dir-1", "/token", server.TokenRequest{Office: code, Hours: 1})
	token, err := directory.ParseToken(answer.Token)
	w.fatal(err)
	e := node.Enrolment{Dir: m.dir, Conn: w.net.Listen(m.addr), Token: token, Addr: m.addr, Portal: "http://" + m.addr}
	w.fatal(node.Enrol(w.t.Context(), e))
}

// start switches a machine on.
func (w *world) start(m *machine) {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	run, err := w.open(m, w.net.Listen(m.addr))
	w.fatal(err)
	m.stop, m.done = stop, make(chan error, 1)
	go func(done chan error) { done <- run(ctx) }(m.done)
}

func (w *world) open(m *machine, conn net.PacketConn) (run func(context.Context) error, err error) {
	if id, ok := w.ids[m.name]; ok {
		m.server, err = server.New(server.Config{Dir: m.dir, Conn: conn, Genesis: w.genesis, Identity: id, Log: testLog(m.name)})
		if err != nil {
			return nil, err
		}
		return m.server.Run, nil
	}
	m.node, err = node.Open(node.Config{Dir: m.dir, Conn: conn, Store: store.Options{NoMerging: true}, Log: testLog(m.name)})
	if err != nil {
		return nil, err
	}
	return m.node.Run, nil
}

func testLog(name string) *slog.Logger {
	if os.Getenv("MOTCUA_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("machine", name)
}

// off ends a machine's program, if it runs.
func (w *world) off(m *machine) {
	if !m.on() {
		return
	}
	m.stop()
	select {
	case err := <-m.done:
		if err != nil {
			w.t.Errorf("%s ended: %v", m.name, err)
		}
	case <-time.After(endsWithin):
		hang(fmt.Sprintf("%s: %s was switched off and does not end within %v", w.t.Name(), m.name, endsWithin))
	}
	m.stop = nil
}

// cut pulls the cable of a machine, heal plugs it in again.
func (w *world) cut(name string) { w.net.Cut(w.machines[name].addr) }

func (w *world) heal(name string) { w.net.Heal(w.machines[name].addr) }

// powerCut takes the power from a machine at an instant and leaves it off: what its disk held then is kept, what the
// program did afterwards is not, and nobody hears of it.
func (w *world) powerCut(name string) {
	w.t.Helper()
	m := w.machines[name]
	w.cut(name)
	synctest.Wait() // every goroutine stands still, perhaps in the middle of a transfer
	w.copies++
	kept := filepath.Join(filepath.Dir(m.dir), fmt.Sprintf("kept-%d", w.copies))
	w.fatal(replicationtest.Freeze(m.dir, kept))
	w.off(m)
	w.fatal(os.RemoveAll(m.dir))
	m.dir = kept
	w.heal(name)
}

// ready waits until a directory server has a leader.
func (w *world) ready(name string) {
	w.t.Helper()
	select {
	case <-w.machines[name].server.Ready():
	case <-time.After(time.Minute):
		w.t.Fatalf("%s is not ready after a minute", name)
	}
}

// ask asks a machine's admin handler. In is sent as it is if it is bytes, as JSON otherwise.
func (w *world) ask(name, method, path string, in any) ([]byte, error) {
	body, raw := in.([]byte)
	if !raw {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	m := w.machines[name]
	h := http.Handler(nil)
	if m.server != nil {
		h = m.server.Admin()
	} else {
		h = m.node.Admin()
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), method, path, bytes.NewReader(body)))
	if rec.Code != http.StatusOK {
		return nil, fmt.Errorf("%s %s at %s: %d %s", method, path, name, rec.Code, rec.Body)
	}
	return rec.Body.Bytes(), nil
}

// admin has a machine do what province IT asks for.
func admin[A any](w *world, name, path string, in any) (a A) {
	w.t.Helper()
	b, err := w.ask(name, http.MethodPost, path, in)
	w.fatal(err)
	w.fatal(json.Unmarshal(b, &a))
	return a
}

// eventually waits until a condition holds.
func eventually(within time.Duration, what string, holds func() error) error {
	var err error
	for begin := time.Now(); time.Since(begin) <= within; time.Sleep(time.Second) {
		if err = holds(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: not within %v: %w", what, within, err)
}

// everybodyKnowsEverybody waits until every node has an edition with all nodes in it.
func (w *world) everybodyKnowsEverybody() {
	w.t.Helper()
	w.fatal(eventually(time.Minute, "editions spread", func() error {
		for _, code := range offices {
			if n := len(w.machines[string(code)].node.Replica().Nodes()); n != len(offices) {
				return fmt.Errorf("%s knows %d nodes of %d", code, n, len(offices))
			}
		}
		return nil
	}))
}
