package server

import (
	"context"

	"motcua/directory"
	"motcua/directory/cluster"
	"motcua/directory/command"
	"motcua/directory/state"
)

// WithdrawRequest is what POST /withdraw takes.
type WithdrawRequest struct {
	Withdrawals []directory.Withdrawal `json:"withdrawals"`
	Terms       directory.Terms        `json:"terms"`
}

// Catalogue is what GET /catalogue answers: the public tables that an editor works on, as the majority has them.
type Catalogue struct {
	Levels     []directory.Level      `json:"levels"`
	Offices    []directory.Office     `json:"offices"`
	Fields     []directory.Field      `json:"fields"`
	Procedures []directory.Procedure  `json:"procedures"` // every version, by code and version
	Withdrawn  []directory.Withdrawal `json:"withdrawn"`
	Calendar   *directory.Calendar    `json:"calendar,omitempty"`
	// Open is what each office last said about its dossiers in progress.
	Open []directory.OpenDossiers `json:"open"`
	// Nodes are the offices that have a node in use: those of them not in Open have said nothing yet.
	Nodes []directory.OfficeCode `json:"nodes"`
}

// PublicationRows is a publication with the keys of the rows it changed.
type PublicationRows struct {
	directory.Publication
	Rows []string `json:"rows"`
}

// publish has tables published, in as many commands as it takes. With terms they are the parts of one recorded publication.
func (s *Server) publish(ctx context.Context, p Publication) (out Published, err error) {
	all := command.Publish{Levels: p.Levels, Offices: p.Offices, Fields: p.Fields, Calendar: p.Calendar, Procedures: p.Procedures}
	if err := all.Validate(); err != nil {
		return out, directory.Errorf("publish", directory.Invalid, "%v", err)
	}
	parts, err := all.Split()
	if err != nil {
		return out, directory.Errorf("publish", directory.Invalid, "%v", err)
	}
	fits := func(r state.Reader, _ uint64) error { return state.FitsEdition(r, &all) } // or some parts would be in, and the others not
	if err := s.cluster.Read(ctx, cluster.Linearizable, fits); err != nil {
		return out, err
	}
	id := cluster.NewRequest()
	for i, part := range parts {
		if p.Terms != nil {
			part.Publication = &command.Part{ID: id, Part: uint32(i + 1), Parts: uint32(len(parts)), Terms: *p.Terms}
		}
		v, err := s.publishPart(ctx, part)
		if err != nil {
			return out, err
		}
		out.Changed += int(v.Changed)
		out.Publication = v.Publication
	}
	return out, nil
}

func (s *Server) publishPart(ctx context.Context, c command.Command) (state.Published, error) {
	r, err := s.change(ctx, c)
	if err != nil {
		return state.Published{}, err
	}
	return decodeValue[state.Published](r)
}

func (s *Server) withdraw(ctx context.Context, q WithdrawRequest) (out Published, err error) {
	v, err := s.publishPart(ctx, &command.Withdraw{
		Withdrawals: q.Withdrawals,
		Publication: command.Part{ID: cluster.NewRequest(), Part: 1, Parts: 1, Terms: q.Terms},
	})
	return Published{Changed: int(v.Changed), Publication: v.Publication}, err
}

func (s *Server) catalogue(ctx context.Context, _ struct{}) (out Catalogue, err error) {
	err = s.cluster.Read(ctx, cluster.Linearizable, func(r state.Reader, _ uint64) error {
		c, err := state.CatalogueOf(r)
		if err != nil {
			return err
		}
		nodes, err := state.Nodes(r)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if n.Revoked == 0 {
				out.Nodes = append(out.Nodes, n.Office)
			}
		}
		out.Levels, out.Offices, out.Fields, out.Procedures = c.Levels, c.Offices, c.Fields, c.Procedures
		out.Withdrawn, out.Calendar = c.Withdrawn, c.Calendar
		out.Open, err = state.OpenDossiers(r)
		return err
	})
	return out, err
}

func (s *Server) publications(ctx context.Context, _ struct{}) (out []PublicationRows, err error) {
	err = s.cluster.Read(ctx, cluster.Linearizable, func(r state.Reader, _ uint64) error {
		all, err := state.Publications(r)
		for _, p := range all {
			rows, err := state.PublishedRows(r, p.Number)
			if err != nil {
				return err
			}
			out = append(out, PublicationRows{p, rows})
		}
		return err
	})
	return out, err
}
