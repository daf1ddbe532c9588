package web

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"motcua/directory"
	"motcua/node/session"
)

// forged is a browser at one office's pages with a session that another's key has signed.
func (n *node) forged(t *testing.T, signer *node, a directory.Account, cookie string) *browser {
	t.Helper()
	token, err := session.Issue(signer.id, signer.code, a, n.p.clock())
	must(t, err)
	jar, err := cookiejar.New(nil)
	must(t, err)
	u, err := url.Parse(n.url)
	must(t, err)
	jar.SetCookies(u, []*http.Cookie{{Name: cookie, Value: token, Path: "/"}})
	return &browser{t: t, base: n.url, client: &http.Client{Jar: jar}}
}

// TestADeskTrustsItsOwnKeyAlone: another office that signs a session in the name of this one's officer gets no further than
// the sign-in page; the officer's own session works.
func TestADeskTrustsItsOwnKeyAlone(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	here := p.nodes[commune]
	code := file(t, here.registered(t, "hai"), "")
	officer := directory.Account{ID: "id-xa", Kind: directory.Staff, Name: "Cán bộ xa"}
	cookie := "motcua-desk-" + string(commune)
	for _, path := range []string{"/vi/desk", "/vi/desk/submissions/" + code, "/vi/desk/list", "/vi/desk/outbox"} {
		evil := here.forged(t, p.nodes[island], officer, cookie).get(path)
		if !strings.HasPrefix(evil.path, "/vi/desk/sign-in") || strings.Contains(evil.body, "056185000123") {
			t.Errorf("%s is open to a session that another office signed: %s", path, evil.path)
		}
	}
	here.officer(t, "xa") // this node knows the account from now on
	if own := here.forged(t, here, officer, cookie).get("/vi/desk"); own.path != "/vi/desk" {
		t.Errorf("its own session leads to %s", own.path)
	}
	if evil := here.forged(t, p.nodes[island], officer, cookie).get("/vi/desk"); !strings.HasPrefix(evil.path, "/vi/desk/sign-in") {
		t.Errorf("a forged session of a known officer leads to %s", evil.path)
	}
}

// TestRegisteringIsNoWayToGuess: who registers a login that is taken is answered like who signs in, at the same pace.
func TestRegisteringIsNoWayToGuess(t *testing.T) {
	p := newProvince(t)
	n := p.nodes[commune]
	n.registered(t, "hai")
	b := n.browser(t)
	try := func(guess string) *browser {
		b.get("/vi/register")
		return b.fill("/register", "name", "Kẻ Gian", "identity", "056185000123", "phone", "0905123456", "login", "hai", "password", guess)
	}
	for range 5 {
		try("sai mật khẩu này").says("đã có người dùng")
	}
	try(password).says("Quá nhiều lần thử")
	b.get("/vi/sign-in").fill("/sign-in", "login", "hai", "password", password).says("Quá nhiều lần thử")
	if b.get("/vi/dossiers"); !strings.HasPrefix(b.path, "/vi/sign-in") {
		t.Errorf("signed in after all: %s", b.path)
	}
}

// TestAccountsComeAtAPace: one address does not fill the directory with accounts.
func TestAccountsComeAtAPace(t *testing.T) {
	p := newProvince(t)
	b := p.nodes[commune].browser(t)
	var refused *browser
	for i := range 40 {
		b.get("/vi/register")
		b.fill("/register", "name", "Kẻ Gian", "identity", "056185000123", "phone", "0905123456", "login", fmt.Sprintf("ke.gian.%d", i), "password", password)
		if b.status != http.StatusOK {
			refused = b.says("Quá nhiều lần thử")
			break
		}
	}
	if refused == nil || len(p.accounts) > 35 {
		t.Errorf("%d accounts from one address", len(p.accounts))
	}
}

// TestNamesStayOutOfAddresses: an officer who looks for a person finds the dossier; the name is in no address, also where the
// session has ended meanwhile, and the result is the officer's own.
func TestNamesStayOutOfAddresses(t *testing.T) {
	p := newProvince(t)
	p.staff("xa", commune)
	p.staff("ba", commune)
	code := file(t, p.nodes[commune].registered(t, "hai"), "")
	xa := p.nodes[commune].officer(t, "xa").get("/vi/desk/list?view=new")
	xa.fill("/desk/list", "q", "văn hải").sees(code)
	found := xa.path
	if !strings.Contains(found, "view=new") || strings.Contains(found, "q=") || xa.get(found).sees(code).form("/desk/list").values.Get("q") != "văn hải" {
		t.Errorf("found at %s", found)
	}
	if xa.fill("/desk/list", "q", "nguyễn thị khác"); strings.Contains(xa.body, code) {
		t.Error("somebody else is found")
	}
	if xa.fill("/desk/list", "q", ""); strings.Contains(xa.path, "find") || !strings.Contains(xa.body, code) {
		t.Errorf("looking for nothing leads to %s", xa.path)
	}
	ba := p.nodes[commune].officer(t, "ba")
	if ba.get(found).form("/desk/list").values.Get("q") != "" {
		t.Error("another officer is shown what the first looked for")
	}
	f := xa.form("/desk/list")
	xa.client.Jar, _ = cookiejar.New(nil)
	if xa.send(f, "", nil, "q", "văn hải"); !strings.HasPrefix(xa.path, "/vi/desk/sign-in") || strings.Contains(xa.path, "h%E1%BA%A3i") {
		t.Errorf("without a session the search leads to %s", xa.path)
	}
}
