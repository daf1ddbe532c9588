package server

import (
	"context"
	"time"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
)

// JoinAnswer is what POST /join answers: the text of the welcome for the new server. It is secret.
type JoinAnswer struct {
	Welcome []byte `json:"welcome"`
}

// JoinRequest is what POST /join takes: the card of a new server.
type JoinRequest struct {
	Card []byte `json:"card"` // the text of its file
}

// LeaveRequest is what POST /leave takes.
type LeaveRequest struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// TransferRequest is what POST /transfer takes: who is to lead, "" for any other.
type TransferRequest struct {
	To string `json:"to,omitempty"`
}

// letJoin lets a new server join, and returns what it needs for that.
func (s *Server) letJoin(ctx context.Context, q JoinRequest) (out JoinAnswer, err error) {
	m, err := ReadCard(q.Card)
	if err != nil {
		return out, directory.Errorf("join", directory.Invalid, "%v", err)
	}
	r, err := s.change(ctx, &command.Admit{Member: m})
	if err != nil {
		return out, err
	}
	w := Welcome{Version: 1, Self: m}
	if w.Genesis, err = s.cfg.Genesis.Bytes(); err != nil {
		return out, err
	}
	err = s.cluster.Read(ctx, cluster.AtLeast(r.Index), func(r state.Reader, _ uint64) (err error) {
		w.Chain, err = state.Chain(r)
		return err
	})
	if err != nil {
		return out, err
	}
	out.Welcome, err = w.Encode()
	return out, err
}

// letLeave has a server leave, unless those that stay could not go on.
func (s *Server) letLeave(ctx context.Context, q LeaveRequest) (struct{}, error) {
	if q.Reason == "" {
		q.Reason = "left"
	}
	if err := s.cluster.MayLeave(q.Name); err != nil {
		return struct{}{}, err
	}
	_, err := s.change(ctx, &command.Dismiss{Name: q.Name, Reason: q.Reason})
	return struct{}{}, err
}

func (s *Server) transfer(ctx context.Context, q TransferRequest) (struct{}, error) {
	ctx, cancel := context.WithTimeout(ctx, proposeTime)
	defer cancel()
	return struct{}{}, s.cluster.Transfer(ctx, q.To)
}

// AwaitServer waits until a server is in the state that is wished for, "" for gone.
func (s *Server) AwaitServer(ctx context.Context, name, wish string) error {
	for {
		have := ""
		for _, v := range s.cluster.Servers() {
			if v.Name == name {
				have = v.State
				if v.Role == "non-voter" && have == directory.Voting.String() {
					have = directory.Joining.String() // it signs already, and votes in a moment
				}
			}
		}
		if have == wish {
			return nil
		}
		select {
		case <-time.After(tendEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
