package dossier

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/crypto/record"
	"motcua/directory"
	"motcua/directory/command"
)

var update = flag.Bool("update", false, "write the golden files anew: only for a new format")

// formats are the bytes that are signed and kept for ever, of a life that meets every kind.
func formats(t testing.TB) (out [][2]string) {
	s := story(t).run(wholeLife)
	out = append(out, [2]string{"submission", hex.EncodeToString(s.sub.Body)})
	chains := [][]Signed{s.chain, s.chains[s.root.Children[0].ID], story(t).run("xa refuse").chain, story(t).run("xa accept\nxa hand over\nmoi take").chain}
	for i, chain := range chains {
		for _, e := range chain {
			out = append(out, [2]string{fmt.Sprintf("chain-%d-event-%d-kind-%d", i, e.Event.Seq, e.Event.Kind), hex.EncodeToString(e.Record.Body)})
		}
	}
	return out
}

func TestGoldenFormats(t *testing.T) {
	var b strings.Builder
	kinds := map[string]bool{}
	for _, f := range formats(t) {
		fmt.Fprintf(&b, "%s %s\n", f[0], f[1])
		kinds[f[0][strings.LastIndex(f[0], "-")+1:]] = true
	}
	if *update {
		if err := os.WriteFile("testdata/formats.golden", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/formats.golden")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Error("the bytes of a signed format have changed: every record signed before would be lost")
	}
	for k := KindAccepted; k <= KindTaken; k++ {
		if !kinds[fmt.Sprint(k)] {
			t.Errorf("no golden bytes of kind %d", k)
		}
	}
}

func FuzzReadEvent(f *testing.F) {
	for _, g := range formats(f) {
		b, _ := hex.DecodeString(g[1])
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ReadEvent(record.Record{Body: b, Size: 1})
		if err != nil {
			return
		}
		if again, err := Sign(keyFor(xa), e.Event); err != nil || !bytes.Equal(again.Record.Body, b) {
			t.Fatal("an event was read from bytes that are not its own")
		}
		if next, err := Apply(State{}, e); err == nil && next.Length != 1 {
			t.Fatal("an event was taken and not counted")
		}
	})
}

func FuzzReadSubmission(f *testing.F) {
	f.Add(story(f).sub.Body)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSubmission(record.Record{Body: b, Size: 1})
		if err == nil && s.Validate() != nil {
			t.Fatal("a submission was read that does not validate")
		}
	})
}

// TestASubmissionFitsItsTrack: what an office takes in it can report, or one submission would hold up its reports for ever.
func TestASubmissionFitsItsTrack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := submission()
		s.At = rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 2)).Draw(t, "at")
		s.Applicant.Account = directory.AccountID(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z/:]{0,70}`)).Draw(t, "account"))
		if s.Validate() != nil {
			return
		}
		report := command.Report{From: xa, Tracks: []directory.Track{{
			Code: s.Code, Root: xa, Holder: xa, State: string(StatusSubmitted), AsOf: s.At, Applicant: s.Applicant.Account,
		}}}
		if err := report.Validate(); err != nil {
			t.Fatalf("taken in, not to be reported: %v", err)
		}
	})
	for _, at := range []int64{0, -1, MaxAt + 1} {
		if altered(submission(), func(s *Submission) { s.At = at }).Validate() == nil {
			t.Errorf("a submission dated %d was taken", at)
		}
	}
	if err := altered(submission(), func(s *Submission) { s.Applicant.Account = "" }).Validate(); err != nil {
		t.Errorf("without an account: %v", err)
	}
}

func TestCodes(t *testing.T) {
	if c := NewCode("H32.22327", "2026-11-24", 7); c != "H32.22327-261124-0007" {
		t.Error(c)
	}
	for typed, want := range map[string]string{
		" h32.22327 -261124-0007": "H32.22327-261124-0007", "H32-261124-12345": "H32-261124-12345",
		"H32-261324-0001": "", "H32-261124-001": "", "H32-261124-00001": "", "H32-261124-0000": "", "261124-0001": "",
	} {
		got := ""
		if c, err := ParseCode(typed); err == nil {
			got = c.String()
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
	if c := SubmissionCode([8]byte{1, 2, 3, 4, 5, 6, 7, 8}); c != "0G30-G2GC-1R8B" {
		t.Error(c)
	}
}

func TestSubmissionCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := SubmissionCode([8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "random")))
		typed := strings.ToLower(strings.NewReplacer("-", " ", "0", "o", "1", "i").Replace(code))
		if got, err := ParseSubmissionCode(typed); err != nil || got != code {
			t.Fatalf("%q is read as %q: %v", typed, got, err)
		}
		if _, err := ParseCode(code); err == nil {
			t.Fatalf("%q could be both", code)
		}
		bare := []byte(strings.ReplaceAll(code, "-", ""))
		i, j := rapid.IntRange(0, 11).Draw(t, "i"), rapid.IntRange(0, 11).Draw(t, "j")
		if bare[i] != bare[j] {
			bare[i], bare[j] = bare[j], bare[i]
			if _, err := ParseSubmissionCode(string(bare)); err == nil {
				t.Fatalf("%s with places %d and %d swapped was taken", code, i, j)
			}
			bare[i] = bare[j]
			if _, err := ParseSubmissionCode(string(bare)); err == nil {
				t.Fatalf("%s with place %d wrong was taken", code, i)
			}
		}
	})
}

// TestRandomActs: whatever is tried in whatever order, nothing panics, what is decided is applied, replay equals the state
// folded step by step (both in scenario.add), and only a Rule forbids.
func TestRandomActs(t *testing.T) {
	verbs := []string{"accept", "refuse", "step", "forward", "receive", "approve", "reject", "report", "note", "return", "hand over", "take"}
	rapid.Check(t, func(rt *rapid.T) {
		s := story(t)
		for range rapid.IntRange(1, 25).Draw(rt, "acts") {
			who := rapid.SampledFrom([]string{"xa", "xa", "huyen", "tinh", "moi", "la"}).Draw(rt, "who")
			verb := rapid.SampledFrom(verbs).Draw(rt, "verb")
			if rapid.Bool().Draw(rt, "sensible") {
				who, verb = sensible(s, verb)
			}
			err := s.act(offices[who], verb)
			if _, forbidden := err.(*Rule); err != nil && !forbidden {
				rt.Fatalf("%s %s: %v", who, verb, err)
			}
		}
	})
}

// sensible finds something that is allowed, so that random lives get far.
func sensible(s *scenario, otherwise string) (who, verb string) {
	words := map[Kind]string{
		KindAccepted: "accept", KindStepDone: "step", KindRequested: "forward", KindDecided: "approve", KindReported: "report", KindReturned: "return",
	}
	asked, open := s.root.Open()
	for name, code := range offices {
		st := s.mine(code)
		if open && code == asked.To {
			kid, begun := s.kids[asked.ID]
			if !begun {
				return name, "receive"
			}
			if kid.Ended() {
				return "xa", "note"
			}
		}
		for _, a := range Allowed(st, s.plan, Act{Roles: everyone, Office: code}) {
			if a.Why == nil && words[a.Kind] != "" && (st.Length > 0 || code == xa) {
				return name, words[a.Kind]
			}
		}
	}
	return "xa", otherwise
}
