package state

import (
	"errors"
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/edition"
)

// Standing is which members sign, and how they came to.
type Standing struct {
	Epoch   uint64             `cbor:"1,keyasint"`
	Head    digest.Digest      `cbor:"2,keyasint"` // of the succession; zero at epoch 0
	Members []directory.Member `cbor:"3,keyasint"`
	Floor   uint64             `cbor:"4,keyasint"`
	// Recovered is the digest of the last recovery, zero if there was none.
	Recovered digest.Digest `cbor:"5,keyasint"`
}

// StandingOf returns the members that sign now: those of the genesis until others have succeeded them. None before the
// province is founded.
func StandingOf(r Reader) (Standing, error) {
	s, ok, err := get[Standing](r, "meta/standing")
	if err != nil || ok {
		return s, err
	}
	g, _, err := Genesis(r)
	s.Members = g.Members
	return s, err
}

// Servers returns the directory's servers, in the order of their names but those of the genesis, which come as they stand
// there. None before the province is founded.
func Servers(r Reader) ([]directory.Server, error) {
	all, err := list[directory.Server](r, "member/")
	if err != nil || len(all) > 0 {
		return all, err
	}
	g, _, err := Genesis(r)
	for _, m := range g.Members {
		all = append(all, directory.Server{Member: m, State: directory.Voting})
	}
	return all, err
}

// DepartedServers returns the keys that may not come back.
func DepartedServers(r Reader) ([]directory.Departed, error) {
	return list[directory.Departed](r, "departed/")
}

// MembersIndex is the place in the log of the last change to the servers, 0 if there was none.
func MembersIndex(r Reader) (uint64, error) {
	at, _, err := get[uint64](r, "meta/members")
	return at, err
}

// Level is the upgrade level up to which commands may be proposed.
func Level(r Reader) (uint32, error) {
	l, ok, err := get[uint32](r, "meta/level")
	if err != nil || ok {
		return l, err
	}
	g, _, err := Genesis(r)
	return max(1, g.Level), err
}

// servers returns the rows of the servers, and writes those of the genesis the first time that one is to change.
func (t *transition) servers() ([]directory.Server, error) {
	if _, err := t.genesis(); err != nil {
		return nil, err
	}
	all, err := Servers(t)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b directory.Server) int {
		return cmpString(a.Member.Name, b.Member.Name)
	})
	return all, nil
}

func cmpString(a, b string) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// putServers writes all rows: the first change makes rows of what was only in the genesis.
func (t *transition) putServers(all []directory.Server) error {
	errs := []error{put(t, "meta/members", t.index)}
	for _, s := range all {
		errs = append(errs, put(t, "member/"+s.Member.Name, s))
	}
	return errors.Join(errs...)
}

// depart notes keys that may not come back.
func (t *transition) depart(name string, id identity.Public, epoch uint64, reason string) error {
	return put(t, "departed/"+id.ID().String(), directory.Departed{Name: name, Identity: id, Epoch: epoch, Reason: reason})
}

func find(all []directory.Server, name string) int {
	return slices.IndexFunc(all, func(s directory.Server) bool { return s.Member.Name == name })
}

func (t *transition) admit(c *command.Admit) error {
	all, err := t.servers()
	if err != nil {
		return err
	}
	if i := find(all, c.Member.Name); i >= 0 {
		if s := all[i]; s.State == directory.Joining && s.Member.Identity.ID() == c.Member.Identity.ID() && s.Member.Addr == c.Member.Addr {
			return nil
		}
		return t.fail(directory.Conflict, "there is a server %s already: give the new one another name", c.Member.Name)
	}
	if len(all) >= directory.MaxMembers {
		return t.fail(directory.Exhausted, "there are %d servers, at most %d", len(all), directory.MaxMembers)
	}
	if err := t.keyFree(c.Member.Identity); err != nil {
		return err
	}
	return t.putServers(append(all, directory.Server{Member: c.Member, State: directory.Joining}))
}

func (t *transition) dismiss(c *command.Dismiss) error {
	all, err := t.servers()
	if err != nil {
		return err
	}
	i := find(all, c.Name)
	if i < 0 {
		return t.fail(directory.NotFound, "there is no server %s", c.Name)
	}
	stay := 0
	for _, s := range all {
		if s.State == directory.Voting && s.Member.Name != c.Name {
			stay++
		}
	}
	switch all[i].State {
	case directory.Voting:
		if stay == 0 {
			return t.fail(directory.Conflict, "%s is the last server: let another join first", c.Name)
		}
		all[i].State = directory.Leaving
		return errors.Join(t.putServers(all), put(t, "reason/"+c.Name, c.Reason))
	case directory.Joining:
		return t.drop(all, i, c.Reason)
	}
	return nil // it is leaving already
}

// drop takes a row off the list at once.
func (t *transition) drop(all []directory.Server, i int, reason string) error {
	at, err := StandingOf(t)
	if err != nil {
		return err
	}
	m := all[i].Member
	t.Delete("member/" + m.Name)
	return errors.Join(t.putServers(slices.Delete(all, i, i+1)), t.depart(m.Name, m.Identity, at.Epoch, reason))
}

func (t *transition) forget(c *command.Forget) error {
	all, err := t.servers()
	if err != nil {
		return err
	}
	i := find(all, c.Name)
	if i < 0 || all[i].State != directory.Left {
		return t.fail(directory.Conflict, "server %s has not left", c.Name)
	}
	t.Delete("member/" + c.Name)
	t.Delete("reason/" + c.Name)
	return t.putServers(slices.Delete(all, i, i+1))
}

func (t *transition) setLevel(c *command.SetLevel) error {
	have, err := Level(t)
	switch {
	case err != nil:
		return err
	case c.Level > command.Level:
		return fmt.Errorf("upgrade level %d, this version understands %d: upgrade this server", c.Level, command.Level)
	case c.Level <= have:
		return nil
	}
	return put(t, "meta/level", c.Level)
}

func (t *transition) rotate(c *command.Rotate) error {
	all, err := t.servers()
	if err != nil {
		return err
	}
	i := find(all, c.Name)
	if i < 0 || all[i].State != directory.Voting {
		return t.fail(directory.NotFound, "there is no voting server %s", c.Name)
	}
	if next := all[i].Next; next != nil && next.ID() == c.Next.ID() {
		return nil
	}
	if err := t.keyFree(c.Next); err != nil {
		return err
	}
	all[i].Next = &c.Next
	return t.putServers(all)
}

// memberKeys are the keys that servers have, will have, and once had.
func (t *transition) memberKeys() (keys []identity.Public, err error) {
	all, err := Servers(t)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		keys = append(keys, s.Member.Identity)
		for _, p := range []*identity.Public{s.Next, s.Previous} {
			if p != nil {
				keys = append(keys, *p)
			}
		}
	}
	gone, err := DepartedServers(t)
	for _, d := range gone {
		keys = append(keys, d.Identity)
	}
	return keys, err
}

// TrustOf returns what a reader goes by that has followed the servers to where they are.
func TrustOf(r Reader) (edition.Trust, error) {
	g, _, err := Genesis(r)
	if err != nil {
		return edition.Trust{}, err
	}
	s, err := StandingOf(r)
	t := edition.TrustOf(g)
	t.Epoch, t.Head, t.Members, t.Floor = s.Epoch, s.Head, s.Members, s.Floor
	return t, err
}
