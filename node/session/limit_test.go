package session

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wrong tries a login n times in vain, without waiting, and returns how many tries were let through.
func wrong(l *Limiter, login, address string, n int) (through int) {
	for range n {
		if l.Try(login, address) == 0 {
			through++
		}
	}
	return through
}

func TestGuessingIsSlowedForTheGuesserAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now)
		if n := wrong(l, "hoa", "10.0.0.9", 40); n != pairPace.free {
			t.Errorf("%d tries, want %d", n, pairPace.free)
		}
		if w := l.Try("hoa", "10.0.0.9"); w != pairPace.first {
			t.Errorf("wait %v, want %v", w, pairPace.first)
		}
		if w := l.Try("hoa", "10.0.0.1"); w != 0 {
			t.Errorf("her own machine must wait %v", w)
		}
		for range 20 {
			time.Sleep(l.Try("hoa", "10.0.0.9"))
		}
		if w := l.Try("hoa", "10.0.0.9"); w > pairPace.max {
			t.Errorf("wait %v, want at most %v", w, pairPace.max)
		}
		time.Sleep(pairPace.max)
		if w := l.Try("hoa", "10.0.0.9"); w != 0 {
			t.Errorf("still waits %v", w)
		}
		l.Right("hoa", "10.0.0.9")
		if n := wrong(l, "hoa", "10.0.0.9", 10); n != pairPace.free {
			t.Errorf("%d slips after a right password, want %d", n, pairPace.free)
		}
		time.Sleep(24 * time.Hour)
		if n := wrong(l, "hoa", "10.0.0.9", 10); n != pairPace.free {
			t.Errorf("%d slips a day later, want %d", n, pairPace.free)
		}
	})
}

// TestTriesAtOnceCount: a guesser who sends many guesses before the first is answered gets no more of them checked.
func TestTriesAtOnceCount(t *testing.T) {
	l := NewLimiter(time.Now)
	var through atomic.Int32
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() { through.Add(int32(wrong(l, "hoa", "10.0.0.9", 1))) })
	}
	group.Wait()
	if n := int(through.Load()); n != pairPace.free {
		t.Errorf("%d of 200 were checked, want %d", n, pairPace.free)
	}
}

// TestManyAddressesAreOneGuesser: changing the address within a network of one person's, or the login, or both, does not help;
// who signed in from an address before is not kept out by others' guesses.
func TestManyAddressesAreOneGuesser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now)
		rotated, sprayed, spread := 0, 0, 0
		for i := range 300 {
			rotated += wrong(l, "hoa", fmt.Sprintf("2001:db8:0:1::%x", i), 1)
			sprayed += wrong(l, fmt.Sprintf("login-%d", i), "10.0.0.9", 1)
		}
		l.Try("lan", "10.0.0.1")
		l.Right("lan", "10.0.0.1")
		for i := range 300 {
			spread += wrong(l, "lan", fmt.Sprintf("10.0.1.%d", i), 1)
		}
		if rotated != pairPace.free || sprayed != placePace.free || spread != loginPace.free {
			t.Errorf("%d, %d and %d were checked; want %d, %d and %d", rotated, sprayed, spread, pairPace.free, placePace.free, loginPace.free)
		}
		if l.Try("lan", "10.0.2.1") == 0 {
			t.Error("one more address tries at once")
		}
		if w := l.Try("lan", "10.0.0.1"); w != 0 {
			t.Errorf("her own machine must wait %v", w)
		}
		if l.Try("hoa", "::ffff:10.0.0.9") == 0 {
			t.Error("an address of IPv4 in the form of IPv6 is another place")
		}
	})
}

// TestUnjudgedTriesCountForNothing: with the line cut nobody is slowed for an answer that could not be had.
func TestUnjudgedTriesCountForNothing(t *testing.T) {
	l := NewLimiter(time.Now)
	for range 200 {
		if w := l.Try("hoa", "10.0.0.9"); w != 0 {
			t.Fatalf("waits %v", w)
		}
		l.Void("hoa", "10.0.0.9")
	}
	if len(l.pairs.of)+len(l.places.of)+len(l.logins.of) != 0 {
		t.Error("something is still counted")
	}
}

func TestAccountsAreMadeAtAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(time.Now)
		made := 0
		for range 300 {
			if l.Join("10.0.0.9") == 0 {
				made++
			}
		}
		if made != joinPace.free || l.Join("10.0.0.1") != 0 {
			t.Errorf("%d accounts at once, want %d, and others' unhindered", made, joinPace.free)
		}
		time.Sleep(joinPace.first)
		if w := l.Join("10.0.0.9"); w != 0 {
			t.Errorf("the counter's computer still waits %v", w)
		}
	})
}

// TestResetCodesAreTriedByPlace: a thousand places that try codes for a login keep nobody else from using theirs.
func TestResetCodesAreTriedByPlace(t *testing.T) {
	l := NewLimiter(time.Now)
	waits := false
	for i := range 4000 {
		waits = l.TryReset("an", fmt.Sprintf("10.1.%d.%d", i%4, i%250)) > 0 || waits
	}
	if !waits {
		t.Error("nothing slows who tries")
	}
	if w := l.TryReset("an", "10.2.0.1"); w > 0 {
		t.Errorf("whoever has the code waits %v", w)
	}
	l.VoidReset("an", "10.2.0.1")
	if l.Told("an").N != 0 {
		t.Error("codes are told as wrong passwords")
	}
}

func TestALimiterIsBounded(t *testing.T) {
	l := NewLimiter(time.Now)
	for i := range 3 * maxTraced {
		a, login := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), fmt.Sprint(i)
		l.Join(a)
		l.Ask(a)
		l.Try(login, a)
		if i%2 == 0 {
			l.Right(login, a)
		}
	}
	for what, n := range map[string]int{
		"pairs": len(l.pairs.of), "places": len(l.places.of), "logins": len(l.logins.of), "joins": len(l.joins.of), "asks": len(l.asks.of), "homes": len(l.homes),
	} {
		if n == 0 || n > maxTraced {
			t.Errorf("%d %s are remembered", n, what)
		}
	}
}
