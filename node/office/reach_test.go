package office

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/dossier"
	"motcua/replication"
)

// mute is a line that, when cut, says nothing until whoever asks has waited long enough.
type mute struct {
	Calls
	n     *node
	asked atomic.Int32 // questions that went out
}

func (m *mute) wait(ctx context.Context) {
	m.asked.Add(1)
	if m.n.p.cut[m.n.Code] {
		<-ctx.Done()
	}
}

func (m *mute) SignIn(ctx context.Context, login string, derive func(context.Context, string) (string, error)) (directory.Account, error) {
	m.wait(ctx)
	return m.Calls.SignIn(ctx, login, derive)
}

func (m *mute) Prove(ctx context.Context, code, lastFour string) (bool, error) {
	m.wait(ctx)
	return m.Calls.Prove(ctx, code, lastFour)
}

func (m *mute) Lookup(ctx context.Context, code string) (directory.Track, error) {
	m.wait(ctx)
	return m.Calls.Lookup(ctx, code)
}

func (m *mute) Mine(ctx context.Context, id directory.AccountID) ([]directory.Track, error) {
	m.wait(ctx)
	return m.Calls.Mine(ctx, id)
}

// mutePeers is the same line to other offices.
type mutePeers struct {
	*mute
	Peers
}

func (m mutePeers) Ask(ctx context.Context, to replication.Name, q Question) (Answer, io.ReadCloser, error) {
	m.wait(ctx)
	return m.Peers.Ask(ctx, to, q)
}

// atOnce and waiting tell how long a page took.
const (
	atOnce  = 0
	waiting = askTime
)

// TestOnePageWaits: with the line cut, one page waits, and no longer than for one answer; those after it do not, until the silence
// is over or a word has come.
func TestOnePageWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvince(t)
		ctx, n := t.Context(), p.offices[bien]
		c := p.citizen("anh")
		code := p.accepted(p.handed(c))
		m := &mute{Calls: n.Calls, n: n}
		n.Calls, n.Peers = m, mutePeers{m, n.Peers}
		pages := map[string]func() error{
			"dossiers": func() error { _, _, err := n.MyDossiers(ctx, c); return err },
			"dossier":  func() error { _, err := n.MyDossier(ctx, c, code); return err },
			"track":    func() error { _, err := n.Track(ctx, code, "4567"); return err },
			"unknown":  func() error { _, err := n.Track(ctx, "H32.22327-261125-0099", "4567"); return err },
			"sign in":  func() error { _, err := n.Authenticate(ctx, "anh", "mật khẩu 1", false); return err },
		}
		takes := func(page string, want time.Duration) {
			t.Helper()
			begun, asked := time.Now(), m.asked.Load()
			err := pages[page]()
			if got := time.Since(begun); got != want || page == "unknown" && directory.CodeOf(err) == "" || page != "unknown" && err != nil {
				t.Errorf("%s took %v, want %v: %v", page, got, want, err)
			}
			if want == atOnce && p.cut[bien] && m.asked.Load() != asked {
				t.Errorf("%s asked though nobody answers", page)
			}
		}
		for first := range pages {
			p.cut[bien] = true
			n.Heard()
			takes(first, waiting)
			if first == "sign in" {
				takes("dossier", hurriedTime) // the office was not asked before
			}
			for next := range pages {
				if first == "dossier" {
					break // the office is silent, the directory may not be
				}
				takes(next, atOnce)
			}
			time.Sleep(silence)
			takes(first, waiting)
			p.cut[bien] = false
			n.Heard()
			for next := range pages {
				takes(next, atOnce)
			}
			if v, err := n.MyDossier(ctx, c, code); err != nil || !v.Fresh || v.Status != dossier.StatusAccepted {
				t.Errorf("with the line back: %+v %v", v.Freshness, err)
			}
		}
	})
}

// handed is a submission of another portal that has come to xa.
func (p *province) handed(c Citizen) (alias string) {
	alias = p.submit(bien, c)
	p.carry()
	return alias
}

// TestSilence: a failure says nothing when it came at once, when whoever asked walked away, or when a word came meanwhile.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no := directory.Errorf("ask", directory.NoLeader, "none")
		gone, leave := context.WithCancel(t.Context())
		leave()
		var r reach
		for name, v := range map[string]struct {
			ctx  context.Context
			wait time.Duration
			word bool
			err  error
			want bool
		}{
			"waited for": {t.Context(), askTime, false, no, true}, "a fault of the line": {t.Context(), askTime, false, io.EOF, true},
			"at once": {t.Context(), 0, false, no, false}, "walked away": {gone, askTime, false, no, false},
			"a word meanwhile": {t.Context(), askTime, true, no, false},
			"a no":             {t.Context(), askTime, false, directory.Errorf("ask", directory.Denied, "no"), false},
			"too often":        {t.Context(), askTime, false, directory.Errorf("ask", directory.Exhausted, "no"), false},
		} {
			r.heard()
			q, ok := r.begin("a")
			time.Sleep(v.wait)
			if v.word {
				r.heard()
			}
			r.end(v.ctx, q, v.err)
			if _, other := r.begin("b"); !ok || !other || r.is("a") != v.want {
				t.Errorf("%s: silent %v, want %v", name, r.is("a"), v.want)
			}
		}
	})
}

// TestOneTriesAgain: after the silence one question tries, and the others go on without it.
func TestOneTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reach
		q, _ := r.begin("a")
		time.Sleep(askTime)
		r.end(t.Context(), q, io.EOF)
		time.Sleep(silence - 1)
		if _, ok := r.begin("a"); ok {
			t.Error("asked within the silence")
		}
		time.Sleep(time.Nanosecond)
		first, ok := r.begin("a")
		_, second := r.begin("a")
		if !ok || second {
			t.Errorf("after the silence: first %v, second %v", ok, second)
		}
		r.end(t.Context(), first, nil)
		if _, ok := r.begin("a"); !ok {
			t.Error("silent after an answer")
		}
	})
}

// TestTrackAsksTheOfficeInTheCode: with the directory out of reach, the office that a dossier code names still answers.
func TestTrackAsksTheOfficeInTheCode(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[huyen]
	code := p.accepted(p.submit(xa, p.citizen("anh")))
	n.Calls = calls{p, "cut"}
	p.cut["cut"] = true
	if v, err := n.Track(ctx, code, "4567"); err != nil || !v.Fresh || v.Status != dossier.StatusAccepted || v.Code != code {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := n.Track(ctx, code, "0000"); directory.CodeOf(err) != directory.Denied {
		t.Errorf("wrong digits: %v", err)
	}
	p.cut[huyen] = true
	if _, err := n.Track(ctx, code, "4567"); directory.CodeOf(err) != directory.NoLeader {
		t.Errorf("with the line cut: %v", err)
	}
}

// TestNobodyCanTell: a dossier that this node does not hold is not said to be none while the directory is out of reach.
func TestNobodyCanTell(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[huyen]
	c := p.citizen("anh")
	alias := p.submit(xa, c)
	p.cut[huyen] = true
	if _, err := n.MyDossier(ctx, c, alias); directory.CodeOf(err) != directory.NoLeader {
		t.Errorf("dossier: %v", err)
	}
	if _, _, err := n.File(ctx, c, alias, digest.Digest{}); directory.CodeOf(err) != directory.NoLeader {
		t.Errorf("file: %v", err)
	}
	p.cut[huyen] = false
	if _, err := n.MyDossier(ctx, c, "SFA4-MWXC-KR9M"); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("no dossier of theirs: %v", err)
	}
}
