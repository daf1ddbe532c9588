// Package guardian streams this node's backup, sealed, to its guardian, and brings a node back from there.
//
// # What is streamed
//
// Segments: every row of the store that was written since the segment before, so that together they are the store, with its events,
// accounts, parcels and receipts; and the sealed files of attachments, as they are on the shelf, whose keys are among the events.
// Nothing is taken from the folder of keys: a machine in the place of a lost one has keys of its own.
//
// # How it is sealed
//
// A stream has a data key, sealed to the province's key for backups (see crypto/recovery) and to this node's own. Each segment is
// under a key of its own made from that and a random salt (HKDF, RFC 5869). The guardian can read none of it.
//
// # What is promised
//
// A segment is durable here before the first byte of it leaves, so that after a crash the same bytes go on; the next is cut when the
// guardian has said that it has this one. Where the guardian's stream is not the one this folder remembers (the folder is an old
// copy, or the guardian has lost something), a new stream begins, and the old one is kept.
//
// # What is not
//
// What was acknowledged to a person in the minutes before a fire may not have left yet; of the lost machine's last acts those are
// missing that it had not streamed. Whoever restores is told up to when.
package guardian
