package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TransferConfig says what is measured of transfers over bad lines.
type TransferConfig struct {
	Lines    []string // names of lines, see TransferLines; none: all but those that take long
	Short    bool     // a quick look: less is sent, and nothing is said of goals
	Progress func(string)
	Peers    []Carrier // measured beside, on the same lines
}

// Carrier is another way to get bytes over a line.
type Carrier struct {
	Name string
	// Send brings size bytes over the line in direction 0 and returns how many have arrived after what time, at the limit at the latest.
	Send func(ctx context.Context, w *Wire, size int, limit time.Duration) (arrived int, took time.Duration, err error)
}

const (
	transferSize  = 5 << 20
	transferShort = 128 << 10
	transferLimit = 100 * time.Second // for a peer; what has arrived by then is its figure
	transferMost  = 18                // contenders under way at once: more would measure the machine
)

// transferLine is a line and what is aimed at on it: goodput as a share of the line's rate.
type transferLine struct {
	name string
	spec LineSpec
	goal float64
}

var transferLines = []transferLine{
	{"60ms", LineSpec{Rate: 4e6, RTT: 60 * time.Millisecond}, 0.94},
	{"600ms", LineSpec{Rate: 4e6, RTT: 600 * time.Millisecond}, 0.90},
	{"600ms-2%-1M", LineSpec{Rate: 1e6, RTT: 600 * time.Millisecond, Loss: 0.02}, 0.90},
	{"600ms-2%-4M", LineSpec{Rate: 4e6, RTT: 600 * time.Millisecond, Loss: 0.02}, 0.83},
	{"600ms-10%-1M", LineSpec{Rate: 1e6, RTT: 600 * time.Millisecond, Loss: 0.10}, 0.82},
	{"600ms-10%-4M", LineSpec{Rate: 4e6, RTT: 600 * time.Millisecond, Loss: 0.10}, 0.70},
	{"60ms-2%-4M", LineSpec{Rate: 4e6, RTT: 60 * time.Millisecond, Loss: 0.02}, 0.90},
}

// special are the lines on which something else than goodput is measured.
var special = map[string]func(context.Context, TransferConfig, func(Measure) error) error{
	"dark":       transferDark,
	"one-in-ten": transferOneInTen,
	"shared":     transferShared,
}

// slow are the lines that are only measured when asked for.
var slow = []string{"one-in-ten"}

// TransferLines are the names of the lines.
func TransferLines() []string {
	var out []string
	for _, l := range transferLines {
		out = append(out, l.name)
	}
	return append(out, "dark", "shared", "one-in-ten")
}

// Transfer measures how fast bytes get over bad lines: ours, and one plain QUIC stream beside. The lines are simulated in this
// process, between real sockets and in real time. Contenders are measured side by side, each on a line of its own, and several lines at
// once. How late the machine was in delivering packets is a measure too: where it is more than a few milliseconds, it was too busy for the others.
func Transfer(ctx context.Context, c TransferConfig, emit func(Measure) error) error {
	c.Peers = append([]Carrier{{"one QUIC stream", plainQUIC}}, c.Peers...)
	names := c.Lines
	if len(names) == 0 {
		names = slices.DeleteFunc(TransferLines(), func(n string) bool { return slices.Contains(slow, n) })
		if c.Short {
			names = []string{"60ms", "60ms-2%-4M"}
		}
	}
	atOnce := max(1, transferMost/(1+len(c.Peers)))
	c.Progress(fmt.Sprintf("lines %s, %d at once", strings.Join(names, ", "), min(atOnce, len(names))))
	out := make([][]Measure, len(names))
	err := each(len(names), atOnce, func(i int) error {
		return c.line(ctx, names[i], func(m Measure) error { out[i] = append(out[i], m); return nil })
	})
	if err != nil {
		return err
	}
	for _, m := range slices.Concat(out...) {
		if err := emit(m); err != nil {
			return err
		}
	}
	return nil
}

func (c TransferConfig) line(ctx context.Context, name string, emit func(Measure) error) error {
	if f := special[name]; f != nil {
		return f(ctx, c, emit)
	}
	i := slices.IndexFunc(transferLines, func(l transferLine) bool { return l.name == name })
	if i < 0 {
		return fmt.Errorf("no line %q: there are %s", name, strings.Join(TransferLines(), ", "))
	}
	return c.goodput(ctx, transferLines[i], uint64(i), emit)
}

// goodput gives each contender a line of its own that is alike.
func (c TransferConfig) goodput(ctx context.Context, l transferLine, seed uint64, emit func(Measure) error) error {
	size := transferSize
	if c.Short {
		size = transferShort
	}
	all := append([]Carrier{{"ours", ours}}, c.Peers...)
	shares, late := make([]float64, len(all)), make([]time.Duration, len(all))
	var runs []func() error
	for i, carrier := range all {
		runs = append(runs, func() error {
			w := NewWire(l.spec, seed)
			defer w.Close()
			limit := transferLimit
			if i == 0 {
				limit = time.Hour
			}
			arrived, took, err := carrier.Send(ctx, w, size, limit)
			if err != nil {
				return fmt.Errorf("%s over line %s: %w", carrier.Name, l.name, err)
			}
			late[i] = w.Late()
			shares[i] = float64(arrived) * 8 / took.Seconds() / float64(l.spec.Rate)
			c.Progress(fmt.Sprintf("line %s, %s: %.3f", l.name, carrier.Name, shares[i]))
			return nil
		})
	}
	if err := together(runs...); err != nil {
		return err
	}
	for i, peer := range c.Peers {
		m := Measure{Name: "goodput/" + l.name, Unit: "of the line", Value: round(shares[0])}.against(peer.Name, shares[i+1])
		if !c.Short {
			m = m.atLeast(l.goal)
		}
		if err := emit(m); err != nil {
			return err
		}
	}
	return emit(Measure{Name: "late/" + l.name, Unit: "ms", Value: round(1000 * slices.Max(late).Seconds())})
}

func ours(ctx context.Context, w *Wire, size int, limit time.Duration) (int, time.Duration, error) {
	p, err := newPair(ctx, w)
	if err != nil {
		return 0, 0, err
	}
	defer p.close()
	return p.send(ctx, p.from.BeginBulk, size, limit)
}

func plainQUIC(ctx context.Context, w *Wire, size int, limit time.Duration) (int, time.Duration, error) {
	p, err := newPair(ctx, w)
	if err != nil {
		return 0, 0, err
	}
	defer p.close()
	return p.send(ctx, p.from.Begin, size, limit)
}
