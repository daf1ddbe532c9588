package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"motcua/replication"
	"motcua/replication/line"
)

// The line that goes dark in the middle of a transfer.
const (
	darkAfter = 15 * time.Second
	darkFor   = 60 * time.Second
)

// darkLine is such a line.
type darkLine struct {
	rate, size int
	after      time.Duration
}

// transferDark measures when bytes come again after a line was dark, and how many were sent twice for it.
func transferDark(ctx context.Context, c TransferConfig, emit func(Measure) error) error {
	lines := []darkLine{{1e6, transferSize, darkAfter}, {4e6, 4 * transferSize, darkAfter}}
	if c.Short {
		lines = []darkLine{{1e6, transferSize / 8, 2 * time.Second}}
	}
	out := make([][]Measure, len(lines))
	var runs []func() error
	for i, d := range lines {
		runs = append(runs, func() (err error) { out[i], err = d.measure(ctx); return err })
	}
	err := together(runs...)
	for _, m := range slices.Concat(out...) {
		err = errors.Join(err, emit(m))
	}
	return err
}

func (d darkLine) measure(ctx context.Context) ([]Measure, error) {
	spec := LineSpec{Rate: d.rate, RTT: 600 * time.Millisecond}
	spec.Dark = func(at time.Duration) bool { return at >= d.after && at < d.after+darkFor }
	w := NewWire(spec, 1)
	defer w.Close()
	p, err := newPair(ctx, w)
	if err != nil {
		return nil, err
	}
	defer p.close()
	var before line.State
	back := make(chan time.Duration, 1)
	go func() {
		pause(ctx, time.Until(w.began.Add(d.after)))
		for _, l := range p.from.Lanes() {
			before = l.State
		}
		light := w.began.Add(d.after + darkFor)
		pause(ctx, time.Until(light))
		read := p.read.Load()
		for p.read.Load() == read && ctx.Err() == nil {
			pause(ctx, time.Millisecond)
		}
		back <- time.Since(light)
	}()
	if _, _, err := p.send(ctx, p.from.BeginBulk, d.size, 10*time.Minute); err != nil {
		return nil, err
	}
	waited := <-back
	from, to := p.from.Lanes(), p.to.Lanes()
	if len(from) != 1 || len(to) != 1 {
		return nil, errors.New("the transfer did not go by lane")
	}
	name := fmt.Sprintf("dark/%d Mbit/s: ", d.rate/1e6)
	return []Measure{
		Measure{Name: name + "first new byte after 60 s", Unit: "s", Value: round(waited.Seconds())}.atMost(2),
		Measure{Name: name + "bytes sent again", Unit: "B", Value: float64(from[0].State.Again - before.Again)}.atMost(replication.ChunkSize),
		{Name: name + "bytes that came twice", Unit: "B", Value: float64(to[0].State.Duplicate)}, // of all of the transfer
	}, nil
}

// transferOneInTen measures what it costs that a line is up for one minute in ten.
func transferOneInTen(ctx context.Context, c TransferConfig, emit func(Measure) error) error {
	size, loss := 20_000_000, 0.10
	if c.Short {
		size = transferShort
	}
	spec := LineSpec{Rate: 1e6, RTT: 600 * time.Millisecond, Loss: loss}
	spec.Dark = func(d time.Duration) bool { return d%(10*time.Minute) >= time.Minute }
	w := NewWire(spec, 2)
	defer w.Close()
	p, err := newPair(ctx, w)
	if err != nil {
		return err
	}
	defer p.close()
	if _, _, err := p.send(ctx, p.from.BeginBulk, size, 3*time.Hour); err != nil {
		return err
	}
	sent := 0.0
	for _, l := range p.from.Lanes() {
		sent += float64(l.State.Sent)
	}
	extra := sent*(1-loss)/float64(size) - 1
	m := Measure{Name: "one-in-ten/bytes beyond what the loss costs", Unit: "of 20 MB", Value: round(extra)}
	if !c.Short {
		m = m.atMost(0.06)
	}
	return emit(m)
}

// transferShared measures whether two transfers and another flow share a line.
func transferShared(ctx context.Context, c TransferConfig, emit func(Measure) error) error {
	d := 2 * time.Minute
	if c.Short {
		d = 5 * time.Second
	}
	ratios := make([]float64, len(c.Peers))
	var runs []func() error
	for i, peer := range c.Peers {
		runs = append(runs, func() (err error) {
			got, err := share(ctx, peer, d)
			ratios[i] = float64(slices.Max(got[:])) / float64(max(1, slices.Min(got[:])))
			c.Progress(fmt.Sprintf("line shared: bytes of two transfers and %s: %d", peer.Name, got))
			return err
		})
	}
	if err := together(runs...); err != nil {
		return err
	}
	for i, peer := range c.Peers {
		m := Measure{Name: "shared/most by least of two transfers and " + peer.Name, Unit: "", Value: round(ratios[i])}
		if !c.Short {
			m = m.atMost(2)
		}
		if err := emit(m); err != nil {
			return err
		}
	}
	return nil
}

// share runs two transfers and a flow of the peer over one line, and returns what each got.
func share(ctx context.Context, peer Carrier, d time.Duration) (got [3]int, err error) {
	w := NewWire(LineSpec{Rate: 4e6, RTT: 100 * time.Millisecond}, 3)
	defer w.Close()
	const endless = 1 << 30
	run := func(i int, f Carrier) func() error {
		return func() (err error) {
			got[i], _, err = f.Send(ctx, w, endless, d)
			return err
		}
	}
	err = together(run(0, Carrier{"ours", ours}), run(1, Carrier{"ours", ours}), run(2, peer))
	return got, err
}
