package page

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

var token = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)

// TestContrast computes WCAG 2.2 contrast (1.4.3, 1.4.11) of every pair of tokens that meet on a page.
func TestContrast(t *testing.T) {
	colours := map[string]float64{}
	for _, m := range token.FindAllStringSubmatch(string(css), -1) {
		colours[m[1]] = luminance(t, m[2])
	}
	for _, p := range []struct {
		ink, ground string
		want        float64
	}{
		{"ink", "paper", 7}, {"ink", "mist", 7}, {"ink", "sea-soft", 7}, {"ink", "sun-soft", 7}, {"ink", "green-soft", 7}, {"ink", "red-soft", 7},
		{"muted", "paper", 4.5}, {"muted", "mist", 4.5}, {"muted", "sea-soft", 4.5}, {"muted", "green-soft", 4.5},
		{"sea", "paper", 4.5}, {"sea", "mist", 4.5}, {"sea", "sea-soft", 4.5}, {"paper", "sea", 4.5}, {"paper", "sea-deep", 4.5}, {"sea-deep", "sea-soft", 4.5},
		{"red", "paper", 4.5}, {"red", "mist", 4.5}, {"red", "red-soft", 4.5}, {"paper", "red", 4.5},
		{"amber", "sun-soft", 4.5}, {"green", "green-soft", 4.5}, {"paper", "green", 4.5},
		{"edge", "paper", 3}, {"edge", "mist", 3}, {"sun", "sea", 3}, {"sun", "sea-deep", 3},
	} {
		a, b := colours[p.ink], colours[p.ground]
		if a == 0 && p.ink != "ink" && b == 0 {
			t.Fatalf("no token %s or %s", p.ink, p.ground)
		}
		if r := (math.Max(a, b) + .05) / (math.Min(a, b) + .05); r < p.want {
			t.Errorf("%s on %s: contrast %.2f, want %.1f", p.ink, p.ground, r, p.want)
		}
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift uint) float64 {
		c := float64(n>>shift&255) / 255
		if c <= .04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*part(16) + .7152*part(8) + .0722*part(0)
}
