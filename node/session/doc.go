// Package session is how a person stays signed in, and how a password is checked.
//
// A session is a token signed by the node where the person signed in, with the node's own key: every other node
// verifies it with the key the directory binds to that office, and needs nothing else, so one sign-in serves every
// office, and goes on serving while the line is cut. It holds who, not what they may do: grants are looked up at each
// request. It cannot be taken back before it expires except by disabling the account or revoking the node.
//
// Passwords are kept as argon2id verifiers (RFC 9106) in the PHC string form. Checking one costs a bounded share of
// the machine, and guessing is slowed per login and address, so that a guesser locks out nobody but himself.
package session
