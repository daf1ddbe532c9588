package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"motcua/directory"
	"motcua/node/guardian"
	"motcua/node/store"
	"motcua/replication"
	"motcua/replication/bundle"
	"motcua/replication/courier"
)

// Status is what a node says of itself.
type Status struct {
	Office    string   `json:"office"`
	Portal    string   `json:"portal"`
	Version   string   `json:"version"`
	Started   int64    `json:"started"` // Unix seconds
	Line      bool     `json:"line"`    // false during a drill: every packet is dropped
	Edition   uint64   `json:"edition"`
	Waiting   int      `json:"waiting"` // parcels without a receipt
	Connected []string `json:"connected"`
	Seen      int      `json:"seen"` // peers that gossip knows
	// Forks counts the editions kept as evidence that the directory contradicts itself; 0 where all is well.
	Forks int       `json:"forks,omitempty"`
	Keys  KeyStatus `json:"keys"`
	// Backup tells how far the guardian has this node's backup.
	Backup guardian.Status `json:"backup"`
	// Calendar tells how far the calendar of working days reaches that this node has.
	Calendar directory.CalendarReach `json:"calendar"`
	// Unsent are the oldest of what waits, Refused the newest that its recipients will never take.
	Unsent  []Unsent  `json:"unsent"`
	Refused []Refused `json:"refused"`
	// Limits are those of large parcels.
	Limits courier.Limits `json:"limits"`
	// Lanes are the ways of bulk over long and lossy lines; none where plain streams fill the line.
	Lanes []LaneStatus `json:"lanes,omitempty"`
}

// Status asks the node how it is.
func (n *Server) Status() (Status, error) {
	s := Status{
		Office: string(n.enrolment.Office), Portal: n.enrolment.Portal, Version: n.cfg.Version, Started: n.started.Unix(),
		Line: n.link.Line(), Edition: n.replica.Number(), Connected: []string{}, Seen: len(n.gossip.Members()), Forks: n.forks(), Keys: n.keyStatus(), Backup: n.backup.Status(),
	}
	days, _ := n.replica.Calendar()
	s.Calendar = days.Reach(directory.DateOf(n.cfg.Now()))
	for _, name := range n.link.Connected() {
		s.Connected = append(s.Connected, string(name))
	}
	s.Limits, s.Lanes = n.courier.Limits(), laneStatus(n.link)
	strip, err := n.office.Strip()
	s.Waiting = strip.Waiting
	if err == nil {
		s.Unsent, s.Refused, err = n.unsettled()
	}
	return s, err
}

// Admin is what the tools of this machine may ask, over a socket that only the owner of the data folder can open.
func (n *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", n.adminStatus)
	mux.HandleFunc("POST /line", n.adminLine)
	mux.HandleFunc("POST /retry", n.adminRetry)
	mux.HandleFunc("POST /limits", n.adminLimits)
	mux.HandleFunc("GET /hand-over", n.adminHandOver)
	mux.HandleFunc("POST /hand-over", n.adminOrderHandOver)
	mux.HandleFunc("POST /rotate", n.adminRotate)
	mux.HandleFunc("GET /edition", n.adminWriteEdition)
	mux.HandleFunc("POST /edition", n.adminInstallEdition)
	mux.HandleFunc("GET /bundle", n.adminWriteBundle)
	mux.HandleFunc("POST /bundle", n.adminReadBundle)
	mux.HandleFunc("GET /relay", n.adminRelay)
	mux.HandleFunc("GET /guardian", n.adminGuardian)
	mux.HandleFunc("POST /backup-key", n.adminBackupKey)
	mux.HandleFunc("POST /relay/drop", n.adminRelayDrop)
	return mux
}

func (n *Server) adminStatus(w http.ResponseWriter, _ *http.Request) {
	s, err := n.Status()
	answer(w, s, err)
}

// adminLine pulls the cable or plugs it in again: {"up": false}.
func (n *Server) adminLine(w http.ResponseWriter, r *http.Request) {
	var in struct{ Up bool }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1024)).Decode(&in); err != nil {
		http.Error(w, "switch line: malformed request", http.StatusBadRequest)
		return
	}
	n.link.SetLine(in.Up)
	if in.Up {
		n.hope()
		n.courier.WakeAll(r.Context())
	}
	answer(w, map[string]bool{"up": in.Up}, nil)
}

