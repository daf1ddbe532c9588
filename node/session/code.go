package session

import (
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"motcua/crypto/digest"
	"motcua/directory"
)

// The form of one-time codes (RFC 6238): six digits, a new one every 30 seconds, HMAC-SHA-1, which is what every
// authenticator program reads. One step before and one after the present are taken, for clocks differ.
const (
	codeStep   = 30 // seconds
	codeSkew   = 1  // steps
	codeDigits = otp.DigitsSix
	// SecretSize is the bytes of a secret: as many as the hash has (RFC 4226, section 4).
	SecretSize = 20
)

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret makes the secret of an authenticator program.
func NewSecret() []byte {
	b := make([]byte, SecretSize)
	rand.Read(b)
	return b
}

// SecretText is how a secret is typed by hand, in groups of four; ParseSecret reads it.
func SecretText(secret []byte) string { return grouped(base32NoPad.EncodeToString(secret), 4, " ") }

// ParseSecret reads a secret, false for text that is none of the right length.
func ParseSecret(s string) ([]byte, bool) {
	s = strings.ToUpper(strings.Join(strings.Fields(s), ""))
	b, err := base32NoPad.DecodeString(s)
	return b, err == nil && len(b) == SecretSize && base32NoPad.EncodeToString(b) == s
}

func grouped(s string, n int, by string) string {
	var parts []string
	for len(s) > n {
		parts, s = append(parts, s[:n]), s[n:]
	}
	return strings.Join(append(parts, s), by)
}

// SecretURI is what the QR code for an authenticator program says. The account is shown there beside the issuer.
func SecretURI(secret []byte, issuer, account string) string {
	q := url.Values{"secret": {base32NoPad.EncodeToString(secret)}, "issuer": {issuer}}
	// Some programs show a plus sign for a space, so spaces are written %20.
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// CheckCode tells whether a code is right now, and for which step. A step that is not after last was used before and is
// refused: each code is good once. The caller keeps the step, durably, before it says yes.
func CheckCode(secret []byte, code string, last int64, now time.Time) (step int64, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	if len(code) != codeDigits.Length() || len(secret) == 0 {
		return 0, false
	}
	text, at := base32NoPad.EncodeToString(secret), now.Unix()/codeStep
	for s := at - codeSkew; s <= at+codeSkew; s++ {
		// Each step is tried, so that the time an answer takes says nothing.
		good, err := hotp.ValidateCustom(code, uint64(s), text, hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && good && s > last && !ok {
			step, ok = s, true
		}
	}
	return step, ok
}

// RecoveryCodes is how many codes somebody is given for when phone and key are lost.
const RecoveryCodes = 10

// NewRecovery makes the recovery codes of an account: their texts, to be shown once, and the hashes to keep.
func NewRecovery(account directory.AccountID) (codes []string, hashes []digest.Digest) {
	for range RecoveryCodes {
		var b [10]byte
		rand.Read(b[:])
		code := directory.OneTimeCode(b)
		codes, hashes = append(codes, code), append(hashes, directory.RecoveryHash(account, code))
	}
	return codes, hashes
}

// recoveryLength is the characters of a recovery code without its dashes.
const recoveryLength = 16

// CheckRecovery finds a recovery code among the hashes kept; false for none. Whether it was used before is not asked here.
func CheckRecovery(account directory.AccountID, code string, hashes []digest.Digest) (digest.Digest, bool) {
	if len(directory.NormalCode(code)) != recoveryLength {
		return digest.Digest{}, false
	}
	h := directory.RecoveryHash(account, code)
	return h, slices.Contains(hashes, h) // hashes of 80 random bits: how long it takes tells nothing of use
}
