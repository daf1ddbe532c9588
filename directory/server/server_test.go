package server_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/directory/server"
	"motcua/replication/link"
	"motcua/replication/replicationtest"
)

func TestAProvinceIsFoundedPublishedAndServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.net.SetWeather(replicationtest.Weather{Loss: 0.05, Duplicate: 0.05, Latency: 3 * time.Millisecond, Jitter: 5 * time.Millisecond})
		w.startAll()
		if p := must[server.Published](w, "dir-2", http.MethodPost, "/publish", publication()); p.Changed != 4 {
			t.Errorf("publication changed %d rows, want 4", p.Changed)
		}
		if p := must[server.Published](w, "dir-3", http.MethodPost, "/publish", publication()); p.Changed != 0 {
			t.Errorf("the same publication changed %d rows", p.Changed)
		}
		a, b := w.join(commune, 1), w.join(other, 2)
		w.editionsAgree(b.replica.Number())
		if _, ok := b.replica.Node(commune); !ok {
			t.Error("the later node does not know the earlier one")
		}
		a.catchUp(b.replica.Number())
		if _, ok := a.replica.Node(other); !ok {
			t.Error("the earlier node does not learn of the later one")
		}
		accounts(t, a, b)
		tracks(t, a, b)
		w.stopAll()
		w.startAll()
		if acc, err := b.signIn("nguyenvana", goodSum); err != nil || acc.Version != 1 {
			t.Errorf("after a restart of all servers: account %v, %v", acc, err)
		}
	})
}

