package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"

	"motcua/crypto/disk"
	"motcua/directory"
	"motcua/replication/courier"
)

// Unsent is a parcel that has not been acknowledged. Times are Unix seconds, 0 for never or not planned.
type Unsent struct {
	Parcel   string `json:"parcel"`
	To       string `json:"to"`
	Kind     string `json:"kind"`
	Since    int64  `json:"since"`
	Attempts int    `json:"attempts"` // that failed
	Tried    int64  `json:"tried"`
	Reason   string `json:"reason,omitempty"` // of the last failure: a replication.Reason
	Carrier  string `json:"carrier"`
	Sending  bool   `json:"sending"`
	Done     int64  `json:"done"` // bytes that the recipient is known to have
	Bytes    int64  `json:"bytes"`
	Next     int64  `json:"next"`    // when it is tried again
	Closed   bool   `json:"closed"`  // it waits for the hours of large parcels
	Raised   bool   `json:"raised"`  // late to be acknowledged
	Overdue  bool   `json:"overdue"` // past its lifetime: a person decides
}

// Refused is a parcel that its recipient will never take.
type Refused struct {
	Parcel  string `json:"parcel"`
	To      string `json:"to"`
	Kind    string `json:"kind"`
	Refusal string `json:"refusal"`
	Note    string `json:"note,omitempty"`
	At      int64  `json:"at"`
}

// unsettled tells of what waits and what was refused, without what is in it.
func (n *Server) unsettled() (unsent []Unsent, refused []Refused, err error) {
	sending, troubles, err := n.office.Unsettled()
	unsent, refused = []Unsent{}, []Refused{}
	for _, s := range sending {
		unsent = append(unsent, Unsent{
			Parcel: s.Parcel.Short(), To: string(s.To.Code), Kind: s.Kind, Since: s.Since.Unix(), Attempts: s.Attempts, Tried: unix(s.Tried), Reason: string(s.Reason),
			Carrier: string(s.Carrier), Sending: s.Sending, Done: s.Done, Bytes: s.Bytes, Next: unix(s.Next), Closed: s.Closed, Raised: s.Raised, Overdue: s.Overdue,
		})
	}
	for _, t := range troubles {
		refused = append(refused, Refused{Parcel: t.Parcel.Short(), To: string(t.To.Code), Kind: t.Kind, Refusal: t.Refusal, Note: t.Note, At: t.At.Unix()})
	}
	return unsent, refused, err
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// adminRetry has what waits for an office tried now, or everything: {"to": "H32.22327"}.
func (n *Server) adminRetry(w http.ResponseWriter, r *http.Request) {
	var in struct{ To directory.OfficeCode }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1024)).Decode(&in); err != nil {
		http.Error(w, "retry: malformed request", http.StatusBadRequest)
		return
	}
	answer(w, map[string]bool{"woken": true}, n.office.RetryAll(r.Context(), in.To))
}

// adminLimits puts limits in force and keeps them.
func (n *Server) adminLimits(w http.ResponseWriter, r *http.Request) {
	var l courier.Limits
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&l); err != nil {
		http.Error(w, "limits: malformed request", http.StatusBadRequest)
		return
	}
	l.Zone = directory.Zone
	err := l.Validate()
	if err == nil {
		err = n.keepLimits(l)
	}
	if err == nil {
		err = n.courier.SetLimits(l)
	}
	answer(w, n.courier.Limits(), err)
}

// limitsFile keeps the limits of what goes to other offices.
const limitsFile = "limits.json"

func (n *Server) keepLimits(l courier.Limits) error {
	b, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(n.path(limitsFile), b)
}

// loadLimits puts the limits in force that were kept.
func (n *Server) loadLimits() error {
	b, err := os.ReadFile(n.path(limitsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var l courier.Limits
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err != nil {
		return err
	}
	l.Zone = directory.Zone
	return n.courier.SetLimits(l)
}
