package server

import (
	"context"
	"errors"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/client"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
	"motcua/replication/link"
)

// requestTime bounds one request, without the time that a node lets an edition take.
const requestTime = 10 * time.Second

// caller is an enrolled node with a question.
type caller struct {
	office directory.OfficeCode
	q      client.Request
}

// serve answers one request of an enrolled node.
func (s *Server) serve(ctx context.Context, from link.Caller, st *link.Stream) {
	var q client.Request
	st.SetDeadline(time.Now().Add(requestTime))
	if err := st.Receive(&q, client.MaxRequest); err != nil {
		return
	}
	st.SetDeadline(time.Time{})
	r, err := s.respond(ctx, caller{directory.OfficeCode(from.Peer.Name), q})
	if err != nil {
		r = client.Response{Failure: s.failure(q, from, err)}
	}
	st.SetStall(requestTime)
	if err := st.Send(r); err != nil {
		s.log.Debug("answer not sent", "peer", from.Peer.Name, "error", err)
	}
}

// failure tells the caller what it may know of an error.
func (s *Server) failure(q client.Request, from link.Caller, err error) *directory.Error {
	if f, ok := errors.AsType[*directory.Error](err); ok {
		return f
	}
	if errors.Is(err, wire.ErrNewer) {
		return directory.Errorf("read request", directory.Newer, "it is of a newer version than this server's: upgrade this server")
	}
	if errors.Is(err, wire.ErrMalformed) {
		return directory.Errorf("read request", directory.Invalid, "its body is malformed")
	}
	if errors.Is(err, cluster.ErrClosed) || errors.Is(err, context.Canceled) {
		return directory.Errorf("answer", directory.NoLeader, "this server stops: ask another")
	}
	s.log.Error("request failed", "peer", from.Peer.Name, "op", q.Op, "error", err)
	return directory.Errorf("answer", directory.Internal, "this server failed: its log says why")
}

// allow tells whether the caller may ask now.
func (s *Server) allow(c caller) error {
	if c.office.Validate() != nil { // a server
		return directory.Errorf("answer", directory.Denied, "this is for offices")
	}
	if !s.limits.allow(c.office) {
		return directory.Errorf("answer", directory.Exhausted, "%s asks too often: wait a moment", c.office)
	}
	return nil
}

