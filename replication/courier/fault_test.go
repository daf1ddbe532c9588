package courier_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/crypto/identity"
	"motcua/crypto/record"
	"motcua/replication"
	"motcua/replication/replicationtest"
	"motcua/replication/spool"
)

// schedules is how many random ones a run tries; MOTCUA_SCHEDULES sets another number.
const schedules = 40

// TestParcelsSurviveRandomFaults: whatever befalls two offices and the line between them, every parcel that was committed takes effect
// once, as it was sent, and its receipt arrives; nothing is left behind. Loss up to 30 %, duplicates, reordering, cuts of seconds to weeks,
// clocks that step by years, either machine killed at any time and at every durable step, both restored from a backup.
func TestParcelsSurviveRandomFaults(t *testing.T) {
	n := schedules
	if s, err := strconv.Atoi(os.Getenv("MOTCUA_SCHEDULES")); err == nil {
		n = s
	}
	ids := []*identity.Private{newIdentity(t), newIdentity(t)}
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			w := newFaults(t, uint64(seed), ids)
			for range 14 {
				w.step()
			}
			w.settle()
		})
		if t.Failed() {
			t.Fatalf("schedule %d", seed)
		}
	}
}

func newIdentity(t *testing.T) *identity.Private {
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// faults is a world under one schedule.
type faults struct {
	*province
	rand   *rand.Rand
	ends   []*victim
	sent   []sending
	backup *backup
	cut    bool
	log    []string
}

// sending is a parcel that was committed.
type sending struct {
	from, to *victim
	p        replication.Parcel
	body     string
}

// victim is an office whose machine dies now and then.
type victim struct {
	*office
	w    *faults
	skew time.Duration // of its clock
	mu   sync.Mutex
	trap trap
	died chan struct{}
}

// trap is the durable step at which a machine dies next.
type trap uint8

const (
	noTrap trap = iota
	beforeTake
	afterTake
	beforeSettle
	afterSettle
)

// spring tells whether the machine dies at this step, and then takes it off the line.
func (v *victim) spring(at trap) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.trap != at {
		return false
	}
	v.trap = noTrap
	v.p.net.Cut(v.addr)
	select {
	case v.died <- struct{}{}:
	default:
	}
	return true
}

var errDied = errors.New("the machine died")

// diesInTake and diesInSettle are the disks of a victim, which outlive it.
type diesInTake struct{ v *victim }

func (d diesInTake) Taken(ctx context.Context, id digest.Digest) (record.Record, bool, error) {
	return d.v.inbox.Taken(ctx, id)
}

func (d diesInTake) Take(ctx context.Context, p replication.Parcel, c replication.Content) (record.Record, error) {
	if d.v.spring(beforeTake) {
		return record.Record{}, errDied
	}
	r, err := d.v.inbox.Take(ctx, p, c)
	if d.v.spring(afterTake) {
		return record.Record{}, errDied
	}
	return r, err
}

func (d diesInTake) Refuse(ctx context.Context, p replication.Parcel, why replication.Refusal, note string) (record.Record, error) {
	return d.v.inbox.Refuse(ctx, p, why, note)
}

type diesInSettle struct {
	*replicationtest.Outbox
	v *victim
}

func (d diesInSettle) Settle(ctx context.Context, p replication.Parcel, r record.Record, v replication.Receipt) error {
	if d.v.spring(beforeSettle) {
		return errDied
	}
	err := d.Outbox.Settle(ctx, p, r, v)
	if d.v.spring(afterSettle) {
		return errDied
	}
	return err
}

func newFaults(t *testing.T, seed uint64, ids []*identity.Private) *faults {
	w := &faults{province: newProvince(t), rand: rand.New(rand.NewPCG(seed, 4))}
	for i, id := range ids {
		w.next++
		o := &office{
			p: w.province, name: replication.Name(fmt.Sprint("H32.", i)), id: id, dir: t.TempDir(), addr: fmt.Sprintf("10.0.0.%d:7400", w.next),
			outbox: replicationtest.NewOutbox(), inbox: replicationtest.NewInbox(id.Sign),
		}
		o.inbox.Accept = o.read
		v := &victim{office: o, w: w, died: make(chan struct{}, 1)}
		o.wrap = func() (replication.Outbox, replication.Inbox) { return diesInSettle{o.outbox, v}, diesInTake{v} }
		w.book.Add(o.name, o.addr, id.Public())
		w.ends = append(w.ends, v)
		o.start()
		t.Cleanup(func() { o.stop() })
	}
	return w
}

// step does one thing to the world, and lets time pass.
func (w *faults) step() {
	v := w.ends[w.rand.IntN(2)]
	what := w.rand.IntN(10)
	w.log = append(w.log, fmt.Sprint(v.name, " ", what))
	switch what {
	case 0, 1, 2:
		w.send(v)
	case 3:
		w.weather()
	case 4:
		w.darkness()
	case 5:
		v.reboot()
	case 6, 7:
		v.mu.Lock()
		v.trap = trap(1 + w.rand.IntN(4))
		v.mu.Unlock()
		w.send(v)
	case 8:
		v.skew = time.Duration(w.rand.IntN(20)-10) * 365 * 24 * time.Hour / 4
	case 9:
		w.save()
	}
	w.pass(time.Duration(1+w.rand.IntN(60)) * time.Second)
	if w.backup != nil && w.rand.IntN(5) == 0 {
		w.restore()
	}
}

