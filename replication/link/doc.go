// Package link carries streams and small packets between names over one UDP socket: QUIC (RFC 9000) with mutual TLS 1.3
// for streams, and bare datagrams beside it for gossip. It alone imports quic-go.
//
// # Who is at the other end
//
// Both sides present a certificate of their identity; what counts is its key. The dialler goes on only if it is the key
// that the [replication.Resolver] binds to the name it dials. The listener looks the key up: a peer it knows reaches
// every protocol, a stranger only those open to [Anyone] (enrolment), few at a time and not for long. A revoked key is
// told so and shown out. Every stream is judged afresh, and [Link.Recheck] judges the open connections when the
// resolver has learnt something.
//
// # Streams
//
// One connection per peer, opened when first needed and kept, carries many streams. A stream opens with the name and
// version of its protocol ("parcel/1") and the answer to it, so that the dialler learns from [Refused] why it may not.
// Messages are wire-encoded values behind a four-byte length; a stream is also a [net.Conn].
//
// # What it does not do
//
// It does not repeat what was sent on a stream that broke: whoever sends makes sure that a repeat is harmless. It does
// not tell a dark line from a dead peer. Packets are neither encrypted nor ordered nor certain to arrive: gossip
// encrypts its own.
package link
