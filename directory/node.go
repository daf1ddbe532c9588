package directory

import "motcua/crypto/identity"

// Node binds an office to the machine that serves it: its keys and where to reach it.
type Node struct {
	Office   OfficeCode      `cbor:"1,keyasint" json:"office"`
	Identity identity.Public `cbor:"2,keyasint" json:"-"`
	// Addr is the UDP host:port, Portal the base URL people use. Both may change without a new enrolment.
	Addr     string `cbor:"3,keyasint" json:"addr"`
	Portal   string `cbor:"4,keyasint" json:"portal"`
	Enrolled int64  `cbor:"5,keyasint" json:"enrolled"` // Unix seconds
	// Revoked is when the key stopped being trusted, Unix seconds, 0 while it is.
	Revoked int64  `cbor:"6,keyasint,omitempty" json:"revoked,omitempty"`
	Reason  string `cbor:"7,keyasint,omitempty" json:"reason,omitempty"`
	// Retired is when the machine itself put other keys in the place of these, Unix seconds, 0 if it did not: what they have
	// signed stays good. Rotated is when these took the place of others; Enrolled stays that of the machine.
	Retired int64 `cbor:"8,keyasint,omitempty" json:"retired,omitempty"`
	Rotated int64 `cbor:"9,keyasint,omitempty" json:"rotated,omitempty"`
}

// Member is a directory server.
type Member struct {
	Name     string          `cbor:"1,keyasint" json:"name"` // its name on the network, never an office code
	Identity identity.Public `cbor:"2,keyasint" json:"-"`
	Addr     string          `cbor:"3,keyasint" json:"addr"`
}
