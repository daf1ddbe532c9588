package session

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/identity"
	"motcua/directory"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, directory.Zone)

func newOffice(t *testing.T) (*identity.Private, *identity.Keys) {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	k, err := id.Public().Keys()
	if err != nil {
		t.Fatal(err)
	}
	return id, k
}

func TestSessionHoldsAtEveryOffice(t *testing.T) {
	id, keys := newOffice(t)
	_, other := newOffice(t)
	find := func(o directory.OfficeCode) (*identity.Keys, error) {
		if o != "H32.22693" {
			return nil, errors.New("unknown")
		}
		return keys, nil
	}
	a := directory.Account{ID: "a1", Kind: directory.Citizen, Name: "Nguyễn Thị Hoa"}
	token, err := Issue(id, "H32.22693", a, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(token) > 600 {
		t.Errorf("a token of %d bytes does not sit well in a cookie", len(token))
	}
	s, err := Verify(token, find, noon.Add(time.Hour))
	if err != nil || s.Account != "a1" || s.Name != a.Name || s.Office != "H32.22693" {
		t.Fatalf("got %+v, %v", s, err)
	}
	if _, err := Verify(token, find, noon.Add(CitizenLife)); !errors.Is(err, ErrExpired) {
		t.Errorf("after its life: %v", err)
	}
	if _, err := Verify(token, find, noon.Add(-time.Hour)); !errors.Is(err, ErrExpired) {
		t.Errorf("before it was issued: %v", err)
	}
	if _, err := Verify(token, func(directory.OfficeCode) (*identity.Keys, error) { return other, nil }, noon); !errors.Is(err, ErrInvalid) {
		t.Errorf("under another office's key: %v", err)
	}
	long := s
	long.Expires++
	if text, err := long.sign(id); err != nil {
		t.Fatal(err)
	} else if _, err := Verify(text, find, noon); !errors.Is(err, ErrInvalid) {
		t.Errorf("a life longer than everybody's: %v", err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	for i := range raw {
		raw[i] ^= 1
		if _, err := Verify(base64.RawURLEncoding.EncodeToString(raw), find, noon); err == nil {
			t.Fatalf("byte %d altered and still valid", i)
		}
		raw[i] ^= 1
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("")
	f.Add("omFCQWFCQg")
	f.Fuzz(func(t *testing.T, token string) {
		none := func(directory.OfficeCode) (*identity.Keys, error) { return nil, errors.New("none") }
		if _, err := Verify(token, none, noon); err == nil {
			t.Fatal("valid without any key")
		}
	})
}

func TestPasswords(t *testing.T) {
	p, ctx := NewPasswords(2), context.Background()
	v, err := p.Hash(ctx, "mật khẩu Nha Trang")
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{
		"mật khẩu Nha Trang":             true,
		"ma\u0302\u0323t khẩu Nha Trang": true, // the same letters, decomposed
		"mat khau Nha Trang":             false,
		"":                               false,
		strings.Repeat("a", 200):         false,
	} {
		if got, err := p.Check(ctx, v, password); err != nil || got != want {
			t.Errorf("Check(%q) = %v, %v", password, got, err)
		}
	}
	for _, bad := range []string{"", "x", strings.Replace(v, "m=19456", "m=999999999", 1), strings.Replace(v, "argon2id", "argon2i", 1)} {
		if got, err := p.Check(ctx, bad, "mật khẩu Nha Trang"); got || err != nil {
			t.Errorf("verifier %q: %v, %v", bad, got, err)
		}
	}
	if _, err := p.Hash(ctx, "ngắn"); !errors.Is(err, ErrWeak) {
		t.Errorf("a short password: %v", err)
	}
}

// TestDerivedElsewhere: a node that is told only the parameters of a verifier derives the same one from the password, and
// another from any other.
func TestDerivedElsewhere(t *testing.T) {
	p, ctx := NewPasswords(2), context.Background()
	v, err := p.Hash(ctx, "mật khẩu Nha Trang")
	if err != nil {
		t.Fatal(err)
	}
	params := Params(v)
	if !strings.HasPrefix(v, params) || !strings.HasSuffix(params, "$") {
		t.Fatalf("parameters %q of %q", params, v)
	}
	if got, err := p.Derive(ctx, params, "ma\u0302\u0323t khẩu Nha Trang"); err != nil || got != v {
		t.Errorf("derived %q, %v; want %q", got, err, v)
	}
	for _, wrong := range []string{"mat khau Nha Trang", "", strings.Repeat("a", 200)} {
		if got, err := p.Derive(ctx, params, wrong); err != nil || got == v || Params(got) != params {
			t.Errorf("Derive(%q) = %q, %v", wrong, got, err)
		}
	}
	cheap := strings.Replace(params, "m=19456,t=2", "m=8,t=1", 1)
	for _, bad := range []string{"", "x", cheap, strings.Replace(params, "m=19456", "m=999999999", 1)} {
		if got, err := p.Derive(ctx, bad, "mật khẩu Nha Trang"); got != "" || !errors.Is(err, errVerifier) {
			t.Errorf("parameters %q: %q, %v", bad, got, err)
		}
	}
	if got := Params("pending"); got != "" {
		t.Errorf("parameters of no verifier: %q", got)
	}
}

// TestKnownVerifier holds the stored form: a verifier written by an earlier version still checks.
func TestKnownVerifier(t *testing.T) {
	const v = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$"
	known, err := parse(v + base64.RawStdEncoding.EncodeToString(make([]byte, hashSize)))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := NewPasswords(1).derive(context.Background(), known, "correct horse", hashSize)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := base64.RawStdEncoding.EncodeToString(sum), goldenSum; got != want {
		t.Errorf("sum %s, want %s", got, want)
	}
}

const goldenSum = "0AuQxA+RjPiJeA19Op7DwrFxnfh9xeTU2T6mFj2wThc"

// TestStrangersDoNotKeepTheDeskOut: with the portal's slots taken and its queue full, who comes next is told so at once, and
// the desk still checks passwords.
func TestStrangersDoNotKeepTheDeskOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, ctx := NewPasswords(2), t.Context()
		leave, err := p.enter(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var served atomic.Int32
		for range maxWaiting {
			go func() {
				if leave, err := p.enter(ctx); err == nil {
					served.Add(1)
					leave()
				}
			}()
		}
		synctest.Wait()
		if _, err := p.Check(ctx, "", "mật khẩu Nha Trang"); !errors.Is(err, ErrBusy) || directory.CodeOf(err) != directory.Exhausted {
			t.Errorf("one more than may wait: %v", err)
		}
		if _, err := p.Check(AtDesk(ctx), "", "mật khẩu Nha Trang"); err != nil {
			t.Errorf("the desk: %v", err)
		}
		if _, err := short(t, p); !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who can wait no longer: %v", err)
		}
		leave()
		synctest.Wait()
		if n := served.Load(); n != maxWaiting {
			t.Errorf("%d of those who waited were served", n)
		}
		if _, err := p.Check(ctx, "", "mật khẩu Nha Trang"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// short asks for a slot at the desk, where others have both, for a second.
func short(t *testing.T, p *Passwords) (leave func(), err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(AtDesk(t.Context()), time.Second)
	defer cancel()
	other, err := p.enter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer other()
	return p.enter(ctx)
}

// FuzzParams: text from elsewhere is refused, or is a verifier that costs no more than a node allows and is written as it was
// read.
func FuzzParams(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$")
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$" + goldenSum)
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$AA$AA")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseParams(text)
		if err != nil {
			return
		}
		if v.memory > maxMemoryKiB || v.passes > 10 || v.lanes > 4 || len(v.salt) > 64 {
			t.Fatalf("%q costs %d KiB, %d passes, %d lanes", text, v.memory, v.passes, v.lanes)
		}
		again, err := parseParams(v.String())
		if err != nil || again.String() != v.String() {
			t.Fatalf("%q is read as %q, then as %q, %v", text, v.String(), again.String(), err)
		}
	})
}
