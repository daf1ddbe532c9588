package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Op is one call of a client, 0 for the first; n grows by one with each of its calls.
type Op func(ctx context.Context, client int, n uint64) error

// rate has clients call op one after the other, each as soon as its last call has returned, and returns how many calls a
// second have returned in a time d that begins once they are all under way. Units: calls per second. The first call that fails
// is the error.
func rate(ctx context.Context, clients int, warm, d time.Duration, op Op) (float64, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var done atomic.Uint64
	var ended atomic.Bool
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			for n := uint64(0); !ended.Load(); n++ {
				if err := op(ctx, c, n); err != nil {
					stop(err)
					return
				}
				done.Add(1)
			}
		})
	}
	pause(ctx, warm)
	before, begin := done.Load(), time.Now()
	pause(ctx, d)
	count, took := done.Load()-before, time.Since(begin)
	ended.Store(true)
	work.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, fmt.Errorf("%d clients: %w", clients, err)
	}
	return float64(count) / took.Seconds(), nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// each calls f with 0 to n-1, a few at a time, and returns the first error.
func each(n, atOnce int, f func(i int) error) error {
	var work sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, atOnce)
	for range atOnce {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	work.Wait()
	close(failed)
	return <-failed
}
