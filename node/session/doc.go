// Package session is how a person stays signed in, and how a password is checked.
//
// A session is a token signed by the node where the person signed in, with the node's own key: every other node
// verifies it with the key the directory binds to that office, and needs nothing else, so one sign-in serves every
// office, and goes on serving while the line is cut. It holds who, not what they may do: grants are looked up at each
// request. It ends before its time where the account is disabled, its password changed or the node revoked, and at one node
// where its owner ends it.
//
// Staff show a second factor beside the password: a code of an authenticator (RFC 6238), the signature of a security key
// (WebAuthn) or a recovery code. What is right is decided here; that each is good once, by whoever keeps what was used.
//
// Passwords are kept as argon2id verifiers (RFC 9106) in the PHC string form. Checking one costs a bounded share of
// the machine, of which the desk has a part of its own. Guessing is slowed by login and place, soon and long, and more
// loosely by place alone and by login alone; a place where a login was right before is not slowed by what others guess. A
// place is an address of IPv4 or a /64 of IPv6. What is slowed is forgotten when the program stops.
package session
