package state

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"motcua/directory"
	"motcua/directory/command"
)

// maxFormer bounds how many accounts become part of one.
const maxFormer = 16

// mergeAccounts makes one account part of another. The row of the one that goes stays, disabled, and says which took it.
func (t *transition) mergeAccounts(c *command.MergeAccounts) (any, error) {
	s := t.sheet(directory.Actor{})
	into, err := s.account(c.Survivor)
	if err != nil {
		return nil, err
	}
	gone, err := s.account(c.Merged)
	if err != nil {
		return nil, err
	}
	a, b := &into.now, &gone.now
	switch {
	case a.Kind == directory.Staff || a.Kind != b.Kind:
		return nil, s.fail(directory.Invalid, "two citizens' or two businesses' accounts can be merged; of staff, disable one and grant the other")
	case a.Identity != "" && b.Identity != "" && a.Identity != b.Identity:
		return nil, s.fail(directory.Conflict, "the accounts have different identity numbers: they are of two")
	case a.Disabled:
		return nil, s.fail(directory.Conflict, "the account that stays is disabled: enable it, or let the other stay")
	case len(a.Former)+len(b.Former) >= maxFormer:
		return nil, s.fail(directory.Exhausted, "at most %d accounts can become part of one", maxFormer)
	}
	a.Identity = cmp.Or(a.Identity, b.Identity)
	a.Former = append(append(a.Former, b.ID), b.Former...)
	b.Disabled, b.Merged, b.Former, b.Since = true, a.ID, nil, t.seconds()
	b.Closed = &directory.Closed{Reason: c.Reason, At: t.seconds()}
	s.note(into, directory.Change{Act: directory.ActMerged, Other: b.ID, Reason: c.Reason})
	s.note(gone, directory.Change{Act: directory.ActMerged, Other: a.ID, Reason: c.Reason})
	// The number goes from one to the other: the row that goes is written first.
	s.ids = []directory.AccountID{b.ID, a.ID}
	if _, err := s.finish(); err != nil {
		return nil, err
	}
	s.Delete("twin/" + gone.old.Identity + "/" + string(b.ID))
	s.Delete("twin/" + a.Identity + "/" + string(a.ID))
	return Amended{IDs: []directory.AccountID{a.ID, b.ID}}, put(t, resetKey(b.ID), reset{})
}

// Person returns the account that an id stands for now: itself, or the one that it has become part of.
func Person(r Reader, id directory.AccountID) (directory.Account, bool, error) {
	for range maxFormer + 1 {
		a, ok, err := AccountByID(r, id)
		if err != nil || !ok || a.Merged == "" {
			return a, ok, err
		}
		id = a.Merged
	}
	return directory.Account{}, false, errors.New("accounts that are part of each other in a circle")
}

// TracksOfPerson is TracksOf of an account and of all that have become part of it.
func TracksOfPerson(r Reader, id directory.AccountID) ([]directory.Track, error) {
	a, ok, err := Person(r, id)
	if err != nil {
		return nil, err
	}
	ids := []directory.AccountID{id}
	if ok {
		ids = append([]directory.AccountID{a.ID}, a.Former...)
	}
	var out []directory.Track
	for _, id := range ids {
		list, err := TracksOf(r, id)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, newestFirst)
	out = slices.CompactFunc(out, func(a, b directory.Track) bool { return a.Code == b.Code }) // on two of the lists
	return out[:min(len(out), MaxMine)], nil
}

// HistoryOf returns the newest lines of an account's history and of those that have become part of it, newest first, at most
// directory.MaxHistory.
func HistoryOf(r Reader, a directory.Account) ([]directory.Change, error) {
	out, err := historyOf(r, a)
	for _, id := range a.Former {
		former, _, errAccount := AccountByID(r, id)
		lines, errLines := historyOf(r, former)
		out, err = append(out, lines...), errors.Join(err, errAccount, errLines)
	}
	slices.SortStableFunc(out, func(a, b directory.Change) int { return cmp.Compare(b.At, a.At) })
	return out[:min(len(out), directory.MaxHistory)], err
}

func historyOf(r Reader, a directory.Account) (out []directory.Change, err error) {
	written, _, err := get[directory.Account](r, "account/"+string(a.ID))
	for v := written.Version; err == nil && v > 0 && len(out) < directory.MaxHistory; {
		lines, _, errLines := get[[]directory.Change](r, historyKey(a.ID, v))
		slices.Reverse(lines)
		out = append(out, lines...)
		v, err = versionBefore(r, a.ID, v)
		err = errors.Join(err, errLines)
	}
	return out, err
}

// FactorPolicy returns the policy of second factors: the one that was set, or the default, FactorGrace days after the founding.
func FactorPolicy(r Reader) (directory.FactorPolicy, error) {
	p, ok, err := get[directory.FactorPolicy](r, "meta/factors")
	if err != nil || ok {
		return p, err
	}
	g, _, err := Genesis(r)
	return directory.DefaultFactorPolicy(directory.DateOf(time.Unix(g.Created, 0).AddDate(0, 0, directory.FactorGrace))), err
}

// Indexed tells whether every account is entered by its identity number.
func Indexed(r Reader) (bool, error) {
	x, _, err := get[indexed](r, "meta/identities")
	return x.Done, err
}

// Twin is an account whose identity number another had before there was the rule of one account.
type Twin struct {
	ID    directory.AccountID `json:"id"`
	Other directory.AccountID `json:"other"`
}

// Twins lists accounts that should be merged.
func Twins(r Reader) (out []Twin, err error) {
	err = r.Scan("twin/", func(key string, b []byte) error {
		other, err := decodeRow[directory.AccountID](key, b)
		if err == nil {
			out = append(out, Twin{directory.AccountID(key[strings.LastIndexByte(key, '/')+1:]), other})
		}
		return err
	})
	return out, err
}

// AccountByIdentity returns the citizen's or business's account of an identity number.
func AccountByIdentity(r Reader, number string) (directory.Account, bool, error) {
	id, ok, err := get[directory.AccountID](r, identityKey(number))
	if err != nil || !ok || id == "" {
		return directory.Account{}, false, err
	}
	return AccountByID(r, id)
}
