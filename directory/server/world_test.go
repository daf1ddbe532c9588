package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/replica"
	"motcua/directory/server"
	"motcua/replication"
	"motcua/replication/gossip"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

// world is a directory of three servers and some nodes on a simulated network.
type world struct {
	t       *testing.T
	net     *replicationtest.Network
	genesis directory.Genesis
	ids     map[string]*identity.Private
	dirs    map[string]string
	up      map[string]*running
	virtual bool                   // time and network
	level   uint32                 // of the servers that are started, 0 for that of this version
	log     *slog.Logger           // of the servers; nil: nothing, or what MOTCUA_TEST_LOG says
	full    atomic.Pointer[string] // name of the server whose disk is full
	ahead   atomic.Int64           // nanoseconds that the servers' clocks are ahead of the others'
}

// free is the room left on a server's disk.
func (w *world) free(name string) func(string) (uint64, error) {
	return func(string) (uint64, error) {
		if full := w.full.Load(); full != nil && *full == name {
			return 1 << 20, nil
		}
		return 1 << 40, nil
	}
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

type running struct {
	*server.Server
	stop context.CancelFunc
	done chan error
}

var names = []string{"dir-1", "dir-2", "dir-3"}

func addrOf(name string) string { return "10.0.0." + name[4:] + ":7400" }

func newIdentity(t *testing.T) *identity.Private {
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// newWorld founds a province without starting its servers. The addresses are those of the simulated network.
func newWorld(t *testing.T, addr func(string) string) *world {
	w := &world{
		t: t, net: replicationtest.NewNetwork(), ids: map[string]*identity.Private{},
		dirs: map[string]string{}, up: map[string]*running{},
	}
	var members []directory.Member
	for _, name := range names {
		w.ids[name], w.dirs[name] = newIdentity(t), t.TempDir()
		members = append(members, directory.Member{Name: name, Identity: w.ids[name].Public(), Addr: addr(name)})
	}
	g, err := server.Found(directory.Text{VI: "tỉnh Khánh Hòa", EN: "Khánh Hòa Province"}, "H32", members, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.genesis = g
	t.Cleanup(func() {
		w.stopAll()
		if w.virtual {
			time.Sleep(gossip.Linger) // a bubble ends only with its last goroutine
		}
	})
	return w
}

func testLog(name string) *slog.Logger {
	if os.Getenv("MOTCUA_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("server", name)
}

func (w *world) logOf(name string) *slog.Logger {
	if w.log != nil {
		return w.log
	}
	return testLog(name)
}

func (w *world) start(name string, conn net.PacketConn) *running {
	w.t.Helper()
	s, err := server.New(server.Config{Dir: w.dirs[name], Conn: conn, Genesis: w.genesis, Identity: w.ids[name], Log: w.logOf(name), Now: w.now, Free: w.free(name), Level: w.level})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{s, stop, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	w.up[name] = r
	return r
}

// startAll starts the servers on the simulated network.
func (w *world) startAll() {
	w.t.Helper()
	w.virtual = true
	for _, name := range names {
		w.start(name, w.net.Listen(addrOf(name)))
	}
	for _, name := range names {
		w.ready(name)
	}
}

func (w *world) ready(name string) {
	w.t.Helper()
	select {
	case <-w.up[name].Ready():
	case <-time.After(time.Minute):
		w.t.Fatalf("%s is not ready after a minute", name)
	}
}

// stop ends a server.
func (w *world) stop(name string) {
	w.t.Helper()
	r := w.up[name]
	delete(w.up, name)
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			w.t.Errorf("%s ended: %v", name, err)
		}
	case <-time.After(time.Minute):
		panic(name + " was stopped and does not end within a minute")
	}
}

func (w *world) stopAll() {
	w.t.Helper()
	for _, r := range w.up {
		r.stop()
	}
	for name := range w.up {
		w.stop(name)
	}
}

// admin asks a server's admin handler.
func admin[A any](w *world, name, method, path string, q any) (a A, status int, said string) {
	w.t.Helper()
	b, err := json.Marshal(q)
	if err != nil {
		w.t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	w.up[name].Admin().ServeHTTP(rec, httptest.NewRequest(method, path, bytes.NewReader(b)))
	if rec.Code == http.StatusOK && rec.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
			w.t.Fatal(err)
		}
	}
	return a, rec.Code, rec.Body.String()
}

func must[A any](w *world, name, method, path string, q any) A {
	w.t.Helper()
	a, status, said := admin[A](w, name, method, path, q)
	if status != http.StatusOK {
		w.t.Fatalf("%s %s at %s: %d %s", method, path, name, status, said)
	}
	return a
}

const commune, other = directory.OfficeCode("H32.22327"), directory.OfficeCode("H32.22330")

func publication() server.Publication {
	var p server.Publication
	p.Levels = []directory.Level{{ID: "commune", Name: directory.Text{VI: "xã"}, Rank: 1}}
	p.Fields = []directory.Field{{ID: "land", Name: directory.Text{VI: "đất đai"}}}
	for _, c := range []directory.OfficeCode{commune, other} {
		p.Offices = append(p.Offices, directory.Office{Code: c, Level: "commune", Names: []directory.Named{{Text: directory.Text{VI: "UBND " + string(c)}}}})
	}
	return p
}

// node is an office's machine.
type node struct {
	w       *world
	office  directory.OfficeCode
	addr    string
	id      *identity.Private
	link    *link.Link
	replica *replica.Replica
	*client.Client
}

func (w *world) token(office directory.OfficeCode, hours int) directory.Token {
	w.t.Helper()
	a := must[server.TokenAnswer](w, "dir-1", http.MethodPost, "/token", server.TokenRequest{Office: office, Hours: hours})
	t, err := directory.ParseToken(a.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// nobody knows no one, as a machine before its enrolment.
type nobody struct{}

func (nobody) Resolve(replication.Name) (replication.Peer, error) {
	return replication.Peer{}, replication.ErrUnknown
}

func (nobody) Identify(digest.Digest) (replication.Peer, error) {
	return replication.Peer{}, replication.ErrUnknown
}

// apply tries to enrol an identity from an address.
func (w *world) apply(t directory.Token, id *identity.Private, addr string) (client.Welcome, error) {
	w.t.Helper()
	l, err := link.New(link.Config{Name: replication.Name(t.Office), Identity: id, Resolver: nobody{}, Conn: w.net.Listen(addr)})
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	return client.Enrol(ctx, l, t, client.Applicant{Identity: id, Addr: addr, Portal: "http://" + addr})
}

// applyByHand connects as one identity and claims another.
func (w *world) applyByHand(tok directory.Token, as *identity.Private, claims identity.Public, signs *identity.Private, secret [16]byte) (r client.EnrolResponse) {
	w.t.Helper()
	const addr = "10.0.1.66:7400"
	l, err := link.New(link.Config{Name: "x", Identity: as, Resolver: nobody{}, Conn: w.net.Listen(addr)})
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	body, err := wire.Marshal(client.Application{Version: 1, Genesis: tok.Genesis, Token: tok.Hash(), Office: tok.Office, Identity: claims, Addr: addr})
	if err != nil {
		w.t.Fatal(err)
	}
	rec, err := record.SignOne(signs.Sign, client.EnrolLabel, body)
	if err != nil {
		w.t.Fatal(err)
	}
	rec.Signer = digest.Of(claims.Sign)
	s, err := l.DialPinned(w.t.Context(), tok.Servers[0].Addr, tok.Servers[0].TLSID, client.EnrolProtocol)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(s.Send(client.EnrolRequest{Application: rec, Secret: secret}), s.Receive(&r, client.MaxResponse)); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// join enrols an office's machine and opens it.
func (w *world) join(office directory.OfficeCode, host int) *node {
	w.t.Helper()
	n := &node{w: w, office: office, addr: fmt.Sprintf("10.0.1.%d:7400", host), id: newIdentity(w.t)}
	welcome, err := w.apply(w.token(office, 1), n.id, n.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	if n.replica, err = replica.Open(w.t.TempDir(), welcome.Genesis); err != nil {
		w.t.Fatal(err)
	}
	if err := n.replica.Install(welcome.Edition); err != nil {
		w.t.Fatal(err)
	}
	n.link, err = link.New(link.Config{Name: replication.Name(office), Identity: n.id, Resolver: n.replica, Conn: w.net.Listen(n.addr)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { n.link.Close() })
	n.Client = client.New(n.link, n.replica)
	return n
}

// catchUp fetches editions until the node has the one with this number or a newer one.
func (n *node) catchUp(number uint64) {
	n.w.t.Helper()
	ctx, cancel := context.WithTimeout(n.w.t.Context(), time.Minute)
	defer cancel()
	for n.replica.Number() < number {
		b, err := n.AwaitEdition(ctx, n.replica.Held())
		if err != nil {
			n.w.t.Fatal(err)
		}
		if len(b) > 0 {
			if err := n.replica.Install(b); err != nil {
				n.w.t.Fatal(err)
			}
		}
	}
}

func citizen(login string) directory.Account {
	return directory.Account{
		ID: directory.AccountID("c-" + login), Login: login, Kind: directory.Citizen, Name: "Nguyễn Văn A",
		Verifier: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + goodSum,
	}
}

// goodSum is what the right password of every citizen gives.
const goodSum = "aGFzaA"

// signIn signs in as somebody whose password gives a sum.
func (n *node) signIn(login, sum string) (directory.Account, error) {
	n.w.t.Helper()
	return n.SignIn(n.w.t.Context(), login, func(_ context.Context, params string) (string, error) { return params + sum, nil })
}

// params are the parameters that the directory names for a login.
func (n *node) params(login string) (params string) {
	n.w.t.Helper()
	_, err := n.SignIn(n.w.t.Context(), login, func(_ context.Context, p string) (string, error) { params = p; return "", errEnd })
	if !errors.Is(err, errEnd) {
		n.w.t.Errorf("parameters of %s: %v", login, err)
	}
	return params
}

var errEnd = errors.New("end")

// staff makes an account of an officer with a role.
func (w *world) staff(login string, grants ...directory.Grant) directory.Account {
	w.t.Helper()
	a := citizen(login)
	a.Kind, a.Grants = directory.Staff, grants
	return must[directory.Account](w, "dir-1", http.MethodPost, "/account", server.AccountRequest{Account: a, Verifier: a.Verifier})
}

func tlsIDOf(n *node) digest.Digest { return identity.TLSID(n.id.Public().TLS) }
