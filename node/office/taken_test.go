package office

import (
	"testing"

	"motcua/directory"
)

// registered registers a citizen at an office whose line is cut.
func (n *node) registered(login, password string) Citizen {
	n.p.t.Helper()
	a, provisional, err := n.Register(n.p.t.Context(), Registration{
		Kind: directory.Citizen, Login: login, Password: password, Name: "Lê Văn Bình", Identity: "056199000002", Phone: "0901234568",
	})
	if err != nil || !provisional {
		n.p.t.Fatal(provisional, err)
	}
	return Citizen{a, n.Code}
}

// TestTakenLogin: who registered with the line cut under a login that is another's is not locked out when the line is back: the
// password tells who signs in, with the line up and cut, and what was handed in stays theirs.
func TestTakenLogin(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	other := p.citizen("anh")
	p.cut[xa] = true
	c := n.registered("anh", "mật khẩu 2")
	alias := p.submit(xa, c)
	if n.Conflicted(ctx, c.ID) {
		t.Error("a conflict before the directory was asked")
	}
	p.cut[xa] = false
	p.report()
	if !n.Conflicted(ctx, c.ID) || n.Conflicted(ctx, other.ID) || n.Conflicted(ctx, "nobody") {
		t.Error("the wrong accounts are in conflict")
	}
	for _, v := range []struct {
		password string
		cut      bool
		want     directory.AccountID
	}{
		{"mật khẩu 1", false, other.ID}, // which moves the login to the directory's account
		{"mật khẩu 2", false, c.ID}, {"mật khẩu 2", true, c.ID}, {"mật khẩu 1", true, other.ID}, {"mật khẩu 3", false, ""}, {"mật khẩu 3", true, ""},
	} {
		p.cut[xa] = v.cut
		a, err := n.Authenticate(ctx, "Anh", v.password, false)
		if a.ID != v.want || (err == nil) != (v.want != "") || err != nil && directory.CodeOf(err) != directory.Denied {
			t.Errorf("%q, cut %v: %q %v, want %q", v.password, v.cut, a.ID, err, v.want)
		}
		if _, err := n.Authenticate(ctx, "anh", v.password, true); directory.CodeOf(err) != directory.Denied {
			t.Errorf("%q, cut %v, at the desk's door: %v", v.password, v.cut, err)
		}
	}
	p.cut[xa] = false
	a, err := n.Account(ctx, c.ID)
	must(t, err)
	list, _, err := n.MyDossiers(ctx, Citizen{a, xa})
	if err != nil || len(list) != 1 || list[0].Alias != alias {
		t.Errorf("dossiers: %+v %v", list, err)
	}
	if _, err := n.Receipt(ctx, Citizen{a, xa}, alias); err != nil {
		t.Error(err)
	}
}

// TestNotWrongWhereNobodyCanTell: with the line cut, staff whose login a citizen has taken here are not told that their password
// is wrong.
func TestNotWrongWhereNobodyCanTell(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	p.staff("canbo", xa, directory.DeskOfficer)
	p.cut[xa] = true
	c := n.registered("canbo", "mật khẩu 2")
	if _, err := n.Authenticate(ctx, "canbo", "mật khẩu", true); directory.CodeOf(err) != directory.NoLeader {
		t.Errorf("with the line cut: %v", err)
	}
	p.cut[xa] = false
	p.report()
	if _, err := n.Authenticate(ctx, "canbo", "mật khẩu", true); err != nil {
		t.Errorf("with the line up: %v", err)
	}
	if _, err := n.Authenticate(ctx, "canbo", "mật khẩu 2", true); directory.CodeOf(err) != directory.Denied {
		t.Errorf("a citizen at the desk's door: %v", err)
	}
	if a, err := n.Authenticate(ctx, "canbo", "mật khẩu 2", false); err != nil || a.ID != c.ID {
		t.Errorf("the citizen: %v %v", a, err)
	}
}
