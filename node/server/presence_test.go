package server

import "testing"

func TestCoarse(t *testing.T) {
	for v, want := range map[uint64]uint64{0: 0, 1: 1, 7: 7, 8: 8, 9: 8, 100: 96, 127: 112, 86_400: 81_920, 1 << 63: 1 << 63} {
		if got := coarse(v); got != want {
			t.Errorf("coarse(%d) = %d, want %d", v, got, want)
		}
	}
}
