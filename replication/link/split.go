package link

import (
	"errors"
	"net"
	"sync"
	"time"
)

// helloByte begins every connection over TLS (RFC 8446, section 5.1: a record of a handshake), and no request of HTTP in clear.
const helloByte = 0x16

// The bounds of those who have not said a word yet. Browsers open connections that they may never use.
const (
	firstByteTime   = 10 * time.Second
	maxUnspoken     = 1024
	maxUnspokenFrom = 256
)

// Split shares one TCP port between a link and pages in clear HTTP, by the first byte that a caller sends. Whoever sends none within ten
// seconds, or is one too many, is hung up on. The port is free again when both parts are closed.
func Split(l net.Listener) (forLink, pages net.Listener) {
	s := &split{Listener: l, waiting: porch{most: maxUnspoken, mostFrom: maxUnspokenFrom}, ended: make(chan struct{})}
	s.open.Add(2)
	a, b := s.part(), s.part()
	go s.run(a, b)
	go func() {
		s.open.Wait()
		l.Close()
	}()
	return a, b
}

type split struct {
	net.Listener
	waiting porch
	open    sync.WaitGroup // the parts
	ended   chan struct{}
	err     error // why, once ended is closed
}

func (s *split) part() *part {
	return &part{split: s, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// run takes connections until the port is closed.
func (s *split) run(forLink, pages *part) {
	defer close(s.ended)
	for {
		c, err := s.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			s.err = err
			return
		case err != nil: // out of file descriptors, most likely: others give some back
			time.Sleep(time.Second)
			continue
		}
		leave, ok := s.waiting.enter(c.RemoteAddr())
		if !ok {
			c.Close()
			continue
		}
		go func() {
			defer leave()
			s.sort(c, forLink, pages)
		}()
	}
}

// sort waits for the first byte of a connection and hands it on.
func (s *split) sort(c net.Conn, forLink, pages *part) {
	first := make([]byte, 1)
	c.SetReadDeadline(time.Now().Add(firstByteTime))
	if n, err := c.Read(first); n == 0 || err != nil {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	to := pages
	if first[0] == helloByte {
		to = forLink
	}
	select {
	case to.conns <- &begun{Conn: c, first: first}:
	case <-to.closed:
		c.Close()
	case <-time.After(firstByteTime): // nobody takes connections
		c.Close()
	}
}

// part is one half of a port that is split.
type part struct {
	*split
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept takes the next connection of this half.
func (p *part) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-p.split.ended:
		return nil, p.split.err
	}
}

// Close ends this half.
func (p *part) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.open.Done()
	})
	return nil
}

// begun is a connection of which the first bytes were read already.
type begun struct {
	net.Conn
	first []byte
}

// Read reads them, and then on.
func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

// CloseWrite ends the sending half, where there is such a thing.
func (b *begun) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return b.Conn.Close()
}

// SetWriteBuffer does as that of a net.TCPConn.
func (b *begun) SetWriteBuffer(bytes int) error {
	if t, ok := b.Conn.(buffered); ok {
		return t.SetWriteBuffer(bytes)
	}
	return nil
}

type buffered interface{ SetWriteBuffer(bytes int) error }
