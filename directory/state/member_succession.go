package state

import (
	"errors"
	"fmt"
	"slices"

	"motcua/crypto/digest"
	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/command"
	"motcua/directory/edition"
)

// Pending is a succession that waits for signatures.
type Pending struct {
	Signed edition.SignedSuccession `cbor:"1,keyasint"`
	Epoch  uint64                   `cbor:"2,keyasint"`
	At     int64                    `cbor:"3,keyasint"` // Unix milliseconds: when it was drawn up
}

// PendingPatience is how long a succession waits for its signatures before another may be drawn up in its place, in
// milliseconds: a server that was ready may have died.
const PendingPatience = 20_000

const pendingKey = "meta/succession"

func successionKey(epoch uint64) string { return fmt.Sprintf("succession/%020d", epoch) }

// PendingSuccession returns the succession that waits for signatures, if there is one.
func PendingSuccession(r Reader) (p Pending, ok bool, err error) {
	p, ok, err = get[Pending](r, pendingKey)
	return p, ok && p.Epoch > 0, err
}

// Chain returns the successions since the genesis, oldest first.
func Chain(r Reader) ([]edition.SignedSuccession, error) {
	return list[edition.SignedSuccession](r, "succession/")
}

// LastRecovery returns the signed succession of the last recovery, if there was one: the chain begins with it.
func LastRecovery(r Reader) (s edition.SignedSuccession, ok bool, err error) {
	at, err := StandingOf(r)
	if err != nil || at.Recovered == (digest.Digest{}) {
		return s, false, err
	}
	chain, err := Chain(r)
	for _, s := range chain {
		if s.Digest() == at.Recovered {
			return s, true, err
		}
	}
	return s, false, err
}

// membersAt returns the members of an epoch.
func membersAt(r Reader, epoch uint64) ([]directory.Member, error) {
	if epoch == 0 {
		g, _, err := Genesis(r)
		return g.Members, err
	}
	s, ok, err := get[edition.SignedSuccession](r, successionKey(epoch))
	if err != nil || !ok {
		return nil, err
	}
	v, err := edition.ReadSuccession(s.Body)
	if err != nil {
		return nil, fmt.Errorf("row %s: %w", successionKey(epoch), err)
	}
	return v.Members, nil
}

// successors are the members that follow, from the rows.
func successors(all []directory.Server, ready []string) (out []directory.Member) {
	for _, s := range all {
		switch {
		case s.State == directory.Voting, s.State == directory.Joining && slices.Contains(ready, s.Member.Name):
		default:
			continue
		}
		m := s.Member
		if s.Next != nil {
			m.Identity = *s.Next
		}
		out = append(out, m)
	}
	return out
}

// sameMembers tells whether two sets have the same names, addresses and keys, in any order.
func sameMembers(a, b []directory.Member) bool {
	if len(a) != len(b) {
		return false
	}
	for _, m := range a {
		o, ok := directory.MemberNamed(b, m.Name)
		if !ok || o.Addr != m.Addr || o.Identity.ID() != m.Identity.ID() {
			return false
		}
	}
	return true
}

// SuccessionDue tells whether the rows call for other members than those that sign; ready are the joining servers that
// have caught up.
func SuccessionDue(r Reader, ready []string) (due bool, epoch uint64, err error) {
	all, err := Servers(r)
	if err != nil {
		return false, 0, err
	}
	s, err := StandingOf(r)
	next := successors(all, ready)
	return len(next) > 0 && !sameMembers(next, s.Members), s.Epoch + 1, err
}

func (t *transition) succeed(c *command.Succeed) error {
	p, waiting, err := PendingSuccession(t)
	if err != nil {
		return err
	}
	due, epoch, err := SuccessionDue(t, c.Ready)
	switch {
	case err != nil:
		return err
	case c.Epoch != epoch:
		return t.fail(directory.Conflict, "epoch %d is next", epoch)
	case !due:
		return t.fail(directory.Conflict, "the members stay who they are")
	case waiting && t.at < p.At+PendingPatience:
		return t.fail(directory.Conflict, "a succession waits for its signatures")
	}
	if epoch > edition.MaxChain {
		if chain, err := Chain(t); err != nil || len(chain) >= edition.MaxChain {
			return errors.Join(err, t.fail(directory.Exhausted, "there were %d successions, at most %d: recover with the recovery key, which begins a new chain", len(chain), edition.MaxChain))
		}
	}
	return t.drawUp(epoch, c.Ready)
}

