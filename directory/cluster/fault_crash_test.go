package cluster

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
)

// flat is the simplest store: what the tables ought to hold.
type flat map[string][]byte

func (f flat) Get(key string) ([]byte, error) { return f[key], nil }
func (f flat) Set(key string, value []byte)   { f[key] = value }
func (f flat) Delete(key string)              { delete(f, key) }

func (f flat) Scan(prefix string, g func(string, []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(k, prefix) {
			if err := g(k, f[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// text is the rows in a form that can be compared; those that mean nothing by themselves are left out if so wished.
func (f flat) text(bulk bool) map[string]string {
	out := map[string]string{}
	for k, v := range f {
		if bulk || !strings.HasPrefix(k, state.BulkPrefix) {
			out[k] = string(v)
		}
	}
	return out
}

func withoutBulk(rows map[string]string) map[string]string {
	out := maps.Clone(rows)
	maps.DeleteFunc(out, func(k, _ string) bool { return strings.HasPrefix(k, state.BulkPrefix) })
	return out
}

// mixed is a log with all that the tables do: rows new, changed and deleted, requests repeated, editions cut.
func mixed(t *testing.T) (logs []*raft.Log) {
	add := func(c command.Command) { logs = append(logs, entry(t, uint64(len(logs)+1), c)) }
	add(&command.Found{Genesis: directorytest.Genesis(1)})
	for i := range 400 {
		switch i % 40 {
		case 7:
			add(&command.PutAccount{Account: directory.Account{ID: "a", Login: fmt.Sprint("login-", i/80), Kind: directory.Citizen, Name: fmt.Sprint("An ", i), Verifier: "v"}})
		case 19:
			add(&command.CutEdition{Number: uint64(1 + i/40)})
		case 30:
			again := *logs[len(logs)-3]
			again.Index = uint64(len(logs) + 1)
			logs = append(logs, &again)
		default:
			add(publish(i % 90))
		}
	}
	return logs
}

// frozen are the folders that crashes leave, each behind one durable write.
type frozen struct {
	mu   sync.Mutex
	dirs []string
	step []string
}

func (f *frozen) after(t *testing.T, dir string) steps {
	return func(step string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		left := t.TempDir()
		directorytest.CopyFolder(t, left, dir)
		f.dirs, f.step = append(f.dirs, left), append(f.step, step)
	}
}

// TestACrashBehindAnyWriteOfTheTablesLosesNothing: what is left is the rows of some place in the log, and the rest of the
// log makes of it the same as if nothing had happened, byte for byte.
func TestACrashBehindAnyWriteOfTheTablesLosesNothing(t *testing.T) {
	logs, want, at := mixed(t), flat{}, []map[string]string{{}}
	for _, l := range logs {
		if _, err := state.Apply(want, l.Index, l.Data); err != nil {
			t.Fatal(err)
		}
		at = append(at, want.text(false))
	}
	dir, f := t.TempDir(), frozen{}
	m, shut := openMachine(t, openDB(t, dir))
	m.t.after = f.after(t, dir)
	for some := range slices.Chunk(logs, 9) {
		m.ApplyBatch(some)
		if some[0].Index%7 == 0 {
			if err := m.t.flush(some[0].Index); err != nil {
				t.Fatal(err)
			}
		}
	}
	shut()
	if n := len(f.dirs); n < 15 || !slices.Contains(f.step, "bulk") {
		t.Fatalf("%d crashes: %v", n, f.step)
	}
	for i, left := range f.dirs {
		db := openDB(t, left)
		m, shut := openMachine(t, db)
		if got := withoutBulk(rows(t, db)); !maps.Equal(got, at[m.applied]) {
			t.Errorf("crash %d, behind %s: the rows are not those of entry %d", i+1, f.step[i], m.applied)
		}
		m.ApplyBatch(logs)
		if got := seen(t, m); !maps.Equal(got, want.text(true)) {
			t.Errorf("crash %d, behind %s: with the rest of the log the rows are others", i+1, f.step[i])
		}
		shut()
		if got := rows(t, db); !maps.Equal(got, want.text(true)) {
			t.Errorf("crash %d, behind %s: closed, the rows on disk are others", i+1, f.step[i])
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestACrashWhileTablesAreTakenOverLosesNothing: behind every write of what Raft sends as a snapshot there are either
// tables that stand at its place or a file to make them from.
func TestACrashWhileTablesAreTakenOverLosesNothing(t *testing.T) {
	sent, want := writtenOut(t)
	dir, f := t.TempDir(), frozen{}
	logs, tables := filepath.Join(dir, "raft"), filepath.Join(dir, "tables")
	s, m, shut := openBoth(t, logs, tables)
	m.ApplyBatch([]*raft.Log{entry(t, 1, &command.Found{Genesis: directorytest.Genesis(1)}), entry(t, 2, publish(77))})
	s.after, m.t.after = f.after(t, dir), f.after(t, dir)
	take(t, s, 2, func(k *sink) error { return (&snapshot{m.t, m.applied}).Persist(k) })
	take(t, s, 3, func(k *sink) error {
		_, err := io.Copy(k, bytes.NewReader(sent))
		return err
	})
	_, file, err := s.Open("1-3")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Restore(file); err != nil {
		t.Fatal(err)
	}
	shut()
	if _, kept := f.step, len(f.dirs); kept < 6 {
		t.Fatalf("%d crashes: %v", kept, f.step)
	}
	for i, left := range f.dirs {
		s, m, shut := openBoth(t, filepath.Join(left, "raft"), filepath.Join(left, "tables"))
		place, filed, err := s.stands()
		if err != nil {
			t.Fatal(err)
		}
		if m.applied < place {
			if !filed {
				t.Errorf("crash %d, behind %s: the tables stand at %d, the log begins behind %d", i+1, f.step[i], m.applied, place)
			}
			_, file, err := s.Open(must(s.List())[0].ID)
			if err == nil {
				err = m.Restore(file)
			}
			if err != nil {
				t.Errorf("crash %d, behind %s: %v", i+1, f.step[i], err)
			}
		}
		if place == 3 && !maps.Equal(seen(t, m), want) {
			t.Errorf("crash %d, behind %s: the rows are others than were sent", i+1, f.step[i])
		}
		shut()
	}
}

// openBoth opens tables and the place that the log begins behind.
func openBoth(t *testing.T, logs, tables string) (*places, *machine, func()) {
	t.Helper()
	s, err := openPlaces(logs, newRaftLog(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	db := openDB(t, tables)
	m, shut := openMachine(t, db)
	s.tables, m.restored = m.t, s.inUse
	return s, m, func() { shut(); db.Close() }
}

func take(t *testing.T, s *places, index uint64, f func(k *sink) error) {
	t.Helper()
	k, err := s.Create(raft.SnapshotVersionMax, index, 1, raft.Configuration{}, 1, nil)
	if err == nil {
		if err = f(k.(*sink)); err == nil {
			err = k.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