func (s *Server) respond(ctx context.Context, c caller) (client.Response, error) {
	if err := s.allow(c); err != nil {
		return client.Response{}, err
	}
	if c.q.Op == client.OpEdition {
		return s.answerEdition(ctx, c)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	switch c.q.Op {
	case client.OpRegister, client.OpJoin, client.OpChangeAccount, client.OpReset:
		return s.answerAccount(ctx, c)
	case client.OpReport, client.OpAnnounce, client.OpReportOpen, client.OpRotate:
		return s.answerChange(ctx, c)
	}
	return s.answerRead(ctx, c)
}

func respond(body any, index uint64) (client.Response, error) {
	b, err := wire.Marshal(body)
	return client.Response{Body: b, Index: index}, err
}

// answerChange has a change made on behalf of the caller. The tables judge it: what counts is how they stand then.
func (s *Server) answerChange(ctx context.Context, c caller) (client.Response, error) {
	cmd, err := c.change()
	if err != nil {
		return client.Response{}, err
	}
	if c.q.Op == client.OpAnnounce && !s.limits.moves.take(string(c.office), s.limits.now()) {
		return client.Response{}, directory.Errorf("announce", directory.Exhausted, "%s moves too often, and every move makes an edition: wait a minute", c.office)
	}
	r, err := s.cluster.Propose(ctx, c.q.ID, cmd)
	if err != nil {
		return client.Response{}, err
	}
	return client.Response{Failure: r.Failure, Body: r.Value, Index: r.Index}, nil
}

// change reads the change that is asked for. Whose it is comes from the connection, never from the request.
func (c caller) change() (command.Command, error) {
	switch c.q.Op {
	case client.OpReport:
		cmd := &command.Report{From: c.office}
		return cmd, wire.Unmarshal(c.q.Body, &cmd.Tracks)
	case client.OpReportOpen:
		cmd := &command.ReportOpen{Office: c.office}
		return cmd, wire.Unmarshal(c.q.Body, &cmd.Counts)
	case client.OpRotate:
		cmd := &command.TakeKeys{Office: c.office}
		return cmd, wire.Unmarshal(c.q.Body, &cmd.Rotation)
	default:
		var p client.Place
		err := wire.Unmarshal(c.q.Body, &p)
		return &command.Announce{Office: c.office, Addr: p.Addr, Portal: p.Portal}, err
	}
}

// freshness reads how fresh an answer the caller wants. What it has written itself it sees at every level but Local.
func (s *Server) freshness(ctx context.Context, c caller) (cluster.Freshness, error) {
	switch c.q.Fresh {
	case client.OwnWrites:
		return cluster.AtLeast(c.q.AtLeast), nil
	case client.Local:
		return cluster.Local, nil
	case client.Leader: // who may have been deposed before our own write
		return cluster.Leader, s.await(ctx, c.q.AtLeast)
	case client.Linearizable:
		return cluster.Linearizable, nil
	}
	return cluster.Freshness{}, directory.Errorf("answer", directory.Newer, "freshness %d is not known to this version: upgrade this server", c.q.Fresh)
}

// answerRead answers a question from this server's tables, as fresh as the caller wants them.
func (s *Server) answerRead(ctx context.Context, c caller) (r client.Response, err error) {
	fresh, err := s.freshness(ctx, c)
	if err != nil {
		return r, err
	}
	err = s.cluster.Read(ctx, fresh, func(t state.Reader, _ uint64) error {
		v, err := s.read(t, c)
		if err != nil {
			return err
		}
		r, err = respond(v, 0)
		return err
	})
	return r, err
}

func (s *Server) read(t state.Reader, c caller) (any, error) {
	switch c.q.Op {
	case client.OpParams, client.OpSignIn, client.OpSelf, client.OpEnter, client.OpPerson, client.OpHistory:
		return s.readAccount(t, c)
	case client.OpLookup:
		return find(c, "lookup", "no dossier has this code, or it was not reported yet", func(code string) (directory.Track, bool, error) {
			return openTrack(t, code)
		})
	case client.OpMine:
		return find(c, "mine", "", func(id directory.AccountID) ([]directory.Track, bool, error) {
			all, err := state.TracksOfPerson(t, id)
			for i := range all {
				all[i].Checks = nil
			}
			return all, true, err
		})
	case client.OpStaff, client.OpRoster:
		return find(c, "staff", "", func(office directory.OfficeCode) (any, bool, error) {
			v, err := roll(t, c, office)
			return v, true, err
		})
	case client.OpProve:
		return find(c, "prove", "no dossier has this code, or it was not reported yet", func(p client.Proof) (bool, bool, error) {
			return s.prove(t, p)
		})
	}
	return nil, directory.Errorf("answer", directory.Newer, "operation %d is not known to this version: upgrade this server", c.q.Op)
}

// find reads the body of a question and answers it, NotFound if there is nothing.
func find[Q, A any](c caller, op, missing string, f func(Q) (A, bool, error)) (any, error) {
	var q Q
	if err := wire.Unmarshal(c.q.Body, &q); err != nil {
		return nil, err
	}
	a, ok, err := f(q)
	if err == nil && !ok {
		err = directory.Errorf(op, directory.NotFound, "%s", missing)
	}
	return a, err
}

// openTrack returns a track as it may be shown: four digits could be guessed from its checks, and the applicant's id leads
// to the applicant.
func openTrack(t state.Reader, code string) (directory.Track, bool, error) {
	v, ok, err := state.TrackOf(t, code)
	v.Checks, v.Applicant = nil, ""
	return v, ok, err
}

// prove compares what somebody typed with the checks of a code. Wrong guesses are counted by code: ten thousand numbers
// are soon tried.
func (s *Server) prove(t state.Reader, p client.Proof) (right, found bool, err error) {
	v, ok, err := state.TrackOf(t, p.Code)
	if err != nil || !ok {
		return false, ok, err
	}
	if !s.limits.codes.take(v.Code, s.limits.now()) {
		return false, true, directory.Errorf("prove", directory.Exhausted, "too many wrong numbers for this code: try again in an hour, or sign in")
	}
	for _, d := range v.Checks {
		if d == p.Check && d != (digest.Digest{}) {
			s.limits.codes.giveBack(v.Code)
			return true, true, nil
		}
	}
	return false, true, nil
}

// decodeValue reads the answer that a change has given.
func decodeValue[T any](r state.Result) (v T, err error) {
	err = wire.Unmarshal(r.Value, &v)
	return v, err
}
