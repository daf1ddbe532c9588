package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/office"
	"motcua/node/session"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// A few offices in one process, each with its pages on the loopback: real stores, offices, sessions and the published
// tables of the province. The line is this file's, the directory that of directory_test.go.

const (
	commune  directory.OfficeCode = "H32.22327"
	district directory.OfficeCode = "H32.568"
	island   directory.OfficeCode = "H32.22736"
)

type province struct {
	*replicationtest.Book
	t     *testing.T
	nodes map[directory.OfficeCode]*node

	mu       sync.Mutex
	now      time.Time
	accounts map[string]directory.Account
	tracks   map[string]directory.Track
	cut      map[directory.OfficeCode]bool
	gone     map[directory.OfficeCode]bool // without a node in the tables
	full     map[directory.OfficeCode]bool // without room on the disk

	ends  map[string]directory.Withdrawal               // procedures that are withdrawn
	heirs map[directory.OfficeCode]directory.OfficeCode // of offices that close after lastOpen

	noDirectory bool // its servers are down
	policy      directory.FactorPolicy
	resets      map[string]string // codes for a new password, by login
	log         logged
}

// node is an office with its pages.
type node struct {
	*office.Office
	id   *identity.Private
	p    *province
	sp   *spool.Spool
	url  string
	code directory.OfficeCode
}

func newProvince(t *testing.T) *province {
	p := &province{
		Book: replicationtest.NewBook(), t: t, nodes: map[directory.OfficeCode]*node{},
		now:      time.Date(2026, 11, 25, 9, 0, 0, 0, directory.Zone),
		accounts: map[string]directory.Account{}, tracks: map[string]directory.Track{}, cut: map[directory.OfficeCode]bool{},
		resets: map[string]string{}, gone: map[directory.OfficeCode]bool{}, full: map[directory.OfficeCode]bool{},
	}
	for _, c := range []directory.OfficeCode{commune, district, island} {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		p.Book.Add(replication.Name(c), "", id.Public())
		p.nodes[c] = p.open(c, id)
	}
	return p
}

func (p *province) open(c directory.OfficeCode, id *identity.Private) *node {
	t, dir := p.t, p.t.TempDir()
	st, err := store.Open(filepath.Join(dir, "store"), store.Options{Free: func(string) (uint64, error) { return p.room(c), nil }})
	must(t, err)
	bl, err := blob.Open(filepath.Join(dir, "blob"))
	must(t, err)
	sp, err := spool.Open(filepath.Join(dir, "spool"))
	must(t, err)
	n := &node{id: id, p: p, sp: sp, code: c}
	n.Office = office.New(office.Config{
		Code: c, Identity: id, Store: st, Blobs: bl, Spool: sp, Directory: p, Calls: calls{p, c}, Accounts: accounts{calls{p, c}}, Peers: peers{p, c},
		Passwords: session.NewPasswords(2), Now: p.clock, Log: slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	h, err := NewWith(n.Office, n, p)
	must(t, err)
	srv := httptest.NewServer(h)
	n.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		must(t, errors.Join(st.Close(), bl.Close()))
	})
	return n
}

// logged is what all nodes have logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (p *province) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *province) line(c directory.OfficeCode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut[c] {
		return errors.New("line is cut")
	}
	return nil
}

// room is how much is left on an office's disk, in bytes.
func (p *province) room(c directory.OfficeCode) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full[c] {
		return 0
	}
	return 1 << 40
}

func (p *province) setFull(c directory.OfficeCode, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.full[c] = full
}

// loseDirectory takes every server of the directory down.
func (p *province) loseDirectory() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noDirectory = true
}

// leave takes an office's node out of the tables.
func (p *province) leave(c directory.OfficeCode) {
	p.Book.Remove(replication.Name(c))
	p.gone[c] = true
}

func (p *province) setLine(c directory.OfficeCode, up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut[c] = !up
}

// staff makes an account with every role in an office.
func (p *province) staff(login string, c directory.OfficeCode) {
	v, err := session.NewPasswords(1).Hash(p.t.Context(), password)
	must(p.t, err)
	a := directory.Account{ID: directory.AccountID("id-" + login), Login: login, Kind: directory.Staff, Name: "Cán bộ " + login, Verifier: v, Version: 1}
	for _, r := range []directory.Role{directory.DeskOfficer, directory.Specialist, directory.Signatory} {
		a.Grants = append(a.Grants, directory.Grant{Office: c, Role: r})
	}
	p.accounts[login] = a
}

