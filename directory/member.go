package directory

import (
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
)

// MemberState is where a server stands between coming and going. Append only.
type MemberState uint8

// The states of a server. It votes and signs from Voting to Leaving; Left means that Raft still has to let it go.
const (
	Joining MemberState = 1
	Voting  MemberState = 2
	Leaving MemberState = 3
	Left    MemberState = 4
)

func (s MemberState) String() string {
	switch s {
	case Joining:
		return "joining"
	case Voting:
		return "voting"
	case Leaving:
		return "leaving"
	case Left:
		return "left"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Server is a member of the directory as its tables have it.
type Server struct {
	Member Member      `cbor:"1,keyasint"`
	State  MemberState `cbor:"2,keyasint"`
	// Next are the keys that replace the present ones with the next succession.
	Next *identity.Public `cbor:"3,keyasint,omitempty"`
	// Previous was written by the first drafts of the format and is read by nobody: keys that were laid down are [Departed].
	Previous *identity.Public `cbor:"4,keyasint,omitempty"`
}

// Departed is a server that has left, or keys that one has laid down: they may not come back.
type Departed struct {
	Name     string          `cbor:"1,keyasint"`
	Identity identity.Public `cbor:"2,keyasint"`
	Epoch    uint64          `cbor:"3,keyasint"` // since which it is none of the members
	Reason   string          `cbor:"4,keyasint"`
}

// MemberNamed finds a member by name.
func MemberNamed(all []Member, name string) (Member, bool) {
	i := slices.IndexFunc(all, func(m Member) bool { return m.Name == name })
	if i < 0 {
		return Member{}, false
	}
	return all[i], true
}

// MemberOf finds a member by the id of its identity.
func MemberOf(all []Member, id digest.Digest) (Member, bool) {
	i := slices.IndexFunc(all, func(m Member) bool { return m.Identity.ID() == id })
	if i < 0 {
		return Member{}, false
	}
	return all[i], true
}
