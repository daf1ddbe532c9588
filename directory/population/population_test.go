package population_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"motcua/directory/command"
	"motcua/directory/directorytest"
	"motcua/directory/population"
	"motcua/directory/state"
)

// table is the simplest store.
type table map[string][]byte

func (t table) Get(key string) ([]byte, error) { return t[key], nil }
func (t table) Set(key string, value []byte)   { t[key] = value }
func (t table) Delete(key string)              { delete(t, key) }

func (t table) Scan(prefix string, f func(string, []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(t)) {
		if strings.HasPrefix(k, prefix) {
			if err := f(k, t[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestEveryChangeIsAccepted(t *testing.T) {
	size, rows, index := population.Size{Accounts: 30, Tracks: 1201}, table{}, uint64(0)
	const now = 1_795_000_000_000
	err := size.Commands(directorytest.Genesis(3), directorytest.Identity(50).Public(), now, func(c command.Command) error {
		index++
		b, err := command.Encode(command.RequestID{byte(index), byte(index >> 8)}, now, c)
		if err != nil {
			return err
		}
		r, err := state.Apply(rows, index, b)
		if err == nil {
			err = r.Err()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]bool{population.Code(0): true, population.Code(1200): true, population.Code(1201): false} {
		if _, ok := rows["track/"+code]; ok != want {
			t.Errorf("track %s is there: %v, want %v", code, ok, want)
		}
	}
	if _, ok, err := state.AccountByID(rows, population.AccountID(29)); !ok || err != nil {
		t.Errorf("the last account: %v, %v", ok, err)
	}
	if mine, err := state.TracksOf(rows, population.AccountID(3)); len(mine) != 40 || err != nil {
		t.Errorf("an applicant has %d tracks, %v; want 40", len(mine), err)
	}
}
