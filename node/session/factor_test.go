package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"motcua/crypto/golden"
	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
)

// TestCodes: a code holds in its own step and in one before and after, once; nothing else does.
func TestCodes(t *testing.T) {
	secret := NewSecret()
	at := func(steps int) string {
		code, err := totp.GenerateCode(strings.ReplaceAll(SecretText(secret), " ", ""), noon.Add(time.Duration(steps)*codeStep*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	now := noon.Unix() / codeStep
	for steps, want := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step, ok := CheckCode(secret, at(steps), 0, noon)
		if ok != want || ok && step != now+int64(steps) {
			t.Errorf("%d steps away: step %d, %t", steps, step-now, ok)
		}
	}
	if _, ok := CheckCode(secret, at(0), now, noon); ok {
		t.Error("a code was taken twice")
	}
	if _, ok := CheckCode(secret, at(-1), now, noon); ok {
		t.Error("an older code was taken after a newer one")
	}
	if _, ok := CheckCode(secret, " "+at(0)[:3]+" "+at(0)[3:], 0, noon); !ok {
		t.Error("a code with spaces was not taken")
	}
	for _, bad := range []string{"", "12345", "1234567", "abcdef", at(0) + "0"} {
		if _, ok := CheckCode(secret, bad, 0, noon); ok {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, ok := CheckCode(nil, at(0), 0, noon); ok {
		t.Error("a code was taken without any secret")
	}
}

// TestKnownCodes holds the codes to those of RFC 6238, appendix B, of which ours are the last six digits.
func TestKnownCodes(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 2000000000: "279037"} {
		if _, ok := CheckCode([]byte("12345678901234567890"), want, 0, time.Unix(at, 0)); !ok {
			t.Errorf("%s at %d was not taken", want, at)
		}
	}
}

func TestSecretsAreTypedAndScanned(t *testing.T) {
	secret := NewSecret()
	got, ok := ParseSecret(strings.ToLower(SecretText(secret)))
	if !ok || string(got) != string(secret) {
		t.Errorf("%s is read as %x, %t", SecretText(secret), got, ok)
	}
	for _, bad := range []string{"", "JBSW Y3DP", strings.Repeat("A", 33), "0189"} {
		if _, ok := ParseSecret(bad); ok {
			t.Errorf("%q is read", bad)
		}
	}
	uri := SecretURI([]byte("12345678901234567890"), "Một cửa", "hoa & lan")
	want := "otpauth://totp/M%E1%BB%99t%20c%E1%BB%ADa:hoa%20&%20lan?issuer=M%E1%BB%99t%20c%E1%BB%ADa&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	if uri != want {
		t.Errorf("got %s", uri)
	}
}

func TestRecoveryCodes(t *testing.T) {
	codes, hashes := NewRecovery("a1")
	if len(codes) != RecoveryCodes || len(hashes) != RecoveryCodes || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != RecoveryCodes {
		t.Fatalf("%d codes, %d hashes", len(codes), len(hashes))
	}
	for i, c := range codes {
		if h, ok := CheckRecovery("a1", strings.ToLower(strings.ReplaceAll(c, "-", " ")), hashes); !ok || h != hashes[i] {
			t.Errorf("%d: %v, %t", i, h, ok)
		}
		if _, ok := CheckRecovery("a2", c, hashes); ok {
			t.Error("another account's code was taken")
		}
	}
	for _, bad := range []string{"", "123456", codes[0] + "0"} {
		if _, ok := CheckRecovery("a1", bad, hashes); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestSitesOfKeys: keys are for names that are reached safely.
func TestSitesOfKeys(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://xa.example.vn": true, "http://xa.example.vn": false, "http://localhost:8080": true, "https://10.0.0.1": false, "http://127.0.0.1:8080": false,
	} {
		_, host, _ := strings.Cut(origin, "://")
		host, _, _ = strings.Cut(host, ":")
		if got := (Site{Host: host, Origin: origin}).Usable(); got != want {
			t.Errorf("%s: %t", origin, got)
		}
	}
	if (Site{}).Usable() {
		t.Error("nowhere is a site")
	}
}

func TestCopiedKeys(t *testing.T) {
	for _, c := range []struct {
		before, now uint32
		want        bool
	}{{0, 0, false}, {0, 1, false}, {5, 6, false}, {5, 5, true}, {5, 4, true}, {5, 0, true}} {
		if got := Copied(c.before, c.now); got != c.want {
			t.Errorf("%d then %d: %t", c.before, c.now, got)
		}
	}
}

// TestCeremoniesAreGoodOnce: for their account, for a while, within bounds; whatever a browser answers does no harm.
func TestCeremoniesAreGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := NewCeremonies(time.Now)
		site := Site{Host: "xa.example.vn", Origin: "https://xa.example.vn", Name: "Xã"}
		a := directory.Account{ID: "a1", Login: "hoa", Name: "Hoa"}
		begin := func() string {
			c, err := BeginKey(site, a)
			if err != nil {
				t.Fatal(err)
			}
			return all.Keep(c)
		}
		name := begin()
		if all.Take(name, "a2") != nil {
			t.Error("another account took it")
		}
		c := all.Take(name, "a1")
		if c == nil || all.Take(name, "a1") != nil {
			t.Error("not good once")
		}
		for _, answer := range []string{"", "{}", `{"id":"x"}`, "[" + strings.Repeat("[", 5000)} {
			if _, err := c.EndKey(answer); err == nil {
				t.Errorf("%.20q made a key", answer)
			}
			if _, _, err := c.EndProof(answer); err == nil {
				t.Errorf("%.20q proved a key", answer)
			}
		}
		name = begin()
		time.Sleep(ceremonyLife + time.Second)
		if all.Take(name, "a1") != nil {
			t.Error("it never ends")
		}
		for range maxCeremonies + 100 {
			all.Keep(c)
		}
		if len(all.open) > maxCeremonies {
			t.Errorf("%d are kept", len(all.open))
		}
	})
}

