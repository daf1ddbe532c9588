// Package command is every change the directory accepts, one type each, and its bytes in the replicated log. It is pure.
//
// # Growing
//
// Kinds and keys are append-only. A server that meets a kind or a key it does not know stops and says which version is
// needed: a log half understood would make servers differ. A new kind is therefore proposed only once every server
// understands it.
//
// # Time and identity
//
// Nothing in a command is read from a clock or made at random while it is applied: the leader puts the time into the
// envelope before it proposes, and whoever asks for a change chooses its request id, so that a repeat is recognised.
package command

import (
	"fmt"

	"motcua/crypto/wire"
	"motcua/directory"
)

// Kind is the kind of a command. Append only.
type Kind uint16

// The kinds. Numbers are given out in tens to what belongs together.
const (
	KindFound           Kind = 1
	KindPublish         Kind = 2
	KindPutAccount      Kind = 3
	KindRegisterAccount Kind = 4
	KindIssueToken      Kind = 5
	KindEnrol           Kind = 6
	KindRevoke          Kind = 7
	KindAnnounce        Kind = 8
	KindReport          Kind = 9
	KindCutEdition      Kind = 10
	KindCosignEdition   Kind = 11
)

// Version is the version of the envelope that this program writes and reads.
const Version = 1

// MaxBytes bounds an encoded command. A larger publication is split: see [Publish.Split].
const MaxBytes = 256 << 10

// RequestID names a request for ever; whoever asks chooses it at random, and repeats it with a repeat.
type RequestID [16]byte

// Command is one change.
type Command interface {
	Kind() Kind
	// Validate checks what can be told without the tables. It is also run when a command is applied.
	Validate() error
}

// Envelope is a command as it stands in the log.
type Envelope struct {
	Version uint8     `cbor:"1,keyasint"`
	Kind    Kind      `cbor:"2,keyasint"`
	Request RequestID `cbor:"3,keyasint"`
	At      int64     `cbor:"4,keyasint"` // Unix milliseconds of the leader's clock when it proposed
	Body    []byte    `cbor:"5,keyasint"`
}

// Encode returns the bytes for the log. The time is Unix milliseconds.
func Encode(id RequestID, at int64, c Command) ([]byte, error) {
	body, err := Body(c)
	if err != nil {
		return nil, err
	}
	return Seal(id, at, c.Kind(), body)
}

// Body validates a command and returns its own bytes, as they travel to the leader.
func Body(c Command) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, directory.Errorf("propose", directory.Invalid, "%v", err)
	}
	b, err := wire.Marshal(c)
	if err == nil && len(b) > MaxBytes {
		err = directory.Errorf("propose", directory.Exhausted, "command of %d bytes, at most %d; send less at once", len(b), MaxBytes)
	}
	return b, err
}

// Seal puts the bytes of a command into its envelope.
func Seal(id RequestID, at int64, k Kind, body []byte) ([]byte, error) {
	return wire.Marshal(Envelope{Version: Version, Kind: k, Request: id, At: at, Body: body})
}

// Decode reads an entry of the log. Nothing gets into the log but what this package has encoded, or [Open] has read before, so
// the form is not looked at again. The error has the code Newer when a later version wrote it.
func Decode(b []byte) (Envelope, Command, error) {
	var e Envelope
	if err := wire.UnmarshalKept(b, &e); err != nil {
		return e, nil, directory.Errorf("read command", directory.Newer, "%v; a later version wrote it or the log is damaged: upgrade this server", err)
	}
	if e.Version != Version {
		return e, nil, directory.Errorf("read command", directory.Newer, "envelope of format %d, this version reads %d: upgrade this server", e.Version, Version)
	}
	c, err := open(e.Kind, e.Body, wire.UnmarshalKept)
	return e, c, err
}

// Open reads the bytes of one command, as others have sent them.
func Open(k Kind, body []byte) (Command, error) { return open(k, body, wire.Unmarshal) }

