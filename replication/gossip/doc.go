// Package gossip tells nodes about each other over the link's own socket: who is up, at what address, at which edition.
// It alone imports memberlist (SWIM, Das, Gupta and Motivala 2002).
//
// What it tells is a hint and never truth: it wakes the outbox, suggests addresses to the link, and lets a node ask a
// peer for a newer edition, which is then verified by its own signatures. Nothing depends on gossip arriving.
//
// Packets are encrypted and authenticated under one key of the province, so strangers can neither read nor speak; a
// member that lies can waste time and no more. Full exchanges run over the link's streams, by name.
//
// After a power cut across the province everybody is dead to everybody: members that are missing are joined again
// every half minute.
package gossip
