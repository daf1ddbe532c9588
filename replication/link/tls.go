package link

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
)

// The versions of this package's use of QUIC. With alpnLanes both ends know lanes beside the streams, with alpnPaths they also ask each
// other whether they are at a new address.
const (
	alpn      = "motcua/1"
	alpnLanes = "motcua/2"
	alpnPaths = "motcua/3"
)

// protocols lists them, the one we like best first.
func protocols() []string { return []string{alpnPaths, alpnLanes, alpn} }

// certificateUse is how long a certificate is presented before a new one is made: two thirds of the 90 days that it is valid.
const certificateUse = 60 * 24 * time.Hour

// certificates makes and renews the certificates of a machine's identities. A new one is presented from the next connection on;
// those that are open go on under the one they began with.
type certificates struct {
	ring *identity.Ring
	now  func() time.Time

	mu   sync.Mutex
	made map[*identity.Private]certificate
}

type certificate struct {
	*tls.Certificate
	at time.Time
}

// get returns the certificate of the identity in use.
func (c *certificates) get() (*tls.Certificate, error) { return c.of(c.ring.Now()) }

func (c *certificates) of(id *identity.Private) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if old, ok := c.made[id]; ok && now.Sub(old.at) >= 0 && now.Sub(old.at) < certificateUse {
		return old.Certificate, nil
	}
	cert, err := id.Certificate(now)
	if err != nil {
		return nil, err
	}
	if len(c.made) > maxCertificates {
		c.made = nil
	}
	if c.made == nil {
		c.made = map[*identity.Private]certificate{}
	}
	c.made[id] = certificate{&cert, now}
	return &cert, nil
}

// maxCertificates bounds those that are kept.
const maxCertificates = 16

// wanted returns the certificate that a caller asks for by the name of a key: one that has an older edition may know this machine
// by keys that it has replaced. To every other name it is that of the identity in use.
func (c *certificates) wanted(name string) (*tls.Certificate, error) {
	for _, id := range c.ring.All() {
		if name == serverName(identity.TLSID(id.Public().TLS)) {
			return c.of(id)
		}
	}
	return c.get()
}

// serverName is how a caller names the key that it wants to meet. It is no secret, and proves nothing.
func serverName(tlsID digest.Digest) string { return tlsID.Short() + ".motcua" }

// tlsIDOf names the key that the other side of a handshake has shown to hold.
func tlsIDOf(s tls.ConnectionState) (point []byte, id digest.Digest, err error) {
	raw := make([][]byte, 0, 1)
	for _, c := range s.PeerCertificates {
		raw = append(raw, c.Raw)
	}
	point, err = identity.PeerPoint(raw)
	if err != nil {
		return nil, digest.Digest{}, err
	}
	return point, identity.TLSID(point), nil
}

// listenTLS accepts any well-formed key: whose it is, is looked up once the handshake has shown that the peer holds it.
func listenTLS(c *certificates) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             protocols(),
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		GetCertificate:         func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return c.wanted(h.ServerName) },
		VerifyConnection: func(s tls.ConnectionState) error {
			_, _, err := tlsIDOf(s)
			return err
		},
	}
}

// dialTLS accepts one key and no other. Names, chains and dates in the peer's certificate mean nothing here.
func dialTLS(c *certificates, want digest.Digest) *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		NextProtos:           protocols(),
		ServerName:           serverName(want),
		InsecureSkipVerify:   true, // replaced by VerifyConnection
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.get() },
		VerifyConnection: func(s tls.ConnectionState) error {
			_, got, err := tlsIDOf(s)
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("key %s, want %s: %w", got.Short(), want.Short(), ErrImpostor)
			}
			return nil
		},
	}
}

// resetKey derives the key of stateless resets from the identity, so that after a crash the restarted process can tell
// its peers at once that their connections are gone.
func resetKey(id *identity.Private) (*quic.StatelessResetKey, error) {
	secret, err := id.TLS.Bytes()
	if err != nil {
		return nil, err
	}
	b, err := hkdf.Key(sha256.New, secret, nil, "motcua stateless reset v1", len(quic.StatelessResetKey{}))
	if err != nil {
		return nil, err
	}
	k := quic.StatelessResetKey(b)
	return &k, nil
}
