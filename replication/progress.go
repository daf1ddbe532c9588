package replication

import "time"

// Carrier is a way by which parcels travel. Append only.
type Carrier string

// The carriers.
const (
	ByLine  Carrier = "line"  // straight to the recipient
	ByRelay Carrier = "relay" // kept for it by a relay
)

// Progress is how a parcel that is not settled is coming along, for people to see.
type Progress struct {
	Carrier Carrier
	Sending bool      // at this moment
	Done    int64     // bytes that the recipient is known to have
	Next    time.Time // of the next attempt that is planned; zero: now, or none
	Closed  bool      // it waits for the hours of large parcels
}
