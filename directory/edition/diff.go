package edition

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// Op is one stroke in making a body from another: Insert, then Copy bytes of the base from From on.
type Op struct {
	Insert []byte `cbor:"1,keyasint,omitempty"`
	From   uint32 `cbor:"2,keyasint,omitempty"`
	Copy   uint32 `cbor:"3,keyasint,omitempty"`
}

// block is the shortest stretch of bytes that is looked up in the base: a shorter one is not worth a stroke of its own.
const block = 32

// diff returns the strokes that make next from base. It knows nothing of what the bytes mean, so that tables of a later
// version are served too. The same bytes give the same strokes: servers keep them in their tables.
func diff(base, next []byte) []Op {
	s := &strokes{}
	at := newIndex(base)
	done, follow := 0, 0 // bytes of next that are written; where the base goes on after the last copy
	for i := 0; i+block <= len(next); {
		from, n := at.longest(next, i, follow+(i-done))
		if n < block {
			i++
			continue
		}
		for i > done && from > 0 && next[i-1] == base[from-1] {
			i, from, n = i-1, from-1, n+1
		}
		s.insert(next[done:i])
		s.copy(uint32(from), uint32(n))
		i += n
		done, follow = i, from+n
	}
	s.insert(next[done:])
	return s.ops
}

// index finds blocks of a base by their bytes. Of equal blocks the first is kept.
type index struct {
	base  []byte
	slots []uint32 // offset plus one
	shift uint
}

func newIndex(base []byte) *index {
	x := &index{base: base, shift: 64 - 4}
	for n := 16; n < len(base)/block*2; n *= 2 {
		x.shift--
	}
	x.slots = make([]uint32, 1<<(64-x.shift))
	for i := 0; i+block <= len(base); i += block {
		if slot := x.slot(base[i:]); x.slots[slot] == 0 {
			x.slots[slot] = uint32(i) + 1
		}
	}
	return x
}

// slot mixes the first block of b.
func (x *index) slot(b []byte) uint64 {
	const a, m = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
	h := uint64(0)
	for i := 0; i < block; i += 8 {
		h = (h ^ binary.LittleEndian.Uint64(b[i:])) * m
		h ^= h >> 32
	}
	return h * a >> x.shift
}

// longest returns the longest stretch of the base that next goes on with at i: that of an equal block, or that which would
// follow the last.
func (x *index) longest(next []byte, i, follow int) (from, n int) {
	if follow <= len(x.base) {
		from, n = follow, same(x.base[follow:], next[i:])
	}
	if n >= 4*block {
		return from, n
	}
	if o := int(x.slots[x.slot(next[i:])]) - 1; o >= 0 {
		if m := same(x.base[o:], next[i:]); m > n {
			return o, m
		}
	}
	return from, n
}

// same is how many bytes two slices begin alike with.
func same(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for i+256 <= n && bytes.Equal(a[i:i+256], b[i:i+256]) {
		i += 256
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// strokes collects strokes and joins those that belong together.
type strokes struct{ ops []Op }

func (s *strokes) last() *Op {
	if len(s.ops) == 0 {
		s.ops = append(s.ops, Op{})
	}
	return &s.ops[len(s.ops)-1]
}

func (s *strokes) insert(b []byte) {
	if len(b) == 0 {
		return
	}
	if s.last().Copy > 0 {
		s.ops = append(s.ops, Op{})
	}
	o := s.last()
	o.Insert = append(slices.Clip(o.Insert), b...)
}

func (s *strokes) copy(from, n uint32) {
	if n == 0 {
		return
	}
	o := s.last()
	switch {
	case o.Copy == 0:
		o.From, o.Copy = from, n
	case o.From+o.Copy == from:
		o.Copy += n
	default:
		s.ops = append(s.ops, Op{From: from, Copy: n})
	}
}

// stretch is a run of bytes that strokes make: those inserted, or those of the base from a place on.
type stretch struct {
	start, size uint32 // in what is made
	insert      []byte
	from        uint32
}

func stretches(ops []Op) (out []stretch) {
	at := uint32(0)
	add := func(s stretch) {
		if s.size > 0 {
			s.start = at
			out = append(out, s)
			at += s.size
		}
	}
	for _, o := range ops {
		add(stretch{size: uint32(len(o.Insert)), insert: o.Insert})
		add(stretch{size: o.Copy, from: o.From})
	}
	return out
}

// compose returns the strokes that do what first and then second do.
func compose(first, second []Op) []Op {
	made, s := stretches(first), &strokes{}
	for _, o := range second {
		s.insert(o.Insert)
		i, found := slices.BinarySearchFunc(made, o.From, func(m stretch, at uint32) int { return cmp.Compare(m.start, at) })
		if !found {
			i--
		}
		for at, end := o.From, o.From+o.Copy; at < end && i >= 0 && i < len(made); i++ {
			m := made[i]
			skip := at - m.start
			n := min(m.size-skip, end-at)
			if m.insert != nil {
				s.insert(m.insert[skip : skip+n])
			} else {
				s.copy(m.from+skip, n)
			}
			at += n
		}
	}
	return s.ops
}
