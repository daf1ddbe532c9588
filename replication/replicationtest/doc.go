// Package replicationtest helps tests of what moves between names: a simulated network that loses, repeats, reorders
// and cuts ([Network]), an address book that stands for a directory's replica ([Book]), an outbox and inbox in memory,
// and the suites that every [replication.Outbox] and [replication.Inbox] must pass.
//
// All of it works under testing/synctest.
package replicationtest
