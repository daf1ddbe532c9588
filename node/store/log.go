package store

import (
	"crypto/rand"
	"crypto/sha256"

	"motcua/crypto/digest"
	"motcua/replication"
)

// The log is the one order in which this node has signed its events and given its receipts: a Merkle tree as in RFC 6962, to which
// is only ever added. Its head goes into every receipt that is given, so that what was before cannot be changed without
// contradicting what others hold.

// logLeaf is an entry. The salt keeps its hash from telling what it is of.
type logLeaf struct {
	ID   digest.Digest `cbor:"1,keyasint"` // of the record
	Salt [16]byte      `cbor:"2,keyasint"`
}

// hash is the leaf's, over salt and id.
func (l logLeaf) hash() digest.Digest {
	return sha256.Sum256(append(append([]byte{0}, l.Salt[:]...), l.ID[:]...))
}

// logState is the tree without what is settled inside: the roots of its perfect subtrees, from the left.
type logState struct {
	Size  uint64          `cbor:"1,keyasint"`
	Roots []digest.Digest `cbor:"2,keyasint"`
}

// add adds a leaf.
func (s *logState) add(leaf digest.Digest) {
	for n := s.Size; n&1 == 1; n >>= 1 {
		last := len(s.Roots) - 1
		leaf = logNode(s.Roots[last], leaf)
		s.Roots = s.Roots[:last]
	}
	s.Roots = append(s.Roots, leaf)
	s.Size++
}

// root is that of the whole tree (RFC 6962, section 2.1).
func (s *logState) root() digest.Digest {
	if len(s.Roots) == 0 {
		return sha256.Sum256(nil)
	}
	r := s.Roots[len(s.Roots)-1]
	for i := len(s.Roots) - 2; i >= 0; i-- {
		r = logNode(s.Roots[i], r)
	}
	return r
}

func logNode(l, r digest.Digest) digest.Digest {
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// addToLog adds a record to the log.
func (t *Tx) addToLog(id digest.Digest) error {
	l := logLeaf{ID: id}
	rand.Read(l.Salt[:])
	s, _, err := load[logState](t, tLog.key())
	if err != nil {
		return t.fail(err)
	}
	if err := t.put(tLogLeaf.key().number(s.Size), l); err != nil {
		return err
	}
	s.add(l.hash())
	return t.put(tLog.key(), s)
}

// LogHead is the head of this node's log.
func (t *Tx) LogHead() (replication.LogHead, error) {
	s, _, err := load[logState](t, tLog.key())
	return replication.LogHead{Size: s.Size, Root: s.root()}, err
}
