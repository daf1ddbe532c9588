package office

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"motcua/crypto/digest"
	"motcua/directory"
	"motcua/node/blob"
	"motcua/node/dossier"
	"motcua/replication"
)

// TestSignInWithTheLineCut: staff, whoever signed in before and whoever registered offline can; others are told why not.
func TestSignInWithTheLineCut(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	p.staff("cb", xa, directory.DeskOfficer)
	p.staff("cb2", huyen, directory.DeskOfficer)
	p.report()
	c := p.citizen("anh")
	if a, err := n.Authenticate(ctx, " Anh ", "mật khẩu 1", false); err != nil || a.ID != c.ID {
		t.Fatal(a, err)
	}
	p.cut[xa] = true
	for _, v := range []struct {
		login, password string
		staff           bool
		want            directory.Code
	}{
		{"cb", "mật khẩu", true, ""}, {"cb", "sai", true, directory.Denied}, {"cb", "mật khẩu", false, directory.Denied},
		{"cb2", "mật khẩu", true, directory.NoLeader}, {"anh", "mật khẩu 1", false, ""}, {"anh", "mật khẩu 1", true, directory.Denied},
		{"anh", "", false, directory.Denied}, {"nobody", "x", false, directory.NoLeader},
	} {
		if _, err := n.Authenticate(ctx, v.login, v.password, v.staff); directory.CodeOf(err) != v.want {
			t.Errorf("%s with %q, staff %v: %v, want %q", v.login, v.password, v.staff, err, v.want)
		}
	}
	in := Registration{Kind: directory.Citizen, Login: "binh", Password: "mật khẩu 2", Name: "Bình", Identity: "056199000002", Phone: "0901234568"}
	a, provisional, err := n.Register(ctx, in)
	if err != nil || !provisional {
		t.Fatal(provisional, err)
	}
	if _, _, err := n.Register(ctx, in); directory.CodeOf(err) != directory.Conflict {
		t.Errorf("registered twice: %v", err)
	}
	if got, err := n.Authenticate(ctx, "binh", "mật khẩu 2", false); err != nil || got.ID != a.ID {
		t.Errorf("signed in right after: %v %v", got, err)
	}
	p.cut[xa] = false
	p.report()
	if got, err := p.offices[bien].Authenticate(ctx, "binh", "mật khẩu 2", false); err != nil || got.ID != a.ID {
		t.Errorf("elsewhere, once the line was back: %v %v", got, err)
	}
	p.cut[xa] = true
	if _, err := n.Authenticate(ctx, "nobody", "x", false); directory.CodeOf(err) != directory.NoLeader {
		t.Error(err)
	}
	p.cut[xa] = false
	if _, err := n.Authenticate(ctx, "nobody", "x", false); directory.CodeOf(err) != directory.Denied {
		t.Error(err)
	}
}

func TestRegistrationIsChecked(t *testing.T) {
	p := newProvince(t)
	good := Registration{Kind: directory.Citizen, Login: "anh", Password: "mật khẩu", Name: "Ánh", Identity: "056199000001", Phone: "0901234567"}
	for name, f := range map[string]func(*Registration){
		"login": func(r *Registration) { r.Login = "a" }, "password": func(r *Registration) { r.Password = "ngắn" },
		"identity": func(r *Registration) { r.Identity = "12" }, "phone": func(r *Registration) { r.Phone = "abc" },
		"name": func(r *Registration) { r.Name = " " }, "staff": func(r *Registration) { r.Kind = directory.Staff },
	} {
		bad := good
		f(&bad)
		if _, _, err := p.offices[xa].Register(t.Context(), bad); err == nil || directory.CodeOf(err) == directory.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneSubmissionAcceptedByMany: of many officers who accept at once, one does, and no code is given twice.
func TestOneSubmissionAcceptedByMany(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c, officer := p.citizen("anh"), p.officer(xa)
	var aliases []string
	for range 4 {
		aliases = append(aliases, p.submit(xa, c))
	}
	codes := make([]string, 40)
	errs := make([]error, 40)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			codes[i], errs[i] = n.Accept(ctx, officer, aliases[i%4], fmt.Sprint("token ", i))
		})
	}
	wg.Wait()
	given := map[string]int{}
	for i, code := range codes {
		if errs[i] == nil {
			given[code]++
		} else if directory.CodeOf(errs[i]) != directory.Conflict {
			t.Errorf("officer %d: %v", i, errs[i])
		}
	}
	if len(given) != 4 {
		t.Errorf("codes given: %v", given)
	}
	for code, n := range given {
		if n != 1 || !strings.HasPrefix(code, "H32.22327-261125-000") {
			t.Errorf("code %s was given %d times", code, n)
		}
	}
}