const password = "mật khẩu rất dài"

// Session, Issue, Line and Reach make a node of the province.
func (n *node) Session(token string) (session.Session, error) {
	return session.Verify(token, n.p.keys, n.p.clock())
}

func (n *node) Issue(a directory.Account) (string, error) {
	return session.Issue(n.id, n.code, a, n.p.clock())
}

func (n *node) Prove(s session.Session) (string, error) {
	return session.Prove(n.id, s, n.p.clock())
}

func (n *node) Line() bool { return n.p.line(n.code) == nil }

func (n *node) Reach() (up, known int) { return 2, 2 }

func (n *node) Bundle([]string) (string, func(io.Writer) error, error) {
	return "motcua-" + string(n.code) + ".bundle", func(w io.Writer) error { _, err := io.WriteString(w, "MOTCUA BUNDLE"); return err }, nil
}

func (n *node) DirectoryInReach() bool {
	n.p.mu.Lock()
	defer n.p.mu.Unlock()
	return !n.p.noDirectory
}

func (p *province) keys(c directory.OfficeCode) (*identity.Keys, error) {
	peer, err := p.Resolve(replication.Name(c))
	return peer.Keys, err
}

// The tables: those of the province, with these three nodes.

// peers carry questions between offices.
type peers struct {
	p    *province
	from directory.OfficeCode
}

func (s peers) Ask(ctx context.Context, to replication.Name, q office.Question) (office.Answer, io.ReadCloser, error) {
	n, ok := s.p.nodes[directory.OfficeCode(to)]
	if err := errors.Join(s.p.line(s.from), s.p.line(directory.OfficeCode(to))); err != nil || !ok {
		return office.Answer{}, nil, errors.Join(err, replication.ErrUnknown)
	}
	a, r := n.Serve(ctx, replication.Name(s.from), q)
	return a, r, nil
}

// carry takes every waiting parcel to its office where both lines are up, reports tracks, and returns how many arrived.
func (p *province) carry() (arrived int) {
	p.t.Helper()
	for from, n := range p.nodes {
		names, err := n.Outbox().Peers(p.t.Context())
		must(p.t, err)
		for _, to := range names {
			if p.line(from) != nil || p.line(directory.OfficeCode(to)) != nil {
				continue
			}
			for _, parcel := range replicationtest.Waiting(p.t, n.Outbox(), to, 100) {
				p.deliver(n, p.nodes[directory.OfficeCode(to)], parcel)
				arrived++
			}
		}
	}
	for c, n := range p.nodes {
		p.report(c, n)
	}
	p.mu.Lock()
	p.now = p.now.Add(time.Second)
	p.mu.Unlock()
	return arrived
}

// report does once what the office does in the background: it tells the directory where dossiers are.
func (p *province) report(c directory.OfficeCode, n *node) {
	p.t.Helper()
	var batch []directory.Track
	must(p.t, n.Store.View(func(t *store.Tx) (err error) { batch, err = t.PendingTracks("", 100); return err }))
	if (calls{p, c}).Report(p.t.Context(), batch) == nil {
		must(p.t, n.Store.Update(p.t.Context(), func(t *store.Tx) error { return t.TracksSent(batch) }))
	}
}

func (p *province) deliver(from, to *node, parcel replication.Parcel) {
	p.t.Helper()
	ctx := p.t.Context()
	in, err := to.sp.Receive(parcel)
	must(p.t, err)
	for i := range parcel.Manifest.Chunks {
		b, err := from.sp.Chunk(parcel.ID(), i)
		must(p.t, err)
		must(p.t, in.Put(i, b))
	}
	key, err := spool.OpenKey(parcel, to.id.Seal)
	must(p.t, err)
	c, err := to.sp.Unpack(parcel, key)
	must(p.t, err)
	rec, err := to.Inbox().Take(ctx, parcel, c)
	must(p.t, err)
	peer, err := p.Resolve(parcel.Manifest.To)
	must(p.t, err)
	receipt, err := replication.VerifyReceipt(parcel, rec, peer)
	must(p.t, err)
	must(p.t, from.Outbox().Settle(ctx, parcel, rec, receipt))
}
