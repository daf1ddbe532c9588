package state

import (
	"errors"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/directory"
	"motcua/directory/command"
)

// token is an enrolment token as the tables know it. Node is zero until it is used.
type token struct {
	Office  directory.OfficeCode `cbor:"1,keyasint"`
	Expires int64                `cbor:"2,keyasint"` // Unix seconds
	Node    digest.Digest        `cbor:"3,keyasint"` // identity that used it
	Void    bool                 `cbor:"4,keyasint,omitempty"`
}

// Enrolled is the answer to an enrolment.
type Enrolled struct {
	Node directory.Node `cbor:"1,keyasint"`
}

func (t *transition) issueToken(c *command.IssueToken) error {
	_, ok, err := get[directory.Office](t, "office/"+string(c.Office))
	if err != nil {
		return err
	}
	if !ok {
		return t.fail(directory.NotFound, "no office %s: publish it first", c.Office)
	}
	if c.Expires <= t.at/1000 {
		return t.fail(directory.Invalid, "the token would have expired already")
	}
	return put(t, "token/"+c.Hash.String(), token{Office: c.Office, Expires: c.Expires})
}

func (t *transition) enrol(c *command.Enrol) (any, error) {
	k, ok, err := get[token](t, "token/"+c.Hash.String())
	if err != nil {
		return nil, err
	}
	id := c.Identity.ID()
	switch {
	case !ok:
		return nil, t.fail(directory.Denied, "this token is unknown here: have a new one issued")
	case k.Node == id:
		n, _, err := get[directory.Node](t, "node/"+string(k.Office))
		return Enrolled{n}, err
	case k.Void:
		return nil, t.fail(directory.Denied, "this token was taken back by the province: have a new one issued")
	case !k.Node.IsZero():
		return nil, t.fail(directory.Denied, "this token was used by another machine: have a new one issued, and find out who used it")
	case k.Expires <= t.at/1000:
		return nil, t.fail(directory.Denied, "this token has expired: have a new one issued")
	}
	if err := t.keyFree(c.Identity); err != nil {
		return nil, err
	}
	k.Node = id
	n := directory.Node{Office: k.Office, Identity: c.Identity, Addr: c.Addr, Portal: c.Portal, Enrolled: t.at / 1000}
	if err := fits(t, t.op, roomForKeys, row{revokedKey(k.Office, id), n}); err != nil { // the one it replaces stays, under its own key
		return nil, err
	}
	return Enrolled{n}, errors.Join(
		t.retire(k.Office, "replaced by a new enrolment"),
		put(t, "token/"+c.Hash.String(), k),
		put(t, "node/"+string(k.Office), n),
		t.touch(),
	)
}

// keyFree refuses keys of which another office, a revoked node or a server has or had one: whoever signs, opens or connects
// with a key must be one and the same.
func (t *transition) keyFree(p identity.Public) error {
	members, err := t.memberKeys()
	if err != nil {
		return err
	}
	nodes, err := Nodes(t)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	use := func(p identity.Public) {
		used[string(p.Sign)], used[string(p.Seal)], used[string(p.TLS)] = true, true, true
	}
	for _, m := range members {
		use(m)
	}
	for _, n := range nodes {
		use(n.Identity)
	}
	if used[string(p.Sign)] || used[string(p.Seal)] || used[string(p.TLS)] {
		return t.fail(directory.Conflict, "this machine's key was enrolled before: let it make a new identity")
	}
	return nil
}

// retire moves the node an office has, if any, to the revoked keys.
func (t *transition) retire(office directory.OfficeCode, reason string) error {
	n, ok, err := get[directory.Node](t, "node/"+string(office))
	if err != nil || !ok {
		return err
	}
	if n.Revoked == 0 {
		n.Revoked, n.Reason = t.at/1000, reason
	}
	return errors.Join(put(t, revokedKey(office, n.Identity.ID()), n), t.revokeFormer(office, reason))
}

// activeNode returns the office's node, or the failure of one that has none in use.
func (t *transition) activeNode(office directory.OfficeCode) (directory.Node, error) {
	n, ok, err := get[directory.Node](t, "node/"+string(office))
	switch {
	case err != nil:
		return n, err
	case !ok:
		return n, t.fail(directory.Denied, "office %s has no node", office)
	case n.Revoked != 0:
		return n, t.fail(directory.Denied, "the key of %s is revoked: enrol it again", office)
	}
	return n, nil
}

// revoke keeps the row of the node in place, marked, so that the office's name still resolves to a revoked key.
func (t *transition) revoke(c *command.Revoke) error {
	n, ok, err := get[directory.Node](t, "node/"+string(c.Office))
	switch {
	case err != nil:
		return err
	case !ok || n.Identity.ID() != c.Key:
		return t.revokeRetired(c)
	case n.Revoked != 0:
		return nil
	}
	n.Revoked, n.Reason = t.at/1000, c.Reason
	return errors.Join(put(t, "node/"+string(c.Office), n), t.revokeFormer(c.Office, c.Reason), t.touch())
}

func (t *transition) announce(c *command.Announce) error {
	n, err := t.activeNode(c.Office)
	if err != nil || n.Addr == c.Addr && n.Portal == c.Portal {
		return err
	}
	n.Addr, n.Portal = c.Addr, c.Portal
	return errors.Join(put(t, "node/"+string(c.Office), n), t.touch())
}

// Nodes returns the nodes in use, revoked ones marked, in the order of their offices, and after them the keys that were
// replaced.
func Nodes(r Reader) ([]directory.Node, error) {
	now, errNow := list[directory.Node](r, "node/")
	once, errOnce := list[directory.Node](r, "revoked/")
	return append(now, once...), errors.Join(errNow, errOnce)
}

// NodeOf returns the node of an office.
func NodeOf(r Reader, office directory.OfficeCode) (directory.Node, bool, error) {
	return get[directory.Node](r, "node/"+string(office))
}

// Genesis returns the genesis, false before the province is founded.
func Genesis(r Reader) (directory.Genesis, bool, error) {
	return get[directory.Genesis](r, "meta/genesis")
}

// PublicIndex is the place in the log of the last change to a public table.
func PublicIndex(r Reader) (uint64, error) {
	index, _, err := get[uint64](r, "meta/public")
	return index, err
}
