package cluster

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/state"
)

func openDB(t testing.TB, dir string) *badger.DB {
	t.Helper()
	db, err := openRows(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func entry(t testing.TB, index uint64, c command.Command) *raft.Log {
	t.Helper()
	b, err := command.Encode(command.RequestID{byte(index), byte(index >> 8), byte(index >> 16)}, 1_795_000_000_000, c)
	if err != nil {
		t.Fatal(err)
	}
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: b}
}

func publish(i int) *command.Publish {
	return &command.Publish{Fields: []directory.Field{{ID: fmt.Sprint("f", i), Name: directory.Text{VI: strings.Repeat("x", 1000)}}}}
}

func rows(t testing.TB, db *badger.DB) map[string]string {
	t.Helper()
	out := map[string]string{}
	v := &view{base: newBase(db, 0, newRowCache(0))}
	defer v.base.give()
	if err := v.Scan("", func(k string, v []byte) error { out[k] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// openMachine is a machine whose tables are closed with the test, or by the test before.
func openMachine(t testing.TB, db *badger.DB) (m *machine, shut func()) {
	t.Helper()
	m, err := newMachine(db)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	shut = func() {
		once.Do(func() {
			if err := m.close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(shut)
	return m, shut
}

// seen is what a reader of the machine's tables sees.
func seen(t testing.TB, m *machine) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := m.t.read(func(r state.Reader, _ uint64) error {
		return r.Scan("", func(k string, v []byte) error { out[k] = string(v); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestALogAppliedAgainChangesNothing(t *testing.T) {
	dir := t.TempDir()
	db := openDB(t, dir)
	m, shut := openMachine(t, db)
	account := directory.Account{ID: "a", Login: "aaa", Kind: directory.Citizen, Name: "An", Verifier: "v"}
	logs := []*raft.Log{
		entry(t, 1, &command.Found{Genesis: directorytest.Genesis(3)}),
		entry(t, 2, &command.PutAccount{Account: account}), // counts how often it is applied
		{Index: 3, Type: raft.LogConfiguration},
	}
	for i := range 600 { // more than fits one commit
		logs = append(logs, entry(t, uint64(i+4), publish(i)))
	}
	const far = state.Window + 2 // the memory of the request at 2 gives way to it
	logs = append(logs, entry(t, far, publish(9999)))
	for i, r := range m.ApplyBatch(logs) {
		if _, err := resultOf(r); logs[i].Type == raft.LogCommand && err != nil {
			t.Fatalf("entry %d: %v", logs[i].Index, err)
		}
	}
	before := seen(t, m)
	if m.applied != far || len(before) < 600 {
		t.Fatalf("tables stand at %d with %d rows", m.applied, len(before))
	}
	shut()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openDB(t, dir)
	if m, _ = openMachine(t, db); m.applied != far || !maps.Equal(before, rows(t, db)) {
		t.Fatalf("reopened, the tables stand at %d", m.applied)
	}
	m.ApplyBatch(append(logs, entry(t, far+1, publish(10_000))))
	after := seen(t, m)
	if a := string(after["account/a"]); a != before["account/a"] || after["field/f10000"] == "" {
		t.Error("entries that were in the tables were applied again, or the one that was not was not")
	}
}

func TestAnEntryThatCannotBeReadStopsTheServerThere(t *testing.T) {
	db := openDB(t, t.TempDir())
	m, _ := openMachine(t, db)
	later, err := command.Seal(command.RequestID{1}, 1, 999, []byte{0xa0})
	if err != nil {
		t.Fatal(err)
	}
	founded := entry(t, 2, &command.Found{Genesis: directorytest.Genesis(3)})
	m.ApplyBatch([]*raft.Log{founded})
	out := m.ApplyBatch([]*raft.Log{{Index: 3, Type: raft.LogCommand, Data: later}, entry(t, 4, publish(1))})
	for i, r := range out {
		if _, err := resultOf(r); err == nil || directory.CodeOf(m.err) != directory.Newer {
			t.Errorf("entry %d: %v", i+3, err)
		}
	}
	select {
	case <-m.stopped:
	default:
		t.Error("the server is not told to stop")
	}
	if _, ok := seen(t, m)["field/f1"]; ok || m.applied != 2 {
		t.Errorf("it went on beyond the entry: tables stand at %d", m.applied)
	}
	if err := m.view(func(state.Reader, uint64) error { return nil }); err == nil {
		t.Error("it goes on answering")
	}
}

// TestOverlayIsAMap compares an overlay with a plain map under random changes.
func TestOverlayIsAMap(t *testing.T) {
	db := openDB(t, t.TempDir())
	err := db.Update(func(txn *badger.Txn) error {
		for i := range 20 {
			if err := txn.Set(fmt.Appendf(nil, "%sk/%02d", tablePrefix, i*2), []byte("under")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	start := rows(t, db)
	rapid.Check(t, func(t *rapid.T) {
		v := &view{base: newBase(db, 0, newRowCache(0))}
		defer v.base.give()
		o, model := newOverlay(v), maps.Clone(start)
		for range rapid.IntRange(0, 30).Draw(t, "changes") {
			key := fmt.Sprintf("k/%02d", rapid.IntRange(0, 45).Draw(t, "key"))
			if rapid.Bool().Draw(t, "delete") {
				o.Delete(key)
				delete(model, key)
			} else {
				v := rapid.StringN(0, 3, -1).Draw(t, "value")
				o.Set(key, []byte(v))
				model[key] = v
			}
		}
		var keys []string
		if err := o.Scan("k/", func(k string, v []byte) error {
			keys = append(keys, k)
			if model[k] != string(v) {
				t.Errorf("%s is %q, want %q", k, v, model[k])
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := slices.Sorted(maps.Keys(model)); !slices.Equal(keys, want) {
			t.Errorf("keys %v, want %v", keys, want)
		}
		for i := range 46 {
			key := fmt.Sprintf("k/%02d", i)
			v, err := o.Get(key)
			if want, ok := model[key]; err != nil || ok != (v != nil) || want != string(v) {
				t.Errorf("get %s: %q, %v", key, v, err)
			}
		}
	})
}

// writtenOut is the snapshot of a small province.
func writtenOut(t testing.TB) ([]byte, map[string]string) {
	t.Helper()
	db := openDB(t, t.TempDir())
	m, shut := openMachine(t, db)
	m.ApplyBatch([]*raft.Log{entry(t, 2, &command.Found{Genesis: directorytest.Genesis(1)}), entry(t, 3, &command.CutEdition{Number: 1})})
	var b bytes.Buffer
	v, err := m.t.pin()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeSnapshot(&b, v); err != nil {
		t.Fatal(err)
	}
	v.base.give()
	shut()
	return b.Bytes(), rows(t, db)
}

func TestASnapshotIsRestoredWholeOrNotAtAll(t *testing.T) {
	b, want := writtenOut(t)
	db := openDB(t, t.TempDir())
	if err := db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(tablePrefix+"old"), []byte("row")) }); err != nil {
		t.Fatal(err)
	}
	stands := func() (n uint64) {
		if err := db.View(func(txn *badger.Txn) (err error) { n, err = readApplied(txn); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, cut := range []int{len(b) - 1, len(b) - 40, len(b) / 2} {
		if _, err := restore(db, bytes.NewReader(b[:cut]), nil); err == nil || stands() != 0 {
			t.Errorf("cut after %d bytes: %v, tables stand at %d", cut, err, stands())
		}
	}
	altered := slices.Clone(b)
	altered[len(b)/2]++
	if _, err := restore(db, bytes.NewReader(altered), nil); err == nil || stands() != 0 {
		t.Errorf("altered: %v, tables stand at %d", err, stands())
	}
	if at, err := restore(db, bytes.NewReader(b), nil); err != nil || at != 3 || stands() != 3 || !maps.Equal(rows(t, db), want) {
		t.Errorf("restored: %v, tables stand at %d", err, stands())
	}
	later := slices.Clone(b)
	later[len(snapshotMagic)-2] = '2'
	if _, err := restore(db, bytes.NewReader(later), nil); directory.CodeOf(err) != directory.Newer || stands() != 3 {
		t.Errorf("a snapshot of a later format: %v, tables stand at %d", err, stands())
	}
}

func TestFormatsStay(t *testing.T) {
	b, _ := writtenOut(t)
	sum := digest.Of(b)
	body := []byte{0xa1, 1, 7}
	f := directory.Errorf("publish", directory.Conflict, "x")
	marshal := func(v any) []byte {
		b, err := wire.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	directorytest.Golden(t, []directorytest.Format{
		{Name: "snapshot-digest", Bytes: sum[:]},
		{Name: "snapshot-head", Bytes: b[:len(snapshotMagic)+8]},
		{Name: "hello", Bytes: marshal(hello{Genesis: sum})},
		{Name: "ask-change", Bytes: marshal(ask{Kind: command.KindCutEdition, Request: command.RequestID{1}, Body: body})},
		{Name: "ask-index", Bytes: marshal(ask{Read: linearizable})},
		{Name: "reply", Bytes: marshal(reply{Result: state.Result{Index: 9, Value: body}})},
		{Name: "reply-failure", Bytes: marshal(reply{Result: state.Result{Index: 9, Failure: f}})},
		{Name: "reply-not-leader", Bytes: marshal(reply{NotLeader: true})},
		{Name: "ask-clock", Bytes: marshal(ask{Read: clock})},
		{Name: "reply-clock", Bytes: marshal(reply{Clock: 1_795_000_000_000})},
	})
}

func FuzzReadSnapshot(f *testing.F) {
	f.Add([]byte(snapshotMagic))
	whole, _ := hex.DecodeString(hex.EncodeToString([]byte(snapshotMagic)) + "0000000000000003" + "00000000" + strings.Repeat("00", 32))
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, _, err := openSnapshot(bytes.NewReader(b))
		if err != nil {
			return
		}
		for s.err == nil {
			if key := s.sized(maxKey); len(key) == 0 {
				return
			}
			s.sized(maxValue)
		}
	})
}
