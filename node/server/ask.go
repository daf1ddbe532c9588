package server

import (
	"context"
	"fmt"
	"io"
	"time"

	"motcua/node/office"
	"motcua/replication"
	"motcua/replication/link"
)

// askedTime bounds how long a file may take to be sent to the office that asked for it.
const askedTime = 10 * time.Minute

// peers asks other nodes over the link.
type peers struct{ link *link.Link }

// Ask implements office.Peers.
func (p peers) Ask(ctx context.Context, to replication.Name, q office.Question) (a office.Answer, r io.ReadCloser, err error) {
	s, err := p.link.Dial(ctx, to, office.Protocol)
	if err != nil {
		return a, nil, err
	}
	stop := context.AfterFunc(ctx, s.Cancel)
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
	return a, &fileStream{Reader: io.LimitReader(s, a.File.Size), s: s, stop: stop}, nil
}

// fileStream is a file that comes after an answer.
type fileStream struct {
	io.Reader
	s    *link.Stream
	stop func() bool
}

func (f *fileStream) Close() error {
	f.stop()
	f.s.Cancel()
	return nil
}

// answer serves the questions of other nodes.
func (n *Server) answer(ctx context.Context, from link.Caller, s *link.Stream) {
	var q office.Question
	if err := s.Receive(&q, office.MaxQuestion); err != nil {
		n.log.Debug("question not understood", "peer", from.Peer.Name, "err", err)
		return
	}
	a, r := n.office.Serve(ctx, from.Peer.Name, q)
	if r != nil {
		defer r.Close()
	}
	s.SetWriteDeadline(time.Now().Add(askedTime))
	err := s.Send(a)
	if err == nil && r != nil {
		_, err = io.Copy(s, r)
	}
	if err != nil {
		n.log.Debug("answer not sent", "peer", from.Peer.Name, "err", err)
	}
}
