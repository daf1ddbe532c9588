package directory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"motcua/crypto/digest"
)

// AccountID names an account for ever; it says nothing about the person.
type AccountID string

// AccountKind tells citizens, businesses and staff apart. Append only.
type AccountKind string

// The kinds of accounts.
const (
	Citizen  AccountKind = "citizen"
	Business AccountKind = "business"
	Staff    AccountKind = "staff"
)

// Role is what a member of staff may do in an office. Append only.
type Role string

// The roles. A [Grant] may limit one to fields and steps.
const (
	DeskOfficer Role = "desk"       // accept, refuse, return
	Specialist  Role = "specialist" // process, forward
	Signatory   Role = "signatory"  // decide
	Admin       Role = "admin"      // the node's own page
)

// Grant gives a role in one office for a period: for all its work, or for some fields and steps of it.
type Grant struct {
	Office OfficeCode `cbor:"1,keyasint" json:"office"`
	Role   Role       `cbor:"2,keyasint" json:"role"`
	Valid  Period     `cbor:"3,keyasint" json:"valid,omitzero"`
	// Fields are ids of fields of work; none: all.
	Fields []string `cbor:"4,keyasint,omitempty" json:"fields,omitempty"`
	// Steps are kinds of steps ([StepAccept] among them), or single steps in the form PROCEDURE/STEP; none: all.
	Steps []string `cbor:"5,keyasint,omitempty" json:"steps,omitempty"`
}

// Account is one person or business in the province: one account, every office.
type Account struct {
	ID    AccountID   `cbor:"1,keyasint" json:"id"`
	Login string      `cbor:"2,keyasint" json:"login"` // unique across the province, see NormalLogin
	Kind  AccountKind `cbor:"3,keyasint" json:"kind"`
	Name  string      `cbor:"4,keyasint" json:"name"`
	// Identity is the 12-digit personal identification number (Law 26/2023/QH15) or the tax code.
	Identity string `cbor:"5,keyasint,omitempty" json:"identity,omitempty"`
	Phone    string `cbor:"6,keyasint,omitempty" json:"phone,omitempty"`
	Email    string `cbor:"7,keyasint,omitempty" json:"email,omitempty"`
	Address  string `cbor:"8,keyasint,omitempty" json:"address,omitempty"`
	// Verifier is the argon2id verifier of the password in PHC form; never logged, never shown.
	Verifier string  `cbor:"9,keyasint" json:"-"`
	Grants   []Grant `cbor:"10,keyasint,omitempty" json:"grants,omitempty"`
	Disabled bool    `cbor:"11,keyasint,omitempty" json:"disabled,omitempty"`
	// Version grows by one with every change; a node keeps the newest it has seen.
	Version uint64 `cbor:"12,keyasint" json:"version"`
	// Factors are second factors of staff. They and Recovery go to offices where the account serves, and nowhere else.
	Factors []Factor `cbor:"13,keyasint,omitempty" json:"factors,omitempty"`
	// Recovery are [RecoveryHash]es of the codes that stand in for a lost factor, each once.
	Recovery []digest.Digest `cbor:"14,keyasint,omitempty" json:"-"`
	// MustChange: whoever signs in with this password must first choose another.
	MustChange bool `cbor:"15,keyasint,omitempty" json:"must_change,omitempty"`
	// Given are the delegations that this account has made, Acting those that it has received. Ended ones are in neither.
	Given  []Delegation `cbor:"16,keyasint,omitempty" json:"given,omitempty"`
	Acting []Delegation `cbor:"17,keyasint,omitempty" json:"acting,omitempty"`
	// Closed says why and since when the account is disabled, where that is known.
	Closed *Closed `cbor:"18,keyasint,omitempty" json:"closed,omitempty"`
	// Merged is the account that this one has become part of; a merged account is disabled. Former are the ids that have
	// become part of this one.
	Merged AccountID   `cbor:"19,keyasint,omitempty" json:"merged,omitempty"`
	Former []AccountID `cbor:"20,keyasint,omitempty" json:"former,omitempty"`
	// Since, Unix seconds: sessions issued before are over, because the password was changed or access was taken.
	Since int64 `cbor:"21,keyasint,omitempty" json:"since,omitempty"`
	// Renamed is when the owner last chose another login, Unix seconds.
	Renamed int64 `cbor:"22,keyasint,omitempty" json:"renamed,omitempty"`
	// Reset is the last reset code that was issued, nil for none since the owner last chose a password with the one before.
	Reset *Reset `cbor:"23,keyasint,omitempty" json:"reset,omitempty"`
}

