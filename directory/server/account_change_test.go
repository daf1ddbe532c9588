package server_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/command"
	"motcua/directory/server"
)

// by is somebody who signed in at a node.
func (n *node) by(login, sum string) client.By {
	n.w.t.Helper()
	a, err := n.signIn(login, sum)
	if err != nil {
		n.w.t.Fatal(err)
	}
	return client.By{Account: a.ID, Verifier: a.Verifier}
}

func verifierOf(sum string) string { return "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + sum }

func grantOf(o directory.OfficeCode, r directory.Role) directory.Grant {
	return directory.Grant{Office: o, Role: r}
}

func fine[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAPersonChangesTheOwnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoOffices(t)
		ctx, changed := t.Context(), fine[[]directory.Account](t)
		by := a.by("nguyenvana", goodSum)
		stale := b.by("nguyenvana", goodSum)
		phone := "0905000002"
		if got := changed(a.EditAccount(ctx, by, command.Profile{Phone: &phone})); got[0].Phone != phone || got[0].Verifier == "" {
			t.Errorf("edited: %v", got)
		}
		if got := changed(a.ChangePassword(ctx, by, verifierOf("bmV3"))); got[0].Verifier != verifierOf("bmV3") || got[0].Since == 0 {
			t.Errorf("changed: %v", got)
		}
		_, err := b.ChangePassword(ctx, stale, verifierOf("bmV3ZXI"))
		denied(t, "an office that was shown the old password", directory.Denied, err)
		_, err = b.signIn("nguyenvana", goodSum)
		denied(t, "the old password", directory.Denied, err)
		by = b.by("nguyenvana", "bmV3")
		lines := fine[[]directory.Change](t)(b.History(ctx, by))
		if len(lines) != 3 || lines[0].Act != directory.ActPassword || lines[0].By.Office != commune || lines[2].Act != directory.ActMade {
			t.Errorf("history: %+v", lines)
		}
		_, err = b.History(ctx, stale)
		denied(t, "a history for the old password", directory.Denied, err)
		_, err = b.Disable(ctx, by, by.Account, "x")
		denied(t, "a citizen who disables", directory.Denied, err)
	})
}

func TestStaffAndTheirOffice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := twoOffices(t)
		ctx, changed := t.Context(), fine[[]directory.Account](t)
		w.staff("nam", grantOf(commune, directory.Signatory))
		w.staff("chief", grantOf(commune, directory.Admin))
		nam, chief := a.by("nam", goodSum), a.by("chief", goodSum)
		totp := directory.Factor{ID: "f", Kind: directory.TOTP, Label: "điện thoại", Secret: bytes.Repeat([]byte{7}, 20)}
		codes := []digest.Digest{directory.RecoveryHash(nam.Account, "A")}
		changed(a.AddFactor(ctx, nam, totp, codes))
		changed(a.UseRecovery(ctx, nam, codes[0]))
		changed(a.NewRecovery(ctx, nam, codes))
		d := directory.Delegation{ID: "d", From: nam.Account, To: "c-officer", Grant: grantOf(commune, directory.Signatory), Decision: "QĐ 12"}
		d.Grant.Valid = directory.Period{From: "1999-12-01", To: "2000-01-31"}
		if got := changed(a.Delegate(ctx, nam, d)); len(got) != 2 || len(got[1].Acting) != 1 || got[1].Verifier == "" {
			t.Errorf("delegated: %v", got)
		}
		roster := fine[client.Roster](t)(a.Roster(ctx, commune))
		for _, x := range roster.Accounts {
			if x.ID == nam.Account && (len(x.Factors) != 1 || x.Factors[0].Secret == nil || len(x.Given) != 1 || x.Recovery == nil) {
				t.Errorf("the own office has %+v", x.Factors)
			}
		}
		if len(roster.Policy.Needs) != 2 || len(roster.Accounts) != 3 {
			t.Errorf("roster of %d, policy %v", len(roster.Accounts), roster.Policy)
		}
		_, err := b.Roster(ctx, commune)
		denied(t, "the roster of another office", directory.Denied, err)
		self := fine[directory.Account](t)(a.AccountByID(ctx, nam.Account))
		if self.Factors[0].Secret != nil || self.Verifier != "" {
			t.Error("secrets are read by an id")
		}
		changed(a.EndDelegation(ctx, chief, nam.Account, "d", "về"))
		changed(a.RemoveFactor(ctx, nam, "f"))
		changed(a.ChangeGrants(ctx, chief, "c-officer", []directory.Grant{grantOf(commune, directory.Specialist)}, nil, "QĐ 1"))
		_, err = a.ChangeGrants(ctx, chief, chief.Account, []directory.Grant{grantOf(commune, directory.DeskOfficer)}, nil, "")
		denied(t, "an admin who grants itself", directory.Denied, err)
		changed(a.Disable(ctx, chief, "c-officer", "nghỉ"))
		_, err = a.EditAccount(ctx, client.By{Account: "c-officer", Verifier: verifierOf(goodSum)}, command.Profile{Phone: new(string)})
		denied(t, "somebody disabled", directory.Denied, err)
		changed(a.Enable(ctx, chief, "c-officer", "về"))
	})
}

func TestAResetCodeIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := twoOffices(t)
		ctx := t.Context()
		w.staff("chief", grantOf(commune, directory.Admin))
		chief := a.by("chief", goodSum)
		const code = "ABCD-EFGH-JKMN-PQRS"
		got := fine[[]directory.Account](t)(a.IssueReset(ctx, chief, "", "NguyenVanA", code, time.Now().Add(time.Hour).Unix()))
		if got[0].Verifier != "" || got[0].Name == "" {
			t.Errorf("the admin at the desk is given %v", got)
		}
		since := string(directory.DateOf(time.Now()))
		list := must[server.AccountList](w, "dir-2", http.MethodGet, "/accounts?resets=1&office="+string(commune)+"&since="+since, nil)
		if len(list.Resets) != 1 || list.Resets[0].Account != got[0].ID || list.Resets[0].By != chief.Account {
			t.Errorf("province IT has the list %+v", list.Resets)
		}
		_, err := b.Reset(ctx, "nguyenvana", client.Device{}, "ABCD-EFGH-JKMN-PQRT", verifierOf("bmV3"))
		denied(t, "a wrong code", directory.Denied, err)
		wrong := err.Error()
		_, err = b.Reset(ctx, "nobody", client.Device{}, code, verifierOf("bmV3"))
		if denied(t, "a login nobody has", directory.Denied, err); err.Error() != wrong {
			t.Errorf("a stranger learns which logins there are: %q, %q", err, wrong)
		}
		if _, err := b.Reset(ctx, "nguyenvana", client.Device{}, "abcd efgh jkmn pqrs", verifierOf("bmV3")); err != nil {
			t.Fatal(err)
		}
		_, err = b.Reset(ctx, "nguyenvana", client.Device{}, code, verifierOf("bmV3"))
		denied(t, "the code again", directory.Denied, err)
		stranger, owner := client.Device{Source: [16]byte{1}}, client.Device{Source: [16]byte{2}}
		for range 60 {
			_, err = b.Reset(ctx, "nguyenvana", stranger, "X", verifierOf("bmV4"))
		}
		denied(t, "sixty codes", directory.Exhausted, err)
		fine[[]directory.Account](t)(a.IssueReset(ctx, chief, "", "NguyenVanA", code, time.Now().Add(time.Hour).Unix()))
		if _, err := b.Reset(ctx, "nguyenvana", owner, code, verifierOf("b3du")); err != nil {
			t.Errorf("strangers keep the owner out: %v", err)
		}
		b.by("nguyenvana", "b3du")
	})
}

// olderAccount is an account as a node of before reads it: any other key is of a newer version.
type olderAccount struct {
	ID       string `cbor:"1,keyasint"`
	Login    string `cbor:"2,keyasint"`
	Kind     string `cbor:"3,keyasint"`
	Name     string `cbor:"4,keyasint"`
	Identity string `cbor:"5,keyasint,omitempty"`
	Phone    string `cbor:"6,keyasint,omitempty"`
	Email    string `cbor:"7,keyasint,omitempty"`
	Address  string `cbor:"8,keyasint,omitempty"`
	Verifier string `cbor:"9,keyasint"`
	Grants   []struct {
		Office string           `cbor:"1,keyasint"`
		Role   string           `cbor:"2,keyasint"`
		Valid  directory.Period `cbor:"3,keyasint"`
	} `cbor:"10,keyasint,omitempty"`
	Disabled bool   `cbor:"11,keyasint,omitempty"`
	Version  uint64 `cbor:"12,keyasint"`
}

func TestAnOlderNodeReadsWhatItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := twoOffices(t)
		limited := grantOf(commune, directory.Signatory)
		limited.Fields = []string{"land"}
		w.staff("nam", limited, grantOf(commune, directory.DeskOfficer))
		nam := a.by("nam", goodSum)
		_, err := a.AddFactor(t.Context(), nam, directory.Factor{ID: "f", Kind: directory.TOTP, Secret: make([]byte, 20)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		ask := func(op client.Op, body, out any) *directory.Error {
			b, err := wire.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			asked++
			r := a.askByHand(client.Request{Op: op, ID: command.RequestID{byte(asked), 77}, Body: b})
			if r.Failure == nil {
				if err := wire.Unmarshal(r.Body, out); err != nil {
					t.Errorf("an older node cannot read the answer to %d: %v", op, err)
				}
			}
			return r.Failure
		}
		var all []olderAccount
		var one olderAccount
		if f := ask(client.OpStaff, commune, &all); f != nil || len(all) != 2 {
			t.Errorf("staff: %v %v", all, f)
		}
		for _, x := range all {
			if x.ID == "c-nam" && (len(x.Grants) != 1 || x.Grants[0].Role != "desk") {
				t.Errorf("a node that knows no limits lets %v do all: %+v", x.Login, x.Grants)
			}
		}
		if f := ask(client.OpSelf, "c-nam", &one); f != nil || one.Verifier != "" {
			t.Errorf("by id: %v", f)
		}
		if f := ask(client.OpSignIn, client.SignIn{Login: "nam", Verifier: nam.Verifier}, &one); f != nil || one.Verifier == "" {
			t.Errorf("sign-in: %v", f)
		}
		c := citizen("binh")
		c.Identity = "056090000001" // nguyenvana's
		if f := ask(client.OpRegister, c, &one); f == nil || f.Code != directory.Conflict {
			t.Errorf("a known number: %v, want a conflict, which it knows", f)
		}
		one = olderAccount{}
		c.Identity, c.Email, c.Phone = "", "not an address", "0905.000.111"
		if f := ask(client.OpRegister, c, &one); f != nil || one.Phone != "0905000111" || one.Email != "" {
			t.Errorf("a registration: %+v %v", one, f)
		}
	})
}

// logBook keeps all that a program logs.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything written so far. Gossip may still write while its last goroutines end.
func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logger logs everything, also what is for debugging.
func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// planted are particulars that must be in no log.
var planted = []string{
	"plantedlogin", "plantedlogin2", "Trần Thị Kín", "056090777777", "0905777777", "kin@planted.vn", "12 Đường Kín", "JKMNPQRSTVWXYZ23",
	"JKMN-PQRS-TVWX-YZ23", "cGxhbnRlZA", "khoá kín", "lý do kín",
}

// TestNothingInLogsIdentifiesAPerson makes every operation on accounts, right and wrong, and looks through all that the servers
// and the client log.
func TestNothingInLogsIdentifiesAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book logBook
		w := newWorld(t, addrOf)
		w.log = book.logger()
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a, _ := w.join(commune, 1), w.join(other, 2)
		a.LogTo(book.logger())
		everyOperation(t, w, a)
		w.stopAll()
		text := book.String()
		if strings.Count(text, "account=") < 20 {
			t.Errorf("the log says little of accounts: this test reads the wrong one:\n%.2000s", text)
		}
		for _, p := range planted {
			if i := strings.Index(strings.ToLower(text), strings.ToLower(p)); i >= 0 {
				t.Errorf("%q is in the log: …%s…", p, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	})
}

