package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"motcua/node/office"
	"motcua/replication"
	"motcua/replication/link"
)

// The times of a question. A file may take long, but not stand still.
const (
	questionTime = 15 * time.Second
	stallTime    = 60 * time.Second
)

// peers asks other nodes over the link.
type peers struct{ link *link.Link }

// Ask implements office.Peers.
func (p peers) Ask(ctx context.Context, to replication.Name, q office.Question) (a office.Answer, r io.ReadCloser, err error) {
	s, err := p.link.Dial(ctx, to, office.Protocol)
	if err != nil {
		return a, nil, err
	}
	stop := context.AfterFunc(ctx, s.Cancel)
	s.SetDeadline(time.Now().Add(questionTime))
	if err = s.Send(q); err == nil {
		err = s.CloseWrite()
	}
	if err == nil {
		err = s.Receive(&a, office.MaxAnswer)
	}
	if err != nil {
		stop()
		s.Cancel()
		return a, nil, fmt.Errorf("ask %s: %w", to, err)
	}
	if a.File == nil || a.Error != nil {
		stop()
		return a, nil, s.Close()
	}
	return a, &fileStream{s: s, left: a.File.Size, stop: stop}, nil
}

// fileStream is a file that comes after an answer. It has exactly the announced size, or its reading fails.
type fileStream struct {
	s    *link.Stream
	left int64
	stop func() bool
}

var errShort = errors.New("the other office's node broke the file off; try again")

func (f *fileStream) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	f.s.SetReadDeadline(time.Now().Add(stallTime))
	n, err := f.s.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if f.left > 0 {
			err = errShort
		}
	}
	return n, err
}

func (f *fileStream) Close() error {
	f.stop()
	f.s.Cancel()
	return nil
}

// answer serves the questions of other nodes.
func (n *Server) answer(ctx context.Context, from link.Caller, s *link.Stream) {
	var q office.Question
	s.SetDeadline(time.Now().Add(questionTime))
	if err := s.Receive(&q, office.MaxQuestion); err != nil {
		n.log.Debug("question not understood", "peer", from.Peer.Name, "err", err)
		return
	}
	a, r := n.office.Serve(ctx, from.Peer.Name, q)
	if r != nil {
		defer r.Close()
	}
	s.SetDeadline(time.Now().Add(questionTime))
	err := s.Send(a)
	if err == nil && r != nil {
		_, err = io.Copy(moving{s}, r)
	}
	if err != nil {
		s.Cancel() // the other side must not take what was sent for the whole
		n.log.Debug("answer not sent", "peer", from.Peer.Name, "err", err)
	}
}

// moving is a stream that each write gets new time for.
type moving struct{ s *link.Stream }

func (m moving) Write(p []byte) (int, error) {
	m.s.SetWriteDeadline(time.Now().Add(stallTime))
	return m.s.Write(p)
}
