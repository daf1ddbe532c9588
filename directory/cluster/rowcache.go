package cluster

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"strings"
	"sync"

	"motcua/directory/state"
)

// The bounds of what is kept of the rows on disk, in bytes. A row that is larger is not kept.
const (
	cacheBlock  = 1 << 20
	cacheBlocks = 20
	maxCacheRow = 4 << 10
)

// rowCache keeps the rows on disk that were read last, and which of them are not there: Badger looks for a row in every one of
// its levels. What it holds is true of the newest base, and of every older one back to when the row was last written.
//
// The rows lie one behind the other in blocks of bytes, in which the garbage collector has nothing to follow: there are a hundred
// thousand of them. The oldest block gives way to a new one; what is read in the older half goes to the end again.
type rowCache struct {
	mu     sync.Mutex
	seed   maphash.Seed
	at     map[uint64]cachePlace // by the hash of the key
	blocks [][]byte
	first  uint32 // number of the oldest block
	base   uint64 // where the newest base stands
}

// cachePlace is where a row begins.
type cachePlace struct{ block, offset uint32 }

// cachedRow is a row as it lies in a block: since, the length of the key, that of the value and one, 0 if there is no such row, and
// the two. It is true in bases that stand at since or beyond.
type cachedRow []byte

const cachedHead = 8 + 4 + 4

func (r cachedRow) since() uint64 { return binary.LittleEndian.Uint64(r) }

func (r cachedRow) key() []byte { return r[cachedHead:][:binary.LittleEndian.Uint32(r[8:])] }

// value is nil if there is no such row.
func (r cachedRow) value() []byte {
	n := binary.LittleEndian.Uint32(r[12:])
	if n == 0 {
		return nil
	}
	return r[cachedHead+len(r.key()):][:n-1]
}

func (r cachedRow) size() int { return cachedHead + len(r.key()) + len(r.value()) }

func newRowCache(base uint64) *rowCache {
	return &rowCache{seed: maphash.MakeSeed(), at: map[uint64]cachePlace{}, base: base}
}

// get returns a row as of a base; known tells whether the cache has a word in it.
func (c *rowCache) get(base uint64, key string) (value []byte, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, at := c.find(key)
	if r == nil || r.since() > base {
		return nil, false
	}
	value = bytes.Clone(r.value())
	if len(c.blocks) == cacheBlocks && at.block-c.first < cacheBlocks/2 {
		c.put(r.since(), key, value)
	}
	return value, true
}

// keep notes what was read in a base, unless rows were written since.
func (c *rowCache) keep(base uint64, key string, value []byte) {
	if len(key)+len(value) > maxCacheRow || strings.HasPrefix(key, state.RequestPrefix) {
		return // requests are looked for once, and then hardly ever again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, _ := c.find(key); base == c.base && r == nil {
		c.put(base, key, value)
	}
}

// move takes in what a memtable has brought to disk. Readers of the base that stands there come after it.
func (c *rowCache) move(m *memtable) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = m.last
	for r := m.head[0].Load(); r != nil; r = r.next[0].Load() {
		if old, _ := c.find(r.key); old != nil {
			c.renew(old, r.key, r.newest.Load().value)
		}
	}
}

// renew gives a row the value that it has from the newest base on.
func (c *rowCache) renew(old cachedRow, key string, value []byte) {
	was := old.value()
	switch {
	case len(key)+len(value) > maxCacheRow:
		delete(c.at, maphash.String(c.seed, key))
	case was != nil && value != nil && len(was) == len(value):
		binary.LittleEndian.PutUint64(old, c.base)
		copy(was, value)
	default:
		c.put(c.base, key, value)
	}
}

// find returns the row of a key, nil if it is not here.
func (c *rowCache) find(key string) (cachedRow, cachePlace) {
	at, ok := c.at[maphash.String(c.seed, key)]
	if !ok {
		return nil, at
	}
	if r := c.row(at); string(r.key()) == key {
		return r, at
	}
	return nil, at // another key of the same hash
}

func (c *rowCache) row(at cachePlace) cachedRow { return c.blocks[at.block-c.first][at.offset:] }

// put puts a row at the end. What was there of its key is found no more.
func (c *rowCache) put(since uint64, key string, value []byte) {
	if n := len(c.blocks); n == 0 || len(c.blocks[n-1])+cachedHead+len(key)+len(value) > cacheBlock {
		if n == cacheBlocks {
			c.drop()
		}
		c.blocks = append(c.blocks, make([]byte, 0, cacheBlock))
	}
	last := len(c.blocks) - 1
	b := c.blocks[last]
	c.at[maphash.String(c.seed, key)] = cachePlace{c.first + uint32(last), uint32(len(b))}
	size := uint32(0)
	if value != nil {
		size = uint32(len(value)) + 1
	}
	b = binary.LittleEndian.AppendUint64(b, since)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
	b = binary.LittleEndian.AppendUint32(b, size)
	c.blocks[last] = append(append(b, key...), value...)
}

// drop lets go of the oldest block.
func (c *rowCache) drop() {
	at := cachePlace{block: c.first}
	for int(at.offset) < len(c.blocks[0]) {
		r := c.row(at)
		if h := maphash.Bytes(c.seed, r.key()); c.at[h] == at {
			delete(c.at, h)
		}
		at.offset += uint32(r.size())
	}
	c.blocks, c.first = append(c.blocks[:0:0], c.blocks[1:]...), c.first+1
}
