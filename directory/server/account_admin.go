package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
)

// Accounts are named to the admin handler by login, by id, or by a citizen's identity number ("who").

// EditRequest is what POST /account/edit takes.
type EditRequest struct {
	Who     string          `json:"who"`
	Profile command.Profile `json:"profile"`
}

// GrantsRequest is what POST /account/grants takes.
type GrantsRequest struct {
	Who    string            `json:"who"`
	Add    []directory.Grant `json:"add,omitempty"`
	Remove []directory.Grant `json:"remove,omitempty"`
	Reason string            `json:"reason,omitempty"`
}

// DelegateRequest is what POST /account/delegate takes: a delegation to be made, or with End, the reason, the one of this ID to
// be ended.
type DelegateRequest struct {
	From     string          `json:"from"`
	To       string          `json:"to,omitempty"`
	Grant    directory.Grant `json:"grant,omitzero"`
	Decision string          `json:"decision,omitempty"`
	ID       string          `json:"id,omitempty"`
	End      string          `json:"end,omitempty"`
}

// CloseRequest is what POST /account/close takes.
type CloseRequest struct {
	Who    string `json:"who"`
	Open   bool   `json:"open,omitempty"`
	Reason string `json:"reason"`
}

// ResetRequest is what POST /account/reset takes. Hours is how long the code is good, 0 for 24.
type ResetRequest struct {
	Who   string `json:"who"`
	Hours int    `json:"hours,omitempty"`
}

// ResetAnswer is what it answers. The code is secret and shown once.
type ResetAnswer struct {
	Code    string            `json:"code"`
	Expires time.Time         `json:"expires"`
	Account directory.Account `json:"account"`
}

// MergeRequest is what POST /account/merge takes.
type MergeRequest struct {
	Survivor string `json:"survivor"`
	Merged   string `json:"merged"`
	Reason   string `json:"reason"`
}

// FactorRequest is what POST /account/factor/remove takes.
type FactorRequest struct {
	Who    string `json:"who"`
	Factor string `json:"factor"`
}

// AccountList is what GET /accounts answers: the staff of ?office=, with ?twins=1 accounts of one identity number, or with
// ?resets=1 what offices (or the one of ?office=) have issued of reset codes to citizens since the day ?since=.
type AccountList struct {
	Accounts []directory.Account   `json:"accounts,omitempty"`
	Twins    []state.Twin          `json:"twins,omitempty"`
	Resets   []directory.DeskReset `json:"resets,omitempty"`
}

const resetHours = 24

func (s *Server) adminAccounts(mux *http.ServeMux) {
	mux.HandleFunc("POST /account", answer(s.putAccount))
	mux.HandleFunc("GET /account", s.getAccount)
	mux.HandleFunc("GET /accounts", s.listAccounts)
	mux.HandleFunc("GET /account/history", s.getHistory)
	mux.HandleFunc("POST /account/edit", answer(s.editAccount))
	mux.HandleFunc("POST /account/grants", answer(s.changeGrants))
	mux.HandleFunc("POST /account/delegate", answer(s.delegate))
	mux.HandleFunc("POST /account/close", answer(s.closeAccount))
	mux.HandleFunc("POST /account/reset", answer(s.issueReset))
	mux.HandleFunc("POST /account/merge", answer(s.mergeAccounts))
	mux.HandleFunc("POST /account/factor/remove", answer(s.removeFactor))
	mux.HandleFunc("GET /account/policy", answer(s.factorPolicy))
	mux.HandleFunc("POST /account/policy", answer(s.setFactorPolicy))
}

// decree makes a change by province IT and returns the account it was about.
func (s *Server) decree(ctx context.Context, c command.Command) (directory.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, proposeTime)
	defer cancel()
	if err := c.Validate(); err != nil {
		return directory.Account{}, directory.Errorf(c.Kind().String(), directory.Invalid, "%v", err)
	}
	list, _, err := s.amend(ctx, cluster.NewRequest(), c)
	if err != nil || len(list) == 0 {
		return directory.Account{}, err
	}
	s.log.Info("account changed by province IT", "op", c.Kind().String(), "account", list[0])
	return list[0], nil
}

func (s *Server) putAccount(ctx context.Context, q AccountRequest) (directory.Account, error) {
	a := normal(q.Account)
	a.Verifier = q.Verifier
	if s.cluster.Level() < accountLevel() {
		r, err := s.change(ctx, &command.PutAccount{Account: older(a)})
		if err != nil {
			return a, err
		}
		return decodeValue[directory.Account](r)
	}
	return s.decree(ctx, &command.MakeAccount{Account: a, Replace: true})
}

// who finds an account by what province IT calls it.
func (s *Server) who(ctx context.Context, name string) (a directory.Account, err error) {
	err = s.cluster.Read(ctx, cluster.Leader, func(r state.Reader, _ uint64) error {
		for _, find := range []func(state.Reader) (directory.Account, bool, error){
			func(r state.Reader) (directory.Account, bool, error) { return state.AccountByLogin(r, name) },
			func(r state.Reader) (directory.Account, bool, error) {
				return state.AccountByID(r, directory.AccountID(name))
			},
			func(r state.Reader) (directory.Account, bool, error) {
				return state.AccountByIdentity(r, directory.NormalIdentity(name))
			},
		} {
			found, ok, err := find(r)
			if err != nil || ok {
				a = found
				return err
			}
		}
		return directory.Errorf("account", directory.NotFound, "no account has this login, id or identity number")
	})
	return a, err
}

