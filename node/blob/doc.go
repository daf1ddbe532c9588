// Package blob keeps attachments as sealed files: each under its own data key, named by the digest of its ciphertext.
//
// # What is promised
//
//   - When Put or PutSealed returns nil, the file is on disk, whole. Otherwise nothing is but a temporary file, which the
//     next Open removes.
//   - A file is written once and never changed. Putting the same ciphertext again has no effect.
//   - What Open yields has been authenticated, chunk by chunk; an altered file fails with seal.ErrOpen at the alteration.
//   - Nobody reads a file without its key, which this package does not keep.
//
// # What is not
//
// It does not know who needs a file: [Store.Sweep] asks. It does not look for viruses.
//
// # Files
//
// Plain bytes are cut into chunks of 64 KiB, sealed by package seal one after another: the file is the chunks' ciphertext,
// joined. What holds the files is a [Shelf]: a folder here, an object store where one machine is too small.
//
// A [Folder] keeps
//
//	ab/cd/NAME        a file of more than one chunk, or one that an earlier version kept
//	packs/N           many files of one chunk, with a head before each; written to by the process that made it
//	packs/N.index     what is in a pack; without it a start reads the pack
//	temp/*            files being written
package blob
