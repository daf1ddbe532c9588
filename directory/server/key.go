package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
)

// RevokeRequest is what POST /revoke takes: the key that the office has now is no longer trusted, nor those that its machine had
// before. Key, the first digits of one that was rotated away, revokes that one alone.
type RevokeRequest struct {
	Office directory.OfficeCode `json:"office"`
	Reason string               `json:"reason"`
	Key    string               `json:"key,omitempty"`
}

// TokenStatus is an enrolment token as GET /tokens lists it. ID is the first digits of its hash and no secret.
type TokenStatus struct {
	ID      string               `json:"id"`
	Office  directory.OfficeCode `json:"office"`
	Expires time.Time            `json:"expires"`
	State   string               `json:"state"` // see TokenOpen and its like
}

// The states of a token.
const (
	TokenOpen    = "open"
	TokenUsed    = "used"
	TokenExpired = "expired"
	TokenVoid    = "void"
)

// VoidRequest is what POST /void takes: the ID of a token, as listed.
type VoidRequest struct {
	ID string `json:"id"`
}

// minKeyDigits is how much of a key or token must be given: four bytes meet by chance in one of four billion.
const minKeyDigits = 8

func (s *Server) adminKeys(mux *http.ServeMux) {
	mux.HandleFunc("POST /revoke", answer(s.revoke))
	mux.HandleFunc("GET /tokens", answer(func(ctx context.Context, _ struct{}) ([]TokenStatus, error) { return s.tokens(ctx) }))
	mux.HandleFunc("POST /void", answer(s.voidToken))
}

func nodeStatus(n directory.Node, here map[string]bool) NodeStatus {
	at := func(seconds int64) *time.Time {
		if seconds == 0 {
			return nil
		}
		t := time.Unix(seconds, 0)
		return &t
	}
	return NodeStatus{
		Office: n.Office, Addr: n.Addr, Portal: n.Portal, Key: n.Identity.ID().Short(), Enrolled: time.Unix(n.Enrolled, 0),
		Revoked: at(n.Revoked), Reason: n.Reason, Retired: at(n.Retired), Rotated: at(n.Rotated),
		Connected: here[string(n.Office)] && n.Revoked == 0 && n.Retired == 0,
	}
}

func (s *Server) revoke(ctx context.Context, q RevokeRequest) (NodeStatus, error) {
	var n directory.Node
	read := func(r state.Reader, _ uint64) (err error) {
		n, err = keyOf(r, q)
		return err
	}
	if err := s.cluster.Read(ctx, cluster.Linearizable, read); err != nil {
		return NodeStatus{}, err
	}
	r, err := s.change(ctx, &command.Revoke{Office: q.Office, Key: n.Identity.ID(), Reason: q.Reason})
	if err != nil {
		return NodeStatus{}, err
	}
	q.Key = n.Identity.ID().String()
	if err := s.cluster.Read(ctx, cluster.AtLeast(r.Index), read); err != nil {
		return NodeStatus{}, err
	}
	return nodeStatus(n, nil), nil
}

// keyOf finds the key that is meant: the one in use, if none is named.
func keyOf(r state.Reader, q RevokeRequest) (directory.Node, error) {
	if q.Key == "" {
		n, _, err := state.NodeOf(r, q.Office)
		return n, err
	}
	all, err := state.Nodes(r)
	all = slices.DeleteFunc(all, func(n directory.Node) bool {
		return n.Office != q.Office || !strings.HasPrefix(n.Identity.ID().String(), strings.ToLower(q.Key))
	})
	if err == nil && (len(all) != 1 || len(q.Key) < minKeyDigits) {
		err = directory.Errorf("revoke key", directory.NotFound, "%d keys of office %s begin with %q: name one by at least %d digits, see motcua key list", len(all), q.Office, q.Key, minKeyDigits)
	}
	if err != nil {
		return directory.Node{}, err
	}
	return all[0], nil
}

// tokens lists the enrolment tokens, those that expire last first.
func (s *Server) tokens(ctx context.Context) (out []TokenStatus, err error) {
	var all []state.Token
	err = s.cluster.Read(ctx, cluster.Leader, func(r state.Reader, _ uint64) (err error) {
		all, err = state.Tokens(r)
		return err
	})
	slices.SortFunc(all, func(a, b state.Token) int { return int(b.Expires - a.Expires) })
	for _, t := range all {
		out = append(out, TokenStatus{t.Hash.Short(), t.Office, time.Unix(t.Expires, 0), s.tokenState(t)})
	}
	return out, err
}

func (s *Server) tokenState(t state.Token) string {
	switch {
	case !t.Node.IsZero():
		return TokenUsed
	case t.Void:
		return TokenVoid
	case t.Expires <= s.cfg.Now().Unix():
		return TokenExpired
	}
	return TokenOpen
}

func (s *Server) voidToken(ctx context.Context, q VoidRequest) (TokenStatus, error) {
	var found []state.Token
	err := s.cluster.Read(ctx, cluster.Linearizable, func(r state.Reader, _ uint64) (err error) {
		found, err = state.Tokens(r)
		return err
	})
	if err != nil {
		return TokenStatus{}, err
	}
	found = slices.DeleteFunc(found, func(t state.Token) bool { return !strings.HasPrefix(t.Hash.String(), strings.ToLower(q.ID)) })
	if len(found) != 1 || len(q.ID) < minKeyDigits {
		return TokenStatus{}, directory.Errorf("void token", directory.NotFound, "%d tokens begin with %q: name one by at least %d digits, see motcua office token --list", len(found), q.ID, minKeyDigits)
	}
	t := found[0]
	if _, err := s.change(ctx, &command.VoidToken{Hash: t.Hash}); err != nil {
		return TokenStatus{}, err
	}
	t.Void = true
	return TokenStatus{t.Hash.Short(), t.Office, time.Unix(t.Expires, 0), s.tokenState(t)}, nil
}
