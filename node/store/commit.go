package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"motcua/crypto/disk"
	"motcua/crypto/record"
)

// The bounds of one commit, below Badger's own (15 % of a memtable).
const (
	maxCount   = 4096      // keys of a batch or update
	maxBytes   = 768 << 10 // of keys and of values kept in the tables
	maxLong    = 32 << 20  // of values kept in the value log
	maxJobs    = 256       // updates run before the batch is committed
	maxValue   = 12 << 20  // bytes of one value
	maxKey     = 1 << 10   // bytes of one key
	threshold  = 3 << 10   // from here on a value goes to the value log: all that is signed, which is written once
	perKeyCost = 32        // what a key costs Badger besides its bytes, rounded up
)

// job is one call of Update on its way through the committer.
type job struct {
	fn    func(*Tx) error
	state atomic.Int32
	done  chan answer
	// Of UpdateSigned: what is to be signed before fn runs, and what came of it.
	statement *Statement
	signed    record.Record
	unsigned  error
}

// The states of a job. Whoever moves it from waiting decides whether it runs.
const (
	waiting int32 = iota
	running
	abandoned
)

type answer struct {
	err   error
	panic any
}

// Update runs fn in the database's one sequence of updates and commits what it wrote, durably, before it returns nil.
// What fn reads includes every update before it. When fn fails, its error is returned and nothing of it is stored.
//
// fn must be quick, must not block and must not call Update. It runs once, on another goroutine. ctx ends the wait
// for its turn; once fn has begun, Update waits for the true answer.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	return s.await(ctx, &job{fn: fn, done: make(chan answer, 1)})
}

// await hands a job to the committer and waits for its answer.
func (s *Store) await(ctx context.Context, j *job) error {
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	select {
	case s.jobs <- j:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case a := <-j.done:
		return a.unwrap()
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		return (<-j.done).unwrap()
	}
}

// unwrap returns the error, or goes on panicking where the caller can see it.
func (a answer) unwrap() error {
	if a.panic != nil {
		panic(a.panic)
	}
	return a.err
}

// View runs fn on a snapshot of the database. Writing in it fails.
func (s *Store) View(fn func(*Tx) error) error {
	s.open.RLock()
	defer s.open.RUnlock()
	if s.db.IsClosed() {
		return ErrClosed
	}
	return s.db.View(func(txn *badger.Txn) error { return fn(&Tx{txn: txn}) })
}

// commit is the committer: it gathers the updates that wait, runs each, and commits them together.
func (s *Store) commit() {
	defer close(s.stopped)
	for {
		select {
		case j := <-s.jobs:
			jobs := s.gather(j)
			sign(jobs)
			b := s.newBatch()
			for _, j := range jobs {
				b.run(j)
			}
			_ = b.commit() // every caller has been told
		case <-s.closing:
			return
		}
	}
}

// gather takes the updates that are waiting just now, and those of who is about to come. It waits for nobody else: while a commit
// is on its way to the disk, the next batch gathers by itself.
func (s *Store) gather(j *job) []*job {
	jobs := []*job{j}
	for gaveWay := false; len(jobs) < maxJobs; {
		select {
		case j := <-s.jobs:
			jobs, gaveWay = append(jobs, j), false
		default:
			if gaveWay {
				return jobs
			}
			runtime.Gosched()
			gaveWay = true
		}
	}
	return jobs
}

// batch is a group of updates that share one commit.
type batch struct {
	s    *Store
	txn  *badger.Txn // the snapshot they run on
	all  *layer      // what those that succeeded wrote
	jobs []*job      // those, in order
}

func (s *Store) newBatch() *batch {
	return &batch{s: s, txn: s.db.NewTransaction(false), all: newLayer()}
}

// run runs one update over what the batch wrote so far, and joins it to the batch if it succeeds.
func (b *batch) run(j *job) {
	if !j.state.CompareAndSwap(waiting, running) {
		return
	}
	own, a := b.call(j)
	switch {
	case a.err != nil || a.panic != nil:
		j.done <- a
	case b.all.fits(own):
		b.all.merge(own)
		b.jobs = append(b.jobs, j)
	default:
		// The batch is full. What it wrote is exactly what the next snapshot shows, so own stays right.
		if err := b.commit(); err != nil {
			j.done <- answer{err: err}
			own, b.jobs = newLayer(), nil
		} else {
			b.jobs = []*job{j}
		}
		b.txn, b.all = b.s.db.NewTransaction(false), own
	}
}

func (b *batch) call(j *job) (own *layer, a answer) {
	own = newLayer()
	t := &Tx{txn: b.txn, below: b.all, own: own}
	defer func() {
		t.txn = nil // a Tx kept beyond its function fails at once
		if p := recover(); p != nil {
			a.panic = p
		}
	}()
	if err := j.fn(t); err != nil {
		return own, answer{err: err}
	}
	return own, answer{err: t.failed}
}

// commit writes the batch and answers everyone in it.
func (b *batch) commit() error {
	b.txn.Discard()
	err := b.write()
	if err == nil {
		b.s.mapped.add(b.all.long)
		for _, f := range b.all.then {
			f(b.s)
		}
	} else if errors.Is(err, ErrUnsure) {
		b.s.queue.doubt()
	}
	for _, j := range b.jobs {
		j.done <- answer{err: err}
	}
	return err
}

func (b *batch) write() error {
	if len(b.all.writes) == 0 {
		return nil
	}
	if err := checkSpace(b.s.dir, b.s.options); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	txn := b.s.db.NewTransaction(true)
	defer txn.Discard()
	for k, v := range b.all.writes {
		if err := write(txn, []byte(k), v); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	err := txn.Commit()
	// A crash before Commit returns leaves either the whole batch or nothing: Badger drops a transaction whose end
	// mark is missing. Nobody has been told yes.
	if err != nil {
		return fmt.Errorf("store: %w: %w", ErrUnsure, disk.Full(err))
	}
	return nil
}

func write(txn *badger.Txn, k, v []byte) error {
	if v == nil {
		return txn.Delete(k)
	}
	return txn.Set(k, v)
}
