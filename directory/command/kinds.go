package command

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
	"motcua/directory"
)

// Found begins the province. It is proposed by the first leader; a repeat is ignored, another genesis is a conflict.
type Found struct {
	Genesis directory.Genesis `cbor:"1,keyasint"`
	// Secret is known to the servers alone: nodes have the genesis, too. The first one given is kept.
	Secret []byte `cbor:"2,keyasint,omitempty"`
}

// SecretSize is the size of the servers' secret, in bytes.
const SecretSize = 32

// Publish adds to the public tables or replaces rows of them: levels, offices and fields by code, the calendar by a
// higher version, procedures by code and version, where a version once published never changes.
type Publish struct {
	Levels     []directory.Level     `cbor:"1,keyasint,omitempty"`
	Offices    []directory.Office    `cbor:"2,keyasint,omitempty"`
	Fields     []directory.Field     `cbor:"3,keyasint,omitempty"`
	Calendar   *directory.Calendar   `cbor:"4,keyasint,omitempty"`
	Procedures []directory.Procedure `cbor:"5,keyasint,omitempty"`
	// Publication has it recorded; nil: it is not.
	Publication *Part `cbor:"6,keyasint,omitempty"`
}

// PutAccount makes or replaces an account, by province IT. The version is set by the directory.
type PutAccount struct {
	Account directory.Account `cbor:"1,keyasint"`
}

// RegisterAccount makes a citizen's or business's account at the office From. A login that is taken is a conflict, unless
// it is the same account again.
type RegisterAccount struct {
	Account directory.Account    `cbor:"1,keyasint"`
	From    directory.OfficeCode `cbor:"2,keyasint"`
}

// IssueToken lets the holder of a token enrol for an office until Expires, Unix seconds.
type IssueToken struct {
	Hash    digest.Digest        `cbor:"1,keyasint"` // directory.Token.Hash
	Office  directory.OfficeCode `cbor:"2,keyasint"`
	Expires int64                `cbor:"3,keyasint"`
}

// Enrol uses a token up and binds an identity to its office. The key that the office had before is revoked.
type Enrol struct {
	Hash     digest.Digest   `cbor:"1,keyasint"`
	Identity identity.Public `cbor:"2,keyasint"`
	Addr     string          `cbor:"3,keyasint"` // UDP host:port
	Portal   string          `cbor:"4,keyasint"` // base URL
}

// Revoke ends the trust in the key that an office has now. Key guards against revoking another than was meant.
type Revoke struct {
	Office directory.OfficeCode `cbor:"1,keyasint"`
	Key    digest.Digest        `cbor:"2,keyasint"` // identity.Public.ID
	Reason string               `cbor:"3,keyasint"`
}

// Announce says where an office's node is now.
type Announce struct {
	Office directory.OfficeCode `cbor:"1,keyasint"`
	Addr   string               `cbor:"2,keyasint"`
	Portal string               `cbor:"3,keyasint"`
}

// Report brings tracks from an office.
type Report struct {
	From   directory.OfficeCode `cbor:"1,keyasint"`
	Tracks []directory.Track    `cbor:"2,keyasint"`
}

// CutEdition fixes the public tables as they are at its place in the log as edition Number.
type CutEdition struct {
	Number uint64 `cbor:"1,keyasint"`
}

// CosignEdition brings a member's signature under an edition.
type CosignEdition struct {
	Number uint64        `cbor:"1,keyasint"`
	Member string        `cbor:"2,keyasint"`
	Record record.Record `cbor:"3,keyasint"`
}

