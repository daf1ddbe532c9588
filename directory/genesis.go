package directory

import (
	"fmt"
	"regexp"
	"strings"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/crypto/wire"
)

// Genesis is what a province begins with: the same bytes on every server and every node. Trust in editions starts from
// its members. It holds a secret, the gossip key, so it is kept where only its owner reads.
type Genesis struct {
	Version  uint8      `cbor:"1,keyasint"` // 1
	Province Text       `cbor:"2,keyasint"`
	Prefix   OfficeCode `cbor:"3,keyasint"` // of every office of the province, as in H32
	Members  []Member   `cbor:"4,keyasint"`
	// GossipKey is shared by all nodes and servers; it keeps strangers out of the gossip and protects nothing else.
	GossipKey []byte `cbor:"5,keyasint"`
	Created   int64  `cbor:"6,keyasint"` // Unix seconds
	// Recovery is the public key (record.PublicKey) that may name new members when a majority of the old ones is lost for good.
	// Its secret lies in a safe. None: a province without one cannot be recovered without enrolling every node anew.
	Recovery []byte `cbor:"7,keyasint,omitempty"`
	// Level is the upgrade level (command.Level) that all its first servers understand; 0 for 1.
	Level uint32 `cbor:"8,keyasint,omitempty"`
}

// Bounds of a genesis.
const (
	MaxMembers    = 9
	GossipKeySize = 32
	MaxGenesis    = 64 << 10 // of its bytes
)

var memberName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Validate checks names, keys and numbers. A member's name is never an office code.
func (g Genesis) Validate() error {
	switch {
	case g.Version != 1:
		return Errorf("read genesis", Newer, "it is of format %d, this version reads format 1; upgrade", g.Version)
	case g.Province.VI == "" || len(g.Province.VI) > 200 || len(g.Province.EN) > 200:
		return fmt.Errorf("genesis: province name missing or over 200 bytes")
	case len(g.GossipKey) != GossipKeySize:
		return fmt.Errorf("genesis: gossip key of %d bytes, want %d", len(g.GossipKey), GossipKeySize)
	}
	if err := g.Prefix.Validate(); err != nil {
		return fmt.Errorf("genesis: prefix: %w", err)
	}
	if len(g.Recovery) > 0 {
		if _, err := record.ParsePublicKey(g.Recovery); err != nil {
			return fmt.Errorf("genesis: recovery key: %w", err)
		}
	}
	return ValidMembers(g.Members)
}

// ValidMembers checks the names, addresses and keys of the directory's servers, and that there are 1 to MaxMembers.
func ValidMembers(members []Member) error {
	if len(members) == 0 || len(members) > MaxMembers {
		return fmt.Errorf("genesis: %d members, want 1 to %d", len(members), MaxMembers)
	}
	return validMembers(members)
}

func validMembers(members []Member) error {
	names, keys := map[string]bool{}, map[string]bool{}
	for _, m := range members {
		if !memberName.MatchString(m.Name) || names[m.Name] {
			return fmt.Errorf("genesis: member %q: malformed or repeated name, want a-z 0-9 - as in dir-1", m.Name)
		}
		if m.Addr == "" || len(m.Addr) > 200 {
			return fmt.Errorf("genesis: member %s: no address host:port", m.Name)
		}
		if _, err := m.Identity.Keys(); err != nil {
			return fmt.Errorf("genesis: member %s: %w", m.Name, err)
		}
		if keys[string(m.Identity.TLS)] {
			return fmt.Errorf("genesis: member %s: its key is another member's", m.Name)
		}
		names[m.Name], keys[string(m.Identity.TLS)] = true, true
	}
	return nil
}

// Bytes returns the one encoding of the genesis.
func (g Genesis) Bytes() ([]byte, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	return wire.Marshal(g)
}

// ReadGenesis reads and validates what Bytes returns.
func ReadGenesis(b []byte) (Genesis, error) {
	var g Genesis
	if len(b) > MaxGenesis {
		return g, fmt.Errorf("genesis of %d bytes, at most %d", len(b), MaxGenesis)
	}
	if err := wire.Unmarshal(b, &g); err != nil {
		return g, fmt.Errorf("genesis: %w; take the file from another server", err)
	}
	return g, g.Validate()
}

// Digest names the genesis; the zero Digest if it is not valid.
func (g Genesis) Digest() digest.Digest {
	b, err := g.Bytes()
	if err != nil {
		return digest.Digest{}
	}
	return digest.Of(b)
}

// Member returns the member of a name.
func (g Genesis) Member(name string) (Member, bool) {
	for _, m := range g.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Below tells whether an office code lies within the province.
func (g Genesis) Below(c OfficeCode) bool {
	return c == g.Prefix || strings.HasPrefix(string(c), string(g.Prefix)+".")
}

// TLSID names the TLS key of the member, as links are pinned to it.
func (m Member) TLSID() digest.Digest { return identity.TLSID(m.Identity.TLS) }
