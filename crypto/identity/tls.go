package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Certificates are self-signed and short-lived; what a peer trusts is the key, pinned through the directory.
const certificateLife = 90 * 24 * time.Hour

// Certificate returns a TLS certificate of the identity valid around now; names nothing but the key.
func (p *Private) Certificate(now time.Time) (tls.Certificate, error) {
	serial := make([]byte, 16)
	rand.Read(serial)
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: "motcua"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &p.TLS.PublicKey, p.TLS)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: p.TLS}, nil
}

// PeerPoint returns the TLS public key (uncompressed point) of the peer's leaf certificate, which the handshake has
// shown the peer to hold. Dates are not checked: a node whose clock is wrong must still be reachable.
func PeerPoint(raw [][]byte) ([]byte, error) {
	if len(raw) == 0 {
		return nil, errors.New("peer sent no certificate")
	}
	cert, err := x509.ParseCertificate(raw[0])
	if err != nil {
		return nil, fmt.Errorf("peer certificate: %w", err)
	}
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("peer certificate: key is not ECDSA P-256")
	}
	return key.Bytes()
}

// SignToken signs a short-lived token (a session) under a label with the TLS key alone: 64 to 72 bytes, small enough
// for a cookie. Nothing that must verify for years is signed this way.
func (p *Private) SignToken(label string, msg []byte) ([]byte, error) {
	return p.TLS.Sign(rand.Reader, tokenHash(label, msg), crypto.SHA256)
}

// VerifyToken checks what SignToken signed.
func (k *Keys) VerifyToken(label string, msg, sig []byte) bool {
	return ecdsa.VerifyASN1(k.TLS, tokenHash(label, msg), sig)
}

func tokenHash(label string, msg []byte) []byte {
	h := sha256.New()
	h.Write([]byte("motcua token v1\n" + label))
	h.Write([]byte{0})
	h.Write(msg)
	return h.Sum(nil)
}
