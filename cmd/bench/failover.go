package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// failOverTime bounds the wait for a new leader.
const failOverTime = 20 * time.Second

// failOver measures how long after the end of its leader a target takes a write again.
func (r *run) failOver(ctx context.Context) error {
	took := make([][]float64, len(r.targets))
	for k := range r.kills {
		for i, t := range r.targets {
			r.Progress(fmt.Sprintf("kill the leader of %s, %d of %d", t.Name(), k+1, r.kills))
			d, err := r.killOnce(ctx, t, uint64(k))
			if err != nil {
				return fmt.Errorf("fail-over of %s: %w", t.Name(), err)
			}
			took[i] = append(took[i], float64(d)/float64(time.Millisecond))
		}
	}
	worst := make([]float64, len(took))
	for i, t := range took {
		worst[i] = slices.Max(t)
	}
	err := r.report("fail-over, median", "ms", medians(took), func(m Measure) Measure { return m.atMost(400) })
	if err == nil {
		err = r.report(fmt.Sprintf("fail-over, worst of %d", r.kills), "ms", worst, func(m Measure) Measure { return m.atMost(1000) })
	}
	return err
}

// killOnce kills the leader under a client that has just written, and returns how long after it the next write is done.
func (r *run) killOnce(ctx context.Context, t Target, n uint64) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, failOverTime+startTime+catchUpTime)
	defer cancel()
	if err := t.Write(ctx, 0, n); err != nil {
		return 0, err
	}
	at, err := t.KillLeader(ctx)
	if err != nil {
		return 0, err
	}
	for err = t.WriteSoon(ctx, 0, n); err != nil; err = t.WriteSoon(ctx, 0, n) {
		if time.Since(at) > failOverTime || ctx.Err() != nil {
			return 0, fmt.Errorf("no write succeeds within %v: %w", failOverTime, err)
		}
	}
	took := time.Since(at)
	return took, t.Revive(ctx)
}
