package server

import (
	"context"
	"fmt"
	"time"

	"motcua/crypto/disk"
)

// reserve is how many bytes of the disk must stay free: what the log and the tables still have to write of what was
// acknowledged. Both write through memory maps, where a full disk ends the process instead of giving an error; so a server stops
// before that, in order, and the others go on.
const reserve = 64 << 20

// roomEvery is how often the disk is looked at.
const roomEvery = 5 * time.Second

// room fails when too little of the disk is left.
func (s *Server) room() error {
	if err := disk.Room(s.cfg.Dir, reserve, s.cfg.Free); err != nil {
		return fmt.Errorf("directory server %s stops before its disk is full: %w; then start it again", s.self.Name, err)
	}
	return nil
}

// watchRoom returns when too little of the disk is left, or with the context.
func (s *Server) watchRoom(ctx context.Context) error {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		if err := s.room(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
