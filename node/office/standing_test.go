package office

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/session"
)

func TestStandingFormat(t *testing.T) {
	b, err := wire.Marshal(standing{
		Version: 1, Since: 1, SignIns: []signIn{{[8]byte{1}, 2, 3, "Firefox", "10.0.0.1", true}}, Steps: map[string]int64{"f": 4},
		Counts: map[string]uint32{"k": 5}, Used: []digest.Digest{digest.Of([]byte("code"))}, Last: map[string]int64{"f": 6},
	})
	must(t, err)
	golden.Check(t, "standing", b)
}

// TestFactorsAreGoodOnce: whoever comes at once with the same code, one is let in; a power cut does not make it good again. A
// copied key and a used recovery code prove nothing.
func TestFactorsAreGoodOnce(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	secret := session.NewSecret()
	codes, hashes := session.NewRecovery("id-cb")
	a := p.staff("cb", xa, directory.DeskOfficer)
	a.Factors = []directory.Factor{
		{ID: "f1", Kind: directory.TOTP, Secret: secret, Label: "Điện thoại"},
		{ID: "k1", Kind: directory.WebAuthn, Credential: []byte("c"), PublicKey: []byte("p"), RP: "xa", SignCount: 7},
	}
	a.Recovery = hashes
	code, err := totp.GenerateCode(strings.ReplaceAll(session.SecretText(secret), " ", ""), p.now)
	must(t, err)
	var let atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if ok, err := n.ShowCode(ctx, a, code); ok && err == nil {
				let.Add(1)
			}
		})
	}
	group.Wait()
	if let.Load() != 1 {
		t.Errorf("%d were let in with one code", let.Load())
	}
	for count, want := range map[uint32]bool{7: false, 6: false, 0: false} {
		if ok, err := n.ShowKey(ctx, a, "k1", count); err != nil || ok != want {
			t.Errorf("count %d: %t, %v", count, ok, err)
		}
	}
	if ok, _ := n.ShowKey(ctx, a, "k1", 8); !ok {
		t.Error("the key itself was refused")
	}
	if ok, _ := n.ShowKey(ctx, a, "f1", 9); ok {
		t.Error("an authenticator passed for a key")
	}
	if ok, _ := n.ShowRecovery(ctx, a, codes[0]); !ok {
		t.Error("a recovery code was refused")
	}
	n.close()
	n.open(xa)
	if ok, _ := n.ShowCode(ctx, a, code); ok {
		t.Error("a code is good again after a power cut")
	}
	if ok, _ := n.ShowKey(ctx, a, "k1", 8); ok {
		t.Error("a count is forgotten")
	}
	if ok, _ := n.ShowRecovery(ctx, a, codes[0]); ok {
		t.Error("a recovery code is good again")
	}
	views, left, err := n.Factors(a)
	if err != nil || left != session.RecoveryCodes-1 || len(views) != 2 || views[0].Used.IsZero() {
		t.Errorf("%+v, %d left, %v", views, left, err)
	}
}

// TestSessionsEnd: one by one, all of them, and with a change of the password.
func TestSessionsEnd(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	a := directory.Account{ID: "a1"}
	in := func(nonce byte) session.Session {
		s := session.Session{Account: "a1", Nonce: [8]byte{nonce}, Issued: p.now.Unix(), Expires: p.now.Add(time.Hour).Unix()}
		must(t, n.SignedIn(ctx, s, From{"Firefox", "10.0.0.1"}))
		return s
	}
	one, two := in(1), in(2)
	must(t, n.EndSignIn(ctx, "a1", SignInID(one)))
	must(t, n.EndSignIn(ctx, "a2", SignInID(two)))
	if !n.Over(a, one) || n.Over(a, two) {
		t.Error("the wrong one has ended")
	}
	list, err := n.SignIns("a1")
	if err != nil || len(list) != 1 || list[0].ID != SignInID(two) {
		t.Errorf("%+v, %v", list, err)
	}
	elsewhere := session.Session{Account: "a1", Nonce: [8]byte{9}, Issued: p.now.Unix() - 1}
	must(t, n.EndSignIns(ctx, "a1"))
	if !n.Over(a, two) || !n.Over(a, elsewhere) {
		t.Error("one goes on")
	}
	three := in(3)
	if n.Over(a, three) {
		t.Error("the next one is over already")
	}
	a.Since = p.now.Unix() + 1
	if !n.Over(a, three) {
		t.Error("it outlives the password")
	}
	for i := range 3 * maxSignIns {
		in(byte(10 + i))
	}
	if st, err := n.standing("a1"); err != nil || len(st.SignIns) > maxSignIns {
		t.Errorf("%d are kept, %v", len(st.SignIns), err)
	}
}
