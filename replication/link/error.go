package link

import (
	"errors"
	"fmt"

	"github.com/quic-go/quic-go"
)

// Why is the class of a refusal; it crosses the wire. Append only.
type Why uint8

// The refusals.
const (
	UnknownProtocol Why = 1 // the peer runs a version that does not speak it
	NotAllowed      Why = 2 // the peer does not know this key, and the protocol is for those it knows
	Revoked         Why = 3 // the key is revoked in the peer's edition
	Busy            Why = 4 // a bound is reached: try again later
	Malformed       Why = 5 // the opening of the stream made no sense to the peer
)

func (w Why) String() string {
	switch w {
	case UnknownProtocol:
		return "it does not speak this protocol; upgrade the older of the two"
	case NotAllowed:
		return "it does not know our key yet; it will once it has a newer edition"
	case Revoked:
		return "our key is revoked; ask the directory to enrol this machine again"
	case Busy:
		return "it is too busy just now"
	case Malformed:
		return "it did not understand us; upgrade the older of the two"
	}
	return fmt.Sprintf("reason %d, which this version does not know", uint8(w))
}

// Refused is the peer's answer to a connection or stream that it does not want.
type Refused struct{ Why Why }

func (r *Refused) Error() string { return "the peer refused: " + r.Why.String() }

// Errors told apart by callers.
var (
	// ErrUnreachable: no connection to the peer could be made or kept. It says nothing about which end is at fault.
	ErrUnreachable = errors.New("peer cannot be reached")
	// ErrImpostor: whoever answered at the peer's address holds another key than the peer's.
	ErrImpostor = errors.New("another key answers at the peer's address")
	// ErrRevoked: the resolver says that the peer's key is revoked, so it is not dialled.
	ErrRevoked = errors.New("peer's key is revoked")
	// ErrTooLarge: a message is longer than its reader allows.
	ErrTooLarge = errors.New("message is too large")
	// ErrClosed: the link is closed.
	ErrClosed = errors.New("link is closed")
)

// Connection error codes on the wire: codeRefused plus a Why.
const (
	codeClosed  quic.ApplicationErrorCode = 0
	codeRefused quic.ApplicationErrorCode = 0x100
)

// plain turns the errors of quic-go into ours; others pass.
func plain(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok {
		if e.Remote && e.ErrorCode > codeRefused && e.ErrorCode <= codeRefused+0xff {
			return &Refused{Why(e.ErrorCode - codeRefused)}
		}
		return fmt.Errorf("%w: connection closed", ErrUnreachable)
	}
	if errors.Is(err, quic.ErrTransportClosed) {
		return ErrClosed
	}
	if errors.Is(err, ErrImpostor) {
		return err
	}
	if lost(err) {
		return fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	return err
}

// lost tells errors of a connection from errors of a stream or of the caller.
func lost(err error) bool {
	if _, ok := errors.AsType[*quic.IdleTimeoutError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*quic.HandshakeTimeoutError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*quic.ApplicationError](err); ok {
		return true
	}
	_, ok := errors.AsType[*quic.TransportError](err)
	return ok
}
