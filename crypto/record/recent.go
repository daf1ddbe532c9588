package record

import (
	"crypto/sha256"
	"slices"
	"sync"

	"motcua/crypto/digest"
)

// maxRecent is how many signatures a key remembers to have verified.
const maxRecent = 32

// recent are the last batch signatures that verified under a key: the next record of the same batch costs a few hashes.
type recent struct {
	mu   sync.Mutex
	good []digest.Digest // a ring
	next int
}

// batchOf names all that a signature is checked against: what has the same name verifies alike.
func batchOf(label string, r Record, root digest.Digest) digest.Digest {
	h := sha256.New()
	h.Write([]byte(label))
	h.Write([]byte{0})
	h.Write(rootMessage(r.Size, root))
	h.Write(r.Signature)
	return digest.Digest(h.Sum(nil))
}

func (c *recent) has(label string, r Record, root digest.Digest) bool {
	b := batchOf(label, r, root)
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.good, b)
}

func (c *recent) add(label string, r Record, root digest.Digest) {
	b := batchOf(label, r, root)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.good) < maxRecent {
		c.good = append(c.good, b)
		return
	}
	c.good[c.next] = b
	c.next = (c.next + 1) % maxRecent
}
