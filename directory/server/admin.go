package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/edition"
	"motcua/directory/state"
	"motcua/replication/gossip"
)

// Status is what GET /status answers.
type Status struct {
	cluster.Status
	Province string               `json:"province"`
	Prefix   directory.OfficeCode `json:"prefix"`
	Addr     string               `json:"addr"`
	Line     bool                 `json:"line"`
	Started  time.Time            `json:"started"`
	Version  string               `json:"version,omitempty"`
	Level    uint32               `json:"level"`   // upgrade level of the directory
	Epoch    uint64               `json:"epoch"`   // of the members who sign
	Edition  uint64               `json:"edition"` // newest complete
	Pending  bool                 `json:"pending"` // a newer one is under way
	// EditionSize is how many bytes the next edition will have at most, of EditionMost; with more none is cut.
	EditionSize int            `json:"editionSize"`
	EditionMost int            `json:"editionMost"`
	Servers     []ServerStatus `json:"servers"`
	Nodes       []NodeStatus   `json:"nodes"`
	// Calendar tells how far the calendar of working days reaches.
	Calendar directory.CalendarReach `json:"calendar"`
}

// ServerStatus is a server of the directory, as this one sees it.
type ServerStatus struct {
	cluster.ServerStatus
	Connected bool `json:"connected"`
}

// NodeStatus is an office's node, as the tables have it.
type NodeStatus struct {
	Office   directory.OfficeCode `json:"office"`
	Addr     string               `json:"addr"`
	Portal   string               `json:"portal"`
	Key      string               `json:"key"`
	Enrolled time.Time            `json:"enrolled"`
	Revoked  *time.Time           `json:"revoked,omitempty"`
	Reason   string               `json:"reason,omitempty"`
	// Retired is when the node itself put another key in the place of this one; Rotated when this one came so.
	Retired   *time.Time `json:"retired,omitempty"`
	Rotated   *time.Time `json:"rotated,omitempty"`
	Connected bool       `json:"connected"`
	// What the node says of itself, where it is in reach: a hint. Oldest is the age of its oldest parcel without a receipt in
	// seconds, 0 for none; Log the size of its log in events; both roughly.
	Edition uint64 `json:"edition,omitempty"`
	Oldest  uint32 `json:"oldest,omitempty"`
	Log     uint64 `json:"log,omitempty"`
}

// Publication is what POST /publish takes: any part of the public tables.
type Publication struct {
	Levels     []directory.Level     `json:"levels,omitempty"`
	Offices    []directory.Office    `json:"offices,omitempty"`
	Fields     []directory.Field     `json:"fields,omitempty"`
	Calendar   *directory.Calendar   `json:"calendar,omitempty"`
	Procedures []directory.Procedure `json:"procedures,omitempty"`
	// Terms has it recorded as a publication; nil: it is not.
	Terms *directory.Terms `json:"terms,omitempty"`
}

// Published is what it answers: the rows that changed, and the number of the publication where it is recorded.
type Published struct {
	Changed     int    `json:"changed"`
	Publication uint64 `json:"publication,omitempty"`
}

// AccountRequest is what POST /account takes. Verifier is of the password, in PHC form.
type AccountRequest struct {
	Account  directory.Account `json:"account"`
	Verifier string            `json:"verifier"`
}

// TokenRequest is what POST /token takes. Hours is how long the token is good, at most a week; 0 for 24.
type TokenRequest struct {
	Office directory.OfficeCode `json:"office"`
	Hours  int                  `json:"hours,omitempty"`
}

// TokenAnswer is what it answers. The token is secret and shown once.
type TokenAnswer struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// LineRequest is what POST /line takes.
type LineRequest struct {
	Up bool `json:"up"`
}

const (
	maxAdminBody = 64 << 20
	defaultHours = 24
	maxHours     = 24 * 7
)

// Admin is the handler for province IT. Serve it where only the server's keeper can ask.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	s.adminMembers(mux)
	s.adminCatalogue(mux)
	s.adminOffices(mux)
	s.adminAccounts(mux)
	s.adminKeys(mux)
	s.adminRelay(mux)
	s.adminGuardian(mux)
	return mux
}

func (s *Server) adminMembers(mux *http.ServeMux) {
	mux.HandleFunc("GET /status", answer(func(ctx context.Context, _ struct{}) (Status, error) { return s.Status() }))
	mux.HandleFunc("POST /join", answer(s.letJoin))
	mux.HandleFunc("POST /leave", answer(s.letLeave))
	mux.HandleFunc("POST /transfer", answer(s.transfer))
	mux.HandleFunc("GET /backup", s.sendBackup)
	mux.HandleFunc("POST /rotate", answer(func(ctx context.Context, _ struct{}) (struct{}, error) {
		return struct{}{}, s.Rotate(ctx)
	}))
	mux.HandleFunc("POST /line", answer(func(_ context.Context, q LineRequest) (struct{}, error) {
		s.SetLine(q.Up)
		return struct{}{}, nil
	}))
}

func (s *Server) adminCatalogue(mux *http.ServeMux) {
	mux.HandleFunc("POST /publish", answer(s.publish))
	mux.HandleFunc("POST /withdraw", answer(s.withdraw))
	mux.HandleFunc("GET /catalogue", answer(s.catalogue))
	mux.HandleFunc("GET /publications", answer(s.publications))
	mux.HandleFunc("GET /edition", s.sendEdition)
}

