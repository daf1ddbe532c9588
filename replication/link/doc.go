// Package link carries streams and small packets between names over one UDP socket: QUIC (RFC 9000) with mutual TLS 1.3
// for streams, and bare datagrams beside it for gossip. It alone imports quic-go and yamux.
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
// # Where UDP does not pass
//
// The same streams run over TLS 1.3 over TCP at the same port number, under the same keys, multiplexed by yamux. A dial begins by
// UDP, and half a second later by TCP beside it; the way that opens first is taken and remembered. While a connection runs over
// TCP, UDP is tried again every few minutes, and once it passes, new streams go there.
//
// # Where a peer cannot be dialled
//
// Once open, a connection serves both sides alike, and [Link.Stay] keeps some open: a machine behind NAT is reached through those.
// Two that do not reach each other are joined by a third to which both keep a connection, if it agrees to ([Link.Splice]): it
// passes on the bytes of a TLS connection between the two.
//
// # Strangers
//
// Handshakes under way are bounded in number and time, in all and by address; whoever is behind too many first proves that it is
// there. What a stranger learns is a key; it gets few streams and little memory, for a short time.
//
// # Lanes
//
// Where the line to a peer is long or loses packets, streams that [Link.BeginBulk] opens go beside QUIC, which takes every loss for
// congestion: in packets of their own on the same socket, sealed with keys exported from the same handshake and mended by package line.
// Both ends say in the handshake that they know lanes. A lane follows the peer to a new address once it has answered from there, and
// outlives a connection that has timed out in the dark for as long as it has streams. What waits in lanes is bounded by peer and in all.
// What is sent as bulk, by lane or by stream, keeps to the [Ceilings].
//
// # What it does not do
//
// It does not repeat what was sent on a stream that broke: whoever sends makes sure that a repeat is harmless. It does
// not tell a dark line from a dead peer. Packets are neither encrypted nor ordered nor certain to arrive: gossip
// encrypts its own.
package link
