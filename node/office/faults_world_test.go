package office

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/node/store"
	"motcua/replication/replicationtest"
)

// What happens to the two offices of faults_test.go, what their people do, and what must hold at the end.

// step does one thing to the world, and lets time pass.
func (w *ordeal) step() {
	c := []directory.OfficeCode{xa, huyen}[w.rand.IntN(2)]
	v := w.ends[c]
	what := w.rand.IntN(12)
	w.log = append(w.log, fmt.Sprint(c, " ", what))
	testLog(c).Info("step", "what", what)
	switch what {
	case 0, 1, 2:
		w.during(w.begins)
	case 3:
		w.net.SetWeather(replicationtest.Weather{
			Loss: w.rand.Float64() * 0.3, Duplicate: w.rand.Float64() * 0.3, Latency: time.Duration(w.rand.IntN(300)) * time.Millisecond,
			Jitter: time.Duration(w.rand.IntN(100)) * time.Millisecond,
		})
	case 4:
		w.net.Cut(v.addr)
		w.works()
		w.pass([]time.Duration{time.Second, time.Minute, time.Hour, 36 * time.Hour, 15 * 24 * time.Hour}[min(w.rand.IntN(10)/2, w.rand.IntN(5))])
		w.net.Heal(v.addr)
	case 5:
		v.dies(nil)
	case 6, 7, 8:
		v.mu.Lock()
		v.trap = traps[w.rand.IntN(len(traps))]
		v.mu.Unlock()
		w.during(w.begins)
	case 9:
		v.skew.Store(int64(time.Duration(w.rand.IntN(48)-24) * time.Hour))
		v.dies(nil) // a clock that is set while it runs is no kinder
	case 10:
		w.save()
	case 11:
		w.restore(c)
	}
	w.works()
	w.pass(time.Duration(1+w.rand.IntN(60)) * time.Second)
}

// tell notes what somebody was told is done.
func (w *ordeal) tell(o *Office, chain digest.Digest) {
	w.t.Helper()
	var h store.Head
	if o.Store.View(func(t *store.Tx) (err error) { h, err = t.Head(chain); return err }) == nil {
		w.told = append(w.told, telling{o.Code, chain, h})
	}
}

// try has somebody act at an office. An act may fail where the machine died, and nowhere else.
func (w *ordeal) try(c directory.OfficeCode, act func(o *Office) (digest.Digest, error)) {
	v := w.ends[c]
	o, before := v.running()
	if o == nil {
		return
	}
	chain, err := act(o)
	if _, forbidden := errors.AsType[*dossier.Rule](err); forbidden || directory.CodeOf(err) == directory.Conflict {
		return // what was lost came back since the list was shown: whoever acted looks again
	}
	_, after := v.running()
	if err != nil && after == before {
		w.t.Errorf("at %s: %v: %v", c, err, w.log)
	}
	if err == nil && after == before && chain != (digest.Digest{}) {
		w.tell(o, chain)
	}
}

// applicant is who hands in.
var applicant = Citizen{directory.Account{
	ID: "anh", Kind: directory.Citizen, Login: "anh", Name: "Nguyễn Thị Ánh", Identity: "056199000001", Phone: "0901234567",
}, xa}

// secret is in every paper and every result.
var secret = []byte("sổ hộ khẩu số 560123")

// begins has a citizen hand in at the commune, for works to go on with.
func (w *ordeal) begins() {
	w.done++
	body := append(append([]byte(nil), pdf...), secret...)
	if w.rand.IntN(3) == 0 {
		body = append(body, make([]byte, w.rand.IntN(700<<10))...)
	}
	w.try(xa, func(o *Office) (digest.Digest, error) {
		return digest.Digest{}, handIn(context.Background(), o, applicant, body)
	})
}

// handIn hands in at the commune.
func handIn(ctx context.Context, o *Office, c Citizen, paper []byte) error {
	id, err := o.StartDraft(ctx, c, "1.001776", xa)
	if err == nil {
		_, err = o.SaveAnswers(ctx, c, id, url.Values{"reason": {"Người cao tuổi"}})
	}
	if err == nil {
		err = o.Attach(ctx, c, id, "form", Upload{"giấy.pdf", bytes.NewReader(paper)})
	}
	if err == nil {
		_, err = o.Submit(ctx, c, id, "vi")
	}
	return err
}

