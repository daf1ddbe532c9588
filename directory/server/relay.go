package server

import (
	"context"
	"net/http"

	"motcua/directory"
	"motcua/replication"
	"motcua/replication/relay"
)

// relayFolder is where parcels are kept for offices that are away.
const relayFolder = "relay"

// keepsFor tells whether parcels from one to another are kept here: all between offices.
func (s *Server) keepsFor(from, to replication.Name) bool {
	return directory.OfficeCode(from).Validate() == nil && directory.OfficeCode(to).Validate() == nil
}

func (s *Server) keepParcels(ctx context.Context) {
	if err := s.relay.Run(ctx); err != nil {
		s.log.Error("the relay has stopped", "error", err)
	}
}

// DropRequest is what POST /relay/drop takes: the first digits of a parcel's id, and why.
type DropRequest struct {
	Parcel string `json:"parcel"`
	Reason string `json:"reason"`
}

func (s *Server) adminRelay(mux *http.ServeMux) {
	mux.HandleFunc("GET /relay", answer(func(context.Context, struct{}) (relay.List, error) { return s.relay.List(), nil }))
	mux.HandleFunc("POST /relay/drop", answer(func(_ context.Context, q DropRequest) (relay.Item, error) {
		i, err := s.relay.Drop(q.Parcel, q.Reason)
		if err != nil {
			err = directory.Errorf("drop parcel", directory.Invalid, "%s", err)
		}
		return i, err
	}))
}
