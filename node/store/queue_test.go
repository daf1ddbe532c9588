package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"motcua/crypto/digest"
	"motcua/replication"
	"motcua/replication/replicationtest"
)

// TestTheOutboxKeepsItsPromises: those of replication.Outbox, over a restart.
func TestTheOutboxKeepsItsPromises(t *testing.T) {
	replicationtest.TestOutbox(t, func(t *testing.T) replicationtest.OutboxUnderTest {
		dir := t.TempDir()
		s, err := Open(dir, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return replicationtest.OutboxUnderTest{
			Outbox: s.Outbox(), Self: "H32",
			Put: func(p replication.Parcel) error {
				return s.Update(context.Background(), func(tx *Tx) error { return tx.PutOutgoing(p, digest.Digest{}, "test") })
			},
			Reopen: func() replication.Outbox {
				s.Close()
				again := open(t, dir)
				return again.Outbox()
			},
		}
	})
}

// TestTheQueueIsThatOfTheDatabase: whatever is put, settled, rolled back or left in doubt, the queue in memory is what would be
// read from the database.
func TestTheQueueIsThatOfTheDatabase(t *testing.T) {
	s, ctx := open(t, t.TempDir()), context.Background()
	check := func(when string) {
		t.Helper()
		want, err := s.readQueue()
		if err != nil {
			t.Fatal(err)
		}
		err = s.waits(func(have map[replication.Name][]queued) {
			if fmt.Sprint(have) != fmt.Sprint(want) {
				t.Errorf("%s: in memory %v, on disk %v", when, have, want)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
	check("empty")
	var sent []replication.Parcel
	for n := range int64(20) {
		p := parcelTo(t, replication.Name(fmt.Sprint("H32.", n%3)), n)
		sent = append(sent, p)
		update(t, s, func(tx *Tx) error { return tx.PutOutgoing(p, digest.Digest{}, "test") })
	}
	check("sent")
	lost := errors.New("rolled back")
	err := s.Update(ctx, func(tx *Tx) error {
		r, v := receiptFor(sent[0])
		if _, err := tx.Settle(r, v); err != nil {
			return err
		}
		return errors.Join(tx.PutOutgoing(parcelTo(t, "H32.9", 99), digest.Digest{}, "test"), lost)
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	check("rolled back")
	for _, p := range sent[5:15] {
		r, v := receiptFor(p)
		if err := s.Outbox().Settle(ctx, p, r, v); err != nil {
			t.Fatal(err)
		}
	}
	check("settled")
	s.queue.doubt()
	if n, err := s.Waiting(); n != 10 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
	check("in doubt")
}
