package link

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// session is what a connection rides on: QUIC, or TLS over TCP where UDP does not pass.
type session interface {
	// OpenStream waits while too many streams are open.
	OpenStream(ctx context.Context) (pipe, error)
	AcceptStream(ctx context.Context) (pipe, error)
	// Context ends with the session.
	Context() context.Context
	// Close ends the session, and tells the peer why.
	Close(code quic.ApplicationErrorCode, why string)
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	TLS() tls.ConnectionState
}

// pipe is one stream of a session; a *quic.Stream is one. Its errors are those of quic-go, or ours.
type pipe interface {
	io.Reader
	io.Writer
	Close() error // ends the sending half
	CancelRead(quic.StreamErrorCode)
	CancelWrite(quic.StreamErrorCode)
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// quicSession is a session over UDP.
type quicSession struct{ *quic.Conn }

var _ session = quicSession{}

// OpenStream opens a stream once the peer has room for it.
func (s quicSession) OpenStream(ctx context.Context) (pipe, error) {
	q, err := s.Conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	return q, nil
}

// AcceptStream takes the next stream that the peer opens.
func (s quicSession) AcceptStream(ctx context.Context) (pipe, error) {
	q, err := s.Conn.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Close says goodbye.
func (s quicSession) Close(code quic.ApplicationErrorCode, why string) { s.CloseWithError(code, why) }

// TLS is the state of the handshake.
func (s quicSession) TLS() tls.ConnectionState { return s.ConnectionState().TLS }
