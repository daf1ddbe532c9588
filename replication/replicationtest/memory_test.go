package replicationtest_test

import (
	"testing"

	"motcua/replication"
	"motcua/replication/replicationtest"
)

func TestMemoryOutbox(t *testing.T) {
	replicationtest.TestOutbox(t, func(*testing.T) replicationtest.OutboxUnderTest {
		o := replicationtest.NewOutbox()
		return replicationtest.OutboxUnderTest{Outbox: o, Self: "H32.9", Put: o.Put}
	})
}

func TestMemoryInbox(t *testing.T) {
	replicationtest.TestInbox(t, func(t *testing.T) replicationtest.InboxUnderTest {
		key := replicationtest.Key(t, "inbox")
		b := replicationtest.NewInbox(key)
		effects := 0
		b.Accept = func(_ replication.Parcel, c replication.Content) error {
			if string(c.Body) == "bad" {
				return replicationtest.Rule("no such office")
			}
			effects++
			return nil
		}
		return replicationtest.InboxUnderTest{
			Inbox: b, Self: "H32.9", From: "H32.1", Key: key.Public(),
			Good:    func() []byte { return []byte("good") },
			Bad:     func() []byte { return []byte("bad") },
			Effects: func() int { return effects },
		}
	})
}
