package province_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"motcua/crypto/digest"
	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// checks are the laws, as assertions over a census of the province at rest.
var checks = map[string]func(*census) error{
	"one writer per chain":          checkOneWriter,
	"nothing acknowledged is lost":  checkKept,
	"exactly once":                  checkOnce,
	"copies are equal":              checkCopies,
	"all signatures verify":         checkSignatures,
	"the directory is one":          checkDirectory,
	"everybody gives one answer":    checkTracks,
	"nothing is left to carry":      checkCarried,
	"what was sent has been taken":  checkSent,
	"lists tell what the chains do": checkRows,
}

// check counts the province and asserts every law.
func (c *census) check(t *testing.T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if err := checks[name](c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// checkOneWriter: every event of a chain was written by the one office whose chain it is, from the hand-over on by the one that took
// it, and nobody has seen a fork.
func checkOneWriter(c *census) error {
	var errs []error
	for code, h := range c.offices {
		if h.forks > 0 {
			errs = append(errs, fmt.Errorf("%s holds %d events that contradict a chain", code, h.forks))
		}
		for id, chain := range h.chains {
			want := c.writer(id)
			for _, e := range chain {
				if e.Event.Office != want {
					errs = append(errs, fmt.Errorf("event %d of chain %s, %s's, was written by %s", e.Event.Seq, id.Short(), want, e.Event.Office))
				}
				if b, err := dossier.BodyOf[dossier.HandedOver](e.Event); e.Event.Kind == dossier.KindHandedOver && err == nil {
					want = b.To
				}
			}
		}
	}
	return errors.Join(errs...)
}

// writer is who began a chain: the office that a submission is for, or that a request asks.
func (c *census) writer(id digest.Digest) string {
	s := c.stateOf(id)
	if !s.IsChild {
		return s.Submission.Office
	}
	for _, kid := range c.stateOf(s.Root).Children {
		if kid.ID == id {
			return kid.To
		}
	}
	return "nobody"
}

// checkKept: everything that people were told is done is in the stores.
func checkKept(c *census) error {
	var errs []error
	lost := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, v := range c.said.handed {
		for _, at := range []directory.OfficeCode{v.portal, v.office} {
			h := c.offices[at]
			if h != nil && !slices.ContainsFunc(h.rows, func(r store.Row) bool { return r.Alias == v.alias }) {
				lost("submission %s is not at %s", v.alias, at)
			}
		}
		code, accepted := c.said.accepted[v.alias]
		h := c.offices[v.office]
		if accepted && h != nil && !slices.ContainsFunc(h.rows, func(r store.Row) bool { return r.Alias == v.alias && r.Code == code }) {
			lost("dossier %s is not at %s", code, v.office)
		}
	}
	for _, a := range c.said.appended {
		h := c.offices[a.office]
		if h == nil {
			continue // the office has another machine now
		}
		chain := h.chains[a.chain]
		if uint64(len(chain)) < a.head.Length || chain[a.head.Length-1].ID() != a.head.ID {
			lost("%s was told of %d events of chain %s, the store has %d", a.office, a.head.Length, a.chain.Short(), len(chain))
		}
	}
	return errors.Join(errs...)
}

// checkOnce: one chain for a submission, one child chain for a request, one note for a report, one dossier for a code.
func checkOnce(c *census) error {
	var errs []error
	byAlias, byCode, kids := map[string]int{}, map[string]int{}, map[digest.Digest]int{}
	for id := range c.chains() {
		s := c.stateOf(id)
		if s.IsChild {
			kids[s.Request]++
			continue
		}
		byAlias[s.Submission.Code]++
		byCode[s.Code]++
		errs = append(errs, notedOnce(c, id))
	}
	for _, v := range c.said.handed {
		if want := len(c.said.accepted[v.alias]); byAlias[v.alias] != min(want, 1) {
			errs = append(errs, fmt.Errorf("%d chains for submission %s, accepted as %q", byAlias[v.alias], v.alias, c.said.accepted[v.alias]))
		}
	}
	for id := range c.chains() {
		for _, kid := range c.stateOf(id).Children {
			if kids[kid.Request] != 1 {
				errs = append(errs, fmt.Errorf("%d chains for request %s", kids[kid.Request], kid.Request.Short()))
			}
		}
	}
	for code, n := range byCode {
		if n != 1 {
			errs = append(errs, fmt.Errorf("%d dossiers have the code %s", n, code))
		}
	}
	if len(byAlias) != len(c.said.handed) {
		errs = append(errs, fmt.Errorf("%d dossiers of %d submissions", len(byAlias), len(c.said.handed)))
	}
	return errors.Join(errs...)
}

// notedOnce checks that each request of a root chain was answered once.
func notedOnce(c *census, id digest.Digest) error {
	asked, noted := map[digest.Digest]int{}, map[digest.Digest]int{}
	for _, e := range c.longest(id) {
		if b, err := dossier.BodyOf[dossier.Requested](e.Event); e.Event.Kind == dossier.KindRequested && err == nil {
			asked[b.Child]++
		}
		if b, err := dossier.BodyOf[dossier.Noted](e.Event); e.Event.Kind == dossier.KindNoted && err == nil {
			noted[b.Child]++
		}
	}
	for kid, n := range asked {
		if n != 1 || noted[kid] != 1 {
			return fmt.Errorf("child %s was asked for %d times and noted %d times", kid.Short(), n, noted[kid])
		}
	}
	return nil
}

// longest is the longest copy of a chain.
func (c *census) longest(id digest.Digest) (out []dossier.Signed) {
	for _, h := range c.offices {
		if len(h.chains[id]) > len(out) {
			out = h.chains[id]
		}
	}
	return out
}

// checkCopies: a copy is, byte for byte, the beginning of its writer's chain, and reaches as far as the last parcel brought
// it.
func checkCopies(c *census) error {
	var errs []error
	for id := range c.chains() {
		writer := c.offices[directory.OfficeCode(c.stateOf(id).Office)]
		if writer == nil {
			errs = append(errs, fmt.Errorf("chain %s has no writer", id.Short()))
			continue
		}
		own := writer.chains[id]
		for code, h := range c.offices {
			held := h.chains[id]
			if len(held) > len(own) {
				errs = append(errs, fmt.Errorf("%s holds %d events of chain %s, its writer %d", code, len(held), id.Short(), len(own)))
				continue
			}
			if i := slices.IndexFunc(held, func(e dossier.Signed) bool { return !same(e, own[e.Event.Seq]) }); i >= 0 {
				errs = append(errs, fmt.Errorf("%s holds another event %d of chain %s than its writer", code, i, id.Short()))
			}
			if want := c.reach(code, id); len(held) < want {
				errs = append(errs, fmt.Errorf("%s holds %d events of chain %s, the last parcel had %d", code, len(held), id.Short(), want))
			}
		}
	}
	return errors.Join(errs...)
}

func same(a, b dossier.Signed) bool {
	x, errX := wire.Marshal(a.Record)
	y, errY := wire.Marshal(b.Record)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// reach is how many events of a chain an office must hold, by the parcels that it was sent.
func (c *census) reach(code directory.OfficeCode, id digest.Digest) int {
	s, chain := c.stateOf(id), c.longest(id)
	if s.IsChild {
		if c.stateOf(s.Root).Office == string(code) && s.Status == dossier.StatusReported {
			return len(chain)
		}
		return 0
	}
	want := 0
	if s.Submission.Portal == string(code) {
		want = 1
	}
	for i, e := range chain {
		if b, err := dossier.BodyOf[dossier.Requested](e.Event); e.Event.Kind == dossier.KindRequested && err == nil && b.To == string(code) {
			want = i + 1
		}
	}
	return want
}

// checkSignatures: every chain verifies by the keys that the office holding it knows.
func checkSignatures(c *census) error {
	var errs []error
	for code, h := range c.offices {
		for _, chain := range h.chains {
			if err := dossier.Verify(chain, h.key); err != nil {
				errs = append(errs, fmt.Errorf("at %s: %w", code, err))
			}
		}
	}
	return errors.Join(errs...)
}

// checkDirectory: the servers' tables are equal, and so are all editions.
func checkDirectory(c *census) error {
	var errs []error
	first := c.tables[servers[0]]
	for name, t := range c.tables {
		if len(t) == 0 {
			errs = append(errs, fmt.Errorf("%s has no tables", name))
		}
		for key := range first {
			if t[key] != first[key] {
				errs = append(errs, fmt.Errorf("%s and %s differ in %s", servers[0], name, key))
			}
		}
		if len(t) != len(first) {
			errs = append(errs, fmt.Errorf("%s has %d rows, %s %d", servers[0], len(first), name, len(t)))
		}
	}
	for name, b := range c.editions {
		if !bytes.Equal(b, c.editions[servers[0]]) {
			errs = append(errs, fmt.Errorf("%s has another edition than %s", name, servers[0]))
		}
	}
	return errors.Join(errs...)
}

// checkTracks: by either code, every node and every directory server tells the same of a dossier, and that is where it is.
func checkTracks(c *census) error {
	var errs []error
	for code, answers := range c.tracks {
		for who, a := range answers {
			if a != answers[servers[0]] {
				errs = append(errs, fmt.Errorf("of %s, %s says %q and %s says %q", code, servers[0], answers[servers[0]], who, a))
			}
		}
		if len(answers) < len(servers)+len(c.offices) {
			errs = append(errs, fmt.Errorf("of %s only %d were asked", code, len(answers)))
		}
	}
	return errors.Join(errs...)
}

// checkCarried: no parcel waits, and none was refused.
func checkCarried(c *census) error {
	var errs []error
	for code, h := range c.offices {
		if h.waiting > 0 || h.troubles > 0 {
			errs = append(errs, fmt.Errorf("%s: %d parcels wait, %d were refused", code, h.waiting, h.troubles))
		}
	}
	return errors.Join(errs...)
}

// checkSent: every parcel that an act sends was sent, and its recipient still has the receipt that its sender was given.
func checkSent(c *census) error {
	var errs []error
	for code, h := range c.offices {
		for _, p := range h.sent {
			if !p.found || !p.settled || !p.taken {
				errs = append(errs, fmt.Errorf("%s: %s: found %v, settled %v, taken %v", code, p.what, p.found, p.settled, p.taken))
			}
		}
	}
	return errors.Join(errs...)
}

// checkRows: what an office's lists say of a dossier is what the longest chain says.
func checkRows(c *census) error {
	var errs []error
	for code, h := range c.offices {
		for _, r := range h.rows {
			s := c.stateOf(r.Chain)
			switch {
			case s.Length == 0:
				errs = append(errs, fmt.Errorf("%s has a row without a chain: %s", code, r.Alias))
			case r.Kind == store.RowRoot && (r.Code != s.Code || r.Root != s.Office && (s.Office == string(code) || !slices.Contains(s.Former, r.Root))):
				errs = append(errs, fmt.Errorf("%s lists %s of %s, its chain says %s of %s", code, r.Code, r.Root, s.Code, s.Office))
			case r.Root == string(code) && r.Status != string(s.Status):
				errs = append(errs, fmt.Errorf("%s lists %s as %s, its chain is %s", code, r.Code, r.Status, s.Status))
			}
		}
	}
	return errors.Join(errs...)
}
