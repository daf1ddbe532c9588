package directory_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"motcua/directory"
)

func TestWhoMayDoWhat(t *testing.T) {
	const o = directory.OfficeCode("H32.1")
	hoa := directory.Account{ID: "hoa", Grants: []directory.Grant{
		{Office: o, Role: directory.DeskOfficer, Fields: []string{"civil"}, Steps: []string{"accept"}},
		{Office: o, Role: directory.Specialist, Steps: []string{"1.004873/verify"}},
	}}
	nam := directory.Account{ID: "nam", Grants: []directory.Grant{{Office: o, Role: directory.Signatory, Fields: []string{"land"}, Valid: directory.Period{To: "2026-12-31"}}}}
	chief := directory.Account{ID: "chief", Grants: []directory.Grant{{Office: o, Role: directory.Signatory}}}
	accept := directory.Work{Field: "civil", Procedure: "1.004873", Kind: directory.StepAccept}
	decide := directory.Work{Field: "land", Procedure: "1.005092", Step: "decide", Kind: directory.StepDecide}
	verify := directory.Work{Field: "civil", Procedure: "1.004873", Step: "verify", Kind: directory.StepCheck}
	for _, v := range []struct {
		a    directory.Account
		o    directory.OfficeCode
		r    directory.Role
		w    directory.Work
		on   directory.Date
		want bool
	}{
		{hoa, o, directory.DeskOfficer, accept, "2026-11-24", true},
		{hoa, "H32.2", directory.DeskOfficer, accept, "2026-11-24", false},
		{hoa, o, directory.DeskOfficer, directory.Work{Field: "land", Kind: directory.StepAccept}, "2026-11-24", false},
		{hoa, o, directory.DeskOfficer, directory.Work{Field: "civil", Kind: directory.StepReturn}, "2026-11-24", false},
		{hoa, o, directory.Specialist, verify, "2026-11-24", true},
		{hoa, o, directory.Specialist, decide, "2026-11-24", false},
		{hoa, o, directory.Signatory, decide, "2026-11-24", false},
		{nam, o, directory.Signatory, decide, "2026-12-31", true},
		{nam, o, directory.Signatory, decide, "2027-01-01", false},
		{nam, o, directory.Signatory, directory.Work{}, "2026-12-31", false}, // work that nobody has named
		{chief, o, directory.Signatory, directory.Work{}, "2026-12-31", true},
	} {
		if _, got := v.a.May(v.o, v.r, v.w, v.on); got != v.want {
			t.Errorf("%v as %s in %s on %s, %+v: %v", v.a, v.r, v.o, v.on, v.w, got)
		}
	}
	closed := chief
	closed.Disabled = true
	if _, ok := closed.May(o, directory.Signatory, decide, "2026-12-31"); ok || closed.Has(o, directory.Signatory, "2026-12-31") {
		t.Error("a disabled account may")
	}
	if !hoa.Has(o, directory.DeskOfficer, "2026-11-24") {
		t.Error("a limited role is no role")
	}
}

