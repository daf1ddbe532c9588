// Package replication is the vocabulary of a post office: signed, sealed parcels that move between names. It asks a
// [Resolver] who a name is, and knows nothing of what a parcel holds or what a name stands for.
//
// # A parcel
//
// The content is encrypted in chunks under a fresh key, sealed to the recipient. A [Manifest] lists the chunks by
// the hash of their ciphertext; its bytes, signed by the sender, are the parcel, and their SHA-256 is its id. The same
// bytes travel over QUIC, through a relay, or on a stick, and a transfer begun on one carrier ends on another.
//
// # What is promised
//
//   - A parcel in the [Outbox] is sent until a signed [Receipt] for it is stored; it is never dropped.
//   - A receipt says "taken" only after the recipient's durable commit.
//   - A parcel is taken once, however often and by whichever way it comes: a repeat gets the same receipt.
//   - Nobody but sender and recipient reads a byte of content.
//   - What a newer version, new keys or a person can still mend is never refused for good: the parcel waits, and its sender is
//     told for what.
//
// # What is not
//
// Order: parcels arrive in any order, and a content that depends on another says so itself. Time: a parcel may take
// weeks. Secrecy of sender, recipient, size and date: a carrier sees these.
package replication
