package line

import "slices"

// span is the numbers lo to hi-1.
type span struct{ lo, hi uint64 }

// spans is a set of numbers: sorted spans that do not touch. The zero value is empty.
type spans []span

// find returns the first span that ends at or behind n.
func (s spans) find(n uint64) int {
	i, _ := slices.BinarySearchFunc(s, n, func(v span, n uint64) int {
		if v.hi < n {
			return -1
		}
		return 1
	})
	return i
}

// add puts lo to hi-1 in the set.
func (s *spans) add(lo, hi uint64) {
	if lo >= hi {
		return
	}
	i := s.find(lo)
	j := i
	for ; j < len(*s) && (*s)[j].lo <= hi; j++ {
		lo, hi = min(lo, (*s)[j].lo), max(hi, (*s)[j].hi)
	}
	*s = slices.Replace(*s, i, j, span{lo, hi})
}

// remove takes lo to hi-1 out of the set.
func (s *spans) remove(lo, hi uint64) {
	if lo >= hi {
		return
	}
	i := s.find(lo + 1)
	var rest []span
	j := i
	for ; j < len(*s) && (*s)[j].lo < hi; j++ {
		if v := (*s)[j]; v.lo < lo {
			rest = append(rest, span{v.lo, lo})
		}
		if v := (*s)[j]; v.hi > hi {
			rest = append(rest, span{hi, v.hi})
		}
	}
	*s = slices.Replace(*s, i, j, rest...)
}

// has tells whether n is in the set.
func (s spans) has(n uint64) bool {
	i := s.find(n + 1)
	return i < len(s) && s[i].lo <= n
}

// covers tells whether all of lo to hi-1 is in the set.
func (s spans) covers(lo, hi uint64) bool {
	i := s.find(lo + 1)
	return lo >= hi || i < len(s) && s[i].lo <= lo && s[i].hi >= hi
}

// prefix is the end of the numbers from lo on that are all in the set; lo if there are none.
func (s spans) prefix(lo uint64) uint64 {
	if i := s.find(lo + 1); i < len(s) && s[i].lo <= lo {
		return s[i].hi
	}
	return lo
}
