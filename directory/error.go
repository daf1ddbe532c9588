package directory

import (
	"errors"
	"fmt"
)

// Code is the class of a directory error; it crosses the wire, the text does not have to. Append only.
type Code string

// The classes of errors.
const (
	Invalid   Code = "invalid"   // the request is wrong by itself: mend it
	NotFound  Code = "not_found" // no such thing at this index
	Conflict  Code = "conflict"  // taken, or changed meanwhile: read again
	Denied    Code = "denied"    // the caller may not
	NoLeader  Code = "no_leader" // no majority just now: try again later
	Exhausted Code = "exhausted" // a bound is reached: wait or ask for less
	Newer     Code = "newer"     // written by a newer version: upgrade this server
	Known     Code = "known"     // somebody with this identity number has an account: sign in with it, or ask at a desk
	Internal  Code = "internal"  // a fault of ours: see the log
)

// Error says what failed and why. Message is for people and holds no personal data.
type Error struct {
	Op      string `cbor:"1,keyasint" json:"op"`
	Code    Code   `cbor:"2,keyasint" json:"code"`
	Message string `cbor:"3,keyasint" json:"message"`
}

func (e *Error) Error() string { return e.Op + ": " + e.Message }

// Errorf makes an Error.
func Errorf(op string, code Code, format string, a ...any) *Error {
	return &Error{Op: op, Code: code, Message: fmt.Sprintf(format, a...)}
}

// CodeOf returns the class of err, Internal for an error that has none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
