package office

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// A province of a few offices in one process: real stores, blobs, spools and offices; the line between them is this file's,
// the directory that of directory_test.go.

const (
	xa    directory.OfficeCode = "H32.22327" // commune: the root
	huyen directory.OfficeCode = "H32.568"   // its district
	bien  directory.OfficeCode = "H32.22736" // another commune, where the citizen hands in
	moi   directory.OfficeCode = "H32.22333" // takes over from others; only in tests of that

	lastOpen directory.Date = "2026-11-30" // the last day of an office that closes
)

type province struct {
	t       *testing.T
	book    *replicationtest.Book
	offices map[directory.OfficeCode]*node
	now     time.Time
	version uint32 // newest version of the procedure

	acknowledge uint16 // hours, of the district's step

	accounts map[string]directory.Account
	tracks   map[string]directory.Track
	cut      map[directory.OfficeCode]bool
	lost     map[directory.OfficeCode]int                    // machines before the present one, enrolled today
	once     map[string]bool                                 // login and office of who ever had a role there
	open     [][]directory.OpenCount                         // as told, the last one last
	closed   map[directory.OfficeCode][]directory.OfficeCode // with their successors
}

type node struct {
	*Office
	dir  string
	id   *identity.Private
	p    *province
	sp   *spool.Spool
	lost int // receipts to lose
}

func newProvince(t *testing.T) *province {
	p := &province{
		t: t, book: replicationtest.NewBook(), offices: map[directory.OfficeCode]*node{}, version: 1,
		now:      time.Date(2026, 11, 25, 9, 0, 0, 0, directory.Zone),
		accounts: map[string]directory.Account{}, tracks: map[string]directory.Track{}, cut: map[directory.OfficeCode]bool{}, once: map[string]bool{},
	}
	for _, c := range []directory.OfficeCode{xa, huyen, bien} {
		p.enrol(c)
	}
	return p
}

func (p *province) enrol(c directory.OfficeCode) {
	id, err := identity.Generate()
	if err != nil {
		p.t.Fatal(err)
	}
	n := &node{dir: p.t.TempDir(), id: id, p: p}
	p.book.Add(replication.Name(c), "", id.Public())
	p.offices[c] = n
	n.open(c)
	p.t.Cleanup(n.close)
}

// open opens the folders of an office, anew after a power cut.
func (n *node) open(c directory.OfficeCode) {
	st, err := store.Open(filepath.Join(n.dir, "store"), store.Options{})
	if err != nil {
		n.p.t.Fatal(err)
	}
	bl, err := blob.Open(filepath.Join(n.dir, "blob"))
	if err != nil {
		n.p.t.Fatal(err)
	}
	if n.sp, err = spool.Open(filepath.Join(n.dir, "spool")); err != nil {
		n.p.t.Fatal(err)
	}
	n.Office = New(Config{
		Code: c, Identity: n.id, Store: st, Blobs: bl, Spool: n.sp, Directory: tables{n.p.book, n.p}, Calls: calls{n.p, c}, Peers: peers{n.p, c},
		Passwords: plainPasswords{}, Now: func() time.Time { return n.p.now },
	})
}

func (n *node) close() {
	if err := errors.Join(n.Store.Close(), n.Blobs.Close()); err != nil {
		n.p.t.Error(err)
	}
}

// peers carry questions, through the wire encoding.
type peers struct {
	p    *province
	from directory.OfficeCode
}

func (s peers) Ask(ctx context.Context, to replication.Name, q Question) (a Answer, r io.ReadCloser, err error) {
	n, ok := s.p.offices[directory.OfficeCode(to)]
	if !ok || s.p.cut[s.from] || s.p.cut[n.Code] {
		return a, nil, errLine
	}
	a, r = n.Serve(ctx, replication.Name(s.from), over(s.p.t, q, MaxQuestion))
	return over(s.p.t, a, MaxAnswer), r, nil
}

func over[T any](t *testing.T, v T, limit int) (out T) {
	b, err := wire.Marshal(v)
	if err == nil {
		err = wire.Unmarshal(b, &out)
	}
	if err != nil || len(b) > limit {
		t.Errorf("%T of %d bytes does not cross the wire: %v", v, len(b), err)
	}
	return out
}