func open(k Kind, body []byte, read func(b []byte, v any) error) (Command, error) {
	known, ok := kinds[k]
	if !ok {
		return nil, directory.Errorf("read command", directory.Newer, "kind %d is not known to this version: upgrade this server", k)
	}
	if len(body) > MaxBytes {
		return nil, fmt.Errorf("read command: %d bytes, at most %d: %w", len(body), MaxBytes, wire.ErrMalformed)
	}
	c := known.empty()
	if err := read(body, c); err != nil {
		return nil, directory.Errorf("read command", directory.Newer, "%v; a later version wrote it: upgrade this server", err)
	}
	return c, nil
}

// kinds is what belongs to each kind: its name, and an empty command to read one into.
var kinds = map[Kind]struct {
	name  string
	empty func() Command
}{
	KindFound:           {"found", func() Command { return new(Found) }},
	KindPublish:         {"publish", func() Command { return new(Publish) }},
	KindPutAccount:      {"put account", func() Command { return new(PutAccount) }},
	KindRegisterAccount: {"register account", func() Command { return new(RegisterAccount) }},
	KindIssueToken:      {"issue token", func() Command { return new(IssueToken) }},
	KindEnrol:           {"enrol", func() Command { return new(Enrol) }},
	KindRevoke:          {"revoke", func() Command { return new(Revoke) }},
	KindAnnounce:        {"announce", func() Command { return new(Announce) }},
	KindReport:          {"report", func() Command { return new(Report) }},
	KindCutEdition:      {"cut edition", func() Command { return new(CutEdition) }},
	KindCosignEdition:   {"cosign edition", func() Command { return new(CosignEdition) }},
	// Members.
	KindAdmit:            {"admit server", func() Command { return new(Admit) }},
	KindDismiss:          {"dismiss server", func() Command { return new(Dismiss) }},
	KindSucceed:          {"draw up succession", func() Command { return new(Succeed) }},
	KindCosignSuccession: {"cosign succession", func() Command { return new(CosignSuccession) }},
	KindForget:           {"forget server", func() Command { return new(Forget) }},
	KindSetLevel:         {"set upgrade level", func() Command { return new(SetLevel) }},
	KindRotate:           {"rotate keys", func() Command { return new(Rotate) }},

	// The catalogue.
	KindWithdraw:   {"withdraw", func() Command { return new(Withdraw) }},
	KindReportOpen: {"report open dossiers", func() Command { return new(ReportOpen) }},

	// Offices and calendars.
	KindChangeOffices:   {"change offices", func() Command { return new(ChangeOffices) }},
	KindPublishCalendar: {"publish calendar", func() Command { return new(PublishCalendar) }},

	// Accounts.
	KindMakeAccount:   {"make account", func() Command { return new(MakeAccount) }},
	KindEditAccount:   {"edit account", func() Command { return new(EditAccount) }},
	KindSetPassword:   {"set password", func() Command { return new(SetPassword) }},
	KindChangeFactor:  {"change factor", func() Command { return new(ChangeFactor) }},
	KindChangeGrants:  {"change grants", func() Command { return new(ChangeGrants) }},
	KindDelegate:      {"delegate", func() Command { return new(Delegate) }},
	KindCloseAccount:  {"close account", func() Command { return new(CloseAccount) }},
	KindIssueReset:    {"issue reset", func() Command { return new(IssueReset) }},
	KindMergeAccounts: {"merge accounts", func() Command { return new(MergeAccounts) }},
	KindAccountRules:  {"account rules", func() Command { return new(AccountRules) }},

	// Keys.
	KindTakeKeys:  {"take new keys", func() Command { return new(TakeKeys) }},
	KindVoidToken: {"void token", func() Command { return new(VoidToken) }},
}

func (k Kind) String() string {
	if known, ok := kinds[k]; ok {
		return known.name
	}
	return fmt.Sprintf("kind %d", uint16(k))
}