func (t *transition) drawUp(epoch uint64, ready []string) error {
	g, err := t.genesis()
	if err != nil {
		return err
	}
	all, err := t.servers()
	if err != nil {
		return err
	}
	at, err := StandingOf(t)
	if err != nil {
		return err
	}
	cut, _, err := Due(t)
	if err != nil {
		return err
	}
	s := edition.Succession{
		Version: 1, Genesis: g.Digest(), Epoch: epoch, Prev: at.Head, Members: successors(all, ready), Floor: cut.Number,
	}
	body, err := s.Encode()
	if err != nil {
		return t.fail(directory.Invalid, "%v", err)
	}
	return t.putPending(Pending{Signed: edition.SignedSuccession{Body: body}, Epoch: epoch, At: t.at})
}

// putPending writes the succession that waits. It concerns the members: who looks after them looks again.
func (t *transition) putPending(p Pending) error {
	return errors.Join(put(t, pendingKey, p), put(t, "meta/members", t.index))
}

// signers are the members who may sign a succession: the old ones and the new ones.
func signers(at Standing, s *edition.Succession) []directory.Member {
	return append(slices.Clone(at.Members), s.Members...)
}

func (t *transition) cosignSuccession(c *command.CosignSuccession) error {
	p, ok, err := PendingSuccession(t)
	if err != nil {
		return err
	}
	if !ok || p.Epoch != c.Epoch {
		return t.fail(directory.NotFound, "no succession to epoch %d waits for signatures", c.Epoch)
	}
	s, err := edition.ReadSuccession(p.Signed.Body)
	if err != nil {
		return err
	}
	at, err := StandingOf(t)
	if err != nil {
		return err
	}
	if err := t.checkSigner(c.Record, signers(at, s), c.Epoch, p.Signed.Digest()); err != nil {
		return err
	}
	if slices.ContainsFunc(p.Signed.Cosignatures, func(r record.Record) bool { return r.Signer == c.Record.Signer }) {
		return nil
	}
	p.Signed.Cosignatures = append(p.Signed.Cosignatures, c.Record)
	trust, err := TrustOf(t)
	if err != nil {
		return err
	}
	if _, err := trust.Follow([]edition.SignedSuccession{p.Signed}); err != nil {
		return put(t, pendingKey, p) // a majority is still to come
	}
	return t.install(p.Signed, s, at)
}

func (t *transition) checkSigner(r record.Record, who []directory.Member, epoch uint64, body digest.Digest) error {
	for _, m := range who {
		keys, err := m.Identity.Keys()
		if err != nil {
			return err
		}
		if r.Signer != keys.Sign.ID() {
			continue
		}
		if err := edition.CheckSuccession(r, keys.Sign, epoch, body); err != nil {
			return t.fail(directory.Invalid, "%v", err)
		}
		return nil
	}
	return t.fail(directory.Denied, "the key that signed it is none of the members'")
}

// install makes the members of a succession those who sign from now on.
func (t *transition) install(signed edition.SignedSuccession, s *edition.Succession, before Standing) error {
	all, err := t.servers()
	if err != nil {
		return err
	}
	var errs []error
	for i := range all {
		errs = append(errs, t.promote(&all[i], s))
	}
	next := Standing{Epoch: s.Epoch, Head: signed.Digest(), Members: s.Members, Floor: s.Floor, Recovered: before.Recovered}
	return errors.Join(append(errs,
		t.putServers(all),
		put(t, successionKey(s.Epoch), signed),
		put(t, "meta/standing", next),
		put(t, pendingKey, Pending{}),
		t.touch(),
	)...)
}

// promote brings one server's row to where a succession puts it.
func (t *transition) promote(row *directory.Server, s *edition.Succession) error {
	m, in := directory.MemberNamed(s.Members, row.Member.Name)
	was := row.Member.Identity
	switch {
	case !in && (row.State == directory.Leaving || row.State == directory.Voting):
		row.State = directory.Left
		reason, _, err := get[string](t, "reason/"+row.Member.Name)
		return errors.Join(err, t.depart(row.Member.Name, was, s.Epoch, reason))
	case !in:
		return nil
	case row.State == directory.Joining:
		row.State = directory.Voting
	}
	if m.Identity.ID() == was.ID() {
		return nil
	}
	row.Previous, row.Next, row.Member = nil, nil, m
	return t.depart(m.Name, was, s.Epoch, "its keys were replaced")
}

// Signature tells whether a key has signed the succession that waits.
func (p Pending) Signature(key digest.Digest) bool {
	return slices.ContainsFunc(p.Signed.Cosignatures, func(r record.Record) bool { return r.Signer == key })
}