// carry takes every waiting parcel between two offices whose lines are up to its recipient, and returns how many arrived.
func (p *province) carry() (arrived int) {
	p.t.Helper()
	for _, from := range []directory.OfficeCode{bien, huyen, xa, moi} {
		n := p.offices[from]
		if n == nil {
			continue
		}
		names, err := n.Outbox().Peers(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		for _, to := range names {
			if p.cut[from] || p.cut[directory.OfficeCode(to)] {
				continue
			}
			for _, parcel := range replicationtest.Waiting(p.t, n.Outbox(), to, 100) {
				p.deliver(n, p.offices[directory.OfficeCode(to)], parcel)
				arrived++
			}
		}
	}
	return arrived
}

func (p *province) deliver(from, to *node, parcel replication.Parcel) {
	p.t.Helper()
	ctx := p.t.Context()
	in, err := to.sp.Receive(parcel)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range parcel.Manifest.Chunks {
		b, err := from.sp.Chunk(parcel.ID(), i)
		if err == nil {
			err = in.Put(i, b)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	key, err := spool.OpenKey(parcel, to.id.Seal)
	must(p.t, err)
	c, err := to.sp.Unpack(parcel, key)
	if err != nil {
		p.t.Fatal(err)
	}
	first, err := to.Inbox().Take(ctx, parcel, c)
	if err != nil {
		p.t.Fatalf("%s takes a parcel of %s: %v", to.Code, from.Code, err)
	}
	again, err := to.Inbox().Take(ctx, parcel, c) // every parcel comes twice
	if err != nil || again.ID() != first.ID() || !bytes.Equal(again.Signature, first.Signature) {
		p.t.Fatalf("a repeat gets another receipt: %v", err)
	}
	to.sp.Drop(parcel.ID())
	if from.lost > 0 {
		from.lost--
		return
	}
	peer, _ := p.book.Resolve(parcel.Manifest.To)
	v, err := replication.VerifyReceipt(parcel, first, peer)
	if err != nil {
		p.t.Fatal(err)
	}
	for range 2 {
		if err := from.Outbox().Settle(ctx, parcel, first, v); err != nil && directory.CodeOf(err) != directory.Conflict {
			p.t.Fatal(err)
		}
	}
}

// report does what Background does, once.
func (p *province) report() {
	p.t.Helper()
	for _, n := range p.offices {
		if err := errors.Join(n.reportTracks(p.t.Context()), n.confirm(p.t.Context())); err != nil && !errors.Is(err, errLine) {
			p.t.Fatal(err)
		}
		n.refreshStaff(p.t.Context())
	}
}

func (p *province) staff(login string, office directory.OfficeCode, roles ...directory.Role) directory.Account {
	a := directory.Account{ID: directory.AccountID("id-" + login), Login: login, Kind: directory.Staff, Name: "Cán bộ " + login, Verifier: "plain:mật khẩu", Version: 1}
	for _, r := range roles {
		a.Grants = append(a.Grants, directory.Grant{Office: office, Role: r})
	}
	p.accounts[login] = a
	return a
}

func (p *province) officer(c directory.OfficeCode) directory.Account {
	return p.staff("cb-"+strings.ToLower(string(c)), c, directory.DeskOfficer, directory.Specialist, directory.Signatory)
}

func (p *province) citizen(login string) Citizen {
	p.t.Helper()
	a, _, err := p.offices[bien].Register(p.t.Context(), Registration{
		Kind: directory.Citizen, Login: login, Password: "mật khẩu 1", Name: "Nguyễn Thị Ánh", Identity: "056199000001", Phone: "0901234567",
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return Citizen{a, bien}
}

var pdf = []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n")

// submit hands in at an office for xa and returns the submission code.
func (p *province) submit(at directory.OfficeCode, c Citizen) string {
	p.t.Helper()
	ctx, o := p.t.Context(), p.offices[at]
	id, err := o.StartDraft(ctx, c, "1.001776", xa)
	if err != nil {
		p.t.Fatal(err)
	}
	problems, err := o.SaveAnswers(ctx, c, id, url.Values{"reason": {"Người cao tuổi"}})
	if err != nil || len(problems) > 0 {
		p.t.Fatal(problems, err)
	}
	body := append(slices.Clone(pdf), bytes.Repeat([]byte("giấy tờ "), 80_000)...) // several chunks
	if err := o.Attach(ctx, c, id, "form", Upload{`C:\giấy\tờ khai.pdf`, bytes.NewReader(body)}); err != nil {
		p.t.Fatal(err)
	}
	code, err := o.Submit(ctx, c, id, "vi")
	if err != nil {
		p.t.Fatal(err)
	}
	if again, err := o.Submit(ctx, c, id, "vi"); err != nil || again != code {
		p.t.Fatalf("handed in again: %q %v, want %q", again, err, code)
	}
	return code
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// chainOf finds a chain by code or, for a child, in a bucket.
func (n *node) chainOf(code string) digest.Digest {
	n.p.t.Helper()
	row, err := n.rowByCode("test", code, func(store.Row) bool { return true })
	if err != nil {
		n.p.t.Fatal(err)
	}
	return row.Chain
}

func (n *node) only(b Bucket) Line {
	n.p.t.Helper()
	page, err := n.List(n.p.t.Context(), n.p.officer(n.Code), Filter{Bucket: b})
	if err != nil || len(page.Lines) != 1 {
		n.p.t.Fatalf("%s, list %q: %v, %d lines, want 1", n.Code, b, err, len(page.Lines))
	}
	return page.Lines[0]
}

// sameEverywhere checks that a chain is equal wherever it is held, up to the shorter of two, and verifies.
func (p *province) sameEverywhere(chain digest.Digest) {
	p.t.Helper()
	var longest []dossier.Signed
	for _, n := range p.offices {
		must(p.t, n.Store.View(func(t *store.Tx) error {
			held, _, err := readChain(t, chain)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			for i := range min(len(held), len(longest)) {
				if held[i].ID() != longest[i].ID() {
					return fmt.Errorf("event %d differs", i)
				}
			}
			if len(held) > len(longest) {
				longest = held
			}
			forks, err := t.Forks(chain, 1)
			if len(forks) > 0 {
				return errors.New("forked")
			}
			return err
		}))
	}
	must(p.t, dossier.Verify(longest, p.offices[xa].keyOf))
}
