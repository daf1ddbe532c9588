// Package server is a node: it opens everything an office keeps in its data folder, connects it, and runs it.
//
// # The data folder
//
//	identity.pem   the node's keys; whoever has it is the office
//	identity-next.pem, identity-former/  keys to come, and once in use: see below
//	enrolment      which office this is, and the province it belongs to
//	replica/       the newest verified edition of the directory
//	store/         dossiers, outbox, inbox (package store)
//	blobs/         attachments, sealed (package blob)
//	spool/         chunks of parcels on their way (package spool)
//	forks/         editions that contradict each other: evidence against the directory, absent where there is none
//
// # Order
//
// A node answers people as soon as its store is open; it needs nobody outside for that. Stopping goes the other way
// round: pages first, then the courier, the store last, so that nothing is acknowledged that is not kept.
//
// # Taking new keys
//
// The keys to come are made and kept first. The directory is asked to put them in the place of the old ones, again and again until
// it answers. They are taken into use with the first edition that names them, whoever brings it: the old file is kept among the
// former ones, then the new one takes its name. A crash between any two steps, or a lost answer, is followed by the same steps
// again. The old keys sign nothing any more, and open what is still sealed to them.
//
// # What it does not do
//
// It knows no rule of any dossier, and reads no flags.
package server
