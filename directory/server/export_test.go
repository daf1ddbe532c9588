package server

import "motcua/directory/client"

// Shelf is where editions are taken from.
func (s *Server) Shelf() client.Shelf { return &shelf{s: s} }