// TestOneFormSentByMany: the same form, sent many times at once, is one act with one answer.
func TestOneFormSentByMany(t *testing.T) {
	p := newProvince(t)
	ctx, n, officer := t.Context(), p.offices[xa], p.officer(xa)
	alias := p.submit(xa, p.citizen("anh"))
	codes, errs := make([]string, 16), make([]error, 16)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			if codes[i], errs[i] = n.Accept(ctx, officer, alias, "one form"); errs[i] == nil {
				errs[i] = n.FinishStep(ctx, officer, n.chainOf(codes[i]), "", "another form")
			}
		})
	}
	wg.Wait()
	must(t, errs...)
	h, err := n.load("test", n.chainOf(codes[0]))
	if err != nil || h.state.Length != 2 || slices.ContainsFunc(codes, func(c string) bool { return c != codes[0] }) {
		t.Errorf("%d events, codes %v: %v", h.state.Length, codes, err)
	}
}

func TestRefusedSubmission(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	c, officer := p.citizen("anh"), p.officer(xa)
	alias := p.submit(bien, c)
	p.carry()
	if err := p.offices[xa].Refuse(ctx, officer, alias, " ", "a"); !isRule(err, dossier.RuleReason) {
		t.Errorf("refused without a reason: %v", err)
	}
	must(t, p.offices[xa].Refuse(ctx, officer, alias, "Không thuộc thẩm quyền", "b"))
	p.carry()
	p.report()
	r, err := p.offices[bien].Receipt(ctx, c, alias)
	if err != nil || r.Status != dossier.StatusRefused || r.Reason != "Không thuộc thẩm quyền" {
		t.Errorf("receipt: %+v %v", r, err)
	}
	v, err := p.offices[huyen].MyDossier(ctx, c, alias)
	if err != nil || v.Status != dossier.StatusRefused || v.Reason == "" {
		t.Errorf("at a third office: %+v %v", v, err)
	}
	if _, err := p.offices[xa].Accept(ctx, officer, alias, "c"); directory.CodeOf(err) != directory.Conflict {
		t.Errorf("accepted after all: %v", err)
	}
}

func isRule(err error, c dossier.RuleCode) bool {
	r, ok := errors.AsType[*dossier.Rule](err)
	return ok && r.Code == c
}

// TestWhoMay: no use case of the desk serves an account without a role in this office.
func TestWhoMay(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c := p.citizen("anh")
	alias := p.submit(xa, c)
	chain := n.chainOf(alias)
	other, clerk := p.officer(huyen), p.staff("cl", xa, directory.Specialist)
	for _, a := range []directory.Account{c.Account, other, {}} {
		_, e1 := n.Accept(ctx, a, alias, "x")
		_, e2 := n.Submission(ctx, a, alias)
		_, e3 := n.Dossier(ctx, a, chain)
		_, e4 := n.Today(ctx, a)
		_, e5 := n.List(ctx, a, Filter{Search: alias})
		_, _, e6 := n.OfficeFile(ctx, a, chain, chain)
		_, _, e7 := n.Sendings(a)
		_, e8 := n.Slip(ctx, a, alias)
		all := []error{e1, e2, e3, e4, e5, e6, e7, e8, n.Refuse(ctx, a, alias, "x", "y"), n.FinishStep(ctx, a, chain, "", "z")}
		for i, err := range all {
			if directory.CodeOf(err) != directory.Denied {
				t.Errorf("use case %d for %s: %v", i, a, err)
			}
		}
	}
	elsewhere := p.submit(bien, c)
	if _, err := p.offices[bien].Submission(ctx, p.officer(bien), elsewhere); directory.CodeOf(err) != directory.Denied {
		t.Errorf("the portal's desk reads what was handed in for another office: %v", err)
	}
	if _, err := p.offices[bien].Dossier(ctx, p.officer(bien), p.offices[bien].chainOf(elsewhere)); directory.CodeOf(err) != directory.Denied {
		t.Errorf("the portal's desk reads what was handed in for another office: %v", err)
	}
	if _, err := n.Accept(ctx, clerk, alias, "q"); !isRule(err, dossier.RuleRole) {
		t.Errorf("a specialist accepts: %v", err)
	}
}

