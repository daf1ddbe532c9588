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

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/khanhhoa"
	"motcua/node/blob"
	"motcua/node/office"
	"motcua/node/session"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// A few offices in one process, each with its pages on the loopback: real stores, offices, sessions and the published
// tables of the province. The directory servers and the line are this file's.

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

	ends map[string]directory.Withdrawal // procedures that are withdrawn

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

func (p *province) Number() uint64 { return 7 }

func (p *province) Last(code string, on directory.Date) (directory.Procedure, directory.Withdrawal, bool) {
	x, ok := p.procedure(code)
	w := p.ends[code]
	return x, w, ok && w.Covers(x, on)
}

func (p *province) Withdrawal(code string) (directory.Withdrawal, bool) {
	w, ok := p.ends[code]
	return w, ok
}

func (p *province) Cut() int64 { return p.clock().UnixMilli() }

func (p *province) Genesis() directory.Genesis {
	return directory.Genesis{Province: directory.Text{VI: "tỉnh Khánh Hòa", EN: "Khánh Hòa Province"}}
}

func (p *province) Levels(directory.Date) []directory.Level { return khanhhoa.Levels() }

func (p *province) Formerly(directory.OfficeCode) []directory.Office { return nil }

func (p *province) Offices(directory.Date) []directory.Office { return khanhhoa.Offices() }

func (p *province) Fields(directory.Date) []directory.Field { return khanhhoa.Fields() }

func (p *province) Procedures(directory.Date) []directory.Procedure { return khanhhoa.Procedures() }

func (p *province) Predecessors(directory.OfficeCode, directory.Date) int { return 0 }

func (p *province) Calendar() (directory.Calendar, bool) { return khanhhoa.Calendar(), true }

func (p *province) Office(c directory.OfficeCode) (directory.Office, bool) {
	for _, o := range khanhhoa.Offices() {
		if o.Code == c {
			return o, true
		}
	}
	return directory.Office{}, false
}

func (p *province) Node(c directory.OfficeCode) (directory.Node, bool) {
	_, ok := p.nodes[c]
	return directory.Node{Office: c}, ok && !p.gone[c]
}

func (p *province) Procedure(code string, version uint32) (directory.Procedure, bool) {
	for _, x := range khanhhoa.Procedures() {
		if x.Code == code && x.Version == version {
			return x, true
		}
	}
	return directory.Procedure{}, false
}

func (p *province) Current(code string, on directory.Date) (directory.Procedure, bool) {
	x, ok := p.procedure(code)
	return x, ok && !p.ends[code].Covers(x, on)
}

func (p *province) procedure(code string) (directory.Procedure, bool) {
	for _, x := range khanhhoa.Procedures() {
		if x.Code == code {
			return x, true
		}
	}
	return directory.Procedure{}, false
}

// calls are the directory servers.
type calls struct {
	p    *province
	from directory.OfficeCode
}

func (c calls) locked(f func() error) error {
	if err := c.p.line(c.from); err != nil {
		return err
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.p.noDirectory {
		return errors.New("no server of the directory answers")
	}
	return f()
}

func (c calls) Register(_ context.Context, a directory.Account) (directory.Account, error) {
	return a, c.locked(func() error {
		if old, ok := c.p.accounts[a.Login]; ok && old.ID != a.ID {
			return directory.Errorf("register", directory.Conflict, "taken")
		}
		c.p.accounts[a.Login] = a
		return nil
	})
}

func (c calls) SignIn(ctx context.Context, login string, derive func(context.Context, string) (string, error)) (directory.Account, error) {
	a, err := c.account(func(x directory.Account) bool { return x.Login == login })
	if err == nil {
		var v string
		if v, err = derive(ctx, session.Params(a.Verifier)); err == nil && v != a.Verifier {
			err = directory.Errorf("sign in", directory.NotFound, "none")
		}
	}
	if directory.CodeOf(err) == directory.NotFound {
		err = directory.Errorf("sign in", directory.Denied, "wrong")
	}
	if err != nil {
		a = directory.Account{}
	}
	return a, err
}

func (c calls) AccountByID(_ context.Context, id directory.AccountID) (directory.Account, error) {
	return c.account(func(x directory.Account) bool { return x.ID == id })
}

func (c calls) account(is func(directory.Account) bool) (a directory.Account, err error) {
	return a, c.locked(func() error {
		for _, x := range c.p.accounts {
			if is(x) {
				a = x
				return nil
			}
		}
		return directory.Errorf("account", directory.NotFound, "none")
	})
}

func (c calls) Staff(context.Context, directory.OfficeCode) ([]directory.Account, error) {
	return nil, c.p.line(c.from)
}

func (c calls) ReportAll(ctx context.Context, pending func(string, int) ([]directory.Track, error), sent func([]directory.Track) error) error {
	ts, err := pending("", directory.MaxTrackBatch)
	if err == nil {
		err = c.Report(ctx, ts)
	}
	if err == nil {
		err = sent(ts)
	}
	return err
}

func (c calls) Report(_ context.Context, ts []directory.Track) error {
	return c.locked(func() error {
		for _, tr := range ts {
			if old, ok := c.p.tracks[tr.Code]; !ok || old.AsOf <= tr.AsOf {
				c.p.tracks[tr.Code] = tr
			}
			delete(c.p.tracks, tr.Alias)
		}
		return nil
	})
}

func (c calls) find(code string) (tr directory.Track, err error) {
	return tr, c.locked(func() error {
		for _, x := range c.p.tracks {
			if x.Code == code || x.Alias == code {
				tr = x
				return nil
			}
		}
		return directory.Errorf("lookup", directory.NotFound, "none")
	})
}

func (c calls) ReportOpen(context.Context, []directory.OpenCount) error { return nil }

func (c calls) Lookup(_ context.Context, code string) (directory.Track, error) {
	tr, err := c.find(code)
	tr.Checks = nil
	return tr, err
}

func (c calls) Prove(_ context.Context, code, last string) (bool, error) {
	tr, err := c.find(code)
	for _, k := range tr.Checks {
		for _, name := range []string{code, tr.Code, tr.Alias} {
			if k == directory.TrackCheck(name, last) {
				return true, nil
			}
		}
	}
	return false, err
}

func (c calls) Mine(_ context.Context, id directory.AccountID) (out []directory.Track, err error) {
	return out, c.locked(func() error {
		for _, tr := range c.p.tracks {
			if tr.Applicant == id {
				out = append(out, tr)
			}
		}
		return nil
	})
}

func (p *province) Signer(key digest.Digest) (replication.Peer, bool) {
	for c := range p.nodes {
		if peer, err := p.Resolve(replication.Name(c)); err == nil && peer.Keys.Sign.ID() == key {
			return peer, true
		}
	}
	return replication.Peer{}, false
}

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
			ps, err := n.Outbox().Waiting(p.t.Context(), to, 100)
			must(p.t, err)
			for _, parcel := range ps {
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
	c, err := to.sp.Unpack(parcel, to.id.Seal)
	must(p.t, err)
	rec, err := to.Inbox().Take(ctx, parcel, c)
	must(p.t, err)
	peer, err := p.Resolve(parcel.Manifest.To)
	must(p.t, err)
	receipt, err := replication.VerifyReceipt(parcel, rec, peer)
	must(p.t, err)
	must(p.t, from.Outbox().Settle(ctx, parcel, rec, receipt))
}