// works has both offices do what their lists ask for.
func (w *ordeal) works() {
	w.during(func() {
		for _, c := range []directory.OfficeCode{xa, huyen} {
			for _, b := range Buckets() {
				w.workOn(c, b)
			}
		}
	})
}

func (w *ordeal) workOn(c directory.OfficeCode, b Bucket) {
	officer := w.officer(c)
	var lines []Line
	w.try(c, func(o *Office) (digest.Digest, error) {
		p, err := o.List(context.Background(), officer, Filter{Bucket: b})
		lines = p.Lines
		return digest.Digest{}, err
	})
	for _, l := range lines {
		w.done++
		w.try(c, func(o *Office) (digest.Digest, error) {
			return l.Chain, actOn(context.Background(), o, officer, b, l, fmt.Sprint("t", w.done))
		})
	}
}

// actOn does the next thing with a dossier.
func actOn(ctx context.Context, o *Office, officer directory.Account, b Bucket, l Line, token string) error {
	switch b {
	case BucketNew:
		_, err := o.Accept(ctx, officer, l.Code, token)
		return err
	case BucketArrived:
		return o.Receive(ctx, officer, l.Chain, token)
	case BucketReturn:
		return o.Return(ctx, officer, l.Chain, "desk", token)
	case BucketWork:
		_, s, err := o.chainHere(l.Chain)
		switch {
		case err != nil:
			return err
		case s.IsChild && s.Outcome == 0:
			return o.Decide(ctx, officer, l.Chain, dossier.Approved, "", &Upload{"kết quả.pdf", bytes.NewReader(append(bytes.Clone(pdf), secret...))}, token)
		case s.IsChild:
			return o.Report(ctx, officer, l.Chain, "", token)
		case len(s.Steps) == 0:
			return o.FinishStep(ctx, officer, l.Chain, "", token)
		}
		return o.Forward(ctx, officer, l.Chain, "", token)
	}
	return nil
}

// save copies both disks.
func (w *ordeal) save() {
	y := &yesterday{dirs: map[directory.OfficeCode]string{}}
	for _, v := range w.ends {
		w.net.Cut(v.addr)
	}
	for c, v := range w.ends {
		v.off()
		y.dirs[c] = filepath.Join(w.t.TempDir(), "backup")
		must(w.t, replicationtest.Freeze(v.dir, y.dirs[c]))
		w.sealed(v)
	}
	for c, v := range w.ends {
		w.net.Heal(v.addr)
		v.begin(c)
	}
	y.told = append(y.told, w.told...)
	w.backup = y
}

// sealed checks that no paper is readable in the spool.
func (w *ordeal) sealed(v *sufferer) {
	must(w.t, filepath.WalkDir(filepath.Join(v.dir, "spool"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, secret) {
			w.t.Errorf("a paper is readable in %s", path)
		}
		return err
	}))
}

// restore puts disks back to the backup, if there is one: both, or one, which may have nobody in reach for a while.
func (w *ordeal) restore(c directory.OfficeCode) {
	if w.backup == nil {
		return
	}
	y := w.backup
	w.backup = nil
	if w.rand.IntN(3) == 0 {
		w.told = y.told
		for c, v := range w.ends {
			w.net.Cut(v.addr)
			v.off()
			v.dir = y.dirs[c]
		}
		for c, v := range w.ends {
			w.net.Heal(v.addr)
			v.begin(c)
		}
		return
	}
	v := w.ends[c]
	v.off()
	v.dir = y.dirs[c]
	w.pass(10 * time.Second) // what was under way arrives, or does not
	w.told = w.outlasting(c, y.told)
	alone := w.rand.IntN(3) == 0
	if alone {
		w.apart = true
		w.net.Cut(v.addr)
	}
	v.begin(c)
	if alone {
		w.works()
		w.pass(time.Hour)
		w.net.Heal(v.addr)
	}
}

// outlasting is what one that is put back has to know again: what it knew at the time of the backup, and what the other keeps of it.
func (w *ordeal) outlasting(c directory.OfficeCode, old []telling) (out []telling) {
	for _, t := range old {
		if t.office == c {
			out = append(out, t)
		}
	}
	for _, t := range w.told {
		kept := t.office != c
		for other, v := range w.ends {
			if other != c {
				length, _ := v.lengthAt(t.chain)
				kept = kept || length >= t.head.Length
			}
		}
		if kept {
			out = append(out, t)
		}
	}
	return out
}

