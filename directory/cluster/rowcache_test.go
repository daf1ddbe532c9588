package cluster

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestTheCacheSaysNothingFalse compares what it has a word in with what was on disk in each base.
func TestTheCacheSaysNothingFalse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, truth := newRowCache(0), []map[string][]byte{{}}
		key := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("k", rapid.IntRange(0, 9).Draw(t, "key")) })
		t.Repeat(map[string]func(*rapid.T){
			"read": func(t *rapid.T) {
				base, k := rapid.IntRange(0, len(truth)-1).Draw(t, "base"), key.Draw(t, "k")
				got, known := c.get(uint64(base), k)
				want := truth[base][k]
				if known && (!bytes.Equal(got, want) || (got == nil) != (want == nil)) {
					t.Fatalf("base %d, %s: %q, want %q", base, k, got, want)
				}
				if !known {
					c.keep(uint64(base), k, want)
				}
			},
			"write": func(t *rapid.T) {
				m, next := newMemtable(), map[string][]byte{}
				for k, v := range truth[len(truth)-1] {
					next[k] = v
				}
				for k := range rapid.MapOfN(key, rapid.Just(true), 1, 3).Draw(t, "keys") {
					next[k] = rapid.SampledFrom([][]byte{nil, {}, []byte("aa"), []byte("bb"), make([]byte, maxCacheRow)}).Draw(t, "value")
					m.set(uint64(len(truth)), k, next[k])
				}
				truth = append(truth, next)
				c.move(m)
			},
		})
	})
}

func TestTheCacheHasItsBounds(t *testing.T) {
	c := newRowCache(0)
	hot, value := "hot", make([]byte, 1000)
	c.keep(0, hot, value)
	const many = 3 * cacheBlocks * cacheBlock / 1000
	for i := range many {
		c.keep(0, fmt.Sprint("k", i), value)
		if i%1000 == 0 {
			if _, known := c.get(0, hot); !known {
				t.Fatalf("a row that is read again and again was gone after %d others", i)
			}
		}
	}
	if len(c.blocks) != cacheBlocks || len(c.at) > cacheBlocks*cacheBlock/1000 {
		t.Errorf("%d blocks, %d rows", len(c.blocks), len(c.at))
	}
	if _, known := c.get(0, "k0"); known {
		t.Error("the oldest row did not give way")
	}
	if v, known := c.get(0, fmt.Sprint("k", many-1)); !known || len(v) != len(value) {
		t.Error("the newest row is not there")
	}
}
