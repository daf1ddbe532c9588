package web

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnActIsDoneOnce: of the same act sent many times at once one is done, and all are given its answer; one that failed is
// done again by the next.
func TestAnActIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, done, broken := newRepeats(), 0, errors.New("line is down")
		act := func() (string, error) {
			done++
			time.Sleep(time.Second)
			if done == 1 {
				return "", broken
			}
			return strconv.Itoa(done), nil
		}
		answers, failures := map[string]int{}, 0
		got := make(chan string)
		for range 20 {
			go func() {
				a, err := r.once(t.Context(), "k", act)
				if err != nil {
					a = err.Error()
				}
				got <- a
			}()
		}
		for range 20 {
			if a := <-got; a == broken.Error() {
				failures++
			} else {
				answers[a]++
			}
		}
		if done != 2 || failures != 1 || answers["2"] != 19 || len(r.running) != 0 {
			t.Errorf("done %d times, %d failures, answers %v", done, failures, answers)
		}
		go r.once(t.Context(), "slow", act)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := r.once(ctx, "slow", act); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who has left is kept waiting: %v", err)
		}
		time.Sleep(time.Minute)
	})
}
