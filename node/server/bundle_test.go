package server

import (
	"testing"

	"motcua/replication/bundle"
)

// TestABundleForEveryOfficeCanBeRead: what is gathered for all offices of a large province stays within what a reader takes,
// and no office is left out of it.
func TestABundleForEveryOfficeCanBeRead(t *testing.T) {
	for _, offices := range []int{0, 1, 20, 170, 1000, maxBundleAll} {
		n := bundleShare(offices)
		if n < 1 || n > maxBundleOne || offices*n > bundle.MaxParts {
			t.Errorf("%d of each for %d offices", n, offices)
		}
	}
	if bundleShare(1) != maxBundleOne {
		t.Error("one office is given less than it has room for")
	}
}
