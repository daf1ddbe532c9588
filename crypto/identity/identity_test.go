package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"motcua/crypto/golden"
	"motcua/crypto/record"
	"motcua/crypto/seal"
	"motcua/crypto/wire"
)

// fixed is an identity of known secrets, so that its bytes can be held still.
func fixed(t testing.TB) *Private {
	t.Helper()
	secretOf := func(n int, b byte) []byte { s := make([]byte, n); s[31], s[n-1] = b, b; return s }
	sign, err := record.NewKey(secretOf(record.SeedSize, 1))
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := seal.ParsePrivateKey(secretOf(32, 2))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secretOf(32, 3))
	if err != nil {
		t.Fatal(err)
	}
	p, err := assemble(sign, sealing, key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func generate(t testing.TB) *Private {
	t.Helper()
	p, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGoldenFormats(t *testing.T) {
	p := fixed(t)
	text, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "file", text)
	public, err := wire.Marshal(p.Public())
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "public", public)
	id, tlsID := p.Public().ID(), TLSID(p.Public().TLS)
	golden.Check(t, "ids", slices.Concat(id[:], tlsID[:]))
}

func TestFileComesBackWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.pem")
	p := generate(t)
	if err := p.Save(path); err != nil {
		t.Fatal(err)
	}
	q, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if q.Public().ID() != p.Public().ID() || !q.TLS.Equal(p.TLS) || !bytes.Equal(q.Sign.Seed(), p.Sign.Seed()) {
		t.Error("another identity came back")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if err := generate(t).Save(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second identity over the first: want ErrExist, have %v", err)
	}
	if r, err := Load(path); err != nil || r.Public().ID() != p.Public().ID() {
		t.Errorf("the refused Save has changed the file: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".identity-*")); len(left) > 0 {
		t.Errorf("secrets left behind in %v", left)
	}
}

func TestFileThatOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.pem")
	if err := generate(t).Save(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: want what to do, have %v", mode, err)
		}
	}
}

func TestMalformedFiles(t *testing.T) {
	text, err := fixed(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ text, says string }{
		"nothing":         {"", "PEM"},
		"newer":           {strings.ReplaceAll(string(text), " V1", " V2"), "upgrade"},
		"something after": {string(text) + "-----BEGIN X-----\n-----END X-----\n", "nothing else"},
		"bytes altered":   {strings.Replace(string(text), "\n", "\nAAAA", 1), "malformed"},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: want an error with %q, have %v", what, c.says, err)
		}
	}
}

func TestPublicKeysAreChecked(t *testing.T) {
	good := fixed(t).Public()
	keys, err := good.Keys()
	if err != nil || keys.ID != good.ID() {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Public){
		"sign": func(p *Public) { p.Sign = p.Sign[1:] },
		"seal": func(p *Public) { p.Seal = p.Seal[1:] },
		"tls":  func(p *Public) { p.TLS = append(slices.Clone(p.TLS[:64]), p.TLS[64]^1) },
	} {
		bad := good
		spoil(&bad)
		if _, err := bad.Keys(); err == nil {
			t.Errorf("a malformed %s key is taken", what)
		}
	}
}

// TestHandshakeShowsTheKey runs a real mutual handshake: what PeerPoint reports is the key the peer holds, and a
// certificate borrowed from another is useless without its key.
func TestHandshakeShowsTheKey(t *testing.T) {
	a, b := generate(t), generate(t)
	seenByA, seenByB, err := handshake(t, certificate(t, a), certificate(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(seenByA, b.Public().TLS) || !bytes.Equal(seenByB, a.Public().TLS) {
		t.Error("the handshake shows another key than the peer's")
	}
	borrowed := certificate(t, a)
	borrowed.PrivateKey = b.TLS
	if _, _, err := handshake(t, borrowed, certificate(t, b)); err == nil {
		t.Error("a borrowed certificate is taken")
	}
}

func certificate(t testing.TB, p *Private) tls.Certificate {
	t.Helper()
	c, err := p.Certificate(time.Unix(1_795_500_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func handshake(t *testing.T, client, server tls.Certificate) (seenByClient, seenByServer []byte, err error) {
	t.Helper()
	config := func(own tls.Certificate, seen *[]byte) *tls.Config {
		return &tls.Config{
			Certificates: []tls.Certificate{own}, InsecureSkipVerify: true, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13,
			VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) (err error) { *seen, err = PeerPoint(raw); return err },
		}
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config(server, &seenByServer))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = c.(*tls.Conn).Handshake()
			c.Close()
		}
		done <- err
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), config(client, &seenByClient))
	if err == nil {
		defer c.Close()
	}
	return seenByClient, seenByServer, errors.Join(err, <-done)
}

func TestPeerPointRefusesOtherKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	for what, raw := range map[string][][]byte{"none": nil, "no certificate": {{1, 2}}, "P-384": {der}} {
		if _, err := PeerPoint(raw); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestTokens(t *testing.T) {
	p, q := generate(t), generate(t)
	sig, err := p.SignToken("session", []byte("me"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := p.Public().Keys()
	if err != nil {
		t.Fatal(err)
	}
	others, err := q.Public().Keys()
	if err != nil {
		t.Fatal(err)
	}
	if !keys.VerifyToken("session", []byte("me"), sig) {
		t.Error("a good token is refused")
	}
	if keys.VerifyToken("session", []byte("you"), sig) || keys.VerifyToken("other", []byte("me"), sig) ||
		others.VerifyToken("session", []byte("me"), sig) || keys.VerifyToken("session", []byte("me"), sig[1:]) {
		t.Error("a forged token is taken")
	}
}

func FuzzParse(f *testing.F) {
	text, err := fixed(f).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN MOTCUA IDENTITY V1-----\noAAA\n-----END MOTCUA IDENTITY V1-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if _, err := p.Marshal(); err != nil {
			t.Fatalf("an identity that is read but cannot be written: %v", err)
		}
	})
}
