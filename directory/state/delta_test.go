package state_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory/command"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// edited cuts an edition after each of some changes, and returns the bodies.
func (s *tables) edited(n int) (heads []state.Head, bodies [][]byte) {
	s.t.Helper()
	for range n {
		s.fine(&command.Announce{Office: commune, Addr: fmt.Sprintf("10.1.%d.1:7400", s.index)})
		h, _, err := state.Due(s)
		if err != nil {
			s.t.Fatal(err)
		}
		s.fine(&command.CutEdition{Number: h.Number + 1})
		h, _, _ = state.Due(s)
		e, ok, err := state.SignedEdition(s, h.Number)
		if err != nil || !ok {
			s.t.Fatalf("edition %d: %v %v", h.Number, ok, err)
		}
		heads, bodies = append(heads, h), append(bodies, e.Body)
	}
	return heads, bodies
}

// TestEveryEarlierEditionLeadsToTheNewest: also those whose bodies are long gone.
func TestEveryEarlierEditionLeadsToTheNewest(t *testing.T) {
	s := enrolled(t)
	heads, bodies := s.edited(12)
	last := len(heads) - 1
	for i := range last {
		held := edition.Held{Number: heads[i].Number, Body: heads[i].Digest}
		step, ok, err := state.StepFrom(s, held, heads[last])
		if err != nil || !ok {
			t.Fatalf("from %d: %v %v", held.Number, ok, err)
		}
		got, err := edition.Delta{Step: step}.Apply(held, bodies[i])
		if err != nil || !bytes.Equal(got.Body, bodies[last]) {
			t.Errorf("from %d: another body, %v", held.Number, err)
		}
	}
	for what, held := range map[string]edition.Held{
		"none":                     {},
		"another of that number":   {Number: heads[3].Number, Body: digest.Of(nil)},
		"the newest":               {Number: heads[last].Number, Body: heads[last].Digest},
		"one that is not cut yet":  {Number: 99, Body: heads[last].Digest},
		"another number, its body": {Number: heads[3].Number, Body: heads[4].Digest},
	} {
		if _, ok, err := state.StepFrom(s, held, heads[last]); ok || err != nil {
			t.Errorf("held is %s: %v %v", what, ok, err)
		}
	}
}

// TestAStepThatIsDamagedIsNotUsed: readers then take the whole edition.
func TestAStepThatIsDamagedIsNotUsed(t *testing.T) {
	for _, damage := range []func([]byte) []byte{
		func([]byte) []byte { return nil },
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]+1) },
	} {
		s := enrolled(t)
		heads, _ := s.edited(4)
		key := fmt.Sprintf("%sdelta/%d/00000", state.BulkPrefix, heads[2].Number)
		if len(s.memory[key]) == 0 {
			t.Fatalf("nothing at %s", key)
		}
		s.memory[key] = damage(s.memory[key])
		for i, want := range []bool{false, false, true} {
			held := edition.Held{Number: heads[i].Number, Body: heads[i].Digest}
			if _, ok, err := state.StepFrom(s, held, heads[3]); ok != want || err != nil {
				t.Errorf("from %d: %v %v", held.Number, ok, err)
			}
		}
	}
}

// TestABodyThatIsDamagedDoesNotStopTheNext: the next edition is cut without a step.
func TestABodyThatIsDamagedDoesNotStopTheNext(t *testing.T) {
	s := enrolled(t)
	heads, _ := s.edited(1)
	for key := range s.memory {
		if strings.HasPrefix(key, state.BulkPrefix+"edition/") {
			s.memory[key] = []byte("damaged")
		}
	}
	next, _ := s.edited(2)
	if _, ok, err := state.StepFrom(s, edition.Held{Number: heads[0].Number, Body: heads[0].Digest}, next[1]); ok || err != nil {
		t.Errorf("from a damaged body: %v %v", ok, err)
	}
	if _, ok, err := state.StepFrom(s, edition.Held{Number: next[0].Number, Body: next[0].Digest}, next[1]); !ok || err != nil {
		t.Errorf("from the one after it: %v %v", ok, err)
	}
}
