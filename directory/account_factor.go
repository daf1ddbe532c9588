package directory

import (
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"

	"motcua/crypto/digest"
)

// FactorKind is the kind of a second factor. Append only.
type FactorKind string

// The kinds of second factors.
const (
	TOTP     FactorKind = "totp"     // RFC 6238: SHA-1, six digits, thirty seconds
	WebAuthn FactorKind = "webauthn" // W3C Web Authentication, level 2
)

// Factor is a second factor of a member of staff. What an office learns when it is used (a key's newer count, the last code)
// the office keeps for itself: the directory does not hear of every sign-in.
type Factor struct {
	ID    string     `cbor:"1,keyasint" json:"id"` // chosen by whoever adds it
	Kind  FactorKind `cbor:"2,keyasint" json:"kind"`
	Label string     `cbor:"3,keyasint" json:"label"` // the person's own name for it
	Added int64      `cbor:"4,keyasint" json:"added"` // Unix seconds, set by the directory
	// Secret is of TOTP.
	Secret []byte `cbor:"5,keyasint,omitempty" json:"-"`
	// The rest is of WebAuthn: the credential's id and public key (COSE), the count, flags and transports that it was made
	// with, and the relying party that it is good for.
	Credential []byte   `cbor:"6,keyasint,omitempty" json:"-"`
	PublicKey  []byte   `cbor:"7,keyasint,omitempty" json:"-"`
	SignCount  uint32   `cbor:"8,keyasint,omitempty" json:"-"`
	Flags      uint8    `cbor:"9,keyasint,omitempty" json:"-"`
	Transports []string `cbor:"10,keyasint,omitempty" json:"-"`
	RP         string   `cbor:"11,keyasint,omitempty" json:"rp,omitempty"`
	AAGUID     []byte   `cbor:"12,keyasint,omitempty" json:"-"`
}

// Bounds of factors.
const (
	MaxFactors  = 8
	MaxRecovery = 16
)

// SecondFactor tells whether the account has one to sign in with.
func (a Account) SecondFactor() bool { return len(a.Factors) > 0 }

// Validate checks kind and sizes.
func (f Factor) Validate() error {
	totp := f.Kind == TOTP && len(f.Secret) >= 16 && len(f.Secret) <= 64 && len(f.Credential)+len(f.PublicKey)+len(f.AAGUID)+len(f.RP) == 0
	key := f.Kind == WebAuthn && len(f.Secret) == 0 && within(f.Credential, 1024) && within(f.PublicKey, 1024) && len(f.AAGUID) <= 16 &&
		f.RP != "" && len(f.RP) <= 253
	switch {
	case f.ID == "" || len(f.ID) > 64 || len(f.Label) > 100:
		return errors.New("factor: id missing, or id or label too long")
	case !totp && !key:
		return errors.New("factor: neither a TOTP secret of 16 to 64 bytes nor a WebAuthn credential with its key and relying party")
	case len(f.Transports) > 8 || slices.ContainsFunc(f.Transports, func(s string) bool { return len(s) > 32 }):
		return errors.New("factor: too many transports")
	}
	return nil
}

func within(b []byte, most int) bool { return len(b) > 0 && len(b) <= most }

// FactorNeed says from which day on a role must have a second factor.
type FactorNeed struct {
	Role Role `cbor:"1,keyasint" json:"role"`
	From Date `cbor:"2,keyasint" json:"from"`
}

// FactorPolicy says who must have a second factor. It is data that the province sets.
type FactorPolicy struct {
	Needs []FactorNeed `cbor:"1,keyasint,omitempty" json:"needs"`
}

// FactorGrace is for how many days after its founding a province that has set nothing lets signatories and admins do without.
const FactorGrace = 90

// DefaultFactorPolicy is that of a province that has set nothing: signatories and admins, from a day on.
func DefaultFactorPolicy(from Date) FactorPolicy {
	return FactorPolicy{Needs: []FactorNeed{{Signatory, from}, {Admin, from}}}
}

// Requires tells whether the account must have a second factor at the office on the date.
func (p FactorPolicy) Requires(a Account, office OfficeCode, on Date) bool {
	return slices.ContainsFunc(p.Needs, func(n FactorNeed) bool { return n.From <= on && a.Has(office, n.Role, on) })
}

// Validate checks roles and dates.
func (p FactorPolicy) Validate() error {
	if len(p.Needs) > 16 {
		return errors.New("factor policy: more than 16 lines")
	}
	for _, n := range p.Needs {
		if n.Role != DeskOfficer && n.Role != Specialist && n.Role != Signatory && n.Role != Admin {
			return fmt.Errorf("factor policy: unknown role %.40q", n.Role)
		}
		if err := n.From.Validate(); err != nil {
			return fmt.Errorf("factor policy: %w", err)
		}
	}
	return nil
}

// codeAlphabet is Crockford's: no I, L, O, U.
var codeAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// OneTimeCode writes 80 random bits as a code to type, XXXX-XXXX-XXXX-XXXX: a recovery code or a reset code.
func OneTimeCode(random [10]byte) string {
	s := codeAlphabet.EncodeToString(random[:])
	return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
}

// NormalCode folds a typed code: case, spaces, dashes, and the letters that are taken for digits.
func NormalCode(s string) string {
	s = strings.ToUpper(s)
	return strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(s)
}

// RecoveryHash is what is kept of an account's recovery code. Eighty random bits need no slow hash.
func RecoveryHash(id AccountID, code string) digest.Digest {
	return digest.Of([]byte("motcua recovery v1\n" + string(id) + "\n" + NormalCode(code)))
}

// ResetHash is what is kept of a code with which a new password may be set.
func ResetHash(code string) digest.Digest {
	return digest.Of([]byte("motcua reset v1\n" + NormalCode(code)))
}

// MaxResetHours bounds the life of a reset code.
const MaxResetHours = 72

// MaxDeskResets bounds how many reset codes an office issues to citizens in a day of the calendar.
const MaxDeskResets = 20

// Reset is the last reset code that was issued for an account, for its owner to see: when, by whom, and when it was used; 0 if it
// was not. Times are Unix seconds.
type Reset struct {
	At   int64 `cbor:"1,keyasint" json:"at"`
	By   Actor `cbor:"2,keyasint" json:"by,omitzero"`
	Used int64 `cbor:"3,keyasint,omitempty" json:"used,omitempty"`
}

// DeskReset is a reset code that the admin of an office issued to a citizen, at Unix milliseconds.
type DeskReset struct {
	At      int64      `cbor:"1,keyasint" json:"at"`
	Office  OfficeCode `cbor:"2,keyasint" json:"office"`
	Account AccountID  `cbor:"3,keyasint" json:"account"`
	By      AccountID  `cbor:"4,keyasint" json:"by"`
}