// settle makes all well, lets people finish, and checks the laws.
func (w *ordeal) settle() {
	w.net.SetWeather(replicationtest.Weather{Latency: 20 * time.Millisecond})
	for c, v := range w.ends {
		v.dies(nil)
		v.off()
		v.skew.Store(0)
		v.begin(c)
	}
	for range 60 {
		w.works()
		w.pass(30 * time.Minute) // clocks that were ahead are caught up with, too
		if w.idle() {
			break
		}
	}
	if !w.idle() && !w.apart {
		w.t.Errorf("the dossiers do not come to their end: %v", w.log)
	}
	w.checkTold()
	w.checkChains()
	for _, v := range w.ends {
		w.sealed(v)
	}
}

// idle tells whether nothing is left to do or to carry.
func (w *ordeal) idle() bool {
	for c, v := range w.ends {
		for _, b := range Buckets() {
			p, err := v.List(context.Background(), w.officer(c), Filter{Bucket: b})
			if must(w.t, err); len(p.Lines) > 0 {
				return false
			}
		}
		n, err := v.Store.Waiting()
		if must(w.t, err); n > 0 {
			return false
		}
	}
	return true
}

// checkTold: what somebody was told is done is in the store. Where an office forked its chain because nobody was in reach, both versions
// are there.
func (w *ordeal) checkTold() {
	for _, told := range w.told {
		v := w.ends[told.office]
		must(w.t, v.Store.View(func(t *store.Tx) error {
			rs, err := t.ChainFrom(told.chain, told.head.Length-1)
			forks, ferr := t.Forks(told.chain, 9)
			if len(forks) > 0 && w.apart {
				return nil
			}
			if err != nil || len(rs) == 0 || rs[0].ID() != told.head.ID {
				w.t.Errorf("%s has lost event %d of chain %s: %v: %v", told.office, told.head.Length-1, told.chain.Short(), err, w.log)
			}
			return ferr
		}))
	}
}

// checkChains: every chain has one version, or its contradictions are kept where they were seen; every request was answered once, every
// code given once.
func (w *ordeal) checkChains() {
	codes := map[string]digest.Digest{}
	a, b := w.ends[xa], w.ends[huyen]
	for _, row := range append(a.rows(), b.rows()...) {
		if row.Code != "" && codes[row.Code] != row.Chain && codes[row.Code] != (digest.Digest{}) {
			w.t.Errorf("code %s was given twice: %v", row.Code, w.log)
		}
		if row.Code != "" {
			codes[row.Code] = row.Chain
		}
		w.checkVersions(row.Chain)
	}
}

func (w *ordeal) checkVersions(chain digest.Digest) {
	x, s, errX := w.ends[xa].chainHere(chain)
	y, _, errY := w.ends[huyen].chainHere(chain)
	_, f := w.ends[xa].lengthAt(chain)
	_, g := w.ends[huyen].lengthAt(chain)
	for i := range min(len(x), len(y)) {
		if x[i].ID() != y[i].ID() && f+g == 0 {
			w.t.Errorf("event %d of chain %s has two versions that nobody sees: %v", i, chain.Short(), w.log)
		}
	}
	if f+g > 0 {
		if !w.apart {
			w.t.Errorf("chain %s is forked: %v", chain.Short(), w.log)
		}
		return
	}
	noted := map[digest.Digest]int{}
	for _, e := range x {
		if n, err := dossier.BodyOf[dossier.Noted](e.Event); e.Event.Kind == dossier.KindNoted && err == nil {
			noted[n.Child]++
		}
	}
	for _, c := range s.Children {
		if noted[c.ID] > 1 || noted[c.ID] == 0 && !w.apart {
			w.t.Errorf("child %s was noted %d times: %v", c.ID.Short(), noted[c.ID], w.log)
		}
	}
	for _, err := range []error{errX, errY} {
		if err != nil && !errors.Is(err, store.ErrNotFound) && directory.CodeOf(err) != directory.NotFound {
			w.t.Error(err)
		}
	}
}

// rows are all lines of an office.
func (n *node) rows() (out []store.Row) {
	must(n.p.t, n.Store.View(func(t *store.Tx) (err error) { out, _, err = t.Newest("", 1000); return err }))
	return out
}
