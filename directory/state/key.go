package state

import (
	"errors"
	"fmt"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/directory/command"
)

// A node takes new keys seldom, and every key it has had stays in the editions for ever.
const (
	maxRotations = 5
	rotationSpan = 30 * 24 * 3600 // seconds
)

// takeKeys puts the keys that a node names in the place of those it has, which are kept as retired: it has asked for it with both.
// Done again it changes nothing.
func (t *transition) takeKeys(c *command.TakeKeys) (any, error) {
	n, err := t.activeNode(c.Office)
	if err != nil {
		return nil, err
	}
	r, err := c.Rotation.Read()
	if err != nil {
		return nil, t.fail(directory.Invalid, "%v", err)
	}
	if n.Identity.ID() == r.To.ID() {
		return Enrolled{n}, nil
	}
	if err := t.checkRotation(c, r, n); err != nil {
		return nil, err
	}
	old := n
	old.Retired = t.at / 1000
	n.Identity, n.Rotated = r.To, t.at/1000
	if err := fits(t, t.op, roomForKeys, row{revokedKey(c.Office, old.Identity.ID()), old}, row{"node/" + string(c.Office), n}); err != nil {
		return nil, err
	}
	return Enrolled{n}, errors.Join(
		put(t, revokedKey(c.Office, old.Identity.ID()), old),
		put(t, "node/"+string(c.Office), n),
		t.touch(),
	)
}

func revokedKey(office directory.OfficeCode, id digest.Digest) string {
	return "revoked/" + string(office) + "/" + id.String()
}

func (t *transition) checkRotation(c *command.TakeKeys, r directory.Rotation, n directory.Node) error {
	g, err := t.genesis()
	if err != nil {
		return err
	}
	if r.Genesis != g.Digest() {
		return t.fail(directory.Denied, "the rotation is of another province")
	}
	if r.From != n.Identity.ID() {
		return t.fail(directory.Conflict, "the key in use is %s, not %s: the machine is no longer the one enrolled", n.Identity.ID().Short(), r.From.Short())
	}
	if _, err := c.Rotation.Verify(n.Identity); err != nil {
		return t.fail(directory.Denied, "%v", err)
	}
	former, err := list[directory.Node](t, "revoked/"+string(c.Office)+"/")
	if err != nil {
		return err
	}
	recent := 0
	for _, f := range former {
		if f.Retired > t.at/1000-rotationSpan {
			recent++
		}
	}
	if recent >= maxRotations {
		return t.fail(directory.Exhausted, "%s has taken new keys %d times within 30 days: wait", c.Office, recent)
	}
	return t.keyFree(r.To)
}

// revokeFormer ends the trust in the keys that a machine had before, too: who has the machine has them.
func (t *transition) revokeFormer(office directory.OfficeCode, reason string) error {
	former, err := list[directory.Node](t, "revoked/"+string(office)+"/")
	for _, f := range former {
		if f.Revoked == 0 {
			f.Revoked, f.Reason = t.at/1000, reason
			err = errors.Join(err, put(t, revokedKey(office, f.Identity.ID()), f))
		}
	}
	return err
}

// revokeRetired ends the trust in one key that a node had before, and in no other.
func (t *transition) revokeRetired(c *command.Revoke) error {
	key := revokedKey(c.Office, c.Key)
	n, ok, err := get[directory.Node](t, key)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.fail(directory.NotFound, "office %s has no such key", c.Office)
	case n.Revoked != 0:
		return nil
	}
	n.Revoked, n.Reason = t.at/1000, c.Reason
	return errors.Join(put(t, key, n), t.touch())
}

func (t *transition) voidToken(c *command.VoidToken) error {
	key := "token/" + c.Hash.String()
	k, ok, err := get[token](t, key)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.fail(directory.NotFound, "no such token")
	case !k.Node.IsZero():
		return t.fail(directory.Conflict, "this token was used already: if by the wrong machine, revoke the key of %s", k.Office)
	}
	k.Void = true
	return put(t, key, k)
}

// Token is an enrolment token as province IT sees it. Its secret is not known here.
type Token struct {
	Hash    digest.Digest
	Office  directory.OfficeCode
	Expires int64         // Unix seconds
	Node    digest.Digest // identity that used it, zero if none
	Void    bool
}

// Tokens returns every token ever issued, in no order.
func Tokens(r Reader) ([]Token, error) {
	var out []Token
	const prefix = "token/"
	err := r.Scan(prefix, func(key string, b []byte) error {
		var k token
		if err := wire.UnmarshalKept(b, &k); err != nil {
			return fmt.Errorf("row %s: %w", key, err)
		}
		hash, err := digest.Parse(key[len(prefix):])
		out = append(out, Token{hash, k.Office, k.Expires, k.Node, k.Void})
		return err
	})
	return out, err
}
