package cluster_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"

	"motcua/crypto/disk"
	"motcua/directory/cluster"
	"motcua/directory/directorytest"
)

// badDisk is a disk on which writing can fail, and syncing can take its time.
type badDisk struct {
	types.VFS
	full atomic.Bool
	slow atomic.Int64 // time.Duration
	late atomic.Int64 // time.Duration after which what is written is in the file
}

func newBadDisk() *badDisk { return &badDisk{VFS: fs.New()} }

func (d *badDisk) Create(dir, name string, size uint64) (types.WritableFile, error) {
	if d.full.Load() {
		return nil, syscall.ENOSPC
	}
	f, err := d.VFS.Create(dir, name, size)
	return &badFile{f, d}, err
}

func (d *badDisk) OpenWriter(dir, name string) (types.WritableFile, error) {
	f, err := d.VFS.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	return &badFile{f, d}, nil
}

type badFile struct {
	types.WritableFile
	d *badDisk
}

func (f *badFile) WriteAt(b []byte, at int64) (int, error) {
	if f.d.full.Load() {
		n, err := f.WritableFile.WriteAt(b[:len(b)/2], at) // as much as there was room for
		return n, errors.Join(err, syscall.ENOSPC)
	}
	time.Sleep(time.Duration(f.d.late.Load()))
	return f.WritableFile.WriteAt(b, at)
}

func (f *badFile) Sync() error {
	time.Sleep(time.Duration(f.d.slow.Load()))
	return f.WritableFile.Sync()
}

// onBadDisks is a province in which every disk may become bad.
func onBadDisks(t *testing.T) *province {
	p := newProvince(t, 3)
	p.files = map[string]*badDisk{}
	for name := range p.dirs {
		p.files[name] = newBadDisk()
	}
	p.startAll()
	p.found()
	return p
}

// writing writes through one server until it is told to stop, and then tells how many changes were acknowledged.
func (p *province) writing(name string) (stop func() int) {
	s, end, acked := p.up[name], make(chan struct{}), 0
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if _, err := s.Propose(p.t.Context(), cluster.NewRequest(), p.account()); err != nil {
				p.t.Errorf("write through %s: %v", name, err)
				return
			}
			acked++
		}
	})
	return func() int { close(end); work.Wait(); return acked }
}

// holds checks that every server has just the acknowledged changes.
func (p *province) holds(acked int) {
	p.t.Helper()
	for name := range p.up {
		if v := p.version(name, cluster.Linearizable); v != uint64(acked) {
			p.t.Errorf("%s has %d changes, %d were acknowledged", name, v, acked)
		}
	}
	p.equal()
}

func TestAServerWhoseDiskIsFullStopsAndTheOthersGoOn(t *testing.T) {
	for _, who := range []string{"leader", "follower"} {
		synctest.Test(t, func(t *testing.T) {
			p := onBadDisks(t)
			full := p.leader()
			through := p.other(full)
			if who == "follower" {
				full, through = through, full
			}
			stop := p.writing(through)
			time.Sleep(time.Second)
			p.files[full].full.Store(true)
			select {
			case <-p.up[full].Failed():
			case <-time.After(10 * time.Second):
				t.Error("it does not stop")
			}
			if err := p.up[full].Err(); !errors.Is(err, disk.ErrFull) {
				t.Errorf("it does not say that its disk is full: %v", err)
			}
			p.stop(full)
			time.Sleep(2 * time.Second)
			p.files[full].full.Store(false)
			p.start(full)
			time.Sleep(time.Second)
			p.holds(stop())
		})
	}
}

func TestALeaderWithASlowDiskGoesOnLeading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onBadDisks(t)
		l := p.leader()
		term := p.up[l].Status().Term
		p.files[l].slow.Store(int64(700 * time.Millisecond))
		stop := p.writing(p.other(l))
		time.Sleep(20 * time.Second)
		acked := stop()
		if s := p.up[l].Status(); s.Term != term || s.Leader != l || acked < 20 {
			t.Errorf("term %d → %d, leader %s → %s, %d changes in 20 s", term, s.Term, l, s.Leader, acked)
		}
		p.holds(acked)
	})
}