func (s *Server) getAccount(w http.ResponseWriter, r *http.Request) {
	answer(func(ctx context.Context, _ struct{}) (directory.Account, error) {
		return s.who(ctx, r.FormValue("who"))
	})(w, r)
}

func (s *Server) listAccounts(w http.ResponseWriter, r *http.Request) {
	answer(func(ctx context.Context, _ struct{}) (out AccountList, err error) {
		err = s.cluster.Read(ctx, cluster.Leader, func(t state.Reader, _ uint64) (err error) {
			office := directory.OfficeCode(r.FormValue("office"))
			switch {
			case r.FormValue("twins") != "":
				out.Twins, err = state.Twins(t)
			case r.FormValue("resets") != "":
				out.Resets, err = state.DeskResets(t, office, directory.Date(r.FormValue("since")))
			default:
				out.Accounts, err = state.StaffOf(t, office)
			}
			return err
		})
		return out, err
	})(w, r)
}

func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) {
	answer(func(ctx context.Context, _ struct{}) (lines []directory.Change, err error) {
		a, err := s.who(ctx, r.FormValue("who"))
		if err != nil {
			return nil, err
		}
		err = s.cluster.Read(ctx, cluster.Leader, func(t state.Reader, _ uint64) (err error) {
			lines, err = state.HistoryOf(t, a)
			return err
		})
		return lines, err
	})(w, r)
}

func (s *Server) editAccount(ctx context.Context, q EditRequest) (directory.Account, error) {
	a, err := s.who(ctx, q.Who)
	if err != nil {
		return a, err
	}
	for _, f := range []struct {
		v    *string
		fold func(string) string
	}{
		{q.Profile.Login, directory.NormalLogin}, {q.Profile.Identity, directory.NormalIdentity},
		{q.Profile.Phone, directory.NormalPhone}, {q.Profile.Email, directory.NormalEmail},
	} {
		if f.v != nil {
			*f.v = f.fold(*f.v)
		}
	}
	return s.decree(ctx, &command.EditAccount{ID: a.ID, Profile: q.Profile})
}

func (s *Server) changeGrants(ctx context.Context, q GrantsRequest) (directory.Account, error) {
	a, err := s.who(ctx, q.Who)
	if err != nil {
		return a, err
	}
	return s.decree(ctx, &command.ChangeGrants{ID: a.ID, Add: q.Add, Remove: q.Remove, Reason: q.Reason})
}

func (s *Server) delegate(ctx context.Context, q DelegateRequest) (directory.Account, error) {
	from, err := s.who(ctx, q.From)
	if err != nil {
		return from, err
	}
	d := directory.Delegation{ID: q.ID, From: from.ID, Grant: q.Grant, Decision: q.Decision}
	if q.End != "" {
		return s.decree(ctx, &command.Delegate{Delegation: d, End: q.End})
	}
	to, err := s.who(ctx, q.To)
	if err != nil {
		return to, err
	}
	d.ID, d.To = newID(), to.ID
	return s.decree(ctx, &command.Delegate{Delegation: d})
}

func (s *Server) closeAccount(ctx context.Context, q CloseRequest) (directory.Account, error) {
	a, err := s.who(ctx, q.Who)
	if err != nil {
		return a, err
	}
	return s.decree(ctx, &command.CloseAccount{ID: a.ID, Open: q.Open, Reason: q.Reason})
}

func (s *Server) issueReset(ctx context.Context, q ResetRequest) (out ResetAnswer, err error) {
	if q.Hours == 0 {
		q.Hours = resetHours
	}
	if q.Hours < 0 || q.Hours > directory.MaxResetHours {
		return out, directory.Errorf("issue reset", directory.Invalid, "%d hours: want 1 to %d", q.Hours, directory.MaxResetHours)
	}
	a, err := s.who(ctx, q.Who)
	if err != nil {
		return out, err
	}
	var random [10]byte
	rand.Read(random[:])
	out.Code = directory.OneTimeCode(random)
	out.Expires = s.cfg.Now().Add(time.Duration(q.Hours) * time.Hour).Truncate(time.Second)
	out.Account, err = s.decree(ctx, &command.IssueReset{ID: a.ID, Hash: directory.ResetHash(out.Code), Expires: out.Expires.Unix()})
	return out, err
}

func (s *Server) mergeAccounts(ctx context.Context, q MergeRequest) (directory.Account, error) {
	into, err := s.who(ctx, q.Survivor)
	if err != nil {
		return into, err
	}
	gone, err := s.who(ctx, q.Merged)
	if err != nil {
		return gone, err
	}
	return s.decree(ctx, &command.MergeAccounts{Survivor: into.ID, Merged: gone.ID, Reason: q.Reason})
}

func (s *Server) removeFactor(ctx context.Context, q FactorRequest) (directory.Account, error) {
	a, err := s.who(ctx, q.Who)
	if err != nil {
		return a, err
	}
	return s.decree(ctx, &command.ChangeFactor{ID: a.ID, Remove: q.Factor})
}

func (s *Server) factorPolicy(ctx context.Context, _ struct{}) (p directory.FactorPolicy, err error) {
	err = s.cluster.Read(ctx, cluster.Leader, func(r state.Reader, _ uint64) (err error) {
		p, err = state.FactorPolicy(r)
		return err
	})
	return p, err
}

func (s *Server) setFactorPolicy(ctx context.Context, p directory.FactorPolicy) (directory.FactorPolicy, error) {
	if _, err := s.change(ctx, &command.AccountRules{Policy: &p}); err != nil {
		return p, err
	}
	return s.factorPolicy(ctx, struct{}{})
}
