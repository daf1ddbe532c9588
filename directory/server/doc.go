// Package server is one of the province's three or five directory servers. It answers nodes and people of province IT,
// keeps itself equal with the others through package cluster, and has editions cut and signed.
//
// # Who may what
//
// An enrolled node registers accounts, reports the dossiers it answers for, and reads tracks by code, at a bounded pace. It
// has an account when its visitor has shown the password, or by an id it was given, then without the verifier; it has the
// staff of its own office alone. Every account that leaves is logged by its id. A stranger may enrol with a token and nothing
// else. Province IT uses the admin handler, which is served on a socket in the data folder that its owner alone opens.
//
// A change of an account names who asks and shows the verifier that the office holds of them; the tables judge it where it
// is applied, by the verifier and the roles of then. So an office acts for whoever signed in there, and no longer once they
// have chosen another password elsewhere. That they have shown a second factor, too, is the office's word.
//
// # Guessing
//
// Wrong passwords are counted by login and device, see [guesses], in the memory of each server. A change of leader forgets
// nothing; a restart lets a guesser have the first few tries again, and somebody may try at each of five servers. To
// replicate the counts would let strangers write into the log, an entry for each try.
//
// # Editions
//
// The leader has an edition cut a moment after a public table changed; every server signs it with its own key; what a
// majority has signed is handed out: to most nodes as a delta from the edition that they hold, which the steps kept in the tables
// make from whichever it is.
//
// # Keys of nodes
//
// A node is enrolled with a token, used once; it may put other keys in the place of its own; province IT revokes them. Each shows
// in the next edition, a second or two later, and at once in whom this server lets connect.
//
// # Relay
//
// Each server keeps sealed parcels for offices that are away, see package relay, and can read none of them.
//
// # Guardian
//
// Each server keeps the sealed backups of offices whose office above has no node, see package guardian, and hands on the key for
// backups that the province has signed.
//
// # Members
//
// Every server signs the succession that the tables draw up when one joins, leaves or changes its keys, and keeps the chain of
// them in its folder for its next start. A server whose keys were replaced ends with [ErrRotated] and is started again; one
// that has left ends with the reason. Keys that were replaced are a stranger's from then on: the other servers tell their
// holder so, and that is all it can ask of them.
package server

import (
	"crypto/rand"
	"fmt"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// Found makes the genesis of a province from the cards of its first servers. It holds a fresh secret: make it once, and
// give every server the same bytes over a way that only its keepers read. It has no recovery key yet: set Recovery before it
// is given to anybody, or the directory cannot be recovered from the loss of a majority.
func Found(province directory.Text, prefix directory.OfficeCode, members []directory.Member, now time.Time) (directory.Genesis, error) {
	g := directory.Genesis{
		Version: 1, Province: province, Prefix: prefix, Members: members,
		GossipKey: make([]byte, directory.GossipKeySize), Created: now.Unix(), Level: command.Level,
	}
	rand.Read(g.GossipKey)
	if err := g.Validate(); err != nil {
		return g, fmt.Errorf("found province: %w", err)
	}
	return g, nil
}
