package cluster_test

import (
	"testing"
	"testing/synctest"
	"time"

	"motcua/directory/cluster"
	"motcua/directory/state"
)

// late is how far the time in the log is from the true one.
func (p *province) late(name string) (d time.Duration) {
	p.t.Helper()
	p.read(name, cluster.Linearizable, func(r state.Reader, _ uint64) error {
		at, err := state.Time(r)
		d = time.Since(time.UnixMilli(at))
		return err
	})
	return d
}

func TestALeaderWithAWrongClockDoesNotLead(t *testing.T) {
	for _, wrong := range []time.Duration{365 * 24 * time.Hour, -365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvince(t, 3)
			p.startAll()
			p.found()
			bad := p.leader()
			p.ahead.Store(bad, wrong)
			for range 3 {
				p.propose(p.other(bad), p.account())
			}
			if off := p.late(p.other(bad)).Abs(); off > time.Minute {
				t.Errorf("a clock that is off by %v has moved the time by %v", wrong, off)
			}
			time.Sleep(time.Second) // until it has heard of the new term
			if now := p.leader(); now == bad {
				t.Error("it still leads")
			}
			if v := p.version(bad, cluster.Linearizable); v != 3 {
				t.Errorf("three changes, version %d", v)
			}
		})
	}
}

func TestTimeMovesOnAfterALongSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 3)
		p.startAll()
		p.found()
		leader := p.leader()
		const holiday = 9 * 24 * time.Hour
		for name := range p.up {
			p.ahead.Store(name, holiday)
		}
		p.propose(leader, p.account())
		if off := p.late(leader); off > time.Minute-holiday {
			t.Errorf("after nine days the time is %v behind", off+holiday)
		}
		if now := p.leader(); now != leader {
			t.Error("the leader has changed for nothing")
		}
	})
}

func TestOneServerAloneGoesByItsOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t, 1)
		p.startAll()
		p.found()
		p.ahead.Store("dir-1", 30*24*time.Hour)
		p.propose("dir-1", p.account())
		if off := p.late("dir-1"); off > -29*24*time.Hour {
			t.Errorf("the time is %v off", off)
		}
	})
}
