package cluster

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
)

// TestViewsAreMaps compares tables with a plain map under random changes and writes to disk; views that were pinned on the
// way stay what they were.
func TestViewsAreMaps(t *testing.T) {
	db := openDB(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) { // each goes on from what the one before has left on disk
		tab, err := newTables(db, func(err error) { rt.Error(err) })
		if err != nil {
			rt.Fatal(err)
		}
		defer tab.close()
		model, index := rows(t, db), tab.onDisk
		type kept struct {
			v    *view
			rows map[string]string
		}
		var pinned []kept
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				if err := tab.flush(index); err != nil {
					rt.Fatal(err)
				}
			case 1:
				v, err := tab.pin()
				if err != nil {
					rt.Fatal(err)
				}
				pinned = append(pinned, kept{v, maps.Clone(model)})
			case 2: // what a reader has looked at stays in memory
				if len(pinned) > 0 {
					k := pinned[rapid.IntRange(0, len(pinned)-1).Draw(rt, "reader")]
					sameRows(rt, k.v, k.rows)
				}
			default:
				index++
				o := newOverlay(flat{})
				change(rt, o, model)
				if err := tab.add(o, index); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for _, k := range pinned {
			sameRows(rt, k.v, k.rows)
			k.v.base.give()
		}
	})
}

// change makes some changes to both.
func change(t *rapid.T, o *overlay, model map[string]string) {
	for range rapid.IntRange(0, 6).Draw(t, "changes") {
		key := fmt.Sprintf("%s/%02d", rapid.SampledFrom([]string{"a", "b"}).Draw(t, "table"), rapid.IntRange(0, 12).Draw(t, "key"))
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			o.Delete(key)
			delete(model, key)
		} else {
			v := rapid.StringN(0, 3, -1).Draw(t, "value")
			o.Set(key, []byte(v))
			model[key] = v
		}
	}
}

func sameRows(t *rapid.T, v *view, want map[string]string) {
	for _, prefix := range []string{"", "a/", "b/1", "c"} {
		var keys []string
		err := v.Scan(prefix, func(k string, b []byte) error {
			if keys = append(keys, k); want[k] != string(b) {
				t.Errorf("scan %q: %s is %q, want %q", prefix, k, b, want[k])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ours := slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(k string) bool { return !strings.HasPrefix(k, prefix) })
		if !slices.Equal(keys, ours) {
			t.Errorf("scan %q: keys %v, want %v", prefix, keys, ours)
		}
	}
	for _, table := range []string{"a", "b"} {
		for i := range 13 {
			key := fmt.Sprintf("%s/%02d", table, i)
			b, err := v.Get(key)
			if w, ok := want[key]; err != nil || ok != (b != nil) || w != string(b) {
				t.Errorf("get %s: %q, %v; want %q", key, b, err, w)
			}
		}
	}
}

// TestAReaderSeesWholeEntries, all of them up to one place and none beyond, while entries are applied and written to disk.
func TestAReaderSeesWholeEntries(t *testing.T) {
	m, _ := openMachine(t, openDB(t, t.TempDir()))
	const n = 3000
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := uint64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				if err := m.view(func(r state.Reader, index uint64) error {
					if index < last {
						t.Errorf("the tables go back from %d to %d", last, index)
					}
					last = index
					return wholeUpTo(t, r, index)
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	m.ApplyBatch([]*raft.Log{entry(t, 1, &command.Found{Genesis: directorytest.Genesis(1)})})
	for i := uint64(2); i <= n; i += 3 {
		m.ApplyBatch([]*raft.Log{entry(t, i, publish(int(i))), entry(t, i+1, publish(int(i+1))), entry(t, i+2, publish(int(i+2)))})
	}
	close(done)
	readers.Wait()
	if err := m.view(func(r state.Reader, index uint64) error { return wholeUpTo(t, r, index) }); err != nil {
		t.Error(err)
	}
}

// wholeUpTo checks that there is an answer for each of the last entries, and none beyond.
func wholeUpTo(t *testing.T, r state.Reader, index uint64) error {
	for i := max(index, 5) - 4; i <= index+3; i++ {
		b, err := r.Get(fmt.Sprintf("recent/%05x", i))
		if err != nil {
			return err
		}
		if (b != nil) != (i <= index) {
			t.Errorf("at %d: entry %d is there: %v", index, i, b != nil)
		}
	}
	return nil
}

// TestARestoreThatFailsStopsTheServer, and one after it finds nothing to replace.
func TestARestoreThatFailsStopsTheServer(t *testing.T) {
	m, _ := openMachine(t, openDB(t, t.TempDir()))
	m.ApplyBatch([]*raft.Log{entry(t, 1, &command.Found{Genesis: directorytest.Genesis(1)})})
	for range 2 {
		if err := m.Restore(io.NopCloser(strings.NewReader(snapshotMagic + "12345678 and no more"))); err == nil {
			t.Error("a snapshot that ends in the middle is restored")
		}
	}
	if err := m.view(func(state.Reader, uint64) error { return nil }); err == nil {
		t.Error("it goes on answering")
	}
}
