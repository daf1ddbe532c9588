package link

import (
	"net"
	"os"
	"sync/atomic"
	"time"
)

// tcpConn is a TCP connection with the line's switch in it: while that is down, whatever is tried fails, and so breaks it off.
type tcpConn struct {
	net.Conn
	gate   *gate
	linger atomic.Bool // Close ends the sending half only
}

func (l *Link) newTCPConn(c net.Conn) *tcpConn {
	if t, ok := c.(buffered); ok {
		t.SetWriteBuffer(tcpBuffer)
	}
	return &tcpConn{Conn: c, gate: l.gate}
}

// Read reads while the line is up.
func (c *tcpConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.gate.down.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	return n, err
}

// Write writes while the line is up.
func (c *tcpConn) Write(b []byte) (int, error) {
	if c.gate.down.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Write(b)
}

// Close closes the connection, or what of it is to be closed first.
func (c *tcpConn) Close() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger.Load() {
		c.SetReadDeadline(time.Now().Add(lingerTime))
		return half.CloseWrite()
	}
	c.SetWriteDeadline(time.Now()) // a write under way ends, as it does on a socket: on a stream to another machine it would go on
	return c.Conn.Close()
}
