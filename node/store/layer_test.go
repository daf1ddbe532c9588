package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func TestUpdatesAreBounded(t *testing.T) {
	s := open(t, t.TempDir())
	try := func(fn func(*Tx) error) error { return s.Update(context.Background(), fn) }
	many := func(n, size int) func(*Tx) error {
		return func(tx *Tx) error {
			for i := range n {
				if err := tx.set(tSetting.named(fmt.Sprint(i)), make([]byte, size)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for what, fn := range map[string]func(*Tx) error{
		"keys": many(maxCount+1, 1), "bytes": many(maxBytes/2000+1, 2000), "long bytes": many(maxLong/maxValue+2, maxValue),
		"one value": many(1, maxValue+1), "one key": func(tx *Tx) error { return tx.Set(strings.Repeat("k", maxKey+1), nil) },
	} {
		if err := try(fn); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: want ErrTooLarge, have %v", what, err)
		}
	}
	for what, fn := range map[string]func(*Tx) error{
		"keys": many(maxCount, 1), "bytes": many(maxBytes/2100, 2000), "long bytes": many(maxLong/maxValue, maxValue),
	} {
		if err := try(fn); err != nil {
			t.Errorf("the most an update may hold, %s: %v", what, err)
		}
	}
	if err := s.View(func(tx *Tx) error { return tx.Set("a", nil) }); err == nil {
		t.Error("a view writes")
	}
}

// TestFullBatchesSplit gathers more than one commit holds, and checks that every update sees those before it.
func TestFullBatchesSplit(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		var fns []func(*Tx) error
		for i := range 40 {
			fns = append(fns, func(tx *Tx) error {
				n, err := tx.NextNumber("H32", "261124")
				if int(n) != i+1 {
					return fmt.Errorf("update %d has number %d: %w", i, n, err)
				}
				for part := range 30 { // 90 KiB: eight of these fill a batch
					if err := tx.Set(fmt.Sprint(i, "/", part), make([]byte, 3<<10)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := errors.Join(gate(t, s, fns...)...); err != nil {
			t.Fatal(err)
		}
	})
}

// TestScansSeeEveryLayer compares scans, inside updates and after them, with a plain map.
func TestScansSeeEveryLayer(t *testing.T) {
	s := open(t, t.TempDir())
	model := map[string]string{}
	check := func(t *rapid.T, tx *Tx, m map[string]string, prefix, start string) {
		var got, want []string
		base := append(tSetting.key(), prefix...)
		err := tx.scan(base, append(base[:len(base):len(base)], start...), func(k key) (bool, error) {
			v, ok, err := tx.get(k)
			if !ok {
				return false, fmt.Errorf("key %q is scanned and not there", k)
			}
			got = append(got, string(k[1:])+"="+string(v))
			return true, err
		})
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range m {
			if strings.HasPrefix(k, prefix) && k >= prefix+start {
				want = append(want, k+"="+v)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("scan of %q from %q: %q, want %q", prefix, start, got, want)
		}
	}
	ident := rapid.StringMatching(`[ab]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		trial := map[string]string{}
		for k, v := range model {
			trial[k] = v
		}
		fails := rapid.Bool().Draw(t, "fails")
		err := s.Update(context.Background(), func(tx *Tx) error {
			for range rapid.IntRange(0, 6).Draw(t, "writes") {
				k, v := ident.Draw(t, "key"), rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "value")
				value := []byte(v)
				if v == "" {
					value = nil
					delete(trial, k)
				} else {
					trial[k] = v
				}
				if err := tx.set(append(tSetting.key(), k...), value); err != nil {
					return err
				}
			}
			check(t, tx, trial, rapid.SampledFrom([]string{"", "a", "ab"}).Draw(t, "prefix"), rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "start"))
			if fails {
				return errors.New("fails")
			}
			return nil
		})
		if !fails {
			if err != nil {
				t.Fatal(err)
			}
			model = trial
		}
		if err := s.View(func(tx *Tx) error { check(t, tx, model, "", ""); return nil }); err != nil {
			t.Fatal(err)
		}
	})
}