// editionsAgree checks that all servers hand out the same body of an edition, and that a majority has signed it.
func (w *world) editionsAgree(number uint64) {
	w.t.Helper()
	var first []byte
	for _, name := range names {
		var s edition.Signed
		for range 100 {
			_, status, said := admin[struct{}](w, name, http.MethodGet, "/edition", nil)
			if status == http.StatusOK {
				var err error
				if s, err = edition.Read([]byte(said)); err != nil {
					w.t.Fatal(err)
				}
				if e, err := s.Verify(edition.Trust{Genesis: w.genesis.Digest(), Members: w.genesis.Members}); err == nil && e.Number >= number {
					break
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		if first == nil {
			first = s.Body
		}
		if !bytes.Equal(first, s.Body) {
			w.t.Errorf("%s has another body of edition %d", name, number)
		}
	}
}

func accounts(t *testing.T, a, b *node) {
	t.Helper()
	ctx := t.Context()
	made, err := a.Register(ctx, citizen("nguyenvana"))
	if err != nil || made.Version != 1 {
		t.Fatalf("register: %v, %v", made, err)
	}
	if again, err := b.Register(ctx, citizen("nguyenvana")); err != nil || again.Version != 1 {
		t.Errorf("the same account again: %v, %v", again, err)
	}
	taken := citizen("nguyenvana")
	taken.ID = "somebody-else"
	if _, err := b.Register(ctx, taken); directory.CodeOf(err) != directory.Conflict {
		t.Errorf("a taken login: %v, want a conflict", err)
	}
	if got, err := a.signIn(" NguyenVanA ", goodSum); err != nil || got.Verifier == "" {
		t.Errorf("account: %v, %v", got, err)
	}
	officer := citizen("officer")
	officer.Kind, officer.Grants = directory.Staff, []directory.Grant{{Office: commune, Role: directory.DeskOfficer}}
	if _, err := a.Register(ctx, officer); directory.CodeOf(err) != directory.Invalid {
		t.Errorf("somebody registers as staff: %v", err)
	}
	must[directory.Account](a.w, "dir-1", http.MethodPost, "/account", server.AccountRequest{Account: officer, Verifier: officer.Verifier})
	if _, err := b.Staff(ctx, commune); directory.CodeOf(err) != directory.Denied {
		t.Errorf("the staff of another office: %v, want denied", err)
	}
	for range 100 { // the account was made at one server and is read at another
		if staff, err := a.Staff(ctx, commune); err != nil || len(staff) == 1 && staff[0].Login == "officer" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the office does not see its staff")
}

func tracks(t *testing.T, a, b *node) {
	t.Helper()
	ctx := t.Context()
	submission := directory.Track{
		Code: "N4K7-Q2MX-8RTD", Holder: commune, State: "submitted", AsOf: 1, Applicant: "c-nguyenvana",
		Checks: []digest.Digest{directory.TrackCheck("N4K7-Q2MX-8RTD", "1234")},
	}
	dossier := directory.Track{
		Code: "H32.22327-261124-0001", Alias: submission.Code, Root: commune, Holder: commune, State: "accepted", AsOf: 2,
		Applicant: "c-nguyenvana", Checks: submission.Checks,
	}
	if err := b.Report(ctx, []directory.Track{submission}); err != nil {
		t.Fatal(err)
	}
	if err := a.Report(ctx, []directory.Track{dossier}); err != nil {
		t.Fatal(err)
	}
	stolen := dossier
	stolen.Root, stolen.State, stolen.AsOf = other, "returned", 9
	if err := b.Report(ctx, []directory.Track{stolen}); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{submission.Code, dossier.Code} {
		got, err := a.Lookup(ctx, code)
		if err != nil || got.Code != dossier.Code || got.State != "accepted" || len(got.Checks) != 0 || got.Applicant != "" {
			t.Errorf("lookup %s: %+v, %v", code, got, err)
		}
	}
	if mine, err := b.Mine(ctx, "c-nguyenvana"); err != nil || len(mine) != 1 || mine[0].Code != dossier.Code {
		t.Errorf("mine: %+v, %v", mine, err)
	}
	if ok, err := b.Prove(ctx, submission.Code, "1234"); err != nil || !ok {
		t.Errorf("prove: %v, %v", ok, err)
	}
	var err error
	for range 40 {
		if _, err = b.Prove(ctx, submission.Code, "9999"); err != nil {
			break
		}
	}
	if directory.CodeOf(err) != directory.Exhausted {
		t.Errorf("forty guesses: %v, want exhausted", err)
	}
}

func TestATokenIsGoodOnceForOneOfficeForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		token, id := w.token(commune, 1), newIdentity(t)
		first, err := w.apply(token, id, "10.0.1.1:7400")
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.apply(token, id, "10.0.1.1:7400")
		if err != nil || first.Genesis.Digest() != again.Genesis.Digest() {
			t.Errorf("the same machine again, as after a lost answer: %v", err)
		}
		denied := func(what string, tok directory.Token) {
			t.Helper()
			if _, err := w.apply(tok, newIdentity(t), "10.0.1.2:7400"); directory.CodeOf(err) != directory.Denied {
				t.Errorf("%s: %v, want denied", what, err)
			}
		}
		denied("a used token", token)
		wrong := w.token(commune, 1)
		wrong.Secret[0]++
		denied("a wrong secret", wrong)
		stolen := w.token(commune, 1)
		stolen.Office = other
		denied("a token for another office", stolen)
		foreign := w.token(commune, 1)
		foreign.Genesis[0]++
		denied("a token of another province", foreign)
		late := w.token(commune, 1)
		w.ahead.Store(int64(61 * time.Minute))
		denied("an expired token", late)
		impostor := w.token(commune, 1)
		impostor.Servers = impostor.Servers[:1]
		impostor.Servers[0].TLSID[0]++
		if _, err := w.apply(impostor, newIdentity(t), "10.0.1.3:7400"); !errors.Is(err, link.ErrImpostor) {
			t.Errorf("a server with another key than the token's: %v", err)
		}
		if _, err := w.apply(w.token(other, 1), id, "10.0.1.1:7400"); directory.CodeOf(err) != directory.Conflict {
			t.Errorf("one machine for two offices: %v, want a conflict", err)
		}
	})
}

// TestAnApplicantShowsThatTheKeysAreItsOwn applies by hand, as a machine that holds a good token and lies about its keys.
func TestAnApplicantShowsThatTheKeysAreItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		token, mine, theirs := w.token(commune, 1), newIdentity(t), newIdentity(t)
		mixed := mine.Public()
		mixed.Sign = theirs.Public().Sign
		for what, a := range map[string]struct {
			claims identity.Public
			signs  *identity.Private
			secret [16]byte
		}{
			"the TLS key of another":       {theirs.Public(), theirs, token.Secret},
			"the signing key of another":   {mixed, mine, token.Secret},
			"a token it knows the hash of": {mine.Public(), mine, [16]byte{}},
		} {
			if r := w.applyByHand(token, mine, a.claims, a.signs, a.secret); r.Failure == nil || r.Failure.Code != directory.Denied {
				t.Errorf("it claims %s: %v, want denied", what, r.Failure)
			}
		}
		if r := w.applyByHand(token, mine, mine.Public(), mine, token.Secret); r.Failure != nil {
			t.Errorf("it tells the truth: %v", r.Failure)
		}
	})
}

func TestARevokedNodeIsShownOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, addrOf)
		w.startAll()
		must[server.Published](w, "dir-1", http.MethodPost, "/publish", publication())
		a, b := w.join(commune, 1), w.join(other, 2)
		if _, err := a.Register(t.Context(), citizen("before")); err != nil {
			t.Fatal(err)
		}
		n := must[server.NodeStatus](w, "dir-2", http.MethodPost, "/revoke", server.RevokeRequest{Office: commune, Reason: "stolen"})
		if n.Revoked == nil {
			t.Error("revoked, but not so marked")
		}
		time.Sleep(time.Second)
		if left := a.link.Connected(); len(left) > 0 {
			t.Errorf("a revoked node is still connected to %v", left)
		}
		if _, err := a.Register(t.Context(), citizen("after")); err == nil {
			t.Error("a revoked node still registers accounts")
		}
		b.catchUp(b.replica.Number() + 1)
		if p, err := b.replica.Resolve("H32.22327"); err != nil || p.Revoked.IsZero() {
			t.Errorf("the other node is not told: %+v, %v", p, err)
		}
		c := w.join(commune, 3)
		if p, err := c.replica.Identify(tlsIDOf(a)); err != nil || p.Revoked.IsZero() {
			t.Errorf("the old key is forgotten: %+v, %v", p, err)
		}
		if p, err := c.replica.Resolve("H32.22327"); err != nil || !p.Revoked.IsZero() {
			t.Errorf("the new machine is not the office's: %+v, %v", p, err)
		}
	})
}

// TestServersAreReadyWithinASecond runs in real time, over real sockets.
func TestServersAreReadyWithinASecond(t *testing.T) {
	conns, addrs := map[string]net.PacketConn{}, map[string]string{}
	for _, name := range names {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		conns[name], addrs[name] = c, c.LocalAddr().String()
	}
	w := newWorld(t, func(name string) string { return addrs[name] })
	start := time.Now()
	for _, name := range names {
		w.start(name, conns[name])
	}
	for _, name := range names {
		w.ready(name)
	}
	took := time.Since(start)
	t.Logf("three fresh servers were ready after %v", took)
	if took > 5*time.Second { // one second on a machine that does nothing else
		t.Errorf("three fresh servers took %v to be ready", took)
	}
}

func TestAServerSaysWhyItDoesNotStart(t *testing.T) {
	refuse := func(what, word string, cfg server.Config) {
		t.Helper()
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Conn = conn
		_, err = server.New(cfg)
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v; want an error with %q", what, err, word)
		}
		if _, err := conn.WriteTo([]byte("x"), conn.LocalAddr()); err == nil {
			t.Errorf("%s: the socket was left open", what)
		}
	}
	w := newWorld(t, func(name string) string { return "127.0.0.1:1" + name[4:] })
	good := server.Config{Dir: w.dirs["dir-1"], Genesis: w.genesis, Identity: w.ids["dir-1"]}

	stranger := good
	stranger.Identity = newIdentity(t)
	refuse("an identity that is no member", "none of the genesis' members", stranger)

	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.start("dir-1", conn)
	refuse("a folder in use", "another process", good)
	w.stop("dir-1")

	foreign := good
	foreign.Genesis.Created++
	refuse("a folder of another genesis", "another genesis", foreign)

	newer := good
	newer.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(newer.Dir, "VERSION"), []byte("motcua directory server 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("a folder of a newer format", "install the version that wrote it", newer)
}
