package cluster

import (
	"math"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"motcua/directory/state"
)

// The bounds of what is kept of the rows on disk, in bytes with what a row costs. A row that is larger is not kept.
const (
	cacheSize   = 24 << 20
	maxCacheRow = 4 << 10
)

// rowCache keeps the rows on disk that were read last, and which of them are not there: Badger looks for a row in every one of
// its levels. What it holds is true of the newest base, and of every older one back to when the row was last written.
type rowCache struct {
	mu   sync.Mutex
	rows *simplelru.LRU[string, *cachedRow]
	size int
	base uint64 // where the newest base stands
}

// cachedRow is the value of a row, nil if there is none, in bases that stand at since or beyond.
type cachedRow struct {
	since uint64
	value []byte
}

func newRowCache(base uint64) *rowCache {
	c := &rowCache{base: base}
	c.rows, _ = simplelru.NewLRU(math.MaxInt32, func(key string, r *cachedRow) { c.size -= cacheCost(key, r) }) // errs for sizes below 1
	return c
}

func cacheCost(key string, r *cachedRow) int { return len(key) + len(r.value) + rowCost }

// get returns a row as of a base; known tells whether the cache has a word in it.
func (c *rowCache) get(base uint64, key string) (value []byte, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.rows.Get(key)
	if !ok || r.since > base {
		return nil, false
	}
	return r.value, true
}

// keep notes what was read in a base, unless rows were written since.
func (c *rowCache) keep(base uint64, key string, value []byte) {
	if len(key)+len(value) > maxCacheRow || strings.HasPrefix(key, state.RequestPrefix) {
		return // requests are looked for once, and then hardly ever again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if base != c.base || c.rows.Contains(key) {
		return
	}
	c.put(key, &cachedRow{base, value})
}

func (c *rowCache) put(key string, r *cachedRow) {
	c.rows.Add(key, r)
	for c.size += cacheCost(key, r); c.size > cacheSize; {
		c.rows.RemoveOldest()
	}
}

// move takes in what a memtable has brought to disk. Readers of the base that stands there come after it.
func (c *rowCache) move(m *memtable) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = m.last
	for r := m.head[0].Load(); r != nil; r = r.next[0].Load() {
		kept, ok := c.rows.Get(r.key)
		if !ok {
			continue
		}
		value := r.newest.Load().value
		if len(r.key)+len(value) > maxCacheRow {
			c.rows.Remove(r.key)
			continue
		}
		c.size += len(value) - len(kept.value)
		kept.since, kept.value = m.last, value
	}
	for c.size > cacheSize {
		c.rows.RemoveOldest()
	}
}
