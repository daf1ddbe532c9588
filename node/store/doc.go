// Package store is the node's one database: Badger, opened for append-only use, behind typed tables.
//
// # What is promised
//
//   - When [Store.Update] returns nil, everything its function wrote is on disk, whole. When it returns an error that
//     is not [ErrUnsure], nothing of it is.
//   - Updates run one after another. Those that come together share one synced commit (a group commit), and one that
//     fails leaves no trace in the others.
//   - A chain only grows: [Tx.Append] expects the head the act was decided on, [Tx.PutCopy] never shortens or replaces,
//     and a second event at one place is kept beside the first as evidence.
//   - A folder in use, of a newer version, without its key, or on a full disk is refused with an error that says what
//     to do, and nothing is half-written.
//
// # What is not
//
// It does not verify signatures, nor know what a state means: package office does both. Its encryption (AES-CTR, no
// authentication) is a second lock for a stolen disk, not the first; attachments are in package blob.
//
// # Order on disk
//
// Records (events, parcels, receipts, submissions) are written once and never deleted. What points at them (lists by
// state, by account, the waiting parcels) is an index: its stale entries are deleted, but every read checks an entry
// against the row it points at, so a deleted key that came back would change nothing.
//
// # Formats
//
// Keys are listed in keys.go, append only. A value is one byte of version and the wire encoding of a struct.
package store