func TestDrafts(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	c := p.citizen("anh")
	if _, err := n.StartDraft(ctx, c, "1.001776", huyen); directory.CodeOf(err) != directory.Invalid {
		t.Errorf("for an office not in charge: %v", err)
	}
	if _, err := n.StartDraft(ctx, c, "9.999999", xa); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("for no procedure: %v", err)
	}
	id, err := n.StartDraft(ctx, c, "1.001776", xa)
	must(t, err)
	if _, err := n.Submit(ctx, c, id, "vi"); directory.CodeOf(err) != directory.Invalid {
		t.Errorf("handed in empty: %v", err)
	}
	problems, err := n.SaveAnswers(ctx, c, id, url.Values{"reason": {"  "}})
	if err != nil || len(problems) != 1 || problems[0].Field != "reason" {
		t.Errorf("problems: %+v %v", problems, err)
	}
	if err := n.Attach(ctx, c, id, "form", Upload{"virus.exe", strings.NewReader("MZ\x90\x00")}); !errors.Is(err, blob.ErrKind) {
		t.Errorf("a program: %v", err)
	}
	if err := n.Attach(ctx, c, id, "form", Upload{"a.pdf", bytes.NewReader(append(pdf, make([]byte, MaxPaper)...))}); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := n.Attach(ctx, c, id, "other", Upload{"a.pdf", bytes.NewReader(pdf)}); directory.CodeOf(err) != directory.Invalid {
		t.Errorf("a paper nobody asked for: %v", err)
	}
	must(t, n.Attach(ctx, c, id, "form", Upload{"a.pdf", bytes.NewReader(pdf)}))
	p.version = 2 // published while the citizen writes: the draft keeps its version
	v, err := n.Draft(ctx, c, id)
	if err != nil || len(v.Papers) != 1 || len(v.Missing) != 0 || v.FormDone || v.Procedure.Version != 1 {
		t.Errorf("draft: %+v %v", v, err)
	}
	must(t, n.Detach(ctx, c, id, v.Papers[0].Blob))
	if v, err = n.Draft(ctx, c, id); err != nil || len(v.Papers) != 0 || len(v.Missing) != 1 {
		t.Errorf("after taking it off: %+v %v", v, err)
	}
	other := Citizen{Account: directory.Account{ID: "other"}}
	if _, err := n.Draft(ctx, other, id); directory.CodeOf(err) != directory.NotFound {
		t.Errorf("another's draft: %v", err)
	}
	must(t, n.DeleteDraft(ctx, c, id))
	if list, err := n.Drafts(ctx, c); err != nil || len(list) != 0 {
		t.Errorf("drafts: %v %v", list, err)
	}
}

func TestSearchAtTheDesk(t *testing.T) {
	p := newProvince(t)
	ctx, n := t.Context(), p.offices[xa]
	officer := p.officer(xa)
	alias := p.submit(xa, p.citizen("anh"))
	code, err := n.Accept(ctx, officer, alias, "a")
	must(t, err)
	for q, want := range map[string]int{
		code: 1, strings.ToLower(code): 1, alias: 1, "nguyen anh": 1, "ánh nguyễn": 1, "ngu": 1, "nguyen ba": 0, "H32.1-261125-0001": 0, "?": 0,
	} {
		page, err := n.List(ctx, officer, Filter{Search: q})
		if err != nil || len(page.Lines) != want {
			t.Errorf("%q finds %d: %v", q, len(page.Lines), err)
		}
	}
	p.now = p.now.AddDate(0, 1, 0)
	v, err := n.Today(ctx, officer)
	if err != nil || v.Groups[2].Bucket != BucketWork || v.Groups[2].Count != 1 || v.Groups[2].Overdue != 1 || !v.Groups[2].Lines[0].Overdue {
		t.Errorf("a month later: %+v %v", v, err)
	}
}

