package link

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"motcua/crypto/wire"
)

// Stream is a two-way stream of one protocol. It is a net.Conn that also carries messages. One goroutine may read
// while another writes.
type Stream struct {
	q    pipe
	c    *conn
	done chan struct{}
	once sync.Once
	// answered is set once the peer has agreed to the stream; until then the first read waits for that.
	answered bool
	stall    atomic.Int64 // time.Duration, 0: unbounded
	pace     func(bytes int) error
	ceiling  func(bytes int) error // of bulk that goes plainly
}

var _ net.Conn = (*Stream)(nil)

func newStream(c *conn, q pipe) *Stream {
	c.hold()
	return &Stream{q: q, c: c, done: make(chan struct{})}
}

// confirm reads the peer's answer to the opening, once.
func (s *Stream) confirm() error {
	if s.answered {
		return nil
	}
	var a answer
	if err := receive(s.q, &a, maxAnswer); err != nil {
		return plain(err)
	}
	if a.Why != 0 {
		return &Refused{a.Why}
	}
	s.answered = true
	s.c.hears()
	return nil
}

// deny answers the opening of a stream with a refusal and ends it.
func (s *Stream) deny(w Why) {
	s.SetDeadline(time.Now().Add(openingTimeout))
	s.Send(answer{w})
	s.Close()
}

// Send writes a message: the wire encoding of v behind its length.
func (s *Stream) Send(v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
	if len(b) <= stallPiece {
		_, err = s.Write(append(head, b...))
		return err
	}
	if _, err = s.Write(head); err == nil { // a chunk is not copied once more
		_, err = s.Write(b)
	}
	return err
}

// Receive reads a message of at most maxBytes into v. The error is io.EOF if the peer ended the stream before it,
// wraps ErrTooLarge or wire.ErrMalformed if the peer does not keep to the protocol.
func (s *Stream) Receive(v any, maxBytes int) error {
	if err := s.confirm(); err != nil {
		return err
	}
	return plain(receive(moving{s}, v, maxBytes))
}

func receive(r io.Reader, v any, maxBytes int) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if int64(n) > int64(maxBytes) {
		return fmt.Errorf("receive %T: %d bytes, at most %d: %w", v, n, maxBytes, ErrTooLarge)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return wire.Unmarshal(b, v)
}

// Read reads bytes.
func (s *Stream) Read(p []byte) (int, error) {
	if err := s.confirm(); err != nil {
		return 0, err
	}
	n, err := moving{s}.Read(p)
	return n, plain(err)
}

// Write writes bytes.
func (s *Stream) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), stallPiece)]
		for _, hold := range []func(int) error{s.pace, s.ceiling} {
			if hold == nil {
				continue
			}
			if err := hold(len(piece)); err != nil {
				return n, err
			}
		}
		if d := time.Duration(s.stall.Load()); d > 0 {
			s.q.SetWriteDeadline(time.Now().Add(d))
		}
		var m int
		m, err = s.q.Write(piece)
		n, p = n+m, p[m:]
	}
	return n, plain(err)
}

// stallPiece is how much must move within the stall time: a quarter of a second on 512 kbit/s.
const stallPiece = 16 << 10

// SetStall breaks reading or writing off with os.ErrDeadlineExceeded when nothing moves for so long. Unlike a deadline
// it lets a large message take its time on a slow line. It replaces the deadlines; 0 takes the bound away.
func (s *Stream) SetStall(d time.Duration) {
	s.stall.Store(int64(d))
	s.q.SetDeadline(time.Time{})
}

// SetPace has f called before each piece of at most 16 KiB is written. It may wait, and its error ends the writing. Call it before
// the first write.
func (s *Stream) SetPace(f func(bytes int) error) { s.pace = f }

// moving reads from a stream within its stall time.
type moving struct{ s *Stream }

func (m moving) Read(p []byte) (int, error) {
	if d := time.Duration(m.s.stall.Load()); d > 0 {
		m.s.q.SetReadDeadline(time.Now().Add(d))
	}
	n, err := m.s.q.Read(p)
	if n > 0 {
		m.s.c.hears()
	}
	return n, err
}

// CloseWrite ends the sending half: the peer reads to the end of what was sent.
func (s *Stream) CloseWrite() error { return plain(s.q.Close()) }

// Close ends the stream: what was sent still arrives, what comes is dropped.
func (s *Stream) Close() error {
	err := s.q.Close()
	s.q.CancelRead(0)
	s.finish()
	return plain(err)
}

// Cancel breaks the stream off in both directions: the peer sees an error.
func (s *Stream) Cancel() {
	s.q.CancelWrite(1)
	s.q.CancelRead(1)
	s.finish()
}

func (s *Stream) finish() {
	s.once.Do(func() {
		close(s.done)
		s.c.release()
	})
}

// Done is closed by Close and Cancel.
func (s *Stream) Done() <-chan struct{} { return s.done }

// LocalAddr is the address of the socket.
func (s *Stream) LocalAddr() net.Addr { return s.c.s.LocalAddr() }

// RemoteAddr is where the peer is.
func (s *Stream) RemoteAddr() net.Addr { return s.c.s.RemoteAddr() }

// SetDeadline bounds reading and writing; the zero time takes the bound away.
func (s *Stream) SetDeadline(t time.Time) error { return s.q.SetDeadline(t) }

// SetReadDeadline bounds reading.
func (s *Stream) SetReadDeadline(t time.Time) error { return s.q.SetReadDeadline(t) }

// SetWriteDeadline bounds writing.
func (s *Stream) SetWriteDeadline(t time.Time) error { return s.q.SetWriteDeadline(t) }
