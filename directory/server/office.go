package server

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
)

// Chart is what GET /offices answers: all levels and offices, those that are no more too, and the offices whose node is in use.
type Chart struct {
	Levels  []directory.Level      `json:"levels"`
	Offices []directory.Office     `json:"offices"`
	Nodes   []directory.OfficeCode `json:"nodes"`
}

// OfficeRequest is what POST /offices takes. With DryRun nothing is changed. A decision that somebody should think twice about (see
// state.OfficePreview.Blocked) is carried out with Anyway alone.
type OfficeRequest struct {
	command.ChangeOffices
	DryRun bool `json:"dry_run,omitempty"`
	Anyway bool `json:"anyway,omitempty"`
	// Ended are the states of dossiers that are no longer worked on. If given, the open dossiers of the offices that close are counted.
	Ended []string `json:"ended,omitempty"`
}

// OfficeAnswer is what it answers.
type OfficeAnswer struct {
	Preview state.OfficePreview `json:"preview"`
	// Dossiers are the open dossiers of the offices that close, if they were asked for.
	Dossiers []state.OpenTracks `json:"dossiers,omitempty"`
	Changed  int                `json:"changed"` // rows
	// Blocked tells that nothing was changed, for want of Anyway.
	Blocked bool `json:"blocked,omitempty"`
}

// TracksRequest is what POST /tracks/open takes: the states that count as ended, and one root office, or none for all.
type TracksRequest struct {
	Ended []string             `json:"ended"`
	Root  directory.OfficeCode `json:"root,omitempty"`
}

func (s *Server) handleOffices(mux *http.ServeMux) {
	mux.HandleFunc("GET /offices", answer(func(context.Context, struct{}) (Chart, error) { return s.chart() }))
	mux.HandleFunc("POST /offices", answer(s.changeOffices))
	mux.HandleFunc("GET /calendar", s.sendCalendar)
	mux.HandleFunc("POST /calendar", answer(s.publishCalendar))
	mux.HandleFunc("POST /tracks/open", answer(s.openTracks))
}

func (s *Server) chart() (out Chart, err error) {
	var nodes []directory.Node
	err = s.look(func(r state.Reader) error {
		c, err := state.ChartOf(r)
		if err != nil {
			return err
		}
		for _, l := range c.Levels {
			out.Levels = append(out.Levels, l)
		}
		for _, o := range c.Offices {
			out.Offices = append(out.Offices, o)
		}
		nodes, err = state.Nodes(r)
		return err
	})
	for _, n := range nodes {
		if n.Revoked == 0 {
			out.Nodes = append(out.Nodes, n.Office)
		}
	}
	slices.SortFunc(out.Levels, func(a, b directory.Level) int { return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(out.Offices, func(a, b directory.Office) int { return cmp.Compare(a.Code, b.Code) })
	return out, err
}

func (s *Server) changeOffices(ctx context.Context, q OfficeRequest) (out OfficeAnswer, err error) {
	err = s.cluster.Read(ctx, cluster.Linearizable, func(r state.Reader, _ uint64) (err error) {
		if out.Preview, err = state.PreviewOffices(r, &q.ChangeOffices, s.cfg.Now().UnixMilli()); err != nil || len(q.Ended) == 0 {
			return err
		}
		closing := map[directory.OfficeCode]bool{}
		for _, o := range out.Preview.After {
			closing[o.Code] = !o.Valid.Contains(q.On)
		}
		all, err := state.CountOpen(ctx, r, q.Ended, "")
		out.Dossiers = slices.DeleteFunc(all, func(t state.OpenTracks) bool { return !closing[t.Root] && !closing[t.Holder] })
		return err
	})
	if err != nil || q.DryRun {
		return out, err
	}
	if out.Blocked = out.Preview.Blocked() && !q.Anyway; out.Blocked {
		return out, nil
	}
	r, err := s.change(ctx, &q.ChangeOffices)
	if err != nil {
		return out, err
	}
	v, err := decodeValue[state.Published](r)
	out.Changed = int(v.Changed)
	return out, err
}

func (s *Server) sendCalendar(w http.ResponseWriter, r *http.Request) {
	version, err := strconv.ParseUint(cmp.Or(r.FormValue("version"), "0"), 10, 32)
	if err != nil {
		fail(w, directory.Errorf("calendar", directory.Invalid, "malformed version: want a number"))
		return
	}
	answer(func(context.Context, struct{}) (c directory.Calendar, err error) {
		err = s.look(func(r state.Reader) error {
			var ok bool
			if c, ok, err = state.Calendar(r, uint32(version)); err == nil && !ok {
				err = directory.Errorf("calendar", directory.NotFound, "version %d of the calendar is not kept here, or none is published yet", version)
			}
			return err
		})
		return c, err
	})(w, r)
}

func (s *Server) publishCalendar(ctx context.Context, c directory.Calendar) (directory.CalendarReach, error) {
	if c.Decision == "" {
		return directory.CalendarReach{}, directory.Errorf("publish calendar", directory.Invalid, "no decision: say which notice it follows")
	}
	if _, err := s.change(ctx, &command.PublishCalendar{Calendar: c}); err != nil {
		return directory.CalendarReach{}, err
	}
	return c.Reach(directory.DateOf(s.cfg.Now())), nil
}

func (s *Server) openTracks(ctx context.Context, q TracksRequest) (out []state.OpenTracks, err error) {
	err = s.look(func(r state.Reader) error {
		out, err = state.CountOpen(ctx, r, q.Ended, q.Root)
		return err
	})
	return out, err
}
