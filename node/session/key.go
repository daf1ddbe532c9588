package session

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"motcua/directory"
)

// ErrKey is wrapped by every error about an answer of a security key that proves nothing.
var ErrKey = errors.New("the security key's answer does not hold")

// Ceremony is one exchange with a security key that has begun: what the browser was asked, and for whom. It is kept by
// this node until it ends, and good once.
type Ceremony struct {
	Options string // JSON, for the browser
	data    webauthn.SessionData
	site    Site
	user    keyUser
}

// Site is the place that keys are made for and used at: the portal of one office.
type Site struct {
	Host   string // without port: the relying party's id
	Origin string // scheme, host and port, as a browser says it
	Name   string // of the office, shown by the browser
}

// Usable tells whether a browser can use keys at the site: WebAuthn needs a name, not an address, and a safe connection
// or the machine itself.
func (s Site) Usable() bool {
	if _, err := netip.ParseAddr(strings.Trim(s.Host, "[]")); err == nil || s.Host == "" {
		return false
	}
	return strings.HasPrefix(s.Origin, "https://") || s.Host == "localhost" || strings.HasSuffix(s.Host, ".localhost")
}

func (s Site) party() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: s.Host, RPDisplayName: s.Name, RPOrigins: []string{s.Origin}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// The password was shown before, so the key need not ask for another one.
			UserVerification: protocol.VerificationPreferred, ResidentKey: protocol.ResidentKeyRequirementDiscouraged,
		},
	})
}

// keyUser is an account as the library sees it, with its keys of one site.
type keyUser struct {
	directory.Account
	keys []directory.Factor
}

func (u keyUser) WebAuthnID() []byte          { return []byte(u.ID) }
func (u keyUser) WebAuthnName() string        { return u.Login }
func (u keyUser) WebAuthnDisplayName() string { return u.Name }

func (u keyUser) WebAuthnCredentials() (out []webauthn.Credential) {
	for _, k := range u.keys {
		c := webauthn.Credential{
			ID: k.Credential, PublicKey: k.PublicKey, AttestationFormat: "none", AttestationType: "none",
			Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
		}
		c.Authenticator.SignCount, c.Authenticator.AAGUID = k.SignCount, k.AAGUID
		for _, t := range k.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		out = append(out, c)
	}
	return out
}

// KeysAt are an account's security keys that were made for a site.
func KeysAt(a directory.Account, s Site) (out []directory.Factor) {
	for _, f := range a.Factors {
		if f.Kind == directory.WebAuthn && f.RP == s.Host && len(f.PublicKey) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// BeginKey begins to make a key of an account.
func BeginKey(s Site, a directory.Account) (*Ceremony, error) {
	p, err := s.party()
	if err != nil {
		return nil, fmt.Errorf("begin security key: %w", err)
	}
	u := keyUser{a, KeysAt(a, s)}
	var taken []protocol.CredentialDescriptor
	for _, c := range u.WebAuthnCredentials() {
		taken = append(taken, c.Descriptor())
	}
	options, data, err := p.BeginRegistration(u, webauthn.WithExclusions(taken))
	if err != nil {
		return nil, fmt.Errorf("begin security key: %w", err)
	}
	return newCeremony(options.Response, data, s, u)
}

// EndKey makes the factor from what the browser answered, without id and label. The error wraps ErrKey.
func (c *Ceremony) EndKey(answer string) (directory.Factor, error) {
	p, err := c.site.party()
	if err != nil {
		return directory.Factor{}, fmt.Errorf("end security key: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return directory.Factor{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	made, err := p.CreateCredential(c.user, c.data, parsed)
	if err != nil {
		return directory.Factor{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	f := directory.Factor{
		Kind: directory.WebAuthn, Credential: made.ID, PublicKey: made.PublicKey, RP: c.site.Host, AAGUID: made.Authenticator.AAGUID,
		SignCount: made.Authenticator.SignCount, Flags: uint8(parsed.Response.AttestationObject.AuthData.Flags),
	}
	for _, t := range made.Transport[:min(len(made.Transport), maxTransports)] {
		if len(t) <= maxTransport {
			f.Transports = append(f.Transports, string(t))
		}
	}
	return f, nil
}

// The bounds of what a browser says of a key's connection; the rest is dropped, for it is but a hint.
const (
	maxTransports = 8
	maxTransport  = 32
)

// BeginProof asks for a signature by one of an account's keys of the site.
func BeginProof(s Site, a directory.Account) (*Ceremony, error) {
	p, err := s.party()
	if err != nil {
		return nil, fmt.Errorf("ask security key: %w", err)
	}
	u := keyUser{a, KeysAt(a, s)}
	options, data, err := p.BeginLogin(u)
	if err != nil {
		return nil, fmt.Errorf("ask security key: %w", err)
	}
	return newCeremony(options.Response, data, s, u)
}

// EndProof checks what the browser answered, and returns the id of the factor that signed and how many signatures it has
// counted. The caller compares that with the count before, see Copied. The error wraps ErrKey.
func (c *Ceremony) EndProof(answer string) (factor string, count uint32, err error) {
	p, err := c.site.party()
	if err != nil {
		return "", 0, fmt.Errorf("ask security key: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrKey, err)
	}
	used, err := p.ValidateLogin(c.user, c.data, parsed)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrKey, err)
	}
	for _, k := range c.user.keys {
		if bytes.Equal(k.Credential, used.ID) {
			factor = k.ID
		}
	}
	return factor, parsed.Response.AuthenticatorData.Counter, nil
}

// Copied tells whether a count of signatures shows that there are two of a key: it has not grown. Keys that count nothing
// always say 0 (WebAuthn level 3, section 6.1.1).
func Copied(before, now uint32) bool { return (before != 0 || now != 0) && now <= before }
