package link

import (
	"io"
	"os"
	"time"

	"github.com/quic-go/quic-go"
)

// lanePipe is one stream of a lane. A deadline does not count while the line is dark, for the lane itself ends when that is too long,
// nor while bytes of the stream move, for much may have been written that is still on its way.
type lanePipe struct {
	n      *lane
	id     uint64
	readBy time.Time // guarded by the lane's lock, as is
	sendBy time.Time
}

var _ pipe = (*lanePipe)(nil)

// silent is for how long nothing comes before a deadline is put off: longer than asking whether the peer is there takes.
const (
	silent = 5 * time.Second
	putOff = 10 * time.Second
)

// Read reads bytes.
func (p *lanePipe) Read(b []byte) (int, error) {
	n := p.n
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		read, end, err := n.line.Read(p.id, b)
		if read > 0 {
			n.pump() // it may have to tell the peer of the room
		}
		switch {
		case read > 0 || len(b) == 0:
			return read, nil
		case err != nil:
			return 0, err
		case end:
			return 0, io.EOF
		}
		if err := p.wait(&p.readBy); err != nil {
			return 0, err
		}
	}
}

// Write writes bytes.
func (p *lanePipe) Write(b []byte) (done int, err error) {
	n := p.n
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		wrote, err := n.line.Write(p.id, b[done:])
		done += wrote
		if wrote > 0 {
			n.pump()
		}
		if err != nil || done == len(b) {
			return done, err
		}
		if wrote > 0 {
			continue
		}
		if err := p.wait(&p.sendBy); err != nil {
			return done, err
		}
	}
}

// wait waits for the lane to change, or for the deadline. The caller holds the lock, which is given up meanwhile.
func (p *lanePipe) wait(by *time.Time) error {
	n := p.n
	if n.ctx.Err() != nil {
		return cause(n.ctx, n.ctx.Err())
	}
	var late <-chan time.Time
	if !by.IsZero() {
		timer := time.NewTimer(time.Until(*by))
		defer timer.Stop()
		late = timer.C
	}
	changed := n.changed
	n.mu.Unlock()
	defer n.mu.Lock()
	select {
	case <-changed:
	case <-n.ctx.Done():
	case <-late:
		return p.late(by)
	}
	return nil
}

// late tells whether a deadline that has passed counts.
func (p *lanePipe) late(by *time.Time) error {
	n := p.n
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	switch {
	case by.IsZero() || by.After(now):
	case n.line.Dark() || now.Sub(n.line.Heard()) > silent || now.Sub(n.line.Moved(p.id)) < silent:
		*by = now.Add(putOff)
	default:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// change does something to the line and sends what comes of it.
func (p *lanePipe) change(f func()) {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	f()
	if p.n.ctx.Err() == nil {
		p.n.pump()
	}
}

// Close ends what we write.
func (p *lanePipe) Close() error {
	p.change(func() { p.n.line.End(p.id) })
	return nil
}

// CancelRead tells the peer that no more is wanted.
func (p *lanePipe) CancelRead(quic.StreamErrorCode) { p.change(func() { p.n.line.Stop(p.id) }) }

// CancelWrite breaks off what we write.
func (p *lanePipe) CancelWrite(quic.StreamErrorCode) { p.change(func() { p.n.line.Reset(p.id) }) }

// SetDeadline bounds reading and writing.
func (p *lanePipe) SetDeadline(t time.Time) error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	p.readBy, p.sendBy = t, t
	p.n.announce()
	return nil
}

// SetReadDeadline bounds reading.
func (p *lanePipe) SetReadDeadline(t time.Time) error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	p.readBy = t
	p.n.announce()
	return nil
}

// SetWriteDeadline bounds writing.
func (p *lanePipe) SetWriteDeadline(t time.Time) error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	p.sendBy = t
	p.n.announce()
	return nil
}
