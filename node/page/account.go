package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"time"

	"motcua/node/text"
)

//go:embed key.js
var keyScript []byte

// Script is the script of pages that ask a security key, with an address that changes whenever its bytes do. No other page has
// any; those that have it can be gone through without it, by a code.
func Script() Style {
	sum := sha256.Sum256(keyScript)
	return Style{"/static/key-" + hex.EncodeToString(sum[:6]) + ".js", keyScript}
}

// Scripted tells whether a page asks a security key, and so has the script.
func Scripted(p Page) bool {
	s, ok := p.(interface{ key() *KeyAsk })
	return ok && s.key() != nil
}

// KeyAsk is what a security key is asked: options as JSON for the browser, and the name of the ceremony.
type KeyAsk struct {
	Options, Ceremony string
	Make              bool // a new key
	Src               string
	Label             *Field // of a new key
	Once              string
	Action            string
	Next              string
	Button            string
}

// Factor asks for the second factor: at sign-in, or again before something that matters.
type Factor struct {
	Form
	Again   bool
	Next    string
	Fields  []Field // a code; none where only a key can be shown
	Key     *KeyAsk
	KeysFor string // the name of the portal that the account's keys were made for, where it is not this one
	Action  string
}

func (Factor) file() string   { return "factor" }
func (p Factor) key() *KeyAsk { return p.Key }
func (p Factor) title(l text.Lang) string {
	if p.Again {
		return l.T("factor.again")
	}
	return l.T("factor.title")
}

// AddFactor offers the kinds of second factors. Must: nothing else can be done before one is there.
type AddFactor struct {
	Must    bool
	Why     string // from when on it is asked for, "" for who need not
	NoKeys  string // why no security key can be made here, "" where one can
	TOTP    string // addresses
	Key     string
	SignOut string
	Back    string
}

func (AddFactor) file() string             { return "add_factor" }
func (AddFactor) title(l text.Lang) string { return l.T("add_factor.title") }

// AddTOTP shows a secret, as a code to scan and to type, and asks for the first code that the authenticator shows.
type AddTOTP struct {
	Form
	QR           QR
	Secret       string // grouped for typing
	Fields       []Field
	Back, Action string
}

func (AddTOTP) file() string             { return "add_totp" }
func (AddTOTP) title(l text.Lang) string { return l.T("add_totp.title") }

// AddKey makes a security key.
type AddKey struct {
	Form
	Key  *KeyAsk
	Back string
}

func (AddKey) file() string             { return "add_key" }
func (p AddKey) key() *KeyAsk           { return p.Key }
func (AddKey) title(l text.Lang) string { return l.T("add_key.title") }

// Codes are shown once: recovery codes, or the code that lets somebody set a new password.
type Codes struct {
	Heading, Text string
	Codes         []string
	Rows          []Row
	Next          Link
}

func (Codes) file() string               { return "codes" }
func (p Codes) title(l text.Lang) string { return p.Heading }

// Ask is a form of a few fields with a heading: the accounts' small changes.
type Ask struct {
	Form
	Heading, Text, Warning string
	Button, Back, Action   string
	Danger                 bool
	Hidden                 []Row // name and value
	Fields                 []Field
	Help                   string
}

func (Ask) file() string               { return "ask" }
func (p Ask) title(l text.Lang) string { return p.Heading }

// Account is a person's own account.
type Account struct {
	Form
	Base      string // address of the account below the language's
	Profile   []Row
	Conflict  bool
	Reset     string // that a reset code was issued, "" for nothing to say
	Staff     bool
	Factors   []FactorRow
	CodesLeft int
	MustFrom  string // from when on a second factor is asked for, "" where there is one or it is not
	Roles     []string
	Given     []DelegationRow
	Acting    []DelegationRow
	MayGive   bool
	SignIns   []SignInRow
}

// FactorRow is one second factor.
type FactorRow struct {
	ID, Label, Kind string
	Added           time.Time
	Used            time.Time
}

// DelegationRow is one delegation.
type DelegationRow struct {
	ID, From     string // From: the id of who made it
	Person, What string
	Decision     string
	MayEnd       bool
}

// SignInRow is one place where somebody is signed in.
type SignInRow struct {
	ID, Agent, Place string
	At               time.Time
	Here             bool
}

func (Account) file() string             { return "account" }
func (Account) title(l text.Lang) string { return l.T("account.title") }

// History is what happened to an account, newest first.
type History struct {
	Back  string
	Lines []HistoryLine
}

// HistoryLine is one change.
type HistoryLine struct {
	At            time.Time
	What, By, Why string
}

func (History) file() string             { return "account_history" }
func (History) title(l text.Lang) string { return l.T("history.title") }

// Staff lists the people of an office, for its admin.
type Staff struct{ People []Person }

// Person is a member of staff in a list.
type Person struct {
	Name, Login, URL string
	Roles            []string
	Factor           Tag
	Closed           bool
}

func (Staff) file() string             { return "staff" }
func (Staff) title(l text.Lang) string { return l.T("staff.title") }

// Member is one member of staff, for the office's admin.
type Member struct {
	Form
	Name, URL string
	Rows      []Row
	Closed    string // why and since when it is disabled
	Grants    []GrantRow
	Given     []DelegationRow
	Acting    []DelegationRow
	Acts      []Act
	Back      string
}

// GrantRow is a role that may be taken back here.
type GrantRow struct {
	N       int
	What    string
	MayTake bool
}

func (Member) file() string               { return "member" }
func (p Member) title(l text.Lang) string { return p.Name }
