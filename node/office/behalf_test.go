package office

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"motcua/crypto/wire"
	"motcua/directory"
	"motcua/node/store"
	"motcua/replication"
)

// stated is a statement of the portal's node, changed and signed by an office.
func (p *province) stated(signer directory.OfficeCode, c Citizen, code string, change func(*Behalf)) *SignedBehalf {
	p.t.Helper()
	b := Behalf{1, c.ID, code, replication.Name(xa), bien, p.now.Add(behalfLife).Unix()}
	if change != nil {
		change(&b)
	}
	body, err := wire.Marshal(b)
	must(p.t, err)
	sig, err := p.offices[signer].id.SignToken(BehalfLabel, body)
	must(p.t, err)
	return &SignedBehalf{body, sig}
}

// TestServeAsksForProof: another office's node gets nothing without its own statement for this applicant, dossier, office and
// minute, or the applicant's digits.
func TestServeAsksForProof(t *testing.T) {
	p := newProvince(t)
	c, code, h, _ := p.underWay()
	paper, mine := h.state.Submission.Attachments[0].Blob, p.stated(bien, c, code, nil)
	sheet := func(b *SignedBehalf) Question { return Question{Version: 1, Kind: AskSheet, Code: code, Behalf: b} }
	for i, v := range []struct {
		q    Question
		want directory.Code
	}{
		{sheet(mine), ""},
		{Question{Version: 1, Kind: AskLine, Code: code, Behalf: mine}, ""},
		{Question{Version: 1, Kind: AskFile, Code: code, Behalf: mine, Blob: paper}, ""},
		{Question{Version: 1, Kind: AskTrack, Code: code, LastFour: "4567"}, ""},
		{sheet(p.stated(bien, Citizen{Account: directory.Account{ID: "x"}}, code, nil)), directory.NotFound},
		{sheet(nil), directory.Denied},
		{sheet(&SignedBehalf{mine.Body, []byte("forged")}), directory.Denied},
		{sheet(p.stated(huyen, c, code, nil)), directory.Denied}, // another office's, sent on
		{sheet(p.stated(bien, c, code, func(b *Behalf) { b.To = replication.Name(huyen) })), directory.Denied},
		{sheet(p.stated(bien, c, code, func(b *Behalf) { b.Code = "H32.22327-261125-0002" })), directory.Denied},
		{sheet(p.stated(bien, c, code, func(b *Behalf) { b.Expires = p.now.Add(-10 * time.Minute).Unix() })), directory.Denied},
		{sheet(p.stated(bien, c, code, func(b *Behalf) { b.Expires = p.now.Add(time.Hour).Unix() })), directory.Denied},
		{sheet(p.stated(bien, c, code, func(b *Behalf) { b.SignedInAt = "dir-1" })), directory.Denied},
		{sheet(p.stated(bien, c, code, func(b *Behalf) { b.Version = 2 })), directory.Newer},
		{Question{Version: 1, Kind: AskSheet, Code: code, LastFour: "4567"}, directory.Denied},
		{Question{Version: 1, Kind: AskTrack, Code: code, LastFour: "0000"}, directory.Denied},
		{Question{Version: 1, Kind: AskTrack, Code: code}, directory.Denied},
		{Question{Version: 1, Kind: AskFile, Code: code, Behalf: mine, Blob: h.state.Head}, directory.NotFound},
		{Question{Version: 1, Kind: AskTrack, Code: "H32-261125-0009", LastFour: "4567"}, directory.NotFound},
		{Question{Version: 1, Kind: AskTrack, Code: "?"}, directory.Invalid},
		{Question{Version: 1, Kind: 9, Code: code}, directory.Newer},
		{Question{Version: 2, Kind: AskTrack, Code: code}, directory.Newer},
	} {
		a, r := p.offices[xa].Serve(t.Context(), replication.Name(bien), v.q)
		if r != nil {
			must(t, r.Close())
		}
		got := directory.Code("")
		if a.Error != nil {
			got = a.Error.Code
		}
		if got != v.want || (got != "") != (a.Sheet == nil && a.Track == nil && r == nil) {
			t.Errorf("question %d: %+v, want %q", i, a.Error, v.want)
		}
	}
	if a, _ := p.offices[bien].Serve(t.Context(), replication.Name(huyen), Question{Version: 1, Kind: AskTrack, Code: code, LastFour: "4567"}); a.Error == nil {
		t.Error("a portal answers for a dossier of another office")
	}
}

