package store

import (
	"crypto/rand"
	"fmt"
	"testing"
)

// TestWhatIsGivenBackIsThere: the value log is found among what is mapped, and all of it can be read after it was given back, also
// what the disk does not have yet.
func TestWhatIsGivenBackIsThere(t *testing.T) {
	s := open(t, t.TempDir())
	long := make([]byte, 100<<10)
	rand.Read(long)
	for i := range 2 * mappedMost / len(long) {
		update(t, s, func(tx *Tx) error { return tx.Set(fmt.Sprint(i), long) })
	}
	if n, err := giveBack(s.mapped.db); n == 0 || err != nil {
		t.Errorf("%d mappings given back: %v", n, err)
	}
	view(t, s, func(tx *Tx) error {
		for i := range 2 * mappedMost / len(long) {
			if b, ok, err := tx.Get(fmt.Sprint(i)); !ok || err != nil || string(b) != string(long) {
				t.Fatalf("%d: %v, %v", i, ok, err)
			}
		}
		return nil
	})
}
