package client

import (
	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/edition"
)

// The protocols of the directory's servers.
const (
	Protocol      = "directory/1" // for enrolled nodes
	EnrolProtocol = "enrol/1"     // for whoever holds a token
)

// Op is what a node asks for. Append only.
type Op uint8

// The operations.
const (
	OpEdition  Op = 1  // EditionWish → bytes of an edition, empty if there is no newer one
	OpRegister Op = 2  // directory.Account → the same as it now stands
	OpAccount  Op = 3  // was: login → directory.Account; not answered any more
	OpStaff    Op = 4  // nothing → []directory.Account of the caller's office
	OpReport   Op = 5  // []directory.Track → state.Reported
	OpLookup   Op = 6  // code → directory.Track
	OpMine     Op = 7  // directory.AccountID → []directory.Track
	OpAnnounce Op = 8  // Place → nothing
	OpProve    Op = 9  // Proof → bool
	OpSelf     Op = 10 // directory.AccountID → directory.Account without its verifier
	OpParams   Op = 11 // login → parameters of its verifier, a string
	OpSignIn   Op = 12 // SignIn → directory.Account

	// Keys: 16 to 19.
	OpRotate Op = 16 // directory.SignedRotation → state.Enrolled

	OpReportOpen Op = 30 // []directory.OpenCount of the caller's office → nothing
)

// Request is one question. A repeat of a change carries the same id.
type Request struct {
	Op   Op                `cbor:"1,keyasint"`
	ID   command.RequestID `cbor:"2,keyasint"`
	Body []byte            `cbor:"3,keyasint,omitempty"` // wire encoding, by Op
	// AtLeast is the place in the log that the answer must include: a node sees its own writes at every server.
	AtLeast uint64 `cbor:"4,keyasint,omitempty"`
	// Fresh is how fresh the answer to a question must be. A server that does not know the field refuses the request as
	// newer than itself, and another is asked.
	Fresh Freshness `cbor:"5,keyasint,omitempty"`
}

// Freshness is how fresh the tables must be that a question is answered from. Whatever is asked for, any server takes the
// question: it learns from the leader how far it must have come, and answers from its own tables. A change and the newest
// edition take no notice of it. Append only.
type Freshness uint8

// The four levels. With all but Local an answer may wait for the server to catch up; with the last two it needs the leader.
const (
	// OwnWrites sees every change that this client was told of: at least the place in the log of the last. It is the default.
	OwnWrites Freshness = 0
	// Local is answered at once from what the server has, be it behind by any time: for lists and hints.
	Local Freshness = 1
	// Leader sees at least what the leader had applied when it was asked. A leader that was deposed a moment ago and does not
	// know it yet may answer.
	Leader Freshness = 2
	// Linearizable sees every change that anybody was told of before the question was put. A majority is asked for it.
	Linearizable Freshness = 3
)

// Response is the answer to a Request.
type Response struct {
	Failure *directory.Error `cbor:"1,keyasint,omitempty"`
	Body    []byte           `cbor:"2,keyasint,omitempty"`
	Index   uint64           `cbor:"3,keyasint,omitempty"` // where a change was decided
}

// Bounds in bytes.
const (
	MaxRequest  = command.MaxBytes + 1024
	MaxResponse = edition.MaxSigned + 1024
)

// EditionWish asks for an edition newer than Have, and if there is none, to wait for it at most Wait milliseconds.
type EditionWish struct {
	Have uint64 `cbor:"1,keyasint"`
	Wait uint32 `cbor:"2,keyasint,omitempty"`
	// Epoch is that of the members whom the asker trusts: it is given the successions after it.
	Epoch uint64 `cbor:"3,keyasint,omitempty"`
}

// MaxWait bounds the wait for an edition, in milliseconds.
const MaxWait = 30_000

// Place is where a node is.
type Place struct {
	Addr   string `cbor:"1,keyasint"`
	Portal string `cbor:"2,keyasint"`
}

// Proof asks whether the last four digits that somebody typed fit a code.
type Proof struct {
	Code  string        `cbor:"1,keyasint"`
	Check digest.Digest `cbor:"2,keyasint"` // directory.TrackCheck
}

// SignIn shows that somebody knows the password of a login.
type SignIn struct {
	Login string `cbor:"1,keyasint"`
	// Verifier was derived from the password that was typed, with the parameters that the directory named.
	Verifier string `cbor:"2,keyasint"`
}

// MaxLogin and MaxVerifier bound the two, in bytes.
const (
	MaxLogin    = 64
	MaxVerifier = 300
)

// EnrolLabel is what a node signs its application under, to show that it holds the signing key it names.
const EnrolLabel = "motcua enrolment v1"

// Application is what a node asks to be enrolled with. The TLS key is shown by the connection itself.
type Application struct {
	Version  uint8                `cbor:"1,keyasint"` // 1
	Genesis  digest.Digest        `cbor:"2,keyasint"`
	Token    digest.Digest        `cbor:"3,keyasint"` // directory.Token.Hash
	Office   directory.OfficeCode `cbor:"4,keyasint"`
	Identity identity.Public      `cbor:"5,keyasint"`
	Addr     string               `cbor:"6,keyasint"`
	Portal   string               `cbor:"7,keyasint"`
}

// EnrolRequest carries a signed application and the token's secret.
type EnrolRequest struct {
	Application record.Record `cbor:"1,keyasint"`
	Secret      [16]byte      `cbor:"2,keyasint"`
}

// EnrolResponse is the answer: the genesis, and an edition that knows the node.
type EnrolResponse struct {
	Failure *directory.Error `cbor:"1,keyasint,omitempty"`
	Genesis []byte           `cbor:"2,keyasint,omitempty"`
	Edition []byte           `cbor:"3,keyasint,omitempty"`
}

// MaxEnrol bounds a request for enrolment, in bytes.
const MaxEnrol = 32 << 10
