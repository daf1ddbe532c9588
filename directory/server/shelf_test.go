package server

import (
	"testing"

	"motcua/directory/edition"
)

// TestDeltasForTheNewestEditionsAreKept, whatever else is asked for.
func TestDeltasForTheNewestEditionsAreKept(t *testing.T) {
	k, s := &shelf{}, &stock{deltas: map[edition.Held]delta{}, making: map[edition.Held]delta{}}
	keep := func(number uint64) {
		held := edition.Held{Number: number}
		s.making[held] = func() ([]byte, error) { return []byte{1}, nil }
		k.made(s, held, []byte{1})
	}
	for n := range uint64(3 * maxDeltas) {
		keep(1000 + n)
		keep(1 + n)
	}
	if len(s.deltas) != maxDeltas || len(s.making) != 0 {
		t.Fatalf("%d deltas are kept, %d being made", len(s.deltas), len(s.making))
	}
	for held := range s.deltas {
		if held.Number < 1000+2*maxDeltas {
			t.Errorf("the delta for edition %d has the place of a newer one", held.Number)
		}
	}
	unknown := edition.Held{Number: 9999}
	s.making[unknown] = func() ([]byte, error) { return nil, nil }
	if k.made(s, unknown, nil); len(s.deltas) != maxDeltas || len(s.making) != 0 {
		t.Error("what is no delta has the place of one")
	}
}
