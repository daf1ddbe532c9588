package identity

import "testing"

// TestARingOpensWithAllAndActsWithOne: keys to come and former ones are kept once each, and forgotten when told.
func TestARingOpensWithAllAndActsWithOne(t *testing.T) {
	one, two, three := generate(t), generate(t), generate(t)
	r := NewRing(one)
	want := func(what string, now *Private, all ...*Private) {
		t.Helper()
		got := r.All()
		if r.Now() != now || len(got) != len(all) {
			t.Fatalf("%s: %d identities, want %d", what, len(got), len(all))
		}
		for i := range all {
			if got[i] != all[i] {
				t.Errorf("%s: another identity stands at %d", what, i)
			}
		}
	}
	want("new", one, one)
	r.Add(two)
	want("with one to come", one, one, two)
	r.Replace(two)
	want("when that one acts", two, two, one)
	r.Replace(two)
	want("replaced by itself", two, two, one)
	r.Replace(three)
	want("after another", three, three, two, one)
	r.Forget(one.Public().ID())
	want("with one forgotten", three, three, two)
	r.Forget(three.Public().ID())
	want("the one that acts is not forgotten", three, three, two)
}
