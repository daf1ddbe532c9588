//go:build !race

package province_test

// The size of a storm.
const (
	seeds    = 3
	dossiers = 30
	shifts   = 5
)
