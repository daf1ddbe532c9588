package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"motcua/directory"
)

// The cost of a verifier: argon2id with 19 MiB, 2 passes, 1 lane; about 27 ms of one core. A verifier names its own
// cost, so that it can be raised for new ones.
const (
	memoryKiB = 19 << 10
	passes    = 2
	lanes     = 1
	saltSize  = 16
	hashSize  = 32
)

// maxMemoryKiB bounds what a verifier may ask of a node, whoever wrote it.
const maxMemoryKiB = 64 << 10

// MinPassword and MaxPassword bound a password, in characters.
const (
	MinPassword = 10
	MaxPassword = 128
)

// ErrWeak is returned for a password outside the bounds.
var ErrWeak = fmt.Errorf("a password has %d to %d characters", MinPassword, MaxPassword)

// errVerifier is returned for text that is no verifier of ours.
var errVerifier = errors.New("malformed password verifier")

// Passwords makes and checks verifiers, a bounded number at a time: strangers at the portal cannot keep the desk from
// signing in.
type Passwords struct{ anyone, desk lane }

// maxWaiting bounds who waits in a lane: a check takes tens of milliseconds, so the last one waits a second or so.
const maxWaiting = 32

// ErrBusy is returned where too many wait already. Its code is Exhausted.
var ErrBusy = directory.Errorf("check password", directory.Exhausted, "too many people are signing in at this moment; try again in a few seconds")

// lane is slots and who waits for one.
type lane struct {
	slots   chan struct{}
	waiting atomic.Int32
}

// NewPasswords allows n checks at a time, at least one, each of 19 MiB. If n is more than one, one of them is the desk's.
func NewPasswords(n int) *Passwords {
	p := new(Passwords)
	p.anyone.slots = make(chan struct{}, max(1, n-1))
	if n > 1 {
		p.desk.slots = make(chan struct{}, 1)
	}
	return p
}

type atDesk struct{}

// AtDesk marks the checks of a request as the desk's, which have a lane of their own. It says how long to wait, never who
// may do what.
func AtDesk(ctx context.Context) context.Context { return context.WithValue(ctx, atDesk{}, true) }

// enter takes a slot. The error wraps ErrBusy, and the context's where it ended.
func (p *Passwords) enter(ctx context.Context) (leave func(), err error) {
	own, desk := &p.anyone, chan struct{}(nil)
	if ctx.Value(atDesk{}) != nil {
		own, desk = &p.desk, p.desk.slots
	}
	defer own.waiting.Add(-1)
	if own.waiting.Add(1) > maxWaiting {
		return nil, ErrBusy
	}
	select {
	case p.anyone.slots <- struct{}{}:
		return func() { <-p.anyone.slots }, nil
	case desk <- struct{}{}:
		return func() { <-desk }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (%w)", ErrBusy, ctx.Err()) // whoever waited so long was not judged
	}
}

// Params is a verifier without its sum: the cost and salt that Derive needs, and nothing to guess against. It is "" for
// text that is no verifier.
func Params(verifier string) string {
	v, err := parse(verifier)
	if err != nil {
		return ""
	}
	v.sum = nil
	return v.String()
}

// Derive makes the verifier that a password has under somebody's parameters, for the directory to compare with its own.
// Parameters cheaper than ours are refused: who sends them could guess the password from the answer. The error wraps
// ErrBusy, or is about the parameters.
func (p *Passwords) Derive(ctx context.Context, params, password string) (verifier string, err error) {
	v, err := parseParams(params)
	if err != nil || v.memory < memoryKiB || v.passes < passes {
		return "", fmt.Errorf("derive verifier: %w", errVerifier)
	}
	password = norm.NFC.String(password)
	if utf8.RuneCountInString(password) > MaxPassword {
		password = "" // nobody's
	}
	if v.sum, err = p.derive(ctx, v, password, hashSize); err != nil {
		return "", err
	}
	return v.String(), nil
}

// Hash makes the verifier of a new password. The error is ErrWeak or wraps ErrBusy.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	password = norm.NFC.String(password)
	if n := utf8.RuneCountInString(password); n < MinPassword || n > MaxPassword {
		return "", ErrWeak
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	v := verifier{memoryKiB, passes, lanes, salt, nil}
	sum, err := p.derive(ctx, v, password, hashSize)
	if err != nil {
		return "", err
	}
	v.sum = sum
	return v.String(), nil
}

// Check tells whether the password is the verifier's. It takes as long for a malformed or empty verifier (no such
// account) as for a wrong password. The error wraps ErrBusy.
func (p *Passwords) Check(ctx context.Context, text, password string) (bool, error) {
	v, err := parse(text)
	known := err == nil
	if !known {
		v = verifier{memoryKiB, passes, lanes, make([]byte, saltSize), make([]byte, hashSize)}
	}
	password = norm.NFC.String(password)
	if utf8.RuneCountInString(password) > MaxPassword {
		password, known = "", false
	}
	sum, err := p.derive(ctx, v, password, len(v.sum))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, v.sum) == 1 && known, nil
}

func (p *Passwords) derive(ctx context.Context, v verifier, password string, size int) ([]byte, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return argon2.IDKey([]byte(password), v.salt, v.passes, v.memory, v.lanes, uint32(size)), nil
}

// verifier is a PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$sum, base64 without padding.
type verifier struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

func (v verifier) String() string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, v.memory, v.passes, v.lanes, b.EncodeToString(v.salt), b.EncodeToString(v.sum))
}

func parse(text string) (verifier, error) {
	v, err := parseParams(text)
	if err != nil || len(v.sum) < 16 || len(v.sum) > 64 {
		return verifier{}, errVerifier
	}
	return v, nil
}

// parseParams reads a verifier whose sum may be missing.
func parseParams(text string) (verifier, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return verifier{}, errVerifier
	}
	var v verifier
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &v.memory, &v.passes, &v.lanes); err != nil {
		return verifier{}, errVerifier
	}
	var err1, err2 error
	v.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	v.sum, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	fits := v.memory >= 8 && v.memory <= maxMemoryKiB && v.passes >= 1 && v.passes <= 10 && v.lanes >= 1 && v.lanes <= 4 &&
		len(v.salt) >= 8 && len(v.salt) <= 64
	if err1 != nil || err2 != nil || !fits {
		return verifier{}, errVerifier
	}
	return v, nil
}
