package directory

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
)

// Token lets one machine enrol as the node of one office, once, until it expires. It also pins whom that machine trusts:
// the servers' keys and the genesis. Whoever has it can become the office, so it is handed over like a key.
type Token struct {
	Office  OfficeCode    `cbor:"1,keyasint"`
	Secret  [16]byte      `cbor:"2,keyasint"`
	Genesis digest.Digest `cbor:"3,keyasint"`
	Servers []TokenServer `cbor:"4,keyasint"`
}

// TokenServer is a directory server that a token names: where it is, and the id of its TLS key.
type TokenServer struct {
	Addr  string        `cbor:"1,keyasint"`
	TLSID digest.Digest `cbor:"2,keyasint"`
}

const (
	tokenPrefix = "motcua1."
	tokenCheck  = 4    // bytes of digest that tell a mistyped token
	maxToken    = 4096 // characters
)

// ErrToken is wrapped by every error about text that is no token.
var ErrToken = errors.New("this is no enrolment token: copy it whole, from motcua1. to its end")

// Hash is what the directory keeps of a token: who reads its tables cannot enrol.
func (t Token) Hash() digest.Digest {
	return digest.Of(append([]byte("motcua token hash v1\n"+string(t.Office)+"\n"), t.Secret[:]...))
}

// String returns the text to hand over. It is secret.
func (t Token) String() string {
	b, err := wire.Marshal(t)
	if err != nil {
		panic(err) // strings and byte arrays always encode
	}
	d := digest.Of(b)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(d[:tokenCheck:tokenCheck], b...))
}

// ParseToken reads what String returns; white space around and within it is ignored, as mail programs add it.
func ParseToken(s string) (Token, error) {
	s = strings.Join(strings.Fields(s), "")
	text, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok || len(s) > maxToken {
		return Token{}, ErrToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < tokenCheck {
		return Token{}, ErrToken
	}
	if d := digest.Of(b[tokenCheck:]); !bytes.Equal(d[:tokenCheck], b[:tokenCheck]) {
		return Token{}, fmt.Errorf("%w (its check does not match)", ErrToken)
	}
	var t Token
	if err := wire.Unmarshal(b[tokenCheck:], &t); err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if err := t.Office.Validate(); err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if len(t.Servers) == 0 || len(t.Servers) > MaxMembers {
		return Token{}, fmt.Errorf("%w: it names %d servers", ErrToken, len(t.Servers))
	}
	return t, nil
}
