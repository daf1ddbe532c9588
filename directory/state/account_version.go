package state

import (
	"errors"
	"fmt"

	"motcua/directory"
	"motcua/directory/edition"
)

// After a recovery the tables are older than what nodes have seen, and a node keeps the newer version of an account. So a
// recovery lifts all versions above any that can have been given: an account reads as being at least of that base, and goes on
// from there.
const (
	basesKey        = "meta/accounts"
	versionsAnEpoch = 1000
)

// versionBase is below all versions given since the last recovery, 0 before the first. The epoch of a recovery is at least the
// seconds since the genesis: no account changes a thousand times a second.
func versionBase(r Reader) (uint64, error) {
	base, _, err := get[uint64](r, basesKey)
	return base, err
}

// liftVersions sets the base of a recovery.
func (t *transition) liftVersions(v *edition.Succession) error {
	old, err := versionBase(t)
	if err != nil {
		return err
	}
	return put(t, basesKey, max(old+versionsAnEpoch, v.Epoch*versionsAnEpoch))
}

// nextVersion is the version after old.
func (t *transition) nextVersion(old uint64) (uint64, error) {
	base, err := versionBase(t)
	return max(old, base) + 1, err
}

// keepThread notes, where a version is the first since a recovery, after which version it comes: a history goes back over the
// gap. It is called before the account is written.
func (t *transition) keepThread(a directory.Account) error {
	base, err := versionBase(t)
	if err != nil || base == 0 || a.Version != base+1 {
		return err
	}
	before, _, err := get[directory.Account](t, "account/"+string(a.ID))
	return errors.Join(err, put(t, threadKey(a.ID, a.Version), before.Version))
}

// versionBefore is the version before one that was written.
func versionBefore(r Reader, id directory.AccountID, version uint64) (uint64, error) {
	before, gap, err := get[uint64](r, threadKey(id, version))
	if err != nil || !gap {
		before = version - 1
	}
	return before, err
}

func threadKey(id directory.AccountID, version uint64) string {
	return fmt.Sprintf("thread/%s/%020d", id, version)
}

// historyKey is where the lines of a version are; those of more than eight digits come behind all others.
func historyKey(id directory.AccountID, version uint64) string {
	if version > 99_999_999 {
		return fmt.Sprintf("history/%s/x%020d", id, version)
	}
	return fmt.Sprintf("history/%s/%08d", id, version)
}

// AccountByID returns an account.
func AccountByID(r Reader, id directory.AccountID) (directory.Account, bool, error) {
	a, ok, err := get[directory.Account](r, "account/"+string(id))
	if err != nil || !ok {
		return a, ok, err
	}
	base, err := versionBase(r)
	a.Version = max(a.Version, base)
	return a, true, err
}
