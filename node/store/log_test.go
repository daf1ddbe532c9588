package store

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/golden"
	"motcua/crypto/wire"
	"motcua/replication"
)

// treeHash is the definition of RFC 6962, section 2.1, word by word.
func treeHash(leaves []digest.Digest) digest.Digest {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return logNode(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// TestTheLogIsTheTreeOfTheStandard for every size, and its bytes stay.
func TestTheLogIsTheTreeOfTheStandard(t *testing.T) {
	var s logState
	var leaves []digest.Digest
	for n := range 200 {
		if s.Size != uint64(n) || s.root() != treeHash(leaves) {
			t.Fatalf("of %d leaves: another root", n)
		}
		l := logLeaf{ID: name(fmt.Sprint(n)), Salt: [16]byte{byte(n)}}
		leaves = append(leaves, l.hash())
		s.add(l.hash())
	}
	b, err := wire.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "log", b)
}

// TestEveryEventAndReceiptIsInTheLog, in the order in which they were committed, and a rolled back one is not.
func TestEveryEventAndReceiptIsInTheLog(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	head := func() (h replication.LogHead) {
		view(t, s, func(tx *Tx) (err error) { h, err = tx.LogHead(); return err })
		return h
	}
	empty := head()
	events := chainOf(t, name("chain"), 3, "")
	update(t, s, func(tx *Tx) error { return tx.Append(name("chain"), digest.Digest{}, events[:2]) })
	two := head()
	rec, rcpt := receiptFor(parcelTo(t, "H32.2", 1))
	update(t, s, func(tx *Tx) error { return tx.PutReceipt(rec, rcpt) })
	s.Update(t.Context(), func(tx *Tx) error {
		tx.Append(name("chain"), events[1].ID(), events[2:])
		return fmt.Errorf("rolled back")
	})
	three := head()
	if empty.Size != 0 || two.Size != 2 || three.Size != 3 || two.Root == three.Root || empty.Root == two.Root {
		t.Errorf("heads %+v %+v %+v", empty, two, three)
	}
	var leaves []digest.Digest
	view(t, s, func(tx *Tx) error {
		for i, want := range []digest.Digest{events[0].ID(), events[1].ID(), rec.ID()} {
			l, ok, err := load[logLeaf](tx, tLogLeaf.key().number(uint64(i)))
			if err != nil || !ok || l.ID != want {
				t.Errorf("entry %d: %v %t %v", i, l.ID, ok, err)
			}
			leaves = append(leaves, l.hash())
		}
		return nil
	})
	if treeHash(leaves) != three.Root {
		t.Error("the head is not that of the entries")
	}
}
