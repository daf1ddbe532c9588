package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/replication"
	"motcua/replication/link"
)

// pairProtocol is what the pairs speak: bytes one way, one byte back when all have come.
const pairProtocol = "bench/1"

// pair is two links of this process with a line between them.
type pair struct {
	from, to *link.Link
	book     book
	read     atomic.Int64
	last     atomic.Int64 // Unix nanoseconds, when the last bytes were read
}

// book knows the two, and answers the same to both.
type book []replication.Peer

func (b book) Resolve(n replication.Name) (replication.Peer, error) {
	for _, p := range b {
		if p.Name == n {
			return p, nil
		}
	}
	return replication.Peer{}, replication.ErrUnknown
}

func (b book) Identify(id digest.Digest) (replication.Peer, error) {
	for _, p := range b {
		if point, err := p.Keys.TLS.Bytes(); err == nil && identity.TLSID(point) == id {
			return p, nil
		}
	}
	return replication.Peer{}, replication.ErrUnknown
}

// newPair opens two links with the line between them, and the connection over it. Close it.
func newPair(ctx context.Context, w *Wire) (p *pair, err error) {
	p = &pair{book: make(book, 2)}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	var ids [2]*identity.Private
	for i, name := range []replication.Name{"from", "to"} {
		if ids[i], err = identity.Generate(); err != nil {
			return p, err
		}
		keys, err := ids[i].Public().Keys()
		if err != nil {
			return p, err
		}
		p.book[i] = replication.Peer{Name: name, Keys: keys}
	}
	if p.to, err = p.open(1, ids[1]); err != nil {
		return p, err
	}
	at, err := w.Relay(netip.MustParseAddrPort(p.to.Addr().String()))
	if err != nil {
		return p, err
	}
	p.book[1].Addr = at.String()
	if p.from, err = p.open(0, ids[0]); err != nil {
		return p, err
	}
	p.to.Handle(pairProtocol, link.Known, p.take)
	return p, p.connect(ctx)
}

func (p *pair) open(i int, id *identity.Private) (*link.Link, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return nil, err
	}
	return link.New(link.Config{Name: p.book[i].Name, Identity: id, Resolver: p.book, Conn: conn})
}

// connect opens the connection, which takes some tries on a bad line.
func (p *pair) connect(ctx context.Context) error {
	var s *link.Stream
	var err error
	for range 10 {
		if s, err = p.from.Dial(ctx, "to", pairProtocol); err == nil {
			s.CloseWrite()
			_, err = io.ReadFull(s, make([]byte, 1))
			s.Close()
		}
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

func (p *pair) close() {
	for _, l := range []*link.Link{p.from, p.to} {
		if l != nil {
			l.Close()
		}
	}
}

// take reads a stream to its end.
func (p *pair) take(_ context.Context, _ link.Caller, s *link.Stream) {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.Read(buf)
		if n > 0 {
			p.read.Add(int64(n))
			p.last.Store(time.Now().UnixNano())
		}
		if errors.Is(err, io.EOF) {
			s.Write([]byte{1})
			return
		}
		if err != nil {
			return
		}
	}
}

// opener is a way to open a stream.
type opener func(context.Context, replication.Name, string) (*link.Stream, error)

// send writes size bytes to a stream, to be read at the other end. It returns when the other end has them, or has had its time.
func (p *pair) send(ctx context.Context, open opener, size int, limit time.Duration) (arrived int, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.read.Store(0)
	began := time.Now()
	err = p.ship(ctx, open, size)
	arrived = int(p.read.Load())
	took = time.Since(began)
	if arrived == size {
		return arrived, time.Unix(0, p.last.Load()).Sub(began), nil
	}
	if ctx.Err() != nil { // it had its time: what arrived meanwhile is its figure
		return arrived, took, nil
	}
	return arrived, took, fmt.Errorf("%d of %d bytes arrived: %w", arrived, size, err)
}

func (p *pair) ship(ctx context.Context, open opener, size int) error {
	s, err := open(ctx, "to", pairProtocol)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Cancel)()
	b := make([]byte, 64<<10)
	for size > 0 {
		n, err := s.Write(b[:min(size, len(b))])
		if size -= n; err != nil {
			return err
		}
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	_, err = io.ReadFull(s, b[:1])
	return err
}

// together runs what takes real time side by side and returns the first error.
func together(fs ...func() error) error {
	errs := make([]error, len(fs))
	var work sync.WaitGroup
	for i, f := range fs {
		work.Go(func() { errs[i] = f() })
	}
	work.Wait()
	return errors.Join(errs...)
}
