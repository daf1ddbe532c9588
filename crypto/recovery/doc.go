// Package recovery is the province's key for backups: what a node has sealed to it can be opened when the node has burnt down, by
// several officials together and by none of them alone.
//
// # The key
//
// A key that opens (X-Wing) is made once, and split into n shares of which any k give it back (Shamir 1979, over GF(2⁸)); the whole
// is never written down. The key that seals is public: a [Key], signed by the province's recovery key, which is in the genesis of
// every machine. So nobody on the way can put another in its place. A later one, with a higher number, replaces it.
//
// # Opening
//
// The new machine writes a [Request]: what is to be opened, and its own public keys. Officials who bring k shares make an [Answer]:
// the data key, sealed to that machine. The key itself leaves their machine as little as the backup enters it.
//
// # What it does not do
//
// It does not judge whether a request is honest: the officials compare the machine's key with the directory's. A share that was
// altered is found out, but not whose it was, unless the alteration was a mistyped one.
package recovery
