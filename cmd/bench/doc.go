// Package bench takes the project's own measurements, and those of other systems beside them where a caller brings some.
//
// # What it promises
//
// A figure is the median of several rounds. Systems that are compared get the same load, size, number of clients and of
// connections, keep every write on the disk of a majority before they answer, and take turns within a round, so that a busy machine is
// busy for all. A load of which one call fails gives no figure but an error.
//
// # What it does not
//
// It tells nothing about another machine. All servers, the clients and the disk are those of one.
package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
)

// Measure is one figure: with --json one line.
type Measure struct {
	Name  string  `json:"name"`  // "writes/16": at 16 clients
	Unit  string  `json:"unit"`  // "1/s", "ms", "s", "MiB"
	Value float64 `json:"value"` // ours
	// Peer is another system that was given the same to do in the same run, and Ratio ours by theirs.
	Peer      string  `json:"peer,omitempty"`
	PeerValue float64 `json:"peer_value,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`
	// Goal is what the project aims at, as in "ratio >= 2" or "<= 400"; Met tells whether this run reached it.
	Goal string `json:"goal,omitempty"`
	Met  *bool  `json:"met,omitempty"`
}

// against sets what another system reached.
func (m Measure) against(peer string, value float64) Measure {
	m.Peer, m.PeerValue = peer, round(value)
	if value > 0 {
		m.Ratio = round(m.Value / value)
	}
	return m
}

// atLeast and atMost set a goal for the value.
func (m Measure) atLeast(goal float64) Measure { return m.goal(">= ", goal, m.Value >= goal) }
func (m Measure) atMost(goal float64) Measure  { return m.goal("<= ", goal, m.Value <= goal) }

// times sets a goal for the ratio.
func (m Measure) times(goal float64) Measure { return m.goal("ratio >= ", goal, m.Ratio >= goal) }

func (m Measure) goal(words string, goal float64, met bool) Measure {
	m.Goal, m.Met = words+strconv.FormatFloat(goal, 'f', -1, 64), &met
	return m
}

// round keeps three digits that mean something, and whole numbers from a hundred up.
func round(v float64) float64 {
	digits := 0
	switch {
	case v < 1:
		digits = 3
	case v < 10:
		digits = 2
	case v < 100:
		digits = 1
	}
	out, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	if err != nil {
		return v
	}
	return out
}

// median of values in no order; 0 of none.
func median[T cmp.Ordered](values []T) (m T) {
	if len(values) == 0 {
		return m
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// JSON writes each measure as one line.
func JSON(w io.Writer) func(Measure) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return func(m Measure) error { return e.Encode(m) }
}

// Table writes measures for people once all are taken.
func Table(w io.Writer, all []Measure) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "measure\tvalue\tunit\tpeer\tits value\tratio\tgoal\t")
	for _, m := range all {
		peer, ratio := "", ""
		if m.Peer != "" {
			peer, ratio = number(m.PeerValue), number(m.Ratio)
		}
		met := ""
		if m.Met != nil {
			met = map[bool]string{true: "met", false: "NOT MET"}[*m.Met]
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, number(m.Value), m.Unit, m.Peer, peer, ratio, m.Goal, met)
	}
	return t.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Progress shows on w what is being done: over one line where a person watches, else each step on its own.
func Progress(w io.Writer) func(step string) {
	if !watched(w) {
		return func(step string) { fmt.Fprintln(w, step) }
	}
	return func(step string) { fmt.Fprintf(w, "\r\x1b[K%s", step) }
}

// watched tells whether w is a terminal.
func watched(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
