package page

import (
	"strings"
	"testing"

	"motcua/node/text"
)

// TestAnOfficeWithoutATelephoneAsksNobodyToCall: a sentence that leads to the number goes with it.
func TestAnOfficeWithoutATelephoneAsksNobodyToCall(t *testing.T) {
	pages := render(t)
	for name, src := range pages {
		if !strings.HasSuffix(name, "-mute") {
			continue
		}
		for _, bad := range []string{"tel:", text.VI.T("foot.phone"), text.EN.T("foot.phone"), text.VI.T("problem.call"), text.EN.T("problem.call")} {
			if strings.Contains(src, bad) {
				t.Errorf("%s says %q", name, bad)
			}
		}
	}
	for _, name := range []string{"track", "search-none", "confirmation", "trouble-500"} {
		main, _, _ := strings.Cut(pages["vi-"+name], "</main>")
		if !strings.Contains(main, `<a href="tel:02583727001">`) {
			t.Errorf("%s: the number of an office that has one is missing", name)
		}
	}
}

// TestNobodyIsToldToRemoveAFilterThatIsNotThere: where no office takes part, the list is empty for another reason.
func TestNobodyIsToldToRemoveAFilterThatIsNotThere(t *testing.T) {
	pages := render(t)
	for _, l := range text.Langs() {
		filtered, bare := pages[string(l)+"-start-none"], pages[string(l)+"-start-absent"]
		for key, want := range map[string]bool{"start.none": true, "start.absent": false} {
			if strings.Contains(filtered, l.T(key)) != want || strings.Contains(bare, l.T(key)) == want {
				t.Errorf("%s: %s stands on the wrong page", l, key)
			}
		}
	}
}

// TestEnglishPagesSayInEnglishThatNoDecisionIsMade: the decision itself is a name and stays as it is.
func TestEnglishPagesSayInEnglishThatNoDecisionIsMade(t *testing.T) {
	pages := render(t)
	if src := pages["en-procedure-short"]; strings.Contains(src, "chưa có") || !strings.Contains(src, text.EN.T("procedure.undecided")) {
		t.Error("an English page says in Vietnamese that there is no decision")
	}
	if !strings.Contains(pages["vi-procedure-short"], "chưa có (danh mục") || !strings.Contains(pages["en-procedure"], "QĐ 1131/QĐ-UBND") {
		t.Error("a decision is not named as it stands in the catalogue")
	}
}

// TestTroubleSaysWhatItIs: each situation has its own words and leads somewhere.
func TestTroubleSaysWhatItIs(t *testing.T) {
	for _, l := range text.Langs() {
		seen := map[string]bool{}
		for _, p := range []Trouble{
			NewTrouble(l, 409), NewTrouble(l, 500), NewTrouble(l, 503), NewTrouble(l, 507), BrokenRule(l, "x"), Absent(l, "x"), Submitted(l, "N4K7-Q2MX-8RTD"),
			Unreached(l), NoRole(l, "x"),
		} {
			if p.What == "" || p.Do == "" || p.Link.URL == "" || seen[p.Heading] {
				t.Errorf("%s: %+v says too little, or the same as another", l, p)
			}
			seen[p.Heading] = true
		}
		if p := Submitted(l, "N4K7-Q2MX-8RTD"); p.Link.URL != "/"+string(l)+"/submissions/N4K7-Q2MX-8RTD" {
			t.Errorf("%s: a draft that was sent leads to %q", l, p.Link.URL)
		}
	}
	if p := TooMany(text.VI, 0); p.Do != "Đợi một lúc rồi thử lại." || TooMany(text.VI, 1).Do != "Đợi 1 phút rồi thử lại." {
		t.Errorf("waits are worded %q and %q", p.Do, TooMany(text.VI, 1).Do)
	}
}