// plain tells whether s is what ids are made of, 1 to 64 of A-Z a-z 0-9 _ . @ : -. They become parts of keys, which slashes divide.
// It is asked of every track three times, so it is no regular expression.
func plain(s string) bool {
	for _, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && ('0' > c || c > '9') && !strings.ContainsRune("_.@:-", rune(c)) {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 64
}

// Kind returns KindFound.
func (*Found) Kind() Kind { return KindFound }

// Kind returns KindPublish.
func (*Publish) Kind() Kind { return KindPublish }

// Kind returns KindPutAccount.
func (*PutAccount) Kind() Kind { return KindPutAccount }

// Kind returns KindRegisterAccount.
func (*RegisterAccount) Kind() Kind { return KindRegisterAccount }

// Kind returns KindIssueToken.
func (*IssueToken) Kind() Kind { return KindIssueToken }

// Kind returns KindEnrol.
func (*Enrol) Kind() Kind { return KindEnrol }

// Kind returns KindRevoke.
func (*Revoke) Kind() Kind { return KindRevoke }

// Kind returns KindAnnounce.
func (*Announce) Kind() Kind { return KindAnnounce }

// Kind returns KindReport.
func (*Report) Kind() Kind { return KindReport }

// Kind returns KindCutEdition.
func (*CutEdition) Kind() Kind { return KindCutEdition }

// Kind returns KindCosignEdition.
func (*CosignEdition) Kind() Kind { return KindCosignEdition }

// Validate checks the genesis and the size of the secret.
func (c *Found) Validate() error {
	if len(c.Secret) != 0 && len(c.Secret) != SecretSize {
		return fmt.Errorf("secret of %d bytes, want %d", len(c.Secret), SecretSize)
	}
	return c.Genesis.Validate()
}

// Validate checks every row by itself.
func (c *Publish) Validate() error {
	for _, l := range c.Levels {
		if !plain(string(l.ID)) || l.Name.VI == "" || l.Rank == 0 {
			return fmt.Errorf("level %q: malformed id, no Vietnamese name or no rank", l.ID)
		}
		if err := l.Valid.Validate(); err != nil {
			return fmt.Errorf("level %s: %w", l.ID, err)
		}
	}
	for _, o := range c.Offices {
		if err := o.Validate(); err != nil {
			return err
		}
	}
	for _, f := range c.Fields {
		if !plain(f.ID) || f.Name.VI == "" {
			return fmt.Errorf("field %q: malformed id or no Vietnamese name", f.ID)
		}
	}
	if c.Calendar != nil {
		if err := c.Calendar.Validate(); err != nil {
			return err
		}
	}
	for _, p := range c.Procedures {
		if err := p.Validate(); err != nil {
			return err
		}
	}
	if c.Publication != nil {
		return c.Publication.Validate()
	}
	return nil
}

// Split cuts a publication into ones that fit MaxBytes, in an order in which each finds what it refers to.
func (c *Publish) Split() ([]*Publish, error) {
	s := &splitter{}
	for _, l := range c.Levels {
		s.add(l, func(p *Publish) { p.Levels = append(p.Levels, l) })
	}
	for _, f := range c.Fields {
		s.add(f, func(p *Publish) { p.Fields = append(p.Fields, f) })
	}
	if c.Calendar != nil {
		s.add(c.Calendar, func(p *Publish) { p.Calendar = c.Calendar })
	}
	for _, o := range parentsFirst(c.Offices) {
		s.add(o, func(p *Publish) { p.Offices = append(p.Offices, o) })
	}
	for _, r := range c.Procedures {
		s.add(r, func(p *Publish) { p.Procedures = append(p.Procedures, r) })
	}
	return s.parts, s.err
}

// parentsFirst orders offices so that each comes after its parent, where that is among them.
func parentsFirst(offices []directory.Office) []directory.Office {
	byCode := map[directory.OfficeCode]directory.Office{}
	for _, o := range offices {
		byCode[o.Code] = o
	}
	var out []directory.Office
	placed := map[directory.OfficeCode]bool{}
	var place func(o directory.Office)
	place = func(o directory.Office) {
		if placed[o.Code] {
			return
		}
		placed[o.Code] = true // before its parent: a circle must end
		if parent, ok := byCode[o.Parent]; ok {
			place(parent)
		}
		out = append(out, o)
	}
	for _, o := range offices {
		place(o)
	}
	return out
}

type splitter struct {
	parts []*Publish
	size  int
	err   error
}

// splitTarget leaves room for keys and lengths.
const splitTarget = MaxBytes - 16<<10

func (s *splitter) add(row any, put func(*Publish)) {
	b, err := wire.Marshal(row)
	if err == nil && len(b) > splitTarget {
		err = fmt.Errorf("a row of %d bytes, at most %d", len(b), splitTarget)
	}
	if err != nil {
		s.err = errors.Join(s.err, err)
		return
	}
	if len(s.parts) == 0 || s.size+len(b) > splitTarget {
		s.parts = append(s.parts, &Publish{})
		s.size = 0
	}
	s.size += len(b)
	put(s.parts[len(s.parts)-1])
}

// MaxAccount bounds the bytes of an account.
const MaxAccount = 8 << 10

func validAccount(a directory.Account) error {
	b, err := wire.Marshal(a)
	if err != nil {
		return err
	}
	if len(b) > MaxAccount {
		return fmt.Errorf("account of %d bytes, at most %d", len(b), MaxAccount)
	}
	if !plain(string(a.ID)) {
		return errors.New("account: malformed id")
	}
	return a.Validate()
}

// Validate checks the account by itself.
func (c *PutAccount) Validate() error { return validAccount(c.Account) }

// Validate checks the account by itself: nobody registers as staff or with roles.
func (c *RegisterAccount) Validate() error {
	if c.Account.Kind == directory.Staff || len(c.Account.Grants) > 0 {
		return errors.New("account: staff accounts are made by province IT")
	}
	if err := c.From.Validate(); err != nil {
		return err
	}
	return validAccount(c.Account)
}

// Validate checks hash and office.
func (c *IssueToken) Validate() error {
	if c.Hash.IsZero() || c.Expires <= 0 {
		return errors.New("token: no hash or no expiry")
	}
	return c.Office.Validate()
}

// Validate checks keys and addresses.
func (c *Enrol) Validate() error {
	if _, err := c.Identity.Keys(); err != nil {
		return err
	}
	return validPlace(c.Addr, c.Portal)
}

// Validate checks office and reason.
func (c *Revoke) Validate() error {
	if c.Reason == "" || len(c.Reason) > 500 {
		return errors.New("revocation: reason missing or over 500 bytes")
	}
	return c.Office.Validate()
}

// Validate checks office and addresses.
func (c *Announce) Validate() error {
	if err := c.Office.Validate(); err != nil {
		return err
	}
	return validPlace(c.Addr, c.Portal)
}

func validPlace(addr, portal string) error {
	i := strings.LastIndexByte(addr, ':')
	if _, err := strconv.ParseUint(addr[i+1:], 10, 16); err != nil || i <= 0 || len(addr) > 200 {
		return fmt.Errorf("address %.200q: want host:port", addr)
	}
	if u, err := url.Parse(portal); err != nil || len(portal) > 200 || portal != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("portal %q: want a URL with http or https", portal)
	}
	return nil
}