// everyOperation goes through what offices and province IT may do with accounts, and through refusals of each.
func everyOperation(t *testing.T, w *world, a *node) {
	ctx := t.Context()
	c := citizen("plantedlogin")
	c.ID, c.Name, c.Identity, c.Phone, c.Email, c.Address = "c-p", planted[2], planted[3], planted[4], planted[5], planted[6]
	c.Verifier = verifierOf("cGxhbnRlZA")
	fine[directory.Account](t)(a.Register(ctx, c))
	again := c
	again.ID = "c-q"
	if _, err := a.Register(ctx, again); directory.CodeOf(err) != directory.Conflict {
		t.Error(err)
	}
	again.Login = "another"
	if _, err := a.Register(ctx, again); directory.CodeOf(err) != directory.Known {
		t.Error(err)
	}
	w.staff("chief", grantOf(commune, directory.Admin))
	w.staff("nam", grantOf(commune, directory.Signatory))
	p, chief, nam := a.by("plantedlogin", "cGxhbnRlZA"), a.by("chief", goodSum), a.by("nam", goodSum)
	for range 30 {
		a.signIn("plantedlogin", "YmFk")
	}
	login, phone := "plantedlogin2", planted[4]
	bad := "x kin@planted.vn"
	calls := []func() (any, error){
		func() (any, error) { return a.EditAccount(ctx, p, command.Profile{Login: &login, Phone: &phone}) },
		func() (any, error) { return a.EditAccount(ctx, p, command.Profile{Email: &bad}) },
		func() (any, error) { return a.EditAccount(ctx, nam, command.Profile{Login: &login}) },
		func() (any, error) { return a.ChangePassword(ctx, p, verifierOf("cGxhbnRlZA")) },
		func() (any, error) {
			return a.ChangePassword(ctx, client.By{Account: "c-p", Verifier: "plantedlogin"}, verifierOf("x"))
		},
		func() (any, error) {
			return a.AddFactor(ctx, nam, directory.Factor{ID: "f", Kind: directory.TOTP, Label: "khoá kín", Secret: []byte("JKMNPQRSTVWXYZ23")}, nil)
		},
		func() (any, error) { return a.RemoveFactor(ctx, nam, "f") },
		func() (any, error) { return a.Disable(ctx, chief, nam.Account, "lý do kín") },
		func() (any, error) { return a.Enable(ctx, chief, nam.Account, "lý do kín") },
		func() (any, error) { return a.Disable(ctx, chief, p.Account, "lý do kín") },
		func() (any, error) {
			return a.IssueReset(ctx, chief, "", "plantedlogin2", "JKMN-PQRS-TVWX-YZ23", time.Now().Add(time.Hour).Unix())
		},
		func() (any, error) {
			return a.Reset(ctx, "plantedlogin2", client.Device{}, "JKMN-PQRS-TVWX-YZ99", verifierOf("cGxhbnRlZA"))
		},
		func() (any, error) {
			return a.Reset(ctx, "plantedlogin2", client.Device{}, "JKMN-PQRS-TVWX-YZ23", verifierOf("cGxhbnRlZA"))
		},
		func() (any, error) { return a.AccountByID(ctx, p.Account) },
		func() (any, error) { return a.History(ctx, p) },
		func() (any, error) { return a.Staff(ctx, commune) },
	}
	for _, call := range calls {
		call() // some are refused, which is logged too
	}
	byProvince(w)
}

// byProvince goes through the admin handler.
func byProvince(w *world) {
	w.t.Helper()
	post := func(path string, q any) {
		admin[any](w, "dir-2", http.MethodPost, path, q)
	}
	name := "Trần Thị Kín"
	for _, who := range []string{"plantedlogin2", "056090777777", "nobody Trần Thị Kín"} {
		admin[any](w, "dir-2", http.MethodGet, "/account?who="+url.QueryEscape(who), nil)
		admin[any](w, "dir-2", http.MethodGet, "/account/history?who="+url.QueryEscape(who), nil)
		post("/account/edit", server.EditRequest{Who: who, Profile: command.Profile{Name: &name}})
		post("/account/close", server.CloseRequest{Who: who, Reason: "lý do kín"})
		post("/account/close", server.CloseRequest{Who: who, Open: true, Reason: "lý do kín"})
		post("/account/reset", server.ResetRequest{Who: who})
		post("/account/merge", server.MergeRequest{Survivor: who, Merged: "nam", Reason: "lý do kín"})
		post("/account/factor/remove", server.FactorRequest{Who: who, Factor: "khoá kín"})
		post("/account/grants", server.GrantsRequest{Who: who, Add: []directory.Grant{grantOf(commune, directory.DeskOfficer)}, Reason: "lý do kín"})
		post("/account/delegate", server.DelegateRequest{From: who, To: "nam", Grant: grantOf(commune, directory.Signatory), Decision: "lý do kín"})
	}
}

func TestProvinceITKeepsAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, _ := twoOffices(t)
		w.staff("nam", grantOf(commune, directory.Signatory))
		fine[directory.Account](t)(a.Register(t.Context(), citizen("twice")))
		post := func(path string, q any) directory.Account {
			t.Helper()
			return must[directory.Account](w, "dir-2", http.MethodPost, path, q)
		}
		login := " Nam.Moi "
		post("/account/edit", server.EditRequest{Who: "nam", Profile: command.Profile{Login: &login}})
		limited := directory.Grant{Office: commune, Role: directory.Specialist, Fields: []string{"land"}}
		if got := post("/account/grants", server.GrantsRequest{Who: "nam.moi", Add: []directory.Grant{limited}}); len(got.Grants) != 2 {
			t.Errorf("grants: %v", got.Grants)
		}
		g := grantOf(commune, directory.Signatory)
		g.Valid = directory.Period{From: "2000-01-01", To: "2000-01-31"}
		d := post("/account/delegate", server.DelegateRequest{From: "nam.moi", To: "officer", Grant: g, Decision: "QĐ"})
		if got := post("/account/delegate", server.DelegateRequest{From: "nam.moi", ID: d.Given[0].ID, End: "về"}); len(got.Given) != 0 {
			t.Errorf("delegations: %v", got.Given)
		}
		r := must[server.ResetAnswer](w, "dir-2", http.MethodPost, "/account/reset", server.ResetRequest{Who: "056090000001", Hours: 2})
		if _, err := a.Reset(t.Context(), "nguyenvana", client.Device{}, r.Code, verifierOf("bmV3")); err != nil {
			t.Errorf("with the code of province IT: %v", err)
		}
		if got := post("/account/merge", server.MergeRequest{Survivor: "nguyenvana", Merged: "twice", Reason: "hai lần"}); len(got.Former) != 1 {
			t.Errorf("merged: %v", got.Former)
		}
		list := must[server.AccountList](w, "dir-2", http.MethodGet, "/accounts?office="+string(commune), nil)
		lines := must[[]directory.Change](w, "dir-2", http.MethodGet, "/account/history?who=nam.moi", nil)
		if len(list.Accounts) != 2 || len(lines) != 5 || !lines[0].By.Province() {
			t.Errorf("%d accounts, history %+v", len(list.Accounts), lines)
		}
		p := directory.FactorPolicy{Needs: []directory.FactorNeed{{Role: directory.Signatory, From: "2000-02-01"}}}
		if got := must[directory.FactorPolicy](w, "dir-2", http.MethodPost, "/account/policy", p); fmt.Sprint(got) != fmt.Sprint(p) {
			t.Errorf("policy %v", got)
		}
		if _, status, said := admin[any](w, "dir-2", http.MethodPost, "/account/close", server.CloseRequest{Who: "nam.moi"}); status != http.StatusBadRequest {
			t.Errorf("no reason: %d %s", status, said)
		}
		if _, status, _ := admin[any](w, "dir-2", http.MethodGet, "/account?who=nobody", nil); status != http.StatusNotFound {
			t.Errorf("nobody: %d", status)
		}
	})
}

// TestPeopleRegisterWhileServersAreUpgraded: with a server that has not said what it understands nothing new is proposed, and people go
// on registering; once all are upgraded, accounts of before are held against.
func TestPeopleRegisterWhileServersAreUpgraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.genesis.Level = 0
		w.virtual = true
		for _, name := range names[:2] {
			w.start(name, w.net.Listen(addrOf(name)))
		}
		w.ready("dir-1")
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a := w.join(commune, 1)
		person := func(login string) directory.Account {
			c := citizen(login)
			c.Identity = "056090000001"
			return c
		}
		for _, login := range []string{"first", "second"} {
			if got, err := a.Register(t.Context(), person(login)); err != nil || got.Version != 1 {
				t.Fatalf("%s: %v %v", login, got, err)
			}
		}
		w.staff("officer", grantOf(commune, directory.DeskOfficer))
		_, err := a.ChangePassword(t.Context(), a.by("first", goodSum), verifierOf("bmV3"))
		denied(t, "what is new, before all are upgraded", directory.Conflict, err)
		w.start("dir-3", w.net.Listen(addrOf("dir-3")))
		w.ready("dir-3")
		time.Sleep(time.Minute)
		_, err = a.Register(t.Context(), person("third"))
		denied(t, "a third account of one number", directory.Known, err)
		if got := must[server.AccountList](w, "dir-1", http.MethodGet, "/accounts?twins=1", nil); len(got.Twins) != 1 {
			t.Errorf("accounts to be merged: %v", got.Twins)
		}
		if _, err := a.ChangePassword(t.Context(), a.by("first", goodSum), verifierOf("bmV3")); err != nil {
			t.Error(err)
		}
	})
}
