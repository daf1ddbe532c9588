package state

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"motcua/directory/command"
)

// The bounds of what is remembered. An answer is forgotten once it is both Window entries of the log and KeptFor old, by the time of
// the tables: whoever asks waits some seconds and asks again under the same id. MaxAnswers are remembered at most, those of
// KeptFor at 26,000 changes a second: some 600 MB on disk.
const (
	Window     = 1 << 16
	KeptFor    = 2 * time.Minute
	MaxAnswers = 3 << 20
)

// RequestPrefix begins the keys of the answers that are remembered.
const RequestPrefix = "request/"

// letGoAtOnce is how many answers are forgotten with one entry at most: more than the one that it brings, so that what a busy hour has
// left goes within the next.
const letGoAtOnce = 4

// remembered is the answer to a request, and where it was given.
type remembered struct {
	At     uint64 `cbor:"1,keyasint"`
	Result Result `cbor:"2,keyasint"`
	// Queued: it is remembered until it is forgotten in its turn. Others, of the first upgrade level, are for Window entries.
	Queued bool `cbor:"3,keyasint,omitempty"`
}

// queue is which answers are remembered in turn.
type queue struct {
	First uint64 `cbor:"1,keyasint"` // number of the oldest
	Next  uint64 `cbor:"2,keyasint"` // number of the next to come
	// The ring from before the queue is forgotten up to the place Ring in the log, and ends at RingEnd.
	Ring    uint64 `cbor:"3,keyasint"`
	RingEnd uint64 `cbor:"4,keyasint"`
}

// turn is where an answer stands in the queue.
type turn struct {
	Request []byte `cbor:"1,keyasint"`
	At      uint64 `cbor:"2,keyasint"`
	Time    int64  `cbor:"3,keyasint"` // Unix milliseconds
}

const queueKey = "meta/answers"

func turnKey(number uint64) string { return fmt.Sprintf("answer/%016x", number) }

func requestKey(id []byte) string { return RequestPrefix + hex.EncodeToString(id) }

func ringKey(index uint64) string { return fmt.Sprintf("recent/%05x", index%Window) }

// answered returns the answer to a request that is remembered.
func answered(s Store, id command.RequestID, index uint64) (Result, bool, error) {
	old, ok, err := get[remembered](s, requestKey(id[:]))
	return old.Result, ok && (old.Queued || old.At+Window > index), err
}

// remember keeps an answer, and forgets what is old: from the second upgrade level on in a queue, before in a ring.
func (t *transition) remember(id command.RequestID, r Result) error {
	q, begun, err := get[queue](t, queueKey)
	if err == nil && !begun {
		q = queue{Ring: t.index - min(t.index, Window), RingEnd: t.index}
		var level uint32
		if level, err = Level(t); err == nil && level < 2 {
			return t.rememberInRing(requestKey(id[:]), r)
		}
	}
	if err != nil {
		return err
	}
	errs := []error{t.letGo(&q), t.letGoOfRing(&q)}
	errs = append(errs, put(t, turnKey(q.Next), turn{id[:], t.index, t.at}), put(t, requestKey(id[:]), remembered{t.index, r, true}))
	q.Next++
	return errors.Join(append(errs, put(t, queueKey, q))...)
}

// letGo forgets answers whose turn it is, the oldest first.
func (t *transition) letGo(q *queue) error {
	now, err := Time(t)
	for n := 0; err == nil && n < letGoAtOnce && q.First < q.Next; n++ {
		var x turn
		if x, _, err = get[turn](t, turnKey(q.First)); err != nil {
			return err
		}
		old := x.At+Window <= t.index && x.Time+KeptFor.Milliseconds() <= now
		if !old && q.Next-q.First < MaxAnswers {
			return nil
		}
		t.Delete(requestKey(x.Request))
		t.Delete(turnKey(q.First))
		q.First++
	}
	return err
}

// letGoOfRing forgets what was remembered in the ring, before there was the queue.
func (t *transition) letGoOfRing(q *queue) (err error) {
	for n := 0; err == nil && n < letGoAtOnce && q.Ring < q.RingEnd && q.Ring+Window <= t.index; n++ {
		err = t.letGoOfSlot(ringKey(q.Ring))
		q.Ring++
	}
	return err
}

func (t *transition) letGoOfSlot(slot string) error {
	key, ok, err := get[string](t, slot)
	if err != nil || !ok {
		return err
	}
	t.Delete(slot)
	old, ok, err := get[remembered](t, key)
	if ok && !old.Queued { // a request that was asked anew since is in the queue
		t.Delete(key)
	}
	return err
}

func (t *transition) rememberInRing(key string, r Result) error {
	slot := ringKey(t.index)
	old, ok, err := get[string](t, slot)
	if err != nil {
		return err
	}
	if ok && old != key {
		t.Delete(old)
	}
	return errors.Join(put(t, slot, key), put(t, key, remembered{At: t.index, Result: r}))
}
