package province_test

import (
	"maps"
	"slices"
	"testing"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
)

// fault is a way in which a law can be broken, done to a census. Undo puts it back.
type fault struct {
	law  string // the check that must see it
	what string
	do   func(c *census) (undo func())
}

// change sets a variable until undone.
func change[T any](v *T, to T) (undo func()) {
	old := *v
	*v = to
	return func() { *v = old }
}

// changeChain replaces an office's copy of a chain until undone; nil takes it away.
func changeChain(h *holdings, id digest.Digest, to []dossier.Signed) (undo func()) {
	undo = change(&h.chains, maps.Clone(h.chains))
	h.chains[id] = to
	if to == nil {
		delete(h.chains, id)
	}
	return undo
}

// at finds an office's chain that is or is not a child.
func (c *census) at(code directory.OfficeCode, child bool) (*holdings, digest.Digest, []dossier.Signed) {
	h := c.offices[code]
	for id, chain := range h.chains {
		if c.stateOf(id).IsChild == child && len(chain) > 1 {
			return h, id, chain
		}
	}
	panic("no such chain at " + code)
}

// shorter is a chain without its last event.
func shorter(c *census, code directory.OfficeCode, child bool) func() {
	h, id, chain := c.at(code, child)
	return changeChain(h, id, chain[:len(chain)-1])
}

// spoilt is a chain in which one event was changed.
func spoilt(c *census, code directory.OfficeCode, child bool, spoil func(e *dossier.Signed)) func() {
	h, id, chain := c.at(code, child)
	chain = slices.Clone(chain)
	spoil(&chain[1])
	return changeChain(h, id, chain)
}

// faults are those of a province where one dossier went from dienAn through dienKhanh and back, handed in at locTho.
var faults = []fault{
	{"one writer per chain", "a fork was seen", func(c *census) func() { return change(&c.offices[dienKhanh].forks, 1) }},
	{"one writer per chain", "an event of another office", func(c *census) func() {
		return spoilt(c, dienAn, false, func(e *dossier.Signed) { e.Event.Office = string(suoiHiep) })
	}},
	{"one writer per chain", "a child chain that nobody asked for", func(c *census) func() {
		h, id, _ := c.at(dienKhanh, true)
		return changeChain(h, digest.Of([]byte("another")), h.chains[id])
	}},
	{"nothing acknowledged is lost", "the last event of a child chain is gone", func(c *census) func() { return shorter(c, dienKhanh, true) }},
	{"nothing acknowledged is lost", "the last event of a root chain is gone", func(c *census) func() { return shorter(c, dienAn, false) }},
	{"nothing acknowledged is lost", "a submission is not at its portal", func(c *census) func() { return change(&c.offices[locTho].rows, nil) }},
	{"nothing acknowledged is lost", "another code than was given", func(c *census) func() {
		return change(&c.said.accepted, map[string]string{c.said.handed[0].alias: "H32.22693-261124-0099"})
	}},
	{"exactly once", "two dossiers of one submission", func(c *census) func() {
		h, id, chain := c.at(dienAn, false)
		return changeChain(h, digest.Of(id[:]), chain)
	}},
	{"exactly once", "a report noted twice", func(c *census) func() {
		h, id, chain := c.at(dienAn, false)
		i := slices.IndexFunc(chain, func(e dossier.Signed) bool { return e.Event.Kind == dossier.KindNoted })
		return changeChain(h, id, slices.Insert(slices.Clone(chain), i, chain[i]))
	}},
	{"exactly once", "a submission accepted and no dossier", func(c *census) func() {
		return change(&c.said.handed, append(slices.Clone(c.said.handed), handed{alias: "none"}))
	}},
	{"copies are equal", "another signature under an event", func(c *census) func() {
		return spoilt(c, dienKhanh, false, func(e *dossier.Signed) {
			e.Record.Signature = slices.Clone(e.Record.Signature)
			e.Record.Signature[0]++
		})
	}},
	{"copies are equal", "a copy behind the last parcel", func(c *census) func() { return shorter(c, dienKhanh, false) }},
	{"copies are equal", "a report that was not kept", func(c *census) func() {
		h, id, _ := c.at(dienAn, true)
		return changeChain(h, id, nil)
	}},
	{"all signatures verify", "a forged signature", func(c *census) func() {
		return spoilt(c, dienAn, true, func(e *dossier.Signed) {
			e.Record.Signature = slices.Clone(e.Record.Signature)
			e.Record.Signature[len(e.Record.Signature)-1]++
		})
	}},
	{"the directory is one", "a row differs", func(c *census) func() {
		t := maps.Clone(c.tables["dir-3"])
		for key := range t {
			t[key] = digest.Of([]byte(key))
			break
		}
		undo := change(&c.tables, maps.Clone(c.tables))
		c.tables["dir-3"] = t
		return undo
	}},
	{"the directory is one", "an edition differs", func(c *census) func() {
		undo := change(&c.editions, maps.Clone(c.editions))
		c.editions[string(vinhLuong)] = []byte("another")
		return undo
	}},
	{"everybody gives one answer", "one says something else", func(c *census) func() {
		alias := c.said.handed[0].alias
		undo := change(&c.tracks, maps.Clone(c.tracks))
		c.tracks[alias] = maps.Clone(c.tracks[alias])
		c.tracks[alias][string(centre)] = "elsewhere"
		return undo
	}},
	{"nothing is left to carry", "a parcel waits", func(c *census) func() { return change(&c.offices[dienAn].waiting, 1) }},
	{"nothing is left to carry", "a parcel was refused", func(c *census) func() { return change(&c.offices[dienAn].troubles, 1) }},
	{"what was sent has been taken", "a receipt was lost", func(c *census) func() { return change(&c.offices[dienAn].sent[0].taken, false) }},
	{"what was sent has been taken", "a report is not known to be taken", func(c *census) func() {
		return change(&c.offices[dienKhanh].sent[0].settled, false)
	}},
	{"lists tell what the chains do", "a list is behind", func(c *census) func() {
		return change(&c.offices[dienAn].rows[0].Status, string(dossier.StatusProcessing))
	}},
	{"lists tell what the chains do", "a row without a chain", func(c *census) func() {
		return change(&c.offices[centre].rows, []store.Row{{Alias: "none"}})
	}},
}

// see has every check see its faults, and nothing where there is none.
func (c *census) see(t *testing.T, faults []fault) {
	t.Helper()
	blind := maps.Clone(checks)
	for _, f := range faults {
		undo := f.do(c)
		if err := checks[f.law](c); err == nil {
			t.Errorf("%s: not seen by %q", f.what, f.law)
		}
		undo()
		if err := checks[f.law](c); err != nil {
			t.Errorf("%s: after it was put right again: %v", f.what, err)
		}
		delete(blind, f.law)
	}
	for law := range blind {
		t.Errorf("no fault tries %q", law)
	}
}
