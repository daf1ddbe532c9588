package server

import "motcua/replication/link"

// LaneStatus is how bulk fares on a long or lossy line to a peer, where it does not go as plain streams.
type LaneStatus struct {
	Peer    string  `json:"peer"`
	RTT     int64   `json:"rtt_ms"`
	Rate    int     `json:"bytes_per_second"`
	Lost    float64 `json:"lost"`              // share of the packets sent
	Company bool    `json:"company,omitempty"` // others use the line
	Dark    bool    `json:"dark,omitempty"`    // nothing comes back just now
}

func laneStatus(l *link.Link) (out []LaneStatus) {
	for _, n := range l.Lanes() {
		s := n.State
		out = append(out, LaneStatus{
			Peer: string(n.Peer), RTT: s.RTT.Milliseconds(), Rate: s.Rate, Lost: float64(s.Lost) / float64(max(s.Packets, 1)),
			Company: s.Company, Dark: s.Dark,
		})
	}
	return out
}