// TestAPartAllowsNoMoreThanTheWhole: whatever a grant within another allows, the other does.
func TestAPartAllowsNoMoreThanTheWhole(t *testing.T) {
	some := func(rt *rapid.T, of ...string) (out []string) {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, 2, rapid.ID[string]).Draw(rt, "some")
	}
	day := func(rt *rapid.T) directory.Date {
		return rapid.SampledFrom([]directory.Date{"", "2026-11-01", "2026-11-15", "2026-12-01"}).Draw(rt, "day")
	}
	any := func(rt *rapid.T) directory.Grant {
		return directory.Grant{
			Office: "H32.1", Role: directory.Signatory, Fields: some(rt, "civil", "land"), Steps: some(rt, "check", "decide", "1.004873/a"),
			Valid: directory.Period{From: day(rt), To: day(rt)},
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		part, whole := any(rt), any(rt)
		w := directory.Work{
			Field: rapid.SampledFrom([]string{"", "civil", "land", "tax"}).Draw(rt, "field"), Procedure: "1.004873",
			Step: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "step"),
			Kind: rapid.SampledFrom([]directory.StepKind{directory.StepCheck, directory.StepDecide, directory.StepReturn}).Draw(rt, "kind"),
		}
		for _, on := range []directory.Date{"2026-10-01", "2026-11-01", "2026-11-10", "2026-11-20", "2026-12-05"} {
			if part.Within(whole) && part.Allows(w, on) && !whole.Allows(w, on) {
				rt.Fatalf("%+v is within %+v and allows %+v on %s", part, whole, w, on)
			}
		}
		d := directory.Delegation{Grant: part}
		if cut, ok := d.Clip([]directory.Grant{whole}); ok && part.Valid.From != "" && part.Valid.To != "" {
			for _, on := range []directory.Date{"2026-10-01", "2026-11-01", "2026-11-10", "2026-11-20", "2026-12-05"} {
				if cut.Grant.Allows(w, on) && !(part.Allows(w, on) && whole.Allows(w, on)) {
					rt.Fatalf("%+v cut to %+v allows %+v on %s", part, whole, w, on)
				}
			}
		}
	})
}

func TestWhatPeopleTypeIsFolded(t *testing.T) {
	for typed, want := range map[string]string{
		"0905 123 456": "0905123456", "+84 905.123.456": "0905123456", "84905123456": "0905123456", "0084-905-123-456": "0905123456",
		"+84 (0)905 123 456": "0905123456", "0258.3822.123": "02583822123",
	} {
		if got := directory.NormalPhone(typed); got != want || !directory.ValidPhone(got) {
			t.Errorf("%q is folded to %q, want %q", typed, got, want)
		}
	}
	for mail, want := range map[string]bool{
		" An.Nguyen@Example.VN ": true, "an+1@cchc.khanhhoa.gov.vn": true, "an@example": false, "an@@example.vn": false, "an nguyen@example.vn": false,
		"an@example.vn\r\nbcc: x@y.vn": false, "@example.vn": false, "an@-example.vn": false, strings.Repeat("a", 65) + "@example.vn": false,
	} {
		if got := directory.ValidEmail(directory.NormalEmail(mail)); got != want {
			t.Errorf("%q: %v, want %v", mail, got, want)
		}
	}
	if got := directory.NormalIdentity(" 056 090 000.001 "); got != "056090000001" {
		t.Errorf("identity number %q", got)
	}
}

func TestCodesSurviveBeingTyped(t *testing.T) {
	code := directory.OneTimeCode([10]byte{0, 1, 2, 3, 4, 5, 0xff, 0xfe, 0x10, 0x84})
	if len(code) != 19 || directory.ResetHash(code) != directory.ResetHash(" "+strings.ToLower(strings.ReplaceAll(code, "-", " "))) {
		t.Errorf("code %s is not what is typed", code)
	}
	if directory.ResetHash("O0I1-L") != directory.ResetHash("00111") {
		t.Error("letters that look like digits are told apart")
	}
	if directory.RecoveryHash("a", code) == directory.RecoveryHash("b", code) {
		t.Error("two accounts have one recovery code")
	}
}

func TestOfAnAccountNothingSecretIsShown(t *testing.T) {
	a := directory.Account{
		ID: "a", Verifier: "v", Factors: []directory.Factor{{ID: "f", Kind: directory.TOTP, Label: "l", Added: 1, Secret: []byte("secret"), Credential: []byte("c")}},
	}
	a.Recovery = append(a.Recovery, directory.RecoveryHash("a", "x"))
	b := a.WithoutVerifier()
	if b.Verifier != "" || b.Recovery != nil || b.Factors[0].Secret != nil || b.Factors[0].Credential != nil || !b.SecondFactor() {
		t.Errorf("without verifier: %+v", b.Factors)
	}
	if a.Factors[0].Secret == nil {
		t.Error("the account itself was changed")
	}
}