// Closed is a disabled account's reason, who gave it, and when, Unix seconds.
type Closed struct {
	Reason string `cbor:"1,keyasint" json:"reason"`
	At     int64  `cbor:"2,keyasint" json:"at"`
	By     Actor  `cbor:"3,keyasint" json:"by"`
}

// LogValue shows the id alone: nothing in a log identifies a person.
func (a Account) LogValue() slog.Value { return slog.StringValue(string(a.ID)) }

// String shows the id alone, as LogValue does.
func (a Account) String() string { return string(a.ID) }

var (
	loginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{2,63}$`)
	cccd      = regexp.MustCompile(`^[0-9]{12}$`)
	taxCode   = regexp.MustCompile(`^[0-9]{10}(-[0-9]{3})?$`)
	phone     = regexp.MustCompile(`^0[0-9]{9,10}$`)
)

// NormalLogin folds a typed login: spaces trimmed, lower case.
func NormalLogin(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ValidIdentity tells whether s has the form of a 12-digit personal number or of a tax code with a right check
// digit (10 digits, weights 31,29,23,19,17,13,7,5,3; or 10-3 for a dependent unit).
func ValidIdentity(s string) bool {
	if cccd.MatchString(s) {
		return s[3] <= '5' // century and sex: 0–5 for births of 1900–2199
	}
	if !taxCode.MatchString(s) {
		return false
	}
	sum := 0
	for i, w := range []int{31, 29, 23, 19, 17, 13, 7, 5, 3} {
		sum += w * int(s[i]-'0')
	}
	return 10-sum%11 == int(s[9]-'0')
}

// ValidPhone tells whether s is a Vietnamese telephone number, digits only.
func ValidPhone(s string) bool { return phone.MatchString(s) }

// Validate checks the forms of login, identity and phone.
func (a Account) Validate() error {
	switch {
	case a.ID == "":
		return fmt.Errorf("account: no id")
	case !loginForm.MatchString(a.Login):
		return fmt.Errorf("account: malformed login: want 3 to 64 of a-z 0-9 . _ @ -")
	case strings.TrimSpace(a.Name) == "" || len(a.Name) > 200:
		return fmt.Errorf("account: name missing or over 200 bytes")
	case a.Kind != Citizen && a.Kind != Business && a.Kind != Staff:
		return fmt.Errorf("account: unknown kind %q", a.Kind)
	case a.Identity != "" && !ValidIdentity(a.Identity):
		return fmt.Errorf("account: identity number has the wrong form")
	case a.Phone != "" && !ValidPhone(a.Phone):
		return fmt.Errorf("account: telephone number has the wrong form")
	case a.Verifier == "":
		return fmt.Errorf("account: no password verifier")
	}
	return nil
}

// The cost of verifiers that nodes make now: argon2id with 19 MiB, 2 passes, 1 lane. Only a decoy uses it here.
const decoyCost = "$argon2id$v=19$m=19456,t=2,p=1$"

// VerifierParams returns a verifier without its sum: what must be known to derive it again from the password. It is
// false for text that is no verifier in PHC form.
func VerifierParams(verifier string) (params string, ok bool) {
	i := strings.LastIndexByte(verifier, '$')
	if !strings.HasPrefix(verifier, "$argon2id$") || strings.Count(verifier, "$") != 5 || i == len(verifier)-1 {
		return "", false
	}
	return verifier[:i+1], true
}

// DecoyParams returns what VerifierParams would for a login that nobody has: the same for ever, and not to be told from
// another's without the secret.
func DecoyParams(secret []byte, login string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("motcua decoy v1\n" + NormalLogin(login)))
	return decoyCost + base64.RawStdEncoding.EncodeToString(mac.Sum(nil)[:16]) + "$"
}

// WithoutVerifier returns the account as an office may have it that was not shown the password: without verifier, and of
// its factors nothing to sign in or to guess with.
func (a Account) WithoutVerifier() Account {
	a.Verifier, a.Recovery = "", nil
	a.Factors = slices.Clone(a.Factors)
	for i, f := range a.Factors {
		a.Factors[i] = Factor{ID: f.ID, Kind: f.Kind, Label: f.Label, Added: f.Added}
	}
	return a
}

// Is tells whether the id is this account's, now or before a merge: what it handed in then is its own.
func (a Account) Is(id AccountID) bool {
	return id != "" && (a.ID == id || slices.Contains(a.Former, id))
}

// Serves tells whether the account has a role in the office, of whatever date.
func (a Account) Serves(office OfficeCode) bool {
	return slices.ContainsFunc(a.Grants, func(g Grant) bool { return g.Office == office })
}
