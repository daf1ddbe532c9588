package office

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

type plainPasswords struct{}

func (plainPasswords) Hash(_ context.Context, p string) (string, error) { return "plain:" + p, nil }

func (plainPasswords) Derive(_ context.Context, params, p string) (string, error) {
	return params + ":" + p, nil
}

func (plainPasswords) Check(_ context.Context, v, p string) (bool, error) {
	return v == "plain:"+p, nil
}

// TestWithdrawnRoles: who was dismissed does not work here any more within a minute, nor sign in again.
func TestWithdrawnRoles(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	a := p.staff("cb", xa, directory.DeskOfficer, directory.Signatory)
	n.refreshStaff(ctx)
	_, err := n.Authenticate(ctx, "cb", "mật khẩu", true)
	must(t, err)
	a.Grants, a.Version = nil, a.Version+1
	p.accounts["cb"] = a
	n.refreshStaff(ctx)
	if held, err := n.Account(ctx, a.ID); err != nil || len(n.Roles(held)) > 0 {
		t.Errorf("roles still held: %v %v", n.Roles(held), err)
	}
	if _, err := n.Authenticate(ctx, "cb", "mật khẩu", true); directory.CodeOf(err) != directory.Denied {
		t.Errorf("signs in: %v", err)
	}
}

// TestDisabledCitizen: the copy of an account in use is looked up again, without anybody waiting for it, and no more than once
// in ten minutes.
func TestDisabledCitizen(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c := p.citizen("anh")
	_, err := n.Authenticate(ctx, "anh", "mật khẩu 1", false)
	must(t, err)
	a := p.accounts["anh"]
	a.Disabled, a.Version = true, a.Version+1
	p.accounts["anh"] = a
	if held, err := n.Account(ctx, c.ID); err != nil || held.Disabled {
		t.Errorf("a page waited for the directory: %v", err)
	}
	n.Account(ctx, c.ID)
	if len(n.checks.due) != 1 {
		t.Fatalf("%d looked up", len(n.checks.due))
	}
	must(t, n.refreshAccount(ctx, <-n.checks.due))
	if held, err := n.Account(ctx, c.ID); err != nil || !held.Disabled {
		t.Errorf("still good: %+v %v", held.Disabled, err)
	}
	p.cut[xa] = true
	// What changed may have been the password: the old one opens nothing, with the line cut either.
	if _, err := n.Authenticate(ctx, "anh", "mật khẩu 1", false); directory.CodeOf(err) != directory.NoLeader {
		t.Errorf("signs in with the line cut: %v", err)
	}
	p.now = p.now.Add(2 * checkEvery)
	n.Account(ctx, c.ID)
	if len(n.checks.due) != 1 {
		t.Error("not looked up again later")
	}
}

// TestPasswordsStayHere: the directory tells the parameters of a verifier and hears what comes of them; a node without the
// password learns nothing.
func TestPasswordsStayHere(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[huyen]
	p.citizen("anh")
	if _, err := n.Authenticate(ctx, "anh", "sai", false); directory.CodeOf(err) != directory.Denied {
		t.Error(err)
	}
	if known, err := n.accountsHere("anh"); err != nil || known.copy.ID != "" || known.own.ID != "" {
		t.Errorf("a wrong password left a copy: %v %v", known, err)
	}
	a, err := n.Authenticate(ctx, "anh", "mật khẩu 1", false)
	if err != nil || a.Verifier == "" {
		t.Error(a, err)
	}
	a = p.accounts["anh"]
	a.Verifier, a.Version = "plain:mật khẩu mới", a.Version+1
	p.accounts["anh"] = a
	if _, err := n.Authenticate(ctx, "anh", "mật khẩu 1", false); directory.CodeOf(err) != directory.Denied {
		t.Errorf("the old password, with the line up: %v", err)
	}
}

// TestConflictsDoNotStarveOthers: accounts that the directory will never take do not stand before those that it will, and
// go on at this office.
func TestConflictsDoNotStarveOthers(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	p.cut[xa] = true
	register := func(login string) directory.Account {
		a, provisional, err := n.Register(ctx, Registration{
			Kind: directory.Citizen, Login: login, Password: "mật khẩu 2", Name: "Bình", Identity: "056199000002", Phone: "0901234568",
		})
		if err != nil || !provisional {
			t.Fatal(provisional, err)
		}
		return a
	}
	var taken directory.Account
	for i := range confirmBatch + 1 {
		login := fmt.Sprint("taken", i)
		taken = register(login)
		p.accounts[login] = directory.Account{ID: "other", Login: login, Verifier: "plain:x", Version: 1}
	}
	late := register("late")
	p.cut[xa] = false
	must(t, n.confirm(ctx), n.confirm(ctx), n.confirm(ctx))
	if got := p.accounts["late"]; got.ID != late.ID {
		t.Errorf("never confirmed: %+v", got)
	}
	if a, err := n.Authenticate(ctx, taken.Login, "mật khẩu 2", false); err != nil || a.ID != taken.ID {
		t.Errorf("the account of this office: %v %v", a, err)
	}
	must(t, n.Store.View(func(tx *store.Tx) error {
		left, err := tx.Provisional(10)
		if len(left) > 0 {
			t.Errorf("%d still wait", len(left))
		}
		return err
	}))
}

