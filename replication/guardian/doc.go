// Package guardian keeps the sealed backups of other machines, which it cannot read.
//
// # What is kept
//
// A machine streams its backup as files, sealed by itself and named by the digest of their ciphertext, and as signed records that
// say what the files are: a [Start] begins a stream, each [Segment] names the one before it and a file. A stream is a chain: what
// was kept cannot be reordered, and what is missing shows. Files that no record names (a machine's attachments) are kept beside
// them.
//
// # What is promised
//
//   - "Done" is said after what it is about is durable. A file that broke off goes on where it was.
//   - Only the machines of an office write and read its folder, by the keys that the directory binds to its name at the time.
//   - Nothing is replaced: a record that does not follow the last is refused, and the machine begins another stream. Of the streams
//     of one office the newest few are kept.
//   - An office takes no more room than [Config.Quota], and all of them leave Reserve bytes of the disk.
//
// # The province's key for backups
//
// Machines and guardians hand each other the newest key that the province has signed (see crypto/recovery), so that it is brought to
// one machine and spreads.
package guardian
