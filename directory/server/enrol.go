package server

import (
	"bytes"
	"context"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
	"motcua/replication/link"
)

// enrolTime bounds an enrolment, the wait for an edition that knows the node included.
const enrolTime = 10 * time.Second

// enrol serves whoever holds a token.
func (s *Server) enrol(ctx context.Context, from link.Caller, st *link.Stream) {
	var q client.EnrolRequest
	st.SetDeadline(time.Now().Add(enrolTime))
	if err := st.Receive(&q, client.MaxEnrol); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, enrolTime)
	defer cancel()
	r, err := s.admit(ctx, from, q)
	if err != nil {
		s.log.Warn("enrolment refused", "addr", from.Addr, "error", err)
		r = client.EnrolResponse{Failure: s.failure(client.Request{}, from, err)}
	}
	st.SetDeadline(time.Time{})
	st.SetStall(enrolTime)
	if err := st.Send(r); err != nil {
		s.log.Debug("answer not sent", "addr", from.Addr, "error", err)
	}
}

// admit enrols the applicant and answers with an edition that knows it.
func (s *Server) admit(ctx context.Context, from link.Caller, q client.EnrolRequest) (r client.EnrolResponse, err error) {
	a, err := s.checkApplication(from, q)
	if err != nil {
		return r, err
	}
	done, err := s.cluster.Propose(ctx, cluster.NewRequest(), &command.Enrol{
		Hash: a.Token, Identity: a.Identity, Addr: a.Addr, Portal: a.Portal,
	})
	if err == nil {
		err = done.Err()
	}
	if err != nil {
		return r, err
	}
	s.log.Info("node enrolled", "office", a.Office, "addr", a.Addr)
	if r.Edition, err = s.editionSince(ctx, done.Index); err != nil {
		return r, err
	}
	r.Genesis, err = s.cfg.Genesis.Bytes()
	return r, err
}

// checkApplication checks that the applicant holds the token, the TLS key of the connection and the signing key.
func (s *Server) checkApplication(from link.Caller, q client.EnrolRequest) (a client.Application, err error) {
	deny := func(format string, v ...any) error { return directory.Errorf("enrol", directory.Denied, format, v...) }
	if err := wire.Unmarshal(q.Application.Body, &a); err != nil {
		return a, err
	}
	token := directory.Token{Office: a.Office, Secret: q.Secret}
	switch {
	case a.Version != 1:
		return a, directory.Errorf("enrol", directory.Newer, "application of format %d, this server reads 1: upgrade the server", a.Version)
	case a.Genesis != s.cfg.Genesis.Digest():
		return a, deny("this token is of another province")
	case token.Hash() != a.Token:
		return a, deny("the application is not for this token")
	case !bytes.Equal(a.Identity.TLS, from.TLSPoint):
		return a, deny("the connection was made with another key than the application's")
	}
	keys, err := a.Identity.Keys()
	if err != nil {
		return a, deny("malformed keys")
	}
	if err := q.Application.Verify(keys.Sign, client.EnrolLabel); err != nil {
		return a, deny("the applicant has not shown that it holds its signing key")
	}
	return a, nil
}

// editionSince waits for a complete edition of the public tables as they were at the index, or later.
func (s *Server) editionSince(ctx context.Context, index uint64) ([]byte, error) {
	var public uint64
	err := s.cluster.Read(ctx, cluster.AtLeast(index), func(r state.Reader, _ uint64) (err error) {
		public, err = state.PublicIndex(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	for {
		changed := s.news.next()
		if s.complete().Index >= public {
			b, _, err := s.newestBytes(0)
			return b, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, directory.Errorf("enrol", directory.NoLeader, "enrolled, but the next edition is not signed yet: try again with the same token")
		}
	}
}
