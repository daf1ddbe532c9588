package server

import (
	"fmt"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/client"
)

func device(n int, known bool) client.Device {
	return client.Device{Source: [16]byte{byte(n), byte(n >> 8), 1}, Known: known}
}

// TestStrangersDoNotLockTheOwnerOut: somebody guesses at one login for a day, from ten thousand devices, at one office and at many.
func TestStrangersDoNotLockTheOwnerOut(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	g := newGuesses(func() time.Time { return now })
	const login = "an.nguyen"
	home := device(1<<15, true)
	g.try("H32.1", login, home)
	g.right("H32.1", login, home)
	tried := 0
	for i := range 10_000 {
		for _, o := range []directory.OfficeCode{"H32.1", directory.OfficeCode(fmt.Sprintf("H32.%d", i%100+2))} {
			if g.try(o, login, device(i, false)) == 0 {
				tried++
			}
		}
		if wait := g.try("H32.1", login, home); wait > 0 {
			t.Fatalf("the owner waits %v on a device of before", wait)
		}
		g.right("H32.1", login, home)
		now = now.Add(8 * time.Second)
	}
	if wait := g.try("H32.500", login, device(1<<15+1, false)); wait > 0 {
		t.Errorf("the owner waits %v on a new device, at an office where nobody guesses", wait)
	}
	if tried > 6_000 {
		t.Errorf("strangers had %d tries in a day", tried)
	}
}

// TestGuessesAreSlowedMoreAndMore: the waits grow, and end.
func TestGuessesAreSlowedMoreAndMore(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	g := newGuesses(func() time.Time { return now })
	last, tried := time.Duration(0), 0
	for range 40 {
		wait := g.try("H32.1", "an", device(1, false))
		if wait == 0 {
			tried++
			continue
		}
		if wait < last && last < deviceDelays.most {
			t.Errorf("a wait of %v after one of %v", wait, last)
		}
		last = wait
		now = now.Add(wait)
	}
	if last < 3*time.Minute || last > deviceDelays.most+2*time.Second || tried < 10 {
		t.Errorf("after %d tries the wait is %v", tried, last)
	}
	now = now.Add(24 * time.Hour)
	if wait := g.try("H32.1", "an", device(1, false)); wait != 0 {
		t.Errorf("a day later: %v", wait)
	}
}

// TestAnOfficeThatCallsEveryDeviceKnownIsBounded: a node in wrong hands does not get round the counting.
func TestAnOfficeThatCallsEveryDeviceKnownIsBounded(t *testing.T) {
	now := time.Unix(1_795_000_000, 0)
	g := newGuesses(func() time.Time { return now })
	tried := 0
	for i := range 10_000 {
		if g.try("H32.1", "an", device(i, true)) == 0 {
			tried++
		}
		now = now.Add(time.Second)
	}
	if tried > 200 {
		t.Errorf("%d tries in three hours", tried)
	}
}
