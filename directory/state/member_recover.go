package state

import (
	"errors"
	"fmt"

	"motcua/directory"
	"motcua/directory/edition"
)

// The gaps that a recovery leaves, so that no number is ever seen twice: what was numbered after the tables at hand were
// written is not known. Beside them counts the time since the genesis, as the same old copy may be recovered twice: editions
// are not cut ten times a second for long, and the members do not change every second.
const (
	recoveryEpochs   = 1000
	recoveryEditions = 1_000_000
	editionsASecond  = 10
)

// DrawUpRecovery returns the body of a succession that makes the members the only ones, for the recovery key and for them
// to sign. The time is Unix seconds.
func DrawUpRecovery(r Reader, members []directory.Member, now int64) (*edition.Succession, error) {
	g, ok, err := Genesis(r)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("these tables are of no province: there is nothing to recover")
	}
	at, err := StandingOf(r)
	if err != nil {
		return nil, err
	}
	cut, _, err := Due(r)
	since := uint64(max(0, now-g.Created))
	return &edition.Succession{
		Version: 1, Genesis: g.Digest(), Prev: at.Head, Members: members, Recovery: true,
		Epoch: max(at.Epoch+recoveryEpochs, since),
		Floor: max(cut.Number, since*editionsASecond) + recoveryEditions,
	}, err
}

// Recover makes the members of a signed recovery the only servers of the tables, which stand at an index of the log. It is
// done to tables that no server serves, never through the log.
func Recover(s Store, index uint64, signed edition.SignedSuccession) error {
	before, err := TrustOf(s)
	if err != nil {
		return err
	}
	v, err := edition.ReadSuccession(signed.Body)
	if err != nil {
		return err
	}
	if !v.Recovery || v.Epoch <= before.Epoch {
		return fmt.Errorf("recover: the succession is none of a recovery, or older than the tables' own")
	}
	if _, err := before.Follow([]edition.SignedSuccession{signed}); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	t := &transition{Store: s, index: index, op: "recover"}
	if t.at, err = Time(s); err != nil {
		return err
	}
	if err := t.replaceServers(v); err != nil {
		return err
	}
	cut, _, err := Due(s)
	if err != nil {
		return err
	}
	cut.Number, cut.Size = v.Floor, 0
	if err := errors.Join(t.beginChain(), t.liftVersions(v)); err != nil {
		return err
	}
	next := Standing{Epoch: v.Epoch, Head: signed.Digest(), Members: v.Members, Floor: v.Floor, Recovered: signed.Digest()}
	return errors.Join(
		put(t, successionKey(v.Epoch), signed),
		put(t, "meta/standing", next),
		put(t, pendingKey, Pending{}),
		put(t, "meta/cut", cut),
		t.touch(),
	)
}

// beginChain forgets the successions before: a recovery follows whatever a reader has. What they had signed is handed out no
// more; the next edition is.
func (t *transition) beginChain() error {
	var before []string
	err := t.Scan("succession/", func(key string, _ []byte) error {
		before = append(before, key)
		return nil
	})
	for _, key := range before {
		t.Delete(key)
	}
	return errors.Join(err, put(t, "meta/complete", Head{}))
}

// replaceServers has all servers leave that are not among the new members.
func (t *transition) replaceServers(v *edition.Succession) error {
	all, err := t.servers()
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range all {
		m, stays := directory.MemberNamed(v.Members, s.Member.Name)
		if !stays || m.Identity.ID() != s.Member.Identity.ID() {
			errs = append(errs, t.depart(s.Member.Name, s.Member.Identity, v.Epoch, "the directory was recovered without it"))
		}
		t.Delete("member/" + s.Member.Name)
		t.Delete("reason/" + s.Member.Name)
	}
	var now []directory.Server
	for _, m := range v.Members {
		now = append(now, directory.Server{Member: m, State: directory.Voting})
	}
	return errors.Join(append(errs, t.putServers(now))...)
}