// started is a draft with its form filled in.
func (p *province) started(n *node, c Citizen) string {
	p.t.Helper()
	id, err := n.StartDraft(p.t.Context(), c, "1.001776", xa)
	must(p.t, err)
	_, err = n.SaveAnswers(p.t.Context(), c, id, url.Values{"reason": {"Người cao tuổi"}})
	must(p.t, err)
	return id
}

// meanwhile is a spool that lets something happen between signing and committing.
type meanwhile struct {
	Spool
	happens func()
}

func (m meanwhile) Pack(d spool.Draft, signer *record.Key, to *seal.PublicKey, body []byte, files []replication.File) (replication.Parcel, error) {
	m.happens()
	return m.Spool.Pack(d, signer, to, body, files)
}

// TestNothingIsLostWhileHandingIn: a paper that comes while its draft is handed in is not dropped unseen.
func TestNothingIsLostWhileHandingIn(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[bien]
	c := p.citizen("anh")
	id := p.started(n, c)
	real := n.Spool
	n.Spool = meanwhile{real, func() {
		n.Spool = real
		must(t, n.Attach(ctx, c, id, "form", Upload{"a.pdf", bytes.NewReader(pdf)}))
	}}
	if _, err := n.Submit(ctx, c, id, "vi"); directory.CodeOf(err) != directory.Conflict {
		t.Fatalf("handed in: %v", err)
	}
	if v, err := n.Draft(ctx, c, id); err != nil || len(v.Papers) != 1 {
		t.Errorf("%+v %v", v.Papers, err)
	}
	alias, err := n.Submit(ctx, c, id, "vi")
	must(t, err)
	if r, err := n.Receipt(ctx, c, alias); err != nil || len(r.Papers) != 1 {
		t.Errorf("%+v %v", r.Papers, err)
	}
	if ps := replicationtest.Waiting(t, n.Outbox(), "H32.22327", 9); len(ps) != 1 {
		t.Errorf("%d parcels", len(ps))
	}
}

// TestDraftsExpire: a draft that nobody touches goes with its papers; one in use stays.
func TestDraftsExpire(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c := p.citizen("anh")
	old := p.started(n, c)
	must(t, n.Attach(ctx, c, old, "form", Upload{"a.pdf", bytes.NewReader(pdf)}))
	v, err := n.Draft(ctx, c, old)
	must(t, err)
	paper := v.Papers[0].Blob
	p.now = p.now.Add(draftLife - time.Hour)
	used := p.started(n, c)
	n.sweepDrafts(ctx)
	if list, err := n.Drafts(ctx, c); err != nil || len(list) != 2 {
		t.Fatalf("before their time: %d %v", len(list), err)
	}
	p.now = p.now.Add(2 * time.Hour)
	n.sweepDrafts(ctx)
	list, err := n.Drafts(ctx, c)
	if err != nil || len(list) != 1 || list[0].ID != used {
		t.Errorf("%+v %v", list, err)
	}
	must(t, n.Store.View(func(tx *store.Tx) error {
		held, err := tx.BlobHeld(paper)
		if held {
			t.Error("its paper is kept")
		}
		return err
	}))
}

// TestDraftsAreBounded: the papers of one account's drafts have a bound in all.
func TestDraftsAreBounded(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c := p.citizen("anh")
	id := p.started(n, c)
	must(t, n.changeDraft(ctx, c, id, func(_ *store.Tx, d *draft) error {
		d.Papers = []dossier.Attachment{{Name: "lớn.pdf", Size: maxHeld, Requirement: "form"}}
		return nil
	}))
	other := p.started(n, c)
	if err := n.Attach(ctx, c, other, "form", Upload{"a.pdf", bytes.NewReader(pdf)}); directory.CodeOf(err) != directory.Exhausted {
		t.Errorf("over the bound: %v", err)
	}
	must(t, n.DeleteDraft(ctx, c, id), n.Attach(ctx, c, other, "form", Upload{"a.pdf", bytes.NewReader(pdf)}))
}
