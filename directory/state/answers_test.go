package state_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/state"
)

// burst is so many entries of which these tables see but the last.
func (s *tables) burst(n uint64) {
	s.t.Helper()
	s.index += n
	s.busy(1)
}

// busy applies entries of other people.
func (s *tables) busy(n int) {
	s.t.Helper()
	for range n {
		s.apply(&command.CutEdition{Number: 99}) // refused, which is an answer too
		s.index--                                // one after the other
	}
}

// passing lets time pass in the tables: a change that is made says so.
func (s *tables) passing(d time.Duration) {
	s.t.Helper()
	s.pass(d)
	s.fine(&command.SetLevel{Level: 2})
}

func (s *tables) answers() (n int) {
	for k := range s.memory {
		if strings.HasPrefix(k, state.RequestPrefix) {
			n++
		}
	}
	return n
}

// TestAnAnswerOutlivesABurst: it is forgotten once it is older than both Window entries and two minutes, and not before. Each step
// is asked of a copy, for a request that was forgotten is made again.
func TestAnAnswerOutlivesABurst(t *testing.T) {
	s := enrolled(t)
	s.fine(&command.SetLevel{Level: 2})
	id, put := command.RequestID{0xff, 1}, &command.PutAccount{Account: citizen("a", "an.nguyen")}
	first := s.repeat(id, put)
	same := func(when string, want bool) {
		t.Helper()
		copied := *s
		copied.memory = maps.Clone(s.memory)
		if got := copied.repeat(id, put); (got.Index == first.Index) != want {
			t.Errorf("%s: the answer is of entry %d, the first of %d", when, got.Index, first.Index)
		}
	}
	s.passing(time.Second)
	s.burst(3 * state.Window)
	same("after a burst", true)
	s.passing(2 * time.Minute)
	s.busy(30)
	same("two minutes after a burst", false)
	if n := s.answers(); n > 40 {
		t.Errorf("%d answers are remembered two minutes after a burst", n)
	}
	first = s.repeat(id, put)
	s.passing(24 * time.Hour)
	s.burst(state.Window / 2)
	same("a day with little to do", true)
}

// TestAnswersHaveABound: above it the oldest goes, whatever its age.
func TestAnswersHaveABound(t *testing.T) {
	s := enrolled(t)
	s.fine(&command.SetLevel{Level: 2})
	before := s.answers()
	row := func(first, next int) []byte {
		b, err := wire.Marshal(map[int]int{1: first, 2: next, 3: 1, 4: 1})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s.Set("meta/answers", row(0, state.MaxAnswers-1)) // most of them are not there
	s.busy(1)
	if n := s.answers(); n != before+1 {
		t.Errorf("%d answers below the bound, %d before", n, before)
	}
	s.busy(1)
	if n := s.answers(); n != before+1 {
		t.Errorf("%d answers at the bound, %d before", n, before)
	}
}

// TestTheRingGivesWayToTheQueue: what servers of the first upgrade level remembered is remembered for as long as they said, and then
// it is gone, with the ring.
func TestTheRingGivesWayToTheQueue(t *testing.T) {
	s := enrolled(t)
	id, put := command.RequestID{0xff, 1}, &command.PutAccount{Account: citizen("a", "an.nguyen")}
	first := s.repeat(id, put)
	s.busy(100)
	s.fine(&command.SetLevel{Level: 2})
	if again := s.repeat(id, put); again.Index != first.Index {
		t.Error("an answer of before is forgotten at once")
	}
	s.index = state.Window
	s.busy(int(first.Index) + 1)
	third := s.repeat(id, put)
	if third.Index == first.Index {
		t.Error("an answer of before is remembered beyond its window")
	}
	s.index += first.Index
	s.busy(100)
	if again := s.repeat(id, put); again.Index != third.Index {
		t.Error("a request that was asked anew is forgotten with the one of before")
	}
	for k := range s.memory {
		if strings.HasPrefix(k, "recent/") {
			t.Fatalf("%s is still there", k)
		}
	}
}

func TestAnswerFormatsStay(t *testing.T) {
	s := enrolled(t)
	id := command.RequestID{0xff, 1}
	row := func(key string) string {
		b, _ := s.Get(key)
		return fmt.Sprintf("%s %x\n", key, b)
	}
	request := "request/" + hex.EncodeToString(id[:])
	s.repeat(id, &command.CutEdition{Number: 99})
	ring := row(request) + row(fmt.Sprintf("recent/%05x", s.index))
	s.fine(&command.SetLevel{Level: 2})
	id[1], request = 2, "request/ff02"+strings.Repeat("00", 14)
	s.repeat(id, &command.CutEdition{Number: 99})
	golden.Check(t, "answers", []byte(ring+row(request)+row("answer/0000000000000001")+row("meta/answers")))
}

// BenchmarkRemember is what an entry costs in memory at each upgrade level, with a full window behind it.
func BenchmarkRemember(b *testing.B) {
	for level := uint32(1); level <= 2; level++ {
		b.Run(fmt.Sprint("level ", level), func(b *testing.B) {
			s := memory{}
			apply := func(i int, c command.Command) {
				id := command.RequestID{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24), 1}
				entry, err := command.Encode(id, int64(start+i/100)*1000, c)
				if err == nil {
					_, err = state.Apply(s, uint64(i), entry)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			apply(1, &command.SetLevel{Level: level})
			account := directory.Account{ID: "a", Login: "aaa", Kind: directory.Citizen, Name: "An", Verifier: "v"}
			for i := range state.Window {
				apply(i+2, &command.PutAccount{Account: account})
			}
			b.ResetTimer()
			for i := range b.N {
				apply(state.Window+2+i, &command.PutAccount{Account: account})
			}
		})
	}
}
