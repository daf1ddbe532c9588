package office

import (
	"slices"
	"testing"
	"time"

	"motcua/directory"
)

// TestOpenDossiersAreCountedAtTheirRootAndToldOnce follows one dossier: a submission is none yet, a child is its root's.
func TestOpenDossiersAreCountedAtTheirRootAndToldOnce(t *testing.T) {
	p := newProvince(t)
	root, over := p.offices[xa], p.offices[huyen]
	told := func(n *node, want ...directory.OpenCount) {
		t.Helper()
		got, err := n.openCounts()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s counts %v, %v; want %v", n.Code, got, err, want)
		}
	}
	alias := p.submit(xa, p.citizen("nguyen.van.an"))
	told(root)
	p.accepted(alias)
	one := directory.OpenCount{Procedure: "1.001776", Version: p.version, Open: 1}
	told(root, one)
	told(over)
	tell := func(want int) {
		t.Helper()
		if err := root.tellOpen(t.Context()); err != nil || len(p.open) != want {
			t.Errorf("told %d times, %v; want %d", len(p.open), err, want)
		}
	}
	p.cut[xa] = true
	if err := root.tellOpen(t.Context()); err == nil {
		t.Error("told with the line cut")
	}
	p.cut[xa] = false
	tell(1)
	tell(1)
	p.now = p.now.Add(13 * time.Hour)
	tell(2)
}
