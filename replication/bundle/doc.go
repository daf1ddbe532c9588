// Package bundle puts parcels, receipts and the newest edition into one file, to be carried by hand where no line goes.
//
// The parcels are the same as over the network, sealed and signed: whoever finds the stick reads who wrote to whom,
// when and how much, and no content. The file needs no checksum of its own, since every part proves itself.
//
// # The format
//
// A line "MOTCUA BUNDLE 1\n", then sections: one byte of kind, four bytes of length (big endian), that many bytes.
//
//	1  index: from, to whom, when, how many parts; wire encoding of [Index]. First, once.
//	2  edition: its bytes. At most once.
//	3  receipt: wire encoding of a record.
//	4  parcel: wire encoding of a record. Its chunks follow.
//	5  chunk: ciphertext of the parcel before it, in order.
//	6  end: empty. Last; a file without it was cut off.
//
// A reader that meets another version or kind stops and says so. What came whole before a fault is kept.
package bundle