// TestCodesAreTriedAtAPace: who knows a password and guesses codes from everywhere gets some hundred a day; the owner, where a
// code was right before, is not kept out.
func TestCodesAreTriedAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now)
		l.TryCode("a1", "10.0.0.1")
		l.RightCode("a1", "10.0.0.1")
		tried, start := 0, time.Now()
		for i := 0; time.Since(start) < 24*time.Hour; i++ {
			wait := l.TryCode("a1", fmt.Sprintf("10.1.%d.%d", i>>8&255, i&255))
			if wait == 0 {
				tried++
			}
			time.Sleep(max(wait, time.Second))
		}
		if tried > 200 {
			t.Errorf("%d codes in a day", tried)
		}
		if w := l.TryCode("a1", "10.0.0.1"); w != 0 {
			t.Errorf("the owner must wait %v", w)
		}
		n := 0
		for range 50 {
			if l.TryCode("a2", "10.0.0.9") == 0 {
				n++
			}
		}
		if n != codePace.free {
			t.Errorf("%d at once from one place", n)
		}
	})
}

// TestTheOwnerIsTold: wrong tries are told once, with none of one's own right ones.
func TestTheOwnerIsTold(t *testing.T) {
	l := NewLimiter(time.Now)
	for range 3 {
		l.Try("hoa", "10.0.0.9")
	}
	l.Try("hoa", "10.0.0.1")
	l.Right("hoa", "10.0.0.1")
	if f := l.Told("hoa"); f.N != 3 {
		t.Errorf("told %d", f.N)
	}
	if f := l.Told("hoa"); f.N != 0 {
		t.Errorf("told again: %d", f.N)
	}
	a, known := l.Source("hoa", "10.0.0.1")
	b, stranger := l.Source("hoa", "10.0.0.9")
	if a == b || !known || stranger {
		t.Error("the owner's place is not told from a stranger's")
	}
}

// TestProvenSession: a session in which a second factor was shown is the same one, ends when it would have, and says when.
func TestProvenSession(t *testing.T) {
	id, keys := newOffice(t)
	find := func(directory.OfficeCode) (*identity.Keys, error) { return keys, nil }
	token, err := Issue(id, "H32.1", directory.Account{ID: "a1", Kind: directory.Staff, Name: "Hoa"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Verify(token, find, noon)
	if err != nil || s.Proven(time.Hour, noon) {
		t.Fatalf("%+v, %v", s, err)
	}
	token, err = Prove(id, s, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Verify(token, find, noon.Add(time.Hour))
	if err != nil || p.Nonce != s.Nonce || p.Expires != s.Expires || !p.Proven(time.Minute, noon.Add(time.Hour)) || p.Proven(time.Minute, noon.Add(2*time.Hour)) {
		t.Errorf("%+v, %v", p, err)
	}
	for name, x := range map[string]Session{
		"session":        {1, "a1", directory.Citizen, "Hoa", "H32.1", 1, 2, [8]byte{1, 2, 3}, 0},
		"session-proven": {1, "a1", directory.Staff, "Hoa", "H32.1", 1, 2, [8]byte{1, 2, 3}, 3},
	} {
		b, err := wire.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, b)
	}
}
