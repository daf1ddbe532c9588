package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkUpdate compares updates that share commits with updates that have one each, 64 writers in either case, and one
// writer alone.
func BenchmarkUpdate(b *testing.B) {
	b.Run("1-writer", func(b *testing.B) { benchmarkUpdate(b, 1, new(noLock)) })
	b.Run("64-writers-one-commit-each", func(b *testing.B) { benchmarkUpdate(b, 64, new(sync.Mutex)) })
	b.Run("64-writers-group-commit", func(b *testing.B) { benchmarkUpdate(b, 64, new(noLock)) })
}

type noLock struct{}

func (*noLock) Lock()   {}
func (*noLock) Unlock() {}

func benchmarkUpdate(b *testing.B, writers int, turn sync.Locker) {
	s, value := open(b, b.TempDir()), make([]byte, 1500)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range writers {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				turn.Lock()
				err := s.Update(context.Background(), func(tx *Tx) error { return tx.Set(fmt.Sprint(n), value) })
				turn.Unlock()
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}
