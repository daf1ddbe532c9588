package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"motcua/directory"
	"motcua/directory/server"
	"motcua/node/session"
)

// line runs a command on the accounts of a running directory server.
func line(t *testing.T, dir string, want int, words ...string) (out, errs string) {
	t.Helper()
	code, out, errs := typed(t, append(append([]string{"account"}, words...), "--data", dir)...)
	if code != want {
		t.Fatalf("motcua account %s: exit %d, want %d: %s%s", strings.Join(words, " "), code, want, out, errs)
	}
	return out, errs
}

func shown(t *testing.T, dir, who string) (a directory.Account) {
	t.Helper()
	out, _ := line(t, dir, 0, "show", "--json", who)
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestProvinceITKeepsAccounts makes each kind of change by the commands alone.
func TestProvinceITKeepsAccounts(t *testing.T) {
	dir, _ := startDirectory(t)
	field := someField(t, dir)
	const office = "H32.22693"
	first, _ := line(t, dir, 0, "add", "--office", office, "--role", "desk", "--fields", field, "--name", "Nguyễn Thị Hoa", "Hoa.DienAn")
	line(t, dir, 0, "add", "--office", office, "--role", "signatory,admin", "--name", "Trần Văn Nam", "nam.dienan")
	hoa := shown(t, dir, "hoa.dienan")
	if !hoa.MustChange || hoa.Grants[0].Fields[0] != field || len(strings.Fields(first)[0]) < session.MinPassword {
		t.Errorf("made: %+v, %q", hoa.Grants, first)
	}
	_, errs := line(t, dir, 1, "add", "--office", office, "--role", "desk", "--name", "Hoa", "hoa.dienan")
	if !strings.Contains(errs, "taken") {
		t.Errorf("a taken login: %s", errs)
	}
	line(t, dir, 1, "grant", "--office", office, "--role", "specialist", "--fields", "no-such-field", "hoa.dienan")
	line(t, dir, 2, "grant", "--office", office, "--role", "king", "hoa.dienan")
	line(t, dir, 2, "grant", "--office", office, "--role", "specialist", "--steps", "approve", "hoa.dienan")
	line(t, dir, 0, "grant", "--office", office, "--role", "specialist", "--steps", "check", "--reason", "QĐ 8", "hoa.dienan")
	line(t, dir, 1, "ungrant", "--office", office, "--role", "signatory", "hoa.dienan")
	line(t, dir, 0, "ungrant", "--office", office, "--role", "specialist", "hoa.dienan")

	today := directory.DateOf(time.Now())
	delegate := []string{"delegate", "--office", office, "--role", "signatory", "--from", string(today), "--to", string(today), "--decision", "QĐ 12/QĐ-UBND"}
	line(t, dir, 1, append(delegate, "hoa.dienan", "nam.dienan")...) // who has no such role
	line(t, dir, 0, append(delegate, "nam.dienan", "hoa.dienan")...)
	hoa = shown(t, dir, "hoa.dienan")
	if by, ok := hoa.May(office, directory.Signatory, directory.Work{Field: field}, today); !ok || by.Delegation == nil {
		t.Errorf("delegated: %+v", hoa.Acting)
	}
	line(t, dir, 0, "undelegate", "--reason", "đã về", "nam.dienan", hoa.Acting[0].ID)

	line(t, dir, 0, "edit", "--phone", "+84 905 123 456", "hoa.dienan")
	line(t, dir, 2, "edit", "hoa.dienan")
	line(t, dir, 0, "rename", "hoa.dienan", "hoa.nguyen")
	line(t, dir, 1, "rename", "nam.dienan", "hoa.dienan") // within the year
	line(t, dir, 2, "disable", "hoa.nguyen")
	line(t, dir, 0, "disable", "--reason", "nghỉ thai sản", "hoa.nguyen")
	if out, _ := line(t, dir, 0, "list", "--office", office); !strings.Contains(out, "disabled") || strings.Count(out, "\n") != 2 {
		t.Errorf("list:\n%s", out)
	}
	line(t, dir, 1, "reset", "hoa.nguyen")
	line(t, dir, 0, "enable", "--reason", "đã về", "hoa.nguyen")
	if out, _ := line(t, dir, 0, "reset", "--hours", "4", "hoa.nguyen"); len(strings.TrimSpace(out)) != 19 {
		t.Errorf("reset code %q", out)
	}
	if got := shown(t, dir, "hoa.nguyen"); got.Phone != "0905123456" {
		t.Errorf("telephone number %q", got.Phone)
	}
	out, _ := line(t, dir, 0, "history", "hoa.nguyen")
	for _, act := range []string{"made", "granted", "ungranted", "delegated", "delegation_ended", "edited", "renamed", "disabled", "enabled", "reset_issued"} {
		if !strings.Contains(out, act) {
			t.Errorf("history without %s:\n%s", act, out)
		}
	}
	if strings.Contains(out, "0905123456") || strings.Contains(out, "argon2") {
		t.Errorf("history shows particulars or secrets:\n%s", out)
	}
}

// someField is the id of a field of work that is published.
// TestResetCodesAreListed: as people read them, the accounts by their logins.
func TestResetCodesAreListed(t *testing.T) {
	var out, errs strings.Builder
	all := make([]directory.DeskReset, directory.MaxHistory)
	all[0] = directory.DeskReset{At: 1795500000000, Office: "H32.22693", Account: "a1", By: "b1"}
	named := logins(func(id directory.AccountID) string { return "login of " + string(id) })
	if err := printResets(stdio{out: &out, err: &errs}, all, named); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(out.String(), "\n"); !strings.Contains(first, "H32.22693") || !strings.Contains(first, "login of a1") || !strings.Contains(first, "by login of b1") {
		t.Errorf("line %q", first)
	}
	if !strings.Contains(errs.String(), "newest 1000") {
		t.Errorf("nothing says that there may be more: %q", errs.String())
	}
}

func someField(t *testing.T, dir string) string {
	t.Helper()
	var c server.Catalogue
	if err := ask(t, dir).Get(t.Context(), "/catalogue", &c); err != nil || len(c.Fields) == 0 {
		t.Fatal(err)
	}
	return c.Fields[0].ID
}

func TestFactorsAndMergesByProvinceIT(t *testing.T) {
	dir, _ := startDirectory(t)
	citizen := func(login, identity string) directory.AccountID {
		v := "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
		a := directory.Account{ID: directory.AccountID("id-" + login), Login: login, Kind: directory.Citizen, Name: "An", Identity: identity}
		if err := ask(t, dir).Post(t.Context(), "/account", server.AccountRequest{Account: a, Verifier: v}, nil); err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	citizen("an.nguyen", "056090000001")
	goes := citizen("an.nguyen2", "")
	line(t, dir, 2, "merge", "an.nguyen", "an.nguyen2")
	line(t, dir, 0, "merge", "--reason", "đăng ký hai lần", "056090000001", "an.nguyen2")
	if got := shown(t, dir, "an.nguyen"); !got.Is(goes) {
		t.Errorf("merged: %v", got.Former)
	}
	if out, _ := line(t, dir, 0, "show", string(goes)); !strings.Contains(out, "merged into") {
		t.Errorf("the one that went:\n%s", out)
	}
	line(t, dir, 0, "list", "--twins")
	line(t, dir, 0, "list", "--resets", "--office", "H32.22693", "--since", "2026-11-01")
	line(t, dir, 2, "list", "--resets", "--since", "1/11/2026")
	line(t, dir, 2, "list", "--resets", "--twins")
	line(t, dir, 2, "list", "--office", "H32.22693", "--since", "2026-11-01")
	if out, _ := line(t, dir, 0, "factor", "policy"); !strings.Contains(out, "signatory from") {
		t.Errorf("the default policy: %s", out)
	}
	line(t, dir, 2, "factor", "policy", "--set", "king=2027-01-01")
	if out, _ := line(t, dir, 0, "factor", "policy", "--set", "desk=2027-01-01"); out != "desk from 2027-01-01\n" {
		t.Errorf("policy: %q", out)
	}
	if out, _ := line(t, dir, 0, "factor", "policy", "--set", "none"); !strings.Contains(out, "Nobody") {
		t.Errorf("no policy: %q", out)
	}
	line(t, dir, 0, "factor", "list", "an.nguyen")
	if _, errs := line(t, dir, 1, "factor", "remove", "an.nguyen", "x"); !strings.Contains(errs, "staff") && !strings.Contains(errs, "no such factor") {
		t.Errorf("no factor: %s", errs)
	}
}