// TestEveryLookOfAnApplicantIsSeen: a session made up by another office's node leaves its mark, wherever it is used and
// however soon after a genuine one.
func TestEveryLookOfAnApplicantIsSeen(t *testing.T) {
	p := newProvince(t)
	ctx := t.Context()
	c, code, h, _ := p.underWay()
	forged := Citizen{c.Account, huyen}
	see := func(at directory.OfficeCode, c Citizen) {
		t.Helper()
		_, err := p.offices[at].MyDossier(ctx, c, code)
		must(t, err)
	}
	p.report()
	see(xa, c)      // genuine, at the root's own portal
	see(xa, forged) // the same account seconds later, signed in by another office
	see(bien, c)
	see(huyen, forged) // and through that office's own node
	_, r, err := p.offices[xa].File(ctx, Citizen{c.Account, xa}, code, h.state.Submission.Attachments[0].Blob)
	must(t, err)
	must(t, r.Close())
	see(xa, c) // again within ten minutes: the same look
	v, err := p.offices[xa].MyDossier(ctx, c, code)
	must(t, err)
	got := map[string]int{}
	for _, l := range v.Looks {
		if l.Purpose == lookApplicant {
			got[fmt.Sprint(l.Office.Code, " by ", l.SignedIn.Code)]++
		}
	}
	for _, want := range []string{"H32.22327 by H32.22736", "H32.22327 by H32.568", "H32.22736 by H32.22736", "H32.568 by H32.568", "H32.22327 by H32.22327"} {
		if got[want] != 1 {
			t.Errorf("looks through %s: %d, want 1, of %v", want, got[want], got)
		}
	}
}

// TestLooksAtThePortal: what the portal shows of its own copy is recorded there, and on the applicant's page there, accepted
// yet or not.
func TestLooksAtThePortal(t *testing.T) {
	p := newProvince(t)
	c := p.citizen("anh")
	alias := p.submit(bien, c)
	_, err := p.offices[bien].Receipt(t.Context(), Citizen{c.Account, huyen}, alias)
	must(t, err)
	must(t, p.offices[bien].Store.View(func(tx *store.Tx) error {
		ls, err := tx.Looks(p.offices[bien].chainOf(alias), 10)
		if len(ls) != 1 || ls[0].SignedIn != string(huyen) {
			t.Errorf("%+v", ls)
		}
		return err
	}))
	seen := func(when string) {
		t.Helper()
		v, err := p.offices[bien].MyDossier(t.Context(), c, alias)
		if err != nil || !slices.ContainsFunc(v.Looks, func(l LookView) bool { return l.Office.Code == bien && l.SignedIn.Code == huyen }) {
			t.Errorf("%s: %+v %v", when, v.Looks, err)
		}
	}
	p.cut[bien] = true
	seen("with the line cut")
	p.cut[bien] = false
	p.carry()
	seen("from the office in charge")
}

// TestOneOfficeCannotAskForEverybody: the node of one office, asking for one account after the other, is stopped.
func TestOneOfficeCannotAskForEverybody(t *testing.T) {
	p := newProvince(t)
	c, code, _, _ := p.underWay()
	n := p.offices[xa]
	for i := range maxAskedFor {
		if !n.askers.admit(replication.Name(bien), directory.AccountID(fmt.Sprint(i)), p.now) {
			t.Fatalf("stopped after %d", i)
		}
	}
	ask := func(from directory.OfficeCode) directory.Code {
		a, _ := n.Serve(t.Context(), replication.Name(from), Question{Version: 1, Kind: AskSheet, Code: code, Behalf: p.stated(from, c, code, nil)})
		if a.Error == nil {
			return ""
		}
		return a.Error.Code
	}
	if got := ask(bien); got != directory.Exhausted {
		t.Errorf("one more: %q", got)
	}
	if got := ask(huyen); got != "" {
		t.Errorf("another office is stopped too: %q", got)
	}
	p.now = p.now.Add(askWindow + time.Minute)
	if got := ask(bien); got != "" {
		t.Errorf("an hour later: %q", got)
	}
}
