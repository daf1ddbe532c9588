package link

import "motcua/crypto/digest"

// The room of lanes: bytes that wait in them in each direction, written and not acknowledged, or come and not read. Beyond it each stream
// has line.Least.
const (
	laneRoom     = 64 << 20 // of all
	laneRoomPeer = 8 << 20  // of those of one key
)

// share divides the room among the lanes in use, evenly by key: who opens many has no more than others. The lock of the link guards it.
type share struct {
	by map[digest.Digest]int
}

func (s *share) enter(id digest.Digest) {
	if s.by == nil {
		s.by = map[digest.Digest]int{}
	}
	s.by[id]++
}

func (s *share) leave(id digest.Digest) {
	if s.by[id]--; s.by[id] == 0 {
		delete(s.by, id)
	}
}

// of is the room of one lane to a key.
func (s *share) of(id digest.Digest) int {
	return min(laneRoomPeer, laneRoom/max(len(s.by), 1)) / max(s.by[id], 1)
}