// adminWriteBundle streams a bundle for the offices of the query's "to", or for every office something waits for.
func (n *Server) adminWriteBundle(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	part, most := max(1, number(q.Get("part"))), int64(number(q.Get("size")))<<20
	c, err := n.bundlePart(q["to"], part, most)
	size := int64(0)
	if err == nil {
		size, err = c.Size()
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.Header().Set("X-Bundle-Name", bundle.FileName(c.From, c.Created))
	if err := bundle.Write(w, c); err != nil {
		n.log.Error("bundle not written", "err", err)
		panic(http.ErrAbortHandler) // the reader must not take half a bundle for a whole one
	}
}

// number reads a number of a query, 0 where there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (n *Server) adminReadBundle(w http.ResponseWriter, r *http.Request) {
	rep, err := bundle.Read(r.Context(), r.Body, sink{n})
	out := BundleReport{
		From: string(rep.Index.From), Parcels: rep.Parcels, Receipts: rep.Receipts, Passed: rep.Passed, Edition: rep.Edition, Complete: rep.Complete,
	}
	for _, f := range rep.Faults {
		out.Faults = append(out.Faults, f.Err.Error())
	}
	if err != nil {
		out.Error = err.Error()
	}
	answer(w, out, nil)
}

// BundleReport says what was taken from a bundle. Error is why the reading stopped before the end.
type BundleReport struct {
	From     string   `json:"from"`
	Parcels  int      `json:"parcels"`
	Receipts int      `json:"receipts"`
	Passed   int      `json:"passed"` // for other offices, or taken before
	Edition  bool     `json:"edition"`
	Complete bool     `json:"complete"`
	Faults   []string `json:"faults,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// The bounds of one bundle, each for parcels and for receipts: to one office, and to all. A reader takes bundle.MaxParts.
const (
	maxBundleOne = 1000
	maxBundleAll = 20_000
)

// bundleShare is how many parcels and how many receipts each of some offices has room for; the rest goes with the next bundle.
func bundleShare(offices int) int { return max(1, min(maxBundleOne, maxBundleAll/max(1, offices))) }

// Bundle tells the name of a bundle for offices, or for every office something waits for, and returns what writes it.
func (n *Server) Bundle(to []string) (name string, write func(io.Writer) error, err error) {
	c, err := n.bundlePart(to, 1, 0)
	return bundle.FileName(c.From, c.Created), func(w io.Writer) error { return bundle.Write(w, c) }, err
}

// bundlePart is what goes into one of several bundles, for sticks that hold so many bytes.
func (n *Server) bundlePart(to []string, part int, most int64) (bundle.Contents, error) {
	c, err := n.contents(to)
	if err == nil {
		var parts int
		if c, parts = c.Part(part, most); part > parts {
			err = fmt.Errorf("write bundle: part %d of %d: that is all there is", part, parts)
		}
	}
	return c, err
}

// contents gathers what waits for the offices, and the receipts they may not have got: those for the parcels they sent last.
func (n *Server) contents(to []string) (c bundle.Contents, err error) {
	c = bundle.Contents{
		From: replication.Name(n.enrolment.Office), Created: n.cfg.Now(), Chunk: n.spool.Chunk,
		Edition: n.replica.Bytes(), EditionNumber: n.replica.Number(),
	}
	err = n.store.View(func(t *store.Tx) error {
		names, err := t.OutgoingPeers()
		if err != nil {
			return err
		}
		for _, o := range n.replica.Nodes() {
			names = append(names, replication.Name(o.Office)) // a receipt may be owed where nothing waits
		}
		if len(to) > 0 {
			names = nil
			for _, o := range to {
				if _, known := n.replica.Node(directory.OfficeCode(o)); !known {
					return fmt.Errorf("write bundle: no office %s with a node in edition %d; name offices by their codes", o, n.replica.Number())
				}
				names = append(names, replication.Name(o))
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		for _, name := range names {
			if err := gather(t, name, bundleShare(len(names)), &c); err != nil {
				return err
			}
		}
		return nil
	})
	return c, err
}

func gather(t *store.Tx, name replication.Name, n int, c *bundle.Contents) error {
	ps, err := t.WaitingParcels(name, n)
	if err != nil {
		return err
	}
	rs, err := t.ReceiptsTo(name, n)
	c.Parcels, c.Receipts = append(c.Parcels, ps...), append(c.Receipts, rs...)
	return err
}
