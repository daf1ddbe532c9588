package server

import (
	"encoding/json"
	"fmt"
	"net/http"

	"motcua/directory"
	"motcua/node/office"
)

// HandOver tells how the hand-over of an office that closes stands.
type HandOver struct {
	Closed     string   `json:"closed"` // its last day, "2027-06-30"
	Decision   string   `json:"decision"`
	Past       bool     `json:"past"`       // that day is over
	Successors []string `json:"successors"` // who may take over
	To         string   `json:"to"`         // who does, "" before it was ordered
	Left       int      `json:"left"`       // in progress here
	UnderWay   int      `json:"under_way"`  // handed over and not acknowledged
	Taken      int      `json:"taken"`      // acknowledged
	// Submissions were not accepted or refused yet: only this office can.
	Submissions int `json:"submissions"`
	// Hindrance is why some of it could not be handed over when that was last tried.
	Hindrance string `json:"hindrance,omitempty"`
}

// Done tells whether everything has been acknowledged.
func (h HandOver) Done() bool { return h.To != "" && h.Left+h.UnderWay == 0 }

// adminHandOver tells how it stands.
func (n *Server) adminHandOver(w http.ResponseWriter, _ *http.Request) {
	c, closes, err := n.office.Closure()
	if err == nil && !closes {
		err = fmt.Errorf("hand over: edition %d of the directory does not say that office %s closes; only an office that does hands over", n.replica.Number(), n.enrolment.Office)
	}
	answer(w, handOverOf(c), err)
}

func handOverOf(c office.Closure) HandOver {
	h := HandOver{
		Closed: string(c.Closed), Decision: c.Decision, Past: c.Past, Successors: []string{}, To: string(c.Ordered.Code),
		Left: c.Left, UnderWay: c.UnderWay, Taken: c.Taken, Submissions: c.Submissions, Hindrance: c.Hindrance,
	}
	for _, to := range c.To {
		h.Successors = append(h.Successors, string(to.Code))
	}
	return h
}

// maxHandOverRequest bounds a request to hand over, in bytes.
const maxHandOverRequest = 64 << 10

// adminOrderHandOver has everything in progress handed over, or the dossiers with some codes: {"to": "H32.22333", "codes": []}.
func (n *Server) adminOrderHandOver(w http.ResponseWriter, r *http.Request) {
	var in struct {
		To    directory.OfficeCode
		Codes []string
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHandOverRequest)).Decode(&in); err != nil {
		http.Error(w, "hand over: malformed request", http.StatusBadRequest)
		return
	}
	var err error
	if len(in.Codes) > 0 {
		err = n.office.HandOverHere(r.Context(), in.To, in.Codes)
	} else {
		err = n.office.OrderHandOverHere(r.Context(), in.To)
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	n.adminHandOver(w, r)
}