func (s *Server) adminOffices(mux *http.ServeMux) {
	mux.HandleFunc("POST /token", answer(s.issueToken))
	mux.HandleFunc("GET /lookup", s.lookup)
	s.handleOffices(mux)
}

// answer makes a handler of a function: JSON in, JSON out.
func answer[Q, A any](f func(context.Context, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody)).Decode(&q); err != nil && !errors.Is(err, io.EOF) {
				http.Error(w, "read request: "+err.Error()+"; send one JSON value", http.StatusBadRequest)
				return
			}
		}
		a, err := f(r.Context(), q)
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(a)
	}
}

func fail(w http.ResponseWriter, err error) {
	status := map[directory.Code]int{
		directory.Invalid: http.StatusBadRequest, directory.NotFound: http.StatusNotFound, directory.Conflict: http.StatusConflict,
		directory.Denied: http.StatusForbidden, directory.NoLeader: http.StatusServiceUnavailable,
		directory.Exhausted: http.StatusTooManyRequests,
	}[directory.CodeOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	http.Error(w, err.Error(), status)
}

// Status tells how this server is and what it knows.
func (s *Server) Status() (Status, error) {
	out := Status{
		Status: s.cluster.Status(), Province: s.cfg.Genesis.Province.VI, Prefix: s.cfg.Genesis.Prefix, Addr: s.self.Addr,
		Line: s.link.Line(), Started: s.started, Version: s.cfg.Version,
	}
	here := map[string]bool{s.self.Name: true}
	for _, n := range s.link.Connected() {
		here[string(n)] = true
	}
	for _, m := range s.cluster.Servers() {
		out.Servers = append(out.Servers, ServerStatus{m, here[m.Name]})
	}
	out.Level = s.cluster.Level()
	var nodes []directory.Node
	err := s.look(func(r state.Reader) (err error) {
		at, err := state.StandingOf(r)
		if err != nil {
			return err
		}
		out.Epoch, out.EditionMost = at.Epoch, edition.MaxBody
		if out.EditionSize, err = state.EditionSize(r); err != nil {
			return err
		}
		c, _, err := state.Calendar(r, 0)
		if err != nil {
			return err
		}
		out.Calendar = c.Reach(directory.DateOf(s.cfg.Now()))
		nodes, err = state.Nodes(r)
		return err
	})
	out.Nodes = s.nodesSeen(nodes, here)
	d, errDuty := s.duty()
	out.Edition = d.complete.Number
	out.Pending = d.changed || d.cut.Number > d.complete.Number
	return out, errors.Join(err, errDuty)
}

// nodesSeen adds to what the tables say of nodes what they say of themselves. One that gossip sees is connected, whoever it has
// its line to.
func (s *Server) nodesSeen(nodes []directory.Node, here map[string]bool) (out []NodeStatus) {
	says := map[string]gossip.Meta{}
	for _, m := range s.gossip.Members() {
		says[string(m.Name)], here[string(m.Name)] = m.Meta, true
	}
	for _, n := range nodes {
		st := nodeStatus(n, here)
		if m := says[string(n.Office)]; st.Connected {
			st.Edition, st.Oldest, st.Log = m.Edition, m.Oldest, m.Log
		}
		out = append(out, st)
	}
	return out
}

// change proposes and reads a failure as an error.
func (s *Server) change(ctx context.Context, c command.Command) (state.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, proposeTime)
	defer cancel()
	r, err := s.cluster.Propose(ctx, cluster.NewRequest(), c)
	if err == nil {
		err = r.Err()
	}
	return r, err
}

func (s *Server) issueToken(ctx context.Context, q TokenRequest) (out TokenAnswer, err error) {
	if q.Hours == 0 {
		q.Hours = defaultHours
	}
	if q.Hours < 0 || q.Hours > maxHours {
		return out, directory.Errorf("issue token", directory.Invalid, "%d hours: want 1 to %d", q.Hours, maxHours)
	}
	t := directory.Token{Office: q.Office, Genesis: s.cfg.Genesis.Digest()}
	rand.Read(t.Secret[:])
	for _, m := range s.members() {
		t.Servers = append(t.Servers, directory.TokenServer{Addr: m.Addr, TLSID: m.TLSID()})
	}
	out.Expires = s.cfg.Now().Add(time.Duration(q.Hours) * time.Hour).Truncate(time.Second)
	_, err = s.change(ctx, &command.IssueToken{Hash: t.Hash(), Office: q.Office, Expires: out.Expires.Unix()})
	out.Token = t.String()
	return out, err
}

func (s *Server) lookup(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	answer(func(context.Context, struct{}) (t directory.Track, err error) {
		err = s.look(func(r state.Reader) error {
			var ok bool
			if t, ok, err = openTrack(r, code); err == nil && !ok {
				err = directory.Errorf("lookup", directory.NotFound, "no dossier has this code, or it was not reported yet")
			}
			return err
		})
		return t, err
	})(w, r)
}

func (s *Server) sendEdition(w http.ResponseWriter, _ *http.Request) {
	b, number, err := s.newestBytes(0)
	if err == nil && number == 0 {
		err = directory.Errorf("edition", directory.NotFound, "no edition is complete yet")
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(b)
}