// pass lets time pass, and starts machines that have died.
func (w *faults) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		for _, v := range w.ends {
			select {
			case <-v.died:
				v.reboot()
			default:
			}
		}
	}
}

// send packs a parcel and commits it, or dies in between.
func (w *faults) send(v *victim) {
	to := w.ends[0]
	if to == v {
		to = w.ends[1]
	}
	body := fmt.Sprint("parcel ", len(w.sent), " of ", v.name)
	var file []replication.File
	if w.rand.IntN(3) == 0 {
		file = append(file, replicationtest.File(noise(w.rand.IntN(900<<10))))
	}
	d := spool.Draft{From: v.name, To: to.name, Created: time.Now().Add(v.skew), Expires: time.Now().Add(v.skew + time.Hour)}
	p, err := v.spool.Pack(d, v.id.Sign, to.id.Seal.Public(), []byte(body), file)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.rand.IntN(8) == 0 {
		v.reboot() // before it was committed: it never was
		return
	}
	v.outbox.Put(p)
	w.sent = append(w.sent, sending{v, to, p, body})
	v.courier.Wake(to.name)
}

func (w *faults) weather() {
	w.net.SetWeather(replicationtest.Weather{
		Loss: w.rand.Float64() * 0.3, Duplicate: w.rand.Float64() * 0.3, Latency: time.Duration(w.rand.IntN(300)) * time.Millisecond,
		Jitter: time.Duration(w.rand.IntN(100)) * time.Millisecond,
	})
}

// darkness cuts the line for seconds to weeks.
func (w *faults) darkness() {
	w.net.Cut(w.ends[0].addr)
	w.cut = true
	w.pass(time.Duration(1+w.rand.IntN(50)) * time.Second)
	time.Sleep([]time.Duration{0, time.Minute, time.Hour, 36 * time.Hour, 21 * 24 * time.Hour}[w.rand.IntN(5)])
	w.cut = false
	w.net.Heal(w.ends[0].addr)
}

// reboot kills the machine and starts it, which sweeps what was never committed.
func (v *victim) reboot() {
	v.kill()
	if v.w.cut && v == v.w.ends[0] {
		v.p.net.Cut(v.addr)
	}
	v.begin()
}

func (v *victim) begin() {
	v.start()
	_, err := v.spool.Sweep(func(id digest.Digest) bool { _, err := v.outbox.Parcel(context.Background(), id); return err == nil })
	if err != nil {
		v.p.t.Fatal(err)
	}
}

// backup is what both machines had on their disks at one time.
type backup struct {
	sent  int
	disks []disk
}

type disk struct {
	outbox *replicationtest.Outbox
	inbox  *replicationtest.Inbox
	dir    string
}

// save stops both machines and copies their disks.
func (w *faults) save() {
	for _, v := range w.ends {
		v.kill()
	}
	w.backup = &backup{sent: len(w.sent)}
	for _, v := range w.ends {
		d := disk{v.outbox.Clone(), v.inbox.Clone(), w.t.TempDir()}
		if err := os.CopyFS(d.dir+"/copy", os.DirFS(v.dir)); err != nil {
			w.t.Fatal(err)
		}
		w.backup.disks = append(w.backup.disks, d)
	}
	for _, v := range w.ends {
		v.begin()
	}
}

// restore puts both machines back to the backup: what was sent since is not known to either.
func (w *faults) restore() {
	for i, v := range w.ends {
		v.kill()
		d := w.backup.disks[i]
		v.outbox, v.inbox, v.dir = d.outbox, d.inbox, d.dir+"/copy"
		v.inbox.Accept = v.read
	}
	w.sent, w.backup = w.sent[:w.backup.sent], nil
	for _, v := range w.ends {
		v.begin()
	}
}

// settle makes all well and checks the laws.
func (w *faults) settle() {
	w.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
	for _, v := range w.ends {
		v.mu.Lock()
		v.trap = noTrap
		v.mu.Unlock()
	}
	w.pass(5 * time.Second)
	for _, s := range w.sent {
		s.from.delivered(s.p, s.to.office, s.body, 30*time.Minute)
	}
	for _, v := range w.ends {
		if n := v.outbox.Unsettled(); n > 0 {
			w.t.Errorf("%d parcels are left in an outbox: %v", n, w.log)
		}
		v.kill()
		if left, err := v.spool.Sweep(func(digest.Digest) bool { return false }); err != nil || left > 0 {
			w.t.Errorf("%d parcels are left in the spool of %s, %v: %v", left, v.name, err, w.log)
		}
	}
}
