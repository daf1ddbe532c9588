package cluster

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
)

// TestLogOpensAfterItsEndWasDropped: a server whose last entries no majority had drops them for the leader's, and starts
// again as often as it likes.
func TestLogOpensAfterItsEndWasDropped(t *testing.T) {
	dir := t.TempDir()
	open := func() (*wal.WAL, func()) {
		t.Helper()
		meta := new(metadb.BoltMetaDB)
		w, err := wal.Open(dir, wal.WithSegmentSize(segmentSize), wal.WithMetaStore(meta), wal.WithSegmentFiler(newSegments(dir)))
		if err != nil {
			t.Fatal(err)
		}
		return w, func() {
			if err := errors.Join(w.Close(), meta.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(w *wal.WAL, from, to uint64, term int) {
		t.Helper()
		for i := from; i <= to; i++ {
			if err := w.StoreLog(&raft.Log{Index: i, Term: uint64(term), Data: fmt.Append(nil, term, i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w, shut := open()
	write(w, 1, 10, 1)
	for term := 2; term < 5; term++ {
		from := uint64(10 - term)
		last, _ := w.LastIndex()
		if err := w.DeleteRange(from, last); err != nil {
			t.Fatal(err)
		}
		shut()
		w, shut = open()
		write(w, from, from+3, term)
	}
	shut()
	w, shut = open()
	defer shut()
	want := []int{1, 1, 1, 1, 1, 4, 4, 4, 4}
	if last, err := w.LastIndex(); err != nil || last != uint64(len(want)) {
		t.Fatalf("the log ends at %d, %v; want %d", last, err, len(want))
	}
	for i, term := range want {
		var l raft.Log
		if err := w.GetLog(uint64(i+1), &l); err != nil || l.Term != uint64(term) || string(l.Data) != fmt.Sprint(term, i+1) {
			t.Errorf("entry %d: term %d, %q, %v; want term %d", i+1, l.Term, l.Data, err, term)
		}
	}
}
