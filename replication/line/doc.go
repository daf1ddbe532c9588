// Package line moves streams of bytes over packets that get lost: what a long, bad line needs and TCP's descendants, which
// take every loss for congestion, do not give.
//
// # What it promises
//
// A [Line] is one end of such a connection, a state machine of (time, event) to packets: no clock, no socket, no goroutine.
// Every byte written to a stream is read at the other end once, in order, or the line ends with [ErrSilent]. Packets may be
// lost, doubled, delayed and overtaken; they are never forged, for [Keys] seal them. What a peer can make us hold is
// bounded: [MaxStreams] streams of [Window] bytes in each direction.
//
// # How fast it goes
//
// Each packet has a number and is acknowledged by ranges many times per round trip; what is missing is sent again in new packets.
// How much may be under way is told by delay, not by loss: alone on a line, it keeps a few packets waiting in the narrowest queue,
// and so fills the line at any rate of loss. Where others keep that queue full it takes its share as TCP CUBIC does (RFC 9438)
// and tries every minute whether they have gone. Loss that grows with the rate makes it slower too. See [throttle].
//
// # Dark lines
//
// When nothing comes back it falls silent but for one small packet a second. The first packet that comes, from either side, sets
// it going at the rate it had. After [Patience] it gives up.
//
// # What it does not
//
// It agrees on no keys and knows no addresses: link does.
package line
