// Package spool is the folder of encrypted chunks: of parcels on their way out until they are settled, and of parcels
// on their way in until they are taken. It makes a parcel from content and opens the content of a parcel.
//
// # What is on disk
//
//	out/ID            the chunks of a parcel to send, one after the other
//	out/small-N       those of many small parcels to send, removed when the last of them is dropped
//	out/tmp-*         a parcel being made: a crash leaves it, Sweep removes it
//	in/SENDER/ID      chunks received so far of a parcel that is not small, each at its place
//
// Everything is ciphertext: a stolen disk yields sizes, dates and who wrote to whom. ID is the parcel's, SENDER a digest
// of the sender's name.
//
// # What is promised
//
// When Pack returns, the chunks are durable; a crash before the caller has committed the parcel to its outbox leaves an
// orphan that Sweep removes. The have-bits of a parcel coming in are never stored: they are found by hashing what the
// disk holds, so that after any crash they claim exactly what is there. Synced from time to time, a broken transfer
// resumes near where it was.
//
// # What is bounded
//
// A sender may fill a share of the disk and no more, and nobody the last of it.
package spool
