package session

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Label is what a session is signed under.
const Label = "motcua session v1"

// Lives of a session. Staff sign in anew each working day.
const (
	CitizenLife = 24 * time.Hour
	StaffLife   = 12 * time.Hour
)

// maxToken bounds the text of a token: a cookie holds 4,096 bytes.
const maxToken = 2048

// Session is a verified sign-in.
type Session struct {
	Version uint8                 `cbor:"1,keyasint"` // 1
	Account directory.AccountID   `cbor:"2,keyasint"`
	Kind    directory.AccountKind `cbor:"3,keyasint"`
	Name    string                `cbor:"4,keyasint"` // to greet by; not proof of anything
	Office  directory.OfficeCode  `cbor:"5,keyasint"` // whose node signed it
	Issued  int64                 `cbor:"6,keyasint"` // Unix seconds
	Expires int64                 `cbor:"7,keyasint"`
	Nonce   [8]byte               `cbor:"8,keyasint"` // two sign-ins are two sessions
	// Factor is when a second factor was last shown in this session, Unix seconds; 0: it was not.
	Factor int64 `cbor:"9,keyasint,omitempty"`
}

// signed is what the text of a token encodes.
type signed struct {
	Body      []byte `cbor:"1,keyasint"`
	Signature []byte `cbor:"2,keyasint"`
}

// ErrInvalid is returned for a token that is malformed, altered, or signed by a key that is not the office's.
var ErrInvalid = errors.New("session is not valid")

// ErrExpired is returned for a session that has ended.
var ErrExpired = errors.New("session has ended")

// Keys finds the keys of the office that signed a session, and whether they are still trusted.
type Keys func(directory.OfficeCode) (*identity.Keys, error)

// Issue signs a session of an account at an office and returns its text, for a cookie.
func Issue(id *identity.Private, office directory.OfficeCode, a directory.Account, now time.Time) (string, error) {
	s := Session{Version: 1, Account: a.ID, Kind: a.Kind, Name: a.Name, Office: office, Issued: now.Unix(), Expires: now.Add(lifeOf(a.Kind)).Unix()}
	rand.Read(s.Nonce[:])
	return s.sign(id)
}

// Prove signs a session anew, in which a second factor was shown. It ends when the session would have, and is the same one.
func Prove(id *identity.Private, s Session, now time.Time) (string, error) {
	s.Factor = now.Unix()
	return s.sign(id)
}

func (s Session) sign(id *identity.Private) (string, error) {
	body, err := wire.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("issue session: %w", err)
	}
	sig, err := id.SignToken(Label, body)
	if err != nil {
		return "", fmt.Errorf("issue session: %w", err)
	}
	token, err := wire.Marshal(signed{body, sig})
	if err != nil {
		return "", fmt.Errorf("issue session: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(token), nil
}

// Proven tells whether a second factor was shown in this session within a time.
func (s Session) Proven(within time.Duration, now time.Time) bool {
	return s.Factor > 0 && now.Sub(time.Unix(s.Factor, 0)) < within
}

// skew is how far the clocks of two offices may differ.
const skew = 5 * time.Minute

// Verify reads a token. The error is ErrInvalid or ErrExpired.
func Verify(token string, keys Keys, now time.Time) (Session, error) {
	var t signed
	var s Session
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > maxToken || wire.Unmarshal(raw, &t) != nil || wire.Unmarshal(t.Body, &s) != nil || s.Version != 1 {
		return Session{}, ErrInvalid
	}
	k, err := keys(s.Office)
	if err != nil || !k.VerifyToken(Label, t.Body, t.Signature) {
		return Session{}, ErrInvalid
	}
	if s.Expires-s.Issued > int64(lifeOf(s.Kind).Seconds()) {
		return Session{}, ErrInvalid // an office gives nobody more than everybody has
	}
	if now.Unix() >= s.Expires || now.Add(skew).Unix() < s.Issued {
		return Session{}, ErrExpired
	}
	return s, nil
}

func lifeOf(k directory.AccountKind) time.Duration {
	if k == directory.Staff {
		return StaffLife
	}
	return CitizenLife
}
