package province_test

import (
	"testing"
	"time"
)

type ledger struct{}

func TestVirtualSmoke(t *testing.T) {
	real := time.Now()
	_ = real
	inProvince(t, func(w *world) {
		t.Log("founded", time.Now())
		for _, n := range servers { w.off(w.machines[n]) }
		time.Sleep(6*time.Hour)
	})
}