// TestGuessing: the four digits of a code cannot be tried out.
func TestGuessing(t *testing.T) {
	p := newProvince(t)
	alias := p.submit(xa, p.citizen("anh"))
	for i := range maxGuesses {
		if _, err := p.offices[xa].Track(t.Context(), alias, fmt.Sprintf("9%03d", i)); directory.CodeOf(err) != directory.Denied {
			t.Fatal(err)
		}
	}
	if _, err := p.offices[xa].Track(t.Context(), alias, "4567"); directory.CodeOf(err) != directory.Exhausted {
		t.Errorf("after %d wrong guesses: %v", maxGuesses, err)
	}
	p.now = p.now.Add(2 * guessWindow)
	if v, err := p.offices[xa].Track(t.Context(), alias, "4567"); err != nil || v.Status != dossier.StatusSubmitted {
		t.Errorf("two hours later: %+v %v", v, err)
	}
}

// TestGuessingAtOnce: tries that come together are not one try, and asking for many codes gives no new ones.
func TestGuessingAtOnce(t *testing.T) {
	var g guesses
	now := time.Now()
	var let atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if g.try("code", now) {
				let.Add(1)
			}
		})
	}
	wg.Wait()
	if let.Load() != maxGuesses {
		t.Errorf("%d of 100 tries at once, want %d", let.Load(), maxGuesses)
	}
	for i := range 10_000 {
		g.try(fmt.Sprint(i), now)
	}
	if g.try("code", now) {
		t.Error("new tries after asking for many other codes")
	}
	for i := range 2 * maxGuessed {
		g.try(fmt.Sprint(i), now)
	}
	if len(g.tried) > maxGuessed {
		t.Errorf("%d codes remembered", len(g.tried))
	}
}

// TestGuessingElsewhere: an office's node that uses up its tries of a code locks out itself alone.
func TestGuessingElsewhere(t *testing.T) {
	p := newProvince(t)
	_, code, _, _ := p.underWay()
	ask := func(from directory.OfficeCode, digits string) directory.Code {
		a, _ := p.offices[xa].Serve(t.Context(), replication.Name(from), Question{Version: 1, Kind: AskTrack, Code: code, LastFour: digits})
		if a.Error == nil {
			return ""
		}
		return a.Error.Code
	}
	for range maxGuesses {
		ask(huyen, "0000")
	}
	if got := ask(huyen, "4567"); got != directory.Exhausted {
		t.Errorf("it goes on guessing: %q", got)
	}
	if got := ask(bien, "4567"); got != "" {
		t.Errorf("another office: %q", got)
	}
	if _, err := p.offices[xa].Track(t.Context(), code, "4567"); err != nil {
		t.Errorf("at the office itself: %v", err)
	}
}

// TestSearchByCodeFindsOwnWork: at the office that was asked, a code leads to the request on its desk before the root's copy.
func TestSearchByCodeFindsOwnWork(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	alias := p.submit(xa, p.citizen("anh"))
	code := p.accepted(alias)
	chain := p.offices[xa].chainOf(code)
	must(t, p.offices[xa].FinishStep(ctx, p.officer(xa), chain, "", "a"), p.offices[xa].Forward(ctx, p.officer(xa), chain, "", "b"))
	p.carry()
	kid := p.offices[huyen].only(BucketArrived).Chain
	for at, want := range map[directory.OfficeCode][]digest.Digest{huyen: {kid, chain}, xa: {chain}} {
		for _, typed := range []string{code, strings.ToLower(alias)} {
			page, err := p.offices[at].List(ctx, p.officer(at), Filter{Search: typed})
			var got []digest.Digest
			for _, l := range page.Lines {
				got = append(got, l.Chain)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("at %s, %s: %d lines %v, %v", at, typed, len(got), got, err)
			}
		}
	}
}
