//go:build race

package province_test

// The size of a storm. The race detector makes everything slower tenfold, and one storm has all there is to see for it.
const (
	seeds    = 1
	dossiers = 18
	shifts   = 3
)