// TestNothingIsToldOfAChangeBeforeTheLeaderHasIt: the leader's disk and the others' write at the same time. That the others have a
// change, and the leader not yet, is not seen anywhere.
func TestNothingIsToldOfAChangeBeforeTheLeaderHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onBadDisks(t)
		l := p.leader()
		p.holds(0)
		start := time.Now()
		before := p.up[l].Status()
		p.files[l].slow.Store(int64(1500 * time.Millisecond))
		done := make(chan time.Duration)
		go func() {
			p.propose(p.other(l), p.account())
			done <- time.Since(start)
		}()
		time.Sleep(time.Second)
		for name, s := range p.up {
			if s := s.Status(); s.Committed != before.Committed || s.Applied != before.Applied || s.LastLog <= before.LastLog {
				t.Errorf("%s says that the log goes to %d, is committed to %d and applied to %d; before it was %d, %d and %d",
					name, s.LastLog, s.Committed, s.Applied, before.LastLog, before.Committed, before.Applied)
			}
		}
		if took := <-done; took < 1500*time.Millisecond {
			t.Errorf("acknowledged after %v, before the leader's disk had it", took)
		}
		p.files[l].slow.Store(0)
		p.holds(1)
	})
}

// TestALeaderDiesBeforeItsDiskHasAChange that the others have, or one of them. It is made once, whoever goes on.
func TestALeaderDiesBeforeItsDiskHasAChange(t *testing.T) {
	for _, both := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := onBadDisks(t)
			l := p.leader()
			one := p.other(l)
			two := p.third(l, one)
			p.propose(one, p.account())
			if !both {
				p.net.Cut(p.addrs[two])
			}
			p.files[l].late.Store(int64(5 * time.Second))
			done := make(chan bool)
			go func() {
				p.propose(one, p.account())
				close(done)
			}()
			time.Sleep(300 * time.Millisecond)
			if p.up[one].Status().LastLog <= p.up[one].Status().Committed {
				t.Error("the change has not come to where it was to come")
			}
			p.lose(l)
			if !both { // who has it is away, and the others go on without it
				p.net.Cut(p.addrs[one])
				p.net.Heal(p.addrs[two])
				p.start(l)
				p.propose(two, field(1))
				p.net.Heal(p.addrs[one])
			}
			<-done
			if both {
				p.start(l)
			}
			p.holds(2)
		})
	}
}

// third is the server that is neither.
func (p *province) third(one, two string) string {
	for name := range p.up {
		if name != one && name != two {
			return name
		}
	}
	p.t.Fatal("no third server")
	return ""
}

// lose kills a server: what its folder holds at this moment is what it starts from again.
func (p *province) lose(name string) {
	p.net.Cut(p.addrs[name])
	left := p.t.TempDir()
	directorytest.CopyFolder(p.t, left, p.dirs[name])
	s := p.up[name]
	delete(p.up, name)
	s.Close()
	s.link.Close()
	p.dirs[name], p.files[name] = left, newBadDisk()
	p.net.Heal(p.addrs[name])
}

func TestALeaderWhoseDiskHangsIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := onBadDisks(t)
		l := p.leader()
		stop := p.writing(p.other(l))
		time.Sleep(time.Second)
		p.files[l].slow.Store(int64(20 * time.Second))
		time.Sleep(6 * time.Second)
		start := time.Now()
		p.propose(p.other(l), field(1))
		if took := time.Since(start); took > time.Second {
			t.Errorf("six seconds after the disk began to hang, a change takes %v", took)
		}
		if now := p.leader(); now == l && p.up[p.other(l)].Status().Leader == l {
			t.Error("it still leads")
		}
		p.files[l].slow.Store(0)
		time.Sleep(25 * time.Second)
		p.holds(stop())
	})
}

// TestAStepOfTheClock: a day forward or back, on any server, loses nothing and moves the time by no more than its own way.
func TestAStepOfTheClock(t *testing.T) {
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		for _, who := range []string{"leader", "follower", "all"} {
			t.Run(fmt.Sprint(who, " ", step), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { stepClock(t, who, step) })
			})
		}
	}
}

func stepClock(t *testing.T, who string, step time.Duration) {
	p := newProvince(t, 3)
	p.startAll()
	p.found()
	l := p.leader()
	through := p.other(l)
	stop := p.writing(through)
	time.Sleep(time.Second)
	for name := range p.up {
		if who == "all" || (name == l) == (who == "leader") && (who == "leader" || name == through) {
			p.ahead.Store(name, step)
		}
	}
	time.Sleep(4 * time.Second)
	off := p.late(through)
	switch {
	case who == "all" && step > 0 && off > time.Minute-step:
		t.Errorf("all clocks went a day forward, and the time is off by %v from the old", off)
	case who != "all" && off.Abs() > time.Minute:
		t.Errorf("one clock has moved the time by %v", off)
	}
	p.holds(stop())
}