// Validate checks sender and number. Each track is judged by itself, with ValidTrack, where the report is applied: one
// that is malformed must not hold up the others.
func (c *Report) Validate() error {
	if len(c.Tracks) == 0 || len(c.Tracks) > directory.MaxTrackBatch {
		return fmt.Errorf("report of %d tracks, want 1 to %d", len(c.Tracks), directory.MaxTrackBatch)
	}
	return c.From.Validate()
}

// ValidTrack checks codes and sizes of a track.
func ValidTrack(t directory.Track) error {
	optional := func(s string) bool { return s == "" || plain(s) }
	switch {
	case !plain(t.Code) || !optional(t.Alias) || !optional(string(t.Applicant)):
		return fmt.Errorf("track %.64q: malformed code, alias or applicant", t.Code)
	case len(t.State) > 32 || len(t.Root) > 64 || len(t.Holder) > 64 || len(t.Checks) > 4 || t.AsOf <= 0:
		return fmt.Errorf("track %s: a field is missing or too long", t.Code)
	}
	return nil
}

// Validate checks the number.
func (c *CutEdition) Validate() error {
	if c.Number == 0 {
		return errors.New("edition: no number")
	}
	return nil
}

// Validate checks the number; the signature is checked where the edition is.
func (c *CosignEdition) Validate() error {
	if c.Number == 0 || c.Member == "" || len(c.Record.Body) > 1024 || len(c.Record.Signature) > record.SignatureSize || len(c.Record.Path) > 0 {
		return errors.New("edition: malformed cosignature")
	}
	return nil
}
