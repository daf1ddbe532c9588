package server

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"motcua/crypto/disk"
	"motcua/crypto/identity"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/edition"
	"motcua/directory/state"
)

// The names in a server's data folder of what makes it a member.
const (
	IdentityFile     = "identity.pem"
	NextIdentityFile = "identity.next.pem" // keys that will replace it with the next succession
	WelcomeFile      = "welcome.kept"
)

// welcomeType is the PEM type of a welcome; its number is the version of the format.
const welcomeType = "MOTCUA WELCOME V1"

// maxWelcome bounds a welcome, in bytes.
const maxWelcome = 32 << 20

// Welcome is what a new server needs to join a province: the genesis, and the successions that lead to the members of
// today. It holds the genesis' secret, so it is carried like a key.
type Welcome struct {
	Version uint8                      `cbor:"1,keyasint"` // 1
	Genesis []byte                     `cbor:"2,keyasint"` // directory.Genesis.Bytes
	Chain   []edition.SignedSuccession `cbor:"3,keyasint"`
	Self    directory.Member           `cbor:"4,keyasint"` // whom it is for
}

// Encode returns the text of a welcome.
func (w Welcome) Encode() ([]byte, error) {
	b, err := wire.Marshal(w)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: welcomeType, Bytes: b}), nil
}

// ReadWelcome reads what Encode returns and follows the successions. It also reads the bytes of a genesis alone: the welcome
// is then nil.
func ReadWelcome(text []byte) (directory.Genesis, *Welcome, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		g, err := directory.ReadGenesis(text)
		return g, nil, err
	}
	w := new(Welcome)
	if block.Type != welcomeType || len(block.Bytes) > maxWelcome {
		return directory.Genesis{}, nil, fmt.Errorf("read welcome: it is a %q, not a %q; take the file that motcua directory join wrote, and if its number is higher, upgrade", block.Type, welcomeType)
	}
	if err := wire.UnmarshalVersioned(block.Bytes, w, 1); err != nil {
		return directory.Genesis{}, nil, fmt.Errorf("read welcome: %w", err)
	}
	g, err := directory.ReadGenesis(w.Genesis)
	if err != nil {
		return g, nil, fmt.Errorf("read welcome: %w", err)
	}
	_, err = edition.TrustOf(g).Follow(w.Chain)
	return g, w, err
}

// readWelcome takes the welcome that was given, or the one that is kept in the folder.
func (s *Server) readWelcome() error {
	path := filepath.Join(s.cfg.Dir, WelcomeFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		_, kept, err := ReadWelcome(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.cfg.Welcome = kept // it has gone on since the one that was carried here
	case !errors.Is(err, os.ErrNotExist):
		return err
	case s.cfg.Welcome != nil:
		return s.keepWelcome(*s.cfg.Welcome)
	}
	return nil
}

func (s *Server) keepWelcome(w Welcome) error {
	text, err := w.Encode()
	if err != nil {
		return err
	}
	return disk.WriteFile(filepath.Join(s.cfg.Dir, WelcomeFile), text)
}

// base is the members known before there are tables.
func (s *Server) base() []directory.Member {
	if s.cfg.Welcome == nil {
		return s.cfg.Genesis.Members
	}
	t, err := edition.TrustOf(s.cfg.Genesis).Follow(s.cfg.Welcome.Chain)
	if err != nil {
		return s.cfg.Genesis.Members // readWelcome has followed it
	}
	return t.Members
}

// whoAmI finds which member this server's identity is. A server that stopped in the middle of changing its keys has two: if the
// members go by the next one already, it is taken into use.
func (s *Server) whoAmI() (directory.Member, error) {
	if err := s.cfg.Genesis.Validate(); err != nil {
		return directory.Member{}, err
	}
	if err := s.readWelcome(); err != nil {
		return directory.Member{}, err
	}
	if err := s.loadNext(); err != nil {
		return directory.Member{}, err
	}
	me := s.cfg.Identity.Public().ID()
	if m, ok := directory.MemberOf(s.base(), me); ok {
		return m, nil
	}
	if m, ok, err := s.whoIsNext(); ok || err != nil {
		return m, err
	}
	if m, ok := directory.MemberOf(s.cfg.Genesis.Members, me); ok {
		return m, nil
	}
	if w := s.cfg.Welcome; w != nil && w.Self.Identity.ID() == me {
		return w.Self, nil
	}
	return directory.Member{}, errors.New("this identity is none of the genesis' members, and no welcome is for it: use the identity whose card went into the genesis, or was let join")
}

// whoIsNext finds which member the next identity is, and has it take the place of the present one.
func (s *Server) whoIsNext() (m directory.Member, ok bool, err error) {
	s.next.Lock()
	defer s.next.Unlock()
	if s.next.id == nil {
		return m, false, nil
	}
	if m, ok = directory.MemberOf(s.base(), s.next.id.Public().ID()); !ok {
		return m, false, nil
	}
	if err := TakeNextIdentity(s.cfg.Dir); err != nil {
		return m, false, err
	}
	s.cfg.Identity, s.next.id = s.next.id, nil
	return m, true, nil
}

// members are the directory's servers that sign, as the tables have them.
func (s *Server) members() (all []directory.Member) {
	s.look(func(r state.Reader) error {
		at, err := state.StandingOf(r)
		all = at.Members
		return err
	})
	if len(all) == 0 {
		all = s.base()
	}
	return all
}

// servers are all of the directory's servers: those that join and leave, too.
func (s *Server) servers(r state.Reader) ([]directory.Server, error) {
	all, err := state.Servers(r)
	if err == nil && len(all) == 0 {
		all = s.firstServers()
	}
	return all, err
}

// firstServers are the servers known before there are tables, this one included.
func (s *Server) firstServers() (all []directory.Server) {
	for _, m := range append(s.base(), s.self) {
		if _, twice := directory.MemberNamed(membersOf(all), m.Name); !twice {
			all = append(all, directory.Server{Member: m, State: directory.Voting})
		}
	}
	return all
}

// cardType is the PEM type of a server's card.
const cardType = "MOTCUA CARD V1"

// WriteCard returns the text of a server's card: its name, address and public keys.
func WriteCard(m directory.Member) ([]byte, error) {
	b, err := wire.Marshal(m)
	return pem.EncodeToMemory(&pem.Block{Type: cardType, Bytes: b}), err
}

// ReadCard reads what WriteCard returns.
func ReadCard(text []byte) (m directory.Member, err error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != cardType {
		return m, errors.New("it is no card; take the .card file that motcua directory init wrote")
	}
	if err := wire.Unmarshal(block.Bytes, &m); err != nil {
		return m, fmt.Errorf("card: %w", err)
	}
	return m, directory.ValidMembers([]directory.Member{m})
}

func membersOf(all []directory.Server) (out []directory.Member) {
	for _, s := range all {
		out = append(out, s.Member)
	}
	return out
}

// keys are the identities that this server signs with: its own, and the one that will replace it.
func (s *Server) keys() []*identity.Private {
	s.next.Lock()
	defer s.next.Unlock()
	keys := []*identity.Private{s.cfg.Identity}
	if s.next.id != nil {
		keys = append(keys, s.next.id)
	}
	return keys
}
